using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Collapse.Softmax.Sampling;

/// <summary>
/// Working memory that starts at a cache line and stays where it is, so that whole vectors do not lie across two lines:
/// stores that do take several times as long.
/// </summary>
internal sealed class AlignedBuffer<T>
    where T : unmanaged
{
    private const int LineBytes = 64;

    private T[] _values = [];
    private int _start;

    /// <summary>The first value.</summary>
    public ref T First => ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_values), _start);

    /// <summary>Makes room; what was there before may be lost.</summary>
    /// <param name="length">Values.</param>
    /// <returns>As many values.</returns>
    public unsafe Span<T> Reserve(int length)
    {
        int perLine = LineBytes / sizeof(T);
        if (_values.Length - perLine < length)
        {
            _values = GC.AllocateArray<T>(checked(length + perLine), pinned: true);
            var address = (nuint)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_values));
            _start = (int)((0 - address) % LineBytes) / sizeof(T);
        }

        return _values.AsSpan(_start, length);
    }
}
