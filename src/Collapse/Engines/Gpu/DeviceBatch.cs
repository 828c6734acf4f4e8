using Collapse.Kernels;
using Collapse.Results;
using Collapse.Running;
using ILGPU;
using ILGPU.Algorithms;
using ILGPU.Runtime;

namespace Collapse.Engines.Gpu;

/// <summary>
/// One batch of contexts on a device: its memory, filled from the plan, the launches that train it, and the host
/// arrays that come back. Rows stay on the device, but for those of traced contexts and the last of each.
/// </summary>
internal sealed class DeviceBatch : IDisposable
{
    /// <summary>The most generations of one launch.</summary>
    public const int MostGenerations = 64;

    private const double MostWorkBytes = 1 << 28;
    private const int NumbersPerReport = RowSumsKernel.Parts * RowSumsKernel.PartLength;
    private const int BinsPerReport = RowSumsKernel.Observables * SketchBins.Count;

    private readonly List<MemoryBuffer> _buffers = [];
    private readonly RunPlan _plan;
    private readonly Accelerator _accelerator;
    private readonly ContextKernelLauncher _launcher;
    private readonly RowSumsSettings _rowSettings;
    private readonly int _firstModelGeneration;
    private readonly (KernelShape Shape, BatchSettings Settings)[] _generalLaunches;
    private readonly (KernelShape Shape, BatchSettings Settings)[] _modelLaunches;
    private readonly (KernelShape Shape, BatchSettings Settings) _countsLaunch;
    private readonly ContextBatch _views;
    private readonly ArrayView<ulong> _halvesView;
    private readonly ArrayView<long> _sumsView;
    private readonly ArrayView<int> _binsView;
    private readonly long[] _sums;
    private readonly int[] _bins;
    private readonly int[] _recipeOf;
    private readonly int[] _rowOf;
    private BatchSettings _settings;

    public DeviceBatch(
        RunPlan plan,
        ContextTable table,
        BatchRange range,
        Accelerator accelerator,
        Initializer<int, Stride1D.Dense> fill,
        ContextKernelLauncher launcher,
        KernelLimits limits
    )
    {
        _plan = plan;
        _accelerator = accelerator;
        _launcher = launcher;
        int count = range.Count;
        int window = Window(plan);
        _settings = CreateSettings(plan, table, range);
        _rowSettings = new RowSumsSettings
        {
            LogUnit = Math.ScaleB(1, -plan.LogBits),
            TruthUnit = 1.0 / plan.TruthScale,
        };
        LeftAt = new int[count];
        CollapseTime = new int[count];
        LastRows = new long[(long)count * ObservableRow.Length];
        TraceRows = new long[(long)_settings.Traced * window * ObservableRow.Length];
        Totals = new long[LaunchTotals.Length];
        _sums = new long[window * NumbersPerReport];
        _bins = new int[window * BinsPerReport];
        _recipeOf = new int[window];
        _rowOf = new int[window];
        int[] samples = table.Samples.AsSpan(range.Start, count).ToArray();
        int[] real = table.Real.AsSpan(range.Start, count).ToArray();
        int[] sizes = [.. samples.Select((n, i) => (int)plan.Schedule.LargestSet(n, real[i]))];
        int[] order = LaunchClass.Order(sizes);
        var choice = new KernelChoice(_settings.Slots, plan.Vocabulary, limits);
        int mostTables = (int)Math.Max(1, MostWorkBytes / (8.0 * _settings.CountSlots));
        _firstModelGeneration = LaunchClass.FirstModelGeneration(plan.Schedule);
        _generalLaunches = Shape(LaunchClass.General(sizes, choice, mostTables), choice, mostTables);
        _modelLaunches = Shape(LaunchClass.Split(sizes, choice, mostTables), choice, mostTables);
        _countsLaunch = Shape([new LaunchClass(KernelKind.Counts, 0, count, sizes[0])], choice, mostTables)[0];
        long tables = _generalLaunches.Concat(_modelLaunches).Max(Tables);
        long tableWords = _modelLaunches.Max(l => ContextKernelLauncher.TableWords(l.Shape, l.Settings));
        long[] realOffsets = Offsets(count, i => plan.IsCorpus || plan.Schedule.KeepsReal ? real[i] : 0);
        long[] setOffsets = Offsets(count, i => _settings.Slots * plan.Schedule.LargestSet(samples[i], real[i]));
        long[] firstOffsets = Offsets(
            count,
            i => TokenTable.Slots((int)plan.Schedule.SetSize(1, samples[i], real[i]), plan.Vocabulary)
        );
        TruthData truth = TruthData.Create(plan, table.FirstContext + range.Start, count);
        HeldOutData heldOut = HeldOutData.Create(plan, table.FirstContext + range.Start, count);
        _halvesView = Upload(plan.HalfBinomials);
        _sumsView = Empty<long>(_sums.Length);
        _binsView = Empty<int>(_bins.Length);
        _views = new ContextBatch
        {
            Order = Upload(order),
            QueueHeads = Empty<int>(Math.Max(_modelLaunches.Length, _generalLaunches.Length)),
            Totals = Empty<long>(LaunchTotals.Length),
            Samples = Upload(samples),
            Real = Upload(real),
            PureTruth = Upload(truth.Pure),
            RealOffsets = Upload(realOffsets),
            RealTokens = plan.IsCorpus ? Upload(Followers(plan, table, range)) : Empty<int>(realOffsets[^1]),
            SetOffsets = Upload(setOffsets),
            Sets = Empty<int>(setOffsets[^1]),
            SetSizes = Empty<int>((long)count * _settings.Slots),
            FirstOffsets = Upload(firstOffsets),
            FirstTokens = Filled(fill, firstOffsets[^1], TokenTable.Empty),
            FirstCounts = Empty<int>(firstOffsets[^1]),
            FirstSizes = Empty<int>(count),
            HeldOffsets = Upload(heldOut.Offsets),
            HeldTokens = Upload(heldOut.Tokens),
            HeldCounts = Upload(heldOut.Counts),
            TruthThresholds = Upload(truth.Thresholds),
            TruthAliases = Upload(truth.Aliases),
            TruthUnits = Upload(truth.Units),
            RecipeOf = Empty<int>(window),
            RowOf = Empty<int>(window),
            RecipeOffsets = Upload(RecipeOffsets(plan)),
            Segments = Upload(plan.Schedule.Recipes.SelectMany(r => r).ToArray()),
            Logs = Upload(plan.Logs),
            WorkTokens = Empty<int>(tables * _settings.CountSlots),
            WorkCounts = Empty<int>(tables * _settings.CountSlots),
            NumberTables = Empty<int>(tableWords),
            CollapsedRun = Empty<int>(count),
            CollapseTime = Empty<int>(count),
            LeftAt = Empty<int>(count),
            Rows = Empty<long>((long)count * window * ObservableRow.Length),
            TraceRows = Empty<long>(TraceRows.LongLength),
            LastRows = Empty<long>(LastRows.LongLength),
        };
    }

    /// <summary>First generation of the last launch.</summary>
    public int FirstGeneration => _settings.FirstGeneration;

    /// <summary>Last generation of the last launch.</summary>
    public int LastGeneration => _settings.FirstGeneration + _settings.Generations - 1;

    /// <summary>Generations of the last launch that are reported.</summary>
    public int Reported => _settings.Reported;

    /// <summary>Contexts whose rows are wanted one by one.</summary>
    public int Traced => _settings.Traced;

    /// <summary>The generation after which each context left, or 0.</summary>
    public int[] LeftAt { get; }

    /// <summary>The <see cref="LaunchTotals"/> of the last launch.</summary>
    public long[] Totals { get; }

    /// <summary>Rows of traced contexts of the last launch.</summary>
    public long[] TraceRows { get; }

    /// <summary>After <see cref="DownloadEnd"/>: collapse times, or 0.</summary>
    public int[] CollapseTime { get; }

    /// <summary>After <see cref="DownloadEnd"/>: the row with which each context left, or its last reported one.</summary>
    public long[] LastRows { get; }

    /// <summary>Bytes of device memory that one context takes, its share of shared tables left out.</summary>
    public static double BytesPerContext(RunPlan plan, int samples, int real)
    {
        double sets = 4.0 * (plan.Schedule.Lookback + 1) * plan.Schedule.LargestSet(samples, real);
        double first = 8.0 * TokenTable.Slots((int)plan.Schedule.SetSize(1, samples, real), plan.Vocabulary);
        double kept = plan.IsCorpus || plan.Schedule.KeepsReal ? 4.0 * real : 0;
        double truth = plan.IsPerContext ? 20.0 * plan.Vocabulary : 0;
        double traced = plan.Settings.Trace > 0 ? 2 : 1;
        double rows = 8.0 * ObservableRow.Length * ((traced * Window(plan)) + 1);
        return sets + first + kept + truth + rows + (4.0 * plan.Schedule.Lookback) + 64;
    }

    /// <summary>Trains a few generations, adds up their rows, and brings what they add up to to the host.</summary>
    /// <param name="first">The first generation.</param>
    /// <param name="most">The most generations, at least 1.</param>
    public void Train(int first, int most)
    {
        // A launch is of one kind of generations.
        bool isCounted = first >= _plan.FirstCountedGeneration;
        bool fromModels = first >= _firstModelGeneration;
        int next =
            isCounted ? int.MaxValue
            : fromModels ? _plan.FirstCountedGeneration
            : Math.Min(_firstModelGeneration, _plan.FirstCountedGeneration);
        int end = Math.Min(_plan.LastGeneration, next - 1);
        SelectGenerations(first, Math.Min(Math.Min(most, _recipeOf.Length), end - first + 1));
        _views.QueueHeads.MemSetToZero();
        _views.Totals.MemSetToZero();
        if (isCounted)
        {
            BatchSettings settings = Launch(_countsLaunch.Settings);
            _launcher.TrainCounts(_accelerator.DefaultStream, _countsLaunch.Shape, settings, _views, _halvesView);
        }
        else
        {
            foreach ((KernelShape shape, BatchSettings own) in fromModels ? _modelLaunches : _generalLaunches)
            {
                Train(shape, Launch(own));
            }
        }

        int reported = _settings.Reported;
        ArrayView<long> sums = _sumsView.SubView(0, Math.Max(1, reported * NumbersPerReport));
        ArrayView<int> bins = _binsView.SubView(0, Math.Max(1, reported * BinsPerReport));
        sums.MemSetToZero();
        bins.MemSetToZero();
        _launcher.AddRows(_accelerator.DefaultStream, _settings, _rowSettings, _views, sums, bins);
        _accelerator.Synchronize();
        Download(_views.Totals, Totals, Totals.Length);
        Download(_views.LeftAt, LeftAt, LeftAt.Length);
        Download(sums, _sums, reported * NumbersPerReport);
        Download(bins, _bins, reported * BinsPerReport);
        Download(_views.TraceRows, TraceRows, _settings.Traced * reported * ObservableRow.Length);
    }

    /// <summary>Sums over contexts for a reported generation of the last launch, counted from 0.</summary>
    public ReadOnlySpan<long> SumsOf(int row) => _sums.AsSpan(row * NumbersPerReport, NumbersPerReport);

    /// <summary>Quantile bins for a reported generation of the last launch, counted from 0.</summary>
    public ReadOnlySpan<int> BinsOf(int row) => _bins.AsSpan(row * BinsPerReport, BinsPerReport);

    /// <summary>Brings the state of each context to the host.</summary>
    public void DownloadEnd()
    {
        Download(_views.CollapseTime, CollapseTime, CollapseTime.Length);
        Download(_views.LastRows, LastRows, LastRows.Length);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (MemoryBuffer buffer in _buffers)
        {
            buffer.Dispose();
        }
    }

    /// <summary>Generations of a launch that there is room for.</summary>
    private static int Window(RunPlan plan) => Math.Min(MostGenerations, plan.LastGeneration);

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
            TruthThreshold = plan.IsCorpus ? 0 : TruthDraw.Threshold((uint)plan.Vocabulary),
            TruthStride = plan.IsPerContext ? plan.Vocabulary : 0,
            TruthScale = plan.TruthScale,
            Vocabulary = plan.Vocabulary,
            CountSlots = range.CountSlots,
            Traced = (int)Math.Clamp(plan.Settings.Trace - table.FirstContext - range.Start, 0, range.Count),
            HasHeldOut = plan.Settings.HeldOut is null ? 0 : 1,
        };

    private (KernelShape Shape, BatchSettings Settings)[] Shape(
        LaunchClass[] classes,
        KernelChoice choice,
        int mostTables
    ) => [.. classes.Select((c, i) => Shape(c, i, choice, mostTables))];

    private (KernelShape Shape, BatchSettings Settings) Shape(
        LaunchClass contexts,
        int number,
        KernelChoice choice,
        int mostTables
    )
    {
        int count = contexts.End - contexts.Start;
        KernelShape shape = _launcher.Shape(contexts.Kind, count, contexts.LargestSet, mostTables, choice);
        BatchSettings settings = _settings;
        settings.Queue = number;
        settings.QueueStart = contexts.Start;
        settings.QueueEnd = contexts.End;
        if (contexts.Kind is KernelKind.Lane or KernelKind.SharedSet)
        {
            settings.Capacity = KernelChoice.Capacity(contexts.LargestSet);
            settings.Numbers = choice.Numbers(contexts.LargestSet);
            settings.NumberSlots = (int)SharedSetKernel.NumberSlots(settings.Numbers, settings.Vocabulary);
        }

        return (shape, settings);
    }

    /// <summary>Tables of counts that a launch takes: one a group, or one a context that has several groups.</summary>
    private static long Tables((KernelShape Shape, BatchSettings Settings) launch) =>
        launch.Shape.Kind switch
        {
            KernelKind.General => launch.Shape.Groups,
            KernelKind.Parts => launch.Settings.QueueEnd - launch.Settings.QueueStart,
            _ => 0,
        };

    private void Train(KernelShape shape, BatchSettings settings)
    {
        if (shape.Kind == KernelKind.Parts)
        {
            _launcher.TrainParts(_accelerator.DefaultStream, shape, settings, _views, _rowOf);
        }
        else
        {
            _launcher.Train(_accelerator.DefaultStream, shape, settings, _views);
        }
    }

    /// <summary>The settings of a launch for the generations selected.</summary>
    private BatchSettings Launch(BatchSettings settings)
    {
        settings.FirstGeneration = _settings.FirstGeneration;
        settings.Generations = _settings.Generations;
        settings.Reported = _settings.Reported;
        return settings;
    }

    private void SelectGenerations(int first, int count)
    {
        int reported = 0;
        for (int i = 0; i < count; i++)
        {
            _recipeOf[i] = _plan.Schedule.RecipeNumber(first + i);
            _rowOf[i] = _plan.ReportIndex(first + i) >= 0 ? reported++ : -1;
        }

        _views.RecipeOf.CopyFromCPU(_accelerator.DefaultStream, _recipeOf.AsSpan());
        _views.RowOf.CopyFromCPU(_accelerator.DefaultStream, _rowOf.AsSpan());
        _settings.FirstGeneration = first;
        _settings.Generations = count;
        _settings.Reported = reported;
    }

    // As spans: ILGPU 1.5.3 does not pin an array that it is given by its first element, and copies while the
    // garbage collector may move it.
    private void Download<T>(ArrayView<T> view, T[] target, int length)
        where T : unmanaged
    {
        if (length > 0)
        {
            view.SubView(0, length).CopyToCPU(_accelerator.DefaultStream, target.AsSpan(0, length));
        }
    }

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
