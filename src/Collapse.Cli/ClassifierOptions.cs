using System.CommandLine;
using Collapse.Softmax;
using Collapse.Softmax.Refit;
using Collapse.Softmax.Sampling;

namespace Collapse.Cli;

/// <summary>The options that say how models are trained and sampled.</summary>
internal sealed class ClassifierOptions
{
    private readonly Option<string> _refit = OptionValue.Create(
        "--refit",
        "METHOD",
        "How a model is trained on its tokens: closed (to the end, eq. 2), smoothed:LAMBDA (LAMBDA added to every "
            + "count), gradient:STEPS:RATE or gradient:STEPS:RATE:MOMENTUM (from zero, perhaps not to the end), "
            + "newton:TOL (until the gradient norm is TOL) [default: closed]"
    );
    private readonly Option<string> _l2 = OptionValue.Create(
        "--l2",
        "PENALTY",
        "Penalty on the squares of the parameters, 0 to 1e6; for gradient and newton [default: 0]"
    );
    private readonly Option<string> _embedding = OptionValue.Create(
        "--embedding",
        "KIND",
        "onehot (each context has its own logits), or gaussian:D (each context is a vector of D numbers, and all share "
            + "the parameters; for gradient and newton) [default: onehot]"
    );
    private readonly Option<string> _temperature = OptionValue.Create(
        "--temperature",
        "T",
        "Tokens are drawn with probabilities proportional to p^(1/T), 1e-6 to 1e6 [default: 1]"
    );
    private readonly Option<string> _topK = OptionValue.Create(
        "--top-k",
        "K",
        "Only the K most probable tokens are drawn [default: all]"
    );
    private readonly Option<string> _topP = OptionValue.Create(
        "--top-p",
        "P",
        "Only the most probable tokens that together have mass P are drawn, above 0 to 1 [default: 1]"
    );

    /// <summary>All of them.</summary>
    public IEnumerable<Option> All => [_refit, _l2, _embedding, _temperature, _topK, _topP];

    public Classifier Read(ParseResult parsed)
    {
        var decoding = new SamplingRule(
            OptionValue.Real(parsed, _temperature) ?? 1,
            OptionValue.Number(parsed, _topK, ParameterRange.TopK),
            OptionValue.Real(parsed, _topP) ?? 1
        );
        decoding.Check();
        return new Classifier
        {
            Refit = parsed.GetValue(_refit) is string refit ? RefitMethod.Parse(refit) : Classifier.ClosedForm.Refit,
            L2 = OptionValue.Real(parsed, _l2) ?? 0,
            Embedding = parsed.GetValue(_embedding) is string kind
                ? ContextEmbedding.Parse(kind)
                : ContextEmbedding.OneHot,
            Decoding = decoding,
        };
    }
}
