using Collapse.Engines;
using Collapse.Model;
using Collapse.Results;
using Collapse.Running;

namespace Collapse.Cli;

/// <summary>What <c>collapse run</c> does: check, read, train, keep, show.</summary>
internal sealed class RunAction(Screen screen, CancellationToken interrupt)
{
    /// <summary>Does a run.</summary>
    /// <returns>The exit code.</returns>
    public int Invoke(RunRequest request)
    {
        if (request.Out is not null)
        {
            RunFolder.RequireNew(request.Out);
        }

        Scenario scenario = Scenario.Parse(request.Scenario, request.Window);
        using IEngine engine = EngineCatalog.Create(request.Engine, request.Threads, request.Classifier);
        Simulation simulation = Simulation.Prepare(Read(request, scenario), engine);
        interrupt.ThrowIfCancellationRequested();
        var provenance = RunProvenance.Now(simulation.Plan, engine);
        RunFolder? folder = request.Out is null ? null : RunFolder.Create(request.Out, provenance);
        var survivors = new Survivors(simulation.Plan);
        RunResult result = Train(simulation, provenance, folder, survivors);
        if (request.Json)
        {
            screen.Output.WriteLine(RunJson.Serialize(result));
        }
        else
        {
            RunReport.Show(screen, result, survivors, folder?.Path);
        }

        return Conclude(result, folder);
    }

    private RunSettings Read(RunRequest request, Scenario scenario)
    {
        var reader = new SettingsReader(screen, interrupt);
        RunSettings settings = reader.Read(request, scenario);
        return settings with
        {
            HeldOut = request.HeldOut is null ? null : reader.ReadHeldOut(settings.Corpus!, request.HeldOut),
            Generations = request.Generations,
            UntilCollapse = request.UntilCollapse,
            Classifier = request.Classifier,
            Sampler = request.Sampler,
            ReportAt = request.ReportAt,
            Trace = request.Trace,
            Threads = request.Threads,
            Chunk = request.Chunk,
        };
    }

    private RunResult Train(Simulation simulation, RunProvenance provenance, RunFolder? folder, Survivors survivors)
    {
        string title =
            $"training {Figures.Contexts(simulation.Plan.Contexts)} on {provenance.Engine} ({provenance.Device})";
        var progress = new TrainingProgress(simulation, interrupt);
        try
        {
            RunResult result = ProgressView.Watch(
                screen,
                screen.IsErrorInteractive ? "training" : title,
                progress.State,
                () => simulation.Run(Take, interrupt)
            );
            folder?.Complete(result);
            return result;
        }
        catch (Exception e) when (folder is not null)
        {
            Fail(folder, e);
            throw;
        }

        void Take(ContextTable table)
        {
            survivors.Add(table);
            folder?.Add(table);
        }
    }

    private void Fail(RunFolder folder, Exception cause)
    {
        try
        {
            folder.Fail(Figures.OneLine(cause.Message));
            screen.Complain($"the run failed; what was done until then is in {folder.Path}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            screen.Complain($"the run failed, and {folder.Path} could not be finished: {e.Message}");
        }
    }

    private int Conclude(RunResult result, RunFolder? folder)
    {
        if (result.Status == RunStatus.Complete)
        {
            return ExitCode.Success;
        }

        string trained =
            $"{Figures.Whole(result.TrainedContexts())} of {Figures.Contexts(result.Plan.Contexts)} were trained";
        string kept = folder is null
            ? "nothing is kept without --out"
            : $"what was done until then is in {folder.Path}";
        screen.Complain($"interrupted: {trained}; {kept}");
        return ExitCode.Interrupted;
    }
}
