using System.Diagnostics.CodeAnalysis;
using Collapse.Running;
using Collapse.Softmax;

namespace Collapse.Cli;

/// <summary>What <c>collapse run</c> was asked for: checked word by word, nothing read yet.</summary>
internal sealed record RunRequest : ModelRequest
{
    [SetsRequiredMembers]
    public RunRequest(ModelRequest model)
        : base(model) { }

    public string? HeldOut { get; init; }

    /// <summary>The last generation, or the most that a run until collapse may take.</summary>
    public int? Generations { get; init; }
    public bool UntilCollapse { get; init; }
    public Classifier Classifier { get; init; } = Classifier.ClosedForm;
    public Sampler Sampler { get; init; } = Sampler.Tokens;
    public ReportGrid ReportAt { get; init; } = ReportGrid.Standard;
    public string Engine { get; init; } = "auto";
    public int? Threads { get; init; }
    public int? Chunk { get; init; }
    public int Trace { get; init; }
    public string? Out { get; init; }
    public bool Json { get; init; }
}
