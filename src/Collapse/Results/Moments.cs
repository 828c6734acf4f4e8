using System.Numerics;
using System.Runtime.CompilerServices;
using Collapse.Kernels;

namespace Collapse.Results;

/// <summary>
/// Sums of whole numbers and of their squares without rounding, so that means and standard deviations do not
/// depend on the order of contexts, threads or chunks.
/// </summary>
internal struct Moments
{
    private Int128 sum;
    private Int128 weighted;
    private UInt128 squares;
    private ulong squaresHigh;
    private long min;
    private long max;
    private long count;

    /// <summary>Adds a value in 0 … 2^62.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(long value, long weight)
    {
        sum += value;
        weighted += (Int128)Math.BigMul((ulong)value, (ulong)weight);
        AddSquares(Math.BigMul((ulong)value, (ulong)value), 0);
        min = count == 0 ? value : Math.Min(min, value);
        max = count == 0 ? value : Math.Max(max, value);
        count++;
    }

    /// <summary>Adds values that <see cref="RowSumsKernel"/> has added up.</summary>
    /// <param name="sums">The numbers of one observable.</param>
    public void Add(ReadOnlySpan<long> sums)
    {
        if (sums[RowSumsKernel.Count] == 0)
        {
            return;
        }

        ReadOnlySpan<long> limbs = sums[RowSumsKernel.Squares..];
        ReadOnlySpan<long> weightedLimbs = sums[RowSumsKernel.Weighted..];
        var more = new Moments
        {
            count = sums[RowSumsKernel.Count],
            sum = ((Int128)sums[RowSumsKernel.Sum + 1] << 32) + sums[RowSumsKernel.Sum],
            weighted = ((Int128)weightedLimbs[2] << 64) + ((Int128)weightedLimbs[1] << 32) + weightedLimbs[0],
            min = long.MaxValue - sums[RowSumsKernel.MaxBelow],
            max = sums[RowSumsKernel.Max],
        };
        more.AddSquares((UInt128)limbs[0] + ((UInt128)limbs[1] << 32) + ((UInt128)limbs[2] << 64), 0);
        more.AddSquares((UInt128)limbs[3] << 96, (ulong)limbs[3] >> 32);
        Add(more);
    }

    public void Add(in Moments other)
    {
        if (other.count == 0)
        {
            return;
        }

        sum += other.sum;
        weighted += other.weighted;
        AddSquares(other.squares, other.squaresHigh);
        min = count == 0 ? other.min : Math.Min(min, other.min);
        max = count == 0 ? other.max : Math.Max(max, other.max);
        count += other.count;
    }

    public readonly long Count => count;

    public readonly long Min => min;

    public readonly long Max => max;

    /// <summary>The mean in units of the values.</summary>
    public readonly double Mean => count == 0 ? double.NaN : (double)sum / count;

    /// <summary>The mean weighted by a total weight.</summary>
    public readonly double WeightedMean(Int128 totalWeight) =>
        totalWeight == 0 ? double.NaN : (double)weighted / (double)totalWeight;

    /// <summary>The standard deviation over contexts, with divisor count - 1; NaN for fewer than two.</summary>
    public readonly double StandardDeviation
    {
        get
        {
            if (count < 2)
            {
                return double.NaN;
            }

            BigInteger total = sum;
            BigInteger square = ((BigInteger)squaresHigh << 128) + squares;
            return Math.Sqrt((double)(count * square - total * total) / count / (count - 1));
        }
    }

    private void AddSquares(UInt128 low, ulong high)
    {
        squares += low;
        squaresHigh += high + (squares < low ? 1ul : 0ul);
    }
}
