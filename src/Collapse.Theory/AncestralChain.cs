namespace Collapse.Theory;

/// <summary>
/// The number A_m of real tokens of generation 1 that still have descendants in generation m, when every generation
/// draws n tokens from the one before: A_1 = n, and A_(m+1) is the number of distinct bins hit by A_m balls thrown
/// into n bins (docs/theory.md, "The ancestral chain"). Every exact law of the fully synthetic scenario is an average
/// over A_m.
/// </summary>
/// <remarks>
/// Transition rows are bands of about 20 standard deviations; entries below 1e-24 are cut, so that sums over the
/// chain carry an absolute error of at most <see cref="CutProbability"/> per generation beside rounding, which stays
/// near 1e-13 relative (tested against exact rational and higher-precision arithmetic). The constructor costs about
/// 5 n^1.5 multiply-adds and keeps at most about 64 MB.
/// </remarks>
public sealed class AncestralChain
{
    private const int KeptValues = 4_000_000;

    private readonly StoredRow[] _rows;
    private readonly int _dense;
    private readonly int _stride;

    /// <summary>Builds the chain.</summary>
    /// <param name="samples">n, tokens per generation: 1 to <see cref="Limits.ChainSamples"/>.</param>
    /// <exception cref="ArgumentException"><paramref name="samples"/> is out of range.</exception>
    public AncestralChain(int samples)
    {
        Require.InRange(
            "samples",
            samples,
            1,
            Limits.ChainSamples,
            "for more samples use the large-n formula (CollapseTimeBounds.LargeSampleExpectation) or the bounds"
        );
        Samples = samples;
        _stride = (int)Math.Max(64, Math.Ceiling(5 * Math.Pow(samples, 1.5) / KeptValues));
        var rows = new List<StoredRow>();
        long kept = 0;
        var dense = 0;
        Sweep(row =>
        {
            var all = kept < KeptValues && rows.Count == row.Balls - 1;
            if (all || row.Balls % _stride == 0)
            {
                rows.Add(new StoredRow(row.Balls, row.First, row.Band.ToArray()));
                kept += row.Band.Length;
            }

            if (all)
            {
                dense = row.Balls;
            }
        });
        _dense = dense;
        _rows = [.. rows];
    }

    /// <summary>n, tokens per generation.</summary>
    public int Samples { get; }

    /// <summary>All probability cut from the transition rows together; a bound on what is missing from any one of them.</summary>
    public double CutProbability { get; private set; }

    /// <summary>
    /// E[sum over m = 1, 2, ... of value(A_m)] for A_1 = n, and E[sum of m value(A_m)], by one ascending sweep over
    /// the number of ancestors.
    /// </summary>
    /// <param name="values">value(a) for a = 0..n (entry 0 is not used); entry 1 must be 0, as the chain ends in 1.</param>
    /// <exception cref="ArgumentException"><paramref name="values"/> has not n + 1 entries, or its entry 1 is not 0.</exception>
    public (double Sum, double WeightedSum) ExpectedSums(IReadOnlyList<double> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        if (values.Count != Samples + 1)
        {
            throw Require.Mistake(
                "values",
                $"an array of {Require.Text(values.Count)} entries",
                $"{Require.Text(Samples + 1)} entries",
                "give value(a) for a = 0..samples"
            );
        }

        Require.Closed(
            "values[1]",
            values[1],
            0,
            0,
            "subtract the value at one ancestor, which the chain never leaves"
        );

        // h(a) = value(a) + sum_k P(k | a) h(k); g(a) = h(a) + sum_k P(k | a) g(k). See docs/theory.md.
        var h = new double[Samples + 1];
        var g = new double[Samples + 1];
        double logStay = 0;
        Sweep(row =>
        {
            var a = row.Balls;
            if (a == 1)
            {
                return;
            }

            logStay += SpecialLogs.Log1P(-(double)(a - 1) / Samples);
            var leave = -SpecialLogs.ExpM1(logStay);
            var below = row.Last == a ? row.Band[..^1] : row.Band;
            h[a] = (values[a] + Vectors.Dot(below, h.AsSpan(row.First))) / leave;
            g[a] = (h[a] + Vectors.Dot(below, g.AsSpan(row.First))) / leave;
        });
        return (h[Samples], g[Samples]);
    }

    /// <summary>The laws of A_1, A_2, ..., without end, for a chain that starts with some number of ancestors.</summary>
    /// <param name="start">A_1: 1 to n.</param>
    /// <exception cref="ArgumentException"><paramref name="start"/> is out of range.</exception>
    public IEnumerable<AncestorLaw> Laws(int start)
    {
        var walk = Walk(start);
        return Enumerate();

        IEnumerable<AncestorLaw> Enumerate()
        {
            while (true)
            {
                yield return new AncestorLaw(walk.Generation, walk.First, walk.Law.ToArray());
                walk.Advance();
            }
        }
    }

    internal AncestorWalk Walk(int start)
    {
        Require.InRange("start", start, 1, Samples, "start with at most as many ancestors as there are samples");
        return new AncestorWalk(this, start);
    }

    /// <summary>Calls <paramref name="visit"/> with the rows of first..last balls.</summary>
    internal void Rows(int first, int last, OccupancyRow scratch, BandVisitor visit)
    {
        var a = first;
        for (; a <= last && a <= _dense; a++)
        {
            visit(a, _rows[a - 1].First, _rows[a - 1].Band);
        }

        if (a > last)
        {
            return;
        }

        scratch.Restart(KeptAtOrBelow(a));
        for (; scratch.Balls <= last; scratch.Advance())
        {
            if (scratch.Balls % 64 == 0)
            {
                scratch.Normalise();
            }

            if (scratch.Balls >= a)
            {
                visit(scratch.Balls, scratch.First, scratch.Band);
            }
        }
    }

    private StoredRow KeptAtOrBelow(int balls)
    {
        var multiple = balls / _stride * _stride;
        return multiple <= _dense ? _rows[_dense - 1] : _rows[_dense + (multiple / _stride - _dense / _stride) - 1];
    }

    private void Sweep(Action<OccupancyRow> visit)
    {
        var row = new OccupancyRow(Samples);
        while (true)
        {
            if (row.Balls % 64 == 0)
            {
                row.Normalise();
            }

            visit(row);
            if (row.Balls == Samples)
            {
                break;
            }

            row.Advance();
        }

        CutProbability = row.Cut;
    }
}

/// <summary>Receives the law of the number of distinct bins for a number of balls.</summary>
internal delegate void BandVisitor(int balls, int first, ReadOnlySpan<double> band);

/// <summary>The law of the number of ancestors in one generation.</summary>
/// <param name="Generation">m, from 1.</param>
/// <param name="First">The number of ancestors of the first probability.</param>
/// <param name="Probabilities">P(A_m = First), P(A_m = First + 1), ...; what is outside was below 1e-24 per entry.</param>
public sealed record AncestorLaw(int Generation, int First, IReadOnlyList<double> Probabilities);
