using System.Collections.Concurrent;
using System.Diagnostics;
using Collapse.Engines;
using Collapse.Results;

namespace Collapse.Running;

/// <summary>A run that has been checked and can start: settings, plan, and the engine that will do it.</summary>
public sealed class Simulation
{
    private const int DefaultChunk = 1 << 18;

    // Engines address a training set with 32 bits and leave room for its padding and for twice as many slots.
    private const int MostTokens = 1 << 30;

    private readonly IEngine _engine;

    private Simulation(RunPlan plan, IEngine engine, int chunk)
    {
        Plan = plan;
        _engine = engine;
        ChunkContexts = chunk;
    }

    /// <summary>The plan.</summary>
    public RunPlan Plan { get; }

    /// <summary>Contexts per chunk.</summary>
    public int ChunkContexts { get; }

    /// <summary>How far the run is.</summary>
    public RunProgress Progress { get; } = new();

    /// <summary>Checks settings, plans the run and makes sure that it fits into memory. Does no work yet.</summary>
    /// <param name="settings">What to run.</param>
    /// <param name="engine">The engine; it stays the caller's to dispose.</param>
    /// <exception cref="InvalidInputException">The settings are not valid, or the run would not fit into memory.</exception>
    public static Simulation Prepare(RunSettings settings, IEngine engine)
    {
        ArgumentNullException.ThrowIfNull(engine);
        RunPlan plan = Planner.Plan(settings);
        ClassifierRules.CheckEngine(settings, engine);
        int chunk = settings.Classifier.SeparatesContexts
            ? (int)Math.Min(plan.Contexts, settings.Chunk ?? DefaultChunk)
            : (int)plan.Contexts;
        MemoryEstimate.Check(plan, engine, chunk);
        CheckLargestSet(plan);
        return new Simulation(plan, engine, Math.Min(chunk, engine.ChunkCapacity(plan)));
    }

    /// <summary>Runs.</summary>
    /// <param name="contexts">Receives the contexts of each chunk when it is done, in order; or null.</param>
    /// <param name="cancellation">Ends the run after the generations at hand; the result is then marked as interrupted.</param>
    /// <returns>The results, of everything that was trained.</returns>
    public RunResult Run(Action<ContextTable>? contexts = null, CancellationToken cancellation = default)
    {
        var watch = Stopwatch.StartNew();
        var recorders = new ConcurrentBag<Recorder>();
        var builder = new ResultBuilder(Plan);
        for (long first = 0; first < Plan.Contexts && !cancellation.IsCancellationRequested; first += ChunkContexts)
        {
            int count = (int)Math.Min(ChunkContexts, Plan.Contexts - first);
            var chunk = new Chunk(Plan, first, count, recorders, Progress.Advance);
            _engine.Train(Plan, chunk, cancellation);
            builder.Add(chunk.Table);
            contexts?.Invoke(chunk.Table);
        }

        return builder.Build(
            recorders,
            _engine.Name,
            _engine.Device,
            cancellation.IsCancellationRequested,
            Progress.Draws,
            watch.Elapsed
        );
    }

    private static void CheckLargestSet(RunPlan plan)
    {
        if (plan.LargestSet > MostTokens)
        {
            throw new InvalidInputException(
                "--samples",
                plan.LargestSet.ToString(System.Globalization.CultureInfo.InvariantCulture),
                "a run can hold at most 1,073,741,824 tokens in a training set",
                "lower --samples or --real"
            );
        }
    }
}
