using System.CommandLine;
using System.CommandLine.Parsing;

namespace Collapse.Cli;

/// <summary>Says what is wrong with a command line that does not parse, in the words used for all bad input.</summary>
internal static class SyntaxError
{
    public static InvalidInputException Describe(ParseResult parsed)
    {
        Command command = parsed.CommandResult.Command;
        string name = command is RootCommand ? "collapse" : $"collapse {command.Name}";
        foreach (ParseError error in parsed.Errors)
        {
            if (error.SymbolResult is OptionResult option)
            {
                return DescribeOption(option, name);
            }
        }

        return parsed.UnmatchedTokens.Count > 0
            ? DescribeToken(parsed.UnmatchedTokens[0], command, name)
            : new InvalidInputException("command", name, parsed.Errors[0].Message, $"see '{name} --help'");
    }

    /// <summary>Refuses an option that took the next option for its value.</summary>
    public static void RequireValues(ParseResult parsed)
    {
        foreach (OptionResult option in parsed.CommandResult.Children.OfType<OptionResult>())
        {
            if (option.Tokens.Any(t => t.Value.StartsWith("--", StringComparison.Ordinal)))
            {
                throw MissingValue(option.Option, $"collapse {parsed.CommandResult.Command.Name}");
            }
        }
    }

    private static InvalidInputException MissingValue(Option option, string command) =>
        new(option.Name, "(no value)", $"needs a value: {option.HelpName}", $"see '{command} --help'");

    private static InvalidInputException DescribeOption(OptionResult result, string command)
    {
        string[] values = [.. result.Tokens.Select(t => t.Value)];
        if (values.Length == 0)
        {
            return MissingValue(result.Option, command);
        }

        return new InvalidInputException(
            result.Option.Name,
            string.Join(' ', values),
            "must be given once, with one value",
            "leave the others out"
        );
    }

    private static InvalidInputException DescribeToken(string token, Command command, string name)
    {
        bool isOption = token.StartsWith('-');
        IEnumerable<string> known = isOption
            ? command.Options.Where(o => !o.Hidden).Select(o => o.Name).Append("--help")
            : command.Subcommands.Select(c => c.Name);
        string? near = known
            .Select(k => (Name: k, Edits: Edits(token, k)))
            .Where(k => k.Edits <= 3)
            .OrderBy(k => k.Edits)
            .FirstOrDefault()
            .Name;
        string remedy = near is null ? $"see '{name} --help'" : $"did you mean {near}? See '{name} --help'";
        return isOption ? new InvalidInputException("option", token, $"must be an option of '{name}'", remedy)
            : command.Subcommands.Count > 0
                ? new InvalidInputException("command", token, $"must be one of {string.Join(", ", known)}", remedy)
            : new InvalidInputException("argument", token, "must follow the option it belongs to", remedy);
    }

    /// <summary>Letters to insert, delete or change to make one word of the other (Levenshtein).</summary>
    private static int Edits(string from, string to)
    {
        int[] row = [.. Enumerable.Range(0, to.Length + 1)];
        for (int i = 1; i <= from.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= to.Length; j++)
            {
                int change = diagonal + (from[i - 1] == to[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(change, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[^1];
    }
}
