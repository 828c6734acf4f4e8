using ILGPU;

namespace Collapse.Kernels;

/// <summary>
/// The part of a <see cref="ContextBatch"/> that <see cref="CountsKernel"/> reads and writes, and its tables: kernel
/// parameters are few on OpenCL, which promises 1,024 bytes.
/// </summary>
public struct CountsBatch
{
    /// <summary><see cref="ContextBatch.Order"/>.</summary>
    public ArrayView<int> Order;

    /// <summary><see cref="ContextBatch.QueueHeads"/>.</summary>
    public ArrayView<int> QueueHeads;

    /// <summary><see cref="ContextBatch.Totals"/>.</summary>
    public ArrayView<long> Totals;

    /// <summary><see cref="ContextBatch.SetOffsets"/>.</summary>
    public ArrayView<long> SetOffsets;

    /// <summary><see cref="ContextBatch.Sets"/>.</summary>
    public ArrayView<int> Sets;

    /// <summary><see cref="ContextBatch.SetSizes"/>.</summary>
    public ArrayView<int> SetSizes;

    /// <summary><see cref="ContextBatch.FirstOffsets"/>.</summary>
    public ArrayView<long> FirstOffsets;

    /// <summary><see cref="ContextBatch.FirstTokens"/>.</summary>
    public ArrayView<int> FirstTokens;

    /// <summary><see cref="ContextBatch.FirstCounts"/>.</summary>
    public ArrayView<int> FirstCounts;

    /// <summary><see cref="ContextBatch.FirstSizes"/>.</summary>
    public ArrayView<int> FirstSizes;

    /// <summary><see cref="ContextBatch.HeldOffsets"/>.</summary>
    public ArrayView<long> HeldOffsets;

    /// <summary><see cref="ContextBatch.HeldTokens"/>.</summary>
    public ArrayView<int> HeldTokens;

    /// <summary><see cref="ContextBatch.HeldCounts"/>.</summary>
    public ArrayView<int> HeldCounts;

    /// <summary><see cref="ContextBatch.TruthUnits"/>.</summary>
    public ArrayView<long> TruthUnits;

    /// <summary><see cref="ContextBatch.RowOf"/>.</summary>
    public ArrayView<int> RowOf;

    /// <summary><see cref="ContextBatch.Logs"/>.</summary>
    public ArrayView<long> Logs;

    /// <summary><see cref="ContextBatch.CollapsedRun"/>.</summary>
    public ArrayView<int> CollapsedRun;

    /// <summary><see cref="ContextBatch.CollapseTime"/>.</summary>
    public ArrayView<int> CollapseTime;

    /// <summary><see cref="ContextBatch.LeftAt"/>.</summary>
    public ArrayView<int> LeftAt;

    /// <summary><see cref="ContextBatch.Rows"/>.</summary>
    public ArrayView<long> Rows;

    /// <summary><see cref="ContextBatch.TraceRows"/>.</summary>
    public ArrayView<long> TraceRows;

    /// <summary><see cref="ContextBatch.LastRows"/>.</summary>
    public ArrayView<long> LastRows;

    /// <summary>The tables of <see cref="HalfBinomial"/>.</summary>
    public ArrayView<ulong> Halves;

    /// <summary>The part of a batch, and the tables.</summary>
    public static CountsBatch Of(ContextBatch batch, ArrayView<ulong> halves) =>
        new()
        {
            Order = batch.Order,
            QueueHeads = batch.QueueHeads,
            Totals = batch.Totals,
            SetOffsets = batch.SetOffsets,
            Sets = batch.Sets,
            SetSizes = batch.SetSizes,
            FirstOffsets = batch.FirstOffsets,
            FirstTokens = batch.FirstTokens,
            FirstCounts = batch.FirstCounts,
            FirstSizes = batch.FirstSizes,
            HeldOffsets = batch.HeldOffsets,
            HeldTokens = batch.HeldTokens,
            HeldCounts = batch.HeldCounts,
            TruthUnits = batch.TruthUnits,
            RowOf = batch.RowOf,
            Logs = batch.Logs,
            CollapsedRun = batch.CollapsedRun,
            CollapseTime = batch.CollapseTime,
            LeftAt = batch.LeftAt,
            Rows = batch.Rows,
            TraceRows = batch.TraceRows,
            LastRows = batch.LastRows,
            Halves = halves,
        };

    /// <summary>The batch of which this is a part, for code that all kernels share; what is not in it is empty.</summary>
    internal readonly ContextBatch Whole() =>
        new()
        {
            Order = Order,
            QueueHeads = QueueHeads,
            Totals = Totals,
            SetOffsets = SetOffsets,
            Sets = Sets,
            SetSizes = SetSizes,
            FirstOffsets = FirstOffsets,
            FirstTokens = FirstTokens,
            FirstCounts = FirstCounts,
            FirstSizes = FirstSizes,
            HeldOffsets = HeldOffsets,
            HeldTokens = HeldTokens,
            HeldCounts = HeldCounts,
            TruthUnits = TruthUnits,
            RowOf = RowOf,
            Logs = Logs,
            CollapsedRun = CollapsedRun,
            CollapseTime = CollapseTime,
            LeftAt = LeftAt,
            Rows = Rows,
            TraceRows = TraceRows,
            LastRows = LastRows,
        };
}
