namespace Collapse.Theory;

/// <summary>A next-token law with equal probabilities grouped, and the functions of it that the exact laws average.</summary>
internal sealed class TokenLaw
{
    /// <summary>exp of this is below 3e-20: a term this much smaller than its neighbour changes no digit.</summary>
    private const double NegligibleLog = -45;

    private readonly double[] _log;
    private readonly double[] _logComplement;
    private readonly double[] _remaining;

    private TokenLaw(double[] probabilities)
    {
        var sum = Summation.OfSorted(probabilities.Order());
        Probabilities = Array.ConvertAll(probabilities, p => p / sum);
        var groups = Probabilities.Where(p => p > 0).GroupBy(p => p).OrderByDescending(g => g.Key).ToArray();
        Values = Array.ConvertAll(groups, g => g.Key);
        Multiplicities = Array.ConvertAll(groups, g => g.Count());
        Support = Multiplicities.Sum();

        _remaining = new double[Values.Length + 1];
        for (var g = Values.Length - 1; g >= 0; g--)
        {
            _remaining[g] = _remaining[g + 1] + Multiplicities[g] * Values[g];
        }

        // A dominant token's complement is the sum of the others: 1 - p would lose its digits.
        _log = new double[Values.Length];
        _logComplement = new double[Values.Length];
        for (var g = 0; g < Values.Length; g++)
        {
            var complement = Values[g] > 0.5 ? _remaining[1] : 1 - Values[g];
            _log[g] = Values[g] > 0.5 ? SpecialLogs.Log1P(-complement) : Math.Log(Values[g]);
            _logComplement[g] = Values[g] > 0.5 ? Math.Log(complement) : SpecialLogs.Log1P(-Values[g]);
            Impurity += Multiplicities[g] * Values[g] * complement;
        }
    }

    internal static TokenLaw From(IReadOnlyList<double> probabilities)
    {
        Require.Probabilities(probabilities);
        return new TokenLaw([.. probabilities]);
    }

    internal static TokenLaw FromCounts(IReadOnlyList<int> counts)
    {
        double sum = Require.Counts(counts, int.MaxValue);
        return new TokenLaw([.. counts.Select(c => c / sum)]);
    }

    /// <summary>Probability of each token, summing to 1 to the last digit.</summary>
    internal double[] Probabilities { get; }

    /// <summary>The distinct positive probabilities, largest first.</summary>
    internal double[] Values { get; }

    /// <summary>How many tokens have each of <see cref="Values"/>.</summary>
    internal int[] Multiplicities { get; }

    /// <summary>Number of tokens of positive probability.</summary>
    internal int Support { get; }

    /// <summary>1 - S_0 = sum of p (1 - p), with all its digits.</summary>
    internal double Impurity { get; }

    /// <summary>S_0 = sum of p^2.</summary>
    internal double SumOfSquares => 1 - Impurity;

    /// <summary>P(a independent tokens are not all equal) = 1 - sum of p^a = sum of p (1 - p^(a-1)), for a = 0..most.</summary>
    internal double[] NotAllEqual(int most)
    {
        var result = new double[most + 1];
        for (var a = 2; a <= most; a++)
        {
            double sum = 0;
            for (var g = 0; g < Values.Length; g++)
            {
                var log = (a - 1) * _log[g];
                if (log < NegligibleLog)
                {
                    sum += _remaining[g];
                    break;
                }

                sum -= Multiplicities[g] * Values[g] * SpecialLogs.ExpM1(log);
            }

            result[a] = sum;
        }

        return result;
    }

    /// <summary>P(a independent tokens are all equal) = sum of p^a, for a = 0..most; entry 0 is not defined and 0.</summary>
    internal double[] AllEqual(int most)
    {
        var result = new double[most + 1];
        for (var a = 1; a <= most; a++)
        {
            double sum = 0;
            for (var g = 0; g < Values.Length; g++)
            {
                var log = a * _log[g];
                if (log < a * _log[0] + NegligibleLog - Math.Log(Support))
                {
                    break;
                }

                sum += Multiplicities[g] * Math.Exp(log);
            }

            result[a] = Math.Min(1, sum);
        }

        return result;
    }

    /// <summary>P(a independent tokens are all equal) for one a, which may be any number from 1.</summary>
    internal double AllEqualIn(double a)
    {
        double same = 0;
        for (var g = Values.Length - 1; g >= 0; g--)
        {
            same += Multiplicities[g] * Math.Exp(a * _log[g]);
        }

        return Math.Min(1, same);
    }

    /// <summary>P(the token of group g is in none of a draws) = (1 - p)^a; a at least 1.</summary>
    internal double Missing(int group, double a) => Math.Exp(a * _logComplement[group]);

    /// <summary>E[number of distinct tokens in a draws] = sum of 1 - (1 - p)^a; a at least 1.</summary>
    internal double ExpectedDistinct(double a)
    {
        double sum = 0;
        for (var g = Values.Length - 1; g >= 0; g--)
        {
            sum -= Multiplicities[g] * SpecialLogs.ExpM1(a * _logComplement[g]);
        }

        return sum;
    }

    /// <summary>Sum of (1 - p) ln(1 - p) over the tokens: minus the entropy-like constant of the collapse time at large n.</summary>
    internal double ComplementEntropy()
    {
        double sum = 0;
        for (var g = 0; g < Values.Length; g++)
        {
            var log = _logComplement[g];
            sum += double.IsNegativeInfinity(log) ? 0 : Multiplicities[g] * Math.Exp(log) * log;
        }

        return sum;
    }
}
