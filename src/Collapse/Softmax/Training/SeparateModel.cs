using Collapse.Softmax.Refit;

namespace Collapse.Softmax.Training;

/// <summary>One-hot contexts: logits of the tokens that were seen, and one that all others of the row share.</summary>
internal sealed class SeparateModel(OneHotModel model) : SoftmaxModel
{
    /// <inheritdoc/>
    public override int Rows => model.Contexts;

    /// <inheritdoc/>
    public override int Tokens => model.Vocabulary;

    /// <inheritdoc/>
    public override ReadOnlySpan<float> Row(int row, Span<float> buffer)
    {
        ReadOnlySpan<int> tokens = model.Tokens(row);
        ReadOnlySpan<double> logits = model.Logits(row);
        buffer = buffer[..Tokens];
        buffer.Fill((float)model.SharedLogit(row));
        for (int i = 0; i < tokens.Length; i++)
        {
            buffer[tokens[i]] = (float)logits[i];
        }

        return buffer;
    }

    /// <inheritdoc/>
    public override void WriteLaw(int row, double temperature, SoftmaxLaw law)
    {
        ReadOnlySpan<int> tokens = model.Tokens(row);
        ReadOnlySpan<double> logits = model.Logits(row);
        int others = Tokens - tokens.Length;
        double shared = others > 0 ? model.SharedLogit(row) / temperature : double.NegativeInfinity;
        double largest = shared;
        foreach (double logit in logits)
        {
            largest = Math.Max(largest, logit / temperature);
        }

        double[] p = law.Probabilities;
        double weight = Math.Exp(shared - largest);
        double sum = others * weight;
        double linear = weight > 0 ? sum * (shared - largest) : 0;
        Array.Fill(p, weight);
        for (int i = 0; i < tokens.Length; i++)
        {
            double difference = (logits[i] / temperature) - largest;
            weight = Math.Exp(difference);
            sum += weight;
            linear += weight * difference;
            p[tokens[i]] = weight;
        }

        double scale = 1 / sum;
        for (int i = 0; i < p.Length; i++)
        {
            p[i] *= scale;
        }

        law.LogSum = largest + Math.Log(sum);
        law.Entropy = Math.Log(sum) - (linear / sum);
    }

    /// <inheritdoc/>
    public override double LogProbability(int row, int token, SoftmaxLaw law) => model.Logit(row, token) - law.LogSum;
}
