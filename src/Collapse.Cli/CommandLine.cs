using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using Collapse.Results;
using Collapse.Softmax.Refit;
using Collapse.Theory;

namespace Collapse.Cli;

/// <summary>The command line: grammar, exit codes, and what is said of errors.</summary>
internal static class CommandLine
{
    private const string StackTraceVariable = "COLLAPSE_STACKTRACE";

    private const string Description = """
        Simulates language model collapse: what becomes of the next-token laws of many contexts when each
        generation of models is trained on what earlier generations wrote.
        """;

    /// <summary>Runs one command.</summary>
    /// <param name="args">The arguments, without the program's name.</param>
    /// <param name="output">Standard output.</param>
    /// <param name="error">Standard error.</param>
    /// <param name="interrupt">Asks a run to end early.</param>
    /// <returns>0; 1 for an unexpected error; 2 for bad input; 130 when interrupted.</returns>
    public static int Invoke(
        IReadOnlyList<string> args,
        TextWriter output,
        TextWriter error,
        CancellationToken interrupt = default
    ) => Invoke(args, new Screen(output, error), interrupt);

    /// <summary>Runs one command.</summary>
    /// <param name="args">The arguments, without the program's name.</param>
    /// <param name="screen">Where output goes.</param>
    /// <param name="interrupt">Asks a run to end early.</param>
    /// <returns>0; 1 for an unexpected error; 2 for bad input; 130 when interrupted.</returns>
    public static int Invoke(IReadOnlyList<string> args, Screen screen, CancellationToken interrupt)
    {
        try
        {
            return Dispatch(args, screen, interrupt);
        }
        catch (InvalidInputException e)
        {
            screen.Complain(e.Message);
            return ExitCode.BadInput;
        }
        catch (TheoryInputException e)
        {
            screen.Complain(Translate(e));
            return ExitCode.BadInput;
        }
        catch (RefitDivergedException e)
        {
            screen.Complain(e.Message);
            return ExitCode.BadInput;
        }
        catch (OperationCanceledException)
        {
            screen.Complain("interrupted before the run began; nothing was written");
            return ExitCode.Interrupted;
        }
        catch (Exception e)
        {
            screen.Complain(Explain(e));
            if (Environment.GetEnvironmentVariable(StackTraceVariable) == "1")
            {
                screen.Error.WriteLine(e);
            }

            return ExitCode.Unexpected;
        }
    }

    /// <summary>An unexpected error in one line, with a hint.</summary>
    public static string Explain(Exception error) =>
        error switch
        {
            OutOfMemoryException => "out of memory; lower --samples, --chunk or --threads",
            IOException or UnauthorizedAccessException => $"{error.Message}; check the disk and its permissions",
            _ => $"unexpected {error.GetType().Name}: {error.Message}; set {StackTraceVariable}=1 to see where",
        };

    /// <summary>The theory's refusals, in the words of the command line.</summary>
    private static string Translate(TheoryInputException refusal)
    {
        string option = refusal.Parameter switch
        {
            "samples" or "real" or "window" or "generations" or "contexts" or "tolerance" => $"--{refusal.Parameter}",
            _ => refusal.Parameter,
        };
        return $"{option} {refusal.Value}: must be {refusal.Allowed}; {refusal.Remedy}";
    }

    private static int Dispatch(IReadOnlyList<string> args, Screen screen, CancellationToken interrupt)
    {
        RootCommand root = CreateRoot(screen, interrupt);
        ParseResult parsed = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Errors.Count > 0 && parsed.Action is not { ClearsParseErrors: true })
        {
            throw SyntaxError.Describe(parsed);
        }

        return parsed.Invoke(
            new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null,
                Output = screen.Output,
                Error = screen.Error,
            }
        );
    }

    private static RootCommand CreateRoot(Screen screen, CancellationToken interrupt)
    {
        var root = new RootCommand(Description.ReplaceLineEndings(" ").Trim()) { HelpName = "collapse" };
        root.Add(RunOptions.CreateCommand(request => new RunAction(screen, interrupt).Invoke(request)));
        root.Add(TheoryOptions.CreateCommand(request => new TheoryAction(screen, interrupt).Invoke(request)));
        root.Add(PlanOptions.CreateCommand(request => new PlanAction(screen, interrupt).Invoke(request)));
        root.Add(DevicesCommand.Create(screen));
        foreach (Option option in root.Options)
        {
            switch (option)
            {
                case HelpOption help:
                    help.Description = "Show what a command does and every option it takes";
                    help.Action = new HelpWithExamples(isAsked: true);
                    break;
                case VersionOption version:
                    version.Description = "Show the version";
                    version.Action = new ShowVersion();
                    break;
            }
        }

        root.Action = new HelpWithExamples(isAsked: false);
        return root;
    }

    private sealed class ShowVersion : SynchronousCommandLineAction
    {
        public override int Invoke(ParseResult parseResult)
        {
            parseResult.InvocationConfiguration.Output.WriteLine($"collapse {RunProvenance.Version}");
            return ExitCode.Success;
        }
    }
}
