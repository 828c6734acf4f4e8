using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Collapse.Engines.Cpu;

/// <summary>
/// Counts tokens of few kinds, 512 at a time: bit b of all their numbers makes a plane, the planes or their
/// complements combined, the highest first, say which tokens have one number, and those bits are counted. A table takes about one
/// store and one load for every token instead, whatever the number of kinds.
/// </summary>
internal sealed class BitPlaneCounter
{
    /// <summary>Measured: with more kinds a table is faster.</summary>
    public const int LargestVocabulary = 192;

    /// <summary>Tokens of the longest set: with the largest vocabulary, 56 KB are kept of it.</summary>
    public const int LongestSet = 16 * BlockTokens;

    private const int Planes = 8;
    private const int PlaneWords = 8;
    private const int Fours = LargestVocabulary / 4;
    private const int BlockTokens = 512;
    private const int Group = 64;

    // The bits that are set in 0, 1, …, 127.
    private static readonly byte[] Bits128 =
    [
        .. Enumerable.Range(0, 128).Select(i => (byte)BitOperations.PopCount((uint)i)),
    ];

    // Where the bytes 0 to 3 of each 64 bits of two vectors stand: 16 bytes 0, then 16 bytes 1, ….
    private static readonly byte[] LowerPlanes =
    [
        .. Enumerable.Range(0, 64).Select(i => (byte)((i / 16) + (i % 16 * 8))),
    ];

    private readonly AlignedBuffer<ulong> _planes = new();
    private readonly AlignedBuffer<ulong> _fours = new();
    private readonly AlignedBuffer<ushort> _block = new();

    /// <summary>Makes room for the longest set of the largest vocabulary.</summary>
    public BitPlaneCounter()
    {
        _planes.Reserve(LongestSet / BlockTokens * Planes * PlaneWords);
        _fours.Reserve(LongestSet / BlockTokens * Fours * PlaneWords);
    }

    /// <summary>Whether this processor has what it takes.</summary>
    public static bool IsSupported => Avx512BW.IsSupported && Avx512Vbmi.IsSupported && Gfni.V512.IsSupported;

    /// <summary>Writes the counts of the numbers 0 … vocabulary - 1.</summary>
    /// <param name="set">1 to <see cref="LongestSet"/> numbers.</param>
    /// <param name="vocabulary">1 to <see cref="LargestVocabulary"/>.</param>
    /// <param name="counts">Receives the counts, and zeros up to the next multiple of 8.</param>
    public void Count(ReadOnlySpan<ushort> set, int vocabulary, Span<int> counts)
    {
        int blocks = (set.Length + BlockTokens - 1) / BlockTokens;
        int numbers = (vocabulary + 7) & -8;
        ref ulong planes = ref _planes.First;
        ref ulong fours = ref _fours.First;
        for (int block = 0; block < blocks; block++)
        {
            ref ulong plane = ref Unsafe.Add(ref planes, block * Planes * PlaneWords);
            TakePlanes(ref Block(set, block * BlockTokens), ref plane);
            TakeFours(ref plane, numbers, ref Unsafe.Add(ref fours, block * Fours * PlaneWords));
        }

        var table = new BitCounts(Vector512.Create(Bits128, 0), Vector512.Create(Bits128, 64));
        for (int first = 0; first < numbers; first += 8)
        {
            CountEight(ref planes, ref Unsafe.Add(ref fours, first / 4 * PlaneWords), blocks, table, ref counts[first]);
        }

        // Places behind the last token have number 0.
        counts[0] -= (blocks * BlockTokens) - set.Length;
    }

    /// <summary>The first token of a block; behind the last of a set stand zeros.</summary>
    private ref ushort Block(ReadOnlySpan<ushort> set, int start)
    {
        ReadOnlySpan<ushort> rest = set[start..];
        if (rest.Length >= BlockTokens)
        {
            return ref MemoryMarshal.GetReference(rest);
        }

        Span<ushort> block = _block.Reserve(BlockTokens);
        rest.CopyTo(block);
        block[rest.Length..].Clear();
        return ref block[0];
    }

    /// <summary>Makes the planes of a block of tokens.</summary>
    private static void TakePlanes(ref ushort token, ref ulong plane)
    {
        Vector512<byte> bits0 = Bits(ref token);
        Vector512<byte> bits1 = Bits(ref Unsafe.Add(ref token, Group));
        Vector512<byte> bits2 = Bits(ref Unsafe.Add(ref token, 2 * Group));
        Vector512<byte> bits3 = Bits(ref Unsafe.Add(ref token, 3 * Group));
        Vector512<byte> bits4 = Bits(ref Unsafe.Add(ref token, 4 * Group));
        Vector512<byte> bits5 = Bits(ref Unsafe.Add(ref token, 5 * Group));
        Vector512<byte> bits6 = Bits(ref Unsafe.Add(ref token, 6 * Group));
        Vector512<byte> bits7 = Bits(ref Unsafe.Add(ref token, 7 * Group));
        Vector512<byte> lower = Vector512.Create(LowerPlanes, 0);
        Vector512<byte> upper = lower + Vector512.Create((byte)4);
        StoreFour(
            Avx512Vbmi.PermuteVar64x8x2(bits0, lower, bits1).AsUInt64(),
            Avx512Vbmi.PermuteVar64x8x2(bits2, lower, bits3).AsUInt64(),
            Avx512Vbmi.PermuteVar64x8x2(bits4, lower, bits5).AsUInt64(),
            Avx512Vbmi.PermuteVar64x8x2(bits6, lower, bits7).AsUInt64(),
            ref plane
        );
        StoreFour(
            Avx512Vbmi.PermuteVar64x8x2(bits0, upper, bits1).AsUInt64(),
            Avx512Vbmi.PermuteVar64x8x2(bits2, upper, bits3).AsUInt64(),
            Avx512Vbmi.PermuteVar64x8x2(bits4, upper, bits5).AsUInt64(),
            Avx512Vbmi.PermuteVar64x8x2(bits6, upper, bits7).AsUInt64(),
            ref Unsafe.Add(ref plane, 4 * PlaneWords)
        );
    }

    /// <summary>In each byte b of 64 bits, bit b of eight of the next 64 tokens, in no order that matters.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<byte> Bits(ref ushort token)
    {
        Vector512<byte> numbers = Avx512BW.PackUnsignedSaturate(
            Vector512.LoadUnsafe(ref token).AsInt16(),
            Vector512.LoadUnsafe(ref token, 32).AsInt16()
        );

        // The product of the unit matrix and eight numbers as a matrix of bits: that matrix, its rows and columns swapped.
        return Gfni.V512.GaloisFieldAffineTransform(Vector512.Create(0x80402010_08040201ul).AsByte(), numbers, 0);
    }

    /// <summary>Brings together what four vectors hold of each of four planes, 16 bytes each.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreFour(
        Vector512<ulong> part0,
        Vector512<ulong> part1,
        Vector512<ulong> part2,
        Vector512<ulong> part3,
        ref ulong plane
    )
    {
        Vector512<ulong> first = Avx512F.Shuffle4x128(part0, part1, 0x44);
        Vector512<ulong> second = Avx512F.Shuffle4x128(part2, part3, 0x44);
        Avx512F.Shuffle4x128(first, second, 0x88).StoreUnsafe(ref plane);
        Avx512F.Shuffle4x128(first, second, 0xDD).StoreUnsafe(ref plane, PlaneWords);
        first = Avx512F.Shuffle4x128(part0, part1, 0xEE);
        second = Avx512F.Shuffle4x128(part2, part3, 0xEE);
        Avx512F.Shuffle4x128(first, second, 0x88).StoreUnsafe(ref plane, 2 * PlaneWords);
        Avx512F.Shuffle4x128(first, second, 0xDD).StoreUnsafe(ref plane, 3 * PlaneWords);
    }

    /// <summary>
    /// Splits all tokens of a block by the planes above the lowest two, the highest first: the bits of the fours 0–3, 4–7, …
    /// of numbers.
    /// </summary>
    private static void TakeFours(ref ulong plane, int numbers, ref ulong fours)
    {
        Vector512<ulong>.AllBitsSet.StoreUnsafe(ref fours);
        int parts = 1;
        for (int b = BitOperations.Log2((uint)(numbers - 1)); b >= 2; b--)
        {
            var one = Vector512.LoadUnsafe(ref plane, (nuint)(PlaneWords * b));
            for (int part = parts - 1; part >= 0; part--)
            {
                var both = Vector512.LoadUnsafe(ref fours, (nuint)(PlaneWords * part));
                (both & one).StoreUnsafe(ref fours, (nuint)(PlaneWords * ((2 * part) + 1)));
                Vector512.AndNot(both, one).StoreUnsafe(ref fours, (nuint)(PlaneWords * 2 * part));
            }

            parts = ((numbers - 1) >> b) + 1;
        }
    }

    /// <summary>Adds up the bits of eight numbers, two blocks at a time: bytes hold what their sums need.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CountEight(ref ulong plane, ref ulong fours, int blocks, in BitCounts table, ref int counts)
    {
        Vector256<int> sum = default;
        for (int block = 0; block < blocks; block += 2)
        {
            Vector512<byte> count0 = default;
            Vector512<byte> count1 = default;
            Vector512<byte> count2 = default;
            Vector512<byte> count3 = default;
            Vector512<byte> count4 = default;
            Vector512<byte> count5 = default;
            Vector512<byte> count6 = default;
            Vector512<byte> count7 = default;
            for (int b = block; b < Math.Min(block + 2, blocks); b++)
            {
                var plane0 = Vector512.LoadUnsafe(ref plane);
                var plane1 = Vector512.LoadUnsafe(ref plane, PlaneWords);
                var four = Vector512.LoadUnsafe(ref fours);
                Vector512<ulong> upper = four & plane1;
                Vector512<ulong> lower = Vector512.AndNot(four, plane1);
                count0 += table.PerByte(Vector512.AndNot(lower, plane0));
                count1 += table.PerByte(lower & plane0);
                count2 += table.PerByte(Vector512.AndNot(upper, plane0));
                count3 += table.PerByte(upper & plane0);
                four = Vector512.LoadUnsafe(ref fours, PlaneWords);
                upper = four & plane1;
                lower = Vector512.AndNot(four, plane1);
                count4 += table.PerByte(Vector512.AndNot(lower, plane0));
                count5 += table.PerByte(lower & plane0);
                count6 += table.PerByte(Vector512.AndNot(upper, plane0));
                count7 += table.PerByte(upper & plane0);
                plane = ref Unsafe.Add(ref plane, Planes * PlaneWords);
                fours = ref Unsafe.Add(ref fours, Fours * PlaneWords);
            }

            Vector512<int> sums0 = Sums(count0, count1, count2, count3);
            Vector512<int> sums4 = Sums(count4, count5, count6, count7);
            Vector512<int> both = Avx512F.Shuffle4x128(sums0, sums4, 0x44) + Avx512F.Shuffle4x128(sums0, sums4, 0xEE);
            sum += (Avx512F.Shuffle4x128(both, both, 0x88) + Avx512F.Shuffle4x128(both, both, 0xDD)).GetLower();
        }

        sum.StoreUnsafe(ref counts);
    }

    /// <summary>In each 128 bits, the sums of 16 bytes of each of four vectors; bytes up to 63.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Sums(Vector512<byte> a, Vector512<byte> b, Vector512<byte> c, Vector512<byte> d)
    {
        Vector512<float> ab = Halves(a.AsUInt64(), b.AsUInt64()).AsSingle();
        Vector512<float> cd = Halves(c.AsUInt64(), d.AsUInt64()).AsSingle();
        Vector512<byte> abcd = Avx512F.Shuffle(ab, cd, 0x88).AsByte() + Avx512F.Shuffle(ab, cd, 0xDD).AsByte();
        Vector512<short> pairs = Avx512BW.MultiplyAddAdjacent(abcd, Vector512<sbyte>.One);
        return Avx512BW.MultiplyAddAdjacent(pairs, Vector512<short>.One);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<byte> Halves(Vector512<ulong> a, Vector512<ulong> b) =>
        Avx512F.UnpackLow(a, b).AsByte() + Avx512F.UnpackHigh(a, b).AsByte();

    /// <summary>Counts bits: a permutation looks up seven of each byte, a product of matrices has the eighth.</summary>
    private readonly struct BitCounts(Vector512<byte> below64, Vector512<byte> from64)
    {
        private readonly Vector512<byte> _below64 = below64;
        private readonly Vector512<byte> _from64 = from64;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector512<byte> PerByte(Vector512<ulong> bits)
        {
            Vector512<byte> seventh = Vector512.Create(0x80000000_00000000ul).AsByte();
            return Avx512Vbmi.PermuteVar64x8x2(_below64, bits.AsByte(), _from64)
                + Gfni.V512.GaloisFieldAffineTransform(bits.AsByte(), seventh, 0);
        }
    }
}
