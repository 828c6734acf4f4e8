using System.Runtime.InteropServices;
using Collapse.Priors;
using Collapse.Running;

namespace Collapse.Benchmarks;

/// <summary>A peer on its part of a job.</summary>
internal sealed class PeerContender(PeerProcess peer, Workload workload, PeerPart part, DirectoryInfo files)
    : IContender
{
    private PeerRequest? _request;

    public ContenderKind Kind => ContenderKind.Peer;

    public string Name => $"{peer.Identity.Peer} {peer.Identity.Version}";

    public string Form => part.Observe ? part.Method : $"{part.Method}, without observables";

    public string Device => peer.Identity.Device;

    public double Fraction { get; private set; } = 1;

    /// <summary>Whether the peer ends where the job ends, so that what it finds can be compared.</summary>
    public bool IsWhole => part.Generations is null;

    public void Prepare()
    {
        RunPlan plan = Planner.Plan(workload.Settings);
        RunSettings settings = workload.Settings;
        long contexts = settings.Corpus is null ? Math.Min(part.Contexts, plan.Contexts) : plan.Contexts;
        int last = part.Generations ?? plan.LastGeneration;
        Fraction = settings.Corpus is null ? (double)contexts / plan.Contexts : 1.0 / part.Every;
        _request = new PeerRequest
        {
            Method = part.Method,
            Scenario = settings.Scenario.Name,
            Vocabulary = plan.Vocabulary,
            Weights = settings.Prior is null ? null : Write($"{workload.Name}-weights", Weights(settings.Prior)),
            Followers = settings.Corpus is null
                ? null
                : Write<int>($"{workload.Name}-followers", settings.Corpus.Followers.Span),
            Offsets = settings.Corpus is null
                ? null
                : Write<long>($"{workload.Name}-offsets", settings.Corpus.Offsets.Span),
            Contexts = contexts,
            Every = part.Every,
            Samples = settings.Samples ?? 0,
            Real = settings.Real ?? 0,
            Generations = last,
            UntilCollapse = settings.UntilCollapse && part.Generations is null,
            Observe = part.Observe,
            Reported = part.Generations is null && plan.Report.Length < last ? plan.Report : null,
            Seed = 0,
        };
    }

    public Measurement Run(int repeat)
    {
        PeerAnswer answer = peer.Ask(_request! with { Seed = repeat });
        return new Measurement(answer.Seconds, answer.ContextGenerations)
        {
            Draws = workload.Settings.Samples * answer.ContextGenerations,
            Answer = answer,
        };
    }

    private static double[] Weights(Prior prior)
    {
        var weights = new double[prior.VocabularySize];
        prior.WriteWeights(0, 0, weights);
        return weights;
    }

    private string Write<T>(string name, ReadOnlySpan<T> values)
        where T : unmanaged
    {
        string path = Path.Combine(files.FullName, name);
        if (!File.Exists(path))
        {
            File.WriteAllBytes(path, MemoryMarshal.AsBytes(values));
        }

        return path;
    }

    private string Write(string name, double[] values) => Write<double>(name, values);
}
