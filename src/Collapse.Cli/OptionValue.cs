using System.CommandLine;
using System.Globalization;

namespace Collapse.Cli;

/// <summary>Options and the numbers they hold.</summary>
internal static class OptionValue
{
    public static Option<string> Create(string name, string helpName, string description) =>
        new(name)
        {
            HelpName = helpName,
            Description = description,
            Arity = ArgumentArity.ExactlyOne,
        };

    public static Option<bool> Flag(string name, string description) =>
        new(name) { Description = description, Arity = ArgumentArity.Zero };

    public static int? Number(ParseResult parsed, Option<string> option, ParameterRange range, string orElse = "") =>
        (int?)LongNumber(parsed, option, range, orElse);

    public static long? LongNumber(
        ParseResult parsed,
        Option<string> option,
        ParameterRange range,
        string orElse = ""
    ) => parsed.GetValue(option) is string text ? range.Parse(text, orElse) : null;

    /// <summary>A number with a decimal point; null where it is not given.</summary>
    public static double? Real(ParseResult parsed, Option<string> option)
    {
        if (parsed.GetValue(option) is not string text)
        {
            return null;
        }

        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value)
            ? value
            : throw new InvalidInputException(
                option.Name,
                text,
                "must be a number",
                "write it with a decimal point, as in 0.7"
            );
    }

    /// <summary>Refuses an option that was given and must not be.</summary>
    public static void Refuse(ParseResult parsed, Option<string> option, string why, string remedy)
    {
        if (parsed.GetValue(option) is string value)
        {
            throw new InvalidInputException(option.Name, value, why, remedy);
        }
    }
}
