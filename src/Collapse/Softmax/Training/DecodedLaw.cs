using Collapse.Kernels;
using Collapse.Softmax.Sampling;

namespace Collapse.Softmax.Training;

/// <summary>The law that tokens are drawn from: a model's own under temperature, top-k and top-p.</summary>
/// <param name="rule">The rule.</param>
/// <param name="tokens">The number of tokens s.</param>
internal sealed class DecodedLaw(SamplingRule rule, int tokens)
{
    private readonly TokenSelection<SoftmaxLanes128> _selection = new();
    private readonly float[] _buffer = new float[tokens];

    /// <summary>Writes the law of a context; only the probabilities mean something.</summary>
    public void Write(SoftmaxModel model, int row, SoftmaxLaw law)
    {
        model.WriteLaw(row, rule.Temperature, law);
        if (rule.TopK is null && rule.TopP >= 1)
        {
            return;
        }

        ReadOnlySpan<float> logits = model.Row(row, _buffer);
        float largest = float.NegativeInfinity;
        foreach (float logit in logits)
        {
            largest = Math.Max(largest, logit);
        }

        if (_selection.Select(logits, largest, rule, new SoftmaxScale(rule.Temperature)))
        {
            Keep(law.Probabilities, _selection.Tokens);
        }
    }

    /// <summary>Sets all but some tokens, which ascend, to 0, and makes these add up to 1.</summary>
    private static void Keep(Span<double> p, ReadOnlySpan<int> kept)
    {
        double sum = 0;
        int next = 0;
        foreach (int token in kept)
        {
            sum += p[token];
            p[next..token].Clear();
            next = token + 1;
        }

        p[next..].Clear();
        foreach (int token in kept)
        {
            p[token] /= sum;
        }
    }
}
