namespace Collapse.Kernels;

/// <summary>
/// Exactly uniform integers in 0 … bound - 1: multiply-shift with rejection (Lemire, "Fast random integer
/// generation in an interval", 2019). A lane x of w bits is accepted when the low w bits of x·bound are at
/// least 2^w mod bound; the high bits are then the index, and each index has exactly ⌊2^w / bound⌋ lanes.
/// </summary>
public static class UniformIndex
{
    // Beyond one lane in a hundred the rejections cost more than 32-bit lanes would.
    private const uint MostHalfWordRejections = 655;

    /// <summary>
    /// Whether draws under this bound use 16-bit lanes (eight to a block) or 32-bit lanes (four): 16-bit
    /// lanes when at most 655 of the 65,536 values would be rejected.
    /// </summary>
    /// <param name="bound">Number of indices, 1 to 2^31 - 1.</param>
    public static bool UsesHalfWords(uint bound) => bound <= 0x10000 && 0x10000 % bound <= MostHalfWordRejections;

    /// <summary>2^16 mod bound: 16-bit products below it are rejected.</summary>
    public static uint Threshold16(uint bound) => 0x10000 % bound;

    /// <summary>2^32 mod bound: 32-bit products below it are rejected.</summary>
    public static uint Threshold32(uint bound) => (0u - bound) % bound;

    /// <summary>
    /// Draw number <paramref name="draw"/> of the stream: uniform on 0 … bound - 1. The readable definition;
    /// kernels and the SIMD engine read whole blocks instead and must give the same.
    /// </summary>
    /// <param name="stream">Where the random numbers come from.</param>
    /// <param name="draw">Number of the draw in its segment, from 0.</param>
    /// <param name="bound">Number of indices, 1 to 2^31 - 1.</param>
    public static uint Draw(in DrawStream stream, uint draw, uint bound)
    {
        if (!UsesHalfWords(bound))
        {
            return DrawWord(stream, draw, bound);
        }

        uint word = Word(stream.Block(draw / 8, 0), draw % 8 / 2);
        uint lane = (draw & 1) == 0 ? word & 0xFFFF : word >> 16;
        uint product = lane * bound;
        return (product & 0xFFFF) >= Threshold16(bound) ? product >> 16 : Redraw(stream, draw, bound);
    }

    /// <summary>As <see cref="Draw"/>, always from 32-bit lanes: for draws whose bound differs from one to the next.</summary>
    public static uint DrawWord(in DrawStream stream, uint draw, uint bound)
    {
        ulong product = (ulong)Word(stream.Block(draw / 4, 0), draw % 4) * bound;
        return (uint)product >= Threshold32(bound) ? (uint)(product >> 32) : Redraw(stream, draw, bound);
    }

    /// <summary>
    /// The index of a rejected draw: the first accepted 32-bit word of attempts 1, 2, …, 255 of this draw. All
    /// 1,020 words are rejected with probability below 2^-1020; the last is then taken, so that the loop ends.
    /// </summary>
    public static uint Redraw(in DrawStream stream, uint draw, uint bound)
    {
        uint threshold = Threshold32(bound);
        uint index = 0;
        for (uint attempt = 1; attempt < 256; attempt++)
        {
            PhiloxBlock block = stream.Block(draw, attempt);
            for (uint word = 0; word < 4; word++)
            {
                ulong product = (ulong)Word(block, word) * bound;
                index = (uint)(product >> 32);
                if ((uint)product >= threshold)
                {
                    return index;
                }
            }
        }

        return index;
    }

    private static uint Word(PhiloxBlock block, uint word) =>
        word switch
        {
            0 => block.X0,
            1 => block.X1,
            2 => block.X2,
            _ => block.X3,
        };
}
