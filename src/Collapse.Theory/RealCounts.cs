namespace Collapse.Theory;

/// <summary>
/// What the deviation from p^(1) depends on: how many tokens occur c times among the N real ones, observed or on
/// average over real data. As c and N - c deviate alike, c runs to N/2.
/// </summary>
internal sealed class RealCounts
{
    /// <summary>A weight below this cannot change a sum of deviations in its tenth digit.</summary>
    private const double Negligible = 1e-16;

    private RealCounts(
        long real,
        (int Count, double Weight)[]? counts,
        double spread,
        double rootMeanSquareSpread,
        int vocabulary
    )
    {
        RootMeanSquareSpread = rootMeanSquareSpread;
        Real = real;
        Counts = counts;
        Spread = spread;
        Vocabulary = vocabulary;
    }

    /// <summary>N.</summary>
    internal long Real { get; }

    /// <summary>s.</summary>
    internal int Vocabulary { get; }

    /// <summary>Count and number of tokens with it (expected, where averaged); null where N is too large to tabulate.</summary>
    internal (int Count, double Weight)[]? Counts { get; }

    /// <summary>Sum over tokens of sqrt(p (1 - p)) at p = c/N; an upper bound on its mean where N is too large.</summary>
    internal double Spread { get; }

    /// <summary>An upper bound on the root of the mean square, over real data, of the sum of sqrt(p (1 - p)).</summary>
    internal double RootMeanSquareSpread { get; }

    internal static RealCounts Observed(IReadOnlyList<int> counts)
    {
        var real = Require.Counts(counts, int.MaxValue);
        var weights = new SortedDictionary<int, double>();
        foreach (var count in counts)
        {
            var folded = (int)Math.Min(count, real - count);
            if (folded > 0)
            {
                weights[folded] = weights.GetValueOrDefault(folded) + 1;
            }
        }

        (int, double)[] kept = [.. weights.Select(w => (w.Key, w.Value))];
        var spread = SpreadOf(real, kept);
        return new RealCounts(real, kept, spread, spread, counts.Count);
    }

    /// <summary>Averaged over N real tokens drawn from the law: token i occurs Binomial(N, p_i) times.</summary>
    internal static RealCounts Average(TokenLaw law, long real)
    {
        var vocabulary = law.Probabilities.Length;
        // Jensen, token by token: E sqrt(x (1 - x)) <= sqrt(E x (1 - x)) = sqrt((1 - 1/N) p (1 - p)); Minkowski for the
        // root of the mean square of the sum.
        var rootMeanSquare = JensenSpread(law) * Math.Sqrt(1 - 1.0 / real);
        if (real > Limits.AveragedReal)
        {
            return new RealCounts(real, null, rootMeanSquare, rootMeanSquare, vocabulary);
        }

        var weights = new double[real / 2 + 1];
        for (var g = 0; g < law.Values.Length; g++)
        {
            var p = law.Values[g];
            var band = BinomialBand.Create((int)real, p, law.Support == 1 ? 0 : 1 - p);
            for (var c = band.First; c <= band.Last; c++)
            {
                weights[Math.Min(c, real - c)] += law.Multiplicities[g] * band[c];
            }
        }

        (int, double)[] kept =
        [
            .. Enumerable.Range(1, (int)(real / 2)).Where(c => weights[c] > Negligible).Select(c => (c, weights[c])),
        ];
        return new RealCounts(real, kept, SpreadOf(real, kept), rootMeanSquare, vocabulary);
    }

    /// <summary>Contexts with one N taken together: all that is linear in the counts is then a sum over contexts.</summary>
    internal static RealCounts Pool(IReadOnlyCollection<(RealCounts Counts, long Contexts)> contexts)
    {
        var real = contexts.First().Counts.Real;
        var spread = contexts.Sum(c => c.Contexts * c.Counts.Spread);
        var rootMeanSquare = contexts.Sum(c => c.Contexts * c.Counts.RootMeanSquareSpread);
        var vocabulary = contexts.Max(c => c.Counts.Vocabulary);
        if (contexts.Any(c => c.Counts.Counts is null))
        {
            return new RealCounts(real, null, spread, rootMeanSquare, vocabulary);
        }

        var weights = new SortedDictionary<int, double>();
        foreach (var (counts, number) in contexts)
        {
            foreach (var (count, weight) in counts.Counts!)
            {
                weights[count] = weights.GetValueOrDefault(count) + number * weight;
            }
        }

        return new RealCounts(real, [.. weights.Select(w => (w.Key, w.Value))], spread, rootMeanSquare, vocabulary);
    }

    /// <summary>Sum over tokens of sqrt(p (1 - p)): the limit of the mean spread at large N, and never below it.</summary>
    internal static double JensenSpread(TokenLaw law)
    {
        double sum = 0;
        for (var g = law.Values.Length - 1; g >= 0; g--)
        {
            sum += law.Multiplicities[g] * Math.Sqrt(law.Values[g] * law.Missing(g, 1));
        }

        return sum;
    }

    private static double SpreadOf(long real, (int Count, double Weight)[] counts) =>
        counts.Sum(c => c.Weight * Math.Sqrt((double)c.Count / real * ((double)(real - c.Count) / real)));
}
