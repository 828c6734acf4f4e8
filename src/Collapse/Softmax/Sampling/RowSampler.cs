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
    /// <param name="places">Numbers from 0 up to, not including, the sum of units that is returned.</param>
    /// <param name="tokens">Receives as many tokens.</param>
    ulong Map(ReadOnlySpan<float> logits, double temperature, ReadOnlySpan<long> places, Span<int> tokens);
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

    private readonly AlignedBuffer<float> _buffer = new();
    private readonly TokenSelection<TLanes> _selection = new();
    private readonly UnitTable<TLanes> _units = new();
    private readonly ulong[] _lanes = new ulong[Portion + RandomLanes<TRandom>.Padding];
    private readonly int[] _found = new int[Portion];
    private readonly int[] _left = new int[Portion];
    private RandomLanes<TRandom> _random = new(0);
    private ulong _seed;
    private int[] _counts = [];
    private ulong[] _seen = [];

    private int _tokens;
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
        _units.Build(logits, _largest, _scale, next < source.Rows ? source.Stored(next) : default);
        Draw(logits, samples, streams.Draws(row), streams.Rests(row));
        Append(row, samples, kept, target);
    }

    /// <inheritdoc/>
    public ulong Map(ReadOnlySpan<float> logits, double temperature, ReadOnlySpan<long> places, Span<int> tokens)
    {
        _units.Build(logits, Largest(logits), new SoftmaxScale(temperature), default);
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
        Reserve(ref _counts, _tokens);
        Reserve(ref _seen, (_tokens + 63) / 64);
        ulong bound = _units.UnitSum + (ulong)_tokens;
        ulong threshold = SoftmaxDraw.Threshold(bound);
        for (long start = 0; start < samples; start += Portion)
        {
            int count = (int)Math.Min(Portion, samples - start);
            _random.Fill(draws, (uint)(start / 2), (count + 1) / 2, _lanes);
            int left = Place(_lanes.AsSpan(0, count), bound, threshold);
            _units.Find(_lanes.AsSpan(0, count), _found);

            // The draws that failed at first: their places so far were 0.
            for (int i = 0; i < left; i++)
            {
                int d = _left[i];
                _found[d] = DrawRest(logits, (uint)(start + d), bound, threshold, draws, rests);
            }

            Count(_found.AsSpan(0, count));
        }
    }

    /// <summary>Makes places of lanes, and lists the draws whose place is not among the units or was rejected.</summary>
    private int Place(Span<ulong> lanes, ulong bound, ulong threshold)
    {
        int left = 0;
        ulong unitSum = _units.UnitSum;
        ref int list = ref MemoryMarshal.GetArrayDataReference(_left);
        for (int d = 0; d < lanes.Length; d++)
        {
            ulong u = Math.BigMul(lanes[d], bound, out ulong low);
            int isPlace = Convert.ToInt32(u < unitSum & low >= threshold);
            Unsafe.Add(ref list, left) = d;
            left += 1 - isPlace;
            lanes[d] = u & (ulong)-isPlace;
        }

        return left;
    }

    private void Count(ReadOnlySpan<int> tokens)
    {
        ref int counts = ref MemoryMarshal.GetArrayDataReference(_counts);
        ref ulong seen = ref MemoryMarshal.GetArrayDataReference(_seen);
        foreach (int token in tokens)
        {
            Unsafe.Add(ref counts, token)++;
            Unsafe.Add(ref seen, token >> 6) |= 1ul << token;
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
        // Room for all entries there can be, and four more.
        int words = (_tokens + 63) / 64;
        target.Begin(row);
        ref int entries = ref target.Reserve((int)Math.Min((long)samples + 4, (64L * words) + 4));
        ref ulong seen = ref MemoryMarshal.GetArrayDataReference(_seen);
        int count = 0;
        for (int word = 0; word < words; word++)
        {
            ulong rest = Unsafe.Add(ref seen, word);
            Unsafe.Add(ref seen, word) = 0;
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

        target.Advance(count);
        target.TakeCounts(_counts, kept);
        target.End();
    }

    private static void Reserve<T>(ref T[] buffer, int length)
    {
        if (buffer.Length < length)
        {
            buffer = new T[length];
        }
    }
}
