namespace Collapse.Kernels;

/// <summary>
/// The share of one token in the fingerprint of a count table: shares are added modulo 2^64, so the
/// fingerprint does not depend on the order in which an engine keeps its tokens.
/// </summary>
public static class CountsHash
{
    /// <summary>First multiplier of <see cref="Mix"/>.</summary>
    public const ulong Multiplier1 = 0xBF58476D1CE4E5B9;

    /// <summary>Second multiplier of <see cref="Mix"/>.</summary>
    public const ulong Multiplier2 = 0x94D049BB133111EB;

    /// <summary>The finalizer of SplitMix64 (Steele, Lea and Flood, 2014): a bijection of 64 bits.</summary>
    public static ulong Mix(ulong x)
    {
        x = (x ^ (x >> 30)) * Multiplier1;
        x = (x ^ (x >> 27)) * Multiplier2;
        return x ^ (x >> 31);
    }

    /// <summary>The share of a token.</summary>
    /// <param name="token">Token id, 0 to 2^31 - 1.</param>
    /// <param name="count">How often it stands in the training set, at least 1.</param>
    public static ulong Share(int token, int count) => Mix(((ulong)(uint)token << 32) | (uint)count);
}
