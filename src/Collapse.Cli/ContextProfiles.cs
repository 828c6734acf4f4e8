using System.Globalization;
using Collapse.Corpora;
using Collapse.Priors;
using Collapse.Running;
using Collapse.Theory;

namespace Collapse.Cli;

/// <summary>The contexts of a request, alike ones together.</summary>
internal static class ContextProfiles
{
    /// <summary>Most numbers in the laws of contexts that each have their own.</summary>
    private const long MostProbabilities = 200_000_000;

    /// <summary>Refuses more laws than can be worked through.</summary>
    public static void Check(RunSettings settings)
    {
        if (settings.Prior is not { DiffersByContext: true } prior)
        {
            return;
        }

        long most = Math.Max(1, MostProbabilities / prior.VocabularySize);
        if (Count(settings) > most)
        {
            throw new InvalidInputException(
                "--contexts",
                Count(settings).ToString(CultureInfo.InvariantCulture),
                $"must lie in 1 to {Figures.Whole(most)} where each context has a law over {Figures.Whole(prior.VocabularySize)} tokens of its own",
                "ask for fewer contexts"
            );
        }
    }

    public static IEnumerable<ContextProfile> Of(RunSettings settings) =>
        settings.Corpus is Corpus corpus ? OfCorpus(corpus, settings.Samples)
        : settings.Prior!.DiffersByContext ? OfLaws(settings, settings.Prior)
        :
        [
            ContextProfile.Drawn(
                settings.Prior.Probabilities(),
                settings.Samples!.Value,
                settings.Real,
                Count(settings)
            ),
        ];

    private static long Count(RunSettings settings) => settings.Contexts ?? settings.Prior!.Contexts ?? 1;

    private static IEnumerable<ContextProfile> OfLaws(RunSettings settings, Prior prior)
    {
        for (long context = 0; context < Count(settings); context++)
        {
            yield return ContextProfile.Drawn(
                prior.Probabilities(settings.Seed, (uint)context),
                settings.Samples!.Value,
                settings.Real
            );
        }
    }

    /// <summary>Contexts with the same counts, whatever the tokens, are alike: no law here looks at more.</summary>
    private static IEnumerable<ContextProfile> OfCorpus(Corpus corpus, int? samples)
    {
        var alike = new Dictionary<int[], long>(SameNumbers.Instance);
        for (int context = 0; context < corpus.ContextCount; context++)
        {
            int[] counts = Counts(corpus.FollowersOf(context));
            alike[counts] = alike.GetValueOrDefault(counts) + 1;
        }

        return alike.Select(a => ContextProfile.Observed(a.Key, samples ?? a.Key.Sum(), a.Value));
    }

    /// <summary>How often each token occurs, most frequent first.</summary>
    private static int[] Counts(ReadOnlySpan<int> tokens)
    {
        int[] sorted = tokens.ToArray();
        Array.Sort(sorted);
        var counts = new List<int>();
        for (int i = 0; i < sorted.Length; i++)
        {
            if (i > 0 && sorted[i] == sorted[i - 1])
            {
                counts[^1]++;
            }
            else
            {
                counts.Add(1);
            }
        }

        counts.Sort((a, b) => b.CompareTo(a));
        return [.. counts];
    }

    private sealed class SameNumbers : IEqualityComparer<int[]>
    {
        public static SameNumbers Instance { get; } = new();

        public bool Equals(int[]? x, int[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode(int[] numbers)
        {
            var hash = new HashCode();
            foreach (int number in numbers)
            {
                hash.Add(number);
            }

            return hash.ToHashCode();
        }
    }
}
