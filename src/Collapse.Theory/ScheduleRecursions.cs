namespace Collapse.Theory;

/// <summary>
/// Second moments of the schedules that draw from several earlier models. For every schedule of fresh draws,
/// Cov(p_i^(m), p_i^(t)) = c_(m,t) p_i (1 - p_i) with coefficients c that do not depend on the token or on p
/// (docs/theory.md, "Schedules"), so that 1 - S_m = (1 - c_(m,m)) (1 - S_0), and
/// E||p^(m) - p^(1)||_1 &lt;= sqrt(c_(m,m) - 2 c_(m,1) + c_(1,1)) sum_i sqrt(p_i (1 - p_i)).
/// </summary>
public static class ScheduleRecursions
{
    /// <summary>recent-models with window K: floor(n/K) draws from each p^(t), max(0, m - K) &lt;= t &lt;= m - 1.</summary>
    /// <param name="samples">n: K to 2^40.</param>
    /// <param name="window">K: 1 to n, at most 4,096. K = 1 is fully synthetic.</param>
    /// <param name="generations">Last m: 1 to <see cref="Limits.Generations"/>; the cost is the number of generations times the window squared.</param>
    /// <param name="firstIsTruth">True where p^(1) is the law that real tokens are drawn from (a corpus), so that c_(1,1) = 0.</param>
    /// <returns>Coefficients for m = 0..generations.</returns>
    /// <exception cref="ArgumentException">A parameter is out of range.</exception>
    public static ScheduleMoments RecentModels(long samples, int window, int generations, bool firstIsTruth = false)
    {
        Require.InRange("samples", samples, 1, Limits.Tokens, "give the number of tokens drawn per generation");
        Require.InRange(
            "window",
            window,
            1,
            Math.Min(samples, 4096),
            "each of the window's models supplies floor(samples/window) tokens, at least one"
        );
        Require.InRange("generations", generations, 1, Limits.Generations, "ask for fewer generations");
        double perModel = samples / window;
        var variance = new double[generations + 1];
        var withFirst = new double[generations + 1];
        // gram[t % K, u % K] = c_(t,u) for the window's models; row sums come from it anew each time: no drift.
        var gram = new double[window, window];
        var mean = new double[window];
        for (var m = 1; m <= generations; m++)
        {
            var models = Math.Min(m, window);
            var tokens = perModel * models;
            double all = 0;
            double diagonal = 0;
            double first = 0;
            for (var t = m - models; t < m; t++)
            {
                double row = 0;
                for (var u = m - models; u < m; u++)
                {
                    row += gram[t % window, u % window];
                }

                mean[t % window] = row / models;
                all += row;
                diagonal += gram[t % window, t % window];
                first += withFirst[t];
            }

            variance[m] = m == 1 && firstIsTruth ? 0 : all / models / models + (1 - diagonal / models) / tokens;
            withFirst[m] = m == 1 ? variance[1] : first / models;
            var slot = m % window;
            for (var t = Math.Max(0, m - window + 1); t < m; t++)
            {
                gram[slot, t % window] = gram[t % window, slot] = mean[t % window];
            }

            gram[slot, slot] = variance[m];
        }

        return new ScheduleMoments(variance, withFirst);
    }

    /// <summary>
    /// random-models: n draws, each from the model of a generation uniform over 0..m - 1:
    /// 1 - c_(m,m) = (1 - 1/n) prod over g = 2..m of (1 - 1/(n g^2)), and c_(m,1) = 1/(2n) for m &gt;= 2.
    /// </summary>
    /// <param name="samples">n: 1 to 2^40.</param>
    /// <param name="generations">Last m: 1 to <see cref="Limits.Generations"/>.</param>
    /// <param name="firstIsTruth">True where p^(1) is the law that real tokens are drawn from (a corpus), so that c_(1,1) = 0.</param>
    /// <returns>Coefficients for m = 0..generations.</returns>
    /// <exception cref="ArgumentException">A parameter is out of range.</exception>
    public static ScheduleMoments RandomModels(long samples, int generations, bool firstIsTruth = false)
    {
        Require.InRange("samples", samples, 1, Limits.Tokens, "give the number of tokens drawn per generation");
        Require.InRange("generations", generations, 1, Limits.Generations, "ask for fewer generations");
        double n = samples;
        var variance = new double[generations + 1];
        var withFirst = new double[generations + 1];
        double log = 0;
        for (var m = 1; m <= generations; m++)
        {
            // The mixture of p^(0) and p^(1) = p^(0) has no variance: the factor of g = 2 falls away.
            log += m == 2 && firstIsTruth ? 0 : SpecialLogs.Log1P(-1 / (n * m * m));
            variance[m] = m == 1 && firstIsTruth ? 0 : -SpecialLogs.ExpM1(log);
            withFirst[m] =
                firstIsTruth ? 0
                : m == 1 ? 1 / n
                : 1 / (2 * n);
        }

        return new ScheduleMoments(variance, withFirst);
    }

    /// <summary>The limit of 1 - S_m of random-models: (1 - S_0) sin(pi/sqrt n)/(pi/sqrt n), so no total collapse in the mean.</summary>
    /// <param name="sumOfSquares">S_0: 0 to 1.</param>
    /// <param name="samples">n: 1 to 2^40.</param>
    /// <returns>S_infinity: S_0 to 1.</returns>
    /// <exception cref="ArgumentException">A parameter is out of range.</exception>
    public static double RandomModelsLimit(double sumOfSquares, long samples)
    {
        Require.Closed("sumOfSquares", sumOfSquares, 0, 1, "give the sum of the squared probabilities");
        Require.InRange("samples", samples, 1, Limits.Tokens, "give the number of tokens drawn per generation");
        var x = Math.PI / Math.Sqrt(samples);
        return samples == 1 ? 1 : 1 - (1 - sumOfSquares) * Math.Sin(x) / x;
    }
}

/// <summary>Covariances c_(m,m) and c_(m,1) of a schedule, in units of p_i (1 - p_i).</summary>
public sealed class ScheduleMoments
{
    private readonly double[] _variance;
    private readonly double[] _withFirst;

    internal ScheduleMoments(double[] variance, double[] withFirst)
    {
        _variance = variance;
        _withFirst = withFirst;
    }

    /// <summary>c_(m,m) = Var(p_i^(m))/(p_i (1 - p_i)), indexed by m from 0; entry 0 is 0.</summary>
    public IReadOnlyList<double> Variance => _variance;

    /// <summary>c_(m,1), indexed by m from 0; entry 0 is 0.</summary>
    public IReadOnlyList<double> CovarianceWithFirst => _withFirst;

    /// <summary>S_m = 1 - (1 - c_(m,m)) (1 - S_0).</summary>
    /// <param name="sumOfSquares">S_0: 0 to 1.</param>
    /// <param name="generation">m: 0 to the last generation computed.</param>
    /// <exception cref="ArgumentException">A parameter is out of range.</exception>
    public double SumOfSquares(double sumOfSquares, int generation)
    {
        Require.Closed("sumOfSquares", sumOfSquares, 0, 1, "give the sum of the squared probabilities");
        Require.InRange("generation", generation, 0, _variance.Length - 1, "compute more generations");
        return 1 - (1 - _variance[generation]) * (1 - sumOfSquares);
    }

    /// <summary>The sharp bound on E||p^(m) - p^(1)||_1: sum_i sqrt(E (p_i^(m) - p_i^(1))^2).</summary>
    /// <param name="probabilities">p: one probability per token, each 0 to 1, sum 1 within 1e-9.</param>
    /// <param name="generation">m: 1 to the last generation computed.</param>
    /// <exception cref="ArgumentNullException"><paramref name="probabilities"/> is null.</exception>
    /// <exception cref="ArgumentException">A parameter is out of range.</exception>
    public Bound SharpFromFirst(IReadOnlyList<double> probabilities, int generation)
    {
        Require.InRange("generation", generation, 1, _variance.Length - 1, "compute more generations");
        return SharpFromFirst(TokenLaw.From(probabilities), generation);
    }

    internal Bound SharpFromFirst(TokenLaw law, int generation) =>
        Bound.Deviation(RootMeanSquareFromFirst(generation) * RealCounts.JensenSpread(law));

    /// <summary>The root of E (p_i^(m) - p_i^(1))^2 in units of the root of p_i (1 - p_i), the same for all tokens.</summary>
    internal double RootMeanSquareFromFirst(int generation) =>
        Math.Sqrt(Math.Max(0, _variance[generation] - 2 * _withFirst[generation] + _variance[1]));
}
