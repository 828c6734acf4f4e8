namespace Collapse.Theory;

/// <summary>E||p^(m) - p^(1)||_1, exact and bounded; null where a value is not known or does not apply.</summary>
/// <param name="Exact">The exact value.</param>
/// <param name="Sharp">The sharp bound.</param>
/// <param name="TwoMoment">The sharp bound improved for rare tokens.</param>
/// <param name="Theorem3">The paper's Theorem 3.</param>
/// <param name="Theorem4">The paper's Theorem 4.</param>
public sealed record DeviationValues(double? Exact, Bound? Sharp, Bound? TwoMoment, Bound? Theorem3, Bound? Theorem4);

/// <summary>What theory says of one generation of one context.</summary>
/// <param name="Generation">m, from 1.</param>
/// <param name="SumOfSquares">S_m.</param>
/// <param name="CollapseProbability">rho_m = P(T &lt;= m).</param>
/// <param name="Support">E[number of tokens of positive probability]; null where not known.</param>
/// <param name="L1FromFirst">E||p^(m) - p^(1)||_1.</param>
public sealed record GenerationTheory(
    int Generation,
    double SumOfSquares,
    BracketedValue CollapseProbability,
    double? Support,
    DeviationValues L1FromFirst
);

/// <summary>What theory says of one context under one schedule.</summary>
/// <param name="ExpectedCollapseTime">E[T]; infinite where collapse is not certain; null values where not known.</param>
/// <param name="CollapseTimeStandardDeviation">Standard deviation of T; null where not known or not finite.</param>
/// <param name="Generations">Generations 1, 2, ...</param>
/// <param name="ExactDeviationTooLarge">True where the exact deviation exists but costs more than was allowed: the sharp bound stands in for it.</param>
public sealed record TheoryTable(
    BracketedValue ExpectedCollapseTime,
    double? CollapseTimeStandardDeviation,
    IReadOnlyList<GenerationTheory> Generations,
    bool ExactDeviationTooLarge
);

/// <summary>Everything that theory says of one context under one schedule, generation by generation.</summary>
public static class TheoryTables
{
    /// <summary>Fully synthetic: n real tokens drawn from p, then n tokens of the last model per generation.</summary>
    /// <param name="probabilities">p: one probability per token, each 0 to 1, sum 1 within 1e-9.</param>
    /// <param name="samples">n: 1 to <see cref="Limits.ChainSamples"/>.</param>
    /// <param name="generations">Last m: 1 to <see cref="Limits.Generations"/>.</param>
    /// <param name="work">Multiply-adds that the exact deviations may cost: 0 or more.</param>
    /// <exception cref="ArgumentNullException"><paramref name="probabilities"/> is null.</exception>
    /// <exception cref="ArgumentException">A parameter is out of range.</exception>
    public static TheoryTable FullySynthetic(
        IReadOnlyList<double> probabilities,
        int samples,
        int generations,
        long work = Limits.DefaultWork
    )
    {
        CheckGenerations(generations);
        var token = TokenLaw.From(probabilities);
        var law = new FullySyntheticLaw(token, new AncestralChain(samples));
        return FullySynthetic(token, law, DeviationLaw.FullySynthetic(probabilities, samples), generations, 0, work);
    }

    /// <summary>Fully synthetic from a corpus: p^(1) is the empirical law of the counts, then n tokens of the last model per generation.</summary>
    /// <param name="counts">Real tokens by token: each 0 or more, sum 1 to 2^31 - 1.</param>
    /// <param name="samples">n: 1 to <see cref="Limits.ChainSamples"/>.</param>
    /// <param name="generations">Last m: 1 to <see cref="Limits.Generations"/>.</param>
    /// <param name="work">Multiply-adds that the exact deviations may cost: 0 or more.</param>
    /// <exception cref="ArgumentNullException"><paramref name="counts"/> is null.</exception>
    /// <exception cref="ArgumentException">A parameter is out of range.</exception>
    public static TheoryTable FullySynthetic(
        IReadOnlyList<int> counts,
        int samples,
        int generations,
        long work = Limits.DefaultWork
    )
    {
        CheckGenerations(generations);
        var token = TokenLaw.FromCounts(counts);
        var law = new FullySyntheticLaw(token, new AncestralChain(samples));
        return FullySynthetic(token, law, DeviationLaw.FullySynthetic(counts, samples), generations, 1, work);
    }

    /// <summary>Partially synthetic: N real tokens drawn from p once and kept, with n tokens of the last model per generation.</summary>
    /// <param name="probabilities">p: one probability per token, each 0 to 1, sum 1 within 1e-9.</param>
    /// <param name="real">N: 1 to 2^40.</param>
    /// <param name="samples">n: 1 to 2^40.</param>
    /// <param name="generations">Last m: 1 to <see cref="Limits.Generations"/>.</param>
    /// <param name="work">Multiply-adds that the exact deviations may cost: 0 or more.</param>
    /// <exception cref="ArgumentNullException"><paramref name="probabilities"/> is null.</exception>
    /// <exception cref="ArgumentException">A parameter is out of range.</exception>
    public static TheoryTable PartiallySynthetic(
        IReadOnlyList<double> probabilities,
        long real,
        long samples,
        int generations,
        long work = Limits.DefaultWork
    )
    {
        CheckGenerations(generations);
        var deviations = DeviationLaw.PartiallySynthetic(probabilities, real, samples);
        var token = TokenLaw.From(probabilities);
        // Real tokens stay, so only real data of a single token collapses, and it is collapsed from the start.
        var collapsed = token.AllEqualIn(real);
        return PartiallySynthetic(
            deviations,
            token.Probabilities.Length,
            1 - (1 - 1.0 / real) * token.Impurity,
            collapsed,
            token.ExpectedDistinct(real),
            SubsetSum.ExpectedLambda1UpperBound(token, real),
            generations,
            work
        );
    }

    /// <summary>Partially synthetic with the real tokens observed.</summary>
    /// <param name="counts">Real tokens by token: each 0 or more, sum N 1 to 2^31 - 1.</param>
    /// <param name="samples">n: 1 to 2^40.</param>
    /// <param name="generations">Last m: 1 to <see cref="Limits.Generations"/>.</param>
    /// <param name="work">Multiply-adds that the exact deviations may cost: 0 or more.</param>
    /// <exception cref="ArgumentNullException"><paramref name="counts"/> is null.</exception>
    /// <exception cref="ArgumentException">A parameter is out of range.</exception>
    public static TheoryTable PartiallySynthetic(
        IReadOnlyList<int> counts,
        long samples,
        int generations,
        long work = Limits.DefaultWork
    )
    {
        CheckGenerations(generations);
        var deviations = DeviationLaw.PartiallySynthetic(counts, samples);
        var token = TokenLaw.FromCounts(counts);
        return PartiallySynthetic(
            deviations,
            counts.Count,
            token.SumOfSquares,
            token.Support == 1 ? 1 : 0,
            token.Support,
            SubsetSum.Lambda1(counts),
            generations,
            work
        );
    }

    /// <summary>recent-models: floor(n/K) tokens from each of the last K models, the truth counting as model 0.</summary>
    /// <param name="probabilities">p: one probability per token, each 0 to 1, sum 1 within 1e-9.</param>
    /// <param name="samples">n: K to 2^40.</param>
    /// <param name="window">K: 1 to n, at most 4,096.</param>
    /// <param name="generations">Last m: 1 to <see cref="Limits.Generations"/>.</param>
    /// <param name="firstIsTruth">True where p is a corpus's empirical law and p^(1) equals it.</param>
    /// <returns>S_m and the sharp bound on the deviation; of collapse and support nothing exact is known.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="probabilities"/> is null.</exception>
    /// <exception cref="ArgumentException">A parameter is out of range.</exception>
    public static TheoryTable RecentModels(
        IReadOnlyList<double> probabilities,
        long samples,
        int window,
        int generations,
        bool firstIsTruth = false
    ) =>
        Schedule(
            TokenLaw.From(probabilities),
            ScheduleRecursions.RecentModels(samples, window, generations, firstIsTruth)
        );

    /// <summary>random-models: n tokens, each from the model of a uniformly chosen earlier generation, the truth counting as model 0.</summary>
    /// <param name="probabilities">p: one probability per token, each 0 to 1, sum 1 within 1e-9.</param>
    /// <param name="samples">n: 1 to 2^40.</param>
    /// <param name="generations">Last m: 1 to <see cref="Limits.Generations"/>.</param>
    /// <param name="firstIsTruth">True where p is a corpus's empirical law and p^(1) equals it.</param>
    /// <returns>S_m and the sharp bound on the deviation; of collapse and support nothing exact is known.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="probabilities"/> is null.</exception>
    /// <exception cref="ArgumentException">A parameter is out of range.</exception>
    public static TheoryTable RandomModels(
        IReadOnlyList<double> probabilities,
        long samples,
        int generations,
        bool firstIsTruth = false
    ) => Schedule(TokenLaw.From(probabilities), ScheduleRecursions.RandomModels(samples, generations, firstIsTruth));

    private static TheoryTable FullySynthetic(
        TokenLaw token,
        FullySyntheticLaw law,
        DeviationLaw deviations,
        int generations,
        int given,
        long work
    )
    {
        // With p^(1) given, generation m is generation m - 1 of a context whose truth is p^(1).
        var collapsedAtStart = given == 1 && token.Support == 1;
        var offset = collapsedAtStart ? 0 : given;
        var (lower, upper) = CollapseTimeBounds.ExpectedCollapseTime(token, law.Samples);
        var exact = deviations.Exact(generations, work);
        var walk = law.Chain.Walk(law.Samples);
        var rows = new List<GenerationTheory>(generations);
        for (var m = 1; m <= generations; m++)
        {
            var inner = m - given;
            BracketedValue collapse;
            double support;
            if (inner == 0)
            {
                double certain = token.Support == 1 ? 1 : 0;
                collapse = new(certain, null, null);
                support = token.Support;
            }
            else
            {
                var (least, most) = CollapseTimeBounds.CollapseProbability(token, law.Samples, inner);
                collapse = new(law.CollapsedAt(walk), least, most);
                support = walk.SmoothExpectation(token.ExpectedDistinct);
                walk.Advance();
            }

            rows.Add(
                new(
                    m,
                    1 - ClosedForms.FullySyntheticImpurity(token.Impurity, law.Samples, inner),
                    collapse,
                    support,
                    new(exact?[m], deviations.Sharp(m), deviations.TwoMoment(m), null, null)
                )
            );
        }

        return new(
            new(
                offset + law.ExpectedCollapseTime,
                lower with
                {
                    Value = offset + lower.Value,
                },
                upper with
                {
                    Value = offset + upper.Value,
                }
            ),
            law.CollapseTimeStandardDeviation,
            rows,
            exact is null
        );
    }

    private static TheoryTable PartiallySynthetic(
        DeviationLaw deviations,
        int vocabulary,
        double first,
        double collapsed,
        double support,
        double lambda1,
        int generations,
        long work
    )
    {
        var exact = deviations.Exact(generations, work);
        var theorem3 = DeviationBounds.Theorem3(deviations.Real, deviations.Samples, vocabulary);
        var theorem4 = DeviationBounds.Theorem4(deviations.Real, deviations.Samples, vocabulary, lambda1);
        var rows = new List<GenerationTheory>(generations);
        for (var m = 1; m <= generations; m++)
        {
            var factor = SharpBound.VarianceFactor(deviations.Real, deviations.Samples, m);
            rows.Add(
                new(
                    m,
                    1 - (1 - first) * (1 - factor),
                    new(collapsed, null, null),
                    support,
                    new(exact?[m], deviations.Sharp(m), deviations.TwoMoment(m), theorem3, theorem4)
                )
            );
        }

        return new(
            new(collapsed == 1 ? 1 : double.PositiveInfinity, null, null),
            collapsed == 1 ? 0 : null,
            rows,
            exact is null
        );
    }

    private static TheoryTable Schedule(TokenLaw token, ScheduleMoments moments)
    {
        var rows = new List<GenerationTheory>(moments.Variance.Count - 1);
        for (var m = 1; m < moments.Variance.Count; m++)
        {
            rows.Add(
                new(
                    m,
                    1 - (1 - moments.Variance[m]) * token.Impurity,
                    new(null, null, null),
                    null,
                    new(null, moments.SharpFromFirst(token, m), null, null, null)
                )
            );
        }

        return new(new(null, null, null), null, rows, false);
    }

    private static void CheckGenerations(int generations) =>
        Require.InRange("generations", generations, 1, Limits.Generations, "ask for fewer generations");
}
