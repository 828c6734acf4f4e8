using System.Collections.Immutable;
using System.Globalization;
using Collapse.Kernels;

namespace Collapse.Model;

/// <summary>
/// Where each generation's training tokens come from: a recipe of segments for every generation. All
/// scenarios of the paper, and any custom one, are this one thing (eq. 5).
/// </summary>
public sealed class Scenario
{
    private readonly Func<int, ImmutableArray<Segment>> _recipe;

    private Scenario(
        string name,
        int? window,
        bool keepsReal,
        bool isCollapseCertain,
        Func<int, ImmutableArray<Segment>> recipe
    )
    {
        Name = name;
        Window = window;
        KeepsReal = keepsReal;
        IsCollapseCertain = isCollapseCertain;
        _recipe = recipe;
    }

    /// <summary>The scenario's name, as on the command line.</summary>
    public string Name { get; }

    /// <summary>The window K of recent-models, otherwise null.</summary>
    public int? Window { get; }

    /// <summary>Whether the same N real tokens stand in every training set (partially-synthetic).</summary>
    public bool KeepsReal { get; }

    /// <summary>Whether the number of tokens follows from the sample size n; a custom schedule brings its own numbers.</summary>
    public bool UsesSamples { get; private init; } = true;

    /// <summary>Whether every context collapses in the end with probability one: no real token enters for ever.</summary>
    public bool IsCollapseCertain { get; }

    /// <summary>The names of the scenarios that need no code.</summary>
    public static IReadOnlyList<string> Names { get; } =
    ["fully-synthetic", "partially-synthetic", "recent-models", "random-models"];

    /// <summary>n draws from p^(m-1); at m = 1, n real tokens (§2.2).</summary>
    public static Scenario FullySynthetic { get; } = CreateFullySynthetic();

    /// <summary>The same N real tokens every time and n draws from p^(m-1); at m = 1, the N real tokens (§2.2).</summary>
    public static Scenario PartiallySynthetic { get; } = CreatePartiallySynthetic();

    /// <summary>n draws; each first picks t uniformly from 0 … m - 1, then a token from p^(t) (§4.2).</summary>
    public static Scenario RandomModels { get; } = CreateRandomModels();

    /// <summary>⌊n/K⌋ draws from each of p^(t), max(0, m - K) ≤ t ≤ m - 1 (§4.2).</summary>
    /// <param name="window">K, 1 to 4,096.</param>
    /// <exception cref="InvalidInputException">K is out of range.</exception>
    public static Scenario RecentModels(int window)
    {
        ParameterRange.Window.Check(window);
        var recipes = new ImmutableArray<Segment>[window + 1];
        return new Scenario("recent-models", window, keepsReal: false, isCollapseCertain: true, Recipe);

        ImmutableArray<Segment> Recipe(int generation)
        {
            ref ImmutableArray<Segment> known = ref recipes[Math.Min(generation, window + 1) - 1];
            if (known.IsDefault)
            {
                var segments = ImmutableArray.CreateBuilder<Segment>();
                for (int t = Math.Max(0, generation - window); t < generation; t++)
                {
                    segments.Add(t == 0 ? Real(1, window) : Model(generation - t, 1, window));
                }

                known = segments.ToImmutable();
            }

            return known;
        }
    }

    /// <summary>Any schedule of eq. 5.</summary>
    /// <param name="name">A name for the records.</param>
    /// <param name="schedule">
    /// For generation m ≥ 1 the sources (t, n_t): t from 0 (fresh real tokens) to m - 1, n_t ≥ 0 tokens drawn
    /// from p^(t) in every context. With a corpus, generation 1 is the corpus itself and is not asked for.
    /// </param>
    /// <exception cref="InvalidInputException">
    /// Thrown when a run is planned: a source outside 0 … m - 1, a negative count, no tokens, too many sources.
    /// </exception>
    public static Scenario Custom(string name, Func<int, IEnumerable<(int Source, int Count)>> schedule)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(schedule);
        return new Scenario(name, null, keepsReal: false, isCollapseCertain: false, m => CustomRecipe(m, schedule(m)))
        {
            UsesSamples = false,
        };
    }

    /// <summary>The scenario of a name.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="window">K, for recent-models and for no other.</param>
    /// <exception cref="InvalidInputException">The name is unknown, or the window is missing or out of place.</exception>
    public static Scenario Parse(string name, int? window)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (window is int given && name != "recent-models")
        {
            throw new InvalidInputException(
                "--window",
                given.ToString(CultureInfo.InvariantCulture),
                $"does not apply to {name}",
                "leave it out, or choose --scenario recent-models"
            );
        }

        return name switch
        {
            "fully-synthetic" => FullySynthetic,
            "partially-synthetic" => PartiallySynthetic,
            "random-models" => RandomModels,
            "recent-models" => RecentModels(
                window
                    ?? throw new InvalidInputException(
                        "--window",
                        "(missing)",
                        "is required by recent-models",
                        "give --window K, the number of most recent models that each generation learns from"
                    )
            ),
            _ => throw new InvalidInputException(
                "--scenario",
                name,
                $"must be one of {string.Join(", ", Names)}",
                "choose one of these; any other schedule can be given as Scenario.Custom from code"
            ),
        };
    }

    /// <summary>The segments of the training set of a generation.</summary>
    /// <param name="generation">m, from 1.</param>
    /// <exception cref="InvalidInputException">A custom schedule gives something impossible.</exception>
    public ImmutableArray<Segment> RecipeFor(int generation) => _recipe(generation);

    private static Scenario CreateFullySynthetic()
    {
        ImmutableArray<Segment> first = [Real(1, 1)];
        ImmutableArray<Segment> later = [Model(1, 1, 1)];
        return new Scenario("fully-synthetic", null, false, true, m => m == 1 ? first : later);
    }

    private static Scenario CreatePartiallySynthetic()
    {
        ImmutableArray<Segment> first = [new Segment(SegmentKind.KeepReal, 0, 0, 0)];
        ImmutableArray<Segment> later = [.. first, Model(1, 1, 1)];
        return new Scenario("partially-synthetic", null, true, false, m => m == 1 ? first : later);
    }

    private static Scenario CreateRandomModels()
    {
        ImmutableArray<Segment> recipe = [new Segment(SegmentKind.Mixture, 0, 1, 1)];
        return new Scenario("random-models", null, false, false, _ => recipe);
    }

    private static Segment Real(int numerator, int denominator) =>
        new(SegmentKind.FreshReal, 0, numerator, denominator);

    private static Segment Model(int lag, int numerator, int denominator) =>
        new(SegmentKind.Model, lag, numerator, denominator);

    private static ImmutableArray<Segment> CustomRecipe(int generation, IEnumerable<(int Source, int Count)> sources)
    {
        var segments = ImmutableArray.CreateBuilder<Segment>();
        long total = 0;
        foreach ((int source, int count) in sources)
        {
            if (source < 0 || source >= generation)
            {
                throw BadSchedule(generation, $"source {source}", $"must lie in 0 to {generation - 1}");
            }

            if (count < 0)
            {
                throw BadSchedule(generation, $"count {count} of source {source}", "must not be negative");
            }

            total += count;
            if (count > 0)
            {
                segments.Add(source == 0 ? Real(count, 0) : Model(generation - source, count, 0));
            }
        }

        if (total is < 1 or > int.MaxValue)
        {
            throw BadSchedule(generation, $"{total} tokens", "must lie in 1 to 2,147,483,647");
        }

        if (segments.Count > DrawStream.MaxSegments)
        {
            throw BadSchedule(generation, $"{segments.Count} sources", $"must be at most {DrawStream.MaxSegments}");
        }

        return segments.ToImmutable();
    }

    private static InvalidInputException BadSchedule(int generation, string value, string allowed) =>
        new("schedule", $"of generation {generation}, {value}", allowed, "mend the custom schedule's function");
}
