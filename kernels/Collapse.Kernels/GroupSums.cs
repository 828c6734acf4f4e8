using ILGPU;

namespace Collapse.Kernels;

/// <summary>
/// Sums of several 64-bit numbers over the threads of a group, through shared memory: CUDA has no native 64-bit
/// atomics there, and warp-wide operations would bind the kernels to devices with warps.
/// </summary>
internal static class GroupSums
{
    private const int Parts = 8;

    /// <summary>
    /// Adds up lanes within <see cref="Parts"/> parts. Before: a barrier after the lanes were written. After:
    /// another one, then <see cref="Total"/>.
    /// </summary>
    /// <param name="partials">Lanes × length numbers; a lane is one thread's.</param>
    /// <param name="lanes">Number of lanes.</param>
    /// <param name="length">Numbers per lane.</param>
    /// <param name="maxima">Bit f is set where number f, from 0, is a maximum rather than a sum.</param>
    public static void AddLanes(ArrayView<long> partials, int lanes, int length, int maxima)
    {
        int each = (lanes + Parts - 1) / Parts;
        for (int i = Group.IdxX; i < Parts * length; i += Group.DimX)
        {
            int part = i / length;
            int field = i - part * length;
            int first = part * each;
            int last = Math.Min(first + each, lanes);
            long total = 0;
            for (int lane = first; lane < last; lane++)
            {
                total = Combine(total, partials[lane * length + field], maxima, field);
            }

            // A part without lanes has no place of its own, and nothing to add.
            if (first < lanes)
            {
                partials[first * length + field] = total;
            }
        }
    }

    /// <summary>The total of one number, after <see cref="AddLanes"/> and a barrier.</summary>
    public static long Total(ArrayView<long> partials, int lanes, int length, int maxima, int field)
    {
        int each = (lanes + Parts - 1) / Parts;
        long total = 0;
        for (int first = 0; first < lanes; first += each)
        {
            total = Combine(total, partials[first * length + field], maxima, field);
        }

        return total;
    }

    private static long Combine(long a, long b, int maxima, int field) =>
        ((maxima >> field) & 1) != 0 ? Math.Max(a, b) : a + b;
}
