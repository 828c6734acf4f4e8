namespace Collapse.Theory;

/// <summary>Contexts that are alike.</summary>
/// <param name="Probabilities">p_j: one probability per token, each 0 to 1, sum 1 within 1e-9.</param>
/// <param name="Samples">n_j, tokens per generation: 1 to <see cref="Limits.ChainSamples"/>.</param>
/// <param name="Count">How many contexts: 1 or more.</param>
public sealed record ContextGroup(IReadOnlyList<double> Probabilities, int Samples, long Count = 1);

/// <summary>
/// Laws over many contexts in the fully synthetic scenario. Given their n_j the contexts are independent, so
/// P(all collapsed by m) = prod_j rho_m(n_j, p_j).
/// </summary>
public sealed class ManyContexts
{
    private readonly (int Samples, (TokenLaw Law, long Count)[] Groups)[] _parts;

    /// <summary>Prepares the laws.</summary>
    /// <param name="groups">The contexts, alike ones together: one group or more.</param>
    /// <exception cref="ArgumentNullException"><paramref name="groups"/>, or a group's probabilities, is null.</exception>
    /// <exception cref="ArgumentException">A group is out of range.</exception>
    public ManyContexts(IReadOnlyList<ContextGroup> groups)
    {
        ArgumentNullException.ThrowIfNull(groups);
        Require.AtLeast("groups", groups.Count, 1, "give at least one context");
        foreach (var group in groups)
        {
            Require.AtLeast("count", group.Count, 1, "leave out groups without contexts");
            Require.InRange("samples", group.Samples, 1, Limits.ChainSamples, "use the bounds for more samples");
            Require.Probabilities(group.Probabilities);
        }

        _parts =
        [
            .. groups
                .GroupBy(g => g.Samples)
                .OrderBy(g => g.Key)
                .Select(g => (g.Key, g.Select(c => (TokenLaw.From(c.Probabilities), c.Count)).ToArray())),
        ];
        Contexts = groups.Sum(g => g.Count);
    }

    /// <summary>c, number of contexts.</summary>
    public long Contexts { get; }

    /// <summary>E[number of contexts collapsed by m] = sum_j rho_m(n_j, p_j) for m = 0..generations.</summary>
    /// <param name="generations">Last m: 0 to <see cref="Limits.Generations"/>.</param>
    /// <returns>Array indexed by m; entry 0 is 0.</returns>
    /// <exception cref="ArgumentException"><paramref name="generations"/> is out of range.</exception>
    public double[] ExpectedCollapsed(int generations)
    {
        var alive = Series(generations, (survival, count) => count * survival);
        return [0, .. alive.Skip(1).Select(a => Contexts - a)];
    }

    /// <summary>P(every context has collapsed by m) = P(last collapse &lt;= m) for m = 0..generations.</summary>
    /// <param name="generations">Last m: 0 to <see cref="Limits.Generations"/>.</param>
    /// <returns>Array indexed by m; entry 0 is 0.</returns>
    /// <exception cref="ArgumentException"><paramref name="generations"/> is out of range.</exception>
    public double[] AllCollapsedProbabilities(int generations)
    {
        var logs = Series(generations, LastCollapseLaw.LogCollapsed);
        return [0, .. logs.Skip(1).Select(Math.Exp)];
    }

    /// <summary>P(some context has collapsed by m) = P(first collapse &lt;= m) for m = 0..generations.</summary>
    /// <param name="generations">Last m: 0 to <see cref="Limits.Generations"/>.</param>
    /// <returns>Array indexed by m; entry 0 is 0.</returns>
    /// <exception cref="ArgumentException"><paramref name="generations"/> is out of range.</exception>
    public double[] AnyCollapsedProbabilities(int generations)
    {
        var logs = Series(generations, (survival, count) => count * Math.Log(survival));
        return [0, .. logs.Skip(1).Select(log => -SpecialLogs.ExpM1(log))];
    }

    /// <summary>The law of the generation of the last collapse.</summary>
    public LastCollapseLaw LastCollapse() =>
        LastCollapseLaw.Of(
            _parts.Select(part =>
                (part.Samples, Array.ConvertAll(part.Groups, g => (Survival: g.Law.NotAllEqual(part.Samples), g.Count)))
            )
        );

    /// <summary>E[generation of the last collapse].</summary>
    public double ExpectedLastCollapse() => LastCollapse().Expectation;

    /// <summary>The smallest m with P(last collapse &lt;= m) of at least <paramref name="probability"/>.</summary>
    /// <param name="probability">Above 0 and below 1.</param>
    /// <exception cref="ArgumentException"><paramref name="probability"/> is out of range.</exception>
    public int LastCollapseQuantile(double probability)
    {
        Require.Open("probability", probability, 0, 1, "ask for a quantile such as 0.5");
        return LastCollapse().Quantile(probability);
    }

    /// <summary>
    /// Bounds on P(every context has collapsed by m) from the paper's (7) alone: 1 minus the sum of 1 minus each lower
    /// bound (Boole), and the product of the upper bounds.
    /// </summary>
    /// <param name="generation">m: 1 or more.</param>
    /// <exception cref="ArgumentException"><paramref name="generation"/> is out of range.</exception>
    public (Bound Lower, Bound Upper) AllCollapsedBounds(int generation)
    {
        Require.AtLeast("generation", generation, 1, "count generations from 1");
        double missing = 0;
        double log = 0;
        foreach (var (samples, groups) in _parts)
        {
            foreach (var (law, count) in groups)
            {
                var (lower, upper) = CollapseTimeBounds.CollapseProbability(law, samples, generation);
                missing += count * (1 - lower.Value);
                log += upper.Value > 0 ? count * Math.Log(upper.Value) : double.NegativeInfinity;
            }
        }

        return (Bound.LowerProbability(1 - missing), Bound.UpperProbability(Math.Exp(log)));
    }

    /// <summary>
    /// A bound on the mean of the largest deviation over all contexts, E max_j ||p_j^(m) - p_j^(1)||_1 &lt;=
    /// sqrt(sum_j B_j^2), where B_j bounds the root mean square by Minkowski's inequality (docs/theory.md).
    /// </summary>
    /// <param name="contexts">One law per context.</param>
    /// <param name="generation">m: 1 or more; null for the supremum over m.</param>
    /// <exception cref="ArgumentNullException"><paramref name="contexts"/> is null.</exception>
    /// <exception cref="ArgumentException"><paramref name="generation"/> is out of range.</exception>
    public static Bound ExpectedLargestDeviation(IEnumerable<DeviationLaw> contexts, int? generation) =>
        Bound.Deviation(Math.Sqrt(SumOfMeanSquares(contexts, generation)));

    /// <summary>A bound on P(some context deviates by at least t in generation m): sum_j B_j^2/t^2 (Chebyshev, Boole).</summary>
    /// <param name="contexts">One law per context.</param>
    /// <param name="tolerance">t: above 0.</param>
    /// <param name="generation">m: 1 or more; null for the supremum over m.</param>
    /// <exception cref="ArgumentNullException"><paramref name="contexts"/> is null.</exception>
    /// <exception cref="ArgumentException">A parameter is out of range.</exception>
    public static Bound DeviationProbability(IEnumerable<DeviationLaw> contexts, double tolerance, int? generation)
    {
        DeviationBounds.CheckTolerance(tolerance);
        return Bound.UpperProbability(SumOfMeanSquares(contexts, generation) / tolerance / tolerance);
    }

    private static double SumOfMeanSquares(IEnumerable<DeviationLaw> contexts, int? generation)
    {
        ArgumentNullException.ThrowIfNull(contexts);
        Require.AtLeast("generation", generation ?? 1, 1, "count generations from 1, or ask for all");
        return contexts.Sum(c => c.MeanSquareBound(generation));
    }

    /// <summary>Sum over contexts of a term of P(T > m) and the number of alike contexts, for m = 0..generations; entry 0 is 0.</summary>
    private double[] Series(int generations, Func<double, long, double> term)
    {
        Require.InRange("generations", generations, 0, Limits.Generations, "ask for fewer generations");
        var result = new double[generations + 1];
        foreach (var (samples, groups) in _parts)
        {
            var walk = new AncestralChain(samples).Walk(samples);
            var tables = Array.ConvertAll(groups, g => (Survival: g.Law.NotAllEqual(samples), g.Count));
            for (; walk.Generation <= generations; walk.Advance())
            {
                foreach (var (table, count) in tables)
                {
                    result[walk.Generation] += term(walk.Expectation(table), count);
                }
            }
        }

        return result;
    }
}
