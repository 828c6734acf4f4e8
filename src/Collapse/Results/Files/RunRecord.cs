using System.Globalization;
using System.Text.Json;
using Collapse.Running;

namespace Collapse.Results.Files;

/// <summary>run.json, and the short form of it that every table of the run folder carries.</summary>
internal static class RunRecord
{
    /// <summary>The text of run.json.</summary>
    /// <param name="provenance">What was run.</param>
    /// <param name="status">"complete", "interrupted" or "failed".</param>
    /// <param name="message">Why it failed, or null.</param>
    /// <param name="result">The results; null where it failed.</param>
    public static string Write(RunProvenance provenance, string status, string? message, RunResult? result) =>
        JsonNumbers.Object(
            indented: true,
            json =>
            {
                WriteHead(json, provenance, status, message, result);
                WriteMachine(json, MachineInfo.Current);
                json.WriteString(
                    "reportedGenerations",
                    provenance.Plan.Settings.ReportAt.Describe(provenance.Plan.LastGeneration)
                );
                if (result is not null)
                {
                    RunJson.WriteSeries(json, result);
                }
            }
        );

    /// <summary>The same without series and machine, on one line.</summary>
    public static string Describe(RunProvenance provenance, string status, string? message, RunResult? result) =>
        JsonNumbers.Object(indented: false, json => WriteHead(json, provenance, status, message, result));

    private static void WriteHead(
        Utf8JsonWriter json,
        RunProvenance provenance,
        string status,
        string? message,
        RunResult? result
    )
    {
        json.WriteString("version", RunProvenance.Version);
        json.WriteString("status", status);
        if (message is not null)
        {
            json.WriteString("message", message);
        }

        json.WriteString("started", provenance.Started.UtcDateTime.ToString("O", CultureInfo.InvariantCulture));
        json.WriteString("workingDirectory", Environment.CurrentDirectory);
        json.WriteString("command", CommandText.For(provenance.Plan.Settings, provenance.Engine));
        RunJson.WriteSummary(json, provenance.Plan, provenance.Engine, provenance.Device, result);
        json.WriteObject("parameters", () => WriteParameters(json, provenance));
    }

    private static void WriteParameters(Utf8JsonWriter json, RunProvenance provenance)
    {
        RunSettings settings = provenance.Plan.Settings;
        json.WriteString("scenario", settings.Scenario.Name);
        json.WriteWhole("window", settings.Scenario.Window);
        json.WriteString("prior", settings.Prior?.Specification);
        json.WriteString("corpus", settings.Corpus?.Path);
        json.WriteString("tokenizer", settings.Corpus?.Tokenizer);
        json.WriteWhole("order", settings.Corpus?.Order);
        json.WriteString("heldout", settings.HeldOut?.Path);
        json.WriteWhole("contexts", settings.Contexts);
        RunJson.WriteSamples(json, settings);
        json.WriteWhole("real", settings.Real);
        json.WriteWhole("generations", settings.UntilCollapse ? null : settings.Generations);
        json.WriteBoolean("untilCollapse", settings.UntilCollapse);
        json.WriteWhole("maxGenerations", settings.UntilCollapse ? settings.Generations : null);
        RunJson.WriteClassifier(json, settings.Classifier);
        json.WriteString("sampler", settings.Sampler.Name());
        json.WriteString("reportAt", settings.ReportAt.Specification);
        json.WriteString("engine", provenance.Engine);
        json.WriteWhole("threads", settings.Threads);
        json.WriteWhole("chunk", settings.Chunk);
        json.WriteNumber("seed", settings.Seed);
        json.WriteNumber("trace", settings.Trace);
    }

    private static void WriteMachine(Utf8JsonWriter json, MachineInfo machine) =>
        json.WriteObject(
            "machine",
            () =>
            {
                json.WriteString("operatingSystem", machine.OperatingSystem);
                json.WriteString("architecture", machine.Architecture);
                json.WriteString("processor", machine.Processor);
                json.WriteNumber("cores", machine.Cores);
                json.WriteNumber("memoryBytes", machine.MemoryBytes);
                json.WriteString("runtime", machine.Runtime);
            }
        );
}
