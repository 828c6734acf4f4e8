namespace Collapse.Theory;

/// <summary>
/// The law of the number of distinct bins hit by a given number of balls, as a band of probabilities, advanced one
/// ball at a time: P(k | a + 1) = P(k | a) k/n + P(k - 1 | a) (n - k + 1)/n. All terms are positive, so no digit is
/// lost. Entries below <see cref="Negligible"/> are cut from both ends of the band, and what was cut is added up.
/// </summary>
internal sealed class OccupancyRow
{
    /// <summary>Probabilities below this are cut from the ends of a band.</summary>
    internal const double Negligible = 1e-24;

    private readonly int _bins;
    private readonly double[] _stay;
    private readonly double[] _grow;
    private double[] _current;
    private double[] _next;

    internal OccupancyRow(int bins)
    {
        _bins = bins;
        _stay = new double[bins + 2];
        _grow = new double[bins + 2];
        _current = new double[bins + 2];
        _next = new double[bins + 2];
        for (var k = 0; k <= bins; k++)
        {
            _stay[k] = (double)k / bins;
            _grow[k] = (double)(bins - k + 1) / bins;
        }

        Balls = 1;
        First = 1;
        Last = 1;
        _current[1] = 1;
    }

    /// <summary>Number of balls thrown.</summary>
    internal int Balls { get; private set; }

    /// <summary>Smallest number of distinct bins in the band.</summary>
    internal int First { get; private set; }

    /// <summary>Largest number of distinct bins in the band.</summary>
    internal int Last { get; private set; }

    /// <summary>All probability cut away so far.</summary>
    internal double Cut { get; private set; }

    /// <summary>Probabilities of First..Last.</summary>
    internal ReadOnlySpan<double> Band => _current.AsSpan(First, Last - First + 1);

    internal void Restart(StoredRow row)
    {
        _current.AsSpan(Math.Max(First - 1, 0), Last - First + 2).Clear();
        Balls = row.Balls;
        First = row.First;
        Last = row.First + row.Band.Length - 1;
        row.Band.CopyTo(_current, First);
        _current[First - 1] = 0;
        _current[Math.Min(Last + 1, _bins + 1)] = 0;
    }

    internal void Advance()
    {
        var last = Math.Min(Last + 1, _bins);
        var width = last - First + 1;
        // Both neighbours of the band are 0 in _current.
        Vectors.Combine(
            _next.AsSpan(First, width),
            _current.AsSpan(First, width),
            _stay.AsSpan(First, width),
            _current.AsSpan(First - 1, width),
            _grow.AsSpan(First, width)
        );
        (_current, _next) = (_next, _current);
        Balls++;
        var first = First;
        while (_current[first] < Negligible)
        {
            Cut += _current[first++];
        }

        while (_current[last] < Negligible)
        {
            Cut += _current[last--];
        }

        First = first;
        Last = last;
        _current[first - 1] = 0;
        _current[last + 1] = 0;
    }

    /// <summary>Divides by the sum: what rounding adds up to over many balls does not accumulate.</summary>
    internal void Normalise()
    {
        var band = _current.AsSpan(First, Last - First + 1);
        var sum = Vectors.Sum(band);
        foreach (ref var value in band)
        {
            value /= sum;
        }
    }
}

/// <summary>A kept band of the occupancy law.</summary>
/// <param name="Balls">Number of balls thrown.</param>
/// <param name="First">Number of distinct bins of the band's first entry.</param>
/// <param name="Band">Probabilities.</param>
internal sealed record StoredRow(int Balls, int First, double[] Band);
