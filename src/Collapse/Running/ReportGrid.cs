using System.Collections.Immutable;
using System.Globalization;

namespace Collapse.Running;

/// <summary>The generations whose observables are reported. The last generation of a run is always among them.</summary>
public sealed class ReportGrid
{
    private const string Parameter = "--report-at";
    private const string GeometricPrefix = "geometric:";
    private const int MostPerDecade = 1_000;
    private const int LongestDense = 10_000;
    private const int DenseStart = 1_000;

    private readonly ImmutableArray<int> _list;
    private readonly int _perDecade;

    private ReportGrid(string? specification, ImmutableArray<int> list, int perDecade)
    {
        Specification = specification;
        _list = list;
        _perDecade = perDecade;
    }

    /// <summary>
    /// Every generation up to 10,000; in longer runs every one to 1,000, then steps that grow by one part in a
    /// hundred.
    /// </summary>
    public static ReportGrid Standard { get; } = new(null, [], 0);

    /// <summary>The grid as the command line spells it; null for <see cref="Standard"/>.</summary>
    public string? Specification { get; }

    /// <summary>The largest generation that is listed; null where the grid follows the length of the run.</summary>
    public int? Farthest => _list.IsEmpty ? null : _list[^1];

    /// <summary>The grid of a specification: a list such as <c>1,10,100</c>, or <c>geometric:K</c>.</summary>
    /// <param name="specification">The specification.</param>
    /// <exception cref="InvalidInputException">It is neither, a number is out of range, or the list does not ascend.</exception>
    public static ReportGrid Parse(string specification)
    {
        ArgumentNullException.ThrowIfNull(specification);
        if (!specification.StartsWith(GeometricPrefix, StringComparison.Ordinal))
        {
            return At(specification.Split(',').Select(Generation));
        }

        string number = specification[GeometricPrefix.Length..];
        return int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int perDecade)
            ? Geometric(perDecade)
            : throw NoDensity(specification);
    }

    /// <summary>These generations and no others but the last.</summary>
    /// <param name="generations">Generations, 1 to 100,000,000, ascending; at least one.</param>
    /// <exception cref="InvalidInputException">A number is out of range, there is none, or they do not ascend.</exception>
    public static ReportGrid At(IEnumerable<int> generations)
    {
        ArgumentNullException.ThrowIfNull(generations);
        ImmutableArray<int> list = [.. generations];
        if (list.IsEmpty)
        {
            throw new InvalidInputException(
                Parameter,
                "(empty)",
                "must list at least one generation",
                ParameterRange.ReportAt.Remedy
            );
        }

        for (int i = 0; i < list.Length; i++)
        {
            ParameterRange.ReportAt.Check(list[i]);
            if (i > 0 && list[i] <= list[i - 1])
            {
                throw new InvalidInputException(
                    Parameter,
                    string.Create(CultureInfo.InvariantCulture, $"{list[i - 1]},{list[i]}"),
                    "must be in ascending order",
                    "list each generation once, the first of them first"
                );
            }
        }

        string specification = string.Join(',', list.Select(g => g.ToString(CultureInfo.InvariantCulture)));
        return new ReportGrid(specification, list, 0);
    }

    /// <summary>The generations nearest to 10^(i/K), i = 0, 1, 2, …</summary>
    /// <param name="perDecade">K, 1 to 1,000: so many between 1 and 10, between 10 and 100, …, where there are as many.</param>
    /// <exception cref="InvalidInputException">K is out of range.</exception>
    public static ReportGrid Geometric(int perDecade)
    {
        string specification = string.Create(CultureInfo.InvariantCulture, $"{GeometricPrefix}{perDecade}");
        return perDecade is >= 1 and <= MostPerDecade
            ? new ReportGrid(specification, [], perDecade)
            : throw NoDensity(specification);
    }

    /// <summary>The reported generations of a run, ascending; the last is <paramref name="last"/>.</summary>
    /// <param name="last">Last generation of the run, at least 1.</param>
    public ImmutableArray<int> For(int last)
    {
        IEnumerable<int> grid =
            !_list.IsEmpty ? _list
            : _perDecade > 0 ? GeometricGrid()
            : StandardGrid(last);
        return [.. grid.TakeWhile(m => m < last), last];
    }

    /// <summary>Whether a generation is reported for itself, not only as the last of a run.</summary>
    internal bool Lists(int generation) => _list.IsEmpty || _list.BinarySearch(generation) >= 0;

    /// <summary>In words, for the record of a run.</summary>
    /// <param name="last">Last generation of the run.</param>
    internal string Describe(int last) =>
        !_list.IsEmpty ? "those listed, and the last"
        : _perDecade > 0
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"those nearest to the powers of ten in steps of 1/{_perDecade}, and the last"
            )
        : last <= LongestDense ? "every generation"
        : "every generation to 1,000, then steps that grow by one part in a hundred, and the last";

    private static IEnumerable<int> StandardGrid(int last)
    {
        for (long m = 1; m < last; m += last <= LongestDense || m < DenseStart ? 1 : m / 100)
        {
            yield return (int)m;
        }
    }

    private IEnumerable<int> GeometricGrid()
    {
        long before = 0;
        for (int i = 0; before < int.MaxValue; i++)
        {
            var m = (long)Math.Round(Math.Pow(10, (double)i / _perDecade));
            if (m > before)
            {
                before = m;
                yield return (int)Math.Min(m, int.MaxValue);
            }
        }
    }

    private static int Generation(string text) =>
        (int)ParameterRange.ReportAt.Parse(text.Length == 0 ? "''" : text, $", or {GeometricPrefix}K");

    private static InvalidInputException NoDensity(string specification) =>
        new(
            Parameter,
            specification,
            string.Create(CultureInfo.InvariantCulture, $"K must be a whole number in 1 to {MostPerDecade:N0}"),
            "choose how many generations of a decade are reported, as in geometric:20"
        );
}
