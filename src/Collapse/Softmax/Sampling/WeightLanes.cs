using System.Runtime.CompilerServices;
using Collapse.Kernels;

namespace Collapse.Softmax.Sampling;

/// <summary><see cref="SoftmaxWeight"/> at a vector width, step by step the same.</summary>
/// <typeparam name="T">The vector.</typeparam>
internal readonly struct WeightLanes<T>
    where T : unmanaged, ISoftmaxLanes<T>
{
    // Above all shifts that leave a unit, or a unit of a mass; exponents stay normal.
    private const float MostShift = 60;

    // Not constants to the compiler, which would read each of them again from memory at each use.
    private static readonly float[] _coefficients =
    [
        SoftmaxWeight.C0,
        SoftmaxWeight.C1,
        SoftmaxWeight.C2,
        SoftmaxWeight.C3,
        SoftmaxWeight.C4,
        SoftmaxWeight.C5,
        SoftmaxWeight.C6,
        SoftmaxWeight.Magic,
    ];

    private readonly T _largest;
    private readonly T _lowest;
    private readonly T _high;
    private readonly T _low;
    private readonly T _magic;
    private readonly T _c0;
    private readonly T _c1;
    private readonly T _c2;
    private readonly T _c3;
    private readonly T _c4;
    private readonly T _c5;
    private readonly T _c6;

    /// <summary>Takes what all weights of a row have in common.</summary>
    /// <param name="largest">The row's largest logit.</param>
    /// <param name="scale">The scale of the temperature.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public WeightLanes(float largest, SoftmaxScale scale)
    {
        _largest = T.Broadcast(largest);
        _high = T.Broadcast(scale.High);
        _low = T.Broadcast(scale.Low);

        // A difference that stands for all lower ones: what weighs less than 2^-59 units may be anything less.
        _lowest = T.Broadcast(-MostShift / scale.High);
        float[] c = _coefficients;
        _c0 = T.Broadcast(c[0]);
        _c1 = T.Broadcast(c[1]);
        _c2 = T.Broadcast(c[2]);
        _c3 = T.Broadcast(c[3]);
        _c4 = T.Broadcast(c[4]);
        _c5 = T.Broadcast(c[5]);
        _c6 = T.Broadcast(c[6]);
        _magic = T.Broadcast(c[7]);
    }

    /// <summary>Weights of logits in units, not truncated: mantissa·2^-shift, exactly, where the shift is below 59.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Weigh(T logits)
    {
        T x = T.Max(T.Subtract(logits, _largest), _lowest);
        T t = T.MultiplyAdd(x, _high, _magic);
        T r = T.MultiplySubtract(x, _high, T.Subtract(t, _magic));
        r = T.MultiplyAdd(x, _low, r);
        T p = T.MultiplyAdd(_c6, r, _c5);
        p = T.MultiplyAdd(p, r, _c4);
        p = T.MultiplyAdd(p, r, _c3);
        p = T.MultiplyAdd(p, r, _c2);
        p = T.MultiplyAdd(p, r, _c1);
        p = T.MultiplyAdd(p, r, _c0);

        // The low bits of t are those of the whole number.
        return T.AddExponent(p, t);
    }

    /// <summary>
    /// Whole units of four vectors of logits, which they take the place of. The steps of <see cref="Weigh"/> wait for
    /// each other, and a processor does not look far enough ahead to fill that time with the next vectors; here
    /// four go side by side.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void WeighFour(ref T a, ref T b, ref T c, ref T d)
    {
        T xa = T.Max(T.Subtract(a, _largest), _lowest);
        T xb = T.Max(T.Subtract(b, _largest), _lowest);
        T xc = T.Max(T.Subtract(c, _largest), _lowest);
        T xd = T.Max(T.Subtract(d, _largest), _lowest);
        T ta = T.MultiplyAdd(xa, _high, _magic);
        T tb = T.MultiplyAdd(xb, _high, _magic);
        T tc = T.MultiplyAdd(xc, _high, _magic);
        T td = T.MultiplyAdd(xd, _high, _magic);
        T ra = T.MultiplySubtract(xa, _high, T.Subtract(ta, _magic));
        T rb = T.MultiplySubtract(xb, _high, T.Subtract(tb, _magic));
        T rc = T.MultiplySubtract(xc, _high, T.Subtract(tc, _magic));
        T rd = T.MultiplySubtract(xd, _high, T.Subtract(td, _magic));
        ra = T.MultiplyAdd(xa, _low, ra);
        rb = T.MultiplyAdd(xb, _low, rb);
        rc = T.MultiplyAdd(xc, _low, rc);
        rd = T.MultiplyAdd(xd, _low, rd);
        T pa = T.MultiplyAdd(_c6, ra, _c5);
        T pb = T.MultiplyAdd(_c6, rb, _c5);
        T pc = T.MultiplyAdd(_c6, rc, _c5);
        T pd = T.MultiplyAdd(_c6, rd, _c5);
        pa = T.MultiplyAdd(pa, ra, _c4);
        pb = T.MultiplyAdd(pb, rb, _c4);
        pc = T.MultiplyAdd(pc, rc, _c4);
        pd = T.MultiplyAdd(pd, rd, _c4);
        pa = T.MultiplyAdd(pa, ra, _c3);
        pb = T.MultiplyAdd(pb, rb, _c3);
        pc = T.MultiplyAdd(pc, rc, _c3);
        pd = T.MultiplyAdd(pd, rd, _c3);
        pa = T.MultiplyAdd(pa, ra, _c2);
        pb = T.MultiplyAdd(pb, rb, _c2);
        pc = T.MultiplyAdd(pc, rc, _c2);
        pd = T.MultiplyAdd(pd, rd, _c2);
        pa = T.MultiplyAdd(pa, ra, _c1);
        pb = T.MultiplyAdd(pb, rb, _c1);
        pc = T.MultiplyAdd(pc, rc, _c1);
        pd = T.MultiplyAdd(pd, rd, _c1);
        pa = T.MultiplyAdd(pa, ra, _c0);
        pb = T.MultiplyAdd(pb, rb, _c0);
        pc = T.MultiplyAdd(pc, rc, _c0);
        pd = T.MultiplyAdd(pd, rd, _c0);
        a = T.Truncate(T.AddExponent(pa, ta));
        b = T.Truncate(T.AddExponent(pb, tb));
        c = T.Truncate(T.AddExponent(pc, tc));
        d = T.Truncate(T.AddExponent(pd, td));
    }
}
