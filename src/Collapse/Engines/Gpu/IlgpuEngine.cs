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
/// Trains contexts on a CUDA or OpenCL device. The host only splits chunks into batches that fit, chooses how
/// many generations a launch covers, and records the sums over contexts that come back.
/// </summary>
public sealed class IlgpuEngine : IEngine
{
    // Launches should be long against their overhead and short against a person's patience with Ctrl-C.
    private static readonly TimeSpan ShortLaunch = TimeSpan.FromMilliseconds(200);

    private const double MemoryShare = 0.7;

    private readonly Context _context;
    private readonly Accelerator _accelerator;
    private readonly double _batchBytes;
    private readonly KernelLimits _limits;
    private readonly ContextKernelLauncher _launcher;

    // Kept like the launcher: ILGPU frees a kernel that nothing holds, even while it is at work.
    private readonly Initializer<int, Stride1D.Dense> _fill;

    /// <summary>Creates the engine; the context is disposed with it.</summary>
    /// <param name="name">"cuda", "opencl", or one of these with the device's number.</param>
    /// <param name="context">An ILGPU context that has the device.</param>
    /// <param name="device">The device.</param>
    /// <param name="batchBytes">Most bytes of device memory for the contexts of a batch; for tests of what fits at once.</param>
    /// <param name="limits">What decides on kernels, in place of the device's own; for tests of each kernel at small sizes.</param>
    internal IlgpuEngine(
        string name,
        Context context,
        Device device,
        double batchBytes = double.PositiveInfinity,
        KernelLimits? limits = null
    )
    {
        Name = name;
        _context = context;
        _accelerator = device.CreateAccelerator(context);
        _batchBytes = batchBytes;
        _limits = limits ?? KernelLimits.For(_accelerator);
        _launcher = new ContextKernelLauncher(_accelerator);
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
        double work = 8.0 * TokenTable.Slots(plan.LargestSet, plan.Vocabulary);
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

            using var batch = new DeviceBatch(plan, chunk.Table, range, _accelerator, _fill, _launcher, _limits);
            TrainBatch(plan, chunk, range, batch, cancellation);
        }
    }

    private static void TrainBatch(
        RunPlan plan,
        Chunk chunk,
        BatchRange range,
        DeviceBatch batch,
        CancellationToken cancellation
    )
    {
        Recorder recorder = chunk.Rent();
        int length = 1;
        int last = 0;
        bool isActive = true;
        while (isActive && last < plan.LastGeneration && !cancellation.IsCancellationRequested)
        {
            var watch = Stopwatch.StartNew();
            int[] leftBefore = (int[])batch.LeftAt.Clone();
            if (last + 1 == plan.FirstCountedGeneration)
            {
                // Another kernel, with a thread for each context: what the last launch took says nothing of it.
                length = 1;
            }

            batch.Train(last + 1, length);
            last = batch.LastGeneration;
            if (watch.Elapsed < ShortLaunch)
            {
                length = Math.Min(4 * length, DeviceBatch.MostGenerations);
            }
            else if (watch.Elapsed > 4 * ShortLaunch)
            {
                length = Math.Max(1, length / 2);
            }

            RecordSums(plan, batch, recorder);
            RecordTrace(plan, chunk.Table, range, batch, recorder);
            long notNeeded = NotNeeded(plan, chunk.Table, range, batch, leftBefore);
            chunk.Advance(batch.Totals[LaunchTotals.Drawn], batch.Totals[LaunchTotals.Tokens] + notNeeded);
            isActive = batch.Totals[LaunchTotals.Active] > 0;
        }

        chunk.Return(recorder);
        if (last > 0)
        {
            batch.DownloadEnd();
            RecordEnd(plan, chunk, range, batch, last);
        }
    }

    private static void RecordSums(RunPlan plan, DeviceBatch batch, Recorder recorder)
    {
        int row = 0;
        for (int m = batch.FirstGeneration; m <= batch.LastGeneration; m++)
        {
            if (plan.ReportIndex(m) is >= 0 and int report)
            {
                recorder.Report(report, batch.SumsOf(row), batch.BinsOf(row));
                row++;
            }
        }
    }

    private static void RecordTrace(
        RunPlan plan,
        ContextTable table,
        BatchRange range,
        DeviceBatch batch,
        Recorder recorder
    )
    {
        for (int i = 0; i < batch.Traced; i++)
        {
            // Of a context that left in an earlier launch no generation is left.
            int last = batch.LeftAt[i] > 0 ? batch.LeftAt[i] : batch.LastGeneration;
            int row = 0;
            for (int m = batch.FirstGeneration; m <= last; m++)
            {
                if (plan.ReportIndex(m) >= 0)
                {
                    int start = ((i * batch.Reported) + row++) * ObservableRow.Length;
                    ReadOnlySpan<long> values = batch.TraceRows.AsSpan(start, ObservableRow.Length);
                    (int size, int firstSize) = Sizes(plan, table, range.Start + i, m);
                    recorder.Trace(table, range.Start + i, m, values, size, firstSize);
                }
            }
        }
    }

    /// <summary>Tokens that contexts which left in a launch do not draw any more.</summary>
    private static long NotNeeded(
        RunPlan plan,
        ContextTable table,
        BatchRange range,
        DeviceBatch batch,
        int[] leftBefore
    )
    {
        long tokens = 0;
        for (int i = 0; i < leftBefore.Length; i++)
        {
            if (leftBefore[i] == 0 && batch.LeftAt[i] > 0)
            {
                int index = range.Start + i;
                double perGeneration =
                    plan.Schedule.TotalSize(table.Samples[index], table.Real[index]) / plan.LastGeneration;
                tokens += (long)(perGeneration * (plan.LastGeneration - batch.LeftAt[i]));
            }
        }

        return tokens;
    }

    /// <summary>Hands the end of each context to recorders, contexts side by side.</summary>
    private static void RecordEnd(RunPlan plan, Chunk chunk, BatchRange range, DeviceBatch batch, int last)
    {
        int lastReported = last;
        while (lastReported > 0 && plan.ReportIndex(lastReported) < 0)
        {
            lastReported--;
        }

        Parallel.ForEach(
            Partitioner.Create(0, range.Count),
            part =>
            {
                Recorder recorder = chunk.Rent();
                for (int i = part.Item1; i < part.Item2; i++)
                {
                    RecordContext(plan, chunk.Table, range.Start + i, batch, i, lastReported, recorder);
                }

                chunk.Return(recorder);
            }
        );
    }

    private static void RecordContext(
        RunPlan plan,
        ContextTable table,
        int index,
        DeviceBatch batch,
        int i,
        int lastReported,
        Recorder recorder
    )
    {
        int left = batch.LeftAt[i];
        int generation = left > 0 ? left : lastReported;
        ReadOnlySpan<long> row = batch.LastRows.AsSpan(i * ObservableRow.Length, ObservableRow.Length);
        (int size, int firstSize) = Sizes(plan, table, index, generation);
        table.CollapseTime[index] = batch.CollapseTime[i];
        if (left > 0)
        {
            recorder.Leave(table, index, left, row, size, firstSize);
        }
        else
        {
            recorder.Keep(table, index, generation, row, size, firstSize);
        }
    }

    private static (int Size, int FirstSize) Sizes(RunPlan plan, ContextTable table, int index, int generation)
    {
        (int samples, int real) = (table.Samples[index], table.Real[index]);
        return ((int)plan.Schedule.SetSize(generation, samples, real), (int)plan.Schedule.SetSize(1, samples, real));
    }
}
