using System.Collections.Immutable;

namespace Collapse.Running;

/// <summary>
/// The generations whose observables are reported: every one up to 10,000 generations; in longer runs every
/// one to 1,000, then steps that grow by one part in a hundred, and the last.
/// </summary>
public static class ReportGrid
{
    private const int LongestDense = 10_000;
    private const int DenseStart = 1_000;

    /// <summary>The reported generations of a run, ascending; the first is 1 and the last is <paramref name="last"/>.</summary>
    /// <param name="last">Last generation of the run, at least 1.</param>
    public static ImmutableArray<int> For(int last)
    {
        var grid = ImmutableArray.CreateBuilder<int>();
        long generation = 1;
        while (generation < last)
        {
            grid.Add((int)generation);
            generation += last <= LongestDense || generation < DenseStart ? 1 : generation / 100;
        }

        grid.Add(last);
        return grid.ToImmutable();
    }
}
