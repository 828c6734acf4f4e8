using Spectre.Console;

namespace Collapse.Cli;

/// <summary>What people and programs see: results on standard output, progress and complaints on standard error.</summary>
internal sealed class Screen
{
    // Where lines are not wrapped by a terminal, tables have room for their longest cells.
    private const int WidthWithoutTerminal = 160;

    public Screen(TextWriter output, TextWriter error)
    {
        Output = output;
        Error = error;
        OutputConsole = CreateConsole(output, ReferenceEquals(output, Console.Out) && !Console.IsOutputRedirected);
        bool isTerminal = ReferenceEquals(error, Console.Error) && !Console.IsErrorRedirected;
        ErrorConsole = CreateConsole(error, isTerminal);
        IsErrorInteractive = isTerminal && ErrorConsole.Profile.Capabilities.Ansi;
    }

    /// <summary>Standard output, for plain lines.</summary>
    public TextWriter Output { get; }

    /// <summary>Standard error, for plain lines.</summary>
    public TextWriter Error { get; }

    /// <summary>Standard output, for tables.</summary>
    public IAnsiConsole OutputConsole { get; }

    /// <summary>Standard error, for progress bars.</summary>
    public IAnsiConsole ErrorConsole { get; }

    /// <summary>Whether standard error is a terminal that can show a moving bar.</summary>
    public bool IsErrorInteractive { get; }

    /// <summary>Time between lines of progress where there is no bar.</summary>
    public TimeSpan BetweenLines { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Says one thing on one line of standard error, whatever line breaks it holds.</summary>
    public void Complain(string message) => Error.WriteLine($"collapse: {Figures.OneLine(message)}");

    private static IAnsiConsole CreateConsole(TextWriter writer, bool isTerminal)
    {
        var settings = new AnsiConsoleSettings { Out = new AnsiConsoleOutput(writer) };
        if (!isTerminal)
        {
            settings.Ansi = AnsiSupport.No;
            settings.ColorSystem = ColorSystemSupport.NoColors;
            settings.Interactive = InteractionSupport.No;
        }

        IAnsiConsole console = AnsiConsole.Create(settings);
        if (!isTerminal)
        {
            console.Profile.Width = WidthWithoutTerminal;
            console.Profile.Capabilities.Unicode = true;
        }

        return console;
    }
}
