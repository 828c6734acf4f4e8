using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Collapse.Engines.Cpu;

/// <summary>
/// Working memory that starts at a cache line and stays where it is, so that whole vectors do not lie across two lines:
/// loads and stores that do take several times as long.
/// </summary>
internal sealed class AlignedBuffer<T>
    where T : unmanaged
{
    private T[] _values = [];
    private int _start;

    /// <summary>The first value.</summary>
    public ref T First => ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_values), _start);

    /// <summary>Makes room; what was there before may be lost.</summary>
    /// <param name="length">Values.</param>
    /// <returns>As many values.</returns>
    public Span<T> Reserve(int length)
    {
        int perLine = CacheLine.Bytes / Unsafe.SizeOf<T>();
        if (_values.Length - perLine < length)
        {
            // Somewhat more than asked for: contexts of a corpus come in all sizes.
            long wanted = Math.Max((long)length + perLine, _values.Length + (_values.Length / 2L));
            _values = [];
            _values = GC.AllocateArray<T>((int)Math.Min(wanted, Array.MaxLength), pinned: true);
            _start = CacheLine.BytesAhead(_values) / Unsafe.SizeOf<T>();
        }

        return _values.AsSpan(_start, length);
    }
}
