namespace Collapse.Kernels;

/// <summary>When a context can never change again, so that it may leave the work.</summary>
public static class Absorption
{
    /// <summary>
    /// Whether every source that a later generation may draw from holds one and the same token.
    /// </summary>
    /// <param name="generation">The generation m just trained.</param>
    /// <param name="collapsedRun">The run of <see cref="ExtendRun"/> up to m.</param>
    /// <param name="lookback">The farthest lag the schedule ever reads, at least 1.</param>
    /// <param name="lastRealUse">The last generation that takes real tokens.</param>
    /// <param name="pureReal">Whether all real tokens of this context, kept or yet to be drawn, are one token.</param>
    public static bool IsAbsorbed(int generation, int collapsedRun, int lookback, int lastRealUse, bool pureReal) =>
        collapsedRun >= Math.Min(lookback, generation) && (generation >= lastRealUse || pureReal);

    /// <summary>
    /// How many generations up to m, without a gap, hold one and the same token. Collapsed neighbours can hold
    /// different ones where a schedule skips p^(m-1), or where a training set has a single token.
    /// </summary>
    /// <param name="run">The run up to m - 1.</param>
    /// <param name="isCollapsed">Whether generation m has max = 1.</param>
    /// <param name="isSameToken">Whether its first token is that of generation m - 1; of no account where the run is 0.</param>
    public static int ExtendRun(int run, bool isCollapsed, bool isSameToken) =>
        !isCollapsed ? 0
        : run > 0 && isSameToken ? run + 1
        : 1;
}
