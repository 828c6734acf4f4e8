using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Collapse.Cli;

/// <summary>The help of a command, followed by examples.</summary>
internal sealed class HelpWithExamples(bool isAsked) : SynchronousCommandLineAction
{
    private const int WidestHelp = 100;

    private const string Examples = """
        Examples:
          The paper's prior, until every context has collapsed:
            collapse run --prior power:600:52:0.1 --samples 50 --contexts 10000 --until-collapse
          A text, every 4-gram a context with as many samples as it has followers:
            collapse run --corpus book.txt --tokenizer chars --order 4 --generations 50 --out runs/book
          Real data that stays in every training set, as JSON for a program:
            collapse run --scenario partially-synthetic --prior zipf:200000:1.0 --real 100 --samples 50 \
              --contexts 1000 --generations 100 --json
        """;

    private readonly HelpAction _help = new();

    /// <summary>Who asks for help gets it, whatever else the command line says.</summary>
    public override bool ClearsParseErrors => isAsked;

    public override int Invoke(ParseResult parseResult)
    {
        _help.MaxWidth = Math.Min(_help.MaxWidth, WidestHelp);
        int exitCode = _help.Invoke(parseResult);
        TextWriter output = parseResult.InvocationConfiguration.Output;
        if (parseResult.CommandResult.Command.Name != DevicesCommand.Name)
        {
            output.WriteLine(Examples);
            output.WriteLine();
        }

        return exitCode;
    }
}
