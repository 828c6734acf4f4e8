using System.Text.Json;
using Collapse.Corpora;
using Collapse.Results.Files;
using Collapse.Running;
using Collapse.Softmax;

namespace Collapse.Results;

/// <summary>A run's results as one JSON object: what <c>--json</c> prints and <c>run.json</c> begins with.</summary>
public static class RunJson
{
    /// <summary>
    /// The object, on one line: <c>scenario</c>, <c>seed</c>, <c>engine</c>, <c>device</c>, <c>contexts</c>,
    /// <c>samples</c> (a number or "matched"), for softmax models <c>refit</c>, <c>l2</c>, <c>embedding</c>,
    /// <c>temperature</c>, <c>topK</c>, <c>topP</c>, then <c>generations</c>, <c>digest</c>, <c>draws</c>, <c>seconds</c>,
    /// <c>drawsPerSecond</c>, <c>collapseTime</c>, <c>series</c> with arrays of equal length (means over
    /// contexts), and for a corpus <c>corpus</c>, <c>seriesTokenWeighted</c> and, where given, <c>heldOut</c>.
    /// </summary>
    /// <param name="result">The results.</param>
    public static string Serialize(RunResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        return JsonNumbers.Object(
            indented: false,
            json =>
            {
                WriteSummary(json, result.Plan, result.Engine, result.Device, result);
                WriteSeries(json, result);
            }
        );
    }

    /// <summary>The members up to the collapse times; what only results know is null without them.</summary>
    internal static void WriteSummary(
        Utf8JsonWriter json,
        RunPlan plan,
        string engine,
        string device,
        RunResult? result
    )
    {
        json.WriteString("scenario", plan.Settings.Scenario.Name);
        json.WriteNumber("seed", plan.Seed);
        json.WriteString("engine", engine);
        json.WriteString("device", device);
        json.WriteNumber("contexts", plan.Contexts);
        if (result is { Status: RunStatus.Interrupted })
        {
            json.WriteNumber("trainedContexts", result.TrainedContexts());
        }

        WriteSamples(json, plan.Settings);
        WriteClassifier(json, plan.Settings.Classifier);
        if (plan.Settings.Sampler != Sampler.Tokens)
        {
            json.WriteString("sampler", plan.Settings.Sampler.Name());
        }

        json.WriteWhole("generations", result?.Generations);
        json.WriteString("digest", result?.Digest);
        json.WriteWhole("draws", result?.Draws);
        json.WriteReal("seconds", result?.Elapsed.TotalSeconds);
        json.WriteReal("drawsPerSecond", result?.Draws / result?.Elapsed.TotalSeconds);
        json.WriteObject("collapseTime", result is null ? null : () => WriteCollapseTimes(json, result.CollapseTimes));
        if (plan.Settings.Corpus is Corpus corpus)
        {
            json.WriteObject("corpus", () => WriteCorpus(json, corpus));
        }
    }

    /// <summary>The members with one array per observable.</summary>
    internal static void WriteSeries(Utf8JsonWriter json, RunResult result)
    {
        json.WriteObject("series", () => WriteMeans(json, result, series => series.Mean));
        if (result.Plan.IsCorpus)
        {
            json.WriteObject("seriesTokenWeighted", () => WriteMeans(json, result, series => series.TokenWeightedMean));
        }

        if (result.HeldOut is HeldOutSeries heldOut)
        {
            json.WriteObject("heldOut", () => WriteHeldOut(json, result, heldOut));
        }
    }

    /// <summary>The sample size: a number, or "matched".</summary>
    internal static void WriteSamples(Utf8JsonWriter json, RunSettings settings)
    {
        if (settings.Samples is int samples)
        {
            json.WriteNumber("samples", samples);
        }
        else
        {
            json.WriteString("samples", "matched");
        }
    }

    /// <summary>The members of a classifier; none for the closed form.</summary>
    internal static void WriteClassifier(Utf8JsonWriter json, Classifier classifier)
    {
        if (classifier.IsClosedForm)
        {
            return;
        }

        json.WriteString("refit", classifier.Refit.ToString());
        json.WriteNumber("l2", classifier.L2);
        json.WriteString("embedding", classifier.Embedding.ToString());
        json.WriteNumber("temperature", classifier.Decoding.Temperature);
        json.WriteWhole("topK", classifier.Decoding.TopK);
        json.WriteNumber("topP", classifier.Decoding.TopP);
    }

    private static void WriteCollapseTimes(Utf8JsonWriter json, CollapseTimes times)
    {
        json.WriteReal("mean", times.Mean);
        json.WriteReal("sd", times.StandardDeviation);
        json.WriteNumber("count", times.Count);
        json.WriteNumber("censored", times.Censored);
    }

    /// <summary>The members that describe a corpus.</summary>
    internal static void WriteCorpus(Utf8JsonWriter json, Corpus corpus)
    {
        json.WriteString("path", corpus.Path);
        json.WriteString("tokenizer", corpus.Tokenizer);
        json.WriteNumber("order", corpus.Order);
        json.WriteNumber("tokens", corpus.TokenCount);
        json.WriteNumber("contexts", corpus.ContextCount);
        json.WriteNumber("transitions", corpus.TransitionCount);
        json.WriteNumber("vocabulary", corpus.VocabularySize);
    }

    private static void WriteMeans(
        Utf8JsonWriter json,
        RunResult result,
        Func<ObservableSeries, IEnumerable<double>> mean
    )
    {
        json.WriteWholes("generation", result.Generation);
        foreach (ObservableSeries series in result.Series)
        {
            json.WriteReals(Observables.NameOf(series.Observable), mean(series));
        }

        json.WriteReals("collapsedFraction", result.CollapsedFraction);
    }

    private static void WriteHeldOut(Utf8JsonWriter json, RunResult result, HeldOutSeries heldOut)
    {
        json.WriteString("path", result.Plan.Settings.HeldOut!.Path);
        json.WriteNumber("transitions", heldOut.Transitions);
        json.WriteObject(
            "series",
            () =>
            {
                json.WriteWholes("generation", result.Generation);
                json.WriteReals("crossEntropy", heldOut.CrossEntropy);
                json.WriteReals("coveredCrossEntropy", heldOut.CoveredCrossEntropy);
                json.WriteReals("unseen", heldOut.Unseen);
            }
        );
    }
}
