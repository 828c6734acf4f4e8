using Collapse.Kernels;
using Collapse.Running;

namespace Collapse.Results;

/// <summary>
/// Turns the integers that one worker of an engine reports into sums, digest, traces and last observables.
/// Each worker has a recorder of its own; they are added up at the end, in whatever order.
/// </summary>
internal sealed class Recorder(RunPlan plan)
{
    private readonly double[] _values = new double[plan.ObservableCount];
    private readonly long[] _fixedValues = new long[plan.ObservableCount];
    private readonly double _logUnit = Math.ScaleB(1, -plan.LogBits);
    private readonly double _truthUnit = 1.0 / plan.TruthScale;
    private readonly bool _hasTruth = !plan.IsCorpus;
    private readonly double[] _units =
    [
        .. Enumerable.Range(0, plan.ObservableCount).Select(o => Math.ScaleB(1, Observables.UnitBits(o))),
    ];

    private TallyBuffer? _buffer;
    private int _token;
    private bool _isCollapsed;
    private long _heldOutLog;
    private long _heldOutCovered;

    /// <summary>The sums; complete after <see cref="Complete"/>.</summary>
    public Tally Tally { get; } = new(plan.Report.Length, plan.ObservableCount);

    public List<TraceRow> TraceRows { get; } = [];

    /// <summary>Sum modulo 2^64 over all rows: independent of their order.</summary>
    public ulong Digest { get; private set; }

    /// <summary>Adds to <see cref="Tally"/> what waits to be added.</summary>
    public void Complete() => _buffer?.Flush();

    /// <summary>Records a context at a reported generation.</summary>
    /// <param name="table">The chunk's table, which keeps the row as the context's last so far.</param>
    /// <param name="index">The context's row in the table.</param>
    /// <param name="report">Index of the generation in <see cref="RunPlan.Report"/>.</param>
    /// <param name="row">The integers of <see cref="ObservableRow"/>.</param>
    /// <param name="size">Tokens n in the training set.</param>
    /// <param name="firstSize">Tokens n_1 of the first.</param>
    public void Report(ContextTable table, int index, int report, ReadOnlySpan<long> row, int size, int firstSize)
    {
        Convert(row, size, firstSize);
        Report(table, index, report, row, size);
    }

    /// <summary>Records a context of a softmax model at a reported generation.</summary>
    /// <param name="table">The chunk's table, which keeps the row as the context's last so far.</param>
    /// <param name="index">The context's row in the table.</param>
    /// <param name="report">Index of the generation in <see cref="RunPlan.Report"/>.</param>
    /// <param name="row">What was observed.</param>
    public void Report(ContextTable table, int index, int report, SoftmaxRow row)
    {
        Take(row);
        Report(table, index, report, row.Integers, row.Size);
    }

    /// <summary>Records that a context left the work after a generation: it stays as it is in all later ones.</summary>
    public void Leave(ContextTable table, int index, int generation, ReadOnlySpan<long> row, int size, int firstSize)
    {
        Convert(row, size, firstSize);
        Leave(table, index, generation, row, size);
    }

    /// <summary>Records that a context of a softmax model left the work after a generation.</summary>
    public void Leave(ContextTable table, int index, int generation, SoftmaxRow row)
    {
        Take(row);
        Leave(table, index, generation, row.Integers, row.Size);
    }

    /// <summary>Records all contexts at a reported generation, added up on a device by <see cref="RowSumsKernel"/>.</summary>
    /// <param name="report">Index of the generation in <see cref="RunPlan.Report"/>.</param>
    /// <param name="sums">The sums of that generation.</param>
    /// <param name="bins">Its quantile bins.</param>
    public void Report(int report, ReadOnlySpan<long> sums, ReadOnlySpan<int> bins)
    {
        Tally.Add(report, sums, bins);
        Digest += (ulong)sums[(RowSumsKernel.Observables * RowSumsKernel.PartLength) + RowSumsKernel.Digest];
    }

    /// <summary>Keeps a row as a context's last so far; it is part of the sums already.</summary>
    public void Keep(ContextTable table, int index, int generation, ReadOnlySpan<long> row, int size, int firstSize)
    {
        Convert(row, size, firstSize);
        Keep(table, index, generation);
    }

    /// <summary>Traces a row that is part of the sums already.</summary>
    public void Trace(ContextTable table, int index, int generation, ReadOnlySpan<long> row, int size, int firstSize)
    {
        Convert(row, size, firstSize);
        TraceContext(table, index, generation, size);
    }

    // From here on the values of the row have been made.
    private void Report(ContextTable table, int index, int report, ReadOnlySpan<long> row, int size)
    {
        int generation = plan.Report[report];
        (_buffer ??= new TallyBuffer(Tally, plan.ObservableCount)).Add(report, CreateEntry(table, index));
        Keep(table, index, generation);
        AddToDigest(table.FirstContext + index, generation, size, row);
        TraceContext(table, index, generation, size);
    }

    private void Leave(ContextTable table, int index, int generation, ReadOnlySpan<long> row, int size)
    {
        int next = plan.Report.AsSpan().BinarySearch(generation + 1);
        if (plan.ReportIndex(generation) < 0)
        {
            TraceContext(table, index, generation, size);
        }

        Tally.AddFrom(next < 0 ? ~next : next, CreateEntry(table, index));
        Keep(table, index, generation);
        AddToDigest(table.FirstContext + index, -generation, size, row);
    }

    private void TraceContext(ContextTable table, int index, int generation, int size)
    {
        long context = table.FirstContext + index;
        if (context < plan.Settings.Trace)
        {
            TraceRows.Add(new TraceRow(context, generation, size, _token, [.. _values]));
        }
    }

    private Tally.Entry CreateEntry(ContextTable table, int index) =>
        new()
        {
            Values = _fixedValues,
            Weight = plan.IsCorpus ? table.Real[index] : 1,
            Collapsed = _isCollapsed,
            HeldOutNegativeLog = _heldOutLog,
            HeldOutCovered = _heldOutCovered,
        };

    private void Keep(ContextTable table, int index, int generation)
    {
        table.LastGeneration[index] = generation;
        table.Token[index] = _token;
        table.Collapsed[index] = _isCollapsed;
        for (int o = 0; o < _values.Length; o++)
        {
            table.Values[o][index] = _values[o];
        }
    }

    /// <summary>Integers to observables, and these to whole numbers of a small unit.</summary>
    private void Convert(ReadOnlySpan<long> row, int size, int firstSize)
    {
        int largest = ObservableRow.Count(row[ObservableRow.MaxAndToken]);
        long logs = (size * LogTable.Ln(plan.Logs, size)) - row[ObservableRow.CountLogCount];
        double massUnit = _hasTruth ? _truthUnit : 1.0 / firstSize;
        _values[(int)Observable.SumOfSquares] = ObservableValue.SumOfSquares(row[ObservableRow.SumOfSquares], size);
        _values[(int)Observable.MaxProbability] = ObservableValue.MaxProbability(largest, size);
        _values[(int)Observable.Support] = row[ObservableRow.Support];
        _values[(int)Observable.Entropy] = ObservableValue.Entropy(logs, largest, size, _logUnit);
        _values[(int)Observable.L1FromFirst] = ObservableValue.L1FromFirst(
            row[ObservableRow.L1FromFirst],
            size,
            firstSize
        );
        _values[(int)Observable.L1FromTruth] = _hasTruth
            ? ObservableValue.L1FromTruth(row[ObservableRow.L1FromTruth], size, _truthUnit)
            : double.NaN;
        _values[(int)Observable.UnseenMass] = ObservableValue.UnseenMass(row[ObservableRow.UnseenMass], massUnit);
        Fix();
        _token = ObservableRow.Token(row[ObservableRow.MaxAndToken]);
        _isCollapsed = largest == size;
        _heldOutCovered = row[ObservableRow.HeldOutCovered];
        _heldOutLog = _heldOutCovered * LogTable.Ln(plan.Logs, size) - row[ObservableRow.HeldOutLog];
    }

    /// <summary>Takes over observables that are made already.</summary>
    private void Take(SoftmaxRow row)
    {
        row.Values.AsSpan(0, _values.Length).CopyTo(_values);
        Fix();
        _token = row.Token;
        _isCollapsed = row.IsCollapsed;
        _heldOutCovered = row.HeldOutCovered;
        _heldOutLog = row.HeldOutNegativeLog;
    }

    private void Fix()
    {
        for (int o = 0; o < _values.Length; o++)
        {
            _fixedValues[o] = double.IsNaN(_values[o]) ? -1 : ObservableValue.ToFixed(_values[o], _units[o]);
        }
    }

    private void AddToDigest(long context, int generation, int size, ReadOnlySpan<long> row) =>
        Digest += RowDigest.Share(
            context,
            generation,
            size,
            row[ObservableRow.SumOfSquares],
            row[ObservableRow.MaxAndToken],
            row[ObservableRow.Support],
            row[ObservableRow.L1FromFirst],
            row[ObservableRow.Hash]
        );
}
