using System.CommandLine;
using System.Globalization;
using Collapse.Corpora;
using Collapse.Model;

namespace Collapse.Cli;

/// <summary>The options of <c>collapse run</c>: their help, and how they become a <see cref="RunRequest"/>.</summary>
internal sealed class RunOptions
{
    private const string Matched = "matched";

    private readonly Option<string> _scenario = Value(
        "--scenario",
        "NAME",
        $"Where each generation's training tokens come from: {string.Join(", ", Scenario.Names)} [default: {Scenario.Names[0]}]"
    );
    private readonly Option<string> _prior = Value(
        "--prior",
        "SPEC",
        "The truth as a law over a vocabulary of S tokens: uniform:S, zipf:S:EXPONENT, power:S:SUPPORT:S0 "
            + "(sum of squares S0), dirichlet:S:ALPHA (one law per context), or file:PATH (one weight a line, or one "
            + "row per context)"
    );
    private readonly Option<string> _corpus = Value(
        "--corpus",
        "FILE",
        "The truth as a text in UTF-8, instead of --prior: every n-gram is a context"
    );
    private readonly Option<string> _tokenizer = Value(
        "--tokenizer",
        "NAME",
        $"How the text is cut into tokens: {string.Join(", ", Tokenizers.Names)} [default: chars]"
    );
    private readonly Option<string> _order = Value(
        "--order",
        "L",
        "Tokens in a context of the text, 0 or more [default: 1]"
    );
    private readonly Option<string> _heldOut = Value(
        "--heldout",
        "FILE",
        "A second text, whose cross-entropy under the models is reported"
    );
    private readonly Option<string> _contexts = Value(
        "--contexts",
        "C",
        "Number of contexts, 1 to 4,294,967,295; with --prior only [default: 1]"
    );
    private readonly Option<string> _samples = Value(
        "--samples",
        "N|matched",
        "Tokens n that each model gives the next generation, 1 to 2,147,483,647; matched: as many as the context has "
            + "in the text [required with --prior; default with --corpus: matched]"
    );
    private readonly Option<string> _real = Value(
        "--real",
        "N",
        "Real tokens kept in every training set, 1 to 2,147,483,647; for partially-synthetic with --prior, required there"
    );
    private readonly Option<string> _window = Value(
        "--window",
        "K",
        "Most recent models that a generation learns from, 1 to 1,000,000; for recent-models, required there"
    );
    private readonly Option<string> _generations = Value(
        "--generations",
        "G",
        "Number of generations, 1 to 100,000,000 [this or --until-collapse is required]"
    );
    private readonly Option<bool> _untilCollapse = Flag(
        "--until-collapse",
        "Train every context until one token is left"
    );
    private readonly Option<string> _maxGenerations = Value(
        "--max-generations",
        "G",
        "Most generations with --until-collapse, 1 to 100,000,000 [default: 100 times the larger of n and 100; required where collapse is not certain]"
    );
    private readonly Option<string> _engine = Value(
        "--engine",
        "NAME",
        "auto (a CUDA device if there is one, otherwise cpu), cpu, reference (slow, for checking), cuda[:i], opencl[:i]; see 'collapse devices'. No result depends on it [default: auto]"
    );
    private readonly Option<string> _threads = Value(
        "--threads",
        "T",
        "Threads of the cpu engine, 1 to 1,024. No result depends on it [default: one per core]"
    );
    private readonly Option<string> _chunk = Value(
        "--chunk",
        "C",
        "Contexts handled at a time, 1 to 16,777,216: less takes less memory. No result depends on it [default: as many as fit, at most 262,144]"
    );
    private readonly Option<string> _seed = Value(
        "--seed",
        "S",
        "Key of all random numbers, 0 to 18,446,744,073,709,551,615 [default: 1]"
    );
    private readonly Option<string> _trace = Value(
        "--trace",
        "C",
        "Contexts, from the first, whose whole trajectory is kept in the run folder, 0 to 1,000,000 [default: 0]"
    );
    private readonly Option<string> _out = Value(
        "--out",
        "DIR",
        "New folder for the results: run.json, generations.parquet, contexts.parquet, trace.parquet [default: none]"
    );
    private readonly Option<bool> _json = Flag("--json", "Print one JSON object instead of the table");

    /// <summary>The command with all its options.</summary>
    /// <param name="action">What it does; returns the exit code.</param>
    public static Command CreateCommand(Func<RunRequest, int> action)
    {
        var options = new RunOptions();
        var command = new Command("run", "Train generation after generation and show how the contexts collapse");
        foreach (Option option in options.All())
        {
            command.Add(option);
        }

        command.SetAction(parsed => action(options.Read(parsed)));
        return command;
    }

    private static Option<string> Value(string name, string helpName, string description) =>
        new(name)
        {
            HelpName = helpName,
            Description = description,
            Arity = ArgumentArity.ExactlyOne,
        };

    private static Option<bool> Flag(string name, string description) =>
        new(name) { Description = description, Arity = ArgumentArity.Zero };

    private Option[] All() =>
        [
            _scenario,
            _prior,
            _corpus,
            _tokenizer,
            _order,
            _heldOut,
            _contexts,
            _samples,
            _real,
            _window,
            _generations,
            _untilCollapse,
            _maxGenerations,
            _engine,
            _threads,
            _chunk,
            _seed,
            _trace,
            _out,
            _json,
        ];

    private RunRequest Read(ParseResult parsed)
    {
        SyntaxError.RequireValues(parsed);
        string? prior = parsed.GetValue(_prior);
        string? corpus = parsed.GetValue(_corpus);
        if (corpus is null)
        {
            foreach (Option<string> option in new[] { _tokenizer, _order, _heldOut })
            {
                Refuse(parsed, option, "needs --corpus", "leave it out, or give --corpus FILE");
            }
        }

        bool untilCollapse = parsed.GetValue(_untilCollapse);
        if (untilCollapse)
        {
            Refuse(
                parsed,
                _generations,
                "does not go with --until-collapse",
                "leave one of them out; --max-generations G limits a run until collapse"
            );
        }
        else
        {
            Refuse(
                parsed,
                _maxGenerations,
                "needs --until-collapse",
                "add --until-collapse, or give --generations G instead"
            );
        }

        return new RunRequest
        {
            Scenario = parsed.GetValue(_scenario) ?? Scenario.Names[0],
            Window = Number(parsed, _window, ParameterRange.Window),
            Prior = prior,
            Corpus = corpus,
            Tokenizer = parsed.GetValue(_tokenizer) ?? "chars",
            Order = Number(parsed, _order, ParameterRange.Order) ?? 1,
            HeldOut = parsed.GetValue(_heldOut),
            Contexts = LongNumber(parsed, _contexts, ParameterRange.Contexts),
            Samples = Samples(parsed, needed: corpus is null),
            Real = Number(parsed, _real, ParameterRange.Real),
            Generations = untilCollapse
                ? Number(parsed, _maxGenerations, ParameterRange.MaxGenerations)
                : Number(parsed, _generations, ParameterRange.Generations),
            UntilCollapse = untilCollapse,
            Engine = parsed.GetValue(_engine) ?? "auto",
            Threads = Number(parsed, _threads, ParameterRange.Threads),
            Chunk = Number(parsed, _chunk, ParameterRange.Chunk),
            Seed = Seed(parsed),
            Trace = Number(parsed, _trace, ParameterRange.Trace) ?? 0,
            Out = parsed.GetValue(_out),
            Json = parsed.GetValue(_json),
        };
    }

    private int? Samples(ParseResult parsed, bool needed)
    {
        if (needed && parsed.GetValue(_samples) is null && parsed.GetValue(_prior) is not null)
        {
            throw new InvalidInputException(
                _samples.Name,
                "(missing)",
                "is required with --prior",
                "give --samples N, the tokens that each model gives the next generation"
            );
        }

        return parsed.GetValue(_samples) == Matched
            ? null
            : Number(parsed, _samples, ParameterRange.Samples, $", or {Matched}");
    }

    private ulong Seed(ParseResult parsed)
    {
        string text = parsed.GetValue(_seed) ?? "1";
        return ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong seed)
            ? seed
            : throw new InvalidInputException(
                _seed.Name,
                text,
                string.Create(CultureInfo.InvariantCulture, $"must be a whole number in 0 to {ulong.MaxValue:N0}"),
                "choose any of these; equal seeds give equal results"
            );
    }

    private static int? Number(ParseResult parsed, Option<string> option, ParameterRange range, string orElse = "") =>
        (int?)LongNumber(parsed, option, range, orElse);

    private static long? LongNumber(
        ParseResult parsed,
        Option<string> option,
        ParameterRange range,
        string orElse = ""
    ) => parsed.GetValue(option) is string text ? range.Parse(text, orElse) : null;

    private static void Refuse(ParseResult parsed, Option<string> option, string why, string remedy)
    {
        if (parsed.GetValue(option) is string value)
        {
            throw new InvalidInputException(option.Name, value, why, remedy);
        }
    }
}
