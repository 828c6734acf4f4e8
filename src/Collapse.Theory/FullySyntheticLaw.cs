namespace Collapse.Theory;

/// <summary>
/// Exact laws of one context when every generation is trained on n tokens drawn from the one before: generation 1 on
/// n tokens of the true law p. Averages over the <see cref="AncestralChain"/>: the ancestors' tokens are A_m
/// independent draws from p (docs/theory.md, "Fully synthetic").
/// </summary>
/// <remarks>Safe to use from several threads at once.</remarks>
public sealed class FullySyntheticLaw
{
    private readonly TokenLaw _law;
    private readonly Lazy<double[]> _notCollapsed;
    private readonly Lazy<double[]> _collapsed;
    private readonly Lazy<double[]> _covered;
    private readonly Lazy<(double Sum, double Weighted)> _sums;

    /// <summary>Prepares the laws.</summary>
    /// <param name="probabilities">p: one probability per token, each 0 to 1, sum 1 within 1e-9.</param>
    /// <param name="samples">n, tokens per generation: 1 to <see cref="Limits.ChainSamples"/>.</param>
    /// <exception cref="ArgumentNullException"><paramref name="probabilities"/> is null.</exception>
    /// <exception cref="ArgumentException">A parameter is out of range.</exception>
    public FullySyntheticLaw(IReadOnlyList<double> probabilities, int samples)
        : this(TokenLaw.From(probabilities), new AncestralChain(samples)) { }

    /// <summary>Prepares the laws of a context that shares the chain of other contexts with the same n.</summary>
    /// <param name="probabilities">p: one probability per token, each 0 to 1, sum 1 within 1e-9.</param>
    /// <param name="chain">The ancestral chain of n tokens per generation.</param>
    /// <exception cref="ArgumentNullException">A parameter is null.</exception>
    /// <exception cref="ArgumentException"><paramref name="probabilities"/> is out of range.</exception>
    public FullySyntheticLaw(IReadOnlyList<double> probabilities, AncestralChain chain)
        : this(TokenLaw.From(probabilities), chain) { }

    internal FullySyntheticLaw(TokenLaw law, AncestralChain chain)
    {
        ArgumentNullException.ThrowIfNull(chain);
        _law = law;
        Chain = chain;
        _notCollapsed = new(() => _law.NotAllEqual(Samples));
        _collapsed = new(() => _law.AllEqual(Samples));
        _covered = new(() => Coverage.Probabilities(_law, Samples));
        _sums = new(() => Chain.ExpectedSums(_notCollapsed.Value));
    }

    /// <summary>The chain of ancestors behind the laws.</summary>
    public AncestralChain Chain { get; }

    /// <summary>n, tokens per generation.</summary>
    public int Samples => Chain.Samples;

    /// <summary>Number of tokens of positive probability.</summary>
    public int Support => _law.Support;

    /// <summary>E[T], where T is the first generation with one token left: 1 + sum over m of (1 - rho_m).</summary>
    public double ExpectedCollapseTime => 1 + _sums.Value.Sum;

    /// <summary>Var T.</summary>
    public double CollapseTimeVariance
    {
        get
        {
            // E[(T - 1)^2] = 2 sum m P(T > m) - sum P(T > m), all over m >= 1.
            var (sum, weighted) = _sums.Value;
            return Math.Max(0, 2 * weighted - sum - sum * sum);
        }
    }

    /// <summary>Standard deviation of T.</summary>
    public double CollapseTimeStandardDeviation => Math.Sqrt(CollapseTimeVariance);

    /// <summary>P(T &gt; m) for m = 0..generations; keeps its digits where rho_m is near 1.</summary>
    /// <param name="generations">Last m: 0 to <see cref="Limits.Generations"/>.</param>
    /// <returns>Array indexed by m; entry 0 is 1.</returns>
    /// <exception cref="ArgumentException"><paramref name="generations"/> is out of range.</exception>
    public double[] SurvivalProbabilities(int generations)
    {
        var result = Series(generations, walk => walk.Expectation(_notCollapsed.Value));
        result[0] = 1;
        return result;
    }

    /// <summary>rho_m = P(T &lt;= m) for m = 0..generations.</summary>
    /// <param name="generations">Last m: 0 to <see cref="Limits.Generations"/>.</param>
    /// <returns>Array indexed by m; entry 0 is 0, as generation 1 is the first model.</returns>
    /// <exception cref="ArgumentException"><paramref name="generations"/> is out of range.</exception>
    public double[] CollapseProbabilities(int generations) => Series(generations, CollapsedAt);

    /// <summary>The law's quantile: the smallest m with P(T &lt;= m) of at least <paramref name="probability"/>.</summary>
    /// <param name="probability">Above 0 and below 1. Of tails below 1e-20 nothing is known.</param>
    /// <exception cref="ArgumentException"><paramref name="probability"/> is out of range.</exception>
    public int CollapseTimeQuantile(double probability)
    {
        Require.Open("probability", probability, 0, 1, "ask for a quantile such as 0.5");
        var walk = Chain.Walk(Samples);
        while (walk.Expectation(_notCollapsed.Value) > 1 - probability)
        {
            walk.Advance();
        }

        return walk.Generation;
    }

    /// <summary>P(token i has no probability left in generation m) = E[(1 - p_i)^(A_m)], for each token i.</summary>
    /// <param name="generation">m: 1 to <see cref="Limits.Generations"/>.</param>
    /// <returns>Array indexed by token; 1 for a token of probability 0.</returns>
    /// <exception cref="ArgumentException"><paramref name="generation"/> is out of range.</exception>
    public double[] TokenLossProbabilities(int generation)
    {
        var walk = WalkTo(generation);
        var lost = new Dictionary<double, double> { [0] = 1 };
        for (var g = 0; g < _law.Values.Length; g++)
        {
            lost[_law.Values[g]] = walk.SmoothExpectation(a => _law.Missing(g, a));
        }

        return Array.ConvertAll(_law.Probabilities, p => lost[p]);
    }

    /// <summary>E[number of tokens of positive probability] for m = 0..generations.</summary>
    /// <param name="generations">Last m: 0 to <see cref="Limits.Generations"/>. One generation costs about 50 to 100 times the number of distinct probabilities.</param>
    /// <returns>Array indexed by m; entry 0 is the support of p.</returns>
    /// <exception cref="ArgumentException"><paramref name="generations"/> is out of range.</exception>
    public double[] ExpectedSupport(int generations)
    {
        var result = Series(generations, walk => walk.SmoothExpectation(_law.ExpectedDistinct));
        result[0] = Support;
        return result;
    }

    /// <summary>The first m at which the expected support is at most a fraction of the support of p.</summary>
    /// <param name="fraction">Above 0 and at most 1, for instance 0.5.</param>
    /// <returns>m, from 1; null where the expected support never falls that far, as it stays at least 1.</returns>
    /// <exception cref="ArgumentException"><paramref name="fraction"/> is out of range.</exception>
    public int? GenerationsUntilSupport(double fraction)
    {
        Require.Closed("fraction", fraction, double.Epsilon, 1, "ask for a fraction of the support such as 0.5");
        var target = fraction * Support;
        if (target < 1 || (target == 1 && Support > 1))
        {
            return null;
        }

        var walk = Chain.Walk(Samples);
        while (walk.SmoothExpectation(_law.ExpectedDistinct) > target)
        {
            walk.Advance();
        }

        return walk.Generation;
    }

    /// <summary>
    /// E[sum_i (p_i^(m))^j]: the probability that j draws from generation m agree. At j = 2 this is S_m, which the
    /// closed form (6) gives as well.
    /// </summary>
    /// <param name="order">j: 1 to n.</param>
    /// <param name="generation">m: 1 to <see cref="Limits.Generations"/>.</param>
    /// <exception cref="ArgumentException">A parameter is out of range.</exception>
    public double ExpectedPowerSum(int order, int generation)
    {
        Require.InRange("order", order, 1, Samples, "ask for a moment of at most samples draws");
        Require.InRange("generation", generation, 1, Limits.Generations, "count generations from 1");
        // The j draws are a generation m + 1 of j tokens: A_1 = j, and their ancestors in generation 1 are A_(m+1).
        var walk = Chain.Walk(order);
        while (walk.Generation <= generation)
        {
            walk.Advance();
        }

        return CollapsedAt(walk);
    }

    /// <summary>Whether the exact law of the first extinction takes at most a fifth of <see cref="Limits.DefaultWork"/> steps, which are slower here.</summary>
    public bool FirstExtinctionIsExact => Coverage.Work(_law, Samples) <= Limits.DefaultWork / 5;

    /// <summary>
    /// E[F], where F is the first generation in which some token of the support of p has no probability left:
    /// P(F &gt; m) is the probability that A_m draws from p hit the whole support.
    /// </summary>
    /// <returns>E[F]; infinite for a support of one token; null where <see cref="FirstExtinctionIsExact"/> is false.</returns>
    public double? ExpectedFirstExtinctionTime()
    {
        if (Support == 1)
        {
            return double.PositiveInfinity;
        }

        return FirstExtinctionIsExact ? 1 + Chain.ExpectedSums(_covered.Value).Sum : null;
    }

    /// <summary>P(F &lt;= m), m = 0..generations, for the first extinction F of a token of the support of p.</summary>
    /// <param name="generations">Last m: 0 to <see cref="Limits.Generations"/>.</param>
    /// <returns>Array indexed by m, entry 0 is 0; null where <see cref="FirstExtinctionIsExact"/> is false.</returns>
    /// <exception cref="ArgumentException"><paramref name="generations"/> is out of range.</exception>
    public double[]? FirstExtinctionProbabilities(int generations)
    {
        Require.InRange("generations", generations, 0, Limits.Generations, "ask for fewer generations");
        if (!FirstExtinctionIsExact)
        {
            return null;
        }

        return Series(generations, walk => 1 - walk.Expectation(_covered.Value));
    }

    /// <summary>
    /// Bounds on P(F &lt;= m) for the first extinction F, cheap where the exact law is not: below, the average over A_m
    /// of 1 - prod_i (1 - (1 - p_i)^(A_m)), as multinomial occupancies are negatively associated; above, the sum of
    /// all tokens' loss probabilities.
    /// </summary>
    /// <param name="generation">m: 1 to <see cref="Limits.Generations"/>.</param>
    /// <returns>Lower and upper bound on P(F &lt;= m).</returns>
    /// <exception cref="ArgumentException"><paramref name="generation"/> is out of range.</exception>
    public (Bound Lower, Bound Upper) FirstExtinctionBounds(int generation)
    {
        var walk = WalkTo(generation);
        // Given A_m = a the occupancies are multinomial, so P(all hit | a) <= prod_i (1 - (1 - p_i)^a).
        var lower = walk.SmoothExpectation(a =>
        {
            double log = 0;
            for (var g = 0; g < _law.Values.Length; g++)
            {
                log += _law.Multiplicities[g] * SpecialLogs.Log1P(-_law.Missing(g, a));
            }

            return -SpecialLogs.ExpM1(log);
        });
        var upper = Support - walk.SmoothExpectation(_law.ExpectedDistinct);
        return (Bound.LowerProbability(lower), Bound.UpperProbability(upper));
    }

    internal AncestorWalk WalkTo(int generation)
    {
        Require.InRange("generation", generation, 1, Limits.Generations, "count generations from 1");
        var walk = Chain.Walk(Samples);
        while (walk.Generation < generation)
        {
            walk.Advance();
        }

        return walk;
    }

    /// <summary>rho_m of the walk's generation: the smaller of it and 1 - rho_m is summed, so that both keep their digits.</summary>
    internal double CollapsedAt(AncestorWalk walk)
    {
        var collapsed = walk.Expectation(_collapsed.Value);
        return collapsed < 0.5 ? collapsed : 1 - walk.Expectation(_notCollapsed.Value);
    }

    private double[] Series(int generations, Func<AncestorWalk, double> value)
    {
        Require.InRange("generations", generations, 0, Limits.Generations, "ask for fewer generations");
        var result = new double[generations + 1];
        if (generations == 0)
        {
            return result;
        }

        var walk = Chain.Walk(Samples);
        while (true)
        {
            result[walk.Generation] = value(walk);
            if (walk.Generation == generations)
            {
                return result;
            }

            walk.Advance();
        }
    }
}
