using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Collapse.Kernels;

namespace Collapse.Engines.Cpu;

/// <summary>
/// Binomials from the 64-bit lanes of a <see cref="DrawPurpose.Counts"/> stream, read many at a time; the same numbers
/// as <see cref="ReferenceBinomial"/> gives.
/// </summary>
/// <typeparam name="TLanes">The vector width of the random numbers.</typeparam>
internal sealed class BinomialLanes<TLanes>
    where TLanes : unmanaged, IPhiloxLanes<TLanes>
{
    // Blocks that are read at a time, and lanes that one part of the tosses needs at most.
    private const int FewestBlocks = 16;
    private const int MostBlocks = 64;
    private const int MostLanes = 1 << (HalfBinomial.SmallestLog - 6);

    private readonly RandomLanes<TLanes> _random;
    private readonly ulong[] _halves;
    private readonly ulong[] _lanes = new ulong[MostLanes + (2 * MostBlocks) + RandomLanes<TLanes>.Padding];
    private DrawStream _stream;
    private uint _block;
    private int _next;
    private int _filled;

    /// <summary>Prepares the keys.</summary>
    /// <param name="random">The random numbers of the run.</param>
    /// <param name="halves">The tables of <see cref="HalfBinomial"/>.</param>
    public BinomialLanes(RandomLanes<TLanes> random, ulong[] halves)
    {
        _random = random;
        _halves = halves;
    }

    /// <summary>Takes up a stream at its first lane.</summary>
    public void Begin(in DrawStream stream)
    {
        // What the last generation took, this one will take or a little less.
        int last = ((2 * (int)_block) - (_filled - _next) + 15) / 16 * 8;
        _stream = stream;
        _block = 0;
        _next = 0;
        _filled = 0;
        Fill(Math.Clamp(last, FewestBlocks, MostBlocks));
    }

    /// <summary>Binomial(draws, left / total): see <see cref="ReferenceBinomial"/>.</summary>
    public int Draw(int draws, long left, long total)
    {
        long below = 0;
        long undecided = draws;
        long rest = left;
        while (undecided > CountRule.MostInBytes && rest > 0)
        {
            long zeros = Half(undecided);

            // No branch: which bit comes next cannot be predicted.
            long over = (2 * rest) - total;
            long isOne = ~(over >> 63);
            below += zeros & isOne;
            undecided = zeros + ((undecided - (2 * zeros)) & isOne);
            rest = over + (total & ~isOne);
        }

        while (undecided > 0 && rest > 0)
        {
            if (_filled - _next < CountRule.MostInBytes / 8)
            {
                Fill(FewestBlocks);
            }

            (ulong place, ulong remainder) = Math.DivRem((ulong)rest << 8, (ulong)total);
            ref ulong lane = ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_lanes), _next);
            Vector512<byte> bytes = Vector512.LoadUnsafe(ref Unsafe.As<ulong, byte>(ref lane));
            Vector512<byte> places = Vector512.Create((byte)place);
            int unused = CountRule.MostInBytes - (int)undecided;
            _next += (int)(undecided + 7) / 8;
            below += BitOperations.PopCount(Vector512.LessThan(bytes, places).ExtractMostSignificantBits() << unused);
            undecided = BitOperations.PopCount(Vector512.Equals(bytes, places).ExtractMostSignificantBits() << unused);
            rest = (long)remainder;
        }

        return (int)below;
    }

    /// <summary>Binomial(tosses, 1/2).</summary>
    private long Half(long tosses)
    {
        long heads = 0;
        for (int log = HalfBinomial.LargestLog; tosses >> HalfBinomial.SmallestLog > 0; log--)
        {
            for (; tosses >> log > 0; tosses -= 1L << log)
            {
                heads += FromTable(log);
            }
        }

        var whole = (int)(tosses / 64);
        if (_filled - _next <= MostLanes)
        {
            Fill(FewestBlocks);
        }

        ref ulong lane = ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_lanes), _next);
        for (int i = 0; i < whole; i++)
        {
            heads += BitOperations.PopCount(Unsafe.Add(ref lane, i));
        }

        var rest = (int)(tosses % 64);
        if (rest > 0)
        {
            heads += BitOperations.PopCount(Unsafe.Add(ref lane, whole) << (64 - rest));
            whole++;
        }

        _next += whole;
        return heads;
    }

    private long FromTable(int log)
    {
        var table = (int)_halves[log - HalfBinomial.SmallestLog];
        var count = (int)_halves[table + 1];
        ReadOnlySpan<ulong> upper = _halves.AsSpan(table + HalfBinomial.Thresholds, count);
        ulong lane = Next();
        int guide = table + HalfBinomial.Guide + (int)(lane >> 56);
        var low = (int)_halves[guide];
        var high = (int)_halves[guide + 1];
        while (low < high)
        {
            int middle = (low + high) / 2;
            bool isBelow = upper[middle] < lane;
            low = isBelow ? middle + 1 : low;
            high = isBelow ? high : middle;
        }

        if (low < count && upper[low] == lane)
        {
            ulong next = Next();
            while (low < count && upper[low] == lane && _halves[table + HalfBinomial.Thresholds + count + low] <= next)
            {
                low++;
            }
        }

        return (long)_halves[table] + low;
    }

    private ulong Next()
    {
        if (_next == _filled)
        {
            Fill(FewestBlocks);
        }

        return _lanes[_next++];
    }

    /// <summary>Reads more blocks behind the few lanes that are left.</summary>
    private void Fill(int blocks)
    {
        _lanes.AsSpan(_next, _filled - _next).CopyTo(_lanes);
        _filled -= _next;
        _next = 0;
        _random.Fill(_stream, _block, blocks, _lanes.AsSpan(_filled));
        _block += (uint)blocks;
        _filled += 2 * blocks;
    }
}
