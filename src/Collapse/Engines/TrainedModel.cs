namespace Collapse.Engines;

/// <summary>The model p^(m) of one context: how often each token stands in its training set (eq. 2).</summary>
/// <param name="Context">The context.</param>
/// <param name="Generation">The generation m, from 1.</param>
/// <param name="Size">Tokens in the training set, 1 or more.</param>
/// <param name="Counts">The count of each token that occurs, 1 or more; they add up to <paramref name="Size"/>.</param>
public sealed record TrainedModel(long Context, int Generation, int Size, IReadOnlyDictionary<int, int> Counts)
{
    /// <summary>p_i^(m) = count / size; 0 for a token that does not occur.</summary>
    /// <param name="token">The token i.</param>
    public double Probability(int token) => Counts.TryGetValue(token, out int count) ? (double)count / Size : 0;
}
