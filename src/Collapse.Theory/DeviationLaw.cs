namespace Collapse.Theory;

/// <summary>
/// E||p^(m) - p^(1)||_1 of one context: exactly, where that is affordable, and by the sharp bounds; given the real
/// data's counts or averaged over real data drawn from p.
/// </summary>
/// <remarks>The deviation, exact or bounded, never decreases with m (docs/theory.md): the value for all generations is the limit.</remarks>
public sealed class DeviationLaw
{
    private readonly RealCounts _real;
    private readonly bool _keepsReal;

    private DeviationLaw(RealCounts real, bool keepsReal, long samples)
    {
        Require.InRange("samples", samples, 1, Limits.Tokens, "give the number of tokens drawn per generation");
        _real = real;
        _keepsReal = keepsReal;
        Samples = samples;
    }

    /// <summary>n, tokens drawn from the previous model per generation.</summary>
    public long Samples { get; }

    /// <summary>N, real tokens behind p^(1).</summary>
    public long Real => _real.Real;

    /// <summary>Partially synthetic, given the real data.</summary>
    /// <param name="counts">Real tokens by token: each 0 or more, sum N 1 to 2^31 - 1.</param>
    /// <param name="samples">n: 1 to 2^40.</param>
    /// <exception cref="ArgumentNullException"><paramref name="counts"/> is null.</exception>
    /// <exception cref="ArgumentException">A parameter is out of range.</exception>
    public static DeviationLaw PartiallySynthetic(IReadOnlyList<int> counts, long samples) =>
        new(RealCounts.Observed(counts), true, samples);

    /// <summary>Partially synthetic, averaged over N real tokens drawn from p.</summary>
    /// <param name="probabilities">p: one probability per token, each 0 to 1, sum 1 within 1e-9.</param>
    /// <param name="real">N: 1 to 2^40.</param>
    /// <param name="samples">n: 1 to 2^40.</param>
    /// <exception cref="ArgumentNullException"><paramref name="probabilities"/> is null.</exception>
    /// <exception cref="ArgumentException">A parameter is out of range.</exception>
    public static DeviationLaw PartiallySynthetic(IReadOnlyList<double> probabilities, long real, long samples)
    {
        Require.InRange("real", real, 1, Limits.Tokens, "give the number of real tokens kept");
        return new(RealCounts.Average(TokenLaw.From(probabilities), real), true, samples);
    }

    /// <summary>Fully synthetic with p^(1) given: the empirical law of the counts.</summary>
    /// <param name="counts">Real tokens by token: each 0 or more, sum 1 to 2^31 - 1 (it need not be n).</param>
    /// <param name="samples">n: 1 to 2^40.</param>
    /// <exception cref="ArgumentNullException"><paramref name="counts"/> is null.</exception>
    /// <exception cref="ArgumentException">A parameter is out of range.</exception>
    public static DeviationLaw FullySynthetic(IReadOnlyList<int> counts, long samples) =>
        new(RealCounts.Observed(counts), false, samples);

    /// <summary>Fully synthetic, averaged over the n real tokens of generation 1.</summary>
    /// <param name="probabilities">p: one probability per token, each 0 to 1, sum 1 within 1e-9.</param>
    /// <param name="samples">n: 1 to 2^40.</param>
    /// <exception cref="ArgumentNullException"><paramref name="probabilities"/> is null.</exception>
    /// <exception cref="ArgumentException">A parameter is out of range.</exception>
    public static DeviationLaw FullySynthetic(IReadOnlyList<double> probabilities, long samples)
    {
        Require.InRange("samples", samples, 1, Limits.Tokens, "give the number of tokens drawn per generation");
        return new(RealCounts.Average(TokenLaw.From(probabilities), samples), false, samples);
    }

    internal static DeviationLaw PartiallySynthetic(RealCounts real, long samples) => new(real, true, samples);

    internal static DeviationLaw FullySynthetic(RealCounts real, long samples) => new(real, false, samples);

    /// <summary>The exact E||p^(m) - p^(1)||_1 for m = 0..generations.</summary>
    /// <param name="generations">Last m: 1 to <see cref="Limits.Generations"/>.</param>
    /// <param name="work">Multiply-adds that the answer may cost: 0 or more.</param>
    /// <returns>Array indexed by m; entry 0 is NaN, entry 1 is 0. Null where the answer would cost more, or n or N exceeds <see cref="OneTokenChain.LargestInput"/>: use <see cref="Sharp"/>.</returns>
    /// <exception cref="ArgumentException">A parameter is out of range.</exception>
    public double[]? Exact(int generations, long work = Limits.DefaultWork)
    {
        Require.InRange("generations", generations, 1, Limits.Generations, "ask for fewer generations");
        Require.AtLeast("work", work, 0, "give the number of multiply-adds to allow");
        var result = new double[generations + 1];
        result[0] = double.NaN;
        if (HasNoDeviation)
        {
            return result;
        }

        if (generations > 1 && Work(generations) > work)
        {
            return null;
        }

        if (generations > 1)
        {
            var transition = Transition();
            foreach (var (count, weight) in _real.Counts!)
            {
                var walk = new TokenWalk(transition, count);
                for (var m = 2; m <= generations; m++)
                {
                    walk.Advance();
                    result[m] += weight * walk.Deviation();
                }
            }
        }

        return result;
    }

    /// <summary>The supremum over all m of the exact E||p^(m) - p^(1)||_1, which is its limit.</summary>
    /// <param name="work">Multiply-adds that the answer may cost: 0 or more.</param>
    /// <param name="tolerance">Largest error: 1e-12 to 1.</param>
    /// <returns>The limit, from below within the tolerance; without kept real tokens, E[sum_i 2 p_i^(1) (1 - p_i^(1))]. Null where the answer would cost more: use <see cref="Sharp"/> with no generation.</returns>
    /// <exception cref="ArgumentException">A parameter is out of range.</exception>
    public double? ExactAllGenerations(long work = Limits.DefaultWork, double tolerance = 1e-10)
    {
        Require.AtLeast("work", work, 0, "give the number of multiply-adds to allow");
        Require.Closed("tolerance", tolerance, 1e-12, 1, "ask for an error such as 1e-10");
        if (_real.Counts is not { } counts)
        {
            return null;
        }

        if (!_keepsReal)
        {
            return counts.Sum(c => c.Weight * 2 * c.Count / _real.Real * (_real.Real - c.Count) / _real.Real);
        }

        if (counts.Length == 0)
        {
            return 0;
        }

        if (WorkToLimit(tolerance) > work)
        {
            return null;
        }

        var transition = Transition();
        var weights = counts.Sum(c => c.Weight);
        double sum = 0;
        foreach (var (count, weight) in counts)
        {
            var walk = new TokenWalk(transition, count);
            walk.AdvanceToLimit(tolerance / Math.Max(1, weights));
            sum += weight * walk.Deviation();
        }

        return sum;
    }

    /// <summary>The sharp bound sum_i sqrt(Var p_i^(m)); see <see cref="SharpBound"/>.</summary>
    /// <param name="generation">m: 1 or more; null for all generations.</param>
    /// <exception cref="ArgumentException"><paramref name="generation"/> is out of range.</exception>
    public Bound Sharp(int? generation)
    {
        Require.AtLeast("generation", generation ?? 1, 1, "count generations from 1, or ask for all");
        return Bound.Deviation(SharpBound.Sharp(_real, Kept, Samples, generation));
    }

    /// <summary>The sharp bound improved for rare tokens, whose mean limits their deviation too; see <see cref="SharpBound.TwoMoment(double, double)"/>. Never above <see cref="Sharp"/>.</summary>
    /// <param name="generation">m: 1 or more; null for all generations.</param>
    /// <exception cref="ArgumentException"><paramref name="generation"/> is out of range.</exception>
    public Bound TwoMoment(int? generation)
    {
        Require.AtLeast("generation", generation ?? 1, 1, "count generations from 1, or ask for all");
        return Bound.Deviation(SharpBound.TwoMoment(_real, Kept, Samples, generation));
    }

    /// <summary>Whether the real data are a single token.</summary>
    internal bool HasNoDeviation => _real.Counts is { Length: 0 };

    private long Kept => _keepsReal ? _real.Real : 0;

    /// <summary>An upper bound on E[||p^(m) - p^(1)||_1^2]: by Minkowski, the square of the sum of root mean squares.</summary>
    internal double MeanSquareBound(int? generation) =>
        _real.RootMeanSquareSpread * _real.RootMeanSquareSpread * SharpBound.Factor(Kept, Samples, generation);

    /// <summary>An estimate, rather too large, of the multiply-adds behind that many generations; infinite where a table would not fit.</summary>
    internal double Work(double generations)
    {
        if (_real.Counts is not { } counts || Samples > OneTokenChain.LargestInput || Kept > OneTokenChain.LargestInput)
        {
            return double.PositiveInfinity;
        }

        // The law and each row as bands of 21 standard deviations. A row costs ten times as much to make as to use,
        // and is shared by all counts while the rows fit.
        double n = Samples;
        var factor = SharpBound.Factor(Kept, n, null);
        double perGeneration = 0;
        double widest = 0;
        foreach (var (count, _) in counts)
        {
            var p = (double)count / _real.Real;
            var deviation = Math.Sqrt(factor * p * (1 - p)) * (Kept + n) / n;
            var law = Math.Min(n + 1, 30 + 21 * n * deviation);
            var row = Math.Min(n + 1, 30 + 21 * Math.Sqrt(n * Math.Min(0.25, p * (1 - p) + 10 * deviation)));
            perGeneration += law * row;
            widest = Math.Max(widest, law * row);
        }

        return perGeneration * (generations - 1) + 10 * Math.Min(perGeneration, (Kept / n + 1) * widest);
    }

    private TokenTransition Transition() => new((int)_real.Real, (int)Samples, _keepsReal);

    // The mean is right from the start, so the law approaches its limit by a^2 (1 - 1/n) per generation in the end.
    internal double WorkToLimit(double tolerance) =>
        Work(
            4
                + Math.Log(tolerance * _real.Real / (_real.Real + Samples))
                    / (2 * Math.Log((double)Samples / (_real.Real + Samples)) + SpecialLogs.Log1P(-1.0 / Samples))
        );
}
