using System.Runtime.CompilerServices;
using Collapse.Kernels;

namespace Collapse.Softmax.Sampling;

/// <summary><see cref="SoftmaxWeight"/> at a vector width, step by step the same.</summary>
internal static class WeightLanes<T>
    where T : unmanaged, ISoftmaxLanes<T>
{
    // Above all shifts that leave a unit, or a unit of a mass; exponents stay normal.
    private const float MostShift = 60;

    /// <summary>A difference that stands for all lower ones: what weighs less than 2^-59 units may be anything less.</summary>
    public static float Lowest(SoftmaxScale scale) => -MostShift / scale.High;

    /// <summary>Weights in units, not truncated: mantissa·2^-shift, exactly, where the shift is below 59.</summary>
    /// <param name="x">Logits less the largest.</param>
    /// <param name="high"><see cref="SoftmaxScale.High"/>.</param>
    /// <param name="low"><see cref="SoftmaxScale.Low"/>.</param>
    /// <param name="lowest"><see cref="Lowest"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Scaled(T x, T high, T low, T lowest)
    {
        x = T.Max(x, lowest);
        T magic = T.Broadcast(SoftmaxWeight.Magic);
        T t = T.MultiplyAdd(x, high, magic);
        T n = T.Subtract(t, magic);
        T r = T.MultiplySubtract(x, high, n);
        r = T.MultiplyAdd(x, low, r);
        T p = T.MultiplyAdd(T.Broadcast(SoftmaxWeight.C6), r, T.Broadcast(SoftmaxWeight.C5));
        p = T.MultiplyAdd(p, r, T.Broadcast(SoftmaxWeight.C4));
        p = T.MultiplyAdd(p, r, T.Broadcast(SoftmaxWeight.C3));
        p = T.MultiplyAdd(p, r, T.Broadcast(SoftmaxWeight.C2));
        p = T.MultiplyAdd(p, r, T.Broadcast(SoftmaxWeight.C1));
        p = T.MultiplyAdd(p, r, T.Broadcast(SoftmaxWeight.C0));

        // The low bits of t are those of n.
        return T.AddExponent(p, t);
    }
}
