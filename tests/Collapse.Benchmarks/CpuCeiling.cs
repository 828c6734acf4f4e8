using System.Diagnostics;
using System.Numerics;
using System.Runtime.InteropServices;
using Collapse.Engines.Cpu;
using Collapse.Kernels;
using Collapse.Running;

namespace Collapse.Benchmarks;

/// <summary>The random words of a run on the CPU, at the engine's vector width and threads, added up.</summary>
internal static class CpuCeiling
{
    private const int Portion = 16;

    /// <summary>Adds up all 64-bit lanes, modulo 2^64.</summary>
    /// <param name="plan">The run.</param>
    /// <param name="lastGenerations">The last generation of each context.</param>
    /// <param name="threads">Number of threads.</param>
    /// <param name="width">The vector width.</param>
    public static ulong Sum(RunPlan plan, int[] lastGenerations, int threads, VectorWidth width) =>
        width switch
        {
            VectorWidth.Bits512 => Sum<Lanes512>(plan, lastGenerations, threads),
            VectorWidth.Bits256 => Sum<Lanes256>(plan, lastGenerations, threads),
            _ => Sum<Lanes128>(plan, lastGenerations, threads),
        };

    private static ulong Sum<T>(RunPlan plan, int[] lastGenerations, int threads)
        where T : unmanaged, IPhiloxLanes<T>
    {
        int next = 0;
        ulong sum = 0;
        void Work()
        {
            ulong part = 0;
            var words = new WordPlan(plan);
            var random = new RandomLanes<T>(plan.Seed);
            ulong[] lanes = [];
            for (int start; (start = Interlocked.Add(ref next, Portion) - Portion) < lastGenerations.Length; )
            {
                for (int i = start; i < Math.Min(start + Portion, lastGenerations.Length); i++)
                {
                    part += Context(random, plan, words, i, lastGenerations[i], ref lanes);
                }
            }

            Interlocked.Add(ref sum, part);
        }

        Task[] tasks =
        [
            .. Enumerable.Range(0, threads).Select(_ => Task.Factory.StartNew(Work, TaskCreationOptions.LongRunning)),
        ];
        Task.WaitAll(tasks);
        return sum;
    }

    private static ulong Context<T>(
        RandomLanes<T> random,
        RunPlan plan,
        WordPlan words,
        int context,
        int last,
        ref ulong[] lanes
    )
        where T : unmanaged, IPhiloxLanes<T>
    {
        (int samples, int real) = (plan.SamplesOf(context), plan.RealOf(context));
        var kept = new StreamBlocks(0, DrawPurpose.Truth, words.KeptBlocks(real));
        ulong sum = Stretch(random, plan, context, 0, kept, ref lanes);
        for (int m = 1; m <= last; m++)
        {
            IReadOnlyList<StreamBlocks> streams = words.Streams(m, samples, real);
            for (int s = 0; s < streams.Count; s++)
            {
                sum += Stretch(random, plan, context, m, streams[s], ref lanes);
            }
        }

        return sum;
    }

    private static ulong Stretch<T>(
        RandomLanes<T> random,
        RunPlan plan,
        int context,
        int generation,
        StreamBlocks part,
        ref ulong[] lanes
    )
        where T : unmanaged, IPhiloxLanes<T>
    {
        if (part.Blocks == 0)
        {
            return 0;
        }

        int length = (2 * part.Blocks) + RandomLanes<T>.Padding;
        if (lanes.Length < length)
        {
            lanes = new ulong[length];
        }

        var stream = new DrawStream(plan.Seed, (uint)context, (uint)generation, part.Segment, part.Purpose);
        random.Fill(stream, part.Blocks, lanes);
        return Add(lanes.AsSpan(0, 2 * part.Blocks));
    }

    private static ulong Add(ReadOnlySpan<ulong> lanes)
    {
        Vector<ulong> sum = default;
        ref ulong first = ref MemoryMarshal.GetReference(lanes);
        int i = 0;
        for (; i + Vector<ulong>.Count <= lanes.Length; i += Vector<ulong>.Count)
        {
            sum += Vector.LoadUnsafe(ref first, (nuint)i);
        }

        ulong rest = Vector.Sum(sum);
        for (; i < lanes.Length; i++)
        {
            rest += lanes[i];
        }

        return rest;
    }
}

/// <summary>The CPU's ceiling for the run that an engine has just done.</summary>
internal sealed class CpuCeilingContender(EngineContender engine, int threads) : IContender
{
    public ContenderKind Kind => ContenderKind.Ceiling;

    public string Name => "cpu";

    public string Form => "random words only";

    public string Device => engine.Device;

    public double Fraction => engine.Fraction;

    public void Prepare() { }

    public Measurement Run(int repeat)
    {
        DoneRun done = engine.Done ?? throw new AbsentException("its engine has not run");
        var watch = Stopwatch.StartNew();
        CpuCeiling.Sum(done.Plan, done.LastGenerations, threads, CpuEngine.Widths[^1]);
        return new Measurement(watch.Elapsed.TotalSeconds, done.ContextGenerations) { Draws = done.Draws };
    }
}
