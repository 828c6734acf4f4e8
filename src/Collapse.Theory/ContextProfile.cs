namespace Collapse.Theory;

/// <summary>Contexts alike: one law or the same real data, one n, one N.</summary>
public sealed class ContextProfile
{
    private readonly IReadOnlyList<int>? _counts;

    private ContextProfile(TokenLaw law, IReadOnlyList<int>? counts, long samples, long? real, long contexts)
    {
        Require.InRange("samples", samples, 1, Limits.Tokens, "give the number of tokens drawn per generation");
        Require.InRange("real", real ?? 1, 1, Limits.Tokens, "give the number of real tokens kept");
        Require.AtLeast("contexts", contexts, 1, "leave out profiles without contexts");
        Law = law;
        _counts = counts;
        Samples = samples;
        Real = real;
        Contexts = contexts;
    }

    /// <summary>n, tokens per generation.</summary>
    public long Samples { get; }

    /// <summary>N: the sum of the counts, or the real tokens kept of a law; null where a law keeps none.</summary>
    public long? Real { get; }

    /// <summary>How many contexts are like this.</summary>
    public long Contexts { get; }

    /// <summary>True where the real data are given, so that p^(1) is their empirical law.</summary>
    public bool IsObserved => _counts is not null;

    internal TokenLaw Law { get; }

    /// <summary>Contexts whose real data are known, as in a corpus.</summary>
    /// <param name="counts">Real tokens by token: each 0 or more, sum N 1 to 2^31 - 1. Tokens that do not occur can be left out.</param>
    /// <param name="samples">n: 1 to 2^40.</param>
    /// <param name="contexts">How many contexts have these counts, in whatever order: 1 or more.</param>
    /// <exception cref="ArgumentNullException"><paramref name="counts"/> is null.</exception>
    /// <exception cref="ArgumentException">A parameter is out of range.</exception>
    public static ContextProfile Observed(IReadOnlyList<int> counts, long samples, long contexts = 1)
    {
        var law = TokenLaw.FromCounts(counts);
        return new ContextProfile(law, counts, samples, counts.Sum(c => (long)c), contexts);
    }

    /// <summary>Contexts whose real data are drawn from a law.</summary>
    /// <param name="probabilities">p: one probability per token, each 0 to 1, sum 1 within 1e-9.</param>
    /// <param name="samples">n: 1 to 2^40.</param>
    /// <param name="real">N, real tokens kept, 1 to 2^40; null where the scenario keeps none.</param>
    /// <param name="contexts">How many contexts have this law: 1 or more.</param>
    /// <exception cref="ArgumentNullException"><paramref name="probabilities"/> is null.</exception>
    /// <exception cref="ArgumentException">A parameter is out of range.</exception>
    public static ContextProfile Drawn(
        IReadOnlyList<double> probabilities,
        long samples,
        long? real = null,
        long contexts = 1
    ) => new(TokenLaw.From(probabilities), null, samples, real, contexts);

    /// <summary>The counts given, or the mean counts of N tokens drawn from the law.</summary>
    internal RealCounts CountsOf(long real) =>
        _counts is null ? RealCounts.Average(Law, real) : RealCounts.Observed(_counts);

    /// <summary>E[sum of squares of p^(1)] is 1 minus this.</summary>
    internal double FirstImpurity(long real) => IsObserved ? Law.Impurity : (1 - 1.0 / real) * Law.Impurity;

    /// <summary>E[support of p^(1)].</summary>
    internal double FirstSupport(long real) => IsObserved ? Law.Support : Law.ExpectedDistinct(real);

    /// <summary>P(p^(1) is a single token).</summary>
    internal double FirstCollapsed(long real) =>
        !IsObserved ? Law.AllEqualIn(real)
        : Law.Support == 1 ? 1
        : 0;

    /// <summary>E[lambda_1], or an upper bound on it.</summary>
    internal double Lambda1(long real) =>
        _counts is null ? SubsetSum.ExpectedLambda1UpperBound(Law, real) : SubsetSum.Lambda1(_counts);
}
