using System.Diagnostics;

namespace Collapse.Cli;

/// <summary>Work of the theory, which knows nothing of interruptions: it is left behind when one comes.</summary>
internal sealed class Calculation(Screen screen, CancellationToken interrupt)
{
    /// <summary>Does the work, and says now and then that it goes on.</summary>
    /// <exception cref="OperationCanceledException">The interruption came first.</exception>
    public T Do<T>(Func<T> work)
    {
        var watch = Stopwatch.StartNew();
        Task<T> task = Task.Run(work, CancellationToken.None);
        return ProgressView.Watch(
            screen,
            "computing",
            () => new ProgressState(null, Figures.RoughTime(watch.Elapsed)),
            () => task.WaitAsync(interrupt).GetAwaiter().GetResult()
        );
    }

    /// <summary>Turns an interruption into its exit code.</summary>
    public int Guard(Func<int> action)
    {
        try
        {
            return action();
        }
        catch (OperationCanceledException) when (interrupt.IsCancellationRequested)
        {
            screen.Complain("interrupted");
            return ExitCode.Interrupted;
        }
    }
}
