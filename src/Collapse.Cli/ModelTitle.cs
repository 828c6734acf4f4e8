using Collapse.Corpora;
using Collapse.Running;

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

        if (dependsOnSeed)
        {
            parts.Add($"seed {settings.Seed}");
        }

        return string.Join(" · ", parts);
    }
}
