using Collapse.Corpora;
using Collapse.Results;
using Collapse.Running;

namespace Collapse.Cli;

/// <summary>Counts, for a corpus, the tokens to which contexts have collapsed.</summary>
internal sealed class Survivors(RunPlan plan)
{
    private readonly Corpus? _corpus = plan.Settings.Corpus;
    private readonly long[] _counts = plan.IsCorpus ? new long[plan.Vocabulary] : [];
    private long _collapsed;

    public void Add(ContextTable table)
    {
        for (int i = 0; i < table.Count && _corpus is not null; i++)
        {
            if (table.IsCollapsed(i))
            {
                _counts[table.Token[i]]++;
                _collapsed++;
            }
        }
    }

    /// <summary>The most frequent survivors as text, with their share of the collapsed contexts.</summary>
    public IReadOnlyList<(string Text, double Share)> MostFrequent(int number) =>
        [
            .. Enumerable
                .Range(0, _counts.Length)
                .Where(token => _counts[token] > 0)
                .OrderByDescending(token => _counts[token])
                .ThenBy(token => token)
                .Take(number)
                .Select(token => (_corpus!.TokenText(token), (double)_counts[token] / _collapsed)),
        ];
}
