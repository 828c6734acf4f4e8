using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Collapse.Kernels;
using Collapse.Results;
using Collapse.Running;
using ILGPU;
using ILGPU.Algorithms;
using ILGPU.Runtime;

namespace Collapse.Engines.Gpu;

/// <summary>
/// Trains contexts with <see cref="ContextKernel"/> on a CUDA or OpenCL device. The host only splits chunks
/// into batches that fit, chooses how many generations a launch covers, and records the rows that come back.
/// </summary>
public sealed class IlgpuEngine : IEngine
{
    // Launches should be long against their overhead and short against a person's patience with Ctrl-C.
    private static readonly TimeSpan ShortLaunch = TimeSpan.FromMilliseconds(200);

    private const double MemoryShare = 0.7;
    private const int MostGroupsPerProcessor = 16;
    private const double MostWorkBytes = 1 << 28;

    private readonly Context _context;
    private readonly Accelerator _accelerator;
    private readonly double _batchBytes;
    private readonly Dictionary<(int Groups, int Size), ContextKernelLaunch> _launches = [];

    // Kept like the launches: ILGPU frees a kernel that nothing holds, even while its launcher is at work.
    private readonly Initializer<int, Stride1D.Dense> _fill;

    /// <summary>Creates the engine; the context is disposed with it.</summary>
    /// <param name="name">"cuda", "opencl", or one of these with the device's number.</param>
    /// <param name="context">An ILGPU context that has the device.</param>
    /// <param name="device">The device.</param>
    /// <param name="batchBytes">Most bytes of device memory for the contexts of a batch; for tests of what fits at once.</param>
    internal IlgpuEngine(string name, Context context, Device device, double batchBytes = double.PositiveInfinity)
    {
        Name = name;
        _context = context;
        _accelerator = device.CreateAccelerator(context);
        _batchBytes = batchBytes;
        _fill = _accelerator.CreateInitializer<int, Stride1D.Dense>();
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public string Device => _accelerator.Name.Trim();

    private double Budget => MemoryShare * _accelerator.MemorySize;

    /// <inheritdoc/>
    public int ChunkCapacity(RunPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        double largest = 0;
        for (long i = 0; i < (plan.IsCorpus ? plan.Contexts : 1); i++)
        {
            largest = Math.Max(largest, DeviceBatch.BytesPerContext(plan, plan.SamplesOf(i), plan.RealOf(i)));
        }

        double shared = plan.HasSharedTruth ? 20.0 * plan.Vocabulary : 0;
        double work = 8.0 * ContextKernel.CountSlots(plan.LargestSet, plan.Vocabulary);
        if (largest + shared + work > Budget)
        {
            throw new InvalidInputException(
                "--samples",
                plan.LargestSet.ToString(CultureInfo.InvariantCulture),
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"one context would take {(largest + shared + work) / (1 << 30):0.#} GiB of {Device}, more than the {Budget / (1 << 30):0.#} GiB that may be used"
                ),
                "lower --samples, --window or --generations, or use --engine cpu"
            );
        }

        return int.MaxValue;
    }

    /// <inheritdoc/>
    public double HostBytes(RunPlan plan, int chunk)
    {
        ArgumentNullException.ThrowIfNull(plan);

        // A batch's tables pass through arrays on the host.
        double perContext = DeviceBatch.BytesPerContext(plan, plan.SamplesOf(0), plan.RealOf(0));
        return Math.Min(chunk * perContext, 2.0 * (1 << 30));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _accelerator.Dispose();
        _context.Dispose();
    }

    /// <inheritdoc/>
    public void Train(RunPlan plan, Chunk chunk, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(chunk);
        foreach (BatchRange range in BatchRange.Split(plan, chunk.Table, Math.Min(Budget, _batchBytes)))
        {
            if (cancellation.IsCancellationRequested)
            {
                return;
            }

            int groups = Groups(range);
            using var batch = new DeviceBatch(plan, chunk.Table, range, _accelerator, _fill, groups);
            TrainBatch(plan, chunk, range, batch, Launch(range, groups), cancellation);
        }
    }

    private void TrainBatch(
        RunPlan plan,
        Chunk chunk,
        BatchRange range,
        DeviceBatch batch,
        ContextKernelLaunch launch,
        CancellationToken cancellation
    )
    {
        int length = 1;
        int first = 1;
        bool isActive = true;
        while (isActive && first <= plan.LastGeneration && !cancellation.IsCancellationRequested)
        {
            int generations = Math.Min(length, plan.LastGeneration - first + 1);
            var watch = Stopwatch.StartNew();
            int[] leftBefore = (int[])batch.LeftAt.Clone();
            batch.SelectGenerations(plan, first, generations);
            launch(_accelerator.DefaultStream, batch.Settings, batch.Views);
            batch.Download();
            if (watch.Elapsed < ShortLaunch)
            {
                length = Math.Min(2 * length, DeviceBatch.MostGenerations);
            }

            Record(plan, chunk, range, batch, leftBefore);
            isActive = batch.LeftAt.AsSpan().Contains(0);
            first += generations;
        }
    }

    /// <summary>Hands the rows of a launch to recorders, contexts side by side.</summary>
    private static void Record(RunPlan plan, Chunk chunk, BatchRange range, DeviceBatch batch, int[] leftBefore) =>
        Parallel.ForEach(
            Partitioner.Create(0, range.Count),
            part =>
            {
                Recorder recorder = chunk.Rent();
                for (int i = part.Item1; i < part.Item2; i++)
                {
                    if (leftBefore[i] == 0)
                    {
                        RecordContext(plan, chunk, range.Start + i, batch, i, recorder);
                    }
                }

                chunk.Return(recorder);
            }
        );

    private static void RecordContext(RunPlan plan, Chunk chunk, int index, DeviceBatch batch, int i, Recorder recorder)
    {
        ContextTable table = chunk.Table;
        (int samples, int real) = (table.Samples[index], table.Real[index]);
        var firstSize = (int)plan.Schedule.SetSize(1, samples, real);
        int left = batch.LeftAt[i];
        int end = batch.Settings.FirstGeneration + batch.Settings.Generations - 1;
        int last = left > 0 ? left : end;
        int reported = batch.Settings.Reported;
        long start = (long)i * (reported + 1);
        long drawn = 0;
        long settled = 0;
        int row = 0;
        table.CollapseTime[index] = batch.CollapseTime[i];
        for (int m = batch.Settings.FirstGeneration; m <= last; m++)
        {
            var size = (int)plan.Schedule.SetSize(m, samples, real);
            drawn += plan.Schedule.DrawnSize(m, samples, real);
            settled += size;
            if (plan.ReportIndex(m) is >= 0 and int report)
            {
                recorder.Report(table, index, report, Row(start + row++), size, firstSize);
            }
        }

        if (left > 0)
        {
            recorder.Leave(
                table,
                index,
                left,
                Row(start + reported),
                (int)plan.Schedule.SetSize(left, samples, real),
                firstSize
            );
            double perGeneration = plan.Schedule.TotalSize(samples, real) / plan.LastGeneration;
            settled += (long)(perGeneration * (plan.LastGeneration - left));
        }

        chunk.Advance(drawn, settled);

        ReadOnlySpan<long> Row(long number) =>
            batch.Rows.AsSpan((int)(number * ObservableRow.Length), ObservableRow.Length);
    }

    private int Groups(BatchRange range)
    {
        int most = Math.Max(1, _accelerator.NumMultiprocessors) * MostGroupsPerProcessor;
        int fit = (int)Math.Max(1, MostWorkBytes / (8.0 * range.CountSlots));
        return Math.Min(Math.Min(most, fit), range.Count);
    }

    private ContextKernelLaunch Launch(BatchRange range, int groups)
    {
        int size = ContextKernelLauncher.GroupSize(_accelerator, range.CountSlots / 2);
        if (!_launches.TryGetValue((groups, size), out ContextKernelLaunch? launch))
        {
            launch = ContextKernelLauncher.Create(_accelerator, groups, size);
            _launches.Add((groups, size), launch);
        }

        return launch;
    }
}
