using System.Diagnostics;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Collapse.Cli;

/// <summary>
/// Shows how far some work is: a bar with rate and time left on a terminal; otherwise a line now and then, and
/// nothing of work that is soon done.
/// </summary>
internal static class ProgressView
{
    private const int WithoutBarMilliseconds = 150;
    private const int RefreshMilliseconds = 100;

    /// <summary>Does the work on a thread of its own and shows how far it is.</summary>
    public static T Watch<T>(Screen screen, string title, Func<ProgressState> state, Func<T> work)
    {
        var watch = Stopwatch.StartNew();
        Task<T> task = Task.Factory.StartNew(
            work,
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default
        );
        if (!screen.IsErrorInteractive)
        {
            ShowLines(screen, title, state, task, watch);
        }
        else if (!IsDone(task, WithoutBarMilliseconds))
        {
            ShowBar(screen.ErrorConsole, title, state, task, watch);
        }

        return task.GetAwaiter().GetResult();
    }

    private static bool IsDone(Task task, int milliseconds) => Task.WaitAny([task], milliseconds) == 0;

    private static void ShowLines(Screen screen, string title, Func<ProgressState> state, Task task, Stopwatch watch)
    {
        while (!IsDone(task, (int)screen.BetweenLines.TotalMilliseconds))
        {
            ProgressState now = state();
            string percent = now.Fraction is double fraction ? $"{Figures.Percent(fraction)}%, " : "";
            screen.Error.WriteLine($"{now.Notice ?? title}: {percent}{now.Rate}{Left(now, watch, ", ")}");
        }
    }

    private static void ShowBar(
        IAnsiConsole console,
        string title,
        Func<ProgressState> state,
        Task task,
        Stopwatch watch
    )
    {
        console
            .Progress()
            .AutoClear(true)
            .Columns(
                new TaskDescriptionColumn { Alignment = Justify.Left },
                new ProgressBarColumn { Width = Math.Clamp(console.Profile.Width - 62, 10, 40) },
                new PercentageColumn(),
                new TextColumn(() => state().Rate),
                new TextColumn(() => Left(state(), watch, ""))
            )
            .Start(context =>
            {
                ProgressTask bar = context.AddTask(Markup.Escape(title), maxValue: 1);
                do
                {
                    ProgressState now = state();
                    bar.IsIndeterminate = now.Fraction is null;
                    bar.Value = now.Fraction ?? 0;
                    bar.Description = Markup.Escape(now.Notice ?? title);
                } while (!IsDone(task, RefreshMilliseconds));
            });
    }

    private static string Left(ProgressState now, Stopwatch watch, string before) =>
        now.Fraction is double fraction and > 0.001
            ? $"{before}{Figures.RoughTime(watch.Elapsed * ((1 - fraction) / fraction))} left"
            : "";

    /// <summary>A text that is asked for anew whenever the bar is drawn.</summary>
    private sealed class TextColumn(Func<string> text) : ProgressColumn
    {
        protected override bool NoWrap => true;

        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) =>
            new Text(text());
    }
}
