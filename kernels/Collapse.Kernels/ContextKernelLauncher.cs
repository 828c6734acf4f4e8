using System.Numerics;
using ILGPU;
using ILGPU.Runtime;

namespace Collapse.Kernels;

/// <summary>How a kernel is launched.</summary>
/// <param name="Kind">The kernel.</param>
/// <param name="Groups">Groups; they take contexts from the launch's queue, or each context has as many.</param>
/// <param name="GroupSize">Threads per group.</param>
/// <param name="SharedWords">32-bit words of dynamic shared memory per group.</param>
public readonly record struct KernelShape(KernelKind Kind, int Groups, int GroupSize, int SharedWords);

/// <summary>
/// Loads the kernels of one device, each when it is first needed, and launches them. It must be kept as long as
/// launches are under way: ILGPU frees a kernel that nothing holds.
/// </summary>
/// <param name="accelerator">The device.</param>
public sealed class ContextKernelLauncher(Accelerator accelerator)
{
    private const int LargestGroup = 256;
    private const int SmallestGroup = 32;
    private const int LaneGroup = 128;
    private const int OpenClGroup = 64;
    private const int MostGroupsPerProcessor = 16;

    // Groups that take all the shared memory a group may have: H100 holds 228 KB for groups of 48 KB.
    private const int SharedBlocksPerProcessor = 4;

    private readonly Lazy<Action<AcceleratorStream, KernelConfig, BatchSettings, ContextBatch>> _general = new(() =>
        accelerator.LoadKernel<BatchSettings, ContextBatch>(ContextKernel.Advance)
    );
    private readonly Lazy<Action<AcceleratorStream, KernelConfig, BatchSettings, ContextBatch, PartsStep>> _draw = new(
        () =>
            accelerator.LoadKernel<BatchSettings, ContextBatch, PartsStep>(PartsKernel.Draw)
    );
    private readonly Lazy<Action<AcceleratorStream, KernelConfig, BatchSettings, ContextBatch, PartsStep>> _sum = new(
        () =>
            accelerator.LoadKernel<BatchSettings, ContextBatch, PartsStep>(PartsKernel.Sum)
    );
    private readonly Lazy<Action<AcceleratorStream, KernelConfig, BatchSettings, ContextBatch, PartsStep>> _finish =
        new(() => accelerator.LoadKernel<BatchSettings, ContextBatch, PartsStep>(PartsKernel.Finish));
    private readonly Lazy<Action<AcceleratorStream, KernelConfig, BatchSettings, ContextBatch>> _sharedSet = new(() =>
        accelerator.LoadKernel<BatchSettings, ContextBatch>(
            HasDynamicMemory(accelerator) ? SharedSetKernel.Advance : SharedSetKernel.AdvanceFixed
        )
    );
    private readonly Lazy<Action<AcceleratorStream, KernelConfig, BatchSettings, ContextBatch>> _lane = new(() =>
        accelerator.LoadKernel<BatchSettings, ContextBatch>(
            HasDynamicMemory(accelerator) ? LaneKernel.Advance : LaneKernel.AdvanceFixed
        )
    );
    private readonly Lazy<Action<AcceleratorStream, KernelConfig, BatchSettings, CountsBatch>> _counts = new(() =>
        accelerator.LoadKernel<BatchSettings, CountsBatch>(CountsKernel.Advance)
    );
    private readonly Lazy<
        Action<
            AcceleratorStream,
            KernelConfig,
            BatchSettings,
            RowSumsSettings,
            RowBatch,
            ArrayView<long>,
            ArrayView<int>
        >
    > _rowSums = new(() =>
        accelerator.LoadKernel<BatchSettings, RowSumsSettings, RowBatch, ArrayView<long>, ArrayView<int>>(
            RowSumsKernel.Add
        )
    );

    /// <summary>The shape of a launch.</summary>
    /// <param name="kind">The kernel.</param>
    /// <param name="contexts">Contexts in the queue, at least 1.</param>
    /// <param name="tokens">Tokens of the largest training set.</param>
    /// <param name="mostGroups">The most groups, for the memory that each takes.</param>
    /// <param name="choice">The choice of kernels.</param>
    public KernelShape Shape(KernelKind kind, int contexts, int tokens, int mostGroups, KernelChoice choice)
    {
        int size = GroupSize(kind, tokens, choice);
        if (kind == KernelKind.Parts)
        {
            return new KernelShape(kind, contexts * choice.Parts(contexts, tokens), size, 0);
        }

        int perGroup = kind is KernelKind.Lane or KernelKind.Counts ? size : 1;
        int wanted = (int)(((long)contexts + perGroup - 1) / perGroup);
        int perProcessor =
            kind == KernelKind.Lane
                ? Math.Clamp(
                    SharedBlocksPerProcessor * choice.Limits.SharedBytes / (size * KernelChoice.LaneBytes(tokens)),
                    1,
                    MostGroupsPerProcessor
                )
                : MostGroupsPerProcessor;
        int resident = Math.Max(1, accelerator.NumMultiprocessors) * perProcessor;
        int groups = Math.Max(1, Math.Min(Math.Min(wanted, mostGroups), resident));
        long words =
            kind == KernelKind.Lane ? (long)size * KernelChoice.LaneBytes(tokens) / sizeof(int)
            : kind == KernelKind.SharedSet ? choice.GroupWords(tokens)
            : 0;
        return new KernelShape(kind, groups, size, (int)words);
    }

    /// <summary>Starts generations whose counts are drawn; the call returns at once.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="shape">A shape for <see cref="KernelKind.Counts"/>.</param>
    /// <param name="settings">The launch.</param>
    /// <param name="batch">The device memory.</param>
    /// <param name="halves">The tables of <see cref="HalfBinomial"/>.</param>
    /// <exception cref="ArgumentException">
    /// A count is not positive, a table of the batch is too short for the launch, or the launch begins before
    /// <see cref="CountRule.FirstGeneration"/> or keeps more than two training sets.
    /// </exception>
    public void TrainCounts(
        AcceleratorStream stream,
        KernelShape shape,
        BatchSettings settings,
        ContextBatch batch,
        ArrayView<ulong> halves
    )
    {
        Check(settings, batch, shape);
        if (settings.Slots != 2 || settings.FirstGeneration < CountRule.FirstGeneration)
        {
            throw new ArgumentException(
                $"counts are drawn from generation {CountRule.FirstGeneration} on and from the generation before, not from {settings.FirstGeneration} with {settings.Slots} sets"
            );
        }

        var config = new KernelConfig(shape.Groups, shape.GroupSize);
        _counts.Value(stream, config, settings, CountsBatch.Of(batch, halves));
    }

    /// <summary>Starts the training of the queue's contexts; the call returns at once.</summary>
    /// <exception cref="ArgumentException">A count is not positive, or a table is too short for the launch.</exception>
    public void Train(AcceleratorStream stream, KernelShape shape, BatchSettings settings, ContextBatch batch)
    {
        Check(settings, batch, shape);

        // In elements of the kernel's own type: ILGPU's accelerator on the CPU counts them.
        SharedMemoryConfig memory =
            shape.SharedWords == 0 || !HasDynamicMemory(accelerator) ? default
            : shape.Kind == KernelKind.Lane ? SharedMemoryConfig.RequestDynamic<byte>(sizeof(int) * shape.SharedWords)
            : SharedMemoryConfig.RequestDynamic<int>(shape.SharedWords);
        var config = new KernelConfig(new Index3D(shape.Groups, 1, 1), new Index3D(shape.GroupSize, 1, 1), memory);
        Action<AcceleratorStream, KernelConfig, BatchSettings, ContextBatch> kernel = shape.Kind switch
        {
            KernelKind.Lane => _lane.Value,
            KernelKind.SharedSet => _sharedSet.Value,
            _ => _general.Value,
        };
        kernel(stream, config, settings, batch);
    }

    /// <summary>
    /// Starts the training of the queue's contexts by several groups each: the launches of each generation, which follow
    /// each other on the device. The call returns at once.
    /// </summary>
    /// <param name="stream">The stream.</param>
    /// <param name="shape">A shape for <see cref="KernelKind.Parts"/>.</param>
    /// <param name="settings">The launch.</param>
    /// <param name="batch">The device memory.</param>
    /// <param name="rowOf">What <see cref="ContextBatch.RowOf"/> holds.</param>
    /// <exception cref="ArgumentException">A count is not positive, or a table is too short for the launch.</exception>
    public void TrainParts(
        AcceleratorStream stream,
        KernelShape shape,
        BatchSettings settings,
        ContextBatch batch,
        ReadOnlySpan<int> rowOf
    )
    {
        Check(settings, batch, shape);
        RequireLength(rowOf.Length, settings.Generations, nameof(rowOf));
        int contexts = settings.QueueEnd - settings.QueueStart;
        long tables = (long)contexts * settings.CountSlots;
        var all = new KernelConfig(shape.Groups, shape.GroupSize);
        var one = new KernelConfig(contexts, shape.GroupSize);
        for (int i = 0; i < settings.Generations; i++)
        {
            var step = new PartsStep { Step = i, Parts = shape.Groups / contexts };
            bool isReported = rowOf[i] >= 0;
            if (isReported)
            {
                // Every byte of TokenTable.Empty.
                batch.WorkTokens.SubView(0, tables).MemSet(stream, byte.MaxValue);
                batch.WorkCounts.SubView(0, tables).MemSetToZero(stream);
            }

            _draw.Value(stream, all, settings, batch, step);
            if (isReported)
            {
                _sum.Value(stream, all, settings, batch, step);
            }

            _finish.Value(stream, one, settings, batch, step);
        }
    }

    /// <summary>Starts to add up the rows of a launch; the call returns at once.</summary>
    /// <param name="stream">The stream of the launch.</param>
    /// <param name="settings">The launch.</param>
    /// <param name="rowSettings">Units; the slices are set here.</param>
    /// <param name="batch">The device memory.</param>
    /// <param name="sums">Zeros; see <see cref="RowSumsKernel.Add"/>.</param>
    /// <param name="bins">Zeros; see <see cref="RowSumsKernel.Add"/>.</param>
    public void AddRows(
        AcceleratorStream stream,
        BatchSettings settings,
        RowSumsSettings rowSettings,
        ContextBatch batch,
        ArrayView<long> sums,
        ArrayView<int> bins
    )
    {
        if (settings.Reported == 0)
        {
            return;
        }

        int cells = settings.Reported * RowSumsKernel.Parts;
        RequireLength(sums.Length, (long)cells * RowSumsKernel.PartLength, nameof(sums));
        RequireLength(
            bins.Length,
            (long)settings.Reported * RowSumsKernel.Observables * SketchBins.Count,
            nameof(bins)
        );

        int groupSize = Math.Min(RowSumsKernel.LargestGroup, accelerator.MaxNumThreadsPerGroup);

        // Enough groups to fill the device, and not so many that adding them up costs more than the rows.
        int resident = Math.Max(1, accelerator.NumMultiprocessors) * MostGroupsPerProcessor;
        int useful = (settings.Contexts + (16 * groupSize) - 1) / (16 * groupSize);
        rowSettings.Slices = Math.Clamp(4 * resident / cells, 1, Math.Max(1, useful));
        var config = new KernelConfig(cells * rowSettings.Slices, groupSize);
        _rowSums.Value(stream, config, settings, rowSettings, RowBatch.Of(batch), sums, bins);
    }

    /// <summary>Threads per group: about eight tokens a thread, 32 to 256; a thread a context 128; on OpenCL always 64.</summary>
    private int GroupSize(KernelKind kind, int tokens, KernelChoice choice)
    {
        int most = accelerator.MaxNumThreadsPerGroup;
        int wanted =
            kind is KernelKind.Lane or KernelKind.Counts ? LaneGroup
            : tokens >= 8 * LargestGroup ? LargestGroup
            : Math.Max((int)BitOperations.RoundUpToPowerOf2((uint)(tokens + 7) / 8), SmallestGroup);

        // OpenCL on a CPU compiles the kernel anew, for seconds, for each group size.
        wanted = accelerator.AcceleratorType == AcceleratorType.OpenCL ? OpenClGroup : wanted;
        int fit = kind == KernelKind.Lane ? choice.Limits.SharedBytes / KernelChoice.LaneBytes(tokens) : most;
        return Math.Min(Math.Min(wanted, most), fit);
    }

    private static bool HasDynamicMemory(Accelerator accelerator) =>
        accelerator.AcceleratorType != AcceleratorType.OpenCL;

    private static void Check(BatchSettings settings, ContextBatch batch, KernelShape shape)
    {
        RequirePositive(settings.Contexts, nameof(settings.Contexts));
        RequirePositive(settings.Generations, nameof(settings.Generations));
        RequirePositive(settings.FirstGeneration, nameof(settings.FirstGeneration));
        RequirePositive(settings.Slots, nameof(settings.Slots));
        RequirePositive(settings.CountSlots, nameof(settings.CountSlots));
        long contexts = settings.Contexts;
        RequireLength(batch.Order.Length, settings.QueueEnd, nameof(batch.Order));
        RequireLength(batch.QueueHeads.Length, settings.Queue + 1, nameof(batch.QueueHeads));
        RequireLength(batch.Totals.Length, LaunchTotals.Length, nameof(batch.Totals));
        RequireLength(batch.Samples.Length, contexts, nameof(batch.Samples));
        RequireLength(batch.SetOffsets.Length, contexts + 1, nameof(batch.SetOffsets));
        RequireLength(batch.SetSizes.Length, contexts * settings.Slots, nameof(batch.SetSizes));
        RequireLength(batch.RecipeOf.Length, settings.Generations, nameof(batch.RecipeOf));
        RequireLength(batch.RowOf.Length, settings.Generations, nameof(batch.RowOf));
        long rows = contexts * ObservableRow.Length;
        RequireLength(batch.Rows.Length, rows * settings.Reported, nameof(batch.Rows));
        RequireLength(batch.LastRows.Length, rows, nameof(batch.LastRows));
        RequireLength(
            batch.TraceRows.Length,
            (long)settings.Traced * settings.Reported * ObservableRow.Length,
            nameof(batch.TraceRows)
        );
        RequireLength(batch.NumberTables.Length, TableWords(shape, settings), nameof(batch.NumberTables));
        if (shape.Kind is KernelKind.General or KernelKind.Parts)
        {
            long tables = shape.Kind == KernelKind.General ? shape.Groups : settings.QueueEnd - settings.QueueStart;
            RequireLength(batch.WorkTokens.Length, tables * settings.CountSlots, nameof(batch.WorkTokens));
            RequireLength(batch.WorkCounts.Length, tables * settings.CountSlots, nameof(batch.WorkCounts));
        }
    }

    /// <summary>Words of <see cref="ContextBatch.NumberTables"/> that a launch takes.</summary>
    public static long TableWords(KernelShape shape, BatchSettings settings) =>
        shape.Kind switch
        {
            KernelKind.Lane => shape.Groups * shape.GroupSize * LaneKernel.TableWords(settings.Capacity),
            KernelKind.SharedSet => shape.Groups * SharedSetKernel.TableWords(settings.Numbers),
            _ => 0,
        };

    private static void RequirePositive(int value, string name)
    {
        if (value < 1)
        {
            throw new ArgumentException($"{name} is {value}, must be at least 1");
        }
    }

    private static void RequireLength(long length, long needed, string name)
    {
        if (length < needed)
        {
            throw new ArgumentException($"{name} holds {length} elements, the launch needs {needed}; allocate more");
        }
    }
}
