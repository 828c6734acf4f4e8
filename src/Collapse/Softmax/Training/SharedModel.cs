using Collapse.Softmax.Refit;

namespace Collapse.Softmax.Training;

/// <summary>Embedded contexts: logits W·e, computed whenever they are asked for.</summary>
internal sealed class SharedModel(EmbeddedModel model) : SoftmaxModel
{
    /// <inheritdoc/>
    public override int Rows => model.Embedding.Contexts;

    /// <inheritdoc/>
    public override int Tokens => model.Vocabulary;

    /// <inheritdoc/>
    public override ReadOnlySpan<float> Row(int row, Span<float> buffer)
    {
        buffer = buffer[..Tokens];
        model.WriteColumns(row, buffer);
        ReadOnlySpan<int> classOf = model.Classes.ClassOf;

        // Classes are numbered in the order of their first tokens, so that none stands behind a token of its own: from
        // the last token to the first, nothing is written over that is still to be read.
        for (int token = buffer.Length - 1; token >= 0; token--)
        {
            buffer[token] = buffer[classOf[token]];
        }

        return buffer;
    }

    /// <inheritdoc/>
    public override void WriteLaw(int row, double temperature, SoftmaxLaw law)
    {
        Span<float> logits = law.Logits.AsSpan(0, model.Classes.Count);
        model.WriteColumns(row, logits);
        float largest = float.NegativeInfinity;
        foreach (float logit in logits)
        {
            largest = Math.Max(largest, logit);
        }

        // As in Row: a class' weight is read before it is written over.
        double[] p = law.Probabilities;
        double sum = 0;
        double linear = 0;
        for (int column = 0; column < logits.Length; column++)
        {
            double difference = ((double)logits[column] - largest) / temperature;
            p[column] = Math.Exp(difference);
            double weight = model.Classes.Multiplicity[column] * p[column];
            sum += weight;
            linear += weight * difference;
        }

        double scale = 1 / sum;
        ReadOnlySpan<int> classOf = model.Classes.ClassOf;
        for (int token = p.Length - 1; token >= 0; token--)
        {
            p[token] = p[classOf[token]] * scale;
        }

        law.LogSum = (largest / temperature) + Math.Log(sum);
        law.Entropy = Math.Log(sum) - (linear / sum);
    }

    /// <inheritdoc/>
    public override double LogProbability(int row, int token, SoftmaxLaw law) =>
        law.Logits[model.Classes.ClassOf[token]] - law.LogSum;
}
