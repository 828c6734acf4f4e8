using Collapse.Kernels;
using Collapse.Running;
using Collapse.Softmax.Refit;

namespace Collapse.Softmax.Training;

/// <summary>The explicit truths of the contexts of a chunk: tables to draw from, and laws.</summary>
internal sealed class TruthLaws
{
    private readonly ContextTruth[] _truths;
    private readonly double[][] _laws;

    /// <summary>Makes the truths of a chunk: one for all contexts, or one for each.</summary>
    /// <param name="plan">The plan; its truth is a prior.</param>
    /// <param name="first">The first context.</param>
    /// <param name="count">The number of contexts.</param>
    /// <param name="threads">Threads at most.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public TruthLaws(RunPlan plan, long first, int count, int threads, CancellationToken cancellation)
    {
        int number = plan.IsPerContext ? count : 1;
        _truths = new ContextTruth[number];
        _laws = new double[number][];
        BlockLoop.Run(
            number,
            threads,
            worker => worker,
            (_, i) =>
            {
                _truths[i] = plan.TruthOf(first + i);
                _laws[i] = LawOf(_truths[i]);
            },
            cancellation
        );
    }

    /// <summary>The law p^(0) of a row.</summary>
    public double[] Law(int row) => _laws[_laws.Length == 1 ? 0 : row];

    /// <summary>A real token of a row.</summary>
    public int Draw(int row, in DrawStream stream, uint draw) =>
        _truths[_truths.Length == 1 ? 0 : row].Table.Draw(stream, draw);

    private static double[] LawOf(ContextTruth truth)
    {
        UInt128 total = 0;
        foreach (UInt128 weight in truth.Table.Weights)
        {
            total += weight;
        }

        return [.. truth.Table.Weights.Select(weight => (double)weight / (double)total)];
    }
}
