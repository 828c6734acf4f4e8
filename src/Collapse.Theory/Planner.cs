using MathNet.Numerics;

namespace Collapse.Theory;

/// <summary>How far an answer of the planner goes.</summary>
public enum AnswerKind
{
    /// <summary>The number given is the answer; 0 says that not even one token is certain to be allowed.</summary>
    Finite,

    /// <summary>Every number is allowed.</summary>
    Unbounded,

    /// <summary>The method gives no answer: too much work, or outside its domain.</summary>
    Unknown,
}

/// <summary>One answer of the planner.</summary>
/// <param name="Kind">How far the answer goes.</param>
/// <param name="Tokens">The number of tokens; null unless <paramref name="Kind"/> is finite.</param>
public readonly record struct PlanAnswer(AnswerKind Kind, long? Tokens)
{
    internal static PlanAnswer Of(long tokens) => new(AnswerKind.Finite, tokens);

    internal static PlanAnswer Unbounded { get; } = new(AnswerKind.Unbounded, null);

    internal static PlanAnswer Unknown { get; } = new(AnswerKind.Unknown, null);
}

/// <summary>The same question answered by each method.</summary>
/// <param name="Equation11">By the paper's (11), or its inverse.</param>
/// <param name="Theorem3">By Theorem 3 itself, which allows more than its consequence (11).</param>
/// <param name="Theorem4">By Theorem 4.</param>
/// <param name="Sharp">By the sharp bound.</param>
/// <param name="TwoMoment">By the sharp bound improved for rare tokens.</param>
/// <param name="Exact">By the exact law.</param>
/// <param name="ExactIsComplete">True where the exact answer rests on every number up to it; false where numbers in between were not looked at, or where it rests on a limit that computations, not a proof, show to be the largest value.</param>
public sealed record Plan(
    PlanAnswer Equation11,
    PlanAnswer Theorem3,
    PlanAnswer Theorem4,
    PlanAnswer Sharp,
    PlanAnswer TwoMoment,
    PlanAnswer Exact,
    bool ExactIsComplete
);

/// <summary>
/// How much synthetic data a partially synthetic context may use while E||p^(m) - p^(1)||_1 stays within a tolerance,
/// and the inverse questions.
/// </summary>
public static class Planner
{
    /// <summary>Growth of the steps that look for the first n beyond the tolerance: small, as the deviation at a given generation rises and falls with n.</summary>
    private const double StepGrowth = 1.25;

    /// <summary>Error allowed when an exact deviation for all generations is compared with a tolerance.</summary>
    private const double ExactTolerance = 1e-10;

    /// <summary>The largest n for N real tokens drawn from p.</summary>
    /// <param name="probabilities">p: one probability per token, each 0 to 1, sum 1 within 1e-9.</param>
    /// <param name="real">N, real tokens kept: 1 to 2^40.</param>
    /// <param name="tolerance">eps, an L1 distance: above 0.</param>
    /// <param name="generation">m: 1 or more; null for all generations.</param>
    /// <param name="work">Multiply-adds that the exact answer may cost: 0 or more.</param>
    /// <returns>
    /// The largest n such that it and every smaller n are allowed, by each method. Where looking at every n exactly
    /// costs too much, the exact answer is an n that is allowed while n + 1 is not (<see cref="Plan.ExactIsComplete"/>
    /// is then false).
    /// </returns>
    /// <exception cref="ArgumentNullException"><paramref name="probabilities"/> is null.</exception>
    /// <exception cref="ArgumentException">A parameter is out of range.</exception>
    public static Plan MaxSamples(
        IReadOnlyList<double> probabilities,
        long real,
        double tolerance,
        int? generation = null,
        long work = Limits.DefaultWork
    )
    {
        Require.InRange("real", real, 1, Limits.Tokens, "give the number of real tokens kept");
        Check(tolerance, generation, work);
        var law = TokenLaw.From(probabilities);
        return MaxSamples(
            RealCounts.Average(law, real),
            SubsetSum.ExpectedLambda1UpperBound(law, real),
            tolerance,
            generation,
            work
        );
    }

    /// <summary>The largest n for real tokens observed.</summary>
    /// <param name="counts">Real tokens by token: each 0 or more, sum N 1 to 2^31 - 1.</param>
    /// <param name="tolerance">eps, an L1 distance: above 0.</param>
    /// <param name="generation">m: 1 or more; null for all generations.</param>
    /// <param name="work">Multiply-adds that the exact answer may cost: 0 or more.</param>
    /// <returns>As for real tokens drawn from a law.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="counts"/> is null.</exception>
    /// <exception cref="ArgumentException">A parameter is out of range.</exception>
    public static Plan MaxSamples(
        IReadOnlyList<int> counts,
        double tolerance,
        int? generation = null,
        long work = Limits.DefaultWork
    )
    {
        Check(tolerance, generation, work);
        return MaxSamples(RealCounts.Observed(counts), SubsetSum.Lambda1(counts), tolerance, generation, work);
    }

    /// <summary>The smallest N for n synthetic tokens per generation, with real tokens drawn from p.</summary>
    /// <param name="probabilities">p: one probability per token, each 0 to 1, sum 1 within 1e-9.</param>
    /// <param name="samples">n, tokens drawn from the previous model per generation: 1 to 2^40.</param>
    /// <param name="tolerance">eps, an L1 distance: above 0.</param>
    /// <param name="generation">m: 1 or more; null for all generations.</param>
    /// <param name="work">Multiply-adds that each exact deviation may cost: 0 or more.</param>
    /// <returns>
    /// N that is enough by each method, and N - 1 is not. Few real tokens deviate little from themselves (one token not
    /// at all), so a smaller N may be enough again; from the sharp answer's closed form on, every larger N is enough.
    /// Unknown where (11) does not apply or N would pass 2^40.
    /// </returns>
    /// <exception cref="ArgumentNullException"><paramref name="probabilities"/> is null.</exception>
    /// <exception cref="ArgumentException">A parameter is out of range.</exception>
    public static Plan MinReal(
        IReadOnlyList<double> probabilities,
        long samples,
        double tolerance,
        int? generation = null,
        long work = Limits.DefaultWork
    )
    {
        Require.InRange("samples", samples, 1, Limits.Tokens, "give the number of tokens drawn per generation");
        Check(tolerance, generation, work);
        var law = TokenLaw.From(probabilities);
        var vocabulary = law.Probabilities.Length;
        var logG = DeviationBounds.LogG(samples, vocabulary);
        var n = (double)samples;

        // (11) solved for N: N >= 6 e s exp(e^2 n/(2 pi)) / (sqrt(2) pi eps), where n <= (2 pi/e^2) (s - 2).
        var logEquation11 =
            Math.Log(6 * Math.E * vocabulary / (Math.Sqrt(2) * Math.PI * tolerance)) + Math.Exp(2) * n / (2 * Math.PI);
        var equation11 =
            n <= 2 * Math.PI / Math.Exp(2) * (vocabulary - 2.0) ? Ceiling(logEquation11) : PlanAnswer.Unknown;
        var theorem3 = Ceiling(0.5 * Math.Log(Math.PI * n / 2) + logG - Math.Log(tolerance));
        var theorem4 = theorem3.Tokens is { } upper
            ? PlanAnswer.Of(
                Descend(
                    upper,
                    real =>
                        DeviationBounds
                            .Theorem4(real, samples, vocabulary, SubsetSum.ExpectedLambda1UpperBound(law, real))
                            .Value <= tolerance
                )
            )
            : theorem3;

        // v <= n/(N^2 + n (2N + 1)) in every generation, and the spread never exceeds its limit: from here on enough.
        var spread = RealCounts.JensenSpread(law);
        var enough = Ceiling(Math.Log(Math.Max(1, SufficientReal(n, spread, tolerance))));
        if (enough.Tokens is not { } start)
        {
            return new Plan(equation11, theorem3, theorem4, enough, enough, PlanAnswer.Unknown, false);
        }

        var sharp = Descend(start, real => Law(real).Sharp(generation).Value <= tolerance);
        var twoMoment = Descend(sharp, real => Law(real).TwoMoment(generation).Value <= tolerance);
        long? exact;
        try
        {
            exact = Descend(
                twoMoment,
                real => (ExactValue(Law(real), generation, work) ?? throw new TooMuchWorkException()) <= tolerance
            );
        }
        catch (TooMuchWorkException)
        {
            exact = null;
        }

        return new Plan(
            equation11,
            theorem3,
            theorem4,
            PlanAnswer.Of(sharp),
            PlanAnswer.Of(twoMoment),
            exact is { } tokens ? PlanAnswer.Of(tokens) : PlanAnswer.Unknown,
            false
        );

        DeviationLaw Law(long real) => DeviationLaw.PartiallySynthetic(RealCounts.Average(law, real), samples);
    }

    /// <summary>The deviation that N real and n synthetic tokens per generation lead to: the smallest eps each method allows.</summary>
    /// <param name="probabilities">p: one probability per token, each 0 to 1, sum 1 within 1e-9.</param>
    /// <param name="real">N, real tokens kept: 1 to 2^40.</param>
    /// <param name="samples">n, tokens drawn from the previous model per generation: 1 to 2^40.</param>
    /// <param name="generation">m: 1 or more; null for all generations.</param>
    /// <param name="work">Multiply-adds that the exact answer may cost: 0 or more.</param>
    /// <exception cref="ArgumentNullException"><paramref name="probabilities"/> is null.</exception>
    /// <exception cref="ArgumentException">A parameter is out of range.</exception>
    public static DeviationValues Tolerance(
        IReadOnlyList<double> probabilities,
        long real,
        long samples,
        int? generation = null,
        long work = Limits.DefaultWork
    )
    {
        Check(1, generation, work);
        var deviations = DeviationLaw.PartiallySynthetic(probabilities, real, samples);
        return new DeviationValues(
            ExactValue(deviations, generation, work),
            deviations.Sharp(generation),
            deviations.TwoMoment(generation),
            DeviationBounds.Theorem3(real, samples, probabilities.Count),
            DeviationBounds.Theorem4(
                real,
                samples,
                probabilities.Count,
                SubsetSum.ExpectedLambda1UpperBound(probabilities, real)
            )
        );
    }

    /// <summary>
    /// The limit of E||p^(m) - p^(1)||_1 for all generations as n grows: tokens follow Beta(2c, 2(N - c)), the
    /// stationary law of the diffusion, whose mean absolute deviation is in closed form. Rounding leaves about 10
    /// digits at N = 100 and 8 at N = 10^6. In all computations it is above the deviation at every n; that is not proven.
    /// </summary>
    /// <param name="counts">Real tokens by token: each 0 or more, sum N 1 to 2^31 - 1.</param>
    /// <exception cref="ArgumentNullException"><paramref name="counts"/> is null.</exception>
    /// <exception cref="ArgumentException">A count or the sum is out of range.</exception>
    public static double LargeSampleDeviation(IReadOnlyList<int> counts) =>
        LargeSampleDeviation(RealCounts.Observed(counts))!.Value;

    private static Plan MaxSamples(RealCounts real, double lambda1, double tolerance, int? generation, long work)
    {
        var most = LastSamples(real, tolerance, generation);
        var sharp = FirstBeyond(
            most,
            (low, high) => real.Spread * Math.Sqrt(FactorBetween(real.Real, low, high, generation)),
            tolerance
        );
        var twoMoment = FirstBeyond(
            most,
            (low, high) =>
                SharpBound.TwoMoment(real, 1 / (1 + real.Real / high), FactorBetween(real.Real, low, high, generation)),
            tolerance
        );
        var (exact, everyN) = ExactMaxSamples(real, twoMoment, tolerance, generation, work);
        return new Plan(
            PlanAnswer.Of(DeviationBounds.LargestSamplesByEquation11(real.Real, real.Vocabulary, tolerance)),
            Answer(DeviationBounds.LargestSamplesByTheorem3(real.Real, real.Vocabulary, tolerance)),
            Answer(DeviationBounds.LargestSamplesByTheorem4(real.Real, real.Vocabulary, tolerance, lambda1)),
            sharp,
            twoMoment,
            exact,
            everyN
        );
    }

    private static (PlanAnswer Answer, bool EveryN) ExactMaxSamples(
        RealCounts real,
        PlanAnswer twoMoment,
        double tolerance,
        int? generation,
        long work
    )
    {
        if (twoMoment.Tokens is not { } good)
        {
            return (twoMoment, true);
        }

        // At a given m the deviation is smaller still.
        if (LargeSampleDeviation(real) is { } limit && limit <= tolerance)
        {
            return (PlanAnswer.Unbounded, false);
        }

        // One n after the other, as the deviation does not always grow with n: at a multiple of N/c the token's share
        // can equal c/N exactly.
        double left = work;
        for (bool? allowed = true; allowed is not null; good++)
        {
            allowed = Allows(good + 1);
            if (allowed is false)
            {
                return (PlanAnswer.Of(good), true);
            }

            if (allowed is null)
            {
                break;
            }
        }

        // Too many for that: a step that grows, then halving.
        left = work;
        long? bad = null;
        for (double step = 1; bad is null || bad - good > 1; )
        {
            var probe = bad is { } upper ? good + (upper - good) / 2 : good + (long)step;
            step = Math.Max(step * StepGrowth, Math.Floor(step) + 1);
            switch (Allows(probe))
            {
                case true:
                    good = probe;
                    break;
                case false:
                    bad = probe;
                    break;
                default:
                    return (PlanAnswer.Unknown, false);
            }
        }

        return (PlanAnswer.Of(good), false);

        bool? Allows(long samples)
        {
            if (samples > OneTokenChain.LargestInput)
            {
                return null;
            }

            var law = DeviationLaw.PartiallySynthetic(real, samples);
            left -= generation is { } m ? law.Work(m) : law.WorkToLimit(ExactTolerance);
            return left >= 0 ? ExactValue(law, generation, long.MaxValue) <= tolerance : null;
        }
    }

    /// <summary>An n from which on the sharp bound allows every n, or infinity.</summary>
    private static double LastSamples(RealCounts real, double tolerance, int? generation)
    {
        // v_m <= (m - 1) n/(N + n)^2 <= (m - 1)/n, and spread^2 v_m <= eps^2 is enough.
        var needed = tolerance / real.Spread;
        return generation is { } m ? Math.Ceiling((m - 1.0) / needed / needed) : double.PositiveInfinity;
    }

    /// <summary>An upper bound on v_m for n between two values; v_m itself where they are equal.</summary>
    private static double FactorBetween(double real, double low, double high, int? generation)
    {
        if (generation is not { } m || low == high)
        {
            // The limit grows with n.
            return SharpBound.Factor(real, high, generation);
        }

        // v_m = n/(N + n)^2 times 1 + q + ... + q^(m - 2); the first factor peaks at n = N, and q grows with n.
        var peak = Math.Clamp(real, low, high);
        var logQ = 2 * SpecialLogs.Log1P(-real / (real + high)) + SpecialLogs.Log1P(-1 / high);
        return peak / ((real + peak) * (real + peak)) * (SpecialLogs.ExpM1((m - 1.0) * logQ) / SpecialLogs.ExpM1(logQ));
    }

    /// <summary>
    /// The largest n such that a bound allows it and every smaller n. The bound is given between any two n (an upper
    /// bound on it), so that no n is passed over.
    /// </summary>
    private static PlanAnswer FirstBeyond(double most, Func<double, double, double> between, double tolerance)
    {
        double last = 0;
        for (double high = 1; ; high = 2 * high + 1)
        {
            if (last >= most || between(last + 1, double.PositiveInfinity) <= tolerance)
            {
                return PlanAnswer.Unbounded;
            }

            if (high > Limits.Tokens)
            {
                return PlanAnswer.Unknown;
            }

            if (First(last + 1, high) is { } beyond)
            {
                return PlanAnswer.Of((long)beyond - 1);
            }

            last = high;
        }

        double? First(double low, double high)
        {
            if (between(low, high) <= tolerance)
            {
                return null;
            }

            if (low == high)
            {
                return low;
            }

            var middle = Math.Floor((low + high) / 2);
            return First(low, middle) ?? First(middle + 1, high);
        }
    }

    private static double? LargeSampleDeviation(RealCounts real)
    {
        if (real.Counts is not { } counts)
        {
            return null;
        }

        // E|X - mean| of Beta(a, b) is 2 a^a b^b / (B(a, b) (a + b)^(a + b + 1)).
        var total = 2.0 * real.Real;
        return counts.Sum(c =>
        {
            var a = 2.0 * c.Count;
            var b = total - a;
            var log = Math.Log(2) + a * Math.Log(a / total) + b * Math.Log(b / total) - Math.Log(total);
            return c.Weight * Math.Exp(log - SpecialFunctions.BetaLn(a, b));
        });
    }

    private static double SufficientReal(double n, double spread, double tolerance)
    {
        // spread^2 n <= eps^2 (N^2 + n (2N + 1)): the positive root in N.
        var ratio = spread / tolerance;
        var constant = n * (1 - ratio * ratio);
        return constant >= 0 ? 1 : Math.Ceiling(-n + Math.Sqrt(n * n - constant)) + 1;
    }

    private static PlanAnswer Ceiling(double log) =>
        log < Math.Log(Limits.Tokens)
            ? PlanAnswer.Of(Math.Max(1, (long)Math.Ceiling(Math.Exp(log))))
            : PlanAnswer.Unknown;

    /// <summary>From an N that is enough, down to one that is enough while the one before is not, or to 1.</summary>
    private static long Descend(long enough, Func<long, bool> isEnough)
    {
        long step = 1;
        var good = enough;
        long bad = 0;
        while (good > 1)
        {
            var probe = Math.Max(1, good - step);
            if (isEnough(probe))
            {
                good = probe;
                step *= 2;
            }
            else
            {
                bad = probe;
                break;
            }
        }

        while (good - bad > 1 && bad > 0)
        {
            var middle = bad + (good - bad) / 2;
            (good, bad) = isEnough(middle) ? (middle, bad) : (good, middle);
        }

        return good;
    }

    private static double? ExactValue(DeviationLaw law, int? generation, long work) =>
        generation is { } m ? law.Exact(m, work)?[m] : law.ExactAllGenerations(work, ExactTolerance);

    private static PlanAnswer Answer(long? tokens) => tokens is { } n ? PlanAnswer.Of(n) : PlanAnswer.Unbounded;

    private static void Check(double tolerance, int? generation, long work)
    {
        DeviationBounds.CheckTolerance(tolerance);
        Require.InRange(
            "generations",
            generation ?? 1,
            1,
            Limits.Generations,
            "ask for an earlier generation or for all"
        );
        Require.AtLeast("work", work, 0, "give the number of multiply-adds to allow");
    }

    private sealed class TooMuchWorkException : Exception;
}
