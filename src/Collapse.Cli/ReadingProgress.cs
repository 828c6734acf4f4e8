using System.Diagnostics;
using Collapse.Corpora;

namespace Collapse.Cli;

/// <summary>How far the reading of a text is.</summary>
internal sealed class ReadingProgress : IProgress<CorpusProgress>
{
    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private readonly Lock _lock = new();
    private CorpusProgress _last;

    public void Report(CorpusProgress value)
    {
        lock (_lock)
        {
            _last = value;
        }
    }

    public ProgressState State()
    {
        CorpusProgress last;
        lock (_lock)
        {
            last = _last;
        }

        double rate = last.TokenCount / _watch.Elapsed.TotalSeconds;
        return new ProgressState(
            last.TotalBytes is long total and > 0 ? (double)last.BytesRead / total : null,
            $"{Figures.Short(rate)} tokens/s"
        );
    }
}
