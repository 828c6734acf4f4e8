using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Collapse.Engines.Cpu;

/// <summary>
/// Looks up draws in a training set that fits into a few vector registers as bytes: a byte permutation reads 64
/// draws at once from 128 tokens, where plain code reads and writes one. For up to <see cref="LongestSet"/> tokens
/// of at most <see cref="LargestVocabulary"/> kinds.
/// </summary>
internal sealed class ByteLookup
{
    /// <summary>Numbers up to this many fit into a byte.</summary>
    public const int LargestVocabulary = 256;

    /// <summary>Measured: beyond, one permutation for every 128 tokens takes longer than reading one by one.</summary>
    public const int LongestSet = 2048;

    /// <summary>Spare room that the indices and the target need behind the last draw: whole vectors are used.</summary>
    public const int Padding = 64;

    private const int TableLength = 128;
    private const int PairLength = 2 * TableLength;

    private readonly AlignedBuffer<byte> _buffer = new();

    /// <summary>Whether this processor permutes bytes of two registers (AVX-512 VBMI).</summary>
    public static bool IsSupported => Avx512Vbmi.IsSupported && Avx512BW.IsSupported;

    /// <summary>Makes room for a set.</summary>
    public ByteLookup() => _buffer.Reserve(LongestSet);

    private static Vector512<byte> Evens => Vector512<byte>.Indices + Vector512<byte>.Indices;

    /// <summary>Reads source[index] for each index.</summary>
    /// <param name="indices">16-bit indices, with <see cref="Padding"/> behind them.</param>
    /// <param name="source">The training set; at most <see cref="LongestSet"/> numbers below <see cref="LargestVocabulary"/>.</param>
    /// <param name="target">Receives the tokens; what lies up to <see cref="Padding"/> behind them is spoilt.</param>
    /// <param name="count">Number of draws.</param>
    public void Gather(ref ushort indices, ReadOnlySpan<ushort> source, ref ushort target, int count)
    {
        ref byte set = ref _buffer.First;
        int pairs = TakeSet(source, ref set);
        for (nint i = 0; i < count; i += Vector512<byte>.Count)
        {
            var lower = Vector512.LoadUnsafe(ref Unsafe.Add(ref indices, i));
            var upper = Vector512.LoadUnsafe(ref Unsafe.Add(ref indices, i), 32);
            Read(ref set, pairs, lower, upper, ref Unsafe.Add(ref target, i));
        }
    }

    /// <summary>As the other, from 32-bit indices.</summary>
    public void Gather(ref uint indices, ReadOnlySpan<ushort> source, ref ushort target, int count)
    {
        ref byte set = ref _buffer.First;
        int pairs = TakeSet(source, ref set);
        for (nint i = 0; i < count; i += Vector512<byte>.Count)
        {
            ref uint here = ref Unsafe.Add(ref indices, i);
            var lower = Vector512.Narrow(Vector512.LoadUnsafe(ref here), Vector512.LoadUnsafe(ref here, 16));
            var upper = Vector512.Narrow(Vector512.LoadUnsafe(ref here, 32), Vector512.LoadUnsafe(ref here, 48));
            Read(ref set, pairs, lower, upper, ref Unsafe.Add(ref target, i));
        }
    }

    /// <summary>Copies a training set into bytes; gives the number of pairs of tables it takes.</summary>
    private static int TakeSet(ReadOnlySpan<ushort> source, ref byte set)
    {
        ref ushort token = ref MemoryMarshal.GetReference(source);
        int last = source.Length - Vector512<byte>.Count;
        for (int i = 0; i < source.Length && last >= 0; i += Vector512<byte>.Count)
        {
            // The last vector takes once more some of what the one before it took.
            var at = (nuint)Math.Min(i, last);
            LowBytes(Vector512.LoadUnsafe(ref token, at), Vector512.LoadUnsafe(ref token, at + 32))
                .StoreUnsafe(ref set, at);
        }

        for (int i = 0; i < source.Length && last < 0; i++)
        {
            Unsafe.Add(ref set, i) = (byte)source[i];
        }

        return (source.Length + PairLength - 1) / PairLength;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Read(
        ref byte set,
        int pairs,
        Vector512<ushort> lower,
        Vector512<ushort> upper,
        ref ushort target
    )
    {
        // The permutation takes the low 7 bits of an index; the next chooses the table of a pair, the high byte the pair.
        Vector512<byte> place = LowBytes(lower, upper);
        Vector512<byte> pair = HighBytes(lower, upper);
        Vector512<byte> isSecond = Vector512.LessThan(place.AsSByte(), default).AsByte();
        Vector512<byte> found = ReadPair(ref set, place, isSecond);
        Vector512<byte> number = Vector512<byte>.One;
        for (nint p = 1; p < pairs; p++)
        {
            Vector512<byte> here = ReadPair(ref Unsafe.Add(ref set, p * PairLength), place, isSecond);
            found = Vector512.ConditionalSelect(Vector512.Equals(pair, number), here, found);
            number += Vector512<byte>.One;
        }

        Vector512.WidenLower(found).StoreUnsafe(ref target);
        Vector512.WidenUpper(found).StoreUnsafe(ref target, 32);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<byte> ReadPair(ref byte pair, Vector512<byte> place, Vector512<byte> isSecond)
    {
        Vector512<byte> first = Permute(ref pair, place);
        Vector512<byte> second = Permute(ref Unsafe.Add(ref pair, TableLength), place);
        return Vector512.ConditionalSelect(isSecond, second, first);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<byte> Permute(ref byte table, Vector512<byte> place) =>
        Avx512Vbmi.PermuteVar64x8x2(Vector512.LoadUnsafe(ref table), place, Vector512.LoadUnsafe(ref table, 64));

    // Narrowing takes five operations where a permutation takes one.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<byte> LowBytes(Vector512<ushort> lower, Vector512<ushort> upper) =>
        Avx512Vbmi.PermuteVar64x8x2(lower.AsByte(), Evens, upper.AsByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<byte> HighBytes(Vector512<ushort> lower, Vector512<ushort> upper) =>
        Avx512Vbmi.PermuteVar64x8x2(lower.AsByte(), Evens + Vector512<byte>.One, upper.AsByte());
}
