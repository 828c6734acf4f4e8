using Collapse.Theory;

namespace Collapse.Cli;

/// <summary>The answer to a plan's question; the other answers are null.</summary>
internal sealed record PlanResult
{
    public required PlanRequest Request { get; init; }

    /// <summary>The most synthetic tokens for given real ones.</summary>
    public Plan? MaxSamples { get; init; }

    /// <summary>The fewest real tokens for given synthetic ones.</summary>
    public Plan? MinReal { get; init; }

    /// <summary>The drift that both lead to.</summary>
    public DeviationValues? Deviation { get; init; }

    /// <summary>Whether the question was when half the support is lost.</summary>
    public bool AsksForHalfSupport => MaxSamples is null && MinReal is null && Deviation is null;

    /// <summary>The generation in which half the support is lost without real data; null for never, or not asked.</summary>
    public int? HalfSupport { get; init; }
}
