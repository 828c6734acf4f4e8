using System.Globalization;
using Collapse.Corpora;
using Collapse.Running;
using Collapse.Softmax;
using Collapse.Softmax.Refit;

namespace Collapse.Results;

/// <summary>The command line that makes a run again.</summary>
public static class CommandText
{
    /// <summary>The command, quoted for a POSIX shell; null for a run that only code can make.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="engine">The engine's name.</param>
    public static string? For(RunSettings settings, string engine)
    {
        ArgumentNullException.ThrowIfNull(settings);
        bool isCustom = !settings.Scenario.UsesSamples;
        bool isWeights = settings.Prior?.Specification.StartsWith("weights:", StringComparison.Ordinal) ?? false;
        bool hasLimit = settings.Classifier.Refit is RefitMethod.Newton { MaxSteps: not RefitMethod.DefaultMaxSteps };
        return isCustom || isWeights || hasLimit
            ? null
            : string.Join(' ', Arguments(settings, engine).Prepend("collapse"));
    }

    private static List<string> Arguments(RunSettings settings, string engine)
    {
        List<string> arguments = ["run"];
        Add("--scenario", settings.Scenario.Name);
        Add("--window", settings.Scenario.Window);
        Add("--prior", settings.Prior?.Specification);
        if (settings.Corpus is Corpus corpus)
        {
            Add("--corpus", corpus.Path);
            Add("--tokenizer", corpus.Tokenizer);
            Add("--order", corpus.Order);
            Add("--heldout", settings.HeldOut?.Path);
        }

        Add("--contexts", settings.Contexts);
        Add("--samples", (object?)settings.Samples ?? "matched");
        Add("--real", settings.Real);
        if (settings.UntilCollapse)
        {
            arguments.Add("--until-collapse");
        }

        Add(settings.UntilCollapse ? "--max-generations" : "--generations", settings.Generations);
        AddClassifier(settings.Classifier);
        Add("--sampler", settings.Sampler == Sampler.Tokens ? null : settings.Sampler.Name());
        Add("--report-at", settings.ReportAt.Specification);
        Add("--engine", engine);
        Add("--threads", settings.Threads);
        Add("--chunk", settings.Chunk);
        Add("--seed", settings.Seed);
        Add("--trace", settings.Trace > 0 ? settings.Trace : null);
        return arguments;

        void AddClassifier(Classifier classifier)
        {
            if (!classifier.IsClosedForm)
            {
                Add("--refit", classifier.Refit);
                Add("--l2", classifier.L2 > 0 ? classifier.L2 : null);
                Add("--embedding", classifier.Embedding);
                Add("--temperature", classifier.Decoding.Temperature);
                Add("--top-k", classifier.Decoding.TopK);
                Add("--top-p", classifier.Decoding.TopP);
            }
        }

        void Add(string option, object? value)
        {
            if (value is not null)
            {
                arguments.Add(option);
                arguments.Add(Quote(Convert.ToString(value, CultureInfo.InvariantCulture)!));
            }
        }
    }

    private static string Quote(string text) =>
        text.Length > 0 && text.All(c => char.IsAsciiLetterOrDigit(c) || "-_./:,+=@%".Contains(c))
            ? text
            : $"'{text.Replace("'", @"'\''", StringComparison.Ordinal)}'";
}
