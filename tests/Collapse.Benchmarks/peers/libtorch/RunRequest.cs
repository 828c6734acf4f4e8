namespace Collapse.LibtorchPeer;

/// <summary>A run that is asked for; fields as peers/protocol.py names them.</summary>
internal sealed record RunRequest(
    string Method,
    string Scenario,
    int Vocabulary,
    string? Weights,
    string? Followers,
    int Contexts,
    int Samples,
    int Real,
    int Generations,
    bool UntilCollapse,
    bool Observe,
    int[]? Reported,
    long Seed
);
