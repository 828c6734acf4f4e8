using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Collapse.Engines.Cpu;
using Collapse.Kernels;

namespace Collapse.Softmax.Sampling;

/// <summary>What a worker does, whatever its vector width.</summary>
internal interface IRowSampler
{
    /// <summary>Draws from one row and appends its tokens and counts.</summary>
    /// <param name="source">The rows.</param>
    /// <param name="row">The row.</param>
    /// <param name="next">The row that is wanted next; as many as there are rows for none.</param>
    /// <param name="samples">How many tokens are drawn, at least 1.</param>
    /// <param name="rule">Temperature, top-k and top-p.</param>
    /// <param name="streams">Where the random numbers come from.</param>
    /// <param name="target">Receives them.</param>
    void Sample(
        ILogitSource source,
        int row,
        int next,
        int samples,
        SamplingRule rule,
        LogitStreams streams,
        RowCounter target
    );

    /// <summary>The tokens that given places fall on, for tests of the map from integers to tokens.</summary>
    /// <param name="logits">A row that has a law.</param>
    /// <param name="temperature">T.</param>
    /// <param name="isByColumn">Whether the search has a guide to columns, as for many draws, or to blocks.</param>
    /// <param name="places">Numbers from 0 up to, not including, the sum of units that is returned.</param>
    /// <param name="tokens">Receives as many tokens.</param>
    ulong Map(
        ReadOnlySpan<float> logits,
        double temperature,
        bool isByColumn,
        ReadOnlySpan<long> places,
        Span<int> tokens
    );
}

/// <summary>Draws from one row after the other at a vector width.</summary>
/// <typeparam name="TLanes">The vector width of the weights.</typeparam>
/// <typeparam name="TRandom">The vector width of the random numbers.</typeparam>
internal sealed class RowSampler<TLanes, TRandom> : IRowSampler
    where TLanes : unmanaged, ISoftmaxLanes<TLanes>
    where TRandom : unmanaged, IPhiloxLanes<TRandom>
{
    // Draws whose random numbers are made at a time, an even number.
    private const int Portion = 2048;

    // From one draw for so many tokens on, a guide to all columns pays, and so does looking at the count of every token
    // rather than marking those drawn.
    private const int DenseShare = 16;

    private const int CountsAtOnce = 16;

    private readonly AlignedBuffer<float> _buffer = new();
    private readonly TokenSelection<TLanes> _selection = new();
    private readonly UnitTable<TLanes> _units = new();
    private readonly ulong[] _lanes = new ulong[Portion + RandomLanes<TRandom>.Padding];
    private readonly int[] _left = new int[Portion];
    private readonly AlignedBuffer<int> _counts = new();
    private RandomLanes<TRandom> _random = new(0);
    private ulong _seed;
    private int[] _found = new int[Portion];
    private ulong[] _seen = [];
    private int[] _before = [];

    private int _tokens;
    private bool _isDense;
    private float _largest;
    private SoftmaxScale _scale;

    /// <inheritdoc/>
    public void Sample(
        ILogitSource source,
        int row,
        int next,
        int samples,
        SamplingRule rule,
        LogitStreams streams,
        RowCounter target
    )
    {
        if (_seed != streams.Seed)
        {
            _seed = streams.Seed;
            _random = new RandomLanes<TRandom>(_seed);
        }

        ReadOnlySpan<float> logits = source.Row(row, _buffer.Reserve(source.Tokens));
        _scale = new SoftmaxScale(rule.Temperature);
        _largest = Largest(logits);
        if (float.IsNaN(_largest) || float.IsInfinity(_largest))
        {
            throw LogitCheck.Refuse(logits, row);
        }

        ReadOnlySpan<int> kept = default;
        if (_selection.Select(logits, _largest, rule, _scale))
        {
            logits = _selection.Logits;
            kept = _selection.Tokens;
        }

        _tokens = logits.Length;
        _isDense = samples >= _tokens / DenseShare;
        _units.Build(logits, _largest, _scale, next < source.Rows ? source.Stored(next) : default, _isDense);
        Draw(logits, samples, streams.Draws(row), streams.Rests(row));
        Append(row, samples, kept, target);
    }

    /// <inheritdoc/>
    public ulong Map(
        ReadOnlySpan<float> logits,
        double temperature,
        bool isByColumn,
        ReadOnlySpan<long> places,
        Span<int> tokens
    )
    {
        _units.Build(logits, Largest(logits), new SoftmaxScale(temperature), default, isByColumn);
        var copy = new ulong[places.Length];
        for (int i = 0; i < places.Length; i++)
        {
            copy[i] = (ulong)places[i];
        }

        _units.Find(copy, tokens);
        return _units.UnitSum;
    }

    /// <summary>The largest logit; not a number where one is not a number or plus infinity.</summary>
    private static float Largest(ReadOnlySpan<float> logits)
    {
        // Bits as integers: plus infinity and what is not a number with a plus sign lie above all others where they
        // are signed, what is not a number with a minus sign where they are not.
        // Two vectors at a time: each maximum waits for the one before.
        TLanes largest = TLanes.Broadcast(float.NegativeInfinity);
        TLanes signed = largest;
        TLanes unsigned = TLanes.Broadcast(0);
        TLanes largest2 = largest;
        TLanes signed2 = signed;
        TLanes unsigned2 = unsigned;
        ref float first = ref MemoryMarshal.GetReference(logits);
        nuint i = 0;
        nuint step = 2 * (nuint)TLanes.Count;
        nuint whole = (nuint)logits.Length / step * step;
        for (; i < whole; i += step)
        {
            TLanes x = TLanes.Load(ref first, i);
            TLanes y = TLanes.Load(ref first, i + (nuint)TLanes.Count);
            largest = TLanes.Max(largest, x);
            signed = TLanes.MaxSigned(signed, x);
            unsigned = TLanes.MaxUnsigned(unsigned, x);
            largest2 = TLanes.Max(largest2, y);
            signed2 = TLanes.MaxSigned(signed2, y);
            unsigned2 = TLanes.MaxUnsigned(unsigned2, y);
        }

        largest = TLanes.Max(largest, largest2);
        signed = TLanes.MaxSigned(signed, signed2);
        unsigned = TLanes.MaxUnsigned(unsigned, unsigned2);
        Span<uint> bits = stackalloc uint[16];
        Span<uint> signedBits = stackalloc uint[16];
        Span<uint> unsignedBits = stackalloc uint[16];
        TLanes.Store(largest, ref MemoryMarshal.GetReference(bits), 0);
        TLanes.Store(signed, ref MemoryMarshal.GetReference(signedBits), 0);
        TLanes.Store(unsigned, ref MemoryMarshal.GetReference(unsignedBits), 0);
        float found = float.NegativeInfinity;
        bool isRefused = false;
        for (int lane = 0; lane < TLanes.Count; lane++)
        {
            found = Math.Max(found, BitConverter.UInt32BitsToSingle(bits[lane]));
            isRefused |= (int)signedBits[lane] >= 0x7F800000 || unsignedBits[lane] > 0xFF800000;
        }

        for (; i < (nuint)logits.Length; i++)
        {
            isRefused |= !(logits[(int)i] < float.PositiveInfinity);
            found = Math.Max(found, logits[(int)i]);
        }

        return isRefused ? float.NaN : found;
    }

    private void Draw(ReadOnlySpan<float> logits, int samples, in DrawStream draws, in DrawStream rests)
    {
        if (_isDense)
        {
            _counts.Reserve(checked(_tokens + CountsAtOnce));
        }
        else
        {
            Reserve(ref _found, samples);
            Reserve(ref _seen, (_tokens + 63) / 64);
            Reserve(ref _before, (_tokens + 63) / 64);
        }

        ulong bound = _units.UnitSum + (ulong)_tokens;
        ulong threshold = SoftmaxDraw.Threshold(bound);
        for (long start = 0; start < samples; start += Portion)
        {
            int count = (int)Math.Min(Portion, samples - start);
            _random.Fill(draws, (uint)(start / 2), (count + 1) / 2, _lanes);
            int left = Place(count, bound, threshold);
            Span<int> found = _found.AsSpan(_isDense ? 0 : (int)start, count);
            _units.Find(_lanes.AsSpan(0, count), found);

            // The draws that failed at first: their places so far were 0.
            for (int i = 0; i < left; i++)
            {
                int d = _left[i];
                found[d] = DrawRest(logits, (uint)(start + d), bound, threshold, draws, rests);
            }

            Count(found);
        }
    }

    /// <summary>
    /// Makes places of the first lanes, vector by vector, and lists the draws whose place is not among the units or may
    /// have been rejected; their places become 0.
    /// </summary>
    private int Place(int count, ulong bound, ulong threshold)
    {
        TRandom low = TRandom.Broadcast(uint.MaxValue);
        TRandom bound0 = TRandom.Broadcast(bound);
        TRandom bound1 = TRandom.Broadcast(bound >> 32);
        TRandom unitSum = TRandom.Broadcast(_units.UnitSum);

        // Only the high half of the low word is compared: what it cannot decide goes on the list as well.
        TRandom accepted = TRandom.Broadcast((threshold >> 32) + 1);
        ref ulong lane = ref MemoryMarshal.GetArrayDataReference(_lanes);
        int left = 0;
        for (int d = 0; d < count; d += TRandom.Blocks)
        {
            // SoftmaxDraw.Multiply.
            TRandom a0 = TRandom.Load(ref Unsafe.Add(ref lane, d));
            TRandom a1 = TRandom.ShiftRight(a0);
            TRandom middle0 = TRandom.Add(
                TRandom.Multiply(a1, bound0),
                TRandom.ShiftRight(TRandom.Multiply(a0, bound0))
            );
            TRandom middle1 = TRandom.Add(TRandom.Multiply(a0, bound1), TRandom.And(middle0, low));
            TRandom u = TRandom.Add(TRandom.Multiply(a1, bound1), TRandom.ShiftRight(middle0));
            u = TRandom.Add(u, TRandom.ShiftRight(middle1));
            TRandom.Write(u, ref Unsafe.Add(ref lane, d));
            ulong isPlace = TRandom.Less(u, unitSum) & ~TRandom.Less(TRandom.And(middle1, low), accepted);
            for (
                ulong failed = ~isPlace & ((1ul << Math.Min(TRandom.Blocks, count - d)) - 1);
                failed != 0;
                failed &= failed - 1
            )
            {
                int draw = d + BitOperations.TrailingZeroCount(failed);
                _left[left++] = draw;
                Unsafe.Add(ref lane, draw) = 0;
            }
        }

        return left;
    }

    /// <summary>Counts tokens, or where they are few marks them.</summary>
    private void Count(ReadOnlySpan<int> tokens)
    {
        ref int counts = ref _counts.First;
        ref ulong seen = ref MemoryMarshal.GetArrayDataReference(_seen);
        if (_isDense)
        {
            foreach (int token in tokens)
            {
                Unsafe.Add(ref counts, token)++;
            }
        }
        else
        {
            foreach (int token in tokens)
            {
                Unsafe.Add(ref seen, token >> 6) |= 1ul << token;
            }
        }
    }

    /// <summary>A draw whose first try did not fall among the units, or was rejected.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private int DrawRest(
        ReadOnlySpan<float> logits,
        uint draw,
        ulong bound,
        ulong threshold,
        in DrawStream draws,
        in DrawStream rests
    )
    {
        ulong u = 0;
        for (uint attempt = 0; attempt < SoftmaxDraw.Tries; attempt++)
        {
            u = Math.BigMul(SoftmaxDraw.Lane(draws, draw, attempt), bound, out ulong low);
            if (low < threshold)
            {
                continue;
            }

            if (u < _units.UnitSum)
            {
                return _units.Find(u);
            }

            int token = (int)(u - _units.UnitSum);
            uint mantissa = SoftmaxWeight.Mantissa(logits[token] - _largest, _scale, out int shift);
            PhiloxBlock bits = SoftmaxDraw.BlockOf(rests, draw, attempt);
            if (SoftmaxDraw.Accepts(SoftmaxWeight.Rest(mantissa, shift), shift, bits))
            {
                return token;
            }
        }

        return _units.Find(u % _units.UnitSum);
    }

    /// <summary>Appends what was drawn, and forgets it.</summary>
    private void Append(int row, int samples, ReadOnlySpan<int> kept, RowCounter target)
    {
        target.Begin(row);

        // Room for all entries there can be, and for those that are written beyond them.
        ref int entries = ref target.Reserve(checked(Math.Min(samples, _tokens) + CountsAtOnce), out Span<int> counts);
        ref int taken = ref MemoryMarshal.GetReference(counts);
        target.Advance(
            _isDense
                ? AppendDense(ref entries, ref taken)
                : AppendSparse(_found.AsSpan(0, samples), ref entries, ref taken)
        );
        if (!kept.IsEmpty)
        {
            target.Rename(kept);
        }

        target.End();
    }

    private int AppendDense(ref int entries, ref int taken)
    {
        ref int counts = ref _counts.First;
        int count = 0;
        for (int token = 0; token < _tokens; token += CountsAtOnce)
        {
            count += TLanes.TakeCounts(
                ref Unsafe.Add(ref counts, token),
                token,
                ref Unsafe.Add(ref entries, count),
                ref Unsafe.Add(ref taken, count)
            );
        }

        return count;
    }

    /// <summary>Counts by place among the marked tokens: counts of all of them would not stay in the cache.</summary>
    private int AppendSparse(ReadOnlySpan<int> drawn, ref int entries, ref int taken)
    {
        ref ulong seen = ref MemoryMarshal.GetArrayDataReference(_seen);
        ref int before = ref MemoryMarshal.GetArrayDataReference(_before);
        int words = (_tokens + 63) / 64;
        int count = 0;
        for (int word = 0; word < words; word++)
        {
            ulong rest = Unsafe.Add(ref seen, word);
            Unsafe.Add(ref before, word) = count;
            int found = BitOperations.PopCount(rest);
            ref int entry = ref Unsafe.Add(ref entries, count);

            // Four are always taken, wanted or not: how many there are cannot be predicted.
            int first = word * 64;
            ulong second = rest & (rest - 1);
            ulong third = second & (second - 1);
            ulong fourth = third & (third - 1);
            entry = first + BitOperations.TrailingZeroCount(rest);
            Unsafe.Add(ref entry, 1) = first + BitOperations.TrailingZeroCount(second);
            Unsafe.Add(ref entry, 2) = first + BitOperations.TrailingZeroCount(third);
            Unsafe.Add(ref entry, 3) = first + BitOperations.TrailingZeroCount(fourth);
            for (int i = 4; i < found; i++)
            {
                fourth &= fourth - 1;
                Unsafe.Add(ref entry, i) = first + BitOperations.TrailingZeroCount(fourth);
            }

            count += found;
        }

        MemoryMarshal.CreateSpan(ref taken, count).Clear();
        foreach (int token in drawn)
        {
            ulong lower = Unsafe.Add(ref seen, token >> 6) & ((1ul << token) - 1);
            Unsafe.Add(ref taken, Unsafe.Add(ref before, token >> 6) + BitOperations.PopCount(lower))++;
        }

        _seen.AsSpan(0, words).Clear();
        return count;
    }

    private static void Reserve<T>(ref T[] buffer, int length)
    {
        if (buffer.Length < length)
        {
            buffer = new T[length];
        }
    }
}
