namespace Collapse.Theory;

/// <summary>Transition rows of the one-token chain: Binomial(n, j/(K + n)) for j = 0..K + n, K real tokens kept; shared by all counts.</summary>
internal sealed class TokenTransition
{
    /// <summary>Probabilities kept at once: 240 MB. Beyond it all rows are dropped and made anew.</summary>
    private const long MostValues = 30_000_000;

    private readonly BinomialBand?[] _rows;
    private long _values;

    internal TokenTransition(int real, int samples, bool keepsReal)
    {
        Real = real;
        Samples = samples;
        Kept = keepsReal ? real : 0;
        _rows = new BinomialBand?[Kept + samples + 1];
    }

    internal int Real { get; }

    internal int Samples { get; }

    internal int Kept { get; }

    internal BinomialBand Row(int total)
    {
        if (_rows[total] is { } row)
        {
            return row;
        }

        if (_values > MostValues)
        {
            Array.Clear(_rows);
            _values = 0;
        }

        row = BinomialBand.Create(Samples, total, Kept + Samples - total);
        _values += row.Values.Length;
        return _rows[total] = row;
    }
}

/// <summary>The law of one token's count, advanced generation by generation from generation 1.</summary>
internal sealed class TokenWalk
{
    private const double Negligible = 1e-24;

    private readonly TokenTransition _transition;
    private readonly int _count;
    private readonly int _keptCount;
    private double[] _law;
    private double[] _next;

    internal TokenWalk(TokenTransition transition, int count)
    {
        _transition = transition;
        _count = count;
        _keptCount = transition.Kept > 0 ? count : 0;
        _law = new double[transition.Samples + 1];
        _next = new double[transition.Samples + 1];
        Generation = 1;
    }

    internal int Generation { get; private set; }

    internal int First { get; private set; }

    internal int Last { get; private set; }

    internal ReadOnlySpan<double> Law => _law.AsSpan(First, Last - First + 1);

    internal void Advance()
    {
        Generation++;
        if (Generation == 2)
        {
            var start = BinomialBand.Create(_transition.Samples, _count, _transition.Real - _count);
            (First, Last) = (start.First, start.Last);
            start.Values.CopyTo(_law, First);
            return;
        }

        var lowest = int.MaxValue;
        var highest = 0;
        for (var x = First; x <= Last; x++)
        {
            var row = _transition.Row(_keptCount + x);
            Vectors.AddScaled(_next.AsSpan(row.First), row.Values, _law[x]);
            lowest = Math.Min(lowest, row.First);
            highest = Math.Max(highest, row.Last);
        }

        _law.AsSpan(First, Last - First + 1).Clear();
        while (_next[lowest] < Negligible)
        {
            _next[lowest++] = 0;
        }

        while (_next[highest] < Negligible)
        {
            _next[highest--] = 0;
        }

        (_law, _next) = (_next, _law);
        (First, Last) = (lowest, highest);
    }

    /// <summary>E|p^(m) - p^(1)|, with |(c + X)/(N + n) - c/N| as a quotient of integers.</summary>
    internal double Deviation()
    {
        if (Generation == 1)
        {
            return 0;
        }

        double sum = 0;
        long real = _transition.Real;
        for (var x = First; x <= Last; x++)
        {
            var difference = real * (_keptCount + x) - (long)_count * (_transition.Kept + _transition.Samples);
            sum += _law[x] * Math.Abs(difference);
        }

        return sum / real / (_transition.Kept + _transition.Samples);
    }

    /// <summary>
    /// Advances until the law is within the tolerance of the stationary one in Wasserstein distance (of the
    /// probability, not of the count), and returns the distance proven: one generation shrinks distances by
    /// a = n/(N + n), so what is left is at most a/(1 - a) = n/N times the last step.
    /// </summary>
    internal double AdvanceToLimit(double tolerance)
    {
        Advance();
        var before = new double[_law.Length];
        while (true)
        {
            _law.CopyTo(before, 0);
            Advance();
            double difference = 0;
            double step = 0;
            for (var x = 0; x < before.Length; x++)
            {
                difference += _law[x] - before[x];
                step += Math.Abs(difference);
            }

            var left = step / (_transition.Kept + _transition.Samples) * _transition.Samples / _transition.Kept;
            if (left <= tolerance)
            {
                return left;
            }
        }
    }
}
