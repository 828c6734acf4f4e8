using System.Numerics;

namespace Collapse.Kernels;

/// <summary>
/// Tables from which Binomial(2^j, 1/2) is drawn by one 64-bit lane, j = <see cref="SmallestLog"/> …
/// <see cref="LargestLog"/>: its cumulative distribution in units of 2^-128, rounded down. A lane that is equal to the
/// upper half of a threshold decides nothing; then the next lane is compared with lower halves. The law drawn differs
/// from the binomial by less than 2^-112 in total variation.
/// </summary>
/// <remarks>
/// One array of 64-bit numbers. First, for each j, where its table starts; there lie the smallest value, the number of
/// thresholds, the <see cref="Buckets"/> + 1 numbers of thresholds below b·2^-8, b = 0 … 256, the upper halves of all
/// thresholds, and their lower halves. The value drawn is the smallest one plus the number of thresholds that are not
/// above the lane.
/// </remarks>
public static class HalfBinomial
{
    /// <summary>Fewer than 2^10 tosses are tossed, a bit each.</summary>
    public const int SmallestLog = 10;

    /// <summary>More than 2^16 tosses are several times 2^16.</summary>
    public const int LargestLog = 16;

    /// <summary>Buckets of a table, by the upper 8 bits of a lane.</summary>
    public const int Buckets = 256;

    /// <summary>Where the guide starts in a table, behind the smallest value and the number of thresholds.</summary>
    public const int Guide = 2;

    /// <summary>Where the upper halves of the thresholds start in a table.</summary>
    public const int Thresholds = Guide + Buckets + 1;

    // 128 of them are used; the rest takes up the rounding of 2^16 products.
    private const int FractionBits = 256;

    /// <summary>The tables for up to so many tosses; empty where none is needed.</summary>
    /// <param name="tosses">The most tosses, 0 or more.</param>
    public static ulong[] CreateTables(long tosses)
    {
        if (tosses < 1L << SmallestLog)
        {
            return [];
        }

        int largest = Math.Min(BitOperations.Log2((ulong)tosses), LargestLog);
        var tables = new List<ulong>(new ulong[LargestLog - SmallestLog + 1]);
        for (int log = SmallestLog; log <= largest; log++)
        {
            tables[log - SmallestLog] = (ulong)tables.Count;
            AddTable(tables, 1 << log);
        }

        return [.. tables];
    }

    private static void AddTable(List<ulong> tables, int tosses)
    {
        (int smallest, List<BigInteger> thresholds) = Cumulative(tosses);
        ulong[] upper = [.. thresholds.Select(t => (ulong)(t >> 64))];
        tables.Add((ulong)smallest);
        tables.Add((ulong)thresholds.Count);
        for (int bucket = 0; bucket <= Buckets; bucket++)
        {
            var start = (UInt128)bucket << 56;
            tables.Add((ulong)upper.Count(t => t < start));
        }

        tables.AddRange(upper);
        tables.AddRange(thresholds.Select(t => (ulong)(t & ulong.MaxValue)));
    }

    /// <summary>P(X ≤ x)·2^128 rounded down, from the first x where that is positive up to the last below 2^128 - 1.</summary>
    private static (int Smallest, List<BigInteger> Thresholds) Cumulative(int tosses)
    {
        BigInteger one = BigInteger.One << FractionBits;
        BigInteger[] law = Law(tosses, one);
        var thresholds = new List<BigInteger>();
        BigInteger sum = 0;
        int smallest = 0;
        for (int x = 0; x < tosses; x++)
        {
            sum += law[x];
            BigInteger threshold = sum >> (FractionBits - 128);
            if (threshold >= (BigInteger.One << 128) - 1)
            {
                break;
            }

            if (threshold.IsZero)
            {
                smallest = x + 1;
            }
            else
            {
                thresholds.Add(threshold);
            }
        }

        return (smallest, thresholds);
    }

    /// <summary>P(X = x) for x = 0 … tosses, in units of 1/one, each rounded down.</summary>
    private static BigInteger[] Law(int tosses, BigInteger one)
    {
        int half = tosses / 2;
        BigInteger probability = one;

        // C(2k, k) / 4^k is the product of 1 - 1/(2i), i = 1 … k.
        for (int i = 1; i <= half; i++)
        {
            probability = probability * ((2 * i) - 1) / (2 * i);
        }

        var law = new BigInteger[tosses + 1];
        for (int x = half; x >= 0; x--)
        {
            law[x] = probability;
            law[tosses - x] = probability;
            probability = probability * x / (tosses - x + 1);
        }

        return law;
    }
}
