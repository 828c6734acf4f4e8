namespace Collapse.Kernels;

/// <summary>
/// One draw from a row of logits, exact for the weights of <see cref="SoftmaxWeight"/>, however small.
/// <para>
/// Weight i is a whole number of units U_i and a rest R_i below one unit. Let U be the sum of all U_i, a whole
/// number without rounding. A draw is a uniform integer u below U + s. If u is below U, it falls on the token
/// whose units hold it. Otherwise it falls into the slot of token u - U, one unit wide, and is accepted with
/// probability R_i, decided on further random bits; if it is not, the draw starts again. So one try gives token i
/// with probability (U_i + R_i) / (U + s), and the accepted one gives it with probability weight i over the sum of
/// weights, exactly. There is no sum of rests and no rounded cumulative sum. U is at least 2^28, so that
/// a try fails with probability below s / 2^28, mostly far below.
/// </para>
/// <para>
/// Units are arranged in blocks of 128 tokens, each 8 lines of 16: token 128·b + 16·line + column. Blocks follow
/// one another; inside a block column follows column, and inside a column line follows line. So sums over lines
/// are what vectors of up to 16 numbers add up.
/// </para>
/// </summary>
public static class SoftmaxDraw
{
    /// <summary>Columns of a block.</summary>
    public const int Columns = 16;

    /// <summary>Lines of a block.</summary>
    public const int Lines = 8;

    /// <summary>Tokens of a block.</summary>
    public const int BlockTokens = Columns * Lines;

    /// <summary>Tries of a draw: 0 is the plain one.</summary>
    public const uint Tries = 512;

    // Above any draw's number: a draw has 256 tries on either side.
    private const uint SecondHalf = 1u << 31;

    /// <summary>2^64 mod (U + s): a lane whose product has low bits below it is rejected.</summary>
    /// <param name="bound">U + s, at least 1.</param>
    public static ulong Threshold(ulong bound) => (0ul - bound) % bound;

    /// <summary>The lane of a try: of try 0 the plain 64-bit lane, later the first two words of the try's block.</summary>
    /// <param name="stream">The stream of <see cref="DrawPurpose.Logits"/>.</param>
    /// <param name="draw">Number of the draw in its row, 0 to 2^31 - 1.</param>
    /// <param name="attempt">0 to <see cref="Tries"/> - 1.</param>
    public static ulong Lane(in DrawStream stream, uint draw, uint attempt)
    {
        if (attempt == 0)
        {
            return TruthDraw.Lane(stream, draw);
        }

        PhiloxBlock block = BlockOf(stream, draw, attempt);
        return block.X0 | ((ulong)block.X1 << 32);
    }

    /// <summary>The 128 random bits that decide on the rest of a weight.</summary>
    /// <param name="stream">The stream of <see cref="DrawPurpose.LogitRest"/>.</param>
    /// <param name="draw">Number of the draw in its row, 0 to 2^31 - 1.</param>
    /// <param name="attempt">0 to <see cref="Tries"/> - 1.</param>
    public static PhiloxBlock BlockOf(in DrawStream stream, uint draw, uint attempt) =>
        stream.Block(attempt < 256 ? draw : draw | SecondHalf, attempt & 255);

    /// <summary>High and low 64 bits of a·b.</summary>
    public static ulong Multiply(ulong a, ulong b, out ulong low)
    {
        ulong a0 = a & 0xFFFFFFFF;
        ulong a1 = a >> 32;
        ulong b0 = b & 0xFFFFFFFF;
        ulong b1 = b >> 32;
        ulong low0 = a0 * b0;
        ulong middle0 = (a1 * b0) + (low0 >> 32);
        ulong middle1 = (a0 * b1) + (middle0 & 0xFFFFFFFF);
        low = (middle1 << 32) | (low0 & 0xFFFFFFFF);
        return (a1 * b1) + (middle0 >> 32) + (middle1 >> 32);
    }

    /// <summary>
    /// Whether random bits, read from the first word's highest on as a number of <paramref name="shift"/> bits, lie
    /// below <paramref name="rest"/>: so with probability rest / 2^shift exactly.
    /// </summary>
    /// <param name="rest">Below 2^29.</param>
    /// <param name="shift">0 to 128.</param>
    /// <param name="bits">The random bits.</param>
    public static bool Accepts(uint rest, int shift, PhiloxBlock bits)
    {
        ulong high = ((ulong)bits.X0 << 32) | bits.X1;
        if (shift <= 64)
        {
            return shift > 0 && high >> (64 - shift) < rest;
        }

        // The number is at least high·2^(shift - 64), which must not overflow below.
        if (high > (ulong)rest >> (shift - 64))
        {
            return false;
        }

        ulong low = ((ulong)bits.X2 << 32) | bits.X3;
        return (shift < 128 ? (high << (shift - 64)) | (low >> (128 - shift)) : low) < rest;
    }
}
