using System.Numerics;

namespace Collapse.Kernels;

/// <summary>
/// Natural logarithms of integers in fixed point, so that Σ c·ln c is a sum of 64-bit integers and comes out
/// the same in whatever order an engine adds it. Exact to half a unit up to 65,536; beyond, linear
/// interpolation of the 16 leading bits (error below 1.2e-10, concave, hence from below) with up to 9 units of
/// rounding, as up to 15 ln 2 are added.
/// </summary>
public static class LogTable
{
    /// <summary>Largest table: ln 0 … ln 65,536.</summary>
    public const int MaxLength = 65537;

    /// <summary>The table ln 0 (as 0), ln 1, …, in units of 2^-bits.</summary>
    /// <param name="length">Number of entries, 2 to 65,537.</param>
    /// <param name="bits">Binary places, 0 to 56.</param>
    public static long[] Create(int length, int bits)
    {
        var table = new long[length];
        double unit = Math.ScaleB(1, bits);
        for (int i = 1; i < length; i++)
        {
            table[i] = (long)Math.Round(Math.Log(i) * unit);
        }

        return table;
    }

    /// <summary>The binary places with which Σ c·ln c stays below 2^62 when Σ c is at most <paramref name="total"/>.</summary>
    /// <param name="total">Largest sum of counts, 1 to 2^31 - 1.</param>
    public static int BitsFor(long total)
    {
        double bound = total * (Math.Log(Math.Max(total, 2)) + 1);
        return Math.Clamp(61 - (int)Math.Ceiling(Math.Log2(bound)), 0, 52);
    }

    /// <summary>The entries needed for counts up to <paramref name="largest"/>.</summary>
    public static int LengthFor(long largest) => (int)Math.Min(Math.Max(largest, 1) + 1, MaxLength);

    /// <summary>Where a count beyond the table is read: entries h and h + 1, weight of the second, and the shift.</summary>
    public static int Leading(int count, out int shift)
    {
        shift = 16 - BitOperations.LeadingZeroCount((uint)count);
        return count >> shift;
    }

    /// <summary>ln of a count from the table.</summary>
    /// <param name="table">A table of this class, longer than <paramref name="count"/> or of full length.</param>
    /// <param name="count">0 (which gives 0) to 2^31 - 1.</param>
    public static long Ln(ReadOnlySpan<long> table, int count)
    {
        if (count < MaxLength)
        {
            return table[count];
        }

        int entry = Leading(count, out int shift);
        return Interpolate(table[2], table[entry], table[entry + 1], count, shift);
    }

    /// <summary>ln of a count beyond the table from ln 2 and the two entries of <see cref="Leading"/>.</summary>
    public static long Interpolate(long ln2, long here, long next, int count, int shift)
    {
        long low = count & ((1 << shift) - 1);
        return here + (shift * ln2) + (((next - here) * low) >> shift);
    }
}
