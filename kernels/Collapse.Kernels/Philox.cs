namespace Collapse.Kernels;

/// <summary>The 128 random bits that one Philox counter gives, as four 32-bit words in order.</summary>
/// <param name="X0">Word 0.</param>
/// <param name="X1">Word 1.</param>
/// <param name="X2">Word 2.</param>
/// <param name="X3">Word 3.</param>
public readonly record struct PhiloxBlock(uint X0, uint X1, uint X2, uint X3);

/// <summary>
/// Philox4x32-10, the counter-based generator of Salmon, Moraes, Dror and Shaw, "Parallel random
/// numbers: as easy as 1, 2, 3" (SC 2011). This is the readable definition: the reference engine and
/// the device kernels call it, and the SIMD engine must equal it word for word.
/// </summary>
public static class Philox
{
    /// <summary>Multiplier of words 0 and 1.</summary>
    public const uint Multiplier0 = 0xD2511F53;

    /// <summary>Multiplier of words 2 and 3.</summary>
    public const uint Multiplier1 = 0xCD9E8D57;

    /// <summary>Weyl increment of key word 0 (the golden ratio).</summary>
    public const uint Weyl0 = 0x9E3779B9;

    /// <summary>Weyl increment of key word 1 (the square root of 3, less 1).</summary>
    public const uint Weyl1 = 0xBB67AE85;

    /// <summary>Number of rounds.</summary>
    public const int Rounds = 10;

    /// <summary>The block of a counter (<paramref name="c0"/> … <paramref name="c3"/>) under a 64-bit key.</summary>
    public static PhiloxBlock Generate(uint c0, uint c1, uint c2, uint c3, uint key0, uint key1)
    {
        for (int round = 0; round < Rounds; round++)
        {
            ulong product0 = (ulong)Multiplier0 * c0;
            ulong product1 = (ulong)Multiplier1 * c2;
            c0 = (uint)(product1 >> 32) ^ c1 ^ key0;
            c1 = (uint)product1;
            c2 = (uint)(product0 >> 32) ^ c3 ^ key1;
            c3 = (uint)product0;
            key0 += Weyl0;
            key1 += Weyl1;
        }

        return new PhiloxBlock(c0, c1, c2, c3);
    }
}
