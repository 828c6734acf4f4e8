using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Collapse.Engines.Cpu;

/// <summary>What readers of the counts rely on.</summary>
internal static class TokenCounter
{
    /// <summary>Counts are filled up with zeros to a multiple of this.</summary>
    public const int Padding = 8;
}

/// <summary>Counts local token numbers in a training set.</summary>
/// <typeparam name="TToken">Holds a local number.</typeparam>
internal sealed class TokenCounter<TToken>
    where TToken : unmanaged, IBinaryInteger<TToken>
{
    // Neighbouring tokens go to different tables: equal ones would wait for each other's store. Tables that
    // overflow the caches would cost more than that.
    private const int Tables = 4;
    private const int LargestRepeated = 1 << 20;

    // Fewer tokens are counted before several tables are cleared and added up.
    private const int FewTokens = 32;
    private const int FewestInPlanes = 256;

    private readonly BitPlaneCounter _planes = new();
    private readonly AlignedBuffer<int> _buffer = new();
    private int _length;

    /// <summary>The counts of the last call.</summary>
    public ReadOnlySpan<int> Counts => MemoryMarshal.CreateReadOnlySpan(ref _buffer.First, _length);

    /// <summary>
    /// The counts of the numbers 0 … vocabulary - 1, valid until the next call. Zeros follow them up to the next
    /// multiple of <see cref="TokenCounter.Padding"/>.
    /// </summary>
    /// <param name="set">The tokens to count.</param>
    /// <param name="vocabulary">Number of local numbers.</param>
    public ReadOnlySpan<int> Count(ReadOnlySpan<TToken> set, int vocabulary)
    {
        _length = vocabulary;
        int tables = IsRepeated(set.Length, vocabulary) ? Tables : 1;
        int room = (vocabulary + TokenCounter.Padding - 1) & -TokenCounter.Padding;
        Span<int> buffer = _buffer.Reserve(tables * room);
        if (UsesPlanes(set.Length, vocabulary))
        {
            _planes.Count(MemoryMarshal.Cast<TToken, ushort>(set), vocabulary, buffer[..room]);
        }
        else
        {
            CountInTables(set, tables, room, buffer);
        }

        return buffer[..vocabulary];
    }

    /// <summary>Whether <see cref="Count"/> would count so many in several tables, where <see cref="Gather"/> is faster.</summary>
    /// <param name="size">Tokens of a set.</param>
    /// <param name="vocabulary">Number of local numbers.</param>
    public static bool UsesTables(int size, int vocabulary) =>
        !UsesPlanes(size, vocabulary) && IsRepeated(size, vocabulary);

    /// <summary>
    /// Reads source[index] for each index, and counts what it reads as <see cref="Count"/> would: the processor counts
    /// while it waits for tokens.
    /// </summary>
    /// <param name="indices">Indices below the length of the source: they are not checked.</param>
    /// <param name="source">Tokens.</param>
    /// <param name="target">Receives a token for each index.</param>
    /// <param name="vocabulary">Number of local numbers.</param>
    public void Gather<TIndex>(
        ReadOnlySpan<TIndex> indices,
        ReadOnlySpan<TToken> source,
        Span<TToken> target,
        int vocabulary
    )
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        _length = vocabulary;
        int room = (vocabulary + TokenCounter.Padding - 1) & -TokenCounter.Padding;
        Span<int> buffer = _buffer.Reserve(2 * room);
        buffer.Clear();
        ref int table0 = ref MemoryMarshal.GetReference(buffer);
        ref int table1 = ref Unsafe.Add(ref table0, room);
        ref TIndex index = ref MemoryMarshal.GetReference(indices);
        ref TToken from = ref MemoryMarshal.GetReference(source);
        ref TToken to = ref MemoryMarshal.GetReference(target);
        int i = 0;
        for (; i + 4 <= target.Length; i += 4)
        {
            ref TIndex four = ref Unsafe.Add(ref index, i);
            nuint token0 = Number(Unsafe.Add(ref from, nuint.CreateTruncating(four)));
            nuint token1 = Number(Unsafe.Add(ref from, nuint.CreateTruncating(Unsafe.Add(ref four, 1))));
            nuint token2 = Number(Unsafe.Add(ref from, nuint.CreateTruncating(Unsafe.Add(ref four, 2))));
            nuint token3 = Number(Unsafe.Add(ref from, nuint.CreateTruncating(Unsafe.Add(ref four, 3))));
            ref byte here = ref Unsafe.As<TToken, byte>(ref Unsafe.Add(ref to, i));
            if (Unsafe.SizeOf<TToken>() == sizeof(ushort))
            {
                ulong four16 = token0 | ((ulong)token1 << 16) | ((ulong)token2 << 32) | ((ulong)token3 << 48);
                Unsafe.WriteUnaligned(ref here, four16);
            }
            else
            {
                Unsafe.WriteUnaligned(ref here, token0 | ((ulong)token1 << 32));
                Unsafe.WriteUnaligned(ref Unsafe.Add(ref here, sizeof(ulong)), token2 | ((ulong)token3 << 32));
            }

            Unsafe.Add(ref table0, token0)++;
            Unsafe.Add(ref table1, token1)++;
            Unsafe.Add(ref table0, token2)++;
            Unsafe.Add(ref table1, token3)++;
        }

        for (; i < target.Length; i++)
        {
            target[i] = Unsafe.Add(ref from, nuint.CreateTruncating(Unsafe.Add(ref index, i)));
            Unsafe.Add(ref table0, Number(target[i]))++;
        }

        Add(buffer[..room], buffer[room..]);
    }

    /// <summary>Adds counts of tokens that were not in the set to those of the last call.</summary>
    /// <param name="known">Counts of the first numbers, or of all.</param>
    public void Add(ReadOnlySpan<int> known) => Add(MemoryMarshal.CreateSpan(ref _buffer.First, known.Length), known);

    // A method of its own: run-time profiles of whole methods would take the loop for cold where planes are usual.
    private static void CountInTables(ReadOnlySpan<TToken> set, int tables, int room, Span<int> buffer)
    {
        int stride = tables == 1 ? 0 : room;
        buffer.Clear();
        ref int table0 = ref MemoryMarshal.GetReference(buffer);
        ref int table1 = ref Unsafe.Add(ref table0, stride);
        ref int table2 = ref Unsafe.Add(ref table1, stride);
        ref int table3 = ref Unsafe.Add(ref table2, stride);
        ref TToken token = ref MemoryMarshal.GetReference(set);
        int i = 0;
        for (; i + Tables <= set.Length; i += Tables)
        {
            Unsafe.Add(ref table0, Number(Unsafe.Add(ref token, i)))++;
            Unsafe.Add(ref table1, Number(Unsafe.Add(ref token, i + 1)))++;
            Unsafe.Add(ref table2, Number(Unsafe.Add(ref token, i + 2)))++;
            Unsafe.Add(ref table3, Number(Unsafe.Add(ref token, i + 3)))++;
        }

        for (; i < set.Length; i++)
        {
            Unsafe.Add(ref table0, Number(Unsafe.Add(ref token, i)))++;
        }

        Span<int> sum = buffer[..room];
        for (int t = 1; t < tables; t++)
        {
            Add(sum, buffer.Slice(t * room, room));
        }
    }

    private static bool IsRepeated(int size, int vocabulary) => vocabulary <= LargestRepeated && size >= FewTokens;

    private static bool UsesPlanes(int size, int vocabulary) =>
        BitPlaneCounter.IsSupported
        && typeof(TToken) == typeof(ushort)
        && size is >= FewestInPlanes and <= BitPlaneCounter.LongestSet
        && vocabulary <= BitPlaneCounter.LargestVocabulary;

    private static void Add(Span<int> sum, ReadOnlySpan<int> other)
    {
        ref int target = ref MemoryMarshal.GetReference(sum);
        ref int source = ref MemoryMarshal.GetReference(other);
        int i = 0;
        for (; i + Vector<int>.Count <= sum.Length; i += Vector<int>.Count)
        {
            Vector<int> both = Vector.LoadUnsafe(ref target, (nuint)i) + Vector.LoadUnsafe(ref source, (nuint)i);
            both.StoreUnsafe(ref target, (nuint)i);
        }

        for (; i < sum.Length; i++)
        {
            sum[i] += other[i];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static nuint Number(TToken token) => nuint.CreateTruncating(token);
}
