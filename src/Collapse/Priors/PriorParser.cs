using System.Globalization;

namespace Collapse.Priors;

/// <summary>Reads priors as the command line spells them.</summary>
public static class PriorParser
{
    private const string Parameter = "--prior";

    private const string Forms =
        "must be uniform:S, zipf:S:EXPONENT, power:S:SUPPORT:S0, dirichlet:S:ALPHA or file:PATH";

    /// <summary>The prior of a specification.</summary>
    /// <param name="specification">
    /// <c>uniform:S</c> · <c>zipf:S:EXPONENT</c> · <c>power:S:SUPPORT:S0</c> (p_i ∝ i^-a on the first SUPPORT
    /// tokens with Σ p_i² = S0) · <c>dirichlet:S:ALPHA</c> · <c>file:PATH</c> (one weight a line, or one row of
    /// weights per context). S lies in 1 to 2^31 - 1.
    /// </param>
    /// <exception cref="InvalidInputException">The specification or the file is not valid.</exception>
    public static Prior Parse(string specification)
    {
        ArgumentNullException.ThrowIfNull(specification);
        string[] parts = specification.Split(':', 2);
        string[] numbers = parts.Length == 2 ? parts[1].Split(':') : [];
        return (parts[0], numbers.Length) switch
        {
            ("uniform", 1) => new UniformPrior(specification, Vocabulary(specification, numbers[0])),
            ("zipf", 2) => Zipf(specification, numbers),
            ("power", 3) => Power(specification, numbers),
            ("dirichlet", 2) => new DirichletPrior(
                specification,
                Vocabulary(specification, numbers[0]),
                Real(specification, "ALPHA", numbers[1], 1e-4, 1e9)
            ),
            ("file", >= 1) => WeightsFile.Read(specification, parts[1]),
            _ => throw Invalid(specification, Forms, "spell the prior in one of these forms"),
        };
    }

    /// <summary>A prior with the given weights, the same for every context.</summary>
    /// <param name="weights">s weights: non-negative, finite, not all zero; they need not be normalised.</param>
    /// <exception cref="InvalidInputException">A weight is negative, NaN or infinite, or all are zero.</exception>
    public static Prior FromWeights(IReadOnlyList<double> weights)
    {
        ArgumentNullException.ThrowIfNull(weights);
        double[] row = [.. weights];
        string specification = string.Create(CultureInfo.InvariantCulture, $"weights:{row.Length}");
        WeightsFile.Check(specification, row, "weights");
        return new WeightsPrior(specification, [row]);
    }

    /// <summary>A prior with a law of its own for each context.</summary>
    /// <param name="rows">
    /// One row of s weights per context: non-negative, finite, not all zero; they need not be normalised.
    /// </param>
    /// <exception cref="InvalidInputException">
    /// There is no row, the rows differ in length, a weight is negative, NaN or infinite, or a row's are all zero.
    /// </exception>
    public static Prior FromRows(IReadOnlyList<IReadOnlyList<double>> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        double[][] table = [.. rows.Select(row => row.ToArray())];
        int vocabulary = table.Length == 0 ? 0 : table[0].Length;
        string specification = string.Create(CultureInfo.InvariantCulture, $"rows:{table.Length}:{vocabulary}");
        if (vocabulary == 0)
        {
            throw Invalid(specification, "must hold at least one row of weights", "give one row per context");
        }

        for (int i = 0; i < table.Length; i++)
        {
            string what = string.Create(CultureInfo.InvariantCulture, $"row {i + 1}");
            if (table[i].Length != vocabulary)
            {
                throw Invalid(
                    specification,
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"{what} has {table[i].Length} weights, must have {vocabulary} as row 1"
                    ),
                    "give every row one weight per token"
                );
            }

            WeightsFile.Check(specification, table[i], what);
        }

        return new WeightsPrior(specification, table);
    }

    internal static InvalidInputException Invalid(string specification, string allowed, string remedy) =>
        new(Parameter, specification, allowed, remedy);

    private static PowerLawPrior Zipf(string specification, string[] numbers)
    {
        int vocabulary = Vocabulary(specification, numbers[0]);
        double exponent = Real(specification, "EXPONENT", numbers[1], 0, 20);
        return new PowerLawPrior(specification, vocabulary, vocabulary, exponent);
    }

    private static PowerLawPrior Power(string specification, string[] numbers)
    {
        int vocabulary = Vocabulary(specification, numbers[0]);
        int support = Whole(specification, "SUPPORT", numbers[1], 1, vocabulary);
        double lowest = 1.0 / support;
        double sumOfSquares = Real(specification, "S0", numbers[2], lowest, 1);
        double highest = 0.999999;
        if (support > 1 && sumOfSquares > highest)
        {
            throw Invalid(
                specification,
                $"S0 must lie in 1/SUPPORT to {highest.ToString(CultureInfo.InvariantCulture)}",
                "a sum of squares of 1 is one token: choose uniform:1"
            );
        }

        double exponent = sumOfSquares - lowest < 1e-12 ? 0 : PowerLawPrior.ExponentFor(support, sumOfSquares);
        return new PowerLawPrior(specification, vocabulary, support, exponent);
    }

    private static int Vocabulary(string specification, string text) =>
        Whole(specification, "S", text, 1, int.MaxValue);

    private static int Whole(string specification, string name, string text, int lowest, int highest) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value)
        && value >= lowest
        && value <= highest
            ? value
            : throw Invalid(
                specification,
                string.Create(CultureInfo.InvariantCulture, $"{name} must be a whole number in {lowest} to {highest}"),
                $"change {name}"
            );

    private static double Real(string specification, string name, string text, double lowest, double highest) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value)
        && value >= lowest * (1 - 1e-12)
        && value <= highest
            ? value
            : throw Invalid(
                specification,
                string.Create(CultureInfo.InvariantCulture, $"{name} must lie in {lowest:G6} to {highest:G6}"),
                $"change {name}"
            );
}
