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
    private readonly (AncestralChain Chain, (double[] NotCollapsed, TokenLaw Law, long Count)[] Groups)[] _parts;

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
                .Select(g =>
                    (
                        new AncestralChain(g.Key),
                        g.Select(c =>
                            {
                                var law = TokenLaw.From(c.Probabilities);
                                return (law.NotAllEqual(c.Samples), law, c.Count);
                            })
                            .ToArray()
                    )
                ),
        ];
        Contexts = groups.Sum(g => g.Count);
    }

    /// <summary>c, number of contexts.</summary>
    public long Contexts { get; }

    /// <summary>E[number of contexts collapsed by m] = sum_j rho_m(n_j, p_j) for m = 0..generations.</summary>
    /// <param name="generations">Last m: 0 to <see cref="Limits.Generations"/>.</param>
    /// <returns>Array indexed by m; entry 0 is 0.</returns>
    /// <exception cref="ArgumentException"><paramref name="generations"/> is out of range.</exception>
    public double[] ExpectedCollapsed(int generations) => Series(generations, s => Contexts - s.Alive);

    /// <summary>P(every context has collapsed by m) = P(last collapse &lt;= m) for m = 0..generations.</summary>
    /// <param name="generations">Last m: 0 to <see cref="Limits.Generations"/>.</param>
    /// <returns>Array indexed by m; entry 0 is 0.</returns>
    /// <exception cref="ArgumentException"><paramref name="generations"/> is out of range.</exception>
    public double[] AllCollapsedProbabilities(int generations) => Series(generations, s => Math.Exp(s.LogAllCollapsed));

    /// <summary>P(some context has collapsed by m) = P(first collapse &lt;= m) for m = 0..generations.</summary>
    /// <param name="generations">Last m: 0 to <see cref="Limits.Generations"/>.</param>
    /// <returns>Array indexed by m; entry 0 is 0.</returns>
    /// <exception cref="ArgumentException"><paramref name="generations"/> is out of range.</exception>
    public double[] AnyCollapsedProbabilities(int generations) =>
        Series(generations, s => -SpecialLogs.ExpM1(s.LogNoneCollapsed));

    /// <summary>E[generation of the last collapse], summed until what is left is below 1e-13 of it.</summary>
    public double ExpectedLastCollapse()
    {
        double sum = 1;
        double largest = _parts[^1].Chain.Samples;
        foreach (var state in States())
        {
            // Late tails shrink by at least 1 - 1/n per generation.
            var tail = -SpecialLogs.ExpM1(state.LogAllCollapsed);
            sum += tail;
            if (tail * largest <= 1e-13 * sum)
            {
                break;
            }
        }

        return sum;
    }

    /// <summary>The smallest m with P(last collapse &lt;= m) of at least <paramref name="probability"/>.</summary>
    /// <param name="probability">Above 0 and below 1.</param>
    /// <exception cref="ArgumentException"><paramref name="probability"/> is out of range.</exception>
    public int LastCollapseQuantile(double probability)
    {
        Require.Open("probability", probability, 0, 1, "ask for a quantile such as 0.5");
        foreach (var state in States())
        {
            if (-SpecialLogs.ExpM1(state.LogAllCollapsed) <= 1 - probability)
            {
                return state.Generation;
            }
        }

        throw new InvalidOperationException("The laws have no end.");
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
        foreach (var (chain, groups) in _parts)
        {
            foreach (var (_, law, count) in groups)
            {
                var (lower, upper) = CollapseTimeBounds.CollapseProbability(law, chain.Samples, generation);
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

    private readonly record struct State(int Generation, double Alive, double LogAllCollapsed, double LogNoneCollapsed);

    private IEnumerable<State> States()
    {
        var walks = Array.ConvertAll(_parts, p => p.Chain.Walk(p.Chain.Samples));
        for (var generation = 1; ; generation++)
        {
            double alive = 0;
            double all = 0;
            double none = 0;
            for (var i = 0; i < walks.Length; i++)
            {
                foreach (var (notCollapsed, _, count) in _parts[i].Groups)
                {
                    var survival = walks[i].Expectation(notCollapsed);
                    alive += count * survival;
                    all += count * SpecialLogs.Log1P(-Math.Min(1, survival));
                    none += count * Math.Log(survival);
                }

                walks[i].Advance();
            }

            yield return new State(generation, alive, all, none);
        }
    }

    private double[] Series(int generations, Func<State, double> value)
    {
        Require.InRange("generations", generations, 0, Limits.Generations, "ask for fewer generations");
        var result = new double[generations + 1];
        foreach (var state in States().Take(generations))
        {
            result[state.Generation] = value(state);
        }

        return result;
    }
}
