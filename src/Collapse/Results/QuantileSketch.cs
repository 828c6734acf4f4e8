using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using Collapse.Kernels;

namespace Collapse.Results;

/// <summary>
/// Counts of values in bins whose width is one part in 128 of their power of two: quantiles of any number of
/// contexts from a few kilobytes, the same in whatever order values come and sketches merge. Values below
/// 256 are exact; of larger ones a quantile is off by less than one part in 128.
/// </summary>
internal sealed class QuantileSketch(int cells)
{
    private const int SubBits = SketchBins.SubBits;
    private const int PageLength = SketchBins.PageLength;
    private const int Pages = SketchBins.Pages;
    private const int BlockPages = 64;

    // The pages in use, numbered from 1, in blocks that stay where they are; which pages each cell has, 0 for none.
    private readonly int[] _pageOf = new int[cells * Pages];
    private uint[][] _blocks = [new uint[BlockPages * PageLength]];
    private int _blockCount = 1;
    private int _last;

    /// <summary>Counts a value ≥ 0 in a cell (one observable at one generation).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(int cell, long value)
    {
        int bin = SketchBins.Bin(value);
        Page(cell * Pages + (bin >> SubBits))[bin & (PageLength - 1)]++;
    }

    /// <summary>Asks the processor to fetch what <see cref="Add"/> will change; a no-op where it cannot be asked.</summary>
    public unsafe void Prefetch(int cell, long value)
    {
        if (Sse.IsSupported)
        {
            int bin = SketchBins.Bin(value);
            int page = _pageOf[cell * Pages + (bin >> SubBits)];

            // The address is a hint: should the array move meanwhile, nothing is read or written in vain but a line.
            Sse.Prefetch0(Unsafe.AsPointer(ref PageAt(page)[bin & (PageLength - 1)]));
        }
    }

    /// <summary>Adds the counts of all bins, from 0 on, to a cell.</summary>
    public void AddBins(int cell, ReadOnlySpan<int> bins)
    {
        for (int p = 0; p < Pages; p++)
        {
            ReadOnlySpan<int> source = bins.Slice(p * PageLength, PageLength);
            if (source.ContainsAnyExcept(0))
            {
                Span<uint> target = Page(cell * Pages + p);
                for (int i = 0; i < PageLength; i++)
                {
                    target[i] += (uint)source[i];
                }
            }
        }
    }

    /// <summary>Adds one cell of another sketch to one of this.</summary>
    public void AddCell(int cell, QuantileSketch other, int otherCell)
    {
        for (int p = 0; p < Pages; p++)
        {
            if (other._pageOf[otherCell * Pages + p] is > 0 and int number)
            {
                AddPage(Page(cell * Pages + p), other.PageAt(number));
            }
        }
    }

    /// <summary>The q-quantile of a cell, within the smallest and largest value counted.</summary>
    /// <param name="cell">The cell; it holds <paramref name="count"/> values.</param>
    /// <param name="quantile">q in 0 to 1: the value at rank q·(count - 1).</param>
    /// <param name="count">Number of values, at least 1.</param>
    /// <param name="min">Smallest value.</param>
    /// <param name="max">Largest value.</param>
    public double Quantile(int cell, double quantile, long count, long min, long max)
    {
        double rank = quantile * (count - 1);
        long below = 0;
        for (int p = 0; p < Pages; p++)
        {
            int number = _pageOf[cell * Pages + p];
            if (number == 0)
            {
                continue;
            }

            ReadOnlySpan<uint> page = PageAt(number);
            long total = Total(page);
            if (rank >= below + total)
            {
                below += total;
                continue;
            }

            for (int i = 0; i < PageLength; i++)
            {
                uint here = page[i];
                if (here > 0 && rank < below + here)
                {
                    (double low, double width) = Edges((p << SubBits) | i);
                    double first = Math.Max(low, min);
                    double last = Math.Min(low + width - 1, max);
                    double place = here == 1 ? 0.5 : (rank - below) / (here - 1);
                    return first + Math.Clamp(place, 0, 1) * Math.Max(last - first, 0);
                }

                below += here;
            }
        }

        return max;
    }

    private static long Total(ReadOnlySpan<uint> page)
    {
        ref uint bins = ref MemoryMarshal.GetReference(page);
        Vector<ulong> sum = default;
        for (nuint i = 0; i < PageLength; i += (nuint)Vector<uint>.Count)
        {
            Vector.Widen(Vector.LoadUnsafe(ref bins, i), out Vector<ulong> low, out Vector<ulong> high);
            sum += low + high;
        }

        return (long)Vector.Sum(sum);
    }

    private static (double Low, double Width) Edges(int bin)
    {
        // Bin = (exponent << 7) + leading, with leading in 0 … 255 for exponent 0, else in 128 … 255.
        int exponent = Math.Max(0, (bin >> SubBits) - 1);
        long leading = bin - ((long)exponent << SubBits);
        return (Math.ScaleB(leading, exponent), Math.ScaleB(1, exponent));
    }

    /// <summary>Adds a page to another. A run of few generations would otherwise spend a tenth of its time here, on one thread.</summary>
    private static void AddPage(Span<uint> target, ReadOnlySpan<uint> source)
    {
        ref uint to = ref MemoryMarshal.GetReference(target);
        ref uint from = ref MemoryMarshal.GetReference(source);
        for (nuint i = 0; i < PageLength; i += (nuint)Vector<uint>.Count)
        {
            (Vector.LoadUnsafe(ref to, i) + Vector.LoadUnsafe(ref from, i)).StoreUnsafe(ref to, i);
        }
    }

    /// <summary>The page of a cell, new if need be.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Span<uint> Page(int slot)
    {
        int number = _pageOf[slot];
        return PageAt(number == 0 ? NewPage(slot) : number);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private int NewPage(int slot)
    {
        if (++_last == _blockCount * BlockPages)
        {
            if (_blockCount == _blocks.Length)
            {
                Array.Resize(ref _blocks, 2 * _blockCount);
            }

            _blocks[_blockCount++] = new uint[BlockPages * PageLength];
        }

        return _pageOf[slot] = _last;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Span<uint> PageAt(int number) =>
        _blocks[(uint)number / BlockPages].AsSpan((int)((uint)number % BlockPages) * PageLength, PageLength);
}
