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
    void Sample(ILogitSource source, int row, int samples, SamplingRule rule, LogitStreams streams, RowCounter target);

    /// <summary>The tokens that given places fall on, for tests of the map from integers to tokens.</summary>
    /// <param name="logits">A row that has a law.</param>
    /// <param name="temperature">T.</param>
    /// <param name="places">Numbers from 0 up to, not including, the sum of units that is returned.</param>
    /// <param name="tokens">Receives as many tokens.</param>
    ulong Map(ReadOnlySpan<float> logits, double temperature, ReadOnlySpan<long> places, Span<int> tokens);
}

/// <summary>
/// Draws from one row after the other at a vector width: the units of <see cref="SoftmaxDraw"/> are added up while
/// the weights are made, and a draw is a search among the ends of blocks, of the columns of one block and of the
/// lines of one column. No step of it depends on what is found, so that no branch is mispredicted.
/// </summary>
/// <typeparam name="TLanes">The vector width of the weights.</typeparam>
/// <typeparam name="TRandom">The vector width of the random numbers.</typeparam>
internal sealed class RowSampler<TLanes, TRandom> : IRowSampler
    where TLanes : unmanaged, ISoftmaxLanes<TLanes>
    where TRandom : unmanaged, IPhiloxLanes<TRandom>
{
    // Draws whose random numbers are made at a time, an even number.
    private const int Portion = 2048;

    private readonly TokenSelection<TLanes> _selection = new();
    private readonly ulong[] _lanes = new ulong[Portion + RandomLanes<TRandom>.Padding];
    private readonly int[] _found = new int[Portion];
    private readonly int[] _left = new int[Portion];
    private RandomLanes<TRandom> _random = new(0);
    private ulong _seed;
    private float[] _buffer = [];
    private readonly BlockTree _tree = new();
    private uint[] _lineEnds = [];
    private long[] _columnEnds = [];
    private int[] _counts = [];
    private ulong[] _seen = [];

    private int _tokens;
    private ulong _unitSum;
    private float _largest;
    private SoftmaxScale _scale;

    /// <inheritdoc/>
    public void Sample(
        ILogitSource source,
        int row,
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

        Reserve(ref _buffer, source.Tokens);
        ReadOnlySpan<float> logits = source.Row(row, _buffer.AsSpan(0, source.Tokens));
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

        Weigh(logits);
        Draw(logits, samples, streams.Draws(row), streams.Rests(row));
        Append(row, kept, target);
    }

    /// <inheritdoc/>
    public ulong Map(ReadOnlySpan<float> logits, double temperature, ReadOnlySpan<long> places, Span<int> tokens)
    {
        _scale = new SoftmaxScale(temperature);
        _largest = Largest(logits);
        Weigh(logits);
        for (int i = 0; i < places.Length; i++)
        {
            tokens[i] = Locate(places[i]);
        }

        return _unitSum;
    }

    /// <summary>The largest logit; not a number where one is not a number or plus infinity.</summary>
    private static float Largest(ReadOnlySpan<float> logits)
    {
        // Bits as integers: plus infinity and what is not a number with a plus sign lie above all others where they
        // are signed, what is not a number with a minus sign where they are not.
        TLanes largest = TLanes.Broadcast(float.NegativeInfinity);
        TLanes signed = largest;
        TLanes unsigned = TLanes.Broadcast(0);
        ref float first = ref MemoryMarshal.GetReference(logits);
        nuint i = 0;
        nuint whole = (nuint)(logits.Length - (logits.Length % TLanes.Count));
        for (; i < whole; i += (nuint)TLanes.Count)
        {
            TLanes x = TLanes.Load(ref first, i);
            largest = TLanes.Max(largest, x);
            signed = TLanes.MaxSigned(signed, x);
            unsigned = TLanes.MaxUnsigned(unsigned, x);
        }

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

    /// <summary>Makes the units of all tokens, and the ends of columns and blocks.</summary>
    private void Weigh(ReadOnlySpan<float> logits)
    {
        _tokens = logits.Length;
        int blocks = (int)(((long)_tokens + SoftmaxDraw.BlockTokens - 1) / SoftmaxDraw.BlockTokens);
        Reserve(ref _lineEnds, checked(blocks * SoftmaxDraw.BlockTokens));
        Reserve(ref _columnEnds, (blocks * SoftmaxDraw.Columns) + 1);
        ref float first = ref MemoryMarshal.GetReference(logits);
        int whole = _tokens / SoftmaxDraw.BlockTokens;
        long end = 0;
        for (int b = 0; b < whole; b++)
        {
            end = WeighBlock(ref Unsafe.Add(ref first, (nint)b * SoftmaxDraw.BlockTokens), b, end);
        }

        if (whole < blocks)
        {
            Span<float> last = stackalloc float[SoftmaxDraw.BlockTokens];
            last.Fill(float.NegativeInfinity);
            logits[(whole * SoftmaxDraw.BlockTokens)..].CopyTo(last);
            end = WeighBlock(ref MemoryMarshal.GetReference(last), whole, end);
        }

        _unitSum = (ulong)end;
        _tree.Build(_columnEnds.AsSpan(1), blocks);
    }

    /// <summary>Adds up one block, whose units start at <paramref name="end"/>, and tells where they end.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private long WeighBlock(ref float logits, int block, long end)
    {
        ref uint lineEnds = ref _lineEnds[block * SoftmaxDraw.BlockTokens];
        Unsafe.SkipInit(out ColumnSums sums);
        ref uint sum = ref sums[0];
        TLanes largest = TLanes.Broadcast(_largest);
        TLanes high = TLanes.Broadcast(_scale.High);
        TLanes low = TLanes.Broadcast(_scale.Low);
        TLanes lowest = TLanes.Broadcast(WeightLanes<TLanes>.Lowest(_scale));
        for (nuint part = 0; part < SoftmaxDraw.Columns; part += (nuint)TLanes.Count)
        {
            TLanes total = TLanes.Broadcast(0);
            for (nuint line = 0; line < SoftmaxDraw.Lines; line++)
            {
                nuint at = part + (SoftmaxDraw.Columns * line);
                TLanes x = TLanes.Subtract(TLanes.Load(ref logits, at), largest);
                TLanes u = TLanes.Truncate(WeightLanes<TLanes>.Scaled(x, high, low, lowest));
                total = TLanes.AddIntegers(total, u);
                TLanes.Store(total, ref lineEnds, at);
            }

            TLanes.Store(total, ref sum, part);
        }

        // The first element is the 0 before all columns.
        ref long ends = ref _columnEnds[(block * SoftmaxDraw.Columns) + 1];
        for (int column = 0; column < SoftmaxDraw.Columns; column++)
        {
            end += Unsafe.Add(ref sum, column);
            Unsafe.Add(ref ends, column) = end;
        }

        return end;
    }

    private void Draw(ReadOnlySpan<float> logits, int samples, in DrawStream draws, in DrawStream rests)
    {
        Reserve(ref _counts, _tokens);
        Reserve(ref _seen, (_tokens + 63) / 64);
        ulong bound = _unitSum + (ulong)_tokens;
        ulong threshold = SoftmaxDraw.Threshold(bound);
        for (long start = 0; start < samples; start += Portion)
        {
            int count = (int)Math.Min(Portion, samples - start);
            _random.Fill(draws, (uint)(start / 2), (count + 1) / 2, _lanes);
            int left = Place(_lanes.AsSpan(0, count), bound, threshold);
            FindBlocks(count);
            FindTokens(count);

            // The draws that failed at first: their places so far were 0.
            for (int i = 0; i < left; i++)
            {
                int d = _left[i];
                _found[d] = DrawRest(logits, (uint)(start + d), bound, threshold, draws, rests);
            }

            Count(_found.AsSpan(0, count));
        }
    }

    // What follows is a loop for each step, so that the reads of many draws are under way at the same time.

    /// <summary>Makes places of lanes, and lists the draws whose place is not among the units or was rejected.</summary>
    private int Place(Span<ulong> lanes, ulong bound, ulong threshold)
    {
        int left = 0;
        ulong unitSum = _unitSum;
        ref int list = ref MemoryMarshal.GetArrayDataReference(_left);
        for (int d = 0; d < lanes.Length; d++)
        {
            ulong lane = lanes[d];
            ulong u = Math.BigMul(lane, bound, out _);
            bool isPlace = u < unitSum & lane * bound >= threshold;
            Unsafe.Add(ref list, left) = d;
            left += Convert.ToInt32(!isPlace);
            lanes[d] = isPlace ? u : 0;
        }

        return left;
    }

    private void FindBlocks(int count)
    {
        ref ulong place = ref MemoryMarshal.GetArrayDataReference(_lanes);
        ref int found = ref MemoryMarshal.GetArrayDataReference(_found);
        BlockTree.Walk walk = _tree.Start();
        for (int d = 0; d < count; d++)
        {
            Unsafe.Add(ref found, d) = walk.Find<TLanes>((long)Unsafe.Add(ref place, d));
        }
    }

    private void FindTokens(int count)
    {
        ref ulong place = ref MemoryMarshal.GetArrayDataReference(_lanes);
        ref int found = ref MemoryMarshal.GetArrayDataReference(_found);
        ref long columnEnds = ref MemoryMarshal.GetArrayDataReference(_columnEnds);
        ref uint lineEnds = ref MemoryMarshal.GetArrayDataReference(_lineEnds);
        for (int d = 0; d < count; d++)
        {
            Unsafe.Add(ref found, d) = FindInBlock(
                ref columnEnds,
                ref lineEnds,
                Unsafe.Add(ref found, d),
                (long)Unsafe.Add(ref place, d)
            );
        }
    }

    /// <summary>The token of a block whose units hold a place.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int FindInBlock(ref long columnEnds, ref uint lineEnds, int block, long u)
    {
        // The first of all ends is a 0, so that the end before the block's first column is there too.
        ref long ends = ref Unsafe.Add(ref columnEnds, block * SoftmaxDraw.Columns);
        int column = TLanes.CountNotAbove(ref Unsafe.Add(ref ends, 1), u);
        uint place = (uint)(u - Unsafe.Add(ref ends, column)) + 1;
        int token = (block * SoftmaxDraw.BlockTokens) + column;
        ref uint end = ref Unsafe.Add(ref lineEnds, token);

        // A line's end is at most 2^31: a difference below 0 has its highest bit set. The last line's is of no account.
        uint line =
            ((end - place) >> 31)
            + ((Unsafe.Add(ref end, 1 * SoftmaxDraw.Columns) - place) >> 31)
            + ((Unsafe.Add(ref end, 2 * SoftmaxDraw.Columns) - place) >> 31)
            + ((Unsafe.Add(ref end, 3 * SoftmaxDraw.Columns) - place) >> 31)
            + ((Unsafe.Add(ref end, 4 * SoftmaxDraw.Columns) - place) >> 31)
            + ((Unsafe.Add(ref end, 5 * SoftmaxDraw.Columns) - place) >> 31)
            + ((Unsafe.Add(ref end, 6 * SoftmaxDraw.Columns) - place) >> 31);
        return token + ((int)line * SoftmaxDraw.Columns);
    }

    private int Locate(long u) =>
        FindInBlock(
            ref MemoryMarshal.GetArrayDataReference(_columnEnds),
            ref MemoryMarshal.GetArrayDataReference(_lineEnds),
            _tree.Start().Find<TLanes>(u),
            u
        );

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

            if (u < _unitSum)
            {
                return Locate((long)u);
            }

            int token = (int)(u - _unitSum);
            uint mantissa = SoftmaxWeight.Mantissa(logits[token] - _largest, _scale, out int shift);
            PhiloxBlock bits = SoftmaxDraw.BlockOf(rests, draw, attempt);
            if (SoftmaxDraw.Accepts(SoftmaxWeight.Rest(mantissa, shift), shift, bits))
            {
                return token;
            }
        }

        return Locate((long)(u % _unitSum));
    }

    /// <summary>Appends what was drawn, and forgets it.</summary>
    private void Append(int row, ReadOnlySpan<int> kept, RowCounter target)
    {
        target.Begin(row);
        int words = (_tokens + 63) / 64;
        for (int word = 0; word < words; word++)
        {
            ulong rest = _seen[word];
            _seen[word] = 0;
            int found = BitOperations.PopCount(rest);
            Span<int> entries = target.Reserve(found + 4);

            // Four are always taken, wanted or not: how many there are cannot be predicted.
            int first = word * 64;
            ulong second = rest & (rest - 1);
            ulong third = second & (second - 1);
            ulong fourth = third & (third - 1);
            entries[3] = first + BitOperations.TrailingZeroCount(fourth);
            entries[2] = first + BitOperations.TrailingZeroCount(third);
            entries[1] = first + BitOperations.TrailingZeroCount(second);
            entries[0] = first + BitOperations.TrailingZeroCount(rest);
            for (int i = 4; i < found; i++)
            {
                fourth &= fourth - 1;
                entries[i] = first + BitOperations.TrailingZeroCount(fourth);
            }

            target.Advance(found);
        }

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

    [InlineArray(SoftmaxDraw.Columns)]
    private struct ColumnSums
    {
        private uint _first;
    }
}
