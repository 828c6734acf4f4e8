namespace Collapse.Theory;

/// <summary>The paper's closed forms of the expected sum of squares S_m = E[sum_i (p_i^(m))^2], and Proposition 1.</summary>
public static class ClosedForms
{
    /// <summary>S_0 = sum_i p_i^2.</summary>
    /// <param name="probabilities">p: one probability per token, each 0 to 1, sum 1 within 1e-9.</param>
    /// <exception cref="ArgumentNullException"><paramref name="probabilities"/> is null.</exception>
    /// <exception cref="ArgumentException"><paramref name="probabilities"/> is out of range.</exception>
    public static double SumOfSquares(IReadOnlyList<double> probabilities) => TokenLaw.From(probabilities).SumOfSquares;

    /// <summary>S_m of the fully synthetic scenario, paper (6): 1 - S_m = (1 - 1/n)^m (1 - S_0).</summary>
    /// <param name="sumOfSquares">S_0: 0 to 1.</param>
    /// <param name="samples">n: 1 to 2^40.</param>
    /// <param name="generation">m: 0 or more.</param>
    /// <exception cref="ArgumentException">A parameter is out of range.</exception>
    public static double FullySynthetic(double sumOfSquares, long samples, int generation)
    {
        Check(sumOfSquares, samples, generation, 0);
        return 1 - FullySyntheticImpurity(1 - sumOfSquares, samples, generation);
    }

    /// <summary>S_m of the partially synthetic scenario, paper (9).</summary>
    /// <param name="sumOfSquares">S_0: 0 to 1.</param>
    /// <param name="real">N, real tokens kept: 1 to 2^40.</param>
    /// <param name="samples">n, tokens drawn from the previous model per generation: 1 to 2^40.</param>
    /// <param name="generation">m: 1 or more; generation 1 is trained on the real tokens alone.</param>
    /// <exception cref="ArgumentException">A parameter is out of range.</exception>
    public static double PartiallySynthetic(double sumOfSquares, long real, long samples, int generation)
    {
        Check(sumOfSquares, samples, generation, 1);
        Require.InRange("real", real, 1, Limits.Tokens, "give the number of real tokens");
        double n = samples;
        double N = real;
        var a = n / (N + n);
        var b = a * ((1 + 1 / N) * a - 1 / N);
        var d = 1 + (1 + 1 / N) * a;
        var power = Math.Pow(b, generation - 1);
        // Erratum: the sign before (a/N) b^m is +. Copies of the paper print -, but S_1 must be
        // 1/N + (1 - 1/N) S_0, and the direct recursion of docs/theory.md gives + as well.
        return (1 / N * (1 + 2 * a - (1 - 1 / N) * a * power) + (1 - 1 / N) * sumOfSquares * (1 + a + a / N * power))
            / d;
    }

    /// <summary>Proposition 1: a fully synthetic context collapses to token i with probability p_i.</summary>
    /// <param name="probabilities">p: one probability per token, each 0 to 1, sum 1 within 1e-9.</param>
    /// <returns>p, normalised to the last digit; indexed by token.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="probabilities"/> is null.</exception>
    /// <exception cref="ArgumentException"><paramref name="probabilities"/> is out of range.</exception>
    public static double[] CollapseTokenProbabilities(IReadOnlyList<double> probabilities) =>
        TokenLaw.From(probabilities).Probabilities;

    /// <summary>(1 - 1/n)^m (1 - S_0).</summary>
    internal static double FullySyntheticImpurity(double impurity, double samples, double generation) =>
        generation == 0 ? impurity : impurity * Math.Exp(generation * SpecialLogs.Log1P(-1 / samples));

    private static void Check(double sumOfSquares, long samples, int generation, int first)
    {
        Require.Closed("sumOfSquares", sumOfSquares, 0, 1, "give the sum of the squared probabilities");
        Require.InRange("samples", samples, 1, Limits.Tokens, "give the number of tokens drawn per generation");
        Require.AtLeast("generation", generation, first, "count generations as the scenario does");
    }
}
