namespace Collapse.Theory;

/// <summary>Means over fully synthetic contexts of all n.</summary>
internal sealed class FullySyntheticSums
{
    private readonly FullySyntheticPool[] _pools;
    private readonly int _given;
    private readonly double[] _collapsed;
    private readonly double[] _support;
    private readonly double _sum;
    private readonly double _sumOfSquares;

    internal FullySyntheticSums(FullySyntheticPool[] pools, int generations, bool observed)
    {
        _pools = pools;
        _given = observed ? 1 : 0;
        Contexts = pools.Sum(p => p.Contexts);
        IsExact = pools.All(p => p.IsExact);
        LastCollapseTooLarge =
            Contexts > 1 && pools.Sum(p => p.LastCollapseWork) > FullySyntheticPool.LargestLastCollapse;
        _collapsed = new double[generations + 1 - _given];
        _support = new double[generations + 1 - _given];
        if (!IsExact)
        {
            return;
        }

        foreach (var series in pools.Reverse().AsParallel().AsOrdered().Select(p => p.Walk()))
        {
            for (var m = 1; m < _collapsed.Length; m++)
            {
                _collapsed[m] += series.Collapsed[m];
                _support[m] += series.Support[m];
            }

            _sum += series.Sum;
            _sumOfSquares += series.SumOfSquares;
        }
    }

    internal long Contexts { get; }

    internal bool IsExact { get; }

    internal bool LastCollapseTooLarge { get; }

    internal double SumOfSquares(int generation) =>
        1 - _pools.Sum(p => ImpurityAt(p, p.Impurity, generation)) / Contexts;

    internal BracketedValue CollapseProbability(int generation)
    {
        if (generation == _given)
        {
            // The data are given: what has collapsed is known.
            return new((double)_pools.Sum(p => p.SingleToken) / Contexts, null, null);
        }

        // (7), summed over contexts.
        var lower = 1 - _pools.Sum(p => p.Samples * ImpurityAt(p, p.Impurity, generation)) / Contexts;
        var upper = 1 - _pools.Sum(p => ImpurityAt(p, p.ImpurityRatio, generation)) / Contexts;
        return new(
            IsExact ? _collapsed[generation - _given] / Contexts : null,
            Bound.LowerProbability(lower),
            Bound.UpperProbability(upper)
        );
    }

    internal double? Support(int generation) =>
        generation == _given ? (double)_pools.Sum(p => p.SupportAtStart) / Contexts
        : IsExact ? _support[generation - _given] / Contexts
        : null;

    internal BracketedValue ExpectedCollapseTime()
    {
        // (8), summed over contexts; with the data given, those with more than one token are one generation late.
        var start = Contexts + _given * (Contexts - _pools.Sum(p => (double)p.SingleToken));
        var lower = (start + _pools.Sum(p => p.ImpurityRatio * (p.Samples - 1.0))) / Contexts;
        var upper = (start + _pools.Sum(p => p.Impurity * p.Samples * (p.Samples - 1.0))) / Contexts;
        return new(
            IsExact ? 1 + _sum / Contexts : null,
            new Bound(lower, !(lower > 1)),
            new Bound(upper, double.IsInfinity(upper))
        );
    }

    internal double? CollapseTimeStandardDeviation()
    {
        var mean = _sum / Contexts;
        return IsExact ? Math.Sqrt(Math.Max(0, _sumOfSquares / Contexts - mean * mean)) : null;
    }

    internal LastCollapseLaw? LastCollapse()
    {
        if (!IsExact || LastCollapseTooLarge || Contexts == 1)
        {
            return null;
        }

        FullySyntheticPool[] alive = [.. _pools.Reverse().Where(p => p.Survivals.Count > 0)];
        var law = LastCollapseLaw.Of(alive.Select(p => ((int)p.Samples, p.Survivals.ToArray())));
        return alive.Length > 0 ? law.Delayed(_given) : law;
    }

    private double ImpurityAt(FullySyntheticPool pool, double impurity, int generation) =>
        ClosedForms.FullySyntheticImpurity(impurity, pool.Samples, generation - _given);
}
