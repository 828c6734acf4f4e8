namespace Collapse.Theory;

/// <summary>
/// Bounds on E||p^(m) - p^(1)||_1 from the exact variance of each token's probability given the real data:
/// Var(p_i^(m)) = v_m p (1 - p) at p = p_i^(1), with one factor v_m for all tokens (docs/theory.md, "Sharp bound").
/// </summary>
public static class SharpBound
{
    /// <summary>
    /// v_m with v_1 = 0 and v_m = a^2 [1/n + (1 - 1/n) v_(m-1)], a = n/(N + n) for N real tokens kept in every
    /// training set; in closed form. Not decreasing in m.
    /// </summary>
    /// <param name="kept">N, real tokens in every training set: 0 to 2^40; 0 where each generation sees the last one's tokens only.</param>
    /// <param name="samples">n, tokens drawn from the previous model per generation: 1 to 2^40.</param>
    /// <param name="generation">m: 1 or more; null for the limit, which bounds all generations.</param>
    /// <returns>0 to 1; at most 1/(2N + 1).</returns>
    /// <exception cref="ArgumentException">A parameter is out of range.</exception>
    public static double VarianceFactor(long kept, long samples, int? generation)
    {
        Require.InRange("real", kept, 0, Limits.Tokens, "give the number of real tokens kept");
        Require.InRange("samples", samples, 1, Limits.Tokens, "give the number of tokens drawn per generation");
        Require.AtLeast("generation", generation ?? 1, 1, "count generations from 1, or ask for all");
        return Factor(kept, samples, generation);
    }

    /// <summary>The best bound on E|X - p| for a variable on [0, 1] that mean p and the given variance allow for one side:
    /// sqrt(W), or 2 r W/(W + r^2) where W exceeds r^2, r = min(p, 1 - p).</summary>
    /// <param name="mean">p: 0 to 1.</param>
    /// <param name="variance">W: 0 to 1/4.</param>
    /// <exception cref="ArgumentException">A parameter is out of range.</exception>
    public static double TwoMoment(double mean, double variance)
    {
        Require.Closed("mean", mean, 0, 1, "give a probability");
        Require.Closed("variance", variance, 0, 0.25, "a variable on [0, 1] has a variance of at most 1/4");
        return TwoMomentUnchecked(Math.Min(mean, 1 - mean), variance);
    }

    internal static double TwoMomentUnchecked(double rare, double variance) =>
        variance <= rare * rare ? Math.Sqrt(variance) : 2 * rare * variance / (variance + rare * rare);

    internal static double Factor(double kept, double samples, int? generation)
    {
        if (generation == 1)
        {
            return 0;
        }

        // v_infinity = (a^2/n) / (1 - a^2 (1 - 1/n)) = n/(N^2 + n (2N + 1)).
        var limit = double.IsInfinity(samples)
            ? 1 / (2 * kept + 1)
            : samples / (kept * kept + samples * (2 * kept + 1));
        if (generation is not { } m)
        {
            return limit;
        }

        var log = 2 * SpecialLogs.Log1P(-kept / (kept + samples)) + SpecialLogs.Log1P(-1 / samples);
        return -SpecialLogs.ExpM1((m - 1.0) * log) * limit;
    }

    internal static double Sharp(RealCounts real, double kept, double samples, int? generation) =>
        real.Spread * Math.Sqrt(Factor(kept, samples, generation));

    internal static double TwoMoment(RealCounts real, double kept, double samples, int? generation) =>
        TwoMoment(real, samples / (kept + samples), Factor(kept, samples, generation));

    /// <summary>Sum over tokens of a times the two-moment bound on the synthetic share; it grows with a and with v.</summary>
    internal static double TwoMoment(RealCounts real, double a, double factor)
    {
        if (real.Counts is null)
        {
            return real.Spread * Math.Sqrt(factor);
        }

        double sum = 0;
        foreach (var (count, weight) in real.Counts)
        {
            var p = (double)count / real.Real;
            sum += weight * a * TwoMomentUnchecked(p, factor * p * (1 - p) / (a * a));
        }

        return sum;
    }
}
