namespace Collapse.Kernels;

/// <summary>The kernels that train contexts.</summary>
public enum KernelKind
{
    /// <summary><see cref="LaneKernel"/>: one thread a context.</summary>
    Lane,

    /// <summary><see cref="SharedSetKernel"/>: one group a context, in shared memory.</summary>
    SharedSet,

    /// <summary><see cref="ContextKernel"/>: one group a context, in device memory.</summary>
    General,

    /// <summary><see cref="PartsKernel"/>: several groups a context, in device memory.</summary>
    Parts,

    /// <summary><see cref="CountsKernel"/>: one thread a context, counts in place of tokens.</summary>
    Counts,
}

/// <summary>Which kernel trains a context: the one place where sizes decide.</summary>
/// <param name="Slots">Training sets kept: the farthest lag plus one.</param>
/// <param name="Vocabulary">Vocabulary size.</param>
/// <param name="Limits">What the device gives.</param>
public readonly record struct KernelChoice(int Slots, int Vocabulary, KernelLimits Limits)
{
    // Below that the two or three launches of a generation, some microseconds each, cost as much as one group takes
    // for all of it.
    private const int LeastParts = 4;

    /// <summary>The kernel for contexts whose largest training set has <paramref name="tokens"/> tokens.</summary>
    public KernelKind Of(int tokens)
    {
        // 8 threads at least: a device with so little shared memory is better served by the other kernels.
        bool isTiny = tokens <= LaneKernel.MostTokens && Slots == 2 && 8 * LaneBytes(tokens) <= Limits.SharedBytes;
        return isTiny ? KernelKind.Lane
            : GroupBytes(tokens) <= Limits.SharedBytes ? KernelKind.SharedSet
            : KernelKind.General;
    }

    /// <summary>
    /// Whether contexts whose largest training sets have <paramref name="tokens"/> tokens are large enough for several
    /// groups each.
    /// </summary>
    public bool HasParts(int tokens) => tokens / LeastParts >= Limits.PartTokens;

    /// <summary>
    /// Groups for each of some contexts that do not fit into shared memory. Where 1 is given, more would only wait for each
    /// other.
    /// </summary>
    /// <param name="contexts">Contexts, at least 1.</param>
    /// <param name="tokens">Tokens of the largest training set.</param>
    public int Parts(int contexts, int tokens) =>
        HasParts(tokens) ? Math.Max(1, Math.Min(Limits.Groups / contexts, tokens / Limits.PartTokens)) : 1;

    /// <summary>Tokens that a set has room for: a multiple of 8.</summary>
    public static int Capacity(int tokens) => (tokens + 7) / 8 * 8;

    /// <summary>Local numbers that a context can need in one launch.</summary>
    public int Numbers(int tokens) => (int)Math.Min((long)(Slots - 1) * tokens, Vocabulary);

    /// <summary>Dynamic shared memory of one thread of <see cref="LaneKernel"/>.</summary>
    public static int LaneBytes(int tokens) => LaneKernel.SharedBytes(Capacity(tokens));

    /// <summary>32-bit words of dynamic shared memory of one group of <see cref="SharedSetKernel"/>.</summary>
    public long GroupWords(int tokens)
    {
        long numbers = Math.Min((long)(Slots - 1) * tokens, Vocabulary);
        long numberSlots = SharedSetKernel.NumberSlots(numbers, Vocabulary);
        return SharedSetKernel.SharedWords(Slots, ((long)tokens + 7) / 8 * 8, numberSlots);
    }

    private long GroupBytes(int tokens) => (sizeof(int) * GroupWords(tokens)) + SharedSetKernel.FixedBytes;
}
