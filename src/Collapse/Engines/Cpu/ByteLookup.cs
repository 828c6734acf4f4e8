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

    private readonly byte[] _set = new byte[LongestSet];

    /// <summary>Whether this processor permutes bytes of two registers (AVX-512 VBMI).</summary>
    public static bool IsSupported => Avx512Vbmi.IsSupported && Avx512BW.IsSupported;

    /// <summary>Reads source[index] for each index.</summary>
    /// <param name="indices">16-bit indices, with <see cref="Padding"/> behind them.</param>
    /// <param name="source">The training set; at most <see cref="LongestSet"/> numbers below <see cref="LargestVocabulary"/>.</param>
    /// <param name="target">Receives the tokens; what lies up to <see cref="Padding"/> behind them is spoilt.</param>
    /// <param name="count">Number of draws.</param>
    public void Gather(ref ushort indices, ReadOnlySpan<ushort> source, ref ushort target, int count)
    {
        int tables = TakeSet(source);
        ref byte set = ref MemoryMarshal.GetArrayDataReference(_set);
        for (nint i = 0; i < count; i += Vector512<byte>.Count)
        {
            var lower = Vector512.LoadUnsafe(ref Unsafe.Add(ref indices, i));
            var upper = Vector512.LoadUnsafe(ref Unsafe.Add(ref indices, i), 32);
            Read(ref set, tables, lower, upper, ref Unsafe.Add(ref target, i));
        }
    }

    /// <summary>As the other, from 32-bit indices.</summary>
    public void Gather(ref uint indices, ReadOnlySpan<ushort> source, ref ushort target, int count)
    {
        int tables = TakeSet(source);
        ref byte set = ref MemoryMarshal.GetArrayDataReference(_set);
        for (nint i = 0; i < count; i += Vector512<byte>.Count)
        {
            ref uint here = ref Unsafe.Add(ref indices, i);
            var lower = Vector512.Narrow(Vector512.LoadUnsafe(ref here), Vector512.LoadUnsafe(ref here, 16));
            var upper = Vector512.Narrow(Vector512.LoadUnsafe(ref here, 32), Vector512.LoadUnsafe(ref here, 48));
            Read(ref set, tables, lower, upper, ref Unsafe.Add(ref target, i));
        }
    }

    /// <summary>Copies a training set into bytes; gives the number of tables it takes.</summary>
    private int TakeSet(ReadOnlySpan<ushort> source)
    {
        ref ushort token = ref MemoryMarshal.GetReference(source);
        int i = 0;
        for (; i + Vector512<byte>.Count <= source.Length; i += Vector512<byte>.Count)
        {
            Vector512
                .Narrow(
                    Vector512.LoadUnsafe(ref Unsafe.Add(ref token, i)),
                    Vector512.LoadUnsafe(ref Unsafe.Add(ref token, i), 32)
                )
                .StoreUnsafe(ref _set[i]);
        }

        for (; i < source.Length; i++)
        {
            _set[i] = (byte)source[i];
        }

        return (source.Length + TableLength - 1) / TableLength;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Read(
        ref byte set,
        int tables,
        Vector512<ushort> lower,
        Vector512<ushort> upper,
        ref ushort target
    )
    {
        // The permutation takes the low 7 bits of an index; those above choose the table.
        Vector512<byte> place = Vector512.Narrow(lower, upper);
        Vector512<byte> table = Vector512.Narrow(lower >>> 7, upper >>> 7);
        Vector512<byte> found = Permute(ref set, place);
        Vector512<byte> number = Vector512<byte>.One;
        for (nint t = 1; t < tables; t++)
        {
            Vector512<byte> here = Permute(ref Unsafe.Add(ref set, t * TableLength), place);
            found = Vector512.ConditionalSelect(Vector512.Equals(table, number), here, found);
            number += Vector512<byte>.One;
        }

        Vector512.WidenLower(found).StoreUnsafe(ref target);
        Vector512.WidenUpper(found).StoreUnsafe(ref target, 32);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<byte> Permute(ref byte table, Vector512<byte> place) =>
        Avx512Vbmi.PermuteVar64x8x2(Vector512.LoadUnsafe(ref table), place, Vector512.LoadUnsafe(ref table, 64));
}
