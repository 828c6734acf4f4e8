using System.CommandLine;
using System.Globalization;

namespace Collapse.Cli;

/// <summary>The options of <c>collapse plan</c>.</summary>
internal sealed class PlanOptions
{
    public const string Name = "plan";

    // An L1 distance never exceeds this.
    private const double LargestTolerance = 2;

    private static readonly ParameterRange Generations = ParameterRange.Generations with { Highest = 1_000_000 };

    private readonly Option<string> _prior = OptionValue.Create(
        "--prior",
        "SPEC",
        "The truth as one law, as 'run' takes it: uniform:S, zipf:S:EXPONENT, power:S:SUPPORT:S0 or file:PATH [required]"
    );
    private readonly Option<string> _real = OptionValue.Create(
        "--real",
        "N",
        "Real tokens kept in every training set, 1 to 2,147,483,647; with --tolerance: how many synthetic ones may join them?"
    );
    private readonly Option<string> _samples = OptionValue.Create(
        "--samples",
        "N",
        "Synthetic tokens per generation, 1 to 2,147,483,647; with --tolerance: how many real ones do they need? With --real: "
            + "how far do the models drift? Alone: when is half the support lost?"
    );
    private readonly Option<string> _tolerance = OptionValue.Create(
        "--tolerance",
        "EPS",
        "Largest expected L1 distance from the first model, above 0 and at most 2"
    );
    private readonly Option<string> _generations = OptionValue.Create(
        "--generations",
        "G",
        "Last generation that matters, 1 to 1,000,000 [default: all]"
    );
    private readonly Option<bool> _json = OptionValue.Flag("--json", "Print one JSON object instead of the table");

    /// <summary>The command with all its options.</summary>
    /// <param name="action">What it does; returns the exit code.</param>
    public static Command CreateCommand(Func<PlanRequest, int> action)
    {
        var options = new PlanOptions();
        var command = new Command(Name, "Say how much synthetic data some real data can bear, or the other way round");
        foreach (Option option in options.All())
        {
            command.Add(option);
        }

        command.SetAction(parsed => action(options.Read(parsed)));
        return command;
    }

    private Option[] All() => [_prior, _real, _samples, _tolerance, _generations, _json];

    private PlanRequest Read(ParseResult parsed)
    {
        SyntaxError.RequireValues(parsed);
        var request = new PlanRequest
        {
            Prior =
                parsed.GetValue(_prior)
                ?? throw new InvalidInputException(
                    _prior.Name,
                    "(missing)",
                    "is required",
                    "name the truth: a prior such as zipf:200000:1.0"
                ),
            Real = OptionValue.Number(parsed, _real, ParameterRange.Real),
            Samples = OptionValue.Number(parsed, _samples, ParameterRange.Samples),
            Tolerance = Tolerance(parsed),
            Generation = OptionValue.Number(parsed, _generations, Generations),
            Json = parsed.GetValue(_json),
        };
        RequireQuestion(parsed, request);
        return request;
    }

    private void RequireQuestion(ParseResult parsed, PlanRequest request)
    {
        switch (request)
        {
            case { Real: null, Samples: null }:
                throw new InvalidInputException(
                    _real.Name,
                    "(missing)",
                    "at least one of --real and --samples must be given",
                    "give --real N --tolerance EPS to ask how many synthetic tokens are allowed"
                );
            case { Real: not null, Samples: not null, Tolerance: not null }:
                OptionValue.Refuse(
                    parsed,
                    _tolerance,
                    "does not go with both --real and --samples, which say how far the models drift",
                    "leave one of the three out: it is what the plan finds"
                );
                break;
            case { Samples: null, Tolerance: null }:
                throw new InvalidInputException(
                    _tolerance.Name,
                    "(missing)",
                    "is required with --real alone",
                    "give --tolerance EPS, an L1 distance such as 0.1, or --samples N"
                );
            case { Real: null, Tolerance: null }:
                OptionValue.Refuse(
                    parsed,
                    _generations,
                    "does not go with --samples alone, which asks for a generation",
                    "leave it out, or add --tolerance EPS"
                );
                break;
        }
    }

    private double? Tolerance(ParseResult parsed)
    {
        if (parsed.GetValue(_tolerance) is not string text)
        {
            return null;
        }

        return
            double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double tolerance)
            && tolerance is > 0 and <= LargestTolerance
            ? tolerance
            : throw new InvalidInputException(
                _tolerance.Name,
                text,
                "must be a number above 0 and at most 2",
                "choose an L1 distance such as 0.1"
            );
    }
}
