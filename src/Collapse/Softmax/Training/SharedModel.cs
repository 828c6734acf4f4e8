using Collapse.Softmax.Refit;

namespace Collapse.Softmax.Training;

/// <summary>Embedded contexts: logits W·e, computed whenever they are asked for.</summary>
internal sealed class SharedModel(EmbeddedModel model) : SoftmaxModel
{
    // Logits of several contexts that are worth keeping, and fit into an array.
    private const int MostKept = 1 << 28;

    /// <inheritdoc/>
    public override int Rows => model.Embedding.Contexts;

    /// <inheritdoc/>
    public override int Tokens => model.Vocabulary;

    /// <inheritdoc/>
    public override ReadOnlySpan<float> Row(int row, Span<float> buffer)
    {
        buffer = buffer[..Tokens];
        model.WriteColumns(row, 1, buffer);
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
        ReadOnlySpan<float> logits = Columns(row, law);
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
        Columns(row, law)[model.Classes.ClassOf[token]] - law.LogSum;

    /// <summary>The logits of a context by class; those of its neighbours are computed with them, once.</summary>
    private ReadOnlySpan<float> Columns(int row, SoftmaxLaw law)
    {
        int classes = model.Classes.Count;
        int rows = (long)classes * law.Rows <= MostKept ? law.Rows : 1;
        int first = row - (row % rows);
        if (law.Owner != this || law.FirstRow != first)
        {
            int count = Math.Min(rows, Rows - first);
            if (law.Logits.Length < classes * count)
            {
                law.Logits = new float[classes * rows];
            }

            model.WriteColumns(first, count, law.Logits);
            law.Owner = this;
            law.FirstRow = first;
        }

        return law.Logits.AsSpan((row - first) * classes, classes);
    }
}
