using System.Runtime.CompilerServices;

namespace Collapse.Softmax;

/// <summary>
/// e^x in float32, lane by lane: the same bits at every vector width. For -87.33 ≤ x ≤ 88.02 the error is below
/// one unit in the last place; below that range the result is 0, above it it is not meant to be used. NaN stays NaN.
/// </summary>
internal static class ExpLanes
{
    /// <summary>Below it the result would be subnormal, and is 0.</summary>
    public const float Lowest = -87.33654f;

    // Adding and taking away 1.5·2^23 rounds to a whole number, which then stands in the low bits of the sum.
    private const float Shift = 12582912f;
    private const float Log2E = 1.44269504f;

    // ln 2 in two parts; the first has 9 bits, so that k·High is exact.
    private const float High = 0.693359375f;
    private const float Low = -2.12194442e-4f;

    // e^r ≈ 1 + r + r²·(C0 + C1·r + … + C4·r⁴) for |r| ≤ ln 2 / 2: minimax in relative error, 3.6e-9 as rounded.
    private const float C0 = 0.49999994f;
    private const float C1 = 0.16666521f;
    private const float C2 = 0.04166839f;
    private const float C3 = 0.0083687454f;
    private const float C4 = 0.0013814541f;

    /// <summary>e^x of each lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Exp<TLanes>(TLanes x)
        where TLanes : unmanaged, IFloatLanes<TLanes>
    {
        TLanes shifted = TLanes.FusedMultiplyAdd(x, TLanes.Broadcast(Log2E), TLanes.Broadcast(Shift));
        TLanes k = TLanes.Subtract(shifted, TLanes.Broadcast(Shift));
        TLanes r = TLanes.FusedMultiplyAdd(k, TLanes.Broadcast(-High), x);
        r = TLanes.FusedMultiplyAdd(k, TLanes.Broadcast(-Low), r);
        TLanes p = TLanes.FusedMultiplyAdd(TLanes.Broadcast(C4), r, TLanes.Broadcast(C3));
        p = TLanes.FusedMultiplyAdd(p, r, TLanes.Broadcast(C2));
        p = TLanes.FusedMultiplyAdd(p, r, TLanes.Broadcast(C1));
        p = TLanes.FusedMultiplyAdd(p, r, TLanes.Broadcast(C0));
        p = TLanes.FusedMultiplyAdd(p, TLanes.Multiply(r, r), r);
        p = TLanes.Add(p, TLanes.Broadcast(1));
        p = TLanes.Multiply(p, TLanes.PowerOfTwo(shifted));
        return TLanes.WhereBelow(x, TLanes.Broadcast(Lowest), default, p);
    }
}
