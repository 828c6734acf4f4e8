using ILGPU;

namespace Collapse.Kernels;

/// <summary>What is the same for every context of a launch.</summary>
public struct BatchSettings
{
    /// <summary>The run's seed.</summary>
    public ulong Seed;

    /// <summary>Index of the batch's first context in the run.</summary>
    public uint FirstContext;

    /// <summary>Number of contexts in the batch.</summary>
    public int Contexts;

    /// <summary>First generation of the launch, from 1.</summary>
    public int FirstGeneration;

    /// <summary>Number of generations of the launch.</summary>
    public int Generations;

    /// <summary>Training sets kept per context: the farthest lag plus one.</summary>
    public int Slots;

    /// <summary>The farthest lag the schedule ever reads.</summary>
    public int Lookback;

    /// <summary>The last generation that takes real tokens.</summary>
    public int LastRealUse;

    /// <summary>1 where a context leaves at its first collapse, whatever could follow.</summary>
    public int UntilCollapse;

    /// <summary>Columns s of an explicit truth; 0 where real tokens are drawn from the context's own (a corpus).</summary>
    public uint TruthColumns;

    /// <summary>
    /// <see cref="TruthDraw.Threshold"/> of the columns; 0 where there are none. Found on the host: ILGPU 1.5.3 takes
    /// divisions out of the branches that guard them, and a CPU device ends the process where it divides by 0.
    /// </summary>
    public ulong TruthThreshold;

    /// <summary>Distance between the truth tables of two contexts: 0 for one shared table, else s.</summary>
    public int TruthStride;

    /// <summary>Q, the unit of <see cref="ContextBatch.TruthUnits"/>.</summary>
    public long TruthScale;

    /// <summary>Vocabulary size s.</summary>
    public int Vocabulary;

    /// <summary>Slots of one group's count table: a power of two, or s where that is smaller.</summary>
    public int CountSlots;

    /// <summary>Reported generations of the launch.</summary>
    public int Reported;

    /// <summary>Contexts, from the batch's first, whose rows are wanted one by one.</summary>
    public int Traced;

    /// <summary>1 where there is held-out text.</summary>
    public int HasHeldOut;

    /// <summary>The launch's counter in <see cref="ContextBatch.QueueHeads"/>.</summary>
    public int Queue;

    /// <summary>Where the launch's contexts start in <see cref="ContextBatch.Order"/>.</summary>
    public int QueueStart;

    /// <summary>Where they end.</summary>
    public int QueueEnd;

    /// <summary>Tokens that a training set of the launch has room for; for the kernels that keep sets in shared memory.</summary>
    public int Capacity;

    /// <summary>Local token numbers that a context of the launch has room for; for the same.</summary>
    public int Numbers;

    /// <summary>Slots of the table with which tokens are numbered; for the same.</summary>
    public int NumberSlots;
}

/// <summary>The device memory of a batch of contexts. One context is one row of each ragged table.</summary>
public struct ContextBatch
{
    /// <summary>The contexts in the order in which they are taken, the largest first.</summary>
    public ArrayView<int> Order;

    /// <summary>How far each launch's queue is, counted from its start.</summary>
    public ArrayView<int> QueueHeads;

    /// <summary>The <see cref="LaunchTotals"/>.</summary>
    public ArrayView<long> Totals;

    /// <summary>n of each context.</summary>
    public ArrayView<int> Samples;

    /// <summary>N of each context.</summary>
    public ArrayView<int> Real;

    /// <summary>1 for each context whose fresh real tokens, if any are drawn, are all one token.</summary>
    public ArrayView<int> PureTruth;

    /// <summary>Where each context's real tokens start in <see cref="RealTokens"/> (contexts + 1).</summary>
    public ArrayView<long> RealOffsets;

    /// <summary>Real tokens as token ids: uploaded for a corpus, drawn at the first launch from an explicit truth.</summary>
    public ArrayView<int> RealTokens;

    /// <summary>Where each context's training sets start in <see cref="Sets"/> (contexts + 1); slots are equally long.</summary>
    public ArrayView<long> SetOffsets;

    /// <summary>The training sets as token ids.</summary>
    public ArrayView<int> Sets;

    /// <summary>Sizes of the training sets: contexts × slots.</summary>
    public ArrayView<int> SetSizes;

    /// <summary>Where each context's table of first counts starts (contexts + 1).</summary>
    public ArrayView<long> FirstOffsets;

    /// <summary>Tokens of p^(1), open addressing; all <see cref="TokenTable.Empty"/> before the first launch.</summary>
    public ArrayView<int> FirstTokens;

    /// <summary>Counts f_i of p^(1).</summary>
    public ArrayView<int> FirstCounts;

    /// <summary>n_1 of each context.</summary>
    public ArrayView<int> FirstSizes;

    /// <summary>Where each context's held-out counts start (contexts + 1).</summary>
    public ArrayView<long> HeldOffsets;

    /// <summary>Held-out tokens.</summary>
    public ArrayView<int> HeldTokens;

    /// <summary>Held-out counts.</summary>
    public ArrayView<int> HeldCounts;

    /// <summary>Alias thresholds of the truth.</summary>
    public ArrayView<ulong> TruthThresholds;

    /// <summary>Aliases of the truth.</summary>
    public ArrayView<int> TruthAliases;

    /// <summary>The truth in units of 1/Q.</summary>
    public ArrayView<long> TruthUnits;

    /// <summary>Recipe of each generation of the launch.</summary>
    public ArrayView<int> RecipeOf;

    /// <summary>Row of each generation of the launch among the reported ones, or -1.</summary>
    public ArrayView<int> RowOf;

    /// <summary>Where each recipe's segments start (recipes + 1).</summary>
    public ArrayView<int> RecipeOffsets;

    /// <summary>The segments.</summary>
    public ArrayView<Segment> Segments;

    /// <summary>The table of <see cref="LogTable"/>.</summary>
    public ArrayView<long> Logs;

    /// <summary>Count tables, one a group: tokens (-1 empty).</summary>
    public ArrayView<int> WorkTokens;

    /// <summary>Count tables, one a group: counts.</summary>
    public ArrayView<int> WorkCounts;

    /// <summary>What the kernels that keep sets in shared memory know of each local token number.</summary>
    public ArrayView<int> NumberTables;

    /// <summary>The run of <see cref="Absorption.ExtendRun"/> so far.</summary>
    public ArrayView<int> CollapsedRun;

    /// <summary>First collapsed generation, 0 for none.</summary>
    public ArrayView<int> CollapseTime;

    /// <summary>The generation after which a context left the work, 0 while it is in it.</summary>
    public ArrayView<int> LeftAt;

    /// <summary>Rows: Reported × <see cref="ObservableRow.Length"/> × contexts, so that neighbours write side by side.</summary>
    public ArrayView<long> Rows;

    /// <summary>Rows of traced contexts: Traced × Reported × <see cref="ObservableRow.Length"/>.</summary>
    public ArrayView<long> TraceRows;

    /// <summary>The row with which a context left, else its last reported one: contexts × <see cref="ObservableRow.Length"/>.</summary>
    public ArrayView<long> LastRows;
}
