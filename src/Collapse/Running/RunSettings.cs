using Collapse.Corpora;
using Collapse.Model;
using Collapse.Priors;
using Collapse.Softmax;

namespace Collapse.Running;

/// <summary>What a run is to do. Everything that shapes its results is here; two equal settings give one digest.</summary>
public sealed record RunSettings
{
    /// <summary>Where each generation's training tokens come from.</summary>
    public required Scenario Scenario { get; init; }

    /// <summary>The truth as a prior; exactly one of this and <see cref="Corpus"/> is given.</summary>
    public Prior? Prior { get; init; }

    /// <summary>The real data as a corpus.</summary>
    public Corpus? Corpus { get; init; }

    /// <summary>Held-out counts of the corpus, or null.</summary>
    public HeldOutCounts? HeldOut { get; init; }

    /// <summary>Number of contexts c, 1 to 2^32 - 1; null for the rows of a weights file, for 1 with any other prior, and always with a corpus, which brings its own.</summary>
    public long? Contexts { get; init; }

    /// <summary>Sample size n, 1 to 2^31 - 1; null for matched, n_j = N_j (a corpus), or where a custom schedule brings its own numbers.</summary>
    public int? Samples { get; init; }

    /// <summary>Number of real tokens N of partially-synthetic with a prior, 1 to 2^31 - 1.</summary>
    public int? Real { get; init; }

    /// <summary>Last generation, 1 to 100,000,000; null with <see cref="UntilCollapse"/> for 100·max(n, 100), times ((K + 1)/2)² with a window K.</summary>
    public int? Generations { get; init; }

    /// <summary>Whether a context leaves the run at its first collapse; <see cref="Generations"/> is then the most it may take.</summary>
    public bool UntilCollapse { get; init; }

    /// <summary>The generations whose observables are reported.</summary>
    public ReportGrid ReportAt { get; init; } = ReportGrid.Standard;

    /// <summary>How models are trained and sampled; eq. 2 unless asked otherwise.</summary>
    public Classifier Classifier { get; init; } = Classifier.ClosedForm;

    /// <summary>How a generation is drawn: token by token, or, where that is the same in distribution, as counts.</summary>
    public Sampler Sampler { get; init; } = Sampler.Tokens;

    /// <summary>The seed, the key of Philox.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Number of contexts, from the first, whose whole trajectory is kept; 0 or more.</summary>
    public int Trace { get; init; }

    /// <summary>Worker threads of the CPU engine, 1 to 1024; null for one per core. No result depends on it.</summary>
    public int? Threads { get; init; }

    /// <summary>Contexts handled at a time, 1 to 2^24; null to choose. No result depends on it.</summary>
    public int? Chunk { get; init; }
}
