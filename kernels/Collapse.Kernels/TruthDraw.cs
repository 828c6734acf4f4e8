namespace Collapse.Kernels;

/// <summary>
/// One draw from an explicit law by the alias method (Walker 1977; Vose 1991) in integers. A 64-bit lane x
/// chooses column ⌊x·s / 2^64⌋; the low 64 bits of x·s, once those below 2^64 mod s are rejected, are one of
/// exactly ⌊2^64 / s⌋ equally likely values, of which the column's own token has those below its threshold
/// and its alias the rest. So token i has the integer weight it was given, exactly, and a token of weight 0
/// is never drawn.
/// </summary>
public static class TruthDraw
{
    /// <summary>The column and the place in it that a 64-bit lane selects.</summary>
    /// <param name="lane">64 random bits.</param>
    /// <param name="columns">Number of columns s, 1 to 2^31 - 1.</param>
    /// <param name="place">The low 64 bits of lane·s.</param>
    /// <returns>The column, 0 to s - 1.</returns>
    public static int Column(ulong lane, uint columns, out ulong place)
    {
        // 64 x 32 -> 96 bits from two 32 x 32 products: no 128-bit multiply on devices.
        ulong low = (lane & 0xFFFFFFFF) * columns;
        ulong high = (lane >> 32) * columns + (low >> 32);
        place = (high << 32) | (low & 0xFFFFFFFF);
        return (int)(high >> 32);
    }

    /// <summary>2^64 mod s: places below it are rejected.</summary>
    public static ulong Threshold(uint columns) => (0ul - columns) % columns;

    /// <summary>The 64-bit lane of draw number <paramref name="draw"/>: words 0, 1 or 2, 3 of block draw / 2.</summary>
    public static ulong Lane(in DrawStream stream, uint draw)
    {
        PhiloxBlock block = stream.Block(draw / 2, 0);
        return (draw & 1) == 0 ? Join(block.X0, block.X1) : Join(block.X2, block.X3);
    }

    /// <summary>
    /// Column and place of a draw whose plain lane was rejected: the first accepted 64-bit lane of attempts
    /// 1 to 255 of this draw (rejected with probability below 2^-33 each).
    /// </summary>
    public static int Redraw(in DrawStream stream, uint draw, uint columns, out ulong place) =>
        Redraw(stream, draw, columns, Threshold(columns), out place);

    /// <summary>The same with <see cref="Threshold"/> found before, as kernels want it.</summary>
    internal static int Redraw(in DrawStream stream, uint draw, uint columns, ulong threshold, out ulong place)
    {
        int column = 0;
        place = 0;
        for (uint attempt = 1; attempt < 256; attempt++)
        {
            PhiloxBlock block = stream.Block(draw, attempt);
            column = Column(Join(block.X0, block.X1), columns, out place);
            if (place >= threshold)
            {
                return column;
            }

            column = Column(Join(block.X2, block.X3), columns, out place);
            if (place >= threshold)
            {
                return column;
            }
        }

        return column;
    }

    private static ulong Join(uint low, uint high) => low | ((ulong)high << 32);
}
