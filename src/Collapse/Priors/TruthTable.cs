using Collapse.Kernels;

namespace Collapse.Priors;

/// <summary>
/// A law in 64-bit integer weights and its alias columns. With M = ⌊2^64 / s⌋ the weights w_i add up to s·M
/// exactly, a token of probability 0 has weight 0, every other one at least 1, and each column shares its M
/// units between its own token and one alias. <see cref="TruthDraw"/> draws token i with probability
/// w_i / (s·M), exactly.
/// </summary>
public sealed class TruthTable
{
    private readonly UInt128[] _weights;

    private TruthTable(UInt128[] weights, ulong[] thresholds, int[] aliases)
    {
        _weights = weights;
        Thresholds = thresholds;
        Aliases = aliases;
        Support = weights.Count(w => w > 0);
        Entries = [.. thresholds.Select((threshold, i) => (threshold & ~0xFFFFFFFFul) | (uint)aliases[i])];
    }

    /// <summary>Number of columns s.</summary>
    public int Columns => _weights.Length;

    /// <summary>Number of tokens that can be drawn.</summary>
    public int Support { get; }

    /// <summary>Places below a column's threshold are its own token's.</summary>
    public ulong[] Thresholds { get; }

    /// <summary>The token that has the rest of the column.</summary>
    public int[] Aliases { get; }

    /// <summary>
    /// The columns again, for a processor whose caches a large table overflows: the threshold's high half above
    /// the alias. One draw in 2^32 needs the whole threshold.
    /// </summary>
    internal ulong[] Entries { get; }

    /// <summary>The integer weights w_i, which add up to s·⌊2^64 / s⌋.</summary>
    public IReadOnlyList<UInt128> Weights => _weights;

    /// <summary>Builds the table.</summary>
    /// <param name="probabilities">Weights p_i ≥ 0, finite, not all zero; they need not be normalised.</param>
    public static TruthTable Create(ReadOnlySpan<double> probabilities)
    {
        UInt128[] weights = Quantize(probabilities);
        var thresholds = new ulong[weights.Length];
        var aliases = new int[weights.Length];
        FillColumns(weights, thresholds, aliases);
        return new TruthTable(weights, thresholds, aliases);
    }

    /// <summary>One draw; the readable definition.</summary>
    public int Draw(in DrawStream stream, uint draw)
    {
        var columns = (uint)Columns;
        int column = TruthDraw.Column(TruthDraw.Lane(stream, draw), columns, out ulong place);
        if (place < TruthDraw.Threshold(columns))
        {
            column = TruthDraw.Redraw(stream, draw, columns, out place);
        }

        return place < Thresholds[column] ? column : Aliases[column];
    }

    /// <summary>The law in units of 1/scale: q_i = round(w_i·scale / Σw), the largest adjusted so that Σ q_i = scale.</summary>
    /// <param name="scale">Q, 1 to 2^62.</param>
    public long[] Units(long scale)
    {
        var units = new long[Columns];
        double total = (double)Total(Columns);
        long sum = 0;
        int largest = 0;
        for (int i = 0; i < units.Length; i++)
        {
            units[i] = (long)Math.Round((double)_weights[i] / total * scale);
            sum += units[i];
            largest = _weights[i] > _weights[largest] ? i : largest;
        }

        units[largest] += scale - sum;
        return units;
    }

    private static UInt128 UnitsPerColumn(int columns) => (UInt128.One << 64) / (UInt128)columns;

    private static UInt128 Total(int columns) => UnitsPerColumn(columns) * (UInt128)columns;

    private static UInt128[] Quantize(ReadOnlySpan<double> probabilities)
    {
        // Compensated (Neumaier), so that the sum is good to the last bit or two however many tokens there are.
        double sum = 0;
        double lost = 0;
        foreach (double p in probabilities)
        {
            double next = sum + p;
            lost += sum >= p ? sum - next + p : p - next + sum;
            sum = next;
        }

        sum += lost;
        UInt128 total = Total(probabilities.Length);
        double scale = (double)total;
        var weights = new UInt128[probabilities.Length];
        UInt128 given = 0;
        int largest = 0;
        for (int i = 0; i < weights.Length; i++)
        {
            double p = probabilities[i];
            weights[i] = p > 0 ? UInt128.Max(1, (UInt128)(p / sum * scale)) : 0;
            given += weights[i];
            largest = weights[i] > weights[largest] ? i : largest;
        }

        // Truncation leaves a remainder of about one part in 2^53: the largest weight takes it, relative error
        // below s·2^-53. (Unsigned wrap-around gives the right sum in both directions.)
        weights[largest] = unchecked(weights[largest] + (total - given));
        return weights;
    }

    private static void FillColumns(UInt128[] weights, ulong[] thresholds, int[] aliases)
    {
        int columns = weights.Length;
        UInt128 capacity = UnitsPerColumn(columns);
        ulong rejected = TruthDraw.Threshold((uint)columns);
        var rest = (UInt128[])weights.Clone();
        var small = new Stack<int>();
        var large = new Stack<int>();
        for (int i = columns - 1; i >= 0; i--)
        {
            (rest[i] < capacity ? small : large).Push(i);
        }

        while (small.Count > 0)
        {
            int column = small.Pop();
            int donor = large.Peek();
            thresholds[column] = (ulong)(rejected + (UInt128)columns * rest[column]);
            aliases[column] = donor;
            rest[donor] -= capacity - rest[column];
            if (rest[donor] < capacity)
            {
                small.Push(large.Pop());
            }
        }

        // What is left fills its column exactly.
        foreach (int column in large)
        {
            thresholds[column] = ulong.MaxValue;
            aliases[column] = column;
        }
    }
}
