namespace Collapse.Kernels;

/// <summary>
/// The integers that an engine reports for one context at one generation: <see cref="Length"/> 64-bit numbers.
/// Counts c_i add up to n; the first trained model has counts f_i that add up to n_1.
/// </summary>
public static class ObservableRow
{
    /// <summary>Σ c_i².</summary>
    public const int SumOfSquares = 0;

    /// <summary>max c_i in the high 32 bits, 2^32 - 1 - i of the smallest such token i in the low 32.</summary>
    public const int MaxAndToken = 1;

    /// <summary>Number of tokens with c_i &gt; 0.</summary>
    public const int Support = 2;

    /// <summary>Σ c_i ln c_i in units of 2^-<c>LogBits</c>.</summary>
    public const int CountLogCount = 3;

    /// <summary>Σ |c_i·n_1 - f_i·n|.</summary>
    public const int L1FromFirst = 4;

    /// <summary>Σ |c_i·Q - n·q_i|, with q_i the truth in units of 1/Q; 0 where there is no explicit truth.</summary>
    public const int L1FromTruth = 5;

    /// <summary>Mass of the tokens with c_i = 0: under an explicit truth in units of 1/Q, otherwise under p^(1) in units of 1/n_1.</summary>
    public const int UnseenMass = 6;

    /// <summary>Σ h_i ln c_i over held-out counts h_i of tokens with c_i &gt; 0, in units of 2^-<c>LogBits</c>.</summary>
    public const int HeldOutLog = 7;

    /// <summary>Σ h_i over tokens with c_i &gt; 0.</summary>
    public const int HeldOutCovered = 8;

    /// <summary>Σ <see cref="CountsHash.Share"/> modulo 2^64.</summary>
    public const int Hash = 9;

    /// <summary>Numbers in a row.</summary>
    public const int Length = 10;

    /// <summary>Packs a count and its token so that the larger value has the larger count, then the smaller token.</summary>
    public static long Pack(int count, int token) => ((long)count << 32) | (0xFFFFFFFFu - (uint)token);

    /// <summary>The count of a packed <see cref="MaxAndToken"/>.</summary>
    public static int Count(long packed) => (int)(packed >> 32);

    /// <summary>The token of a packed <see cref="MaxAndToken"/>.</summary>
    public static int Token(long packed) => (int)(0xFFFFFFFFu - (uint)packed);
}
