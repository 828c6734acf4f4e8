using ILGPU.Runtime;

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

    /// <summary><see cref="CountsKernel"/>: one thread a context, counts in place of tokens.</summary>
    Counts,
}

/// <summary>Which kernel trains a context: the one place where sizes decide.</summary>
/// <param name="Slots">Training sets kept: the farthest lag plus one.</param>
/// <param name="Vocabulary">Vocabulary size.</param>
/// <param name="SharedBytes">Bytes of shared memory that a group may take.</param>
public readonly record struct KernelChoice(int Slots, int Vocabulary, int SharedBytes)
{
    // What CUDA gives without asking for more, which ILGPU 1.5.3 does not.
    private const int MostSharedBytes = 48 * 1024;

    // What the kernels without dynamic shared memory have: at most 32 KB, which OpenCL devices commonly give.
    private const int MostOpenClBytes = (sizeof(int) * SharedSetKernel.FixedWords) + SharedSetKernel.FixedBytes;

    /// <summary>The choice on a device.</summary>
    public static KernelChoice For(Accelerator accelerator, int slots, int vocabulary)
    {
        ArgumentNullException.ThrowIfNull(accelerator);
        int most = accelerator.AcceleratorType == AcceleratorType.OpenCL ? MostOpenClBytes : MostSharedBytes;
        return new(slots, vocabulary, Math.Min(most, accelerator.MaxSharedMemoryPerGroup));
    }

    /// <summary>The kernel for contexts whose largest training set has <paramref name="tokens"/> tokens.</summary>
    public KernelKind Of(int tokens)
    {
        // 8 threads at least: a device with so little shared memory is better served by the other kernels.
        bool isTiny = tokens <= LaneKernel.MostTokens && Slots == 2 && 8 * LaneBytes(tokens) <= SharedBytes;
        return isTiny ? KernelKind.Lane
            : GroupBytes(tokens) <= SharedBytes ? KernelKind.SharedSet
            : KernelKind.General;
    }

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
