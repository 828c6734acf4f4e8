using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Collapse.Engines.Cpu;

/// <summary>How <see cref="KeptSets{TToken}"/> lie in memory.</summary>
internal static class KeptSets
{
    /// <summary>Bytes of a page. Sets lie in an array of pages: the length of one of tokens, an int, would not do.</summary>
    public const int PageBytes = 4096;

    /// <summary>
    /// Tokens from the beginning of a set to that of the next one: whole cache lines, and behind each set room for what a
    /// <see cref="ByteLookup"/> spoils.
    /// </summary>
    /// <param name="largest">Tokens of the largest set.</param>
    /// <param name="tokenBytes">Bytes of a token, 2 or 4.</param>
    public static long Stride(long largest, int tokenBytes)
    {
        int perLine = CacheLine.Bytes / tokenBytes;
        return (largest + ByteLookup.Padding + perLine - 1) / perLine * perLine;
    }

    /// <summary>Bytes that the sets of one context take.</summary>
    /// <param name="slots">Sets kept at a time.</param>
    /// <param name="largest">Tokens of the largest set.</param>
    /// <param name="tokenBytes">Bytes of a token, 2 or 4.</param>
    public static double Bytes(long slots, long largest, int tokenBytes) =>
        (slots * (((double)Stride(largest, tokenBytes) * tokenBytes) + sizeof(int))) + PageBytes + CacheLine.Bytes;
}

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
    private Page[] _pages = [];
    private int _start;

    /// <summary>Tokens from the beginning of a set to that of the next one.</summary>
    public nuint Stride { get; private set; }

    /// <summary>The beginning of the set in slot 0.</summary>
    public ref TToken First =>
        ref Unsafe.AddByteOffset(
            ref Unsafe.As<Page, TToken>(ref MemoryMarshal.GetArrayDataReference(_pages)),
            (nuint)_start
        );

    /// <summary>Makes room for the sets of another context; those there are lost.</summary>
    /// <param name="largest">Tokens of its largest set.</param>
    public void Begin(long largest)
    {
        long stride = KeptSets.Stride(largest, Unsafe.SizeOf<TToken>());
        Stride = (nuint)stride;
        int perPage = KeptSets.PageBytes / Unsafe.SizeOf<TToken>();
        int perLine = CacheLine.Bytes / Unsafe.SizeOf<TToken>();
        long pages = ((stride * slots) + perLine + perPage - 1) / perPage;
        if (_pages.Length < pages)
        {
            _pages = [];
            _pages = GC.AllocateUninitializedArray<Page>(checked((int)pages), pinned: true);
            _start = CacheLine.BytesAhead(_pages);
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

    [InlineArray(KeptSets.PageBytes / sizeof(ulong))]
    private struct Page
    {
        private ulong _first;
    }
}
