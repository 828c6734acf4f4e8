using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Collapse.Softmax;

/// <summary>
/// What the float32 loops need of a vector width. Every operation acts lane by lane and rounds once, so code
/// that gives a number to a lane by its place in the data, not by the width, has the same bits at every width.
/// </summary>
/// <typeparam name="TSelf">The vector.</typeparam>
internal unsafe interface IFloatLanes<TSelf>
    where TSelf : unmanaged, IFloatLanes<TSelf>
{
    /// <summary>Numbers per vector.</summary>
    static abstract int Count { get; }

    static abstract TSelf Load(float* source);

    static abstract void Store(float* target, TSelf value);

    static abstract TSelf Broadcast(float value);

    static abstract TSelf Add(TSelf a, TSelf b);

    static abstract TSelf Subtract(TSelf a, TSelf b);

    static abstract TSelf Multiply(TSelf a, TSelf b);

    /// <summary>a·b + c, rounded once.</summary>
    static abstract TSelf FusedMultiplyAdd(TSelf a, TSelf b, TSelf c);

    /// <summary>The larger of each pair; which one where a number is NaN is open.</summary>
    static abstract TSelf Max(TSelf a, TSelf b);

    /// <summary>2^k for whole k = number + 1.5·2^23 as the sum rounds it: k in -126 to 127.</summary>
    static abstract TSelf PowerOfTwo(TSelf shifted);

    /// <summary><paramref name="value"/>, but <paramref name="other"/> where x is below the limit.</summary>
    static abstract TSelf WhereBelow(TSelf x, TSelf limit, TSelf other, TSelf value);
}

/// <summary>512 bits (AVX-512).</summary>
internal readonly unsafe struct Float512(Vector512<float> value) : IFloatLanes<Float512>
{
    private readonly Vector512<float> _value = value;

    public static bool IsSupported => Avx512F.IsSupported;

    public static int Count => 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float512 Load(float* source) => new(Vector512.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* target, Float512 value) => value._value.Store(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float512 Broadcast(float value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float512 Add(Float512 a, Float512 b) => new(a._value + b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float512 Subtract(Float512 a, Float512 b) => new(a._value - b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float512 Multiply(Float512 a, Float512 b) => new(a._value * b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float512 FusedMultiplyAdd(Float512 a, Float512 b, Float512 c) =>
        new(Vector512.FusedMultiplyAdd(a._value, b._value, c._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float512 Max(Float512 a, Float512 b) => new(Vector512.MaxNative(a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float512 PowerOfTwo(Float512 shifted) =>
        new(((shifted._value.AsInt32() << 23) + Vector512.Create(0x3F800000)).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float512 WhereBelow(Float512 x, Float512 limit, Float512 other, Float512 value) =>
        new(Vector512.ConditionalSelect(Vector512.LessThan(x._value, limit._value), other._value, value._value));
}

/// <summary>256 bits (AVX2).</summary>
internal readonly unsafe struct Float256(Vector256<float> value) : IFloatLanes<Float256>
{
    private readonly Vector256<float> _value = value;

    public static bool IsSupported => Avx2.IsSupported && Fma.IsSupported;

    public static int Count => 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float256 Load(float* source) => new(Vector256.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* target, Float256 value) => value._value.Store(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float256 Broadcast(float value) => new(Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float256 Add(Float256 a, Float256 b) => new(a._value + b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float256 Subtract(Float256 a, Float256 b) => new(a._value - b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float256 Multiply(Float256 a, Float256 b) => new(a._value * b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float256 FusedMultiplyAdd(Float256 a, Float256 b, Float256 c) =>
        new(Vector256.FusedMultiplyAdd(a._value, b._value, c._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float256 Max(Float256 a, Float256 b) => new(Vector256.MaxNative(a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float256 PowerOfTwo(Float256 shifted) =>
        new(((shifted._value.AsInt32() << 23) + Vector256.Create(0x3F800000)).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float256 WhereBelow(Float256 x, Float256 limit, Float256 other, Float256 value) =>
        new(Vector256.ConditionalSelect(Vector256.LessThan(x._value, limit._value), other._value, value._value));
}

/// <summary>128 bits: NEON, or x86 before AVX2, where the fused multiply-add is slow but the same.</summary>
internal readonly unsafe struct Float128(Vector128<float> value) : IFloatLanes<Float128>
{
    private readonly Vector128<float> _value = value;

    public static int Count => 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float128 Load(float* source) => new(Vector128.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* target, Float128 value) => value._value.Store(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float128 Broadcast(float value) => new(Vector128.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float128 Add(Float128 a, Float128 b) => new(a._value + b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float128 Subtract(Float128 a, Float128 b) => new(a._value - b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float128 Multiply(Float128 a, Float128 b) => new(a._value * b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float128 FusedMultiplyAdd(Float128 a, Float128 b, Float128 c) =>
        new(Vector128.FusedMultiplyAdd(a._value, b._value, c._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float128 Max(Float128 a, Float128 b) => new(Vector128.MaxNative(a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float128 PowerOfTwo(Float128 shifted) =>
        new(((shifted._value.AsInt32() << 23) + Vector128.Create(0x3F800000)).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float128 WhereBelow(Float128 x, Float128 limit, Float128 other, Float128 value) =>
        new(Vector128.ConditionalSelect(Vector128.LessThan(x._value, limit._value), other._value, value._value));
}
