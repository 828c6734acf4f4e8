namespace Collapse.Kernels;

/// <summary>
/// log2(e) / T in two single-precision parts, so that the logits of a temperature T are scaled without losing
/// more than the last bit.
/// </summary>
public readonly struct SoftmaxScale
{
    /// <summary>Smallest temperature.</summary>
    public const double LowestTemperature = 1e-6;

    /// <summary>Largest temperature.</summary>
    public const double HighestTemperature = 1e6;

    /// <summary>The scale of a temperature.</summary>
    /// <param name="temperature"><see cref="LowestTemperature"/> to <see cref="HighestTemperature"/>.</param>
    public SoftmaxScale(double temperature)
    {
        double scale = 1.4426950408889634 / temperature;
        High = (float)scale;
        Low = (float)(scale - High);
    }

    /// <summary>log2(e) / T, rounded.</summary>
    public float High { get; }

    /// <summary>What the rounding left out, rounded.</summary>
    public float Low { get; }
}

/// <summary>
/// The weight of a token, exp((l - max) / T) with l its logit and max the row's largest. It is made of single
/// precision additions and fused multiply-adds only, each rounded once, so that every engine has the same bits:
/// with x = l - max, n the whole number next to x·log2(e)/T and r the rest, |r| ≤ 1/2, the weight is 2^n·2^r,
/// and 2^r a polynomial of degree 6 (interpolated at Chebyshev's nodes, coefficients rounded from the top; its
/// own error is below 0.32·2^-24). Against exp(x / T) of the single-precision x the weight is within 1.35 ulp:
/// half of one from the last rounding, the rest from the polynomial and from r, which is rounded twice. x itself is
/// rounded once where it cannot be exact.
/// <para>
/// A weight is kept as <c>mantissa·2^-(28 + shift)</c>, both whole numbers: at most 1, and exactly 1 for the
/// largest logit. Weights below 2^-128, of a shift beyond 128, count as 0: such a token would be drawn less than
/// once in 10^38 draws.
/// </para>
/// </summary>
public static class SoftmaxWeight
{
    /// <summary>Whole units in a weight of 1, as a power of two.</summary>
    public const int UnitBits = 28;

    /// <summary>The largest shift of a weight that is not 0.</summary>
    public const int MaxShift = 128;

    /// <summary>1.5·2^23: added and taken off again it rounds to whole numbers, ties to even.</summary>
    public const float Magic = 12582912f;

    /// <summary>Coefficient 0 of 2^r, in units.</summary>
    public const float C0 = 268435456f;

    /// <summary>Coefficient 1.</summary>
    public const float C1 = 0.693147182f * C0;

    /// <summary>Coefficient 2.</summary>
    public const float C2 = 0.240226507f * C0;

    /// <summary>Coefficient 3.</summary>
    public const float C3 = 0.0555037521f * C0;

    /// <summary>Coefficient 4.</summary>
    public const float C4 = 0.00961807743f * C0;

    /// <summary>Coefficient 5.</summary>
    public const float C5 = 0.00133813021f * C0;

    /// <summary>Coefficient 6.</summary>
    public const float C6 = 0.000154531634f * C0;

    /// <summary>The mantissa of the weight of a logit, 0 where the weight is 0.</summary>
    /// <param name="difference">The logit less the row's largest: 0 or negative, or minus infinity.</param>
    /// <param name="scale">The scale of the temperature.</param>
    /// <param name="shift">0 to <see cref="MaxShift"/>.</param>
    /// <returns>0, or about 2^27.5 to 2^28.5.</returns>
    public static uint Mantissa(float difference, SoftmaxScale scale, out int shift)
    {
        float t = SoftmaxFma.MultiplyAdd(difference, scale.High, Magic);
        float n = t - Magic;
        if (!(n >= -MaxShift))
        {
            shift = 0;
            return 0;
        }

        float r = SoftmaxFma.MultiplyAdd(difference, scale.High, -n);
        r = SoftmaxFma.MultiplyAdd(difference, scale.Low, r);
        float p = SoftmaxFma.MultiplyAdd(C6, r, C5);
        p = SoftmaxFma.MultiplyAdd(p, r, C4);
        p = SoftmaxFma.MultiplyAdd(p, r, C3);
        p = SoftmaxFma.MultiplyAdd(p, r, C2);
        p = SoftmaxFma.MultiplyAdd(p, r, C1);
        p = SoftmaxFma.MultiplyAdd(p, r, C0);
        shift = -(int)n;

        // A single-precision number above 2^24 is whole.
        return (uint)(int)p;
    }

    /// <summary>The whole units of a weight: ⌊weight·2^<see cref="UnitBits"/>⌋.</summary>
    public static uint Units(uint mantissa, int shift) => shift < 32 ? mantissa >> shift : 0;

    /// <summary>What <see cref="Units"/> leaves out, as a fraction: <c>rest / 2^shift</c> of a unit.</summary>
    public static uint Rest(uint mantissa, int shift) => shift < 32 ? mantissa & ((1u << shift) - 1) : mantissa;
}
