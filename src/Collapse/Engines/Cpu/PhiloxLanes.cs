using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Collapse.Engines.Cpu;

/// <summary>
/// What the SIMD engine needs of a vector width. A vector holds one 32-bit word of <see cref="Blocks"/> Philox
/// blocks, each in the low half of a 64-bit lane: a 32×32→64 multiply ignores the high halves, so they are
/// never cleaned.
/// </summary>
/// <typeparam name="TSelf">The vector.</typeparam>
internal interface IPhiloxLanes<TSelf>
    where TSelf : unmanaged, IPhiloxLanes<TSelf>
{
    /// <summary>Blocks per vector: 64-bit lanes.</summary>
    static abstract int Blocks { get; }

    static abstract TSelf Broadcast(ulong value);

    /// <summary>The numbers 0 … Blocks - 1, in the lane order in which <see cref="Store"/> writes blocks one after the other.</summary>
    static abstract TSelf BlockNumbers { get; }

    static abstract TSelf Add(TSelf a, TSelf b);

    static abstract TSelf Multiply(TSelf a, TSelf b);

    static abstract TSelf ShiftRight(TSelf a);

    static abstract TSelf Xor(TSelf a, TSelf b, TSelf c);

    static abstract TSelf And(TSelf a, TSelf b);

    static abstract TSelf Or(TSelf a, TSelf b);

    static abstract TSelf ShiftRight(TSelf a, int bits);

    /// <summary>In each 64-bit lane the first where the condition is 0, otherwise the second.</summary>
    static abstract TSelf Choose(TSelf condition, TSelf whereZero, TSelf elsewhere);

    /// <summary>A bit for each 64-bit lane in which a lies below b; both below 2^63.</summary>
    static abstract ulong Less(TSelf a, TSelf b);

    /// <summary>Reads 64-bit lanes in order.</summary>
    static abstract TSelf Load(ref ulong source);

    /// <summary>Writes 64-bit lanes in order.</summary>
    static abstract void Write(TSelf a, ref ulong target);

    /// <summary>Writes the four words of every block, block after block.</summary>
    static abstract void Store(TSelf x0, TSelf x1, TSelf x2, TSelf x3, ref ulong target);

    /// <summary>
    /// Replaces 4·Blocks 16-bit lanes by indices, and lists those that are rejected: the number of the first lane plus
    /// their own. What lies up to 4·Blocks behind the beginning of the list is spoilt.
    /// </summary>
    /// <returns>How many are rejected.</returns>
    static abstract int MapHalfWords(
        ref ushort lanes,
        ushort bound,
        ushort threshold,
        ushort first,
        ref ushort rejected
    );

    /// <summary>Replaces 2·Blocks 32-bit lanes by indices; the mask has a bit for each lane that is rejected.</summary>
    static abstract ulong MapWords(ref uint lanes, uint bound, uint threshold);
}

/// <summary>512 bits (AVX-512).</summary>
internal readonly struct Lanes512(Vector512<ulong> value) : IPhiloxLanes<Lanes512>
{
    private readonly Vector512<ulong> _value = value;

    public static bool IsSupported => Vector512.IsHardwareAccelerated && Avx512BW.IsSupported;

    public static int Blocks => 8;

    public static Lanes512 BlockNumbers => new(Vector512.Create(0ul, 4, 1, 5, 2, 6, 3, 7));

    public static Lanes512 Broadcast(ulong value) => new(Vector512.Create(value));

    public static Lanes512 Add(Lanes512 a, Lanes512 b) => new(a._value + b._value);

    public static Lanes512 Multiply(Lanes512 a, Lanes512 b) =>
        new(Avx512F.Multiply(a._value.AsUInt32(), b._value.AsUInt32()));

    public static Lanes512 ShiftRight(Lanes512 a) => new(a._value >>> 32);

    public static Lanes512 Xor(Lanes512 a, Lanes512 b, Lanes512 c) => new(a._value ^ b._value ^ c._value);

    public static Lanes512 And(Lanes512 a, Lanes512 b) => new(a._value & b._value);

    public static Lanes512 Or(Lanes512 a, Lanes512 b) => new(a._value | b._value);

    public static Lanes512 ShiftRight(Lanes512 a, int bits) => new(a._value >>> bits);

    public static Lanes512 Choose(Lanes512 condition, Lanes512 whereZero, Lanes512 elsewhere) =>
        new(
            Vector512.ConditionalSelect(Vector512.Equals(condition._value, default), whereZero._value, elsewhere._value)
        );

    public static ulong Less(Lanes512 a, Lanes512 b) =>
        Vector512.LessThan(a._value.AsInt64(), b._value.AsInt64()).ExtractMostSignificantBits();

    public static Lanes512 Load(ref ulong source) => new(Vector512.LoadUnsafe(ref source));

    public static void Write(Lanes512 a, ref ulong target) => a._value.StoreUnsafe(ref target);

    public static void Store(Lanes512 x0, Lanes512 x1, Lanes512 x2, Lanes512 x3, ref ulong target)
    {
        Vector512<ulong> low = Vector512.Create(0xFFFFFFFFul);
        Vector512<ulong> first = (x0._value & low) | (x1._value << 32);
        Vector512<ulong> second = (x2._value & low) | (x3._value << 32);
        Avx512F.UnpackLow(first, second).StoreUnsafe(ref target);
        Avx512F.UnpackHigh(first, second).StoreUnsafe(ref target, 8);
    }

    public static int MapHalfWords(ref ushort lanes, ushort bound, ushort threshold, ushort first, ref ushort rejected)
    {
        Vector512<ushort> x = Vector512.LoadUnsafe(ref lanes);
        Vector512<ushort> b = Vector512.Create(bound);
        Avx512BW.MultiplyHigh(x, b).StoreUnsafe(ref lanes);
        Vector512<ushort> isRejected = Vector512.LessThan(x * b, Vector512.Create(threshold));
        ulong mask = isRejected.ExtractMostSignificantBits();
        if (!Avx512Vbmi2.IsSupported)
        {
            return LaneList.Write(mask, first, ref rejected);
        }

        Vector512<ushort> numbers = Vector512<ushort>.Indices + Vector512.Create(first);
        Avx512Vbmi2.Compress(default, isRejected, numbers).StoreUnsafe(ref rejected);
        return BitOperations.PopCount(mask);
    }

    public static ulong MapWords(ref uint lanes, uint bound, uint threshold)
    {
        Vector512<uint> x = Vector512.LoadUnsafe(ref lanes);
        Vector512<uint> b = Vector512.Create(bound);
        Vector512<ulong> even = Avx512F.Multiply(x, b);
        Vector512<ulong> odd = Avx512F.Multiply((x.AsUInt64() >>> 32).AsUInt32(), b);
        Vector512<ulong> low = Vector512.Create(0xFFFFFFFFul);
        ((even >>> 32) | (odd & ~low)).AsUInt32().StoreUnsafe(ref lanes);
        Vector512<uint> rest = ((even & low) | (odd << 32)).AsUInt32();
        return Vector512.LessThan(rest, Vector512.Create(threshold)).ExtractMostSignificantBits();
    }
}

/// <summary>256 bits (AVX2).</summary>
internal readonly struct Lanes256(Vector256<ulong> value) : IPhiloxLanes<Lanes256>
{
    private readonly Vector256<ulong> _value = value;

    public static bool IsSupported => Avx2.IsSupported;

    public static int Blocks => 4;

    public static Lanes256 BlockNumbers => new(Vector256.Create(0ul, 2, 1, 3));

    public static Lanes256 Broadcast(ulong value) => new(Vector256.Create(value));

    public static Lanes256 Add(Lanes256 a, Lanes256 b) => new(a._value + b._value);

    public static Lanes256 Multiply(Lanes256 a, Lanes256 b) =>
        new(Avx2.Multiply(a._value.AsUInt32(), b._value.AsUInt32()));

    public static Lanes256 ShiftRight(Lanes256 a) => new(a._value >>> 32);

    public static Lanes256 Xor(Lanes256 a, Lanes256 b, Lanes256 c) => new(a._value ^ b._value ^ c._value);

    public static Lanes256 And(Lanes256 a, Lanes256 b) => new(a._value & b._value);

    public static Lanes256 Or(Lanes256 a, Lanes256 b) => new(a._value | b._value);

    public static Lanes256 ShiftRight(Lanes256 a, int bits) => new(a._value >>> bits);

    public static Lanes256 Choose(Lanes256 condition, Lanes256 whereZero, Lanes256 elsewhere) =>
        new(
            Vector256.ConditionalSelect(Vector256.Equals(condition._value, default), whereZero._value, elsewhere._value)
        );

    public static ulong Less(Lanes256 a, Lanes256 b) =>
        Vector256.LessThan(a._value.AsInt64(), b._value.AsInt64()).ExtractMostSignificantBits();

    public static Lanes256 Load(ref ulong source) => new(Vector256.LoadUnsafe(ref source));

    public static void Write(Lanes256 a, ref ulong target) => a._value.StoreUnsafe(ref target);

    public static void Store(Lanes256 x0, Lanes256 x1, Lanes256 x2, Lanes256 x3, ref ulong target)
    {
        Vector256<ulong> low = Vector256.Create(0xFFFFFFFFul);
        Vector256<ulong> first = (x0._value & low) | (x1._value << 32);
        Vector256<ulong> second = (x2._value & low) | (x3._value << 32);
        Avx2.UnpackLow(first, second).StoreUnsafe(ref target);
        Avx2.UnpackHigh(first, second).StoreUnsafe(ref target, 4);
    }

    public static int MapHalfWords(ref ushort lanes, ushort bound, ushort threshold, ushort first, ref ushort rejected)
    {
        Vector256<ushort> x = Vector256.LoadUnsafe(ref lanes);
        Vector256<ushort> b = Vector256.Create(bound);
        Avx2.MultiplyHigh(x, b).StoreUnsafe(ref lanes);
        Vector256<ushort> isRejected = Vector256.LessThan(x * b, Vector256.Create(threshold));
        return LaneList.Write(isRejected.ExtractMostSignificantBits(), first, ref rejected);
    }

    public static ulong MapWords(ref uint lanes, uint bound, uint threshold)
    {
        Vector256<uint> x = Vector256.LoadUnsafe(ref lanes);
        Vector256<uint> b = Vector256.Create(bound);
        Vector256<ulong> even = Avx2.Multiply(x, b);
        Vector256<ulong> odd = Avx2.Multiply((x.AsUInt64() >>> 32).AsUInt32(), b);
        Vector256<ulong> low = Vector256.Create(0xFFFFFFFFul);
        ((even >>> 32) | (odd & ~low)).AsUInt32().StoreUnsafe(ref lanes);
        Vector256<uint> rest = ((even & low) | (odd << 32)).AsUInt32();
        return Vector256.LessThan(rest, Vector256.Create(threshold)).ExtractMostSignificantBits();
    }
}

/// <summary>128 bits in the portable operations of Vector128 (SSE2, NEON, or plain code where there is neither).</summary>
internal readonly struct Lanes128(Vector128<ulong> value) : IPhiloxLanes<Lanes128>
{
    private readonly Vector128<ulong> _value = value;

    public static int Blocks => 2;

    public static Lanes128 BlockNumbers => new(Vector128.Create(0ul, 1));

    private static Vector128<ulong> Low => Vector128.Create(0xFFFFFFFFul);

    public static Lanes128 Broadcast(ulong value) => new(Vector128.Create(value));

    public static Lanes128 Add(Lanes128 a, Lanes128 b) => new(a._value + b._value);

    public static Lanes128 Multiply(Lanes128 a, Lanes128 b) => new(Multiply(a._value, b._value));

    public static Lanes128 ShiftRight(Lanes128 a) => new(a._value >>> 32);

    public static Lanes128 Xor(Lanes128 a, Lanes128 b, Lanes128 c) => new(a._value ^ b._value ^ c._value);

    public static Lanes128 And(Lanes128 a, Lanes128 b) => new(a._value & b._value);

    public static Lanes128 Or(Lanes128 a, Lanes128 b) => new(a._value | b._value);

    public static Lanes128 ShiftRight(Lanes128 a, int bits) => new(a._value >>> bits);

    public static Lanes128 Choose(Lanes128 condition, Lanes128 whereZero, Lanes128 elsewhere) =>
        new(
            Vector128.ConditionalSelect(Vector128.Equals(condition._value, default), whereZero._value, elsewhere._value)
        );

    public static ulong Less(Lanes128 a, Lanes128 b) =>
        Vector128.LessThan(a._value.AsInt64(), b._value.AsInt64()).ExtractMostSignificantBits();

    public static Lanes128 Load(ref ulong source) => new(Vector128.LoadUnsafe(ref source));

    public static void Write(Lanes128 a, ref ulong target) => a._value.StoreUnsafe(ref target);

    public static void Store(Lanes128 x0, Lanes128 x1, Lanes128 x2, Lanes128 x3, ref ulong target)
    {
        Vector128<ulong> first = (x0._value & Low) | (x1._value << 32);
        Vector128<ulong> second = (x2._value & Low) | (x3._value << 32);
        Vector128.Create(first.GetElement(0), second.GetElement(0)).StoreUnsafe(ref target);
        Vector128.Create(first.GetElement(1), second.GetElement(1)).StoreUnsafe(ref target, 2);
    }

    public static int MapHalfWords(ref ushort lanes, ushort bound, ushort threshold, ushort first, ref ushort rejected)
    {
        Vector128<ushort> x = Vector128.LoadUnsafe(ref lanes);
        Vector128<uint> b = Vector128.Create((uint)bound);
        (Vector128<uint> lower, Vector128<uint> upper) = Vector128.Widen(x);
        Vector128.Narrow((lower * b) >>> 16, (upper * b) >>> 16).StoreUnsafe(ref lanes);
        Vector128<ushort> isRejected = Vector128.LessThan(x * Vector128.Create(bound), Vector128.Create(threshold));
        return LaneList.Write(isRejected.ExtractMostSignificantBits(), first, ref rejected);
    }

    public static ulong MapWords(ref uint lanes, uint bound, uint threshold)
    {
        Vector128<ulong> x = Vector128.LoadUnsafe(ref lanes).AsUInt64();
        Vector128<ulong> b = Vector128.Create((ulong)bound);
        Vector128<ulong> even = Multiply(x, b);
        Vector128<ulong> odd = Multiply(x >>> 32, b);
        ((even >>> 32) | (odd & ~Low)).AsUInt32().StoreUnsafe(ref lanes);
        Vector128<uint> rest = ((even & Low) | (odd << 32)).AsUInt32();
        return Vector128.LessThan(rest, Vector128.Create(threshold)).ExtractMostSignificantBits();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> Multiply(Vector128<ulong> a, Vector128<ulong> b) =>
        Sse2.IsSupported ? Sse2.Multiply(a.AsUInt32(), b.AsUInt32()) : (a & Low) * (b & Low);
}

/// <summary>Lists of lanes.</summary>
file static class LaneList
{
    /// <summary>Writes the number of the first lane plus that of each bit of a mask; two places at least are spoilt.</summary>
    /// <returns>How many bits the mask has.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Write(ulong mask, ushort first, ref ushort list)
    {
        // One lane in a hundred is rejected, and which cannot be predicted: no branch on the first two.
        list = (ushort)(first + BitOperations.TrailingZeroCount(mask));
        int count = Convert.ToInt32(mask != 0);
        mask &= mask - 1;
        Unsafe.Add(ref list, count) = (ushort)(first + BitOperations.TrailingZeroCount(mask));
        count += Convert.ToInt32(mask != 0);
        for (mask &= mask - 1; mask != 0; mask &= mask - 1)
        {
            Unsafe.Add(ref list, count++) = (ushort)(first + BitOperations.TrailingZeroCount(mask));
        }

        return count;
    }
}
