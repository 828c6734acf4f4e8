using System.Diagnostics;
using Collapse.Running;

namespace Collapse.Cli;

/// <summary>How far a simulation is.</summary>
internal sealed class TrainingProgress(Simulation simulation, CancellationToken interrupt)
{
    private readonly Stopwatch _watch = Stopwatch.StartNew();

    public ProgressState State()
    {
        double draws = simulation.Progress.Draws;
        double fraction = simulation.Progress.Settled / (double)Math.Max(1, simulation.Plan.Draws);
        return new ProgressState(
            Math.Clamp(fraction, 0, 1),
            $"{Figures.Short(draws / _watch.Elapsed.TotalSeconds)} draws/s",
            interrupt.IsCancellationRequested ? "ending (Ctrl-C again: at once)" : null
        );
    }
}
