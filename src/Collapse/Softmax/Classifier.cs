using Collapse.Softmax.Refit;
using Collapse.Softmax.Sampling;

namespace Collapse.Softmax;

/// <summary>
/// The softmax classifier of a run: how it is trained on each generation's tokens, how contexts enter it, and how
/// tokens are drawn from it. The default is eq. 2 of the paper: a model is the empirical law of its training tokens.
/// </summary>
public sealed record Classifier
{
    /// <summary>Eq. 2, one-hot contexts, plain sampling.</summary>
    public static Classifier ClosedForm { get; } = new();

    /// <summary>How it is trained; every generation anew, from zero.</summary>
    public RefitMethod Refit { get; init; } = new RefitMethod.Closed();

    /// <summary>The penalty L2 of the iterative methods, 0 to 1e6; 0 for none.</summary>
    public double L2 { get; init; }

    /// <summary>One-hot contexts, or vectors that share parameters.</summary>
    public ContextEmbedding Embedding { get; init; } = ContextEmbedding.OneHot;

    /// <summary>How tokens are drawn from a model: temperature, top-k, top-p.</summary>
    public SamplingRule Decoding { get; init; } = new();

    /// <summary>
    /// Whether it is eq. 2 with plain sampling, so that models are tables of counts. Everything else is trained and
    /// sampled as a softmax model.
    /// </summary>
    public bool IsClosedForm => this == ClosedForm;

    /// <summary>Whether each context's model depends on its own tokens only.</summary>
    public bool SeparatesContexts => !Embedding.IsShared;
}
