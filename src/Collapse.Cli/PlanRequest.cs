namespace Collapse.Cli;

/// <summary>What <c>collapse plan</c> was asked for: checked word by word, nothing read yet.</summary>
internal sealed record PlanRequest
{
    public required string Prior { get; init; }
    public int? Real { get; init; }
    public int? Samples { get; init; }
    public double? Tolerance { get; init; }

    /// <summary>m; null for all generations.</summary>
    public int? Generation { get; init; }
    public bool Json { get; init; }
}
