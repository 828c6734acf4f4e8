using System.Numerics;
using ILGPU;

namespace Collapse.Kernels;

/// <summary>The 64-bit lanes of a <see cref="DrawPurpose.Counts"/> stream, one after the other, and binomials from them.</summary>
internal struct CountStream
{
    private const ulong LowBits = 0x0101010101010101;
    private const ulong HighBits = 0x8080808080808080;

    private readonly DrawStream _stream;
    private readonly ArrayView<ulong> _halves;
    private uint _block;
    private ulong _second;
    private bool _hasSecond;

    /// <summary>Starts at the first lane.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="halves">The tables of <see cref="HalfBinomial"/>.</param>
    public CountStream(DrawStream stream, ArrayView<ulong> halves)
    {
        _stream = stream;
        _halves = halves;
        _block = 0;
        _second = 0;
        _hasSecond = false;
    }

    /// <summary>
    /// Binomial(<paramref name="draws"/>, <paramref name="left"/> / <paramref name="total"/>): how many of so many
    /// numbers, uniform on [0, 1), lie below the fraction. They are compared with it bit by bit, the last of them byte
    /// by byte.
    /// </summary>
    public int Binomial(int draws, long left, long total)
    {
        int below = 0;
        int undecided = draws;
        long rest = left;
        while (undecided > CountRule.MostInBytes && rest > 0)
        {
            int zeros = Half(undecided);
            rest *= 2;

            // No branch: which bit comes next cannot be predicted.
            bool isOne = rest >= total;
            below += isOne ? zeros : 0;
            undecided = isOne ? undecided - zeros : zeros;
            rest -= isOne ? total : 0;
        }

        while (undecided > 0 && rest > 0)
        {
            long places = rest << 8;
            long place = places / total;
            rest = places - (place * total);
            int equal = 0;
            for (int waiting = undecided; waiting > 0; waiting -= 8)
            {
                ulong lane = Next();
                ulong used = waiting >= 8 ? HighBits : HighBits >> (64 - (8 * waiting));
                below += BitOperations.PopCount(Below(lane, (ulong)place * LowBits) & used);
                equal += BitOperations.PopCount(Equal(lane, (ulong)place * LowBits) & used);
            }

            undecided = equal;
        }

        return below;
    }

    /// <summary>The high bit of each byte of x that is below that of y.</summary>
    private static ulong Below(ulong x, ulong y)
    {
        // Byte by byte without carries: the lower seven bits subtracted, then the high bits compared.
        ulong difference = (x | HighBits) - (y & ~HighBits);
        return ((~x & y) | (~(x ^ y) & ~difference)) & HighBits;
    }

    /// <summary>The high bit of each byte of x that is equal to that of y.</summary>
    private static ulong Equal(ulong x, ulong y)
    {
        ulong z = x ^ y;
        return ~(((z & ~HighBits) + ~HighBits) | z) & HighBits;
    }

    /// <summary>Binomial(<paramref name="tosses"/>, 1/2).</summary>
    private int Half(int tosses)
    {
        int heads = 0;
        int rest = tosses;
        for (int log = HalfBinomial.LargestLog; log >= HalfBinomial.SmallestLog; log--)
        {
            while (rest >> log > 0)
            {
                heads += FromTable(log);
                rest -= 1 << log;
            }
        }

        for (; rest >= 64; rest -= 64)
        {
            heads += BitOperations.PopCount(Next());
        }

        if (rest > 0)
        {
            heads += BitOperations.PopCount(Next() & ((1UL << rest) - 1));
        }

        return heads;
    }

    private int FromTable(int log)
    {
        long table = (long)_halves[log - HalfBinomial.SmallestLog];
        long count = (long)_halves[table + 1];
        long thresholds = table + HalfBinomial.Thresholds;
        ulong lane = Next();
        long guide = table + HalfBinomial.Guide + (long)(lane >> 56);
        long low = (long)_halves[guide];
        long high = (long)_halves[guide + 1];
        while (low < high)
        {
            long middle = (low + high) / 2;
            bool isBelow = _halves[thresholds + middle] < lane;
            low = isBelow ? middle + 1 : low;
            high = isBelow ? high : middle;
        }

        if (low < count && _halves[thresholds + low] == lane)
        {
            ulong next = Next();
            while (low < count && _halves[thresholds + low] == lane && _halves[thresholds + count + low] <= next)
            {
                low++;
            }
        }

        return (int)((long)_halves[table] + low);
    }

    private ulong Next()
    {
        if (_hasSecond)
        {
            _hasSecond = false;
            return _second;
        }

        PhiloxBlock words = DevicePhilox.Block(_stream, _block++);
        _second = words.X2 | ((ulong)words.X3 << 32);
        _hasSecond = true;
        return words.X0 | ((ulong)words.X1 << 32);
    }
}
