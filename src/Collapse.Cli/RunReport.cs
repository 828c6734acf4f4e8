using Collapse.Results;

namespace Collapse.Cli;

/// <summary>What people read at the end of a run: what was run, the trajectory, a summary, where results lie.</summary>
internal static class RunReport
{
    private const int SurvivorsShown = 6;

    public static void Show(Screen screen, RunResult result, Survivors survivors, string? folder)
    {
        TextWriter output = screen.Output;
        output.WriteLine();
        foreach (string line in ModelTitle.Lines(result.Plan.Settings, dependsOnSeed: true))
        {
            Figures.WriteWrapped(output, line);
        }

        output.Flush();
        if (result.Generation.Length > 0)
        {
            screen.OutputConsole.Write(TrajectoryTable.Create(result));
            output.WriteLine(" Means over contexts.");
        }

        output.WriteLine();
        foreach ((string label, string text) in Summary(result, survivors, folder))
        {
            output.WriteLine($" {label, -14} {text}");
        }

        output.Flush();
    }

    private static IEnumerable<(string Label, string Text)> Summary(
        RunResult result,
        Survivors survivors,
        string? folder
    )
    {
        yield return ("contexts", Contexts(result));
        yield return ("generations", Figures.Whole(result.Generations));
        double rate = result.Draws / result.Elapsed.TotalSeconds;
        yield return (
            "draws",
            $"{Figures.Whole(result.Draws)} in {Figures.Time(result.Elapsed)} ({Figures.Short(rate)} draws/s)"
        );
        yield return ("collapse time", CollapseTime(result.CollapseTimes));
        IReadOnlyList<(string Text, double Share)> tokens = survivors.MostFrequent(SurvivorsShown);
        if (tokens.Count > 0)
        {
            yield return (
                "survivors",
                string.Join("  ", tokens.Select(t => $"{Figures.Quoted(t.Text)} {Figures.Percent(t.Share)}%"))
            );
        }

        if (result.Plan.IsCorpus && result.Generation.Length > 0)
        {
            yield return ("by tokens", TokenWeighted(result));
        }

        yield return ("digest", result.Digest);
        yield return ("engine", $"{result.Engine} ({result.Device})");
        yield return ("results", folder ?? "not kept (--out DIR keeps them)");
    }

    private static string Contexts(RunResult result)
    {
        string contexts = Figures.Whole(result.Plan.Contexts);
        return result.Status == RunStatus.Complete
            ? contexts
            : $"{Figures.Whole(result.TrainedContexts())} of {contexts} (interrupted)";
    }

    private static string CollapseTime(CollapseTimes times)
    {
        if (times.Count == 0)
        {
            return "no context has collapsed";
        }

        string spread = times.Count > 1 ? $" ± {Figures.Mean(times.StandardDeviation)} (sd)" : "";
        string contexts = times switch
        {
            { Censored: > 0 } =>
                $"the {Figures.Whole(times.Count)} collapsed of {Figures.Contexts(times.Count + times.Censored)}",
            { Count: > 1 } => $"all {Figures.Contexts(times.Count)}",
            _ => Figures.Contexts(times.Count),
        };
        return $"{Figures.Mean(times.Mean)}{spread} over {contexts}";
    }

    private static string TokenWeighted(RunResult result)
    {
        string Last(Observable observable) => Figures.Real(result[observable].TokenWeightedMean[^1]);
        return $"at the end: sum of squares {Last(Observable.SumOfSquares)}, entropy {Last(Observable.Entropy)}, "
            + $"unseen {Last(Observable.UnseenMass)}";
    }
}
