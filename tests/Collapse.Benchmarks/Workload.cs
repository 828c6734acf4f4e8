using Collapse.Running;

namespace Collapse.Benchmarks;

/// <summary>A part of a job that a peer does: fewer contexts, or fewer generations.</summary>
/// <param name="Method">The peer's form.</param>
/// <param name="Contexts">Contexts; for a corpus ignored.</param>
/// <param name="Generations">Generations; null for the job's own, until collapse where the job says so.</param>
/// <param name="Every">For a corpus: every how manyeth context.</param>
/// <param name="Observe">Whether all observables are taken in each reported generation.</param>
internal sealed record PeerPart(
    string Method,
    long Contexts = 0,
    int? Generations = null,
    int Every = 1,
    bool Observe = true
);

/// <summary>One piece of work that every contender does, or a stated part of it.</summary>
/// <param name="Name">The job's letter, with more where a job has several pieces of work.</param>
/// <param name="Title">What it is.</param>
/// <param name="Settings">The work.</param>
/// <param name="Warm">The same in small.</param>
/// <param name="DeviceContexts">Contexts for an OpenCL engine, which mostly runs on the CPU; null for all of them, 0 for none.</param>
/// <param name="Numpy">What NumPy does of it.</param>
/// <param name="Torch">What PyTorch and libtorch do of it.</param>
internal sealed record Workload(
    string Name,
    string Title,
    RunSettings Settings,
    RunSettings Warm,
    long? DeviceContexts,
    IReadOnlyList<PeerPart> Numpy,
    IReadOnlyList<PeerPart> Torch
)
{
    /// <summary>The job's letter.</summary>
    public string Job => Name[..1];

    /// <summary>Number of contexts.</summary>
    public long Contexts => Settings.Corpus?.ContextCount ?? Settings.Contexts ?? 1;

    /// <summary>Whether engines are also timed on one thread.</summary>
    public bool IsScaled => Name is "A" or "E1";

    /// <summary>Whether engines also do it with the sampler of counts.</summary>
    public bool HasCounts => Settings.UntilCollapse;
}
