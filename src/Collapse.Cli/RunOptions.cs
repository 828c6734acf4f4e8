using System.CommandLine;
using Collapse.Running;

namespace Collapse.Cli;

/// <summary>The options of <c>collapse run</c>: their help, and how they become a <see cref="RunRequest"/>.</summary>
internal sealed class RunOptions
{
    private readonly ModelOptions _model = new();
    private readonly ClassifierOptions _classifier = new();
    private readonly Option<string> _heldOut = OptionValue.Create(
        "--heldout",
        "FILE",
        "A second text, whose cross-entropy under the models is reported"
    );
    private readonly Option<string> _generations = OptionValue.Create(
        "--generations",
        "G",
        "Number of generations, 1 to 100,000,000 [this or --until-collapse is required]"
    );
    private readonly Option<bool> _untilCollapse = OptionValue.Flag(
        "--until-collapse",
        "Train every context until one token is left"
    );
    private readonly Option<string> _maxGenerations = OptionValue.Create(
        "--max-generations",
        "G",
        "Most generations with --until-collapse, 1 to 100,000,000 [default: 100 times the larger of n and 100; required where collapse is not certain]"
    );
    private readonly Option<string> _sampler = OptionValue.Create(
        "--sampler",
        "NAME",
        "tokens, or counts: from generation 33 on only the counts of each generation are drawn, exactly; equal in distribution, much faster where few tokens are alive. For schedules that draw from the generation before and nothing else [default: tokens]"
    );
    private readonly Option<string> _reportAt = OptionValue.Create(
        "--report-at",
        "LIST",
        "Generations whose observables are reported: a list such as 1,10,100, or geometric:K for K between any power of ten and the next; the last of the run always is. Where only the generation before is learnt from, what lies between two of them is jumped over [default: every one to 10,000; in longer runs every one to 1,000, then steps of one part in a hundred]"
    );
    private readonly Option<string> _engine = OptionValue.Create(
        "--engine",
        "NAME",
        "auto (a CUDA device if there is one, otherwise cpu), cpu, reference (slow, for checking), cuda[:i], opencl[:i]; see 'collapse devices'. No result depends on it. Softmax models (--refit, --embedding, --temperature, --top-k, --top-p) run on the cpu [default: auto]"
    );
    private readonly Option<string> _threads = OptionValue.Create(
        "--threads",
        "T",
        "Threads of the cpu engine, 1 to 1,024. No result depends on it [default: one per core]"
    );
    private readonly Option<string> _chunk = OptionValue.Create(
        "--chunk",
        "C",
        "Contexts handled at a time, 1 to 16,777,216: less takes less memory. No result depends on it [default: as many as fit, at most 262,144]"
    );
    private readonly Option<string> _trace = OptionValue.Create(
        "--trace",
        "C",
        "Contexts, from the first, whose whole trajectory is kept in the folder of --out, 0 to 1,000,000 [default: 0]"
    );
    private readonly Option<string> _out = OptionValue.Create(
        "--out",
        "DIR",
        "New folder for the results: run.json, generations.parquet, contexts.parquet, trace.parquet [default: none]"
    );
    private readonly Option<bool> _json = OptionValue.Flag("--json", "Print one JSON object instead of the table");

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

    private Option[] All() =>
        [
            .. _model.Truth,
            _heldOut,
            .. _model.Sizes,
            .. _classifier.All,
            _generations,
            _untilCollapse,
            _maxGenerations,
            _sampler,
            _reportAt,
            _engine,
            _threads,
            _chunk,
            _model.Seed,
            _trace,
            _out,
            _json,
        ];

    private RunRequest Read(ParseResult parsed)
    {
        ModelRequest model = _model.Read(parsed);
        if (model.Corpus is null)
        {
            OptionValue.Refuse(parsed, _heldOut, "needs --corpus", "leave it out, or give --corpus FILE");
        }

        bool untilCollapse = parsed.GetValue(_untilCollapse);
        if (untilCollapse)
        {
            OptionValue.Refuse(
                parsed,
                _generations,
                "does not go with --until-collapse",
                "leave one of them out; --max-generations G limits a run until collapse"
            );
        }
        else
        {
            OptionValue.Refuse(
                parsed,
                _maxGenerations,
                "needs --until-collapse",
                "add --until-collapse, or give --generations G instead"
            );
        }

        return new RunRequest(model)
        {
            HeldOut = parsed.GetValue(_heldOut),
            Generations = untilCollapse
                ? OptionValue.Number(parsed, _maxGenerations, ParameterRange.MaxGenerations)
                : OptionValue.Number(parsed, _generations, ParameterRange.Generations),
            UntilCollapse = untilCollapse,
            Classifier = _classifier.Read(parsed),
            Sampler = parsed.GetValue(_sampler) is string sampler ? Samplers.Parse(sampler) : Sampler.Tokens,
            ReportAt = parsed.GetValue(_reportAt) is string grid ? ReportGrid.Parse(grid) : ReportGrid.Standard,
            Engine = parsed.GetValue(_engine) ?? "auto",
            Threads = OptionValue.Number(parsed, _threads, ParameterRange.Threads),
            Chunk = OptionValue.Number(parsed, _chunk, ParameterRange.Chunk),
            Trace = OptionValue.Number(parsed, _trace, ParameterRange.Trace) ?? 0,
            Out = parsed.GetValue(_out),
            Json = parsed.GetValue(_json),
        };
    }
}
