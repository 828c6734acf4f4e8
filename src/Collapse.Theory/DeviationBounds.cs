namespace Collapse.Theory;

/// <summary>
/// The paper's bounds on E||p^(m) - p^(1)||_1 in the partially synthetic scenario, which hold for every m: Theorem 3,
/// its consequence (11), and Theorem 4. An L1 distance never exceeds 2, so a value of 2 or more says nothing and is
/// flagged vacuous.
/// </summary>
public static class DeviationBounds
{
    private static readonly double LogC0 = 3 - Math.Log(2 * Math.PI);
    private static readonly double LogC1 = Math.Log(6) + 1 - 1.5 * Math.Log(Math.PI);

    /// <summary>Theorem 3: (1/N) sqrt(pi n / 2) G_n(s).</summary>
    /// <param name="real">N, real tokens kept: 1 to 2^40.</param>
    /// <param name="samples">n, tokens drawn per generation: 1 to 2^40.</param>
    /// <param name="vocabulary">s: 1 or more tokens. The bound holds as well with the support of p^(1) for s.</param>
    /// <exception cref="ArgumentException">A parameter is out of range.</exception>
    public static Bound Theorem3(long real, long samples, int vocabulary)
    {
        Check(real, samples, vocabulary);
        return Value(real, samples, vocabulary, Math.Log(2));
    }

    /// <summary>
    /// Theorem 4: Theorem 3 with 1/sqrt(phi(zeta)) for 1/sqrt(2), where phi(x) = ln((1 - x)/x)/(1 - 2x),
    /// zeta = 1/2 - (1/2 - 2 E[lambda_1]) (N/(N + n))^2.
    /// </summary>
    /// <param name="real">N, real tokens kept: 1 to 2^40.</param>
    /// <param name="samples">n, tokens drawn per generation: 1 to 2^40.</param>
    /// <param name="vocabulary">s: 1 or more tokens.</param>
    /// <param name="lambda1">E[lambda_1], or an upper bound on it: 0 to 1/4. Of observed counts, <see cref="SubsetSum.Lambda1"/>.</param>
    /// <exception cref="ArgumentException">A parameter is out of range.</exception>
    public static Bound Theorem4(long real, long samples, int vocabulary, double lambda1)
    {
        Check(real, samples, vocabulary);
        CheckLambda(lambda1);
        return Value(real, samples, vocabulary, LogPhi(real, samples, lambda1));
    }

    /// <summary>
    /// Paper (11): the largest n that keeps the deviation within eps for every m, from the first case of Theorem 3:
    /// n &lt;= (2 pi / e^2) min{ s - 2, ln(sqrt(2) pi N eps / (6 e s)) }.
    /// </summary>
    /// <param name="real">N, real tokens kept: 1 to 2^40.</param>
    /// <param name="vocabulary">s: 1 or more tokens.</param>
    /// <param name="tolerance">eps: above 0.</param>
    /// <returns>n; 0 where the formula allows no synthetic token at all.</returns>
    /// <exception cref="ArgumentException">A parameter is out of range.</exception>
    public static long LargestSamplesByEquation11(long real, int vocabulary, double tolerance)
    {
        Check(real, 1, vocabulary);
        CheckTolerance(tolerance);
        var log =
            Math.Log(Math.Sqrt(2) * Math.PI / (6 * Math.E))
            + Math.Log(real)
            + Math.Log(tolerance)
            - Math.Log(vocabulary);
        return Math.Max(0, (long)Math.Floor(2 * Math.PI / Math.Exp(2) * Math.Min(vocabulary - 2.0, log)));
    }

    /// <summary>The largest n such that Theorem 3 keeps the deviation within eps for it and every smaller n.</summary>
    /// <param name="real">N, real tokens kept: 1 to 2^40.</param>
    /// <param name="vocabulary">s: 1 or more tokens.</param>
    /// <param name="tolerance">eps: above 0.</param>
    /// <returns>n; 0 for none; null where every n is allowed (s = 1).</returns>
    /// <exception cref="ArgumentException">A parameter is out of range.</exception>
    public static long? LargestSamplesByTheorem3(long real, int vocabulary, double tolerance)
    {
        Check(real, 1, vocabulary);
        CheckTolerance(tolerance);
        return Largest(vocabulary, tolerance, n => Value(real, n, vocabulary, Math.Log(2)).Value);
    }

    /// <summary>The largest n such that Theorem 4 keeps the deviation within eps for it and every smaller n.</summary>
    /// <param name="real">N, real tokens kept: 1 to 2^40.</param>
    /// <param name="vocabulary">s: 1 or more tokens.</param>
    /// <param name="tolerance">eps: above 0.</param>
    /// <param name="lambda1">E[lambda_1], or an upper bound on it: 0 to 1/4.</param>
    /// <returns>n; 0 for none; null where every n is allowed (s = 1).</returns>
    /// <exception cref="ArgumentException">A parameter is out of range.</exception>
    public static long? LargestSamplesByTheorem4(long real, int vocabulary, double tolerance, double lambda1)
    {
        Check(real, 1, vocabulary);
        CheckTolerance(tolerance);
        CheckLambda(lambda1);
        return Largest(vocabulary, tolerance, n => Value(real, n, vocabulary, LogPhi(real, n, lambda1)).Value);
    }

    /// <summary>ln G_n(s); -infinity for s = 1.</summary>
    internal static double LogG(double samples, double vocabulary)
    {
        var c0 = Math.Exp(LogC0);
        if (c0 * samples / Math.E + 2 <= vocabulary)
        {
            return LogC1 + Math.Log(vocabulary) + c0 * samples / (2 * Math.E);
        }

        if (c0 * samples / 4 + 2 <= vocabulary)
        {
            return LogC1 + Math.Log(vocabulary) + vocabulary / 2 * (LogC0 + Math.Log(samples / vocabulary));
        }

        return vocabulary * Math.Log(2) + SpecialLogs.Log1P(-Math.Exp((1 - vocabulary) * Math.Log(2)));
    }

    /// <summary>phi(x) = ln((1 - x)/x)/(1 - 2x) = 2 artanh(y)/y at y = 1 - 2x; infinite at y = 1.</summary>
    internal static double Phi(double y) => y < 1e-4 ? 2 + 2 * y * y / 3 : 2 * Math.Atanh(y) / y;

    // 1 - 2 zeta = (1 - 4 E[lambda_1]) (N/(N + n))^2.
    private static double LogPhi(double real, double samples, double lambda1) =>
        Math.Log(Phi((1 - 4 * lambda1) * Math.Pow(real / (real + samples), 2)));

    private static Bound Value(double real, double samples, double vocabulary, double logPhi) =>
        Bound.Deviation(
            Math.Exp(0.5 * (Math.Log(Math.PI * samples) - logPhi) - Math.Log(real) + LogG(samples, vocabulary))
        );

    private static long? Largest(int vocabulary, double tolerance, Func<long, double> bound)
    {
        if (vocabulary == 1)
        {
            return null;
        }

        // Beyond this n the third case holds and the bound grows with n; up to it, look at each n.
        var thirdCase = (long)(4 * (vocabulary - 2) / Math.Exp(LogC0)) + 1;
        for (long n = 1; n <= thirdCase; n++)
        {
            if (bound(n) > tolerance)
            {
                return n - 1;
            }
        }

        var (good, bad) = (thirdCase, 2 * thirdCase);
        while (bound(bad) <= tolerance)
        {
            if (bad > long.MaxValue / 4)
            {
                return null;
            }

            (good, bad) = (bad, 2 * bad);
        }

        while (bad - good > 1)
        {
            var middle = good + (bad - good) / 2;
            (good, bad) = bound(middle) <= tolerance ? (middle, bad) : (good, middle);
        }

        return good;
    }

    private static void Check(long real, long samples, int vocabulary)
    {
        Require.InRange("real", real, 1, Limits.Tokens, "give the number of real tokens kept");
        Require.InRange("samples", samples, 1, Limits.Tokens, "give the number of tokens drawn per generation");
        Require.AtLeast("vocabulary", vocabulary, 1, "give the number of tokens in the vocabulary");
    }

    internal static void CheckTolerance(double tolerance) =>
        Require.Open("tolerance", tolerance, 0, double.PositiveInfinity, "give an L1 distance such as 0.1");

    private static void CheckLambda(double lambda1) =>
        Require.Closed("lambda1", lambda1, 0, 0.25, "p(A)(1 - p(A)) is never above 1/4");
}
