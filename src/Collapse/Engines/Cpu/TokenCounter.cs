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
    /// <param name="known">Counts to add: of the first numbers, of tokens that are not in the set.</param>
    public ReadOnlySpan<int> Count(ReadOnlySpan<TToken> set, int vocabulary, ReadOnlySpan<int> known = default)
    {
        _length = vocabulary;
        int tables = vocabulary <= LargestRepeated && set.Length >= FewTokens ? Tables : 1;
        int room = (vocabulary + TokenCounter.Padding - 1) & -TokenCounter.Padding;
        Span<int> buffer = _buffer.Reserve(tables * room);
        if (
            BitPlaneCounter.IsSupported
            && typeof(TToken) == typeof(ushort)
            && set.Length is >= FewestInPlanes and <= BitPlaneCounter.LongestSet
            && vocabulary <= BitPlaneCounter.LargestVocabulary
        )
        {
            buffer[..room].Clear();
            _planes.Count(MemoryMarshal.Cast<TToken, ushort>(set), vocabulary, buffer[..room]);
        }
        else
        {
            CountInTables(set, tables, room, buffer);
        }

        Add(buffer[..known.Length], known);
        return buffer[..vocabulary];
    }

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
