using System.Globalization;

namespace Collapse.Priors;

/// <summary>Weights in a text file: one a line, or one row per context, separated by commas, semicolons or white space.</summary>
internal static class WeightsFile
{
    private static readonly char[] Separators = [',', ';', ' ', '\t'];

    /// <summary>Reads the file; lines that are empty or start with # are passed over.</summary>
    public static Prior Read(string specification, string path)
    {
        var rows = new List<double[]>();
        try
        {
            int number = 0;
            foreach (string line in File.ReadLines(path))
            {
                number++;
                if (line.AsSpan().Trim() is { IsEmpty: false } text && text[0] != '#')
                {
                    rows.Add(ParseLine(specification, line, number));
                }
            }
        }
        catch (Exception e)
            when (e is IOException or UnauthorizedAccessException or ArgumentException and not InvalidInputException)
        {
            throw PriorParser.Invalid(
                specification,
                $"must name a file that can be read ({e.Message})",
                "check the path"
            );
        }

        if (rows.Count == 0)
        {
            throw PriorParser.Invalid(specification, "must hold at least one weight", "write one weight a line");
        }

        int columns = rows.Max(r => r.Length);
        if (columns == 1)
        {
            double[] weights = [.. rows.Select(r => r[0])];
            Check(specification, weights, "the weights");
            return new WeightsPrior(specification, [weights]);
        }

        for (int i = 0; i < rows.Count; i++)
        {
            if (rows[i].Length != columns)
            {
                throw PriorParser.Invalid(
                    specification,
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"row {i + 1} has {rows[i].Length} weights, the longest {columns}"
                    ),
                    "give every context as many weights, zeros included"
                );
            }

            Check(specification, rows[i], string.Create(CultureInfo.InvariantCulture, $"row {i + 1}"));
        }

        return new WeightsPrior(specification, [.. rows]);
    }

    /// <summary>Refuses weights that are negative, NaN or infinite, or that add up to zero or to more than a double holds.</summary>
    public static void Check(string specification, ReadOnlySpan<double> weights, string what)
    {
        double sum = 0;
        for (int i = 0; i < weights.Length; i++)
        {
            double weight = weights[i];
            if (!double.IsFinite(weight) || weight < 0)
            {
                throw PriorParser.Invalid(
                    specification,
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"weight {i + 1} of {what} is {weight}, must be finite and not negative"
                    ),
                    "mend that weight"
                );
            }

            sum += weight;
        }

        if (sum == 0 || !double.IsFinite(sum))
        {
            throw PriorParser.Invalid(
                specification,
                string.Create(CultureInfo.InvariantCulture, $"{what} add up to {sum}, must be positive and finite"),
                "give at least one positive weight"
            );
        }
    }

    private static double[] ParseLine(string specification, string line, int number)
    {
        string[] fields = line.Split(Separators, StringSplitOptions.RemoveEmptyEntries);
        if (fields.Length == 0)
        {
            throw PriorParser.Invalid(
                specification,
                string.Create(CultureInfo.InvariantCulture, $"line {number} holds separators only, must hold a number"),
                "write weights as decimal numbers with a point"
            );
        }

        var weights = new double[fields.Length];
        for (int i = 0; i < fields.Length; i++)
        {
            if (!double.TryParse(fields[i], NumberStyles.Float, CultureInfo.InvariantCulture, out weights[i]))
            {
                throw PriorParser.Invalid(
                    specification,
                    string.Create(CultureInfo.InvariantCulture, $"line {number} holds '{fields[i]}', must be a number"),
                    "write weights as decimal numbers with a point"
                );
            }
        }

        return weights;
    }
}
