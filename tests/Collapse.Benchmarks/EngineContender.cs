using System.Diagnostics;
using Collapse.Engines;
using Collapse.Engines.Cpu;
using Collapse.Results;
using Collapse.Running;

namespace Collapse.Benchmarks;

/// <summary>What an engine has done: a ceiling takes the same random words.</summary>
/// <param name="Plan">The plan it followed.</param>
/// <param name="LastGenerations">The last generation of each context.</param>
/// <param name="ContextGenerations">The work.</param>
/// <param name="Draws">Tokens drawn.</param>
internal sealed record DoneRun(RunPlan Plan, int[] LastGenerations, double ContextGenerations, double Draws);

/// <summary>An engine of this project on a job, planning and results included.</summary>
internal sealed class EngineContender : IContender, IDisposable
{
    // Long enough for the compiler's last tier.
    private static readonly TimeSpan WarmUp = TimeSpan.FromMilliseconds(500);

    private readonly Workload _workload;
    private readonly RunSettings _settings;
    private readonly IEngine _engine;
    private readonly int _threads;
    private readonly Sampler _sampler;

    public EngineContender(Workload workload, string engine, int threads, Sampler sampler = Sampler.Tokens)
    {
        _workload = workload;
        _sampler = sampler;
        _threads = threads;
        _engine = EngineCatalog.Create(engine, threads);
        bool isPart = _engine.Name.StartsWith("opencl", StringComparison.Ordinal);
        long contexts = Math.Min(
            isPart ? workload.DeviceContexts ?? workload.Contexts : workload.Contexts,
            workload.Contexts
        );
        Fraction = (double)contexts / workload.Contexts;
        _settings = workload.Settings with { Sampler = sampler };
        if (Fraction != 1)
        {
            _settings = _settings with { Contexts = contexts, Threads = threads };
        }
    }

    public ContenderKind Kind => ContenderKind.Engine;

    public string Name => _sampler == Sampler.Tokens ? _engine.Name : $"{_engine.Name}, {_sampler.Name()}";

    public string Form => "";

    public string Device => _engine.Device;

    public double Fraction { get; }

    /// <summary>The last run, or null before the first.</summary>
    public DoneRun? Done { get; private set; }

    public void Prepare()
    {
        if (Fraction == 0)
        {
            throw new AbsentException("a step-by-step run of this job takes too long on it");
        }

        var watch = Stopwatch.StartNew();
        do
        {
            Simulation.Prepare(_workload.Warm with { Sampler = _sampler }, _engine).Run();
        } while (watch.Elapsed < WarmUp);
    }

    public Measurement Run(int repeat)
    {
        var tables = new List<ContextTable>();
        var watch = Stopwatch.StartNew();
        Simulation simulation = Simulation.Prepare(_settings, _engine);
        RunResult result = simulation.Run(tables.Add);
        double seconds = watch.Elapsed.TotalSeconds;
        double work = ContextGenerations(simulation.Plan, result);
        Done = new DoneRun(simulation.Plan, [.. tables.SelectMany(table => table.LastGeneration)], work, result.Draws);
        return new Measurement(seconds, work)
        {
            Draws = result.Draws,
            IdleShare = _engine is CpuEngine cpu ? IdleShare(cpu, seconds) : null,
            Result = result,
        };
    }

    /// <summary>Outside of training, one thread is at work.</summary>
    private double IdleShare(CpuEngine engine, double seconds) =>
        1 - ((engine.Busy + (TimeSpan.FromSeconds(seconds) - engine.Training)).TotalSeconds / (seconds * _threads));

    public void Dispose() => _engine.Dispose();

    /// <summary>The work as all contenders count it.</summary>
    public static double ContextGenerations(RunPlan plan, RunResult result) =>
        plan.Settings.UntilCollapse
            ? (result.CollapseTimes.Mean * result.CollapseTimes.Count)
                + ((double)result.CollapseTimes.Censored * plan.LastGeneration)
            : (double)plan.Contexts * plan.LastGeneration;
}
