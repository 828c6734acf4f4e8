using System.Collections.Immutable;
using System.Globalization;
using Collapse.Running;

namespace Collapse.Results;

/// <summary>Adds up what chunks and recorders hold and makes the <see cref="RunResult"/> of it, once.</summary>
internal sealed class ResultBuilder(RunPlan plan)
{
    private Moments _collapseTimes;
    private int _lastGeneration;
    private long _active;
    private long _trained;

    /// <summary>Takes the contexts of a finished chunk.</summary>
    public void Add(ContextTable table)
    {
        for (int i = 0; i < table.Count; i++)
        {
            int time = table.CollapseTime[i];
            if (time > 0)
            {
                _collapseTimes.Add(time, 1);
            }

            _trained += table.LastGeneration[i] > 0 ? 1 : 0;
            _lastGeneration = Math.Max(_lastGeneration, table.LastGeneration[i]);
            _active += time > 0 && plan.Settings.UntilCollapse ? 0 : 1;
        }
    }

    /// <summary>Makes the result. The sums of the first recorder become those of all.</summary>
    public RunResult Build(
        IReadOnlyCollection<Recorder> recorders,
        string engine,
        string device,
        bool interrupted,
        long draws,
        TimeSpan elapsed
    )
    {
        Tally? tally = null;
        ulong digest = 0;
        foreach (Recorder recorder in recorders)
        {
            tally?.Add(recorder.Tally);
            tally ??= recorder.Tally;
            digest += recorder.Digest;
        }

        Tally.Part sums = (tally ?? new Tally(plan.Report.Length, plan.ObservableCount)).Spread();
        int length = ReportedLength(sums, interrupted);
        return new RunResult
        {
            Plan = plan,
            Status = interrupted ? RunStatus.Interrupted : RunStatus.Complete,
            Engine = engine,
            Device = device,
            Digest = digest.ToString("x16", CultureInfo.InvariantCulture),
            Draws = draws,
            Elapsed = elapsed,
            Generations = plan.Settings.UntilCollapse || interrupted ? _lastGeneration : plan.LastGeneration,
            CollapseTimes = new CollapseTimes(
                _collapseTimes.Mean,
                _collapseTimes.StandardDeviation,
                _collapseTimes.Count,
                _trained - _collapseTimes.Count
            ),
            Generation = plan.Report[..length],
            Contexts = [.. sums.Contexts.Take(length)],
            CollapsedFraction =
            [
                .. Enumerable.Range(0, length).Select(i => (double)sums.Collapsed[i] / sums.Contexts[i]),
            ],
            Series = [.. Enumerable.Range(0, plan.ObservableCount).Select(o => CreateSeries(sums, o, length))],
            HeldOut = plan.Settings.HeldOut is null ? null : CreateHeldOut(sums, length),
            Trace = [.. recorders.SelectMany(r => r.TraceRows).OrderBy(t => t.Context).ThenBy(t => t.Generation)],
        };
    }

    /// <summary>
    /// The reported generations that any context reached; until collapse, up to the first at which all have left.
    /// Contexts that left count in all later generations, but after an interruption nothing else does. The last
    /// generation that a run until collapse may take is no result where no context reached it and none asked for it.
    /// </summary>
    private int ReportedLength(Tally.Part sums, bool interrupted)
    {
        int length = 0;
        while (length < plan.Report.Length && sums.Contexts[length] > 0)
        {
            bool isEnd = plan.Report[length] == plan.LastGeneration;
            if (isEnd && length > 0 && _active == 0 && !plan.Settings.ReportAt.Lists(plan.LastGeneration))
            {
                break;
            }

            length++;
            if ((_active == 0 || interrupted) && plan.Report[length - 1] >= _lastGeneration)
            {
                break;
            }
        }

        return length;
    }

    private ObservableSeries CreateSeries(Tally.Part sums, int observable, int length)
    {
        double unit = Math.ScaleB(1, -Observables.UnitBits(observable));
        ImmutableArray<double> Each(Func<int, int, double> value) =>
            [.. Enumerable.Range(0, length).Select(i => value(i, (i * plan.ObservableCount) + observable))];

        double Defined(int cell, double value) => sums.Moments[cell].Count == 0 ? double.NaN : value * unit;

        double Quantile(int cell, double level)
        {
            Moments m = sums.Moments[cell];
            return m.Count == 0 ? 0 : sums.Sketch.Quantile(cell, level, m.Count, m.Min, m.Max);
        }

        return new ObservableSeries
        {
            Observable = (Observable)observable,
            Mean = Each((_, cell) => sums.Moments[cell].Mean * unit),
            StandardDeviation = Each((_, cell) => sums.Moments[cell].StandardDeviation * unit),
            Minimum = Each((_, cell) => Defined(cell, sums.Moments[cell].Min)),
            Maximum = Each((_, cell) => Defined(cell, sums.Moments[cell].Max)),
            Quantiles =
            [
                .. ObservableSeries.QuantileLevels.Select(q => Each((_, cell) => Defined(cell, Quantile(cell, q)))),
            ],
            TokenWeightedMean = Each(
                (i, cell) =>
                    plan.IsCorpus && sums.Moments[cell].Count > 0
                        ? sums.Moments[cell].WeightedMean(sums.Weights[i]) * unit
                        : double.NaN
            ),
        };
    }

    private HeldOutSeries CreateHeldOut(Tally.Part sums, int length)
    {
        long transitions = plan.Settings.HeldOut!.TransitionCount;
        double unit = Math.ScaleB(1, -plan.LogBits);
        var covered = new double[length];
        var all = new double[length];
        var unseen = new double[length];
        for (int i = 0; i < length; i++)
        {
            long count = sums.HeldOutCovered[i];
            covered[i] = count == 0 ? double.NaN : (double)sums.HeldOutNegativeLog[i] * unit / count;
            all[i] = count == transitions ? covered[i] : double.PositiveInfinity;
            unseen[i] = (double)(transitions - count) / transitions;
        }

        return new HeldOutSeries(transitions, [.. all], [.. covered], [.. unseen]);
    }
}
