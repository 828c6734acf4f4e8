using Collapse.Results;

namespace Collapse.Benchmarks;

/// <summary>Whether a peer's run is a sample of the same law as the engine's: a peer that does less work proves nothing.</summary>
internal static class Agreement
{
    /// <summary>Standard errors beyond which two means differ: one in 10^9 by chance.</summary>
    public const double Limit = 6;

    /// <summary>
    /// How many standard errors lie between the mean sums of squares, or the mean collapse times, of the two.
    /// </summary>
    /// <param name="answer">What the peer found.</param>
    /// <param name="result">What the engine found.</param>
    /// <returns>Null where the peer's run has nothing to compare.</returns>
    public static double? Distance(PeerAnswer answer, RunResult result)
    {
        if (answer.CollapseTime is double time)
        {
            CollapseTimes times = result.CollapseTimes;
            return Distance(time, answer.Collapsed, times.Mean, times.Count, times.StandardDeviation);
        }

        int index = answer.Generation is int generation ? result.Generation.IndexOf(generation) : -1;
        if (index < 0 || answer.SumOfSquares is not double sum)
        {
            return null;
        }

        ObservableSeries series = result[Observable.SumOfSquares];
        return Distance(
            sum,
            answer.Contexts,
            series.Mean[index],
            result.Contexts[index],
            series.StandardDeviation[index]
        );
    }

    private static double Distance(double peer, long peers, double engine, long engines, double deviation)
    {
        double difference = Math.Abs(peer - engine);

        // Where every context has the same value, only rounding may differ.
        return difference <= 1e-9 * Math.Abs(engine)
            ? 0
            : difference / (deviation * Math.Sqrt((1.0 / peers) + (1.0 / engines)));
    }
}
