namespace Collapse.Theory;

/// <summary>Sums over contexts of E||p^(m) - p^(1)||_1, exact and bounded; contexts with one N and one n are added up first.</summary>
internal sealed class DeviationPools(bool keepsReal)
{
    /// <summary>Contexts that wait to be added up: few, so that contexts with laws of their own do not pile up.</summary>
    private const int Waiting = 256;

    private readonly SortedDictionary<(long Real, long Samples), List<(RealCounts Counts, long Contexts)>> _pools = [];
    private long _contexts;
    private double _theorem3;
    private double _theorem4;

    internal void Add(ContextProfile context, long real)
    {
        var key = (real, context.Samples);
        if (!_pools.TryGetValue(key, out var pool))
        {
            _pools[key] = pool = [];
        }

        pool.Add((context.CountsOf(real), context.Contexts));
        if (pool.Count == Waiting)
        {
            var sum = RealCounts.Pool(pool);
            pool.Clear();
            pool.Add((sum, 1));
        }

        _contexts += context.Contexts;
    }

    internal void AddTheorems(ContextProfile context, long real, int vocabulary)
    {
        var theorem3 = DeviationBounds.Theorem3(real, context.Samples, vocabulary).Value;
        _theorem3 += context.Contexts * theorem3;
        _theorem4 +=
            context.Contexts
            * (
                double.IsInfinity(theorem3)
                    ? theorem3
                    : DeviationBounds.Theorem4(real, context.Samples, vocabulary, context.Lambda1(real)).Value
            );
    }

    /// <summary>Means over contexts, indexed by m from 1, and whether the exact ones were affordable.</summary>
    internal (DeviationValues[] Rows, bool Complete) Rows(int generations, long work, bool theorems)
    {
        DeviationLaw[] laws =
        [
            .. _pools.Select(pool =>
            {
                var counts = RealCounts.Pool(pool.Value);
                return keepsReal
                    ? DeviationLaw.PartiallySynthetic(counts, pool.Key.Samples)
                    : DeviationLaw.FullySynthetic(counts, pool.Key.Samples);
            }),
        ];
        var exact = Exact(laws, generations, work);
        Bound? theorem3 = theorems ? Bound.Deviation(_theorem3 / _contexts) : null;
        Bound? theorem4 = theorems ? Bound.Deviation(_theorem4 / _contexts) : null;
        var rows = new DeviationValues[generations + 1];
        for (var m = 1; m <= generations; m++)
        {
            double sharp = 0;
            double twoMoment = 0;
            foreach (var law in laws)
            {
                sharp += law.Sharp(m).Value;
                twoMoment += law.TwoMoment(m).Value;
            }

            rows[m] = new DeviationValues(
                exact?[m] / _contexts,
                Bound.Deviation(sharp / _contexts),
                Bound.Deviation(twoMoment / _contexts),
                theorem3,
                theorem4
            );
        }

        return (rows, exact is not null);
    }

    private static double[]? Exact(DeviationLaw[] laws, int generations, long work)
    {
        if (generations > 1 && laws.Sum(law => law.HasNoDeviation ? 0 : law.Work(generations)) > work)
        {
            return null;
        }

        var sums = new double[generations + 1];
        foreach (var values in laws.AsParallel().AsOrdered().Select(law => law.Exact(generations, long.MaxValue)))
        {
            for (var m = 1; m <= generations; m++)
            {
                sums[m] += values![m];
            }
        }

        return sums;
    }
}
