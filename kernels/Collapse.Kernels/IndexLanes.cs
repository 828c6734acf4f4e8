using System.Runtime.CompilerServices;

namespace Collapse.Kernels;

/// <summary>
/// How the indices of a segment come out of random words, for the inner loops of kernels: the lanes of
/// <see cref="UniformIndex"/> under one bound, with what takes a division found once.
/// </summary>
internal struct IndexLanes
{
    /// <summary>Number of indices.</summary>
    public uint Bound;

    /// <summary>Products whose low part lies below it are rejected.</summary>
    public uint Threshold;

    /// <summary>Whether lanes have 16 bits, eight to a block, rather than 32, four to a block.</summary>
    public bool IsHalf;

    /// <summary>The lanes of a bound.</summary>
    public static IndexLanes For(uint bound)
    {
        uint rest = 0x10000 % bound;
        bool isHalf = UniformIndex.UsesHalfWords(bound);
        return new IndexLanes
        {
            Bound = bound,
            IsHalf = isHalf,
            Threshold = isHalf ? rest : UniformIndex.Threshold32(bound),
        };
    }

    /// <summary>The index of a 16-bit lane; <paramref name="low"/> is what <see cref="Threshold"/> is compared with.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly int Half(uint lane, out uint low)
    {
        uint product = lane * Bound;
        low = product & 0xFFFF;
        return (int)(product >> 16);
    }

    /// <summary>The index of a 32-bit lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly int Word(uint lane, out uint low)
    {
        ulong product = (ulong)lane * Bound;
        low = (uint)product;
        return (int)(product >> 32);
    }

    /// <summary>The index of a lane of this width.</summary>
    public readonly int Index(uint lane, out uint low) => IsHalf ? Half(lane, out low) : Word(lane, out low);

    /// <summary>Lane k of a block.</summary>
    public readonly uint Lane(PhiloxBlock words, int k)
    {
        int place = IsHalf ? k >> 1 : k;
        uint low = (place & 1) == 0 ? words.X0 : words.X1;
        uint high = (place & 1) == 0 ? words.X2 : words.X3;
        uint word = place < 2 ? low : high;
        return !IsHalf ? word
            : (k & 1) == 0 ? word & 0xFFFF
            : word >> 16;
    }
}
