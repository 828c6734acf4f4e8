namespace Collapse.Benchmarks;

/// <summary>How much work the jobs are.</summary>
internal enum Scale
{
    /// <summary>Seconds in all: whether everything works.</summary>
    Tiny,

    /// <summary>About two minutes.</summary>
    Quick,

    /// <summary>The jobs as they are defined; at most 25 minutes.</summary>
    Full,
}

/// <summary>What the command line asks for.</summary>
internal sealed record BenchmarkRequest
{
    /// <summary>The jobs, by letter or name; empty for all.</summary>
    public required IReadOnlyList<string> Jobs { get; init; }

    /// <summary>Engines, as <c>collapse run --engine</c> names them.</summary>
    public required IReadOnlyList<string> Engines { get; init; }

    /// <summary>Peers: numpy, cupy, torch.</summary>
    public required IReadOnlyList<string> Peers { get; init; }

    /// <summary>The amount of work.</summary>
    public required Scale Scale { get; init; }

    /// <summary>Timed runs of each contender, unless its time is up before.</summary>
    public required int Repeats { get; init; }

    /// <summary>The text of job E, or null for shared/data/tinyshakespeare.txt beside the repository.</summary>
    public required string? Corpus { get; init; }

    /// <summary>A Python that has NumPy or PyTorch, or null to look for one.</summary>
    public required string? Python { get; init; }

    /// <summary>The built libtorch peer, or null where there is none.</summary>
    public required string? Libtorch { get; init; }

    /// <summary>Where the results go as JSON, or null.</summary>
    public required string? Json { get; init; }
}
