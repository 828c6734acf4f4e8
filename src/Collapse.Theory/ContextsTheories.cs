namespace Collapse.Theory;

/// <summary>
/// Everything that theory says of many contexts with different n_j, N_j and laws. What is linear in a context's law is
/// added up over the contexts that share n first, so that each n costs one ancestral chain (docs/theory.md, "Many
/// contexts").
/// </summary>
public static class ContextsTheories
{
    /// <summary>Fully synthetic.</summary>
    /// <param name="contexts">The contexts, alike ones together: all observed, or all drawn.</param>
    /// <param name="generations">Last m: 1 to <see cref="Limits.Generations"/>.</param>
    /// <param name="work">Multiply-adds that the exact deviations of all contexts may cost: 0 or more.</param>
    /// <exception cref="ArgumentNullException"><paramref name="contexts"/> is null.</exception>
    /// <exception cref="ArgumentException">A parameter is out of range.</exception>
    public static ContextsTheory FullySynthetic(
        IEnumerable<ContextProfile> contexts,
        int generations,
        long work = Limits.DefaultWork
    )
    {
        var pools = new SortedDictionary<long, FullySyntheticPool>();
        var deviations = new DeviationPools(keepsReal: false);
        var observed = false;
        foreach (var context in Checked(contexts, generations, work))
        {
            observed = context.IsObserved;
            deviations.Add(context, context.Real ?? context.Samples);
            if (!pools.TryGetValue(context.Samples, out var pool))
            {
                pools[context.Samples] = pool = new FullySyntheticPool(context.Samples, generations, observed ? 1 : 0);
            }

            pool.Add(context);
        }

        var sums = new FullySyntheticSums([.. pools.Values], generations, observed);
        var (rows, complete) = deviations.Rows(generations, work, theorems: false);
        return new ContextsTheory(
            sums.Contexts,
            new TheoryTable(
                sums.ExpectedCollapseTime(),
                sums.CollapseTimeStandardDeviation(),
                [
                    .. Enumerable
                        .Range(1, generations)
                        .Select(m => new GenerationTheory(
                            m,
                            sums.SumOfSquares(m),
                            sums.CollapseProbability(m),
                            sums.Support(m),
                            rows[m]
                        )),
                ],
                !complete
            ),
            sums.LastCollapse(),
            !sums.IsExact,
            sums.IsExact && sums.LastCollapseTooLarge
        );
    }

    /// <summary>Partially synthetic.</summary>
    /// <param name="contexts">The contexts, alike ones together: all observed, or all drawn and with N.</param>
    /// <param name="vocabulary">s, of the paper's theorems: the tokens that any context may have.</param>
    /// <param name="generations">Last m: 1 to <see cref="Limits.Generations"/>.</param>
    /// <param name="work">Multiply-adds that the exact deviations of all contexts may cost: 0 or more.</param>
    /// <exception cref="ArgumentNullException"><paramref name="contexts"/> is null.</exception>
    /// <exception cref="ArgumentException">A parameter is out of range.</exception>
    public static ContextsTheory PartiallySynthetic(
        IEnumerable<ContextProfile> contexts,
        int vocabulary,
        int generations,
        long work = Limits.DefaultWork
    )
    {
        Require.AtLeast("vocabulary", vocabulary, 1, "give the number of tokens in the vocabulary");
        var deviations = new DeviationPools(keepsReal: true);
        var impurity = new Dictionary<(long Real, long Samples), double>();
        long count = 0;
        double collapsed = 0;
        double support = 0;
        foreach (var context in Checked(contexts, generations, work))
        {
            var real =
                context.Real
                ?? throw Require.Mistake("real", "missing", "1 or more", "give the number of real tokens kept");
            deviations.Add(context, real);
            deviations.AddTheorems(context, real, vocabulary);
            var key = (real, context.Samples);
            impurity[key] = impurity.GetValueOrDefault(key) + context.Contexts * context.FirstImpurity(real);
            collapsed += context.Contexts * context.FirstCollapsed(real);
            support += context.Contexts * context.FirstSupport(real);
            count += context.Contexts;
        }

        var (rows, complete) = deviations.Rows(generations, work, theorems: true);
        collapsed /= count;
        return new ContextsTheory(
            count,
            new TheoryTable(
                new(collapsed == 1 ? 1 : double.PositiveInfinity, null, null),
                collapsed == 1 ? 0 : null,
                [
                    .. Enumerable
                        .Range(1, generations)
                        .Select(m => new GenerationTheory(
                            m,
                            1
                                - impurity.Sum(i => i.Value * (1 - SharpBound.Factor(i.Key.Real, i.Key.Samples, m)))
                                    / count,
                            new(collapsed, null, null),
                            support / count,
                            rows[m]
                        )),
                ],
                !complete
            ),
            null,
            false,
            false
        );
    }

    /// <summary>recent-models: floor(n/K) tokens from each of the last K models, the truth counting as model 0.</summary>
    /// <param name="contexts">The contexts, alike ones together: all observed, or all drawn; each with n of at least K.</param>
    /// <param name="window">K: 1 to 4,096.</param>
    /// <param name="generations">Last m: 1 to <see cref="Limits.Generations"/>.</param>
    /// <exception cref="ArgumentNullException"><paramref name="contexts"/> is null.</exception>
    /// <exception cref="ArgumentException">A parameter is out of range.</exception>
    public static ContextsTheory RecentModels(IEnumerable<ContextProfile> contexts, int window, int generations) =>
        Schedule(
            contexts,
            generations,
            // Only the number of tokens per model counts.
            context => context.Samples / window * window,
            (samples, observed) => ScheduleRecursions.RecentModels(samples, window, generations, observed)
        );

    /// <summary>random-models: n tokens, each from the model of a uniformly chosen earlier generation, the truth counting as model 0.</summary>
    /// <param name="contexts">The contexts, alike ones together: all observed, or all drawn.</param>
    /// <param name="generations">Last m: 1 to <see cref="Limits.Generations"/>.</param>
    /// <exception cref="ArgumentNullException"><paramref name="contexts"/> is null.</exception>
    /// <exception cref="ArgumentException">A parameter is out of range.</exception>
    public static ContextsTheory RandomModels(IEnumerable<ContextProfile> contexts, int generations) =>
        Schedule(
            contexts,
            generations,
            context => context.Samples,
            (samples, observed) => ScheduleRecursions.RandomModels(samples, generations, observed)
        );

    private static ContextsTheory Schedule(
        IEnumerable<ContextProfile> contexts,
        int generations,
        Func<ContextProfile, long> samples,
        Func<long, bool, ScheduleMoments> moments
    )
    {
        var pools = new SortedDictionary<long, (double Impurity, double Spread)>();
        long count = 0;
        var observed = false;
        foreach (var context in Checked(contexts, generations, 0))
        {
            observed = context.IsObserved;
            var (impurity, spread) = pools.GetValueOrDefault(samples(context));
            pools[samples(context)] = (
                impurity + context.Contexts * context.Law.Impurity,
                spread + context.Contexts * RealCounts.JensenSpread(context.Law)
            );
            count += context.Contexts;
        }

        var impurities = new double[generations + 1];
        var sharp = new double[generations + 1];
        foreach (var (n, pool) in pools)
        {
            var law = moments(n, observed);
            for (var m = 1; m <= generations; m++)
            {
                impurities[m] += (1 - law.Variance[m]) * pool.Impurity;
                sharp[m] += law.RootMeanSquareFromFirst(m) * pool.Spread;
            }
        }

        return new ContextsTheory(
            count,
            new TheoryTable(
                new(null, null, null),
                null,
                [
                    .. Enumerable
                        .Range(1, generations)
                        .Select(m => new GenerationTheory(
                            m,
                            1 - impurities[m] / count,
                            new(null, null, null),
                            null,
                            new(null, Bound.Deviation(sharp[m] / count), null, null, null)
                        )),
                ],
                false
            ),
            null,
            false,
            false
        );
    }

    private static IEnumerable<ContextProfile> Checked(IEnumerable<ContextProfile> contexts, int generations, long work)
    {
        ArgumentNullException.ThrowIfNull(contexts);
        Require.InRange("generations", generations, 1, Limits.Generations, "ask for fewer generations");
        Require.AtLeast("work", work, 0, "give the number of multiply-adds to allow");
        return Enumerate();

        IEnumerable<ContextProfile> Enumerate()
        {
            bool? observed = null;
            foreach (var context in contexts)
            {
                if (context.IsObserved != (observed ??= context.IsObserved))
                {
                    throw Require.Mistake("contexts", "a mixture", "all observed or all drawn", "ask for them apart");
                }

                yield return context;
            }

            if (observed is null)
            {
                throw Require.Mistake("contexts", "empty", "one or more", "give at least one context");
            }
        }
    }
}
