namespace Collapse.Softmax.Sampling;

/// <summary>The rows that one worker has counted, one behind the other in the order it took them.</summary>
internal sealed class RowCounter
{
    private readonly List<(int Row, int Start, int Length)> _rows = [];
    private int[] _tokens = new int[1024];
    private int[] _counts = new int[1024];
    private int _length;
    private int _start;
    private int _row;

    /// <summary>The rows, with their places in <see cref="Tokens"/> and <see cref="Counts"/>.</summary>
    public IReadOnlyList<(int Row, int Start, int Length)> Rows => _rows;

    /// <summary>Tokens, row behind row.</summary>
    public ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, _length);

    /// <summary>Their counts.</summary>
    public ReadOnlySpan<int> Counts => _counts.AsSpan(0, _length);

    /// <summary>Forgets all rows, and keeps the memory.</summary>
    public void Clear()
    {
        _rows.Clear();
        _length = 0;
    }

    /// <summary>Starts a row.</summary>
    public void Begin(int row)
    {
        _row = row;
        _start = _length;
    }

    /// <summary>Room for so many entries of the row, of which <see cref="Advance"/> tells how many are used.</summary>
    /// <param name="count">How many.</param>
    /// <param name="counts">The place of the first one's count.</param>
    public ref int Reserve(int count, out Span<int> counts)
    {
        if (_tokens.Length - _length < count)
        {
            int longer = (int)Math.Max(Math.Min(2L * _tokens.Length, Array.MaxLength), (long)_length + count);
            Array.Resize(ref _tokens, longer);
            Array.Resize(ref _counts, longer);
        }

        counts = _counts.AsSpan(_length, count);
        return ref _tokens[_length];
    }

    /// <summary>Takes over that many of the entries last reserved.</summary>
    public void Advance(int count) => _length += count;

    /// <summary>Puts tokens in the place of the row's entries.</summary>
    /// <param name="kept">The token of each entry.</param>
    public void Rename(ReadOnlySpan<int> kept)
    {
        foreach (ref int entry in _tokens.AsSpan(_start, _length - _start))
        {
            entry = kept[entry];
        }
    }

    /// <summary>Counts the tokens of a row, which it sorts.</summary>
    public void Count(int row, Span<int> tokens)
    {
        tokens.Sort();
        Begin(row);
        for (int i = 0; i < tokens.Length; )
        {
            int next = i + tokens[i..].IndexOfAnyExcept(tokens[i]);
            next = next < i ? tokens.Length : next;
            Reserve(1, out Span<int> counts) = tokens[i];
            counts[0] = next - i;
            Advance(1);
            i = next;
        }

        End();
    }

    /// <summary>Ends the row.</summary>
    public void End() => _rows.Add((_row, _start, _length - _start));

    /// <summary>Puts the rows of all workers in order.</summary>
    /// <param name="parts">What each worker counted.</param>
    /// <param name="rows">The number of rows; those that no worker has are empty.</param>
    public static SampledCounts Join(IReadOnlyList<RowCounter> parts, int rows)
    {
        var offsets = new long[rows + 1];
        foreach (RowCounter part in parts)
        {
            foreach ((int row, int _, int length) in part._rows)
            {
                offsets[row + 1] = length;
            }
        }

        for (int row = 0; row < rows; row++)
        {
            offsets[row + 1] += offsets[row];
        }

        int[] tokens = GC.AllocateUninitializedArray<int>((int)offsets[rows]);
        int[] counts = GC.AllocateUninitializedArray<int>((int)offsets[rows]);
        foreach (RowCounter part in parts)
        {
            foreach ((int row, int start, int length) in part._rows)
            {
                part._tokens.AsSpan(start, length).CopyTo(tokens.AsSpan((int)offsets[row]));
                part._counts.AsSpan(start, length).CopyTo(counts.AsSpan((int)offsets[row]));
            }
        }

        return new SampledCounts(offsets, tokens, counts);
    }
}
