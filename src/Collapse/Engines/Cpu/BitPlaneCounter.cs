using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Collapse.Engines.Cpu;

/// <summary>
/// Counts tokens of few kinds, 512 at a time: bit b of all their numbers makes a plane, the planes or their
/// complements combined say which tokens have one number, and those bits are counted. A table takes about one
/// store and one load for every token instead, whatever the number of kinds.
/// </summary>
internal sealed class BitPlaneCounter
{
    /// <summary>Measured: with more kinds a table is faster.</summary>
    public const int LargestVocabulary = 48;

    /// <summary>Tokens of the longest set. A byte adds up 8 bits of every block: 31 blocks would still fit.</summary>
    public const int LongestSet = 16 * BlockTokens;

    private const int Planes = 6;
    private const int BlockTokens = 512;
    private const int Group = 64;

    private readonly ulong[] _planes = new ulong[Planes * LongestSet / Group];
    private readonly ushort[] _rest = new ushort[Group];

    /// <summary>Whether this processor has what it takes.</summary>
    public static bool IsSupported => Vector512.IsHardwareAccelerated && Avx512BW.IsSupported;

    /// <summary>Writes the counts of the numbers 0 … vocabulary - 1.</summary>
    /// <param name="set">1 to <see cref="LongestSet"/> numbers.</param>
    /// <param name="vocabulary">1 to <see cref="LargestVocabulary"/>.</param>
    /// <param name="counts">Receives the counts, and zeros up to the next multiple of 4.</param>
    public void Count(ReadOnlySpan<ushort> set, int vocabulary, Span<int> counts)
    {
        int planes = System.Numerics.BitOperations.Log2((uint)Math.Max(vocabulary - 1, 2)) + 1;
        int blocks = (set.Length + BlockTokens - 1) / BlockTokens;
        TakePlanes(set, planes, blocks);
        for (int first = 0; first < vocabulary; first += 4)
        {
            CountFour(first, planes, blocks, ref counts[first]);
        }

        // Places behind the last token have number 0.
        counts[0] -= (blocks * BlockTokens) - set.Length;
    }

    private void TakePlanes(ReadOnlySpan<ushort> set, int planes, int blocks)
    {
        _planes.AsSpan((blocks - 1) * Planes * 8, Planes * 8).Clear();
        for (int i = 0; i < set.Length; i += Group)
        {
            ReadOnlySpan<ushort> here = set[i..];
            if (here.Length < Group)
            {
                _rest.AsSpan().Clear();
                here.CopyTo(_rest);
                here = _rest;
            }

            ref ushort token = ref MemoryMarshal.GetReference(here);
            Vector512<byte> numbers = Vector512.Narrow(
                Vector512.LoadUnsafe(ref token),
                Vector512.LoadUnsafe(ref token, 32)
            );
            ref ulong plane = ref _planes[(i / BlockTokens * Planes * 8) + (i % BlockTokens / Group)];
            for (int b = 0; b < planes; b++)
            {
                // Bit b of each byte becomes its highest; what crosses from byte to byte stays below that.
                Unsafe.Add(ref plane, 8 * b) = (numbers.AsUInt16() << (7 - b)).AsByte().ExtractMostSignificantBits();
            }
        }
    }

    private void CountFour(int first, int planes, int blocks, ref int counts)
    {
        Vector512<ulong> count0 = default;
        Vector512<ulong> count1 = default;
        Vector512<ulong> count2 = default;
        Vector512<ulong> count3 = default;
        ref ulong plane = ref MemoryMarshal.GetArrayDataReference(_planes);
        for (int block = 0; block < blocks; block++)
        {
            Vector512<ulong> four = Vector512<ulong>.AllBitsSet;
            for (int b = 2; b < planes; b++)
            {
                Vector512<ulong> flip = Vector512.Create((ulong)((first >> b) & 1) - 1);
                four &= Vector512.LoadUnsafe(ref plane, (nuint)(8 * b)) ^ flip;
            }

            var plane0 = Vector512.LoadUnsafe(ref plane);
            var plane1 = Vector512.LoadUnsafe(ref plane, 8);
            Vector512<ulong> upper = four & plane1;
            Vector512<ulong> lower = Vector512.AndNot(four, plane1);
            count0 += BitsPerByte(Vector512.AndNot(lower, plane0));
            count1 += BitsPerByte(lower & plane0);
            count2 += BitsPerByte(Vector512.AndNot(upper, plane0));
            count3 += BitsPerByte(upper & plane0);
            plane = ref Unsafe.Add(ref plane, Planes * 8);
        }

        Vector128<ulong> sums01 = Sum(count0, count1);
        Vector128<ulong> sums23 = Sum(count2, count3);
        Vector128.Narrow(sums01, sums23).AsInt32().StoreUnsafe(ref counts);
    }

    /// <summary>The number of bits of each byte, from a table of those of four bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ulong> BitsPerByte(Vector512<ulong> bits)
    {
        Vector512<byte> table = Vector512.Create(
            Vector256.Create(Vector128.Create(0x03020201_02010100ul, 0x04030302_03020201ul).AsByte())
        );
        Vector512<byte> low = Vector512.Create((byte)0x0F);
        Vector512<byte> lower = Avx512BW.Shuffle(table, bits.AsByte() & low);
        Vector512<byte> upper = Avx512BW.Shuffle(table, (bits >>> 4).AsByte() & low);
        return (lower + upper).AsUInt64();
    }

    /// <summary>The sum of the bytes of each of two vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> Sum(Vector512<ulong> a, Vector512<ulong> b)
    {
        Vector512<ulong> first = Avx512BW.SumAbsoluteDifferences(a.AsByte(), default).AsUInt64();
        Vector512<ulong> second = Avx512BW.SumAbsoluteDifferences(b.AsByte(), default).AsUInt64();
        Vector512<ulong> pairs = Avx512F.UnpackLow(first, second) + Avx512F.UnpackHigh(first, second);
        Vector256<ulong> four = pairs.GetLower() + pairs.GetUpper();
        return four.GetLower() + four.GetUpper();
    }
}
