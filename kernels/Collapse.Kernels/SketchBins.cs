using System.Numerics;
using System.Runtime.CompilerServices;

namespace Collapse.Kernels;

/// <summary>
/// The bins in which values are counted for quantiles: their width is one part in 128 of their power of two,
/// and values below 256 have a bin each.
/// </summary>
public static class SketchBins
{
    /// <summary>Bits after the leading one that tell the bins of a power of two apart.</summary>
    public const int SubBits = 7;

    /// <summary>Bins of one power of two.</summary>
    public const int PageLength = 1 << SubBits;

    /// <summary>Powers of two.</summary>
    public const int Pages = 64 - SubBits;

    /// <summary>Number of bins.</summary>
    public const int Count = Pages * PageLength;

    /// <summary>The bin of a value from 0 to 2^63 - 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Bin(long value)
    {
        int exponent = Math.Max(0, 63 - SubBits - BitOperations.LeadingZeroCount((ulong)value));
        return (int)(((long)exponent << SubBits) + (value >> exponent));
    }
}
