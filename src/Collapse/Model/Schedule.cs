using System.Collections.Immutable;
using Collapse.Kernels;

namespace Collapse.Model;

/// <summary>
/// A scenario laid out for a run of known length: its distinct recipes, which generation uses which, and how
/// far back any of them reads.
/// </summary>
public sealed class Schedule
{
    private readonly int[] _recipeOf;
    private readonly long[] _uses;

    private Schedule(
        ImmutableArray<ImmutableArray<Segment>> recipes,
        int[] recipeOf,
        int lookback,
        int lastRealUse,
        int lastFreshUse
    )
    {
        Recipes = recipes;
        _recipeOf = recipeOf;
        _uses = new long[recipes.Length];
        foreach (int recipe in recipeOf)
        {
            _uses[recipe]++;
        }

        Lookback = lookback;
        LastRealUse = lastRealUse;
        LastFreshUse = lastFreshUse;
    }

    /// <summary>The distinct recipes.</summary>
    public ImmutableArray<ImmutableArray<Segment>> Recipes { get; }

    /// <summary>Number of generations.</summary>
    public int Generations => _recipeOf.Length;

    /// <summary>The farthest lag that any generation reads, at least 1.</summary>
    public int Lookback { get; }

    /// <summary>The last generation that takes real tokens, kept or fresh.</summary>
    public int LastRealUse { get; }

    /// <summary>The last generation that takes fresh real tokens; 0 for none.</summary>
    public int LastFreshUse { get; }

    /// <summary>
    /// Whether every generation from the second on is drawn from the one before and nothing else, always in the
    /// same way: fully-synthetic, and what amounts to it. From the second on all training sets have one size.
    /// </summary>
    public bool IsChain => Recipes.Length == 2 && _uses[0] == 1 && Recipes[1] is [{ Kind: SegmentKind.Model, Lag: 1 }];

    /// <summary>Whether any generation keeps the context's own real tokens.</summary>
    public bool KeepsReal => Recipes.Any(r => r.Any(s => s.Kind == SegmentKind.KeepReal));

    /// <summary>Lays out a scenario.</summary>
    /// <param name="scenario">The scenario.</param>
    /// <param name="generations">The last generation, at least 1.</param>
    /// <param name="isCorpus">Whether real data is a corpus: generation 1 is then exactly that data.</param>
    /// <exception cref="InvalidInputException">A custom schedule gives something impossible.</exception>
    public static Schedule Create(Scenario scenario, int generations, bool isCorpus)
    {
        ArgumentNullException.ThrowIfNull(scenario);
        var recipes = ImmutableArray.CreateBuilder<ImmutableArray<Segment>>();
        var reads = new List<Reads>();
        var numbers = new Dictionary<ImmutableArray<Segment>, int>(RecipeComparer.Instance);
        var recipeOf = new int[generations];
        ImmutableArray<Segment> previous = default;
        int lookback = 1;
        int lastReal = 0;
        int lastFresh = 0;
        for (int m = 1; m <= generations; m++)
        {
            ImmutableArray<Segment> recipe =
                m == 1 && isCorpus ? [new Segment(SegmentKind.KeepReal, 0, 0, 0)] : scenario.RecipeFor(m);

            // A recipe that repeats is the same array: no need to compare its segments.
            recipeOf[m - 1] = recipe == previous ? recipeOf[m - 2] : Number(recipe);
            previous = recipe;
            Reads read = reads[recipeOf[m - 1]];
            lookback = Math.Max(lookback, read.AllModels ? m - 1 : read.Lag);
            lastReal = read.Real ? m : lastReal;
            lastFresh = read.Fresh ? m : lastFresh;
        }

        return new Schedule(recipes.ToImmutable(), recipeOf, lookback, lastReal, lastFresh);

        int Number(ImmutableArray<Segment> recipe)
        {
            if (!numbers.TryGetValue(recipe, out int number))
            {
                number = recipes.Count;
                numbers.Add(recipe, number);
                recipes.Add(recipe);
                reads.Add(Reads.Of(recipe));
            }

            return number;
        }
    }

    /// <summary>The number of the recipe of a generation, from 1.</summary>
    public int RecipeNumber(int generation) => _recipeOf[generation - 1];

    /// <summary>The number of tokens that a recipe gives a context with sample size n and N real tokens.</summary>
    /// <exception cref="OverflowException">More than 2^63 - 1 tokens.</exception>
    public static long SizeOf(ImmutableArray<Segment> recipe, int samples, int real)
    {
        long size = 0;
        foreach (Segment segment in recipe)
        {
            size = checked(size + segment.Size(samples, real));
        }

        return size;
    }

    /// <summary>The size of the training set of a generation.</summary>
    public long SetSize(int generation, int samples, int real) =>
        SizeOf(Recipes[_recipeOf[generation - 1]], samples, real);

    /// <summary>The tokens of a generation's training set that are drawn, kept real ones left out.</summary>
    public long DrawnSize(int generation, int samples, int real)
    {
        ImmutableArray<Segment> recipe = Recipes[_recipeOf[generation - 1]];
        int kept = recipe.Count(segment => segment.Kind == SegmentKind.KeepReal);
        return SizeOf(recipe, samples, real) - ((long)kept * real);
    }

    /// <summary>Tokens in the training sets of all generations together, for one context.</summary>
    public double TotalSize(int samples, int real) =>
        Recipes.Select((recipe, i) => (double)_uses[i] * SizeOf(recipe, samples, real)).Sum();

    /// <summary>The largest training set of any generation.</summary>
    public long LargestSet(int samples, int real)
    {
        // Asked for every context: nothing is allocated.
        long largest = 0;
        foreach (ImmutableArray<Segment> recipe in Recipes)
        {
            largest = Math.Max(largest, SizeOf(recipe, samples, real));
        }

        return largest;
    }

    /// <summary>The smallest training set of any generation.</summary>
    public long SmallestSet(int samples, int real) => Recipes.Min(recipe => SizeOf(recipe, samples, real));

    /// <summary>What a recipe reads: found once, since a run of 10^8 generations has few recipes.</summary>
    private readonly record struct Reads(int Lag, bool AllModels, bool Real, bool Fresh)
    {
        public static Reads Of(ImmutableArray<Segment> recipe) =>
            new(
                recipe.Length == 0 ? 0 : recipe.Max(s => s.Lag),
                recipe.Any(s => s.Kind == SegmentKind.Mixture),
                recipe.Any(s => s.Kind != SegmentKind.Model),
                recipe.Any(s => s.Kind is SegmentKind.FreshReal or SegmentKind.Mixture)
            );
    }

    private sealed class RecipeComparer : IEqualityComparer<ImmutableArray<Segment>>
    {
        public static RecipeComparer Instance { get; } = new();

        public bool Equals(ImmutableArray<Segment> x, ImmutableArray<Segment> y) =>
            x.AsSpan().SequenceEqual(y.AsSpan());

        public int GetHashCode(ImmutableArray<Segment> recipe)
        {
            var hash = new HashCode();
            foreach (Segment segment in recipe)
            {
                hash.Add(segment);
            }

            return hash.ToHashCode();
        }
    }
}
