namespace Collapse.Theory;

/// <summary>
/// The exact law of one token's count, given that it occurs c times among the N real tokens of generation 1. From
/// generation 2 on, a training set holds n tokens of the last model, X of them this token, and the N real ones where
/// they are kept: X' is Binomial(n, (c + X)/(N + n)), or Binomial(n, X/n) where they are not; the first X is
/// Binomial(n, c/N).
/// </summary>
/// <remarks>
/// Laws are bands whose entries below 1e-24 are cut. One generation costs about n times 11 sqrt(n) multiply-adds.
/// Not safe to use from several threads at once: rows of the transition are kept as they are needed.
/// </remarks>
public sealed class OneTokenChain
{
    /// <summary>Largest n and N: 65,536. Beyond it use the bounds.</summary>
    public const int LargestInput = 1 << 16;

    private readonly TokenTransition _transition;
    private readonly int _count;

    /// <summary>Prepares the chain.</summary>
    /// <param name="count">c, occurrences among the real tokens: 0 to N.</param>
    /// <param name="real">N, real tokens: 1 to <see cref="LargestInput"/>.</param>
    /// <param name="samples">n, tokens drawn from the previous model per generation: 1 to <see cref="LargestInput"/>.</param>
    /// <param name="keepsReal">True where every training set holds the real tokens (partially synthetic), false where only the first does (fully synthetic).</param>
    /// <exception cref="ArgumentException">A parameter is out of range.</exception>
    public OneTokenChain(int count, int real, int samples, bool keepsReal)
    {
        Require.InRange("real", real, 1, LargestInput, "for more real tokens use the sharp bound");
        Require.InRange("samples", samples, 1, LargestInput, "for more samples use the sharp bound");
        Require.InRange("count", count, 0, real, "a token occurs at most as often as there are real tokens");
        _transition = new TokenTransition(real, samples, keepsReal);
        _count = count;
    }

    /// <summary>The laws of X in generations 2, 3, ..., without end.</summary>
    public IEnumerable<TokenCountLaw> Laws()
    {
        var walk = new TokenWalk(_transition, _count);
        while (true)
        {
            walk.Advance();
            yield return new TokenCountLaw(walk.Generation, walk.First, walk.Law.ToArray());
        }
    }

    /// <summary>E|p_i^(m) - p_i^(1)| for m = 0..generations.</summary>
    /// <param name="generations">Last m: 1 to <see cref="Limits.Generations"/>.</param>
    /// <returns>Array indexed by m; entry 0 is NaN, as p^(0) is no model, and entry 1 is 0.</returns>
    /// <exception cref="ArgumentException"><paramref name="generations"/> is out of range.</exception>
    public double[] ExpectedDeviations(int generations)
    {
        Require.InRange("generations", generations, 1, Limits.Generations, "ask for fewer generations");
        var result = new double[generations + 1];
        result[0] = double.NaN;
        var walk = new TokenWalk(_transition, _count);
        for (var m = 2; m <= generations; m++)
        {
            walk.Advance();
            result[m] = walk.Deviation();
        }

        return result;
    }

    /// <summary>
    /// The stationary law of X with the real tokens kept, as the law of a late generation, and how far its mean
    /// deviation from p^(1) can be from that of the limit.
    /// </summary>
    /// <param name="tolerance">Largest Wasserstein distance to the limit, in probability: 1e-13 to 1.</param>
    /// <returns>The law; the generation whose law it is; E|p_i - p_i^(1)| under it, never above the limit's; the proven distance to the limit.</returns>
    /// <exception cref="ArgumentException"><paramref name="tolerance"/> is out of range.</exception>
    /// <exception cref="InvalidOperationException">The chain does not keep the real tokens: it then ends with the token fixed or lost.</exception>
    public (TokenCountLaw Law, double Deviation, double Distance) Stationary(double tolerance)
    {
        Require.Closed("tolerance", tolerance, 1e-13, 1, "ask for a distance such as 1e-10");
        if (_transition.Kept == 0)
        {
            throw new InvalidOperationException(
                "Without kept real tokens the token ends fixed or lost; ask for keepsReal."
            );
        }

        var walk = new TokenWalk(_transition, _count);
        var distance = walk.AdvanceToLimit(tolerance);
        return (new TokenCountLaw(walk.Generation, walk.First, walk.Law.ToArray()), walk.Deviation(), distance);
    }
}

/// <summary>The law of a token's count among the n tokens drawn for one generation.</summary>
/// <param name="Generation">m, from 2.</param>
/// <param name="First">The count of the first probability.</param>
/// <param name="Probabilities">P(X = First), P(X = First + 1), ...; what is outside was below 1e-24 per entry.</param>
public sealed record TokenCountLaw(int Generation, int First, IReadOnlyList<double> Probabilities);
