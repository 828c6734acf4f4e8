using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Collapse.Engines.Cpu;

/// <summary>What a processor fetches at once.</summary>
internal static class CacheLine
{
    /// <summary>Bytes of a line.</summary>
    public const int Bytes = 64;

    /// <summary>Bytes from the first value of a pinned array to the beginning of a line, 0 to 63.</summary>
    public static unsafe int BytesAhead<T>(T[] pinned)
        where T : unmanaged =>
        (int)((0 - (nuint)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(pinned))) % Bytes);
}
