using System.Diagnostics.CodeAnalysis;

namespace Collapse.Cli;

/// <summary>What <c>collapse theory</c> was asked for: checked word by word, nothing read yet.</summary>
internal sealed record TheoryRequest : ModelRequest
{
    [SetsRequiredMembers]
    public TheoryRequest(ModelRequest model)
        : base(model) { }

    public int Generations { get; init; }
    public bool Json { get; init; }
}
