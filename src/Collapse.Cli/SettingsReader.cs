using Collapse.Corpora;
using Collapse.Model;
using Collapse.Priors;
using Collapse.Running;

namespace Collapse.Cli;

/// <summary>Reads what a request names: the prior, or the text.</summary>
internal sealed class SettingsReader(Screen screen, CancellationToken interrupt)
{
    /// <summary>The model of a request; how long and how it is run is left open.</summary>
    public RunSettings Read(ModelRequest request, Scenario scenario)
    {
        if (request.Corpus is not null && request.Prior is not null)
        {
            throw new InvalidInputException(
                "--corpus",
                request.Corpus,
                "does not go with --prior: the truth is one of the two",
                "leave one of them out"
            );
        }

        return new RunSettings
        {
            Scenario = scenario,
            Prior = request.Prior is null ? null : PriorParser.Parse(request.Prior),
            Corpus = request.Corpus is null ? null : ReadCorpus(request),
            Contexts = request.Contexts,
            Samples = request.Samples,
            Real = request.Real,
            Seed = request.Seed,
        };
    }

    public HeldOutCounts ReadHeldOut(Corpus corpus, string path)
    {
        var progress = new ReadingProgress();
        return ProgressView.Watch(
            screen,
            $"reading held-out {Path.GetFileName(path)}",
            progress.State,
            () => corpus.ReadHeldOut(path, progress, interrupt)
        );
    }

    private Corpus ReadCorpus(ModelRequest request)
    {
        var progress = new ReadingProgress();
        return ProgressView.Watch(
            screen,
            $"reading {Path.GetFileName(request.Corpus)}",
            progress.State,
            () => Corpus.Read(request.Corpus!, request.Tokenizer, request.Order, progress, interrupt)
        );
    }
}
