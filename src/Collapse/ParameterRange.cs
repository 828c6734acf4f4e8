using System.Globalization;

namespace Collapse;

/// <summary>A whole number that a run asks for: what it is called, what it may be, and how to choose it.</summary>
/// <param name="Parameter">The parameter as the command line spells it.</param>
/// <param name="Lowest">The smallest value.</param>
/// <param name="Highest">The largest value.</param>
/// <param name="Remedy">What to do, as a clause.</param>
public sealed record ParameterRange(string Parameter, long Lowest, long Highest, string Remedy)
{
    /// <summary>The number of contexts c.</summary>
    public static ParameterRange Contexts { get; } =
        new("--contexts", 1, uint.MaxValue, "choose the number of contexts c");

    /// <summary>The sample size n.</summary>
    public static ParameterRange Samples { get; } = new("--samples", 1, int.MaxValue, "choose the sample size n");

    /// <summary>The number of real tokens N.</summary>
    public static ParameterRange Real { get; } = new("--real", 1, int.MaxValue, "choose the number of real tokens N");

    /// <summary>The window K.</summary>
    public static ParameterRange Window { get; } =
        new("--window", 1, 4096, "give the number of most recent models that each generation learns from");

    /// <summary>The number of generations G.</summary>
    public static ParameterRange Generations { get; } =
        new("--generations", 1, 100_000_000, "choose the last generation");

    /// <summary>The most generations of a run until collapse.</summary>
    public static ParameterRange MaxGenerations { get; } = Generations with { Parameter = "--max-generations" };

    /// <summary>A reported generation.</summary>
    public static ParameterRange ReportAt { get; } =
        Generations with
        {
            Parameter = "--report-at",
            Remedy = "list generations such as 1,10,100, or give geometric:20",
        };

    /// <summary>The number of traced contexts.</summary>
    public static ParameterRange Trace { get; } = new("--trace", 0, 1_000_000, "choose how many contexts are traced");

    /// <summary>Worker threads.</summary>
    public static ParameterRange Threads { get; } = new("--threads", 1, 1024, "choose the number of threads");

    /// <summary>Contexts at a time.</summary>
    public static ParameterRange Chunk { get; } =
        new("--chunk", 1, 1 << 24, "choose how many contexts are handled at a time");

    /// <summary>Tokens that top-k keeps.</summary>
    public static ParameterRange TopK { get; } =
        new("--top-k", 1, int.MaxValue, "choose how many tokens are kept, or leave it out to keep all");

    /// <summary>The order of a corpus' contexts.</summary>
    public static ParameterRange Order { get; } =
        new("--order", 0, int.MaxValue, "choose the number of tokens in a context");

    /// <summary>Refuses a value outside the range; null is not a value.</summary>
    /// <param name="value">The value.</param>
    /// <exception cref="InvalidInputException">It is outside.</exception>
    public void Check(long? value)
    {
        if (value < Lowest || value > Highest)
        {
            throw Refuse(value.Value.ToString(CultureInfo.InvariantCulture), "must lie in");
        }
    }

    /// <summary>Reads a value as the command line gives it: digits only.</summary>
    /// <param name="text">The text.</param>
    /// <param name="orElse">What else would have been allowed, for the message: ", or matched".</param>
    /// <exception cref="InvalidInputException">It is not a whole number, or outside the range.</exception>
    public long Parse(string text, string orElse = "")
    {
        if (Int128.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out Int128 value))
        {
            return value >= Lowest && value <= Highest ? (long)value : throw Refuse(text, "must lie in", orElse);
        }

        throw Refuse(text, "must be a whole number in", orElse);
    }

    private InvalidInputException Refuse(string value, string must, string orElse = "") =>
        new(
            Parameter,
            value,
            string.Create(CultureInfo.InvariantCulture, $"{must} {Lowest:N0} to {Highest:N0}{orElse}"),
            Remedy
        );
}
