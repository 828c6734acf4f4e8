namespace Collapse.Theory;

/// <summary>The probability that a given number of independent tokens hits every token of the support.</summary>
internal static class Coverage
{
    /// <summary>Above exp of this many times 1/p the rarest token is hit, to all digits.</summary>
    private const double CertainLog = 50;

    /// <summary>Multiply-adds that <see cref="Probabilities"/> takes, roughly.</summary>
    internal static double Work(TokenLaw law, int most)
    {
        if (law.Support > most)
        {
            return 0;
        }

        double last = Last(law, most);
        return law.Values.Length == 1
            ? last * law.Support
            : law.Support * last * Math.Min(last, 30 + 20 * Math.Sqrt(last * law.Values[0] * 0.5));
    }

    /// <summary>P(a tokens hit the whole support) for a = 0..most.</summary>
    internal static double[] Probabilities(TokenLaw law, int most)
    {
        var result = new double[most + 1];
        if (law.Support > most)
        {
            return result;
        }

        var last = Last(law, most);
        if (law.Values.Length == 1)
        {
            Uniform(law.Support, last, result);
        }
        else
        {
            AnyLaw(law, last).CopyTo(result, 0);
        }

        result.AsSpan(last + 1).Fill(1);
        return result;
    }

    private static int Last(TokenLaw law, int most) =>
        (int)Math.Min(most, Math.Ceiling((CertainLog + Math.Log(law.Support)) / law.Values[^1]));

    private static void Uniform(int support, int last, double[] result)
    {
        // The occupancy recursion with the support as bins; its last entry is "all hit".
        var distinct = new double[support + 1];
        distinct[0] = 1;
        for (var a = 1; a <= last; a++)
        {
            for (var k = support; k > 0; k--)
            {
                distinct[k] = distinct[k] * k / support + distinct[k - 1] * (support - k + 1) / support;
            }

            distinct[0] = 0;
            result[a] = distinct[support];
        }
    }

    private static double[] AnyLaw(TokenLaw law, int last)
    {
        // covered_j(a) = sum over x >= 1 of Binomial(a, p_j / (p_1 + ... + p_j))(x) covered_(j-1)(a - x): the last
        // token's count among the first j, then the rest. Rarest tokens first keeps the ratio accurate.
        var covered = new double[last + 1];
        covered[0] = 1;
        double total = 0;
        for (var g = law.Values.Length - 1; g >= 0; g--)
        {
            for (var copy = 0; copy < law.Multiplicities[g]; copy++)
            {
                var before = total;
                total += law.Values[g];
                var next = new double[last + 1];
                for (var a = 1; a <= last; a++)
                {
                    var band = BinomialBand.Create(a, law.Values[g], before);
                    double sum = 0;
                    for (var x = Math.Max(1, band.First); x <= band.Last; x++)
                    {
                        sum += band[x] * covered[a - x];
                    }

                    next[a] = sum;
                }

                covered = next;
            }
        }

        return covered;
    }
}
