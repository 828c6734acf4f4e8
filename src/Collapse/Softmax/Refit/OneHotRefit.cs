using System.Globalization;

namespace Collapse.Softmax.Refit;

/// <summary>Trains a softmax classifier over one-hot contexts: each context's row of logits by itself.</summary>
public static class OneHotRefit
{
    private const int BlockRows = 64;

    /// <summary>Trains on counts.</summary>
    /// <param name="counts">The training data.</param>
    /// <param name="method">How.</param>
    /// <param name="options">Penalty, weighting, threads; null for none, per context, all cores.</param>
    /// <param name="start">Starting logits of an iterative method, finite; null for zeros, a fresh model.</param>
    /// <param name="progress">Told after each block of contexts, in order; a closed form tells nothing.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="InvalidInputException">A number is out of range, or the start does not fit the counts.</exception>
    /// <exception cref="RefitDivergedException">Gradient descent diverged; the first such context is named.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static (OneHotModel Model, RefitReport Report) Train(
        CountRows counts,
        RefitMethod method,
        RefitOptions? options = null,
        OneHotModel? start = null,
        IProgress<RefitProgress>? progress = null,
        CancellationToken cancellation = default
    )
    {
        ArgumentNullException.ThrowIfNull(counts);
        ArgumentNullException.ThrowIfNull(method);
        options ??= new RefitOptions();
        method.Check();
        options.Check();
        return method switch
        {
            RefitMethod.Closed => (Smooth(counts, 0), RefitReport.ClosedForm),
            RefitMethod.Smoothed m => (Smooth(counts, m.Lambda), RefitReport.ClosedForm),
            _ => new OneHotTraining(counts, method, options, Checked(start, counts), progress).Run(
                BlockRows,
                cancellation
            ),
        };
    }

    /// <summary>The logits ln(count + λ); that of tokens that do not occur is ln λ.</summary>
    private static OneHotModel Smooth(CountRows counts, double lambda)
    {
        var logits = new double[counts.AllTokens.Length];
        for (int j = 0; j < counts.Contexts; j++)
        {
            ReadOnlySpan<int> row = counts.Counts(j);
            for (int i = 0; i < row.Length; i++)
            {
                logits[counts.Offsets[j] + i] = Math.Log(row[i] + lambda);
            }
        }

        var shared = new double[counts.Contexts];
        Array.Fill(shared, lambda > 0 ? Math.Log(lambda) : double.NegativeInfinity);
        return new OneHotModel(counts.Vocabulary, counts.Offsets, counts.AllTokens, logits, shared);
    }

    private static OneHotModel? Checked(OneHotModel? start, CountRows counts)
    {
        if (start is null)
        {
            return null;
        }

        if (start.Vocabulary != counts.Vocabulary || start.Contexts != counts.Contexts)
        {
            throw new InvalidInputException(
                "start",
                string.Create(CultureInfo.InvariantCulture, $"{start.Contexts} x {start.Vocabulary}"),
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"must have the contexts and tokens of the counts, {counts.Contexts} x {counts.Vocabulary}"
                ),
                "start from a model of the same contexts"
            );
        }

        for (int j = 0; j < start.Contexts; j++)
        {
            bool isFinite = double.IsFinite(start.SharedLogit(j));
            foreach (double logit in start.Logits(j))
            {
                isFinite &= double.IsFinite(logit);
            }

            if (!isFinite)
            {
                throw new InvalidInputException(
                    "start",
                    string.Create(CultureInfo.InvariantCulture, $"context {j}"),
                    "must have finite logits",
                    "start from a model that was trained by steps or smoothed"
                );
            }
        }

        return start;
    }
}
