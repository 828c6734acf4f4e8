namespace Collapse.Theory;

/// <summary>The law of A_m, advanced generation by generation.</summary>
internal sealed class AncestorWalk
{
    private readonly AncestralChain _chain;
    private readonly OccupancyRow _scratch;
    private double[] _law;
    private double[] _next;

    internal AncestorWalk(AncestralChain chain, int start)
    {
        _chain = chain;
        _scratch = new OccupancyRow(chain.Samples);
        _law = new double[start + 1];
        _next = new double[start + 1];
        _law[start] = 1;
        Generation = 1;
        First = start;
        Last = start;
    }

    internal int Generation { get; private set; }

    internal int First { get; private set; }

    internal int Last { get; private set; }

    /// <summary>P(A_m = a) for a = First..Last.</summary>
    internal ReadOnlySpan<double> Law => _law.AsSpan(First, Last - First + 1);

    internal void Advance()
    {
        var lowest = int.MaxValue;
        var highest = 0;
        var (law, next) = (_law, _next);
        _chain.Rows(
            First,
            Last,
            _scratch,
            (balls, first, band) =>
            {
                Vectors.AddScaled(next.AsSpan(first), band, law[balls]);
                lowest = Math.Min(lowest, first);
                highest = Math.Max(highest, first + band.Length - 1);
            }
        );
        law.AsSpan(First, Last - First + 1).Clear();
        while (next[lowest] < OccupancyRow.Negligible)
        {
            next[lowest++] = 0;
        }

        while (next[highest] < OccupancyRow.Negligible)
        {
            next[highest--] = 0;
        }

        (_law, _next) = (next, law);
        First = lowest;
        Last = highest;
        Generation++;
    }

    /// <summary>E[value(A_m)], with value(a) at index a.</summary>
    internal double Expectation(ReadOnlySpan<double> values) => Vectors.Dot(Law, values[First..]);

    /// <summary>E[value(A_m)].</summary>
    internal double Expectation(Func<int, double> value)
    {
        double sum = 0;
        for (var a = First; a <= Last; a++)
        {
            sum += _law[a] * value(a);
        }

        return sum;
    }
}
