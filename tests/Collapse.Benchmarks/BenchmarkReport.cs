using System.Globalization;
using System.Text.Json;
using Collapse.Results;
using Spectre.Console;

namespace Collapse.Benchmarks;

/// <summary>The results as tables, and as JSON.</summary>
internal static class BenchmarkReport
{
    private const int Width = 180;

    private static readonly CultureInfo Culture = CultureInfo.InvariantCulture;
    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Shows all tables.</summary>
    public static void Show(BenchmarkResults results, TextWriter output)
    {
        IAnsiConsole console = CreateConsole(output);
        MachineInfo machine = results.Machine;
        output.WriteLine(
            string.Create(
                Culture,
                $"{machine.Processor ?? machine.Architecture}, {machine.Cores} cores, {machine.Runtime}; scale {results.Scale}; load before {results.LoadBefore:0.0}"
            )
        );
        foreach (JobResult job in results.Jobs)
        {
            output.WriteLine();
            output.WriteLine($"{job.Name}: {job.Title}");
            console.Write(TableOf(job));
        }

        if (results.Targets.Count > 0)
        {
            output.WriteLine();
            console.Write(TableOf(results.Targets));
        }

        foreach (Missing missing in results.Absent)
        {
            output.WriteLine($"absent: {missing.Name}: {missing.Reason}");
        }

        output.Flush();
    }

    /// <summary>All results, with every run's time.</summary>
    public static string Json(BenchmarkResults results) => JsonSerializer.Serialize(results, Options);

    private static Table TableOf(JobResult job)
    {
        Table table = NewTable(
            "contender",
            "form",
            "part",
            "runs",
            "median s",
            "ns/ctx/gen",
            "M draws/s",
            "cost / first",
            "apart (se)"
        );
        foreach (ContenderResult row in job.Contenders)
        {
            string name =
                row.Kind == nameof(ContenderKind.Peer) ? $"{row.Name} ({row.Device})" : $"{row.Name}: {row.Device}";
            if (row.Absent is not null && row.Seconds.Count == 0)
            {
                Add(table, name, $"{row.Form} absent: {row.Absent}".Trim(), "", "", "", "", "", "", "");
                continue;
            }

            Add(
                table,
                name,
                row.Form,
                row.Fraction == 1 ? "all" : Part(row.Fraction),
                row.Seconds.Count.ToString(Culture),
                Significant(row.MedianSeconds),
                Significant(row.NanosecondsPerContextGeneration),
                Significant(row.DrawsPerSecond / 1e6),
                Significant(row.CostOverFirst),
                row.StandardErrorsApart is double z
                    ? z.ToString(z > Agreement.Limit ? "0.0' NOT THE SAME LAW'" : "0.0", Culture)
                    : "-"
            );
        }

        return table;
    }

    private static Table TableOf(IReadOnlyList<Target> targets)
    {
        Table table = NewTable("job", "target", "wanted", "measured", "reached");
        foreach (Target target in targets)
        {
            Add(
                table,
                target.Job,
                target.What,
                target.Wanted,
                Significant(target.Measured),
                target.IsReached == true ? "yes" : "no"
            );
        }

        return table;
    }

    private static string Part(double fraction) => string.Create(Culture, $"1/{1 / fraction:0.##}");

    private static string Significant(double? value) =>
        value switch
        {
            null => "-",
            0 => "0",
            >= 100 or <= -100 => value.Value.ToString("N0", Culture),
            >= 10 or <= -10 => value.Value.ToString("0.0", Culture),
            >= 0.1 or <= -0.1 => value.Value.ToString("0.00", Culture),
            _ => value.Value.ToString("0.0000", Culture),
        };

    private static Table NewTable(params string[] headers)
    {
        var table = new Table { Border = TableBorder.Simple, UseSafeBorder = false };
        foreach (string header in headers)
        {
            table.AddColumn(new TableColumn(new Text(header)).Padding(0, 1));
        }

        return table;
    }

    private static void Add(Table table, params string[] cells) => table.AddRow(cells.Select(cell => new Text(cell)));

    private static IAnsiConsole CreateConsole(TextWriter output)
    {
        IAnsiConsole console = AnsiConsole.Create(
            new AnsiConsoleSettings
            {
                Out = new AnsiConsoleOutput(output),
                Ansi = AnsiSupport.No,
                ColorSystem = ColorSystemSupport.NoColors,
                Interactive = InteractionSupport.No,
            }
        );
        console.Profile.Width = Width;
        console.Profile.Capabilities.Unicode = true;
        return console;
    }
}
