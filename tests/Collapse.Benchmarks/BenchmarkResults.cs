using Collapse.Results;

namespace Collapse.Benchmarks;

/// <summary>One row of a job's table.</summary>
internal sealed record ContenderResult
{
    public required string Kind { get; init; }
    public required string Name { get; init; }
    public required string Form { get; init; }
    public required string Device { get; init; }

    /// <summary>The part of the job that was done.</summary>
    public required double Fraction { get; init; }

    /// <summary>Seconds of each run.</summary>
    public required IReadOnlyList<double> Seconds { get; init; }

    /// <summary>The median of these, or null without runs.</summary>
    public required double? MedianSeconds { get; init; }

    /// <summary>Median time per context and generation.</summary>
    public required double? NanosecondsPerContextGeneration { get; init; }

    /// <summary>Draws per second at the median, or null where draws are not known.</summary>
    public required double? DrawsPerSecond { get; init; }

    /// <summary>Cost per context and generation over that of the first engine.</summary>
    public required double? CostOverFirst { get; init; }

    /// <summary>Standard errors between a peer's result and the first engine's.</summary>
    public required double? StandardErrorsApart { get; init; }

    /// <summary>The digest of an engine's result.</summary>
    public required string? Digest { get; init; }

    /// <summary>Share of its threads' time that an engine did not work.</summary>
    public required double? IdleShare { get; init; }

    /// <summary>Why it did not run.</summary>
    public required string? Absent { get; init; }
}

/// <summary>One job's table.</summary>
internal sealed record JobResult(string Name, string Title, IReadOnlyList<ContenderResult> Contenders);

/// <summary>What the issue of throughput asks for, and what was measured.</summary>
internal sealed record Target(string Job, string What, string Wanted, double? Measured, bool? IsReached);

/// <summary>Something that was asked for and is not there.</summary>
internal sealed record Missing(string Name, string Reason);

/// <summary>All of a session.</summary>
internal sealed record BenchmarkResults
{
    public required DateTimeOffset Started { get; init; }
    public required string Version { get; init; }
    public required MachineInfo Machine { get; init; }
    public required string Scale { get; init; }
    public required double LoadBefore { get; init; }
    public required IReadOnlyList<JobResult> Jobs { get; init; }
    public required IReadOnlyList<Target> Targets { get; init; }
    public required IReadOnlyList<Missing> Absent { get; init; }

    /// <summary>Whether every peer that ran sampled the same law.</summary>
    public bool IsValid =>
        Jobs.SelectMany(job => job.Contenders).All(c => c.StandardErrorsApart is not > Agreement.Limit);
}
