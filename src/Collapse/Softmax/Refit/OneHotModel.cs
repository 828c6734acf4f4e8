namespace Collapse.Softmax.Refit;

/// <summary>
/// A softmax classifier over one-hot contexts: a row of logits per context, held as the logits of the tokens
/// named there and one logit that all others of the row share.
/// </summary>
public sealed class OneHotModel
{
    private readonly long[] _offsets;
    private readonly int[] _tokens;
    private readonly double[] _logits;
    private readonly double[] _sharedLogits;

    internal OneHotModel(int vocabulary, long[] offsets, int[] tokens, double[] logits, double[] sharedLogits)
    {
        Vocabulary = vocabulary;
        _offsets = offsets;
        _tokens = tokens;
        _logits = logits;
        _sharedLogits = sharedLogits;
    }

    /// <summary>Tokens s of the vocabulary.</summary>
    public int Vocabulary { get; }

    /// <summary>Contexts c.</summary>
    public int Contexts => _sharedLogits.Length;

    /// <summary>The tokens of a row with logits of their own, ascending: those it was trained on, at least.</summary>
    public ReadOnlySpan<int> Tokens(int context) => Row(_tokens, context);

    /// <summary>The logits of <see cref="Tokens"/>.</summary>
    public ReadOnlySpan<double> Logits(int context) => Row(_logits, context);

    /// <summary>The logit of every other token of the row; minus infinity for the closed form, meaningless where there is none.</summary>
    public double SharedLogit(int context) => _sharedLogits[context];

    /// <summary>The logit of one token.</summary>
    /// <param name="context">The context, 0 … c - 1.</param>
    /// <param name="token">The token, 0 … s - 1.</param>
    public double Logit(int context, int token)
    {
        int place = Tokens(context).BinarySearch(token);
        return place >= 0 ? Logits(context)[place] : _sharedLogits[context];
    }

    /// <summary>Writes the logits of all tokens of a context.</summary>
    /// <param name="context">The context, 0 … c - 1.</param>
    /// <param name="logits">s numbers.</param>
    public void WriteLogits(int context, Span<double> logits)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(logits.Length, Vocabulary);
        logits.Fill(_sharedLogits[context]);
        ReadOnlySpan<int> tokens = Tokens(context);
        ReadOnlySpan<double> values = Logits(context);
        for (int i = 0; i < tokens.Length; i++)
        {
            logits[tokens[i]] = values[i];
        }
    }

    /// <summary>Writes softmax of the logits of a context.</summary>
    /// <param name="context">The context, 0 … c - 1.</param>
    /// <param name="probabilities">s numbers.</param>
    public void WriteProbabilities(int context, Span<double> probabilities)
    {
        WriteLogits(context, probabilities);
        double largest = double.NegativeInfinity;
        foreach (double logit in probabilities)
        {
            largest = Math.Max(largest, logit);
        }

        double sum = 0;
        for (int i = 0; i < probabilities.Length; i++)
        {
            probabilities[i] = Math.Exp(probabilities[i] - largest);
            sum += probabilities[i];
        }

        for (int i = 0; i < probabilities.Length; i++)
        {
            probabilities[i] /= sum;
        }
    }

    private ReadOnlySpan<T> Row<T>(T[] values, int context) =>
        values.AsSpan((int)_offsets[context], (int)(_offsets[context + 1] - _offsets[context]));
}
