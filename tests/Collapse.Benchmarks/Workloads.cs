using Collapse.Corpora;
using Collapse.Model;
using Collapse.Priors;
using Collapse.Running;

namespace Collapse.Benchmarks;

/// <summary>The jobs A to G at a scale.</summary>
internal static class Workloads
{
    private const string Along = "integers+take_along_axis";
    private const string Flat = "integers+take";
    private const string Multinomial = "multinomial";
    private const string Live = "multinomial, live tokens";
    private const string Loop = "integers+take, loop over contexts";
    private const string Ragged = "random+take, ragged";
    private const string TorchGather = "randint+gather";

    /// <summary>Letter and meaning of each job.</summary>
    public static IReadOnlyList<(string Job, string Title)> Titles { get; } =
    [
        ("A", "n = 1000, c = 20,000, 100 generations, zipf:1000:1.0, fully synthetic, all observables each generation"),
        ("B", "n = 1000, c = 1,000, zipf:1000:1.0, until collapse"),
        ("C", "n = 100,000, c = 10, zipf:1000:1.0, until collapse; and n = 10,000"),
        ("D", "n = 100, c = 1,000,000, 20 generations, zipf:200000:1.0; and zipf:100:1.0"),
        ("E", "a corpus, matched sizes, 100 generations: chars of order 4, and o200k of order 1"),
        ("F", "partially synthetic, N = 1000, n = 1000, c = 10,000, 200 generations, zipf:1000:1.0"),
        ("G", "random models, n = 1000, c = 1,000, 500 generations, zipf:1000:1.0"),
    ];

    /// <summary>The pieces of work of some jobs; a job whose corpus is missing has none.</summary>
    /// <param name="jobs">Letters or names.</param>
    /// <param name="scale">The amount of work.</param>
    /// <param name="corpus">The text of job E, or null.</param>
    public static IEnumerable<Workload> Create(IReadOnlyList<string> jobs, Scale scale, string? corpus)
    {
        int Choose(int tiny, int quick, int full) =>
            scale switch
            {
                Scale.Tiny => tiny,
                Scale.Quick => quick,
                _ => full,
            };
        foreach (Workload workload in Fixed())
        {
            if (IsWanted(jobs, workload.Name))
            {
                yield return workload;
            }
        }

        (string Name, string Tokenizer, int Order)[] texts = [("E1", "chars", 4), ("E2", "o200k", 1)];
        foreach ((string name, string tokenizer, int order) in texts)
        {
            if (corpus is not null && IsWanted(jobs, name))
            {
                yield return Text(name, Corpus.Read(corpus, tokenizer, order), tokenizer, order);
            }
        }

        IEnumerable<Workload> Fixed()
        {
            int contexts = Choose(64, 2_000, 20_000);
            int part = Choose(16, 200, 1_000);
            yield return Prior(
                "A",
                $"n = 1000, c = {contexts:N0}, 100 generations",
                Scenario.FullySynthetic,
                "zipf:1000:1.0",
                contexts,
                1000,
                Choose(10, 100, 100)
            ) with
            {
                DeviceContexts = Choose(64, 1_000, 4_000),
                Numpy =
                [
                    new(Along, part),
                    new(Flat, part),
                    new(Multinomial, part / 2),
                    new(Live, part),
                    new(Along, part, Observe: false),
                    new(Flat, part, Observe: false),
                    new(Multinomial, part / 2, Observe: false),
                ],
                Torch =
                [
                    new(TorchGather, part / 4),
                    new(Multinomial, part / 8),
                    new(TorchGather, part / 4, Observe: false),
                    new(Multinomial, part / 8, Observe: false),
                ],
            };

            contexts = Choose(16, 100, 1_000);
            part = Choose(4, 20, 200);
            int size = Choose(50, 1_000, 1_000);
            yield return Collapse("B", contexts, size) with
            {
                DeviceContexts = Choose(16, 20, 100),
                Numpy = [new(Along, part), new(Flat, part), new(Multinomial, part), new(Live, part)],
                Torch = [new(TorchGather, part, 200), new(Multinomial, part / 4, 100)],
            };

            size = Choose(500, 10_000, 100_000);
            foreach (int n in new[] { size, size / 10 })
            {
                yield return Collapse(n == size ? "C" : "C-tenth", 10, n) with
                {
                    DeviceContexts = 0,
                    Numpy = n == size ? [new(Along, 10, 100), new(Flat, 10, 100), new(Live, 10)] : [new(Live, 10)],
                };
            }

            contexts = Choose(500, 50_000, 1_000_000);
            part = Choose(100, 5_000, 20_000);
            foreach (int vocabulary in new[] { 200_000, 100 })
            {
                yield return Prior(
                    vocabulary == 100 ? "D-small" : "D",
                    $"n = 100, c = {contexts:N0}, 20 generations, s = {vocabulary:N0}",
                    Scenario.FullySynthetic,
                    $"zipf:{vocabulary}:1.0",
                    contexts,
                    100,
                    20
                ) with
                {
                    DeviceContexts = Choose(100, 5_000, 50_000),
                    Numpy = vocabulary == 100 ? [] : [new(Along, part), new(Flat, part), new(Live, part)],
                    Torch = vocabulary == 100 ? [] : [new(TorchGather, part / 4)],
                };
            }

            contexts = Choose(16, 1_000, 10_000);
            part = Choose(8, 100, 500);
            yield return Prior(
                "F",
                $"partially synthetic, N = n = 1000, c = {contexts:N0}, {Choose(10, 200, 200)} generations",
                Scenario.PartiallySynthetic,
                "zipf:1000:1.0",
                contexts,
                1000,
                Choose(10, 200, 200),
                1000
            ) with
            {
                DeviceContexts = Choose(16, 200, 1_000),
                Numpy = [new(Along, part), new(Flat, part), new(Multinomial, part / 4), new(Live, part / 4)],
                Torch = [new(TorchGather, part / 4), new(Multinomial, part / 8)],
            };

            contexts = Choose(8, 100, 1_000);
            part = Choose(8, 20, 50);
            int last = Choose(10, 500, 500);
            yield return Prior(
                "G",
                $"random models, n = 1000, c = {contexts:N0}, {last} generations",
                Scenario.RandomModels,
                "zipf:1000:1.0",
                contexts,
                1000,
                last
            ) with
            {
                DeviceContexts = Choose(8, 20, 100),
                Numpy = [new(Along, part), new(Flat, part), new(Multinomial, part)],
                Torch = [new(TorchGather, part / 4)],
            };
        }

        Workload Text(string name, Corpus text, string tokenizer, int order)
        {
            var settings = new RunSettings
            {
                Scenario = Scenario.FullySynthetic,
                Corpus = text,
                Generations = Choose(10, 100, 100),
            };
            return new Workload(
                name,
                $"{tokenizer} of order {order}: {text.ContextCount:N0} contexts, {text.TransitionCount:N0} tokens, {settings.Generations} generations",
                settings,
                settings with
                {
                    Generations = 5,
                },
                null,
                [new(Ragged), new(Loop, Every: Choose(200, 20, 10))],
                []
            );
        }
    }

    private static bool IsWanted(IReadOnlyList<string> jobs, string name) =>
        jobs.Count == 0
        || jobs.Any(job =>
            name.Equals(job, StringComparison.OrdinalIgnoreCase)
            || (job.Length == 1 && name.StartsWith(job, StringComparison.OrdinalIgnoreCase))
        );

    private static Workload Collapse(string name, int contexts, int samples)
    {
        Workload workload = Prior(
            name,
            $"n = {samples:N0}, c = {contexts:N0}, until collapse",
            Scenario.FullySynthetic,
            "zipf:1000:1.0",
            contexts,
            samples,
            null
        );
        return workload with { Settings = workload.Settings with { UntilCollapse = true } };
    }

    private static Workload Prior(
        string name,
        string title,
        Scenario scenario,
        string prior,
        int contexts,
        int samples,
        int? generations,
        int? real = null
    )
    {
        var settings = new RunSettings
        {
            Scenario = scenario,
            Prior = PriorParser.Parse(prior),
            Contexts = contexts,
            Samples = samples,
            Real = real,
            Generations = generations,
        };
        RunSettings warm = settings with
        {
            Contexts = Math.Min(contexts, Math.Max(4, 1_000_000 / samples / 10)),
            Generations = Math.Min(generations ?? 50, 50),
        };
        return new Workload(name, title, settings, warm, null, [], []);
    }
}
