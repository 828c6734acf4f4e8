using System.Globalization;
using Collapse.Engines;
using Collapse.Results;
using Collapse.Running;

namespace Collapse.Benchmarks;

/// <summary>The targets of the CPU engine, judged as the jobs end. A target whose two sides did not both run is left out.</summary>
internal sealed class TargetList
{
    private const double LargestIdleShare = 0.05;

    private readonly List<Target> _all = [];
    private readonly Dictionary<string, Standing> _engines = [];
    private readonly Dictionary<string, Standing> _counts = [];

    /// <summary>What was judged so far.</summary>
    public IReadOnlyList<Target> All => _all;

    /// <summary>Judges a job.</summary>
    public void Judge(Workload workload, IReadOnlyList<Standing> standings)
    {
        string job = workload.Name;
        if (Find(standings, ContenderKind.Engine, "cpu") is not { } engine)
        {
            return;
        }

        _engines[job] = engine;
        if (Find(standings, ContenderKind.Ceiling, "cpu") is { } ceiling && job == "A")
        {
            AtLeast(job, "share of the randomness-only ceiling", 0.5, ceiling.Cost / engine.Cost);
        }

        JudgeNumpy(job, engine, standings, "");
        Standing? counts = Find(standings, ContenderKind.Engine, "cpu, counts");
        if (counts is not null)
        {
            _counts[job] = counts;
            JudgeNumpy(job, counts, standings, "with --sampler counts, ");
        }

        JudgeScaling(job, standings);
        switch (job)
        {
            case "A":
                AtMost(job, "bytes allocated per context and generation", 1, AllocatedBytes(workload));
                break;
            case "C-tenth" when _engines.TryGetValue("C", out Standing? large):
                AtMost("C", "time at ten times the n, over the time at n", 20, large.Median / engine.Median);
                if (counts is not null && _counts.TryGetValue("C", out Standing? largeCounts))
                {
                    AtMost("C", "the same with --sampler counts", 20, largeCounts.Median / counts.Median);
                }

                break;
            case "D":
                JudgeMemory(workload, engine);
                break;
            case "D-small" when _engines.TryGetValue("D", out Standing? wide):
                AtMost("D", "cost per draw at s = 200,000 over that at s = 100", 1.5, wide.Cost / engine.Cost);
                break;
            case "E1" or "E2":
                AtMost(
                    job,
                    "idle share of the threads, start and end of the run included",
                    LargestIdleShare,
                    engine.MedianOf(run => run.IdleShare ?? double.NaN)
                );
                break;
        }
    }

    private void JudgeNumpy(string job, Standing engine, IReadOnlyList<Standing> standings, string how)
    {
        double wanted = job switch
        {
            "A" or "F" or "G" => 15,
            "B" => 100,
            "E1" or "E2" => 50,
            _ => double.NaN,
        };
        Standing[] forms =
        [
            .. standings.Where(s =>
                s.Contender is PeerContender { IsWhole: true }
                && s.Contender.Name.StartsWith("numpy", StringComparison.Ordinal)
                && !s.Contender.Form.EndsWith("without observables", StringComparison.Ordinal)
                && s.Runs.Count > 0
            ),
        ];
        if (double.IsNaN(wanted) || forms.Length == 0)
        {
            return;
        }

        if (job.StartsWith('E'))
        {
            foreach (Standing form in forms)
            {
                AtLeast(job, $"{how}times NumPy, {form.Contender.Form}", wanted, form.Cost / engine.Cost);
            }

            return;
        }

        Standing best = forms.MinBy(s => s.Cost)!;
        AtLeast(job, $"{how}times the best NumPy form, {best.Contender.Form}", wanted, best.Cost / engine.Cost);
    }

    /// <summary>From one thread to all: the engine's gain over the ceiling's gain in the same run.</summary>
    private void JudgeScaling(string job, IReadOnlyList<Standing> standings)
    {
        double? Gain(ContenderKind kind)
        {
            Standing[] both =
            [
                .. standings.Where(s => s.Contender.Kind == kind && s.Contender.Name == "cpu" && s.Runs.Count > 0),
            ];
            return both.Length == 2 ? both[1].Cost / both[0].Cost : null;
        }

        if (Gain(ContenderKind.Engine) is double engine && Gain(ContenderKind.Ceiling) is double ceiling)
        {
            string gains = string.Create(CultureInfo.InvariantCulture, $"{engine:0.00} over {ceiling:0.00}");
            AtLeast(job, $"gain from all cores over the ceiling's ({gains})", 0.95, engine / ceiling);
        }
    }

    private static double AllocatedBytes(Workload workload)
    {
        using IEngine engine = EngineCatalog.Create("cpu", 1);
        return Allocation.PerContextGeneration(engine, workload.Settings);
    }

    private void JudgeMemory(Workload workload, Standing engine)
    {
        RunResult result = engine.Runs[^1].Result!;
        double pairs = result[Observable.Support].Mean[0] * result.Plan.Contexts;
        using IEngine fresh = EngineCatalog.Create("cpu");
        long? bytes = PeakMemory.Of(() => Simulation.Prepare(workload.Settings, fresh).Run());
        if (bytes is long peak)
        {
            AtMost("D", "peak bytes per live (context, token) pair of generation 1", 100, peak / pairs);
        }
    }

    private static Standing? Find(IReadOnlyList<Standing> standings, ContenderKind kind, string name) =>
        standings.FirstOrDefault(s => s.Contender.Kind == kind && s.Contender.Name == name && s.Runs.Count > 0);

    private void AtLeast(string job, string what, double wanted, double measured) =>
        _all.Add(new Target(job, what, Text("at least", wanted), Finite(measured), measured >= wanted));

    private void AtMost(string job, string what, double wanted, double measured) =>
        _all.Add(new Target(job, what, Text("at most", wanted), Finite(measured), measured <= wanted));

    private static string Text(string relation, double wanted) =>
        string.Create(CultureInfo.InvariantCulture, $"{relation} {wanted}");

    private static double? Finite(double value) => double.IsFinite(value) ? value : null;
}
