namespace Collapse.Cli;

/// <summary>Which model is meant: checked word by word, nothing read yet.</summary>
internal record ModelRequest
{
    public required string Scenario { get; init; }
    public int? Window { get; init; }
    public string? Prior { get; init; }
    public string? Corpus { get; init; }
    public string Tokenizer { get; init; } = "chars";
    public int Order { get; init; } = 1;
    public long? Contexts { get; init; }

    /// <summary>n; null for matched.</summary>
    public int? Samples { get; init; }
    public int? Real { get; init; }
    public ulong Seed { get; init; } = 1;
}
