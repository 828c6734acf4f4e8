using System.CommandLine;

namespace Collapse.Cli;

/// <summary>The options of <c>collapse theory</c>.</summary>
internal sealed class TheoryOptions
{
    public const string Name = "theory";

    // Every generation is a row.
    private static readonly ParameterRange Rows = ParameterRange.Generations with { Highest = 1_000_000 };

    private readonly ModelOptions _model = new();
    private readonly Option<string> _generations = OptionValue.Create(
        "--generations",
        "G",
        "Last generation of the table, 1 to 1,000,000 [required]"
    );
    private readonly Option<bool> _json = OptionValue.Flag("--json", "Print one JSON object instead of the table");

    /// <summary>The command with all its options.</summary>
    /// <param name="action">What it does; returns the exit code.</param>
    public static Command CreateCommand(Func<TheoryRequest, int> action)
    {
        var options = new TheoryOptions();
        var command = new Command(Name, "Compute what 'run' simulates: exact laws, and the paper's bounds beside them");
        foreach (Option option in options.All())
        {
            command.Add(option);
        }

        command.SetAction(parsed => action(options.Read(parsed)));
        return command;
    }

    private Option[] All() => [.. _model.Truth, .. _model.Sizes, _generations, _model.Seed, _json];

    private TheoryRequest Read(ParseResult parsed)
    {
        ModelRequest model = _model.Read(parsed);
        return new TheoryRequest(model)
        {
            Generations =
                OptionValue.Number(parsed, _generations, Rows)
                ?? throw new InvalidInputException(
                    _generations.Name,
                    "(missing)",
                    "is required",
                    "give --generations G, the last generation of the table"
                ),
            Json = parsed.GetValue(_json),
        };
    }
}
