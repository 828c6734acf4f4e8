using System.Diagnostics;

namespace Collapse.Benchmarks;

/// <summary>A contender's runs of one job.</summary>
/// <param name="Contender">The contender.</param>
/// <param name="Runs">Its runs.</param>
/// <param name="Absent">Why there is none, or null.</param>
internal sealed record Standing(IContender Contender, IReadOnlyList<Measurement> Runs, string? Absent)
{
    /// <summary>The median of the times.</summary>
    public double Median => MedianOf(run => run.Seconds);

    /// <summary>The median of seconds per context and generation.</summary>
    public double Cost => MedianOf(run => run.Seconds / run.ContextGenerations);

    /// <summary>The median of a number of each run; NaN without runs.</summary>
    public double MedianOf(Func<Measurement, double> number)
    {
        double[] values = [.. Runs.Select(number).Order()];
        return values.Length == 0 ? double.NaN : (values[(values.Length - 1) / 2] + values[values.Length / 2]) / 2;
    }
}

/// <summary>Runs contenders in turn, so that whatever else the machine does meets all of them.</summary>
internal static class Rotation
{
    /// <summary>Does a job.</summary>
    /// <param name="contenders">Who takes part.</param>
    /// <param name="repeats">Runs of each.</param>
    /// <param name="budget">No contender begins another run after this much time in its own runs.</param>
    /// <param name="tell">Told what is being done.</param>
    public static IReadOnlyList<Standing> Run(
        IReadOnlyList<IContender> contenders,
        int repeats,
        TimeSpan budget,
        Action<string> tell
    )
    {
        var runs = contenders.ToDictionary(c => c, _ => new List<Measurement>());
        var absent = new Dictionary<IContender, string>();
        foreach (IContender contender in contenders)
        {
            Attempt(contender, contender.Prepare);
        }

        var spent = contenders.ToDictionary(c => c, _ => TimeSpan.Zero);
        for (int repeat = 1; repeat <= repeats; repeat++)
        {
            foreach (IContender contender in contenders)
            {
                if (absent.ContainsKey(contender) || spent[contender] > budget)
                {
                    continue;
                }

                tell($"{contender.Name} {contender.Form} {repeat}/{repeats}");
                var watch = Stopwatch.StartNew();
                Attempt(contender, () => runs[contender].Add(contender.Run(repeat)));
                spent[contender] += watch.Elapsed;
            }
        }

        return [.. contenders.Select(c => new Standing(c, runs[c], absent.GetValueOrDefault(c)))];

        void Attempt(IContender contender, Action action)
        {
            try
            {
                action();
            }
            catch (Exception e) when (e is AbsentException or InvalidInputException)
            {
                absent[contender] = e.Message;
            }
        }
    }
}
