using System.Globalization;

namespace Collapse.Theory;

/// <summary>Checks of input: each throws a <see cref="TheoryInputException"/> whose one line names parameter, value, allowed range and remedy.</summary>
internal static class Require
{
    /// <summary>How far from 1 a sum of probabilities may lie before it is taken for a mistake.</summary>
    private const double SumTolerance = 1e-9;

    internal static void InRange(string name, long value, long least, long most, string remedy)
    {
        if (value < least || value > most)
        {
            throw Mistake(name, Text(value), $"{Text(least)} to {Text(most)}", remedy);
        }
    }

    internal static void AtLeast(string name, long value, long least, string remedy)
    {
        if (value < least)
        {
            throw Mistake(name, Text(value), $"{Text(least)} or more", remedy);
        }
    }

    internal static void Open(string name, double value, double above, double below, string remedy)
    {
        if (!(value > above && value < below))
        {
            throw Mistake(name, Text(value), $"above {Text(above)} and below {Text(below)}", remedy);
        }
    }

    internal static void Closed(string name, double value, double least, double most, string remedy)
    {
        if (!(value >= least && value <= most))
        {
            throw Mistake(name, Text(value), $"{Text(least)} to {Text(most)}", remedy);
        }
    }

    internal static void Probabilities(IReadOnlyList<double> probabilities)
    {
        ArgumentNullException.ThrowIfNull(probabilities);
        if (probabilities.Count == 0)
        {
            throw Mistake("probabilities", "empty", "one or more entries", "give one probability per token");
        }

        double sum = 0;
        for (var i = 0; i < probabilities.Count; i++)
        {
            Closed(
                $"probabilities[{Text(i)}]",
                probabilities[i],
                0,
                1,
                "give each token's probability, and divide weights by their sum"
            );
            sum += probabilities[i];
        }

        if (!(Math.Abs(sum - 1) <= SumTolerance))
        {
            throw Mistake(
                "probabilities",
                $"an array that sums to {Text(sum)}",
                "a sum of 1 within 1e-9",
                "divide by the sum"
            );
        }
    }

    /// <summary>Checks observed counts and returns their sum.</summary>
    internal static long Counts(IReadOnlyList<int> counts, long most)
    {
        ArgumentNullException.ThrowIfNull(counts);
        long sum = 0;
        for (var i = 0; i < counts.Count; i++)
        {
            AtLeast($"counts[{Text(i)}]", counts[i], 0, "give how often each token occurs in the real data");
            sum += counts[i];
        }

        InRange("sum of counts", sum, 1, most, "give the counts of at least one and of not more real tokens than that");
        return sum;
    }

    internal static TheoryInputException Mistake(string name, string value, string allowed, string remedy) =>
        new(name, value, allowed, remedy);

    internal static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);

    internal static string Text(double value) => value.ToString("R", CultureInfo.InvariantCulture);
}
