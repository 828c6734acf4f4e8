using System.Globalization;
using Collapse.Engines;
using Collapse.Softmax;

namespace Collapse.Running;

/// <summary>How much main memory a run takes, part by part, before anything is allocated.</summary>
public static class MemoryEstimate
{
    // Measured: a reported generation takes about this much in each worker's sums and sketches.
    private const double BytesPerReport = 12_000;
    private const double BytesPerTraceRow = 160;
    private const double BytesPerTableRow = 80;
    private const double BytesPerTruthToken = 70;

    /// <summary>Refuses a run that would not fit.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="engine">The engine.</param>
    /// <param name="chunk">Contexts per chunk.</param>
    /// <param name="available">Bytes of memory; null to ask the system.</param>
    /// <exception cref="InvalidInputException">It does not fit; the message names the largest part.</exception>
    public static void Check(RunPlan plan, IEngine engine, int chunk, double? available = null)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(engine);
        int threads = plan.Settings.Threads ?? Environment.ProcessorCount;
        double traced = Math.Min(plan.Settings.Trace, plan.Contexts);
        (string Parameter, string Value, double Bytes, string Remedy)[] parts =
        [
            ("--samples", Text(plan.LargestSet), engine.HostBytes(plan, chunk), Remedy(plan)),
            (
                "--prior",
                plan.Settings.Prior?.Specification ?? "",
                plan.HasSharedTruth ? BytesPerTruthToken * plan.Vocabulary : 0,
                "choose a smaller vocabulary"
            ),
            (
                "--generations",
                Text(plan.LastGeneration),
                BytesPerReport * (threads + 1) * plan.Report.Length,
                "lower --threads or --generations, or report fewer generations with --report-at"
            ),
            (
                "--trace",
                Text(plan.Settings.Trace),
                BytesPerTraceRow * traced * plan.Report.Length,
                "trace fewer contexts"
            ),
            ("--chunk", Text(chunk), BytesPerTableRow * chunk, "lower --chunk"),
            SoftmaxModels(plan, engine, chunk),
        ];
        double total = parts.Sum(p => p.Bytes);
        // The rest is for the system and for what is not counted here.
        double limit = 0.9 * (available ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);
        if (total > limit)
        {
            (string parameter, string value, _, string remedy) = parts.MaxBy(p => p.Bytes);
            throw new InvalidInputException(
                parameter,
                value,
                $"the run would take {Gibibytes(total)} of memory, more than the {Gibibytes(limit)} that a run may take here",
                remedy
            );
        }
    }

    private static (string Parameter, string Value, double Bytes, string Remedy) SoftmaxModels(
        RunPlan plan,
        IEngine engine,
        int chunk
    )
    {
        Classifier classifier = plan.Settings.Classifier;
        double bytes = plan.IsSoftmax ? SoftmaxMemory.ModelBytes(plan, Math.Min(chunk, engine.ChunkCapacity(plan))) : 0;
        string earlier =
            plan.Schedule.Lookback > 1
                ? $", or --generations or --window: {Text(plan.Schedule.Lookback)} models are kept"
                : "";
        return classifier.SeparatesContexts
            ? ("--refit", classifier.Refit.ToString(), bytes, $"lower --samples{earlier}")
            : (
                "--embedding",
                classifier.Embedding.ToString(),
                bytes,
                $"choose a smaller dimension or vocabulary{earlier}"
            );
    }

    private static string Remedy(RunPlan plan) =>
        plan.Schedule.Lookback > 1
            ? $"lower --samples, or --generations or --window: a context keeps {Text(plan.Schedule.Lookback)} earlier training sets"
            : "lower --samples or --threads";

    private static string Gibibytes(double bytes) =>
        string.Create(CultureInfo.InvariantCulture, $"{bytes / (1L << 30):0.#} GiB");

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);
}
