using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Collapse.Softmax.Sampling;

/// <summary>Asks for memory before it is read. Where the processor has no such instruction, nothing happens.</summary>
internal static unsafe class Prefetch
{
    private const int LineNumbers = 16;

    /// <summary>Asks for the block of eight lines of 16 numbers that starts with a number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Block(ref float first)
    {
        if (Sse.IsSupported)
        {
            // An address that is out of date, because memory was moved meanwhile, does no harm.
            var address = (float*)Unsafe.AsPointer(ref first);
            Sse.Prefetch1(address);
            Sse.Prefetch1(address + LineNumbers);
            Sse.Prefetch1(address + (2 * LineNumbers));
            Sse.Prefetch1(address + (3 * LineNumbers));
            Sse.Prefetch1(address + (4 * LineNumbers));
            Sse.Prefetch1(address + (5 * LineNumbers));
            Sse.Prefetch1(address + (6 * LineNumbers));
            Sse.Prefetch1(address + (7 * LineNumbers));
        }
    }
}
