using System.Globalization;
using Collapse.Corpora;
using Collapse.Running;
using Collapse.Softmax;

namespace Collapse.Cli;

/// <summary>A model in a line or two: scenario, truth, sizes.</summary>
internal static class ModelTitle
{
    public static IEnumerable<string> Lines(RunSettings settings, bool dependsOnSeed)
    {
        yield return Title(settings, dependsOnSeed);
        if (settings.Corpus is Corpus corpus)
        {
            yield return $"{Path.GetFileName(corpus.Path)}: {Figures.Whole(corpus.TokenCount)} tokens ({corpus.Tokenizer}), "
                + $"vocabulary {Figures.Whole(corpus.VocabularySize)}, order {corpus.Order}, "
                + $"{Figures.Whole(corpus.TransitionCount)} transitions";
        }
    }

    /// <summary>What departs from the closed form.</summary>
    private static IEnumerable<string> Describe(Classifier classifier)
    {
        if (classifier.IsClosedForm)
        {
            yield break;
        }

        yield return $"refit {classifier.Refit}";
        if (classifier.L2 > 0)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"L2 = {classifier.L2}");
        }

        yield return $"{classifier.Embedding} contexts";
        if (classifier.Decoding.Temperature != 1)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"T = {classifier.Decoding.Temperature}");
        }

        if (classifier.Decoding.TopK is int k)
        {
            yield return $"top-k {Figures.Whole(k)}";
        }

        if (classifier.Decoding.TopP < 1)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"top-p {classifier.Decoding.TopP}");
        }
    }

    private static string Title(RunSettings settings, bool dependsOnSeed)
    {
        List<string> parts = [settings.Scenario.Name];
        if (settings.Scenario.Window is int window)
        {
            parts.Add($"window {Figures.Whole(window)}");
        }

        if (settings.Prior is not null)
        {
            parts.Add(settings.Prior.Specification);
        }

        parts.Add(settings.Samples is int samples ? $"n = {Figures.Whole(samples)}" : "n matched to the text");
        if (settings.Real is int real)
        {
            parts.Add($"N = {Figures.Whole(real)} real");
        }

        parts.AddRange(Describe(settings.Classifier));
        if (dependsOnSeed)
        {
            parts.Add($"seed {settings.Seed}");
        }

        return string.Join(" · ", parts);
    }
}
