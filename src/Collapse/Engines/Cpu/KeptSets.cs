using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Collapse.Engines.Cpu;

/// <summary>
/// The training sets of a context that later generations still read. They lie at equal distances in one piece of memory,
/// so that a draw from any of them needs no pointer that would have to be read before.
/// </summary>
/// <typeparam name="TToken">Holds a token.</typeparam>
/// <param name="slots">Sets kept at a time, at least 1: generation m takes the place of generation m - slots.</param>
internal sealed class KeptSets<TToken>(int slots)
    where TToken : unmanaged
{
    private readonly int[] _sizes = new int[slots];

    // Arrays are as long as an int can say: in lines they hold all that a machine may have.
    private Line[] _lines = [];

    /// <summary>Tokens from the beginning of a set to that of the next one.</summary>
    public nuint Stride { get; private set; }

    /// <summary>The beginning of the set in slot 0.</summary>
    public ref TToken First => ref Unsafe.As<Line, TToken>(ref MemoryMarshal.GetArrayDataReference(_lines));

    /// <summary>Makes room for the sets of another context; those there are lost.</summary>
    /// <param name="largest">Tokens of its largest set; <see cref="ByteLookup.Padding"/> more may be spoilt behind each.</param>
    public void Begin(long largest)
    {
        int perLine = Unsafe.SizeOf<Line>() / Unsafe.SizeOf<TToken>();
        long lines = (largest + ByteLookup.Padding + perLine - 1) / perLine;
        Stride = (nuint)(lines * perLine);
        if (_lines.Length < lines * slots)
        {
            _lines = [];
            _lines = GC.AllocateUninitializedArray<Line>(checked((int)(lines * slots)));
        }
    }

    /// <summary>The training set of a generation, to be written.</summary>
    /// <param name="generation">The generation.</param>
    /// <param name="size">Its tokens, at most the largest of <see cref="Begin"/>.</param>
    public Span<TToken> Make(int generation, int size)
    {
        _sizes[generation % slots] = size;
        return Of(generation);
    }

    /// <summary>The training set of a generation, one of the last that were made.</summary>
    public Span<TToken> Of(int generation)
    {
        int slot = generation % slots;
        return MemoryMarshal.CreateSpan(ref Unsafe.Add(ref First, Stride * (nuint)slot), _sizes[slot]);
    }

    [InlineArray(8)]
    private struct Line
    {
        private ulong _first;
    }
}
