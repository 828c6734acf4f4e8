namespace Collapse.Theory;

/// <summary>
/// Fully synthetic contexts with one n: their laws added up, as far as they are linear, and walked down one chain.
/// With the real data given, generation m is generation m - 1 of a context whose truth is p^(1).
/// </summary>
internal sealed class FullySyntheticPool
{
    /// <summary>Points at which a wide law of ancestors is evaluated, about: with more samples than this times the generations, a table of all numbers of ancestors costs more.</summary>
    private const long PointsPerGeneration = 100;

    private readonly int _generations;
    private readonly int _given;
    private readonly bool _tabulatesSupport;
    private readonly double[] _notCollapsed;
    private readonly double[] _collapsed;
    private readonly double[] _supportTable;
    private readonly List<(TokenLaw Law, long Contexts)> _laws = [];

    internal FullySyntheticPool(long samples, int generations, int given)
    {
        Samples = samples;
        _generations = generations - given;
        _given = given;
        IsExact = samples <= Limits.ChainSamples;
        _tabulatesSupport = IsExact && samples <= PointsPerGeneration * generations;
        _notCollapsed = new double[IsExact ? samples + 1 : 0];
        _collapsed = new double[_notCollapsed.Length];
        _supportTable = new double[_tabulatesSupport ? samples + 1 : 0];
    }

    internal long Samples { get; }

    /// <summary>Whether n is small enough for the chain.</summary>
    internal bool IsExact { get; }

    internal long Contexts { get; private set; }

    /// <summary>Contexts that have a single token from the start.</summary>
    internal long SingleToken { get; private set; }

    /// <summary>Sum over contexts of 1 - S_0.</summary>
    internal double Impurity { get; private set; }

    /// <summary>Sum over contexts of (1 - S_0)/(1 - 1/s~), where s~ exceeds 1.</summary>
    internal double ImpurityRatio { get; private set; }

    internal long SupportAtStart { get; private set; }

    /// <summary>P(a tokens are not all equal), a = 0..n, with the number of contexts alike; single tokens left out.</summary>
    internal List<(double[] Survival, long Contexts)> Survivals { get; } = [];

    /// <summary>What the law of the last collapse would cost; survivals are kept only up to <see cref="LargestLastCollapse"/>.</summary>
    internal double LastCollapseWork { get; private set; }

    /// <summary>Most generations times laws that the last collapse is looked for in.</summary>
    internal const double LargestLastCollapse = 3e8;

    internal void Add(ContextProfile context)
    {
        var law = context.Law;
        var number = context.Contexts;
        Contexts += number;
        SupportAtStart += number * law.Support;
        if (law.Support == 1)
        {
            SingleToken += number;
        }
        else
        {
            Impurity += number * law.Impurity;
            ImpurityRatio += number * law.Impurity / (1 - 1.0 / law.Support);
            // P(T > m) falls by 1 - 1/n per generation, down to 1e-20.
            LastCollapseWork += 46.0 * Samples;
        }

        if (!IsExact)
        {
            return;
        }

        var survival = law.NotAllEqual((int)Samples);
        AddTo(_notCollapsed, survival, number);
        AddTo(_collapsed, law.AllEqual((int)Samples), number);
        if (law.Support > 1 && LastCollapseWork <= LargestLastCollapse)
        {
            Survivals.Add((survival, number));
        }

        if (!_tabulatesSupport)
        {
            _laws.Add((law, number));
            return;
        }

        for (var a = 1; a < _supportTable.Length; a++)
        {
            _supportTable[a] += number * law.ExpectedDistinct(a);
        }
    }

    /// <summary>Walks the chain.</summary>
    internal FullySyntheticSeries Walk()
    {
        var collapsed = new double[_generations + 1];
        var support = new double[_generations + 1];
        var chain = new AncestralChain((int)Samples);
        if (_generations > 0)
        {
            var walk = chain.Walk((int)Samples);
            for (; walk.Generation <= _generations && (walk.Last > 1 || walk.Generation == 1); walk.Advance())
            {
                collapsed[walk.Generation] = CollapsedAt(walk);
                support[walk.Generation] = SupportAt(walk);
            }

            // One ancestor is left, and stays.
            for (var m = walk.Generation; m <= _generations; m++)
            {
                collapsed[m] = Contexts;
                support[m] = Contexts;
            }
        }

        // Contexts that have not collapsed at the start do so one generation later where p^(1) is given.
        var (sum, weighted) = chain.ExpectedSums(_notCollapsed);
        double late = _given * (Contexts - SingleToken);
        // E[(U + d)^2] of U = T - 1 with d = 1 for late contexts: E U^2 = 2 sum m P(T > m) - sum P(T > m).
        return new FullySyntheticSeries(collapsed, support, sum + late, 2 * weighted - sum + 2 * _given * sum + late);
    }

    private double CollapsedAt(AncestorWalk walk)
    {
        var collapsed = walk.Expectation(_collapsed);
        return collapsed < 0.5 * Contexts ? collapsed : Contexts - walk.Expectation(_notCollapsed);
    }

    private double SupportAt(AncestorWalk walk) =>
        _tabulatesSupport
            ? walk.Expectation(_supportTable)
            : _laws.Sum(l => l.Contexts * walk.SmoothExpectation(l.Law.ExpectedDistinct));

    private static void AddTo(double[] sums, double[] values, long number)
    {
        for (var a = 0; a < sums.Length; a++)
        {
            sums[a] += number * values[a];
        }
    }
}

/// <summary>Sums over the contexts of one n.</summary>
/// <param name="Collapsed">Expected number of collapsed contexts, by generations since the data were drawn or given.</param>
/// <param name="Support">Expected sum of supports, likewise.</param>
/// <param name="Sum">Sum of E[T - 1].</param>
/// <param name="SumOfSquares">Sum of E[(T - 1)^2].</param>
internal sealed record FullySyntheticSeries(double[] Collapsed, double[] Support, double Sum, double SumOfSquares);
