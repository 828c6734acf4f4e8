using System.Numerics;
using System.Runtime.InteropServices;
using Collapse.Kernels;

namespace Collapse.Engines.Cpu;

/// <summary>
/// The tokens that one context has met, numbered from 0 in the order of their first appearance, with what the
/// observables need of each. Buffers are kept from context to context and only grow; behind the last token they have room
/// up to the next multiple of <see cref="TokenCounter.Padding"/>.
/// </summary>
internal sealed class LocalVocabulary
{
    private int[] _slots = [];
    private int _slotCount;
    private int _vocabulary;
    private int[] _tokens = new int[32];
    private int[] _order = [];
    private long[] _scratch = [];

    // Where there is a slot for each token of the vocabulary, nothing is to be searched.
    private bool HasAllSlots => _vocabulary <= _slotCount;

    private bool IsFull => !HasAllSlots && 2 * Count >= _slotCount;

    /// <summary>Number of tokens.</summary>
    public int Count { get; private set; }

    /// <summary>The token ids.</summary>
    public ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, Count);

    /// <summary>Counts f_i in the first training set.</summary>
    public int[] First { get; private set; } = new int[32];

    /// <summary>The truth in units of 1/Q; unused for a corpus.</summary>
    public long[] Units { get; private set; } = new long[32];

    /// <summary>Held-out counts.</summary>
    public int[] HeldOut { get; private set; } = new int[32];

    /// <summary>Starts anew. The slots in use follow the context's own size, not the largest ever met.</summary>
    /// <param name="expected">About how many tokens the context has.</param>
    /// <param name="vocabulary">Vocabulary size s.</param>
    public void Clear(int expected, int vocabulary)
    {
        Count = 0;
        _vocabulary = vocabulary;
        UseSlots((int)Math.Min(BitOperations.RoundUpToPowerOf2(2 * (uint)Math.Max(expected, 16)), 1u << 30));
    }

    /// <summary>The local number of a token, new if need be.</summary>
    public int Number(int token)
    {
        int slot = SlotOf(token);
        if (_slots[slot] != 0)
        {
            return _slots[slot] - 1;
        }

        if (IsFull || Count == _tokens.Length)
        {
            Grow();
            return Number(token);
        }

        _tokens[Count] = token;
        First[Count] = 0;
        HeldOut[Count] = 0;
        _slots[slot] = ++Count;
        return Count - 1;
    }

    /// <summary>The local numbers of many tokens, new if need be.</summary>
    /// <param name="tokens">The token ids.</param>
    /// <param name="numbers">Receives a number for each.</param>
    public void Number<TNumber>(ReadOnlySpan<int> tokens, Span<TNumber> numbers)
        where TNumber : unmanaged, IBinaryInteger<TNumber>
    {
        if (HasAllSlots)
        {
            NumberInSlots(tokens, numbers);
            return;
        }

        for (int i = 0; i < tokens.Length; i++)
        {
            numbers[i] = TNumber.CreateTruncating(Number(tokens[i]));
        }
    }

    private void NumberInSlots<TNumber>(ReadOnlySpan<int> tokens, Span<TNumber> numbers)
        where TNumber : unmanaged, IBinaryInteger<TNumber>
    {
        int known = Count;
        int count = known;
        Reserve((int)Math.Min((long)known + tokens.Length, _vocabulary) + 1);
        Span<int> slots = _slots.AsSpan(0, _slotCount);
        for (int i = 0; i < tokens.Length; i++)
        {
            // Whether a token is new cannot be predicted: write it always, and step on only where it is.
            int token = tokens[i];
            int slot = slots[token];
            int isNew = Convert.ToInt32(slot == 0);
            _tokens[count] = token;
            count += isNew;
            slot |= count & -isNew;
            slots[token] = slot;
            numbers[i] = TNumber.CreateTruncating(slot - 1);
        }

        First.AsSpan(known, count - known).Clear();
        HeldOut.AsSpan(known, count - known).Clear();
        Count = count;
    }

    /// <summary>Looks up the truth of the tokens that are new since there were <paramref name="known"/>.</summary>
    /// <param name="units">The truth by token id, in units of 1/Q.</param>
    /// <param name="known">Number of tokens that have theirs.</param>
    public void TakeUnits(ReadOnlySpan<long> units, int known)
    {
        for (int i = known; i < Count; i++)
        {
            Units[i] = units[_tokens[i]];
        }
    }

    /// <summary>The local number of a token, or -1: held-out text of another corpus may have any token.</summary>
    public int Find(int token) => (uint)token < (uint)_vocabulary ? _slots[SlotOf(token)] - 1 : -1;

    /// <summary>Keeps only the tokens that are present, in order. No token can be looked up afterwards.</summary>
    /// <param name="counts">The count of each local number.</param>
    /// <param name="numbers">Receives the new number of each local number that is present.</param>
    public void Keep<TNumber>(ReadOnlySpan<int> counts, Span<TNumber> numbers)
        where TNumber : unmanaged, IBinaryInteger<TNumber>
    {
        int kept = 0;
        for (int i = 0; i < counts.Length; i++)
        {
            // Whether a token is still there cannot be predicted: copy always, and step on only where it is.
            numbers[i] = TNumber.CreateTruncating(kept);
            _tokens[kept] = _tokens[i];
            First[kept] = First[i];
            Units[kept] = Units[i];
            HeldOut[kept] = HeldOut[i];
            kept += Convert.ToInt32(counts[i] > 0);
        }

        Count = kept;
    }

    /// <summary>Puts tokens into ascending order, and their counts with them. No token can be looked up afterwards.</summary>
    /// <param name="counts">The count of each local number.</param>
    public void Sort(Span<int> counts)
    {
        if (_order.Length < Count)
        {
            _order = new int[_tokens.Length];
            _scratch = new long[_tokens.Length];
        }

        Span<int> order = _order.AsSpan(0, Count);
        for (int i = 0; i < Count; i++)
        {
            order[i] = i;
        }

        _tokens.AsSpan(0, Count).Sort(order);
        Permute(First, order);
        Permute(HeldOut, order);
        Permute(Units, order);
        Permute(counts, order);
    }

    private void Permute<T>(Span<T> values, ReadOnlySpan<int> order)
        where T : unmanaged
    {
        Span<T> old = MemoryMarshal.Cast<long, T>(_scratch.AsSpan());
        values[..Count].CopyTo(old);
        for (int i = 0; i < Count; i++)
        {
            values[i] = old[order[i]];
        }
    }

    /// <summary>The slot that holds a token, or the free one where it would go.</summary>
    private int SlotOf(int token)
    {
        if (HasAllSlots)
        {
            return token;
        }

        var slot = (int)(((uint)token * Philox.Weyl0) >> (32 - BitOperations.Log2((uint)_slotCount)));
        while (_slots[slot] != 0 && _tokens[_slots[slot] - 1] != token)
        {
            slot = (slot + 1) & (_slotCount - 1);
        }

        return slot;
    }

    /// <summary>Makes room for more tokens, in the table or in the slots, whichever is full.</summary>
    private void Grow()
    {
        if (Count == _tokens.Length)
        {
            Reserve((int)Math.Min(2L * Count, Array.MaxLength));
        }

        if (IsFull)
        {
            UseSlots(2 * _slotCount);
            for (int i = 0; i < Count; i++)
            {
                _slots[SlotOf(_tokens[i])] = i + 1;
            }
        }
    }

    private void Reserve(int length)
    {
        if (_tokens.Length < length)
        {
            // RowSums reads whole vectors, and what stands behind the last token must not be negative.
            length = (int)Math.Min((length + TokenCounter.Padding - 1L) & -TokenCounter.Padding, Array.MaxLength);
            _tokens = Resized(_tokens, length);
            First = Resized(First, length);
            Units = Resized(Units, length);
            HeldOut = Resized(HeldOut, length);
        }
    }

    /// <summary>Sets the number of slots, a power of two, all free.</summary>
    private void UseSlots(int count)
    {
        if (_slots.Length < count)
        {
            _slots = new int[count];
        }

        _slotCount = count;
        _slots.AsSpan(0, count).Clear();
    }

    private static T[] Resized<T>(T[] array, int length)
    {
        Array.Resize(ref array, length);
        return array;
    }
}
