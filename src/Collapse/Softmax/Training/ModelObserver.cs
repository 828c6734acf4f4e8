using Collapse.Kernels;
using Collapse.Results;
using Collapse.Running;
using Collapse.Softmax.Refit;

namespace Collapse.Softmax.Training;

/// <summary>What one worker takes of the models: the observables of a context at a generation.</summary>
/// <param name="plan">The plan.</param>
/// <param name="data">The real tokens and truths.</param>
internal sealed class ModelObserver(RunPlan plan, TrainingData data)
{
    // A closed form that meets its data exactly differs from them by a few units of 2^-53.
    private const double Rounding = 1e-13;

    private readonly SoftmaxLaw _law = new(plan.Vocabulary, LockstepRun.RowsPerBlock);
    private readonly SoftmaxLaw _first = new(plan.Vocabulary, LockstepRun.RowsPerBlock);
    private readonly DrawnLaw _drawn = new(plan, data);
    private readonly SoftmaxRow _row = new();
    private readonly double _logUnits = Math.ScaleB(1, plan.LogBits);

    /// <summary>Observes a context; the row is valid until the next call.</summary>
    /// <param name="row">The context's row in the chunk.</param>
    /// <param name="context">The context.</param>
    /// <param name="state">The generation.</param>
    public SoftmaxRow Observe(int row, long context, GenerationState state)
    {
        SoftmaxModel model = state.ModelOf(state.Generation);
        model.WriteLaw(row, 1, _law);
        ReadOnlySpan<double> p = _law.Probabilities;
        ReadOnlySpan<double> first = p;
        if (state.Generation > 1)
        {
            state.First.WriteLaw(row, 1, _first);
            first = _first.Probabilities;
        }

        (double fromFirst, double unseenOfFirst) = LawSums.Compare(p, first);
        (double fromTruth, double unseen) = data.Truth is { } truth
            ? LawSums.Compare(p, truth.Law(row))
            : (double.NaN, unseenOfFirst);
        double largest = LawSums.Largest(p);
        ReadOnlySpan<int> tokens = state.Counts.Tokens(row);
        ReadOnlySpan<int> counts = state.Counts.Counts(row);
        ReadOnlySpan<double> drawnFrom = _drawn.Of(
            state.Generation,
            row,
            plan.SamplesOf(context),
            plan.RealOf(context),
            state.ModelOf
        );
        _row.Size = (int)state.Counts.Size(row);
        _row.Token = p.IndexOf(largest);
        _row.IsCollapsed = tokens.Length == 1;
        Set(Observable.SumOfSquares, Math.Min(LawSums.Squares(p), 1));
        Set(Observable.MaxProbability, largest);
        Set(Observable.Support, LawSums.Support(p));
        Set(Observable.Entropy, Math.Max(_law.Entropy, 0));
        Set(Observable.L1FromFirst, Math.Min(fromFirst, 2));
        Set(Observable.L1FromTruth, Math.Min(fromTruth, 2));
        Set(Observable.UnseenMass, Math.Min(unseen, 1));
        Set(Observable.TrainingSupport, tokens.Length);
        Set(Observable.StatisticalError, Distance(tokens, counts, drawnFrom));
        Set(Observable.FunctionalError, Distance(tokens, counts, p));
        WriteIntegers(tokens, counts, state.FirstCounts, row);
        WriteHeldOut(row, context, model);
        return _row;
    }

    private void Set(Observable observable, double value) => _row.Values[(int)observable] = value;

    /// <summary>Σ |D_i/n - p_i| for a law p: what it gives to tokens that do not occur follows from its sum, 1.</summary>
    private double Distance(ReadOnlySpan<int> tokens, ReadOnlySpan<int> counts, ReadOnlySpan<double> law)
    {
        double distance = 0;
        double others = 1;
        for (int i = 0; i < tokens.Length; i++)
        {
            double p = law[tokens[i]];
            distance += Math.Abs(((double)counts[i] / _row.Size) - p);
            others -= p;
        }

        distance += Math.Max(others, 0);
        return distance < Rounding ? 0 : Math.Min(distance, 2);
    }

    /// <summary>The integers of the training set, as every engine reports them.</summary>
    private void WriteIntegers(ReadOnlySpan<int> tokens, ReadOnlySpan<int> counts, CountRows firstCounts, int row)
    {
        long[] integers = _row.Integers;
        Array.Clear(integers);
        ReadOnlySpan<int> firstTokens = firstCounts.Tokens(row);
        ReadOnlySpan<int> first = firstCounts.Counts(row);
        long size = _row.Size;
        long firstSize = firstCounts.Size(row);
        long distance = firstSize * size;
        int next = 0;
        for (int i = 0; i < tokens.Length; i++)
        {
            long count = counts[i];
            while (next < firstTokens.Length && firstTokens[next] < tokens[i])
            {
                next++;
            }

            // What a token adds beyond the f_i·n that it would add if it did not occur.
            bool isFirst = next < firstTokens.Length && firstTokens[next] == tokens[i];
            long before = isFirst ? first[next] * size : 0;
            distance += Math.Abs((count * firstSize) - before) - before;
            integers[ObservableRow.SumOfSquares] += count * count;
            integers[ObservableRow.MaxAndToken] = Math.Max(
                integers[ObservableRow.MaxAndToken],
                ObservableRow.Pack(counts[i], tokens[i])
            );
            integers[ObservableRow.Hash] += (long)CountsHash.Share(tokens[i], counts[i]);
        }

        integers[ObservableRow.Support] = tokens.Length;
        integers[ObservableRow.L1FromFirst] = distance;
    }

    private void WriteHeldOut(int row, long context, SoftmaxModel model)
    {
        _row.HeldOutNegativeLog = 0;
        _row.HeldOutCovered = 0;
        if (plan.Settings.HeldOut is { } heldOut)
        {
            double sum = 0;
            for (long i = heldOut.Offsets.Span[(int)context]; i < heldOut.Offsets.Span[(int)context + 1]; i++)
            {
                int count = heldOut.Counts.Span[(int)i];
                double log = model.LogProbability(row, heldOut.Tokens.Span[(int)i], _law);
                if (log > double.NegativeInfinity)
                {
                    sum -= count * log;
                    _row.HeldOutCovered += count;
                }
            }

            _row.HeldOutNegativeLog = (long)Math.Round(Math.Clamp(sum * _logUnits, 0, 1L << 61));
        }
    }
}
