namespace Collapse.Theory;

/// <summary>
/// The law of the generation in which the last of many independent contexts collapses:
/// P(last collapse &lt;= m) = prod_j rho_m(n_j, p_j).
/// </summary>
public sealed class LastCollapseLaw
{
    /// <summary>A sum of survival probabilities below this changes no probability.</summary>
    private const double Negligible = 1e-20;

    private readonly double[] _after;

    private LastCollapseLaw(double[] after) => _after = after;

    /// <summary>E[generation of the last collapse].</summary>
    public double Expectation => _after.Sum();

    /// <summary>P(last collapse &lt;= m).</summary>
    /// <param name="generation">m: 0 or more.</param>
    /// <exception cref="ArgumentException"><paramref name="generation"/> is out of range.</exception>
    public double Probability(int generation)
    {
        Require.AtLeast("generation", generation, 0, "count generations from 1");
        return generation < _after.Length ? 1 - _after[generation] : 1;
    }

    /// <summary>The smallest m with P(last collapse &lt;= m) of at least <paramref name="probability"/>.</summary>
    /// <param name="probability">Above 0 and below 1. Of tails below 1e-20 nothing is known.</param>
    /// <exception cref="ArgumentException"><paramref name="probability"/> is out of range.</exception>
    public int Quantile(double probability)
    {
        Require.Open("probability", probability, 0, 1, "ask for a quantile such as 0.5");
        var reached = Array.FindIndex(_after, tail => tail <= 1 - probability);
        return reached < 0 ? _after.Length : reached;
    }

    /// <summary>The same law some generations later.</summary>
    internal LastCollapseLaw Delayed(int generations) => new([.. Enumerable.Repeat(1.0, generations), .. _after]);

    internal static double LogCollapsed(double survival, long count) =>
        count * SpecialLogs.Log1P(-Math.Min(1, survival));

    /// <summary>
    /// The law for contexts given by n and, for each kind of context, P(a tokens are not all equal), a = 0..n, with the
    /// number of such contexts. Chains are walked on all cores, and added in the order given.
    /// </summary>
    internal static LastCollapseLaw Of(IEnumerable<(int Samples, (double[] Survival, long Count)[] Kinds)> parts)
    {
        var logs = new List<double> { double.NegativeInfinity };
        foreach (var part in parts.AsParallel().AsOrdered().Select(p => LogsOf(p.Samples, p.Kinds)))
        {
            while (logs.Count < part.Count)
            {
                logs.Add(0);
            }

            for (var m = 1; m < part.Count; m++)
            {
                logs[m] += part[m];
            }
        }

        return new LastCollapseLaw([.. logs.Select(log => -SpecialLogs.ExpM1(log))]);
    }

    /// <summary>ln P(all have collapsed by m), from m = 1 (entry 0 is not used) until it is without weight.</summary>
    private static List<double> LogsOf(int samples, (double[] Survival, long Count)[] kinds)
    {
        var logs = new List<double> { 0 };
        var walk = new AncestralChain(samples).Walk(samples);
        for (var alive = double.PositiveInfinity; alive > Negligible; walk.Advance())
        {
            alive = 0;
            double log = 0;
            foreach (var (survival, count) in kinds)
            {
                var notCollapsed = walk.Expectation(survival);
                alive += count * notCollapsed;
                log += LogCollapsed(notCollapsed, count);
            }

            logs.Add(log);
        }

        return logs;
    }
}
