using System.Runtime.InteropServices;

namespace Collapse.Corpora;

/// <summary>
/// Numbers the n-grams of a text 0, 1, 2, … in order of first appearance. An open-addressing hash
/// table with linear probing; the n-grams themselves are not copied: the index holds where each first
/// stands in the text.
/// </summary>
/// <param name="order">Tokens in an n-gram, 0 or more.</param>
internal sealed class NGramIndex(int order)
{
    private const int SmallestTable = 1 << 12;
    private const int LargestTable = 1 << 30;

    private readonly RollingHash _rolling = new(order);
    private readonly List<int> _firstPositions = [];

    /// <summary>
    /// Zero, or the mixed hash of an n-gram in the upper half and one more than its number in the lower.
    /// The upper bits of the mixed hash are where the search for it starts.
    /// </summary>
    private ulong[] _table = new ulong[SmallestTable];
    private int _shift = 32 - 12;

    /// <summary>Hash of the last n-gram that <see cref="Extend"/> has numbered.</summary>
    private ulong _lastHash;

    /// <summary>The number of distinct n-grams.</summary>
    public int Count => _firstPositions.Count;

    /// <summary>Where each n-gram first stands in the text.</summary>
    public ReadOnlySpan<int> FirstPositions => CollectionsMarshal.AsSpan(_firstPositions);

    /// <summary>The index of n-grams whose first positions are known.</summary>
    public static NGramIndex Of(ReadOnlySpan<int> text, int order, ReadOnlySpan<int> firstPositions)
    {
        var index = new NGramIndex(order);
        foreach (int position in firstPositions)
        {
            index.FindOrAdd(text, position, RollingHash.Mix(RollingHash.Of(text.Slice(position, order))));
        }

        return index;
    }

    /// <summary>
    /// Numbers the n-grams at all positions that have a follower and are not numbered yet, and adds
    /// their numbers to <paramref name="numbers"/>, which holds those of the positions before. The text
    /// may have grown at its end since the last call.
    /// </summary>
    public void Extend(ReadOnlySpan<int> text, List<int> numbers)
    {
        int from = numbers.Count;
        int to = text.Length - order;
        if (to <= from)
        {
            return;
        }

        CollectionsMarshal.SetCount(numbers, to);
        Span<int> target = CollectionsMarshal.AsSpan(numbers);
        for (int position = from; position < to; position++)
        {
            _lastHash = HashAt(text, position, _lastHash);
            target[position] = FindOrAdd(text, position, RollingHash.Mix(_lastHash));
        }
    }

    /// <summary>
    /// The numbers of the n-grams at all positions of another text that have a follower; -1 for those
    /// not in the index.
    /// </summary>
    public int[] FindAll(ReadOnlySpan<int> text, ReadOnlySpan<int> other)
    {
        int[] numbers = new int[Math.Max(0, other.Length - order)];
        ulong hash = 0;
        for (int position = 0; position < numbers.Length; position++)
        {
            hash = HashAt(other, position, hash);
            ulong entry = _table[Search(text, other.Slice(position, order), RollingHash.Mix(hash))];
            numbers[position] = (int)(uint)entry - 1;
        }

        return numbers;
    }

    private ulong HashAt(ReadOnlySpan<int> text, int position, ulong hashBefore) =>
        position == 0
            ? RollingHash.Of(text[..order])
            : _rolling.Next(hashBefore, text[position - 1], text[position - 1 + order]);

    private int FindOrAdd(ReadOnlySpan<int> text, int position, uint mixed)
    {
        int slot = Search(text, text.Slice(position, order), mixed);
        if (_table[slot] != 0)
        {
            return (int)(uint)_table[slot] - 1;
        }

        _firstPositions.Add(position);
        _table[slot] = ((ulong)mixed << 32) | (uint)_firstPositions.Count;
        if (_firstPositions.Count > _table.Length / 3 * 2 && _table.Length < LargestTable)
        {
            Grow();
        }

        return _firstPositions.Count - 1;
    }

    /// <summary>The slot that holds an n-gram, or the free one where it belongs.</summary>
    private int Search(ReadOnlySpan<int> text, ReadOnlySpan<int> ngram, uint mixed)
    {
        int last = _table.Length - 1;
        int slot = (int)(mixed >> _shift);
        while (true)
        {
            ulong entry = _table[slot];
            if (entry == 0)
            {
                return slot;
            }

            if ((uint)(entry >> 32) == mixed)
            {
                int position = _firstPositions[(int)(uint)entry - 1];
                if (text.Slice(position, ngram.Length).SequenceEqual(ngram))
                {
                    return slot;
                }
            }

            slot = (slot + 1) & last;
        }
    }

    private void Grow()
    {
        ulong[] old = _table;
        _table = new ulong[2 * old.Length];
        _shift--;
        int last = _table.Length - 1;
        foreach (ulong entry in old)
        {
            if (entry != 0)
            {
                int slot = (int)((uint)(entry >> 32) >> _shift);
                while (_table[slot] != 0)
                {
                    slot = (slot + 1) & last;
                }

                _table[slot] = entry;
            }
        }
    }
}
