namespace Collapse.Cli;

/// <summary>What <c>collapse run</c> was asked for: checked word by word, nothing read yet.</summary>
internal sealed record RunRequest
{
    public required string Scenario { get; init; }
    public int? Window { get; init; }
    public string? Prior { get; init; }
    public string? Corpus { get; init; }
    public string Tokenizer { get; init; } = "chars";
    public int Order { get; init; } = 1;
    public string? HeldOut { get; init; }
    public long? Contexts { get; init; }

    /// <summary>n; null for matched.</summary>
    public int? Samples { get; init; }
    public int? Real { get; init; }

    /// <summary>The last generation, or the most that a run until collapse may take.</summary>
    public int? Generations { get; init; }
    public bool UntilCollapse { get; init; }
    public required string Engine { get; init; }
    public int? Threads { get; init; }
    public int? Chunk { get; init; }
    public ulong Seed { get; init; } = 1;
    public int Trace { get; init; }
    public string? Out { get; init; }
    public bool Json { get; init; }
}
