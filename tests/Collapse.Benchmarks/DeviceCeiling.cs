using System.Diagnostics;
using Collapse.Kernels;
using Collapse.Running;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;

namespace Collapse.Benchmarks;

/// <summary>The random words of a run on a device, added up by <see cref="PhiloxSumKernel"/>.</summary>
internal sealed class DeviceCeiling : IDisposable
{
    private const int GroupSize = 64;
    private const int GroupsPerProcessor = 32;

    private readonly Context _context;
    private readonly Accelerator _accelerator;
    private readonly int _groups;
    private readonly Action<
        AcceleratorStream,
        PhiloxSumSettings,
        ArrayView<int>,
        ArrayView<int>,
        ArrayView<uint>
    > _launch;

    /// <summary>Compiles the kernel.</summary>
    /// <param name="engine">"cuda" or "opencl", with :I for a device other than the first.</param>
    public DeviceCeiling(string engine)
    {
        string[] parts = engine.Split(':');
        int number = parts.Length == 1 ? 0 : int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture);
        _context = Context.Create(builder => builder.Cuda().OpenCL(_ => true));
        Device device = _context
            .Devices.Where(d => parts[0] == "cuda" ? d is CudaDevice : d is CLDevice)
            .ElementAt(number);
        _accelerator = device.CreateAccelerator(_context);
        _groups = Math.Max(1, _accelerator.NumMultiprocessors) * GroupsPerProcessor;
        _launch = PhiloxSumKernel.CreateSum(_accelerator, _groups, GroupSize);
    }

    /// <summary>Adds up all words of a run, modulo 2^32, and gives the time from launch to end.</summary>
    /// <param name="plan">The run.</param>
    /// <param name="lastGenerations">The last generation of each context.</param>
    /// <param name="seconds">The time that the kernel took.</param>
    public uint Sum(RunPlan plan, int[] lastGenerations, out double seconds)
    {
        int[] table = Blocks(plan, lastGenerations, out PhiloxSumSettings settings);
        using MemoryBuffer1D<int, Stride1D.Dense> blocks = _accelerator.Allocate1D(table);
        using MemoryBuffer1D<int, Stride1D.Dense> last = _accelerator.Allocate1D(lastGenerations);
        using MemoryBuffer1D<uint, Stride1D.Dense> sums = _accelerator.Allocate1D<uint>(_groups * GroupSize);
        _accelerator.Synchronize();
        var watch = Stopwatch.StartNew();
        _launch(_accelerator.DefaultStream, settings, blocks.View, last.View, sums.View);
        _accelerator.Synchronize();
        seconds = watch.Elapsed.TotalSeconds;
        uint total = 0;
        foreach (uint sum in sums.GetAsArray1D())
        {
            total += sum;
        }

        return total;
    }

    /// <summary>
    /// The number of blocks of each generation, one row for all contexts; for a corpus one number for each
    /// context, whose generations after the first are alike.
    /// </summary>
    public static int[] Blocks(RunPlan plan, int[] lastGenerations, out PhiloxSumSettings settings)
    {
        var words = new WordPlan(plan);
        settings = new PhiloxSumSettings
        {
            Seed = plan.Seed,
            Contexts = lastGenerations.Length,
            Generations = Math.Max(1, lastGenerations.Max()),
            ContextStride = plan.IsCorpus ? 1 : 0,
            GenerationStride = plan.IsCorpus ? 0 : 1,
        };
        return plan.IsCorpus
            ? [.. Enumerable.Range(0, settings.Contexts).Select(c => Count(2, plan.SamplesOf(c), plan.RealOf(c)))]
            : [.. Enumerable.Range(1, settings.Generations).Select(m => Count(m, plan.SamplesOf(0), plan.RealOf(0)))];

        int Count(int m, int samples, int real) =>
            words.Streams(m, samples, real).Sum(s => s.Blocks) + (m == 1 ? words.KeptBlocks(real) : 0);
    }

    public void Dispose()
    {
        _accelerator.Dispose();
        _context.Dispose();
    }
}

/// <summary>A device's ceiling for the run that an engine has just done on it.</summary>
internal sealed class DeviceCeilingContender(EngineContender engine) : IContender, IDisposable
{
    private DeviceCeiling? _ceiling;

    public ContenderKind Kind => ContenderKind.Ceiling;

    public string Name => engine.Name;

    public string Form => "random words only";

    public string Device => engine.Device;

    public double Fraction => engine.Fraction;

    public void Prepare() => _ceiling = new DeviceCeiling(engine.Name);

    public Measurement Run(int repeat)
    {
        DoneRun done = engine.Done ?? throw new AbsentException("its engine has not run");
        if (repeat == 1)
        {
            // OpenCL compiles at the first launch.
            _ceiling!.Sum(done.Plan, [1], out _);
        }

        _ceiling!.Sum(done.Plan, done.LastGenerations, out double seconds);
        return new Measurement(seconds, done.ContextGenerations) { Draws = done.Draws };
    }

    public void Dispose() => _ceiling?.Dispose();
}
