using System.Collections.Immutable;
using Collapse.Kernels;
using Collapse.Model;
using Collapse.Running;
using Collapse.Softmax.Sampling;

namespace Collapse.Softmax.Training;

/// <summary>
/// The law that a generation's training tokens were drawn from: its segments' laws, weighted by their sizes. Kept real
/// tokens are their own empirical law once they have been drawn, in the first generation.
/// </summary>
/// <param name="plan">The plan.</param>
/// <param name="data">The real tokens and truths.</param>
internal sealed class DrawnLaw(RunPlan plan, TrainingData data)
{
    private readonly DecodedLaw _decoding = new(plan.Settings.Classifier.Decoding, plan.Vocabulary);
    private readonly SoftmaxLaw _only = new(plan.Vocabulary, LockstepRun.RowsPerBlock);

    // Of several models no logits are worth keeping: the next one's come in between.
    private readonly SoftmaxLaw _law = new(plan.Vocabulary);
    private readonly double[] _sum = new double[plan.Vocabulary];

    /// <summary>The law of a context; valid until the next call.</summary>
    /// <param name="generation">The generation m.</param>
    /// <param name="row">The context's row.</param>
    /// <param name="samples">Its sample size n.</param>
    /// <param name="real">Its real tokens N.</param>
    /// <param name="modelOf">The models that the schedule looks back to, by generation.</param>
    public ReadOnlySpan<double> Of(int generation, int row, int samples, int real, Func<int, SoftmaxModel> modelOf)
    {
        ImmutableArray<Segment> recipe = plan.Schedule.Recipes[plan.Schedule.RecipeNumber(generation)];
        if (recipe is [{ Kind: SegmentKind.Model } only])
        {
            _decoding.Write(modelOf(generation - only.Lag), row, _only);
            return _only.Probabilities;
        }

        double size = Schedule.SizeOf(recipe, samples, real);
        Array.Clear(_sum);
        foreach (Segment segment in recipe)
        {
            double weight = segment.Size(samples, real) / size;
            switch (segment.Kind)
            {
                case SegmentKind.KeepReal when generation > 1:
                    AddKept(row, weight);
                    break;
                case SegmentKind.Model:
                    AddModel(modelOf(generation - segment.Lag), row, weight);
                    break;
                case SegmentKind.Mixture:
                    AddReal(row, weight / generation);
                    for (int t = 1; t < generation; t++)
                    {
                        AddModel(modelOf(t), row, weight / generation);
                    }

                    break;
                default:
                    AddReal(row, weight);
                    break;
            }
        }

        return _sum;
    }

    private void AddModel(SoftmaxModel model, int row, double weight)
    {
        _decoding.Write(model, row, _law);
        LawSums.Add(_sum, weight, _law.Probabilities);
    }

    private void AddReal(int row, double weight)
    {
        if (data.Truth is { } truth)
        {
            LawSums.Add(_sum, weight, truth.Law(row));
        }
        else
        {
            AddKept(row, weight);
        }
    }

    private void AddKept(int row, double weight)
    {
        SampledCounts kept = data.Real!;
        ReadOnlySpan<int> tokens = kept.TokensOf(row);
        ReadOnlySpan<int> counts = kept.CountsOf(row);
        double size = 0;
        foreach (int count in counts)
        {
            size += count;
        }

        for (int i = 0; i < tokens.Length; i++)
        {
            _sum[tokens[i]] += weight * counts[i] / size;
        }
    }
}
