using Collapse.Kernels;
using Collapse.Results;
using Collapse.Running;
using ILGPU;
using ILGPU.Algorithms;
using ILGPU.Runtime;

namespace Collapse.Engines.Gpu;

/// <summary>The device memory of one batch of contexts, filled from the plan, and the host arrays that come back.</summary>
internal sealed class DeviceBatch : IDisposable
{
    /// <summary>The most generations of one launch.</summary>
    public const int MostGenerations = 16;

    private readonly List<MemoryBuffer> _buffers = [];
    private readonly Accelerator _accelerator;
    private readonly MemoryBuffer1D<int, Stride1D.Dense> _recipeOf;
    private readonly MemoryBuffer1D<int, Stride1D.Dense> _rowOf;
    private readonly MemoryBuffer1D<int, Stride1D.Dense> _collapseTime;
    private readonly MemoryBuffer1D<int, Stride1D.Dense> _leftAt;
    private readonly MemoryBuffer1D<long, Stride1D.Dense> _rows;

    public DeviceBatch(
        RunPlan plan,
        ContextTable table,
        BatchRange range,
        Accelerator accelerator,
        Initializer<int, Stride1D.Dense> fill,
        int groups
    )
    {
        _accelerator = accelerator;
        int count = range.Count;
        LeftAt = new int[count];
        CollapseTime = new int[count];
        Rows = new long[count * (MostGenerations + 1L) * ObservableRow.Length];
        Settings = CreateSettings(plan, table, range);
        int[] samples = table.Samples.AsSpan(range.Start, count).ToArray();
        int[] real = table.Real.AsSpan(range.Start, count).ToArray();
        long[] realOffsets = Offsets(count, i => plan.IsCorpus || plan.Schedule.KeepsReal ? real[i] : 0);
        long[] setOffsets = Offsets(count, i => Settings.Slots * plan.Schedule.LargestSet(samples[i], real[i]));
        long[] firstOffsets = Offsets(
            count,
            i => ContextKernel.CountSlots((int)plan.Schedule.SetSize(1, samples[i], real[i]), plan.Vocabulary)
        );
        _recipeOf = Keep(accelerator.Allocate1D<int>(MostGenerations));
        _rowOf = Keep(accelerator.Allocate1D<int>(MostGenerations));
        _collapseTime = Keep(accelerator.Allocate1D<int>(count));
        _leftAt = Keep(accelerator.Allocate1D<int>(count));
        _rows = Keep(accelerator.Allocate1D<long>(Rows.LongLength));
        _collapseTime.MemSetToZero();
        _leftAt.MemSetToZero();
        TruthData truth = TruthData.Create(plan, table.FirstContext + range.Start, count);
        HeldOutData heldOut = HeldOutData.Create(plan, table.FirstContext + range.Start, count);
        Views = new ContextBatch
        {
            Samples = Upload(samples),
            Real = Upload(real),
            PureTruth = Upload(truth.Pure),
            RealOffsets = Upload(realOffsets),
            RealTokens = plan.IsCorpus ? Upload(Followers(plan, table, range)) : Empty<int>(realOffsets[^1]),
            SetOffsets = Upload(setOffsets),
            Sets = Empty<int>(setOffsets[^1]),
            SetSizes = Empty<int>((long)count * Settings.Slots),
            FirstOffsets = Upload(firstOffsets),
            FirstTokens = Filled(fill, firstOffsets[^1], ContextKernel.Empty),
            FirstCounts = Empty<int>(firstOffsets[^1]),
            FirstSizes = Empty<int>(count),
            HeldOffsets = Upload(heldOut.Offsets),
            HeldTokens = Upload(heldOut.Tokens),
            HeldCounts = Upload(heldOut.Counts),
            TruthThresholds = Upload(truth.Thresholds),
            TruthAliases = Upload(truth.Aliases),
            TruthUnits = Upload(truth.Units),
            RecipeOf = _recipeOf.View,
            RowOf = _rowOf.View,
            RecipeOffsets = Upload(RecipeOffsets(plan)),
            Segments = Upload(plan.Schedule.Recipes.SelectMany(r => r).ToArray()),
            Logs = Upload(plan.Logs),
            WorkTokens = Empty<int>((long)groups * Settings.CountSlots),
            WorkCounts = Empty<int>((long)groups * Settings.CountSlots),
            CollapsedRun = Empty<int>(count),
            CollapseTime = _collapseTime.View,
            LeftAt = _leftAt.View,
            Rows = _rows.View,
        };
    }

    /// <summary>What all contexts share; each launch sets its generations.</summary>
    public BatchSettings Settings;

    /// <summary>The device memory.</summary>
    public ContextBatch Views { get; }

    /// <summary>After <see cref="Download"/>: the generation after which each context left, or 0.</summary>
    public int[] LeftAt { get; }

    /// <summary>After <see cref="Download"/>: collapse times, or 0.</summary>
    public int[] CollapseTime { get; }

    /// <summary>After <see cref="Download"/>: the rows of the last launch.</summary>
    public long[] Rows { get; }

    /// <summary>Bytes of device memory that one context takes, its share of shared tables left out.</summary>
    public static double BytesPerContext(RunPlan plan, int samples, int real)
    {
        double sets = 4.0 * (plan.Schedule.Lookback + 1) * plan.Schedule.LargestSet(samples, real);
        double first = 8.0 * ContextKernel.CountSlots((int)plan.Schedule.SetSize(1, samples, real), plan.Vocabulary);
        double kept = plan.IsCorpus || plan.Schedule.KeepsReal ? 4.0 * real : 0;
        double truth = plan.IsPerContext ? 20.0 * plan.Vocabulary : 0;
        double rows = 8.0 * ObservableRow.Length * (MostGenerations + 1);
        return sets + first + kept + truth + rows + (4.0 * plan.Schedule.Lookback) + 64;
    }

    /// <summary>Sets the generations of the next launch.</summary>
    public void SelectGenerations(RunPlan plan, int first, int count)
    {
        var recipes = new int[MostGenerations];
        var rows = new int[MostGenerations];
        int reported = 0;
        for (int i = 0; i < count; i++)
        {
            recipes[i] = plan.Schedule.RecipeNumber(first + i);
            rows[i] = plan.ReportIndex(first + i) >= 0 ? reported++ : -1;
        }

        _recipeOf.CopyFromCPU(recipes);
        _rowOf.CopyFromCPU(rows);
        Settings.FirstGeneration = first;
        Settings.Generations = count;
        Settings.Reported = reported;
    }

    /// <summary>Waits for the launch and brings its rows to the host.</summary>
    public void Download()
    {
        _accelerator.Synchronize();
        _leftAt.CopyToCPU(LeftAt);
        _collapseTime.CopyToCPU(CollapseTime);
        long length = (long)Settings.Contexts * (Settings.Reported + 1) * ObservableRow.Length;

        // As a span: ILGPU 1.5.3 does not pin an array that it is given by its first element, and copies while the
        // garbage collector may move it.
        _rows.View.SubView(0, length).CopyToCPU(_accelerator.DefaultStream, Rows.AsSpan(0, (int)length));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (MemoryBuffer buffer in _buffers)
        {
            buffer.Dispose();
        }
    }

    private static BatchSettings CreateSettings(RunPlan plan, ContextTable table, BatchRange range) =>
        new()
        {
            Seed = plan.Seed,
            FirstContext = (uint)(table.FirstContext + range.Start),
            Contexts = range.Count,
            Slots = plan.Schedule.Lookback + 1,
            Lookback = plan.Schedule.Lookback,
            LastRealUse = plan.Schedule.LastRealUse,
            UntilCollapse = plan.Settings.UntilCollapse ? 1 : 0,
            TruthColumns = plan.IsCorpus ? 0 : (uint)plan.Vocabulary,
            TruthStride = plan.IsPerContext ? plan.Vocabulary : 0,
            TruthScale = plan.TruthScale,
            Vocabulary = plan.Vocabulary,
            CountSlots = range.CountSlots,
        };

    private static long[] Offsets(int count, Func<int, long> length)
    {
        var offsets = new long[count + 1];
        for (int i = 0; i < count; i++)
        {
            offsets[i + 1] = offsets[i] + length(i);
        }

        return offsets;
    }

    private static int[] RecipeOffsets(RunPlan plan)
    {
        long[] offsets = Offsets(plan.Schedule.Recipes.Length, i => plan.Schedule.Recipes[i].Length);
        return [.. offsets.Select(o => (int)o)];
    }

    private static int[] Followers(RunPlan plan, ContextTable table, BatchRange range)
    {
        ReadOnlySpan<long> offsets = plan.Corpus.Offsets.Span;
        int start = (int)table.FirstContext + range.Start;
        return plan.Corpus.Followers[(int)offsets[start]..(int)offsets[start + range.Count]].ToArray();
    }

    private ArrayView<T> Upload<T>(T[] values)
        where T : unmanaged => values.Length == 0 ? Empty<T>(0) : Keep(_accelerator.Allocate1D(values)).View;

    private ArrayView<T> Empty<T>(long length)
        where T : unmanaged
    {
        MemoryBuffer1D<T, Stride1D.Dense> buffer = Keep(_accelerator.Allocate1D<T>(Math.Max(length, 1)));
        buffer.MemSetToZero();
        return buffer.View;
    }

    private ArrayView<int> Filled(Initializer<int, Stride1D.Dense> fill, long length, int value)
    {
        MemoryBuffer1D<int, Stride1D.Dense> buffer = Keep(_accelerator.Allocate1D<int>(length));
        fill(_accelerator.DefaultStream, buffer.View, value);
        return buffer.View;
    }

    private MemoryBuffer1D<T, Stride1D.Dense> Keep<T>(MemoryBuffer1D<T, Stride1D.Dense> buffer)
        where T : unmanaged
    {
        _buffers.Add(buffer);
        return buffer;
    }
}
