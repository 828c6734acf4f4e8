namespace Collapse.Softmax.Sampling;

/// <summary>How often each token was drawn, as compressed sparse rows: row j's entries are those from Offsets[j] up to, not including, Offsets[j + 1].</summary>
public sealed class SampledCounts
{
    internal SampledCounts(long[] offsets, int[] tokens, int[] counts)
    {
        Offsets = offsets;
        Tokens = tokens;
        Counts = counts;
    }

    /// <summary>The number of rows.</summary>
    public int Rows => Offsets.Length - 1;

    /// <summary>Where each row starts, and after the last one where all end.</summary>
    public ReadOnlyMemory<long> Offsets { get; }

    /// <summary>Tokens that were drawn, ascending inside each row.</summary>
    public ReadOnlyMemory<int> Tokens { get; }

    /// <summary>How often, at least 1.</summary>
    public ReadOnlyMemory<int> Counts { get; }

    /// <summary>The tokens of a row.</summary>
    public ReadOnlySpan<int> TokensOf(int row) => Slice(Tokens, row);

    /// <summary>The counts of a row.</summary>
    public ReadOnlySpan<int> CountsOf(int row) => Slice(Counts, row);

    private ReadOnlySpan<int> Slice(ReadOnlyMemory<int> values, int row)
    {
        int start = (int)Offsets.Span[row];
        return values.Span[start..(int)Offsets.Span[row + 1]];
    }
}
