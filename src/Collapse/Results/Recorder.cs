using Collapse.Kernels;
using Collapse.Running;

namespace Collapse.Results;

/// <summary>
/// Turns the integers that one worker of an engine reports into sums, digest, traces and last observables.
/// Each worker has a recorder of its own; they are added up at the end, in whatever order.
/// </summary>
internal sealed class Recorder(RunPlan plan)
{
    private readonly double[] _values = new double[Observables.Count];
    private readonly long[] _fixedValues = new long[Observables.Count];
    private readonly double _logUnit = Math.ScaleB(1, -plan.LogBits);
    private readonly double _truthUnit = 1.0 / plan.TruthScale;
    private readonly bool _hasTruth = !plan.IsCorpus;
    private readonly double[] _units =
    [
        .. Enumerable.Range(0, Observables.Count).Select(o => Math.ScaleB(1, Observables.UnitBits(o))),
    ];

    private long _heldOutLog;
    private long _heldOutCovered;

    public Tally Tally { get; } = new(plan.Report.Length);

    public List<TraceRow> Trace { get; } = [];

    /// <summary>Sum modulo 2^64 over all rows: independent of their order.</summary>
    public ulong Digest { get; private set; }

    /// <summary>Records a context at a reported generation.</summary>
    /// <param name="table">The chunk's table, which keeps the row as the context's last so far.</param>
    /// <param name="index">The context's row in the table.</param>
    /// <param name="report">Index of the generation in <see cref="RunPlan.Report"/>.</param>
    /// <param name="row">The integers of <see cref="ObservableRow"/>.</param>
    /// <param name="size">Tokens n in the training set.</param>
    /// <param name="firstSize">Tokens n_1 of the first.</param>
    public void Report(ContextTable table, int index, int report, ReadOnlySpan<long> row, int size, int firstSize)
    {
        int generation = plan.Report[report];
        Convert(row, size, firstSize);
        Tally.Add(report, CreateEntry(table, index, row, size));
        Keep(table, index, generation, row);
        AddToDigest(table.FirstContext + index, generation, size, row);
        TraceContext(table, index, generation, row, size);
    }

    /// <summary>Records that a context left the work after a generation: it stays as it is in all later ones.</summary>
    public void Leave(ContextTable table, int index, int generation, ReadOnlySpan<long> row, int size, int firstSize)
    {
        int next = plan.Report.AsSpan().BinarySearch(generation + 1);
        Convert(row, size, firstSize);
        if (plan.ReportIndex(generation) < 0)
        {
            TraceContext(table, index, generation, row, size);
        }

        Tally.AddFrom(next < 0 ? ~next : next, CreateEntry(table, index, row, size));
        Keep(table, index, generation, row);
        AddToDigest(table.FirstContext + index, -generation, size, row);
    }

    /// <summary>Keeps the row of a context that is traced; <see cref="Convert"/> has made its values.</summary>
    private void TraceContext(ContextTable table, int index, int generation, ReadOnlySpan<long> row, int size)
    {
        long context = table.FirstContext + index;
        if (context < plan.Settings.Trace)
        {
            int token = ObservableRow.Token(row[ObservableRow.MaxAndToken]);
            Trace.Add(new TraceRow(context, generation, size, token, [.. _values]));
        }
    }

    private Tally.Entry CreateEntry(ContextTable table, int index, ReadOnlySpan<long> row, int size) =>
        new()
        {
            Values = _fixedValues,
            Weight = plan.IsCorpus ? table.Real[index] : 1,
            Collapsed = ObservableRow.Count(row[ObservableRow.MaxAndToken]) == size,
            HeldOutNegativeLog = _heldOutLog,
            HeldOutCovered = _heldOutCovered,
        };

    private void Keep(ContextTable table, int index, int generation, ReadOnlySpan<long> row)
    {
        table.LastGeneration[index] = generation;
        table.Token[index] = ObservableRow.Token(row[ObservableRow.MaxAndToken]);
        for (int o = 0; o < _values.Length; o++)
        {
            table.Values[o][index] = _values[o];
        }
    }

    /// <summary>The only divisions: integers to observables, and these to whole numbers of a small unit.</summary>
    private void Convert(ReadOnlySpan<long> row, int size, int firstSize)
    {
        double n = size;
        int largest = ObservableRow.Count(row[ObservableRow.MaxAndToken]);
        long logs = (size * LogTable.Ln(plan.Logs, size)) - row[ObservableRow.CountLogCount];
        _values[(int)Observable.SumOfSquares] = row[ObservableRow.SumOfSquares] / (n * n);
        _values[(int)Observable.MaxProbability] = largest / n;
        _values[(int)Observable.Support] = row[ObservableRow.Support];
        _values[(int)Observable.Entropy] = largest == size ? 0 : logs * _logUnit / n;
        _values[(int)Observable.L1FromFirst] = row[ObservableRow.L1FromFirst] / (n * firstSize);
        _values[(int)Observable.L1FromTruth] = _hasTruth ? row[ObservableRow.L1FromTruth] / n * _truthUnit : double.NaN;
        _values[(int)Observable.UnseenMass] =
            row[ObservableRow.UnseenMass] * (_hasTruth ? _truthUnit : 1.0 / firstSize);
        for (int o = 0; o < _values.Length; o++)
        {
            _fixedValues[o] = double.IsNaN(_values[o]) ? -1 : (long)(_values[o] * _units[o]);
        }

        _heldOutCovered = row[ObservableRow.HeldOutCovered];
        _heldOutLog = _heldOutCovered * LogTable.Ln(plan.Logs, size) - row[ObservableRow.HeldOutLog];
    }

    private void AddToDigest(long context, int generation, int size, ReadOnlySpan<long> row)
    {
        // Terms that do not wait for one another; each field has its own place in the sequence of h.
        ulong h = CountsHash.Mix((ulong)context ^ ((ulong)(uint)generation << 32));
        Digest +=
            CountsHash.Mix(h + (ulong)size)
            + CountsHash.Mix((h * 3) + (ulong)row[ObservableRow.SumOfSquares])
            + CountsHash.Mix((h * 5) + (ulong)row[ObservableRow.MaxAndToken])
            + CountsHash.Mix((h * 7) + (ulong)row[ObservableRow.Support])
            + CountsHash.Mix((h * 9) + (ulong)row[ObservableRow.L1FromFirst])
            + CountsHash.Mix((h * 11) + (ulong)row[ObservableRow.Hash]);
    }
}
