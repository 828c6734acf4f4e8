namespace Collapse.Theory;

/// <summary>lambda_1 = max over sets A of tokens of p(A)(1 - p(A)), the constant of Theorem 4.</summary>
public static class SubsetSum
{
    /// <summary>
    /// lambda_1 of an empirical law: the maximum is at the sum of a subset of the counts that is nearest to N/2,
    /// found exactly (a bit per reachable sum).
    /// </summary>
    /// <param name="counts">Real tokens by token: each 0 or more, their sum N 1 to 2^31 - 1. Work of at most about (number of distinct counts) ln N · N/128 steps; far less when a greedy choice reaches the half.</param>
    /// <returns>0 to 1/4.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="counts"/> is null.</exception>
    /// <exception cref="ArgumentException">A count or the sum is out of range.</exception>
    public static double Lambda1(IReadOnlyList<int> counts)
    {
        var total = Require.Counts(counts, int.MaxValue);
        var nearest = NearestToHalf(counts, total);
        return (double)nearest / total * ((double)(total - nearest) / total);
    }

    /// <summary>
    /// An upper bound on E[lambda_1] over N real tokens drawn from p: with q the largest probability, and X the count
    /// of that token, E[x (1 - x); x &gt;= 1/2] + P(x &lt; 1/2)/4 at x = X/N. When one token holds at least half of the
    /// real tokens, lambda_1 is x (1 - x); otherwise it is at most 1/4.
    /// </summary>
    /// <param name="probabilities">p: one probability per token, each 0 to 1, sum 1 within 1e-9.</param>
    /// <param name="real">N: 1 to 2^40; above <see cref="Limits.AveragedReal"/> the bound is 1/4.</param>
    /// <returns>0 to 1/4.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="probabilities"/> is null.</exception>
    /// <exception cref="ArgumentException">A parameter is out of range.</exception>
    public static double ExpectedLambda1UpperBound(IReadOnlyList<double> probabilities, long real)
    {
        Require.InRange("real", real, 1, Limits.Tokens, "give the number of real tokens kept");
        return ExpectedLambda1UpperBound(TokenLaw.From(probabilities), real);
    }

    internal static double ExpectedLambda1UpperBound(TokenLaw law, long real)
    {
        if (law.Support == 1)
        {
            return 0;
        }

        if (real > Limits.AveragedReal)
        {
            return 0.25;
        }

        var band = BinomialBand.Create((int)real, law.Values[0], 1 - law.Values[0]);
        double sum = 0;
        for (var count = band.First; count <= band.Last; count++)
        {
            var x = (double)count / real;
            sum += band[count] * (x >= 0.5 ? x * (1 - x) : 0.25);
        }

        return Math.Min(0.25, sum);
    }

    /// <summary>The largest subset sum of at most half the total.</summary>
    internal static long NearestToHalf(IReadOnlyList<int> counts, long total)
    {
        var half = total / 2;
        var groups = counts.Where(c => c > 0).GroupBy(c => c).OrderByDescending(g => g.Key).ToArray();
        if (groups[0].Key >= total - half)
        {
            return total - groups[0].Key;
        }

        long greedy = 0;
        foreach (var group in groups)
        {
            greedy += Math.Min(group.LongCount(), (half - greedy) / group.Key) * group.Key;
        }

        return greedy == half ? half : Reachable(groups, half);
    }

    private static long Reachable(IGrouping<int, int>[] groups, long half)
    {
        var reachable = new ulong[half / 64 + 1];
        reachable[0] = 1;
        foreach (var group in groups)
        {
            // k copies in lots of 1, 2, 4, ... and a remainder reach every multiple up to k.
            var left = group.LongCount();
            for (long lot = 1; left > 0; lot *= 2)
            {
                var taken = Math.Min(lot, left);
                left -= taken;
                OrShifted(reachable, taken * group.Key);
            }

            if ((reachable[half / 64] >> (int)(half % 64) & 1) != 0)
            {
                return half;
            }
        }

        var best = half;
        while ((reachable[best / 64] >> (int)(best % 64) & 1) == 0)
        {
            best--;
        }

        return best;
    }

    private static void OrShifted(ulong[] bits, long shift)
    {
        var words = shift / 64;
        var offset = (int)(shift % 64);
        for (var i = bits.LongLength - 1; i >= words; i--)
        {
            var value = bits[i - words] << offset;
            if (offset > 0 && i > words)
            {
                value |= bits[i - words - 1] >> (64 - offset);
            }

            bits[i] |= value;
        }
    }
}
