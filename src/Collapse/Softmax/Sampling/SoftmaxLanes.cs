using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Collapse.Softmax.Sampling;

/// <summary>What weighing logits needs of a vector width: single-precision numbers, and their bits as integers.</summary>
/// <typeparam name="TSelf">The vector.</typeparam>
internal interface ISoftmaxLanes<TSelf>
    where TSelf : unmanaged, ISoftmaxLanes<TSelf>
{
    /// <summary>Numbers per vector, a divisor of 16.</summary>
    static abstract int Count { get; }

    static abstract TSelf Broadcast(float value);

    static abstract TSelf Subtract(TSelf a, TSelf b);

    /// <summary>a·b + c, rounded once.</summary>
    static abstract TSelf MultiplyAdd(TSelf a, TSelf b, TSelf c);

    /// <summary>a·b - c, rounded once.</summary>
    static abstract TSelf MultiplySubtract(TSelf a, TSelf b, TSelf c);

    /// <summary>The larger numbers; anything where one is not a number.</summary>
    static abstract TSelf Max(TSelf a, TSelf b);

    /// <summary>Adds the low 9 bits of <paramref name="exponent"/> to the exponent of <paramref name="value"/>.</summary>
    static abstract TSelf AddExponent(TSelf value, TSelf exponent);

    /// <summary>Values at least 0 and below 2^31, truncated to integers.</summary>
    static abstract TSelf Truncate(TSelf value);

    static abstract TSelf Load(ref float source, nuint offset);

    /// <summary>The larger bits as signed integers.</summary>
    static abstract TSelf MaxSigned(TSelf a, TSelf b);

    /// <summary>The larger bits as unsigned integers.</summary>
    static abstract TSelf MaxUnsigned(TSelf a, TSelf b);

    /// <summary>Integers, at least 0, as single-precision numbers.</summary>
    static abstract TSelf ToSingle(TSelf integers);

    /// <summary>Sums of the bits as integers.</summary>
    static abstract TSelf AddIntegers(TSelf a, TSelf b);

    static abstract void Store(TSelf value, ref uint target, nuint offset);

    /// <summary>Writes the ends of runs that follow one another, and tells the last.</summary>
    /// <param name="lengths">The lengths of the runs, as integers.</param>
    /// <param name="ends">Receives <see cref="Count"/> ends.</param>
    /// <param name="start">Where the first run starts.</param>
    static abstract long AddUp(TSelf lengths, ref long ends, long start);

    /// <summary>Stores eight lines' ends of the columns from one on, among a block's 128, in an order of its own choice.</summary>
    static abstract void StoreLines(
        TSelf a,
        TSelf b,
        TSelf c,
        TSelf d,
        TSelf e,
        TSelf f,
        TSelf g,
        TSelf h,
        ref uint block,
        nuint column
    );

    /// <summary>How many lines of a column end at or before a place below the last line's end.</summary>
    /// <param name="block">The block's ends as <see cref="StoreLines"/> left them.</param>
    /// <param name="column">The column, 0 to 15.</param>
    /// <param name="place">The place in the column.</param>
    static abstract int CountLines(ref uint block, nuint column, uint place);

    /// <summary>How many of 16 ascending numbers are at most u.</summary>
    static abstract int CountNotAbove(ref long numbers, long u);

    /// <summary>How many of 8 ascending numbers are at most u.</summary>
    static abstract int CountEightNotAbove(ref long numbers, long u);

    /// <summary>Moves those of 16 counts that are not 0, and tells how many.</summary>
    /// <param name="counts">16 counts, at a cache line; they become 0.</param>
    /// <param name="first">The entry of the first of them.</param>
    /// <param name="entries">Receives the entries of those moved; has room for 16.</param>
    /// <param name="taken">Receives the counts moved; has room for 16.</param>
    static abstract int TakeCounts(ref int counts, int first, ref int entries, ref int taken);
}

/// <summary>512 bits (AVX-512).</summary>
internal readonly struct SoftmaxLanes512(Vector512<float> value) : ISoftmaxLanes<SoftmaxLanes512>
{
    private readonly Vector512<float> _value = value;

    public static int Count => 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SoftmaxLanes512 Broadcast(float value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SoftmaxLanes512 Load(ref float source, nuint offset) => new(Vector512.LoadUnsafe(ref source, offset));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SoftmaxLanes512 Subtract(SoftmaxLanes512 a, SoftmaxLanes512 b) => new(a._value - b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SoftmaxLanes512 MultiplyAdd(SoftmaxLanes512 a, SoftmaxLanes512 b, SoftmaxLanes512 c) =>
        new(Vector512.FusedMultiplyAdd(a._value, b._value, c._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SoftmaxLanes512 MultiplySubtract(SoftmaxLanes512 a, SoftmaxLanes512 b, SoftmaxLanes512 c) =>
        new(Avx512F.FusedMultiplySubtract(a._value, b._value, c._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SoftmaxLanes512 Max(SoftmaxLanes512 a, SoftmaxLanes512 b) =>
        new(Vector512.MaxNative(a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SoftmaxLanes512 MaxSigned(SoftmaxLanes512 a, SoftmaxLanes512 b) =>
        new(Vector512.Max(a._value.AsInt32(), b._value.AsInt32()).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SoftmaxLanes512 MaxUnsigned(SoftmaxLanes512 a, SoftmaxLanes512 b) =>
        new(Vector512.Max(a._value.AsUInt32(), b._value.AsUInt32()).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SoftmaxLanes512 AddExponent(SoftmaxLanes512 value, SoftmaxLanes512 exponent) =>
        new((value._value.AsInt32() + (exponent._value.AsInt32() << 23)).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SoftmaxLanes512 Truncate(SoftmaxLanes512 value) =>
        new(Vector512.ConvertToInt32Native(value._value).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SoftmaxLanes512 ToSingle(SoftmaxLanes512 integers) =>
        new(Vector512.ConvertToSingle(integers._value.AsInt32()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SoftmaxLanes512 AddIntegers(SoftmaxLanes512 a, SoftmaxLanes512 b) =>
        new((a._value.AsUInt32() + b._value.AsUInt32()).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(SoftmaxLanes512 value, ref uint target, nuint offset) =>
        value._value.AsUInt32().StoreUnsafe(ref target, offset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long AddUp(SoftmaxLanes512 lengths, ref long ends, long start)
    {
        // In registers: a load of half of what was just stored would wait for the store.
        Vector512<uint> values = lengths._value.AsUInt32();
        Vector512<ulong> first = EndsOf(Avx512F.ConvertToVector512UInt64(values.GetLower()));
        Vector512<ulong> second = EndsOf(Avx512F.ConvertToVector512UInt64(values.GetUpper()));
        first += Vector512.Create((ulong)start);
        second += Avx512F.PermuteVar8x64(first, Vector512.Create(7ul));
        first.AsInt64().StoreUnsafe(ref ends);
        second.AsInt64().StoreUnsafe(ref ends, 8);
        return second.AsInt64()[7];
    }

    /// <summary>Sums of each number and those before it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ulong> EndsOf(Vector512<ulong> numbers)
    {
        numbers += Avx512F.AlignRight64(numbers, Vector512<ulong>.Zero, 7);
        numbers += Avx512F.AlignRight64(numbers, Vector512<ulong>.Zero, 6);
        return numbers + Avx512F.AlignRight64(numbers, Vector512<ulong>.Zero, 4);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreLines(
        SoftmaxLanes512 a,
        SoftmaxLanes512 b,
        SoftmaxLanes512 c,
        SoftmaxLanes512 d,
        SoftmaxLanes512 e,
        SoftmaxLanes512 f,
        SoftmaxLanes512 g,
        SoftmaxLanes512 h,
        ref uint block,
        nuint column
    )
    {
        // Transposed: a column's eight lines lie side by side, columns 4k + j as run 4j + k.
        (Vector512<ulong> first0, Vector512<ulong> first1, Vector512<ulong> first2, Vector512<ulong> first3) =
            Transpose(a, b, c, d);
        (Vector512<ulong> second0, Vector512<ulong> second1, Vector512<ulong> second2, Vector512<ulong> second3) =
            Transpose(e, f, g, h);
        StoreRuns(first0, second0, ref block);
        StoreRuns(first1, second1, ref Unsafe.Add(ref block, 32));
        StoreRuns(first2, second2, ref Unsafe.Add(ref block, 64));
        StoreRuns(first3, second3, ref Unsafe.Add(ref block, 96));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int CountLines(ref uint block, nuint column, uint place)
    {
        nuint run = ((column & 3) << 2) | (column >> 2);
        return BitOperations.PopCount(
            Vector256
                .LessThanOrEqual(Vector256.LoadUnsafe(ref block, run * 8), Vector256.Create(place))
                .ExtractMostSignificantBits()
        );
    }

    /// <summary>Four lines of 16 columns: the columns 4k + j are run k, of four numbers, of vector j.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector512<ulong> J0, Vector512<ulong> J1, Vector512<ulong> J2, Vector512<ulong> J3) Transpose(
        SoftmaxLanes512 a,
        SoftmaxLanes512 b,
        SoftmaxLanes512 c,
        SoftmaxLanes512 d
    )
    {
        Vector512<ulong> lowAb = Avx512F.UnpackLow(a._value.AsUInt32(), b._value.AsUInt32()).AsUInt64();
        Vector512<ulong> highAb = Avx512F.UnpackHigh(a._value.AsUInt32(), b._value.AsUInt32()).AsUInt64();
        Vector512<ulong> lowCd = Avx512F.UnpackLow(c._value.AsUInt32(), d._value.AsUInt32()).AsUInt64();
        Vector512<ulong> highCd = Avx512F.UnpackHigh(c._value.AsUInt32(), d._value.AsUInt32()).AsUInt64();
        return (
            Avx512F.UnpackLow(lowAb, lowCd),
            Avx512F.UnpackHigh(lowAb, lowCd),
            Avx512F.UnpackLow(highAb, highCd),
            Avx512F.UnpackHigh(highAb, highCd)
        );
    }

    /// <summary>Stores runs of four numbers of two vectors, one of the first and one of the second in turn.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreRuns(Vector512<ulong> first, Vector512<ulong> second, ref uint target)
    {
        var low = Vector512.Create(0ul, 1, 8, 9, 2, 3, 10, 11);
        var high = Vector512.Create(4ul, 5, 12, 13, 6, 7, 14, 15);
        Avx512F.PermuteVar8x64x2(first, low, second).AsUInt32().StoreUnsafe(ref target);
        Avx512F.PermuteVar8x64x2(first, high, second).AsUInt32().StoreUnsafe(ref target, 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int CountNotAbove(ref long numbers, long u)
    {
        Vector512<long> bound = Vector512.Create(u);
        ulong first = Vector512.LessThanOrEqual(Vector512.LoadUnsafe(ref numbers), bound).ExtractMostSignificantBits();
        ulong second = Vector512
            .LessThanOrEqual(Vector512.LoadUnsafe(ref numbers, 8), bound)
            .ExtractMostSignificantBits();
        return BitOperations.PopCount(first + (second << 8));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int CountEightNotAbove(ref long numbers, long u) =>
        BitOperations.PopCount(
            Vector512
                .LessThanOrEqual(Vector512.LoadUnsafe(ref numbers), Vector512.Create(u))
                .ExtractMostSignificantBits()
        );

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int TakeCounts(ref int counts, int first, ref int entries, ref int taken)
    {
        Vector512<int> values = Vector512.LoadUnsafe(ref counts);
        Vector512<int> isDrawn = Vector512.GreaterThan(values, Vector512<int>.Zero);
        Vector512<int> numbers = Vector512<int>.Indices + Vector512.Create(first);
        Avx512F.Compress(Vector512<int>.Zero, isDrawn, numbers).StoreUnsafe(ref entries);
        Avx512F.Compress(Vector512<int>.Zero, isDrawn, values).StoreUnsafe(ref taken);
        Vector512<int>.Zero.StoreUnsafe(ref counts);
        return BitOperations.PopCount(isDrawn.ExtractMostSignificantBits());
    }
}

/// <summary>256 bits (AVX2 with FMA).</summary>
internal readonly struct SoftmaxLanes256(Vector256<float> value) : ISoftmaxLanes<SoftmaxLanes256>
{
    private readonly Vector256<float> _value = value;

    public static int Count => 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SoftmaxLanes256 Broadcast(float value) => new(Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SoftmaxLanes256 Load(ref float source, nuint offset) => new(Vector256.LoadUnsafe(ref source, offset));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SoftmaxLanes256 Subtract(SoftmaxLanes256 a, SoftmaxLanes256 b) => new(a._value - b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SoftmaxLanes256 MultiplyAdd(SoftmaxLanes256 a, SoftmaxLanes256 b, SoftmaxLanes256 c) =>
        new(Vector256.FusedMultiplyAdd(a._value, b._value, c._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SoftmaxLanes256 MultiplySubtract(SoftmaxLanes256 a, SoftmaxLanes256 b, SoftmaxLanes256 c) =>
        new(
            Fma.IsSupported
                ? Fma.MultiplySubtract(a._value, b._value, c._value)
                : Vector256.FusedMultiplyAdd(a._value, b._value, -c._value)
        );

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SoftmaxLanes256 Max(SoftmaxLanes256 a, SoftmaxLanes256 b) =>
        new(Vector256.MaxNative(a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SoftmaxLanes256 MaxSigned(SoftmaxLanes256 a, SoftmaxLanes256 b) =>
        new(Vector256.Max(a._value.AsInt32(), b._value.AsInt32()).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SoftmaxLanes256 MaxUnsigned(SoftmaxLanes256 a, SoftmaxLanes256 b) =>
        new(Vector256.Max(a._value.AsUInt32(), b._value.AsUInt32()).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SoftmaxLanes256 AddExponent(SoftmaxLanes256 value, SoftmaxLanes256 exponent) =>
        new((value._value.AsInt32() + (exponent._value.AsInt32() << 23)).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SoftmaxLanes256 Truncate(SoftmaxLanes256 value) =>
        new(Vector256.ConvertToInt32Native(value._value).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SoftmaxLanes256 ToSingle(SoftmaxLanes256 integers) =>
        new(Vector256.ConvertToSingle(integers._value.AsInt32()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SoftmaxLanes256 AddIntegers(SoftmaxLanes256 a, SoftmaxLanes256 b) =>
        new((a._value.AsUInt32() + b._value.AsUInt32()).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(SoftmaxLanes256 value, ref uint target, nuint offset) =>
        value._value.AsUInt32().StoreUnsafe(ref target, offset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long AddUp(SoftmaxLanes256 lengths, ref long ends, long start) =>
        OneByOne.Write(lengths, ref ends, start);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreLines(
        SoftmaxLanes256 a,
        SoftmaxLanes256 b,
        SoftmaxLanes256 c,
        SoftmaxLanes256 d,
        SoftmaxLanes256 e,
        SoftmaxLanes256 f,
        SoftmaxLanes256 g,
        SoftmaxLanes256 h,
        ref uint block,
        nuint column
    ) => OneByOne.StoreLines(a, b, c, d, e, f, g, h, ref block, column);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int CountLines(ref uint block, nuint column, uint place) =>
        OneByOne.CountLines(ref Unsafe.Add(ref block, column), place);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int CountNotAbove(ref long numbers, long u)
    {
        // A comparison that holds is -1.
        Vector256<long> bound = Vector256.Create(u);
        Vector256<long> above =
            Vector256.GreaterThan(Vector256.LoadUnsafe(ref numbers), bound)
            + Vector256.GreaterThan(Vector256.LoadUnsafe(ref numbers, 4), bound)
            + Vector256.GreaterThan(Vector256.LoadUnsafe(ref numbers, 8), bound)
            + Vector256.GreaterThan(Vector256.LoadUnsafe(ref numbers, 12), bound);
        return 16 + (int)Vector256.Sum(above);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int CountEightNotAbove(ref long numbers, long u)
    {
        Vector256<long> bound = Vector256.Create(u);
        Vector256<long> above =
            Vector256.GreaterThan(Vector256.LoadUnsafe(ref numbers), bound)
            + Vector256.GreaterThan(Vector256.LoadUnsafe(ref numbers, 4), bound);
        return 8 + (int)Vector256.Sum(above);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int TakeCounts(ref int counts, int first, ref int entries, ref int taken) =>
        OneByOne.TakeCounts(ref counts, first, ref entries, ref taken);
}

/// <summary>128 bits in the portable operations of Vector128.</summary>
internal readonly struct SoftmaxLanes128(Vector128<float> value) : ISoftmaxLanes<SoftmaxLanes128>
{
    private readonly Vector128<float> _value = value;

    public static int Count => 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SoftmaxLanes128 Broadcast(float value) => new(Vector128.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SoftmaxLanes128 Load(ref float source, nuint offset) => new(Vector128.LoadUnsafe(ref source, offset));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SoftmaxLanes128 Subtract(SoftmaxLanes128 a, SoftmaxLanes128 b) => new(a._value - b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SoftmaxLanes128 MultiplyAdd(SoftmaxLanes128 a, SoftmaxLanes128 b, SoftmaxLanes128 c) =>
        new(Vector128.FusedMultiplyAdd(a._value, b._value, c._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SoftmaxLanes128 MultiplySubtract(SoftmaxLanes128 a, SoftmaxLanes128 b, SoftmaxLanes128 c) =>
        new(
            Fma.IsSupported
                ? Fma.MultiplySubtract(a._value, b._value, c._value)
                : Vector128.FusedMultiplyAdd(a._value, b._value, -c._value)
        );

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SoftmaxLanes128 Max(SoftmaxLanes128 a, SoftmaxLanes128 b) =>
        new(Vector128.MaxNative(a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SoftmaxLanes128 MaxSigned(SoftmaxLanes128 a, SoftmaxLanes128 b) =>
        new(Vector128.Max(a._value.AsInt32(), b._value.AsInt32()).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SoftmaxLanes128 MaxUnsigned(SoftmaxLanes128 a, SoftmaxLanes128 b) =>
        new(Vector128.Max(a._value.AsUInt32(), b._value.AsUInt32()).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SoftmaxLanes128 AddExponent(SoftmaxLanes128 value, SoftmaxLanes128 exponent) =>
        new((value._value.AsInt32() + (exponent._value.AsInt32() << 23)).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SoftmaxLanes128 Truncate(SoftmaxLanes128 value) =>
        new(Vector128.ConvertToInt32Native(value._value).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SoftmaxLanes128 ToSingle(SoftmaxLanes128 integers) =>
        new(Vector128.ConvertToSingle(integers._value.AsInt32()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SoftmaxLanes128 AddIntegers(SoftmaxLanes128 a, SoftmaxLanes128 b) =>
        new((a._value.AsUInt32() + b._value.AsUInt32()).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(SoftmaxLanes128 value, ref uint target, nuint offset) =>
        value._value.AsUInt32().StoreUnsafe(ref target, offset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long AddUp(SoftmaxLanes128 lengths, ref long ends, long start) =>
        OneByOne.Write(lengths, ref ends, start);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreLines(
        SoftmaxLanes128 a,
        SoftmaxLanes128 b,
        SoftmaxLanes128 c,
        SoftmaxLanes128 d,
        SoftmaxLanes128 e,
        SoftmaxLanes128 f,
        SoftmaxLanes128 g,
        SoftmaxLanes128 h,
        ref uint block,
        nuint column
    ) => OneByOne.StoreLines(a, b, c, d, e, f, g, h, ref block, column);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int CountLines(ref uint block, nuint column, uint place) =>
        OneByOne.CountLines(ref Unsafe.Add(ref block, column), place);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int CountNotAbove(ref long numbers, long u)
    {
        // By halves: a difference below 0 is the mask that takes the step.
        int count = 8 & (int)((Unsafe.Add(ref numbers, 7) - 1 - u) >> 63);
        return count + CountEightNotAbove(ref Unsafe.Add(ref numbers, count), u);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int CountEightNotAbove(ref long numbers, long u)
    {
        int count = 0;
        for (int step = 4; step > 0; step >>= 1)
        {
            count += step & (int)((Unsafe.Add(ref numbers, count + step - 1) - 1 - u) >> 63);
        }

        return count + (int)((ulong)(Unsafe.Add(ref numbers, count) - 1 - u) >> 63);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int TakeCounts(ref int counts, int first, ref int entries, ref int taken) =>
        OneByOne.TakeCounts(ref counts, first, ref entries, ref taken);
}

/// <summary>Without vectors of the width.</summary>
file static class OneByOne
{
    /// <summary>Eight vectors into lines of 16 numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreLines<T>(T a, T b, T c, T d, T e, T f, T g, T h, ref uint block, nuint column)
        where T : unmanaged, ISoftmaxLanes<T>
    {
        T.Store(a, ref block, column);
        T.Store(b, ref block, column + 16);
        T.Store(c, ref block, column + 32);
        T.Store(d, ref block, column + 48);
        T.Store(e, ref block, column + 64);
        T.Store(f, ref block, column + 80);
        T.Store(g, ref block, column + 96);
        T.Store(h, ref block, column + 112);
    }

    /// <summary>How many of eight ends, 16 numbers apart, are at most a place, the last being above.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int CountLines(ref uint end, uint place)
    {
        // An end is at most 2^31: a difference below 0 has its highest bit set.
        place++;
        return (int)(
            ((end - place) >> 31)
            + ((Unsafe.Add(ref end, 16) - place) >> 31)
            + ((Unsafe.Add(ref end, 32) - place) >> 31)
            + ((Unsafe.Add(ref end, 48) - place) >> 31)
            + ((Unsafe.Add(ref end, 64) - place) >> 31)
            + ((Unsafe.Add(ref end, 80) - place) >> 31)
            + ((Unsafe.Add(ref end, 96) - place) >> 31)
        );
    }

    /// <summary>Moves those of 16 counts that are not 0.</summary>
    public static int TakeCounts(ref int counts, int first, ref int entries, ref int taken)
    {
        int found = 0;
        for (int i = 0; i < 16; i++)
        {
            // Written in any case, counted if it belongs: no branch to mispredict.
            ref int count = ref Unsafe.Add(ref counts, i);
            Unsafe.Add(ref entries, found) = first + i;
            Unsafe.Add(ref taken, found) = count;
            found += Convert.ToInt32(count > 0);
            count = 0;
        }

        return found;
    }

    /// <summary>Sums one number at a time.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long Write<T>(T lengths, ref long ends, long start)
        where T : unmanaged
    {
        ref uint length = ref Unsafe.As<T, uint>(ref lengths);
        for (int i = 0; i < Unsafe.SizeOf<T>() / sizeof(uint); i++)
        {
            start += Unsafe.Add(ref length, i);
            Unsafe.Add(ref ends, i) = start;
        }

        return start;
    }
}
