namespace Collapse.Theory;

/// <summary>The paper's bounds on total collapse in the fully synthetic scenario.</summary>
public static class CollapseTimeBounds
{
    /// <summary>
    /// Bounds on rho_m = P(T &lt;= m), paper (7):
    /// 1 - n (1 - S_0) (1 - 1/n)^m &lt;= rho_m &lt;= 1 - (1 - S_0)/(1 - 1/s~) (1 - 1/n)^m with s~ the support of p.
    /// </summary>
    /// <param name="probabilities">p: one probability per token, each 0 to 1, sum 1 within 1e-9.</param>
    /// <param name="samples">n: 1 to 2^40.</param>
    /// <param name="generation">m: 1 or more.</param>
    /// <returns>The bounds; both 1 for a support of one token, where the paper's ratio is 0/0.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="probabilities"/> is null.</exception>
    /// <exception cref="ArgumentException">A parameter is out of range.</exception>
    public static (Bound Lower, Bound Upper) CollapseProbability(
        IReadOnlyList<double> probabilities,
        long samples,
        int generation
    )
    {
        Check(samples);
        Require.AtLeast("generation", generation, 1, "count generations from 1");
        return CollapseProbability(TokenLaw.From(probabilities), samples, generation);
    }

    /// <summary>
    /// Bounds on E[T], paper (8): 1 + (1 - S_0)/(1 - 1/s~) (n - 1) &lt;= E[T] &lt;= 1 + (1 - S_0) n (n - 1).
    /// </summary>
    /// <param name="probabilities">p: one probability per token, each 0 to 1, sum 1 within 1e-9.</param>
    /// <param name="samples">n: 1 to 2^40.</param>
    /// <returns>The bounds; both 1 for a support of one token.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="probabilities"/> is null.</exception>
    /// <exception cref="ArgumentException">A parameter is out of range.</exception>
    public static (Bound Lower, Bound Upper) ExpectedCollapseTime(IReadOnlyList<double> probabilities, long samples)
    {
        Check(samples);
        return ExpectedCollapseTime(TokenLaw.From(probabilities), samples);
    }

    /// <summary>
    /// The limit of E[T] at large n by the diffusion approximation, -2 n sum_i (1 - p_i) ln(1 - p_i): an
    /// approximation, not a bound.
    /// </summary>
    /// <param name="probabilities">p: one probability per token, each 0 to 1, sum 1 within 1e-9.</param>
    /// <param name="samples">n: 1 to 2^40.</param>
    /// <exception cref="ArgumentNullException"><paramref name="probabilities"/> is null.</exception>
    /// <exception cref="ArgumentException">A parameter is out of range.</exception>
    public static double LargeSampleExpectation(IReadOnlyList<double> probabilities, long samples)
    {
        Check(samples);
        return -2.0 * samples * TokenLaw.From(probabilities).ComplementEntropy();
    }

    internal static (Bound Lower, Bound Upper) CollapseProbability(TokenLaw law, long samples, int generation)
    {
        if (law.Support == 1)
        {
            return (Bound.LowerProbability(1), Bound.UpperProbability(1));
        }

        var impurity = ClosedForms.FullySyntheticImpurity(law.Impurity, samples, generation);
        return (
            Bound.LowerProbability(1 - samples * impurity),
            Bound.UpperProbability(1 - impurity / (1 - 1.0 / law.Support))
        );
    }

    internal static (Bound Lower, Bound Upper) ExpectedCollapseTime(TokenLaw law, long samples)
    {
        if (law.Support == 1)
        {
            return (new Bound(1, true), new Bound(1, false));
        }

        var lower = 1 + law.Impurity / (1 - 1.0 / law.Support) * (samples - 1);
        var upper = 1 + law.Impurity * samples * (samples - 1.0);
        return (new Bound(lower, !(lower > 1)), new Bound(upper, double.IsInfinity(upper)));
    }

    private static void Check(long samples) =>
        Require.InRange("samples", samples, 1, Limits.Tokens, "give the number of tokens drawn per generation");
}
