namespace Collapse.Kernels;

/// <summary>When a context can never change again, so that it may leave the work.</summary>
public static class Absorption
{
    /// <summary>
    /// Whether every source that a later generation may draw from holds one and the same token.
    /// </summary>
    /// <param name="generation">The generation m just trained.</param>
    /// <param name="collapsedRun">How many generations up to m, without a gap, have max = 1.</param>
    /// <param name="lookback">The farthest lag the schedule ever reads, at least 1.</param>
    /// <param name="lastRealUse">The last generation that takes real tokens.</param>
    /// <param name="pureReal">Whether all real tokens of this context, kept or yet to be drawn, are one token.</param>
    public static bool IsAbsorbed(int generation, int collapsedRun, int lookback, int lastRealUse, bool pureReal) =>
        collapsedRun >= Math.Min(lookback, generation) && (generation >= lastRealUse || pureReal);
}
