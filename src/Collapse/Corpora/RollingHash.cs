namespace Collapse.Corpora;

/// <summary>
/// Hash of a window of tokens that moves along a text: a polynomial in an odd multiplier, modulo 2^64.
/// </summary>
internal readonly struct RollingHash
{
    private const ulong Multiplier = 0x9E37_79B9_7F4A_7C15;
    private const ulong Spread = 0xD6E8_FEB8_6659_FD93;

    private readonly ulong _leaving;

    /// <param name="length">Tokens in the window, 0 or more.</param>
    public RollingHash(int length)
    {
        // Multiplier to the power of length, by squaring: a length that no text has must be refused at once.
        _leaving = 1;
        ulong power = Multiplier;
        for (int rest = length; rest > 0; rest >>= 1)
        {
            if (int.IsOddInteger(rest))
            {
                _leaving *= power;
            }

            power *= power;
        }
    }

    /// <summary>The hash of a window, given in full.</summary>
    public static ulong Of(ReadOnlySpan<int> window)
    {
        ulong hash = 0;
        foreach (int token in window)
        {
            hash = (hash * Multiplier) + Term(token);
        }

        return hash;
    }

    /// <summary>The hash of the next window: one token leaves on the left and one enters on the right.</summary>
    public ulong Next(ulong hash, int left, int right) => (hash * Multiplier) + Term(right) - (Term(left) * _leaving);

    /// <summary>32 well mixed bits of a hash.</summary>
    public static uint Mix(ulong hash) => (uint)(((hash ^ (hash >> 32)) * Spread) >> 32);

    /// <summary>Zero for <see cref="ITokenizer.Unknown"/>, one more than the id for a token.</summary>
    private static ulong Term(int token) => (uint)(token + 1);
}
