using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Collapse.Cli;

/// <summary>The help of a command, followed by examples.</summary>
internal sealed class HelpWithExamples(bool isAsked) : SynchronousCommandLineAction
{
    private const int WidestHelp = 100;

    private const string Run = """
          The paper's prior, until every context has collapsed:
            collapse run --prior power:600:52:0.1 --samples 50 --contexts 10000 --until-collapse
          A text, every 4-gram a context with as many samples as it has followers:
            collapse run --corpus book.txt --tokenizer chars --order 4 --generations 50 --out runs/book
          Real data that stays in every training set, as JSON for a program:
            collapse run --scenario partially-synthetic --prior zipf:200000:1.0 --real 100 --samples 50 \
              --contexts 1000 --generations 100 --json
        """;

    private const string Theory = """
          What the first of these runs leads to, exactly and by the paper's bounds:
            collapse theory --prior power:600:52:0.1 --samples 50 --contexts 10000 --generations 500
          The same for every 4-gram of a text:
            collapse theory --corpus book.txt --tokenizer chars --order 4 --generations 50
        """;

    private const string Plan = """
          How many synthetic tokens may join 100 real ones, if the models may drift by 0.1?
            collapse plan --real 100 --tolerance 0.1 --prior power:600:52:0.1
          How many real tokens do 50 synthetic ones need, up to generation 10?
            collapse plan --samples 50 --tolerance 0.1 --generations 10 --prior power:600:52:0.1
          How far do the models drift with both?
            collapse plan --real 100 --samples 50 --prior power:600:52:0.1
        """;

    private readonly HelpAction _help = new();

    /// <summary>Who asks for help gets it, whatever else the command line says.</summary>
    public override bool ClearsParseErrors => isAsked;

    public override int Invoke(ParseResult parseResult)
    {
        _help.MaxWidth = Math.Min(_help.MaxWidth, WidestHelp);
        int exitCode = _help.Invoke(parseResult);
        TextWriter output = parseResult.InvocationConfiguration.Output;
        string[] examples = parseResult.CommandResult.Command switch
        {
            RootCommand => [Run, Theory, Plan],
            { Name: TheoryOptions.Name } => [Theory],
            { Name: PlanOptions.Name } => [Plan],
            { Name: DevicesCommand.Name } => [],
            _ => [Run],
        };
        if (examples.Length > 0)
        {
            output.WriteLine("Examples:");
            output.WriteLine(string.Join(Environment.NewLine, examples));
            output.WriteLine();
        }

        return exitCode;
    }
}
