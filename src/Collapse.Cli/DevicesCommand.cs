using System.CommandLine;
using Collapse.Engines;
using Spectre.Console;

namespace Collapse.Cli;

/// <summary><c>collapse devices</c>: engines and devices, and why one cannot be used.</summary>
internal static class DevicesCommand
{
    public const string Name = "devices";

    public static Command Create(Screen screen)
    {
        var command = new Command(Name, "List engines and devices, and say why one cannot be used");
        command.SetAction(_ => Show(screen));
        return command;
    }

    private static int Show(Screen screen)
    {
        var table = new Table { Border = TableBorder.Simple, UseSafeBorder = false };
        foreach (string header in new[] { "--engine", "device", "memory", "usable" })
        {
            table.AddColumn(new TableColumn(new Text(header, new Style(decoration: Decoration.Bold))).Padding(0, 1));
        }

        foreach (EngineInfo engine in EngineCatalog.List())
        {
            table.AddRow(
                new Text(engine.Name),
                new Text(engine.Device.Length > 0 ? engine.Device : "-"),
                new Text(engine.MemoryBytes is long bytes ? $"{Figures.Gibibytes(bytes)}" : "-"),
                new Text(engine.Usable ? "yes" : $"no: {engine.Reason}")
            );
        }

        screen.OutputConsole.Write(table);
        screen.Output.Flush();
        return ExitCode.Success;
    }
}
