namespace Collapse.Theory;

/// <summary>
/// A binomial law as a band of probabilities, from the mode outward by the exact ratio of neighbours, cut where an
/// entry falls below 1e-24 of the mode, and normalised: relative error of a few units in the last place times the
/// distance from the mode.
/// </summary>
internal sealed class BinomialBand
{
    private const double Negligible = 1e-24;

    private BinomialBand(int first, double[] values)
    {
        First = first;
        Values = values;
    }

    internal int First { get; }

    internal int Last => First + Values.Length - 1;

    internal double[] Values { get; }

    internal double this[int k] => Values[k - First];

    /// <summary>Binomial(trials, success / (success + failure)); the two weights are not negative and not both 0.</summary>
    internal static BinomialBand Create(int trials, double success, double failure)
    {
        if (success == 0 || trials == 0)
        {
            return new BinomialBand(0, [1]);
        }

        if (failure == 0)
        {
            return new BinomialBand(trials, [1]);
        }

        var odds = success / failure;
        var mode = (int)Math.Min(trials, Math.Floor((trials + 1) * (success / (success + failure))));
        var up = new List<double>();
        for (double k = mode, value = 1; k < trials; k++)
        {
            value *= (trials - k) / (k + 1) * odds;
            if (value < Negligible)
            {
                break;
            }

            up.Add(value);
        }

        var down = new List<double>();
        for (double k = mode, value = 1; k > 0; k--)
        {
            value *= k / (trials - k + 1) / odds;
            if (value < Negligible)
            {
                break;
            }

            down.Add(value);
        }

        down.Reverse();
        double[] values = [.. down, 1, .. up];
        // From both tails towards the mode: small terms first.
        double sum = 0;
        for (var i = 0; i < down.Count; i++)
        {
            sum += values[i];
        }

        double upper = 0;
        for (var i = values.Length - 1; i >= down.Count; i--)
        {
            upper += values[i];
        }

        sum += upper;
        for (var i = 0; i < values.Length; i++)
        {
            values[i] /= sum;
        }

        return new BinomialBand(mode - down.Count, values);
    }
}
