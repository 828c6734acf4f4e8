using System.Diagnostics;
using System.Globalization;
using Collapse.Kernels;
using Collapse.Results;
using Collapse.Running;

namespace Collapse.Engines.Cpu;

/// <summary>Vector widths of the CPU engine.</summary>
public enum VectorWidth
{
    /// <summary>128 bits: SSE2, NEON, or plain code.</summary>
    Bits128 = 128,

    /// <summary>256 bits: AVX2.</summary>
    Bits256 = 256,

    /// <summary>512 bits: AVX-512.</summary>
    Bits512 = 512,
}

/// <summary>
/// The SIMD engine: threads take contexts one after the other, the largest first, and train each through all
/// generations while it lies in the nearest cache.
/// </summary>
public sealed class CpuEngine : IEngine
{
    // Measured: a walk over fewer generations takes longer than training them.
    private const int ShortestJump = 32;

    private readonly int _threads;
    private readonly VectorWidth _width;
    private readonly int _shortestJump;
    private RunPlan? _lastPlan;
    private IContextTrainer[] _trainers = [];
    private long _training;
    private long _busy;

    /// <summary>Creates the engine.</summary>
    /// <param name="threads">Worker threads, 1 to 1024; null for one per core.</param>
    /// <param name="width">The vector width; null for the widest this processor has.</param>
    /// <param name="shortestJump">
    /// The fewest generations that are jumped over at once, 2 or more; null for what was measured to pay,
    /// <see cref="int.MaxValue"/> to train every generation. No result depends on it.
    /// </param>
    /// <exception cref="InvalidInputException">The number of threads is out of range.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The shortest jump is below 2.</exception>
    /// <exception cref="PlatformNotSupportedException">The processor lacks the width asked for.</exception>
    public CpuEngine(int? threads = null, VectorWidth? width = null, int? shortestJump = null)
    {
        ParameterRange.Threads.Check(threads);
        ArgumentOutOfRangeException.ThrowIfLessThan(shortestJump ?? 2, 2, nameof(shortestJump));
        _shortestJump = shortestJump ?? ShortestJump;
        _threads = threads ?? Environment.ProcessorCount;
        _width = width ?? Widths[^1];
        if (!Widths.Contains(_width))
        {
            throw new PlatformNotSupportedException($"this processor has no {(int)_width}-bit vectors");
        }
    }

    /// <summary>The widths this processor has, ascending.</summary>
    public static IReadOnlyList<VectorWidth> Widths { get; } = FindWidths();

    /// <summary>
    /// Draws that were looked up for the last plan: all of the generations that were trained, and those of the
    /// lineages that were followed over the others (<see cref="AncestralWalk{TLanes}"/>). What the run cost, where
    /// <see cref="Running.RunProgress.Draws"/> says what the model drew.
    /// </summary>
    public long Lookups => _trainers.Sum(t => t.Lookups);

    /// <summary>How long chunks of the last plan were trained.</summary>
    public TimeSpan Training => Stopwatch.GetElapsedTime(0, _training);

    /// <summary>How long workers had something to do meanwhile, all workers together: less than threads × training where some wait for the last.</summary>
    public TimeSpan Busy => Stopwatch.GetElapsedTime(0, _busy);

    /// <inheritdoc/>
    public string Name => "cpu";

    /// <inheritdoc/>
    public string Device =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{_threads} thread{(_threads == 1 ? "" : "s")}, {(int)_width}-bit vectors"
        );

    /// <inheritdoc/>
    public int ChunkCapacity(RunPlan plan) => int.MaxValue;

    /// <inheritdoc/>
    public double HostBytes(RunPlan plan, int chunk)
    {
        ArgumentNullException.ThrowIfNull(plan);
        double set = plan.LargestSet;
        double vocabulary = VocabularyBound(plan);
        int token = TokenBytes(plan);
        double sets = KeptSets.Bytes(plan.Schedule.Lookback + 1L, plan.LargestSet, token);
        double kept = plan.Schedule.KeepsReal || plan.IsCorpus ? set : 0;

        // A context's truth while it is built, and that of the context before.
        double truth = plan.IsPerContext ? 120.0 * plan.Vocabulary : 0;
        double walk = plan.Schedule.IsChain ? AncestralWalk<Lanes128>.BytesPerToken : 0;

        // Random numbers: of draws from the truth twice as many, and their tokens; where models are mixed, of both draws.
        bool isMixed = plan.Schedule.Recipes.Any(recipe => recipe.Any(s => s.Kind == SegmentKind.Mixture));
        double draws = (plan.IsCorpus ? 4 : 12) + (isMixed ? 4 : 0);
        double tokens = plan.Settings.Sampler == Sampler.Counts ? 125 : 80;
        return Math.Min(_threads, chunk)
            * (sets + (token * kept) + ((draws + walk) * set) + (tokens * vocabulary) + truth);
    }

    /// <inheritdoc/>
    public void Dispose() { }

    /// <inheritdoc/>
    public void Train(RunPlan plan, Chunk chunk, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(chunk);
        if (_lastPlan != plan)
        {
            _trainers = [.. Enumerable.Range(0, _threads).Select(_ => CreateTrainer(plan))];
            _lastPlan = plan;
            _training = 0;
            _busy = 0;
        }

        long start = Stopwatch.GetTimestamp();
        var queue = new WorkQueue(Sizes(plan, chunk.Table));
        Task<long>[] workers =
        [
            .. _trainers
                .Take(chunk.Count)
                .Select(t =>
                    Task.Factory.StartNew(() => Work(t, queue, chunk, cancellation), TaskCreationOptions.LongRunning)
                ),
        ];
        try
        {
            Task.WaitAll(workers, CancellationToken.None);
            _training += workers.Max(worker => worker.Result) - start;
            _busy += workers.Sum(worker => worker.Result - start);
        }
        catch (AggregateException e) when (e.InnerExceptions.Count > 0)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
        }
    }

    /// <summary>About how many tokens a generation of each context has.</summary>
    private static int[] Sizes(RunPlan plan, ContextTable table)
    {
        var sizes = new int[table.Count];
        for (int i = 0; i < sizes.Length; i++)
        {
            sizes[i] = plan.IsCorpus ? Math.Max(table.Samples[i], table.Real[i]) : plan.LargestSet;
        }

        return sizes;
    }

    /// <summary>Trains what the queue has; gives the timestamp of the end.</summary>
    private static long Work(IContextTrainer trainer, WorkQueue queue, Chunk chunk, CancellationToken cancellation)
    {
        Recorder recorder = chunk.Rent();
        try
        {
            while (!cancellation.IsCancellationRequested && queue.TryTake(out ReadOnlySpan<int> contexts))
            {
                foreach (int index in contexts)
                {
                    if (cancellation.IsCancellationRequested)
                    {
                        break;
                    }

                    trainer.Train(chunk, index, recorder, cancellation);
                }
            }
        }
        catch
        {
            // What the other threads would still do is lost with this chunk.
            queue.Stop();
            throw;
        }

        chunk.Return(recorder);
        return Stopwatch.GetTimestamp();
    }

    private static List<VectorWidth> FindWidths()
    {
        List<VectorWidth> widths = [VectorWidth.Bits128];
        if (Lanes256.IsSupported)
        {
            widths.Add(VectorWidth.Bits256);
        }

        if (Lanes512.IsSupported)
        {
            widths.Add(VectorWidth.Bits512);
        }

        return widths;
    }

    private IContextTrainer CreateTrainer(RunPlan plan) =>
        (_width, TokenBytes(plan)) switch
        {
            (VectorWidth.Bits512, 2) => new ContextTrainer<ushort, Lanes512>(plan, _shortestJump),
            (VectorWidth.Bits512, _) => new ContextTrainer<int, Lanes512>(plan, _shortestJump),
            (VectorWidth.Bits256, 2) => new ContextTrainer<ushort, Lanes256>(plan, _shortestJump),
            (VectorWidth.Bits256, _) => new ContextTrainer<int, Lanes256>(plan, _shortestJump),
            (_, 2) => new ContextTrainer<ushort, Lanes128>(plan, _shortestJump),
            _ => new ContextTrainer<int, Lanes128>(plan, _shortestJump),
        };

    private static int TokenBytes(RunPlan plan) => VocabularyBound(plan) <= 1 << 16 ? 2 : 4;

    /// <summary>The most tokens a context can meet: those of one training set, unless fresh ones keep coming.</summary>
    private static int VocabularyBound(RunPlan plan) =>
        plan.IsCorpus || plan.Schedule.LastFreshUse > 1 ? plan.Vocabulary : Math.Min(plan.Vocabulary, plan.LargestSet);
}
