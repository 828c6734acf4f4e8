using System.CommandLine;

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

    /// <summary>Refuses an option that was given and must not be.</summary>
    public static void Refuse(ParseResult parsed, Option<string> option, string why, string remedy)
    {
        if (parsed.GetValue(option) is string value)
        {
            throw new InvalidInputException(option.Name, value, why, remedy);
        }
    }
}
