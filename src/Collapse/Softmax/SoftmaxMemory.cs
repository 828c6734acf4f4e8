using Collapse.Running;
using Collapse.Softmax.Refit;

namespace Collapse.Softmax;

/// <summary>How much main memory a run of softmax models takes.</summary>
internal static class SoftmaxMemory
{
    // One-hot contexts come in chunks of about this much: results do not depend on it.
    private const double ChunkBytes = 1 << 30;

    // An entry of a sparse row: token and count, as they are drawn, joined, and kept of the first generation.
    private const double BytesPerEntry = 40;

    // Token and logit; classes while it is trained.
    private const double BytesPerLogit = 16;

    // Alias columns, units and law.
    private const double BytesPerTruthToken = 80;

    // Laws, logits and sums of an observer; 13 of a sampler.
    private const double BytesPerTokenAndThread = 170;

    // Matrices of L-BFGS beside W; descent has the gradient, B and the velocity.
    private const int NewtonMatrices = 21;
    private const int DescentMatrices = 4;

    /// <summary>Contexts that are trained together at most: all where they share parameters.</summary>
    public static int ChunkCapacity(RunPlan plan)
    {
        double context =
            DataBytesPerContext(plan) + (plan.Settings.Classifier.SeparatesContexts ? ModelBytes(plan, 1) : 0);
        return plan.Settings.Classifier.SeparatesContexts
            ? (int)Math.Clamp(ChunkBytes / context, 1, ParameterRange.Chunk.Highest)
            : (int)Math.Min(plan.Contexts, int.MaxValue);
    }

    /// <summary>Bytes of everything but the models.</summary>
    public static double HostBytes(RunPlan plan, int chunk, int threads) =>
        (chunk * DataBytesPerContext(plan)) + (threads * BytesPerTokenAndThread * plan.Vocabulary);

    /// <summary>Bytes of the models that are kept, and of the training of one.</summary>
    public static double ModelBytes(RunPlan plan, int chunk)
    {
        double kept = Math.Min(plan.Schedule.Lookback, plan.LastGeneration) + 2;
        if (plan.Settings.Classifier.Embedding.Dimension is not int dimension)
        {
            return kept * BytesPerLogit * chunk * Entries(plan);
        }

        bool isNewton = plan.Settings.Classifier.Refit is RefitMethod.Newton;
        double matrix = 4.0 * dimension * plan.Vocabulary;
        double vectors = 8.0 * dimension * chunk;
        double sums = 12.0 * chunk * ((plan.Vocabulary / 512.0) + 1);
        return (matrix * (kept + (isNewton ? NewtonMatrices : DescentMatrices))) + vectors + sums;
    }

    private static double DataBytesPerContext(RunPlan plan)
    {
        double mixture = plan.Schedule.Recipes.Any(r => r.Any(s => s.Kind == Kernels.SegmentKind.Mixture))
            ? 4.0 * plan.LastGeneration
            : 0;
        double truth = plan.IsPerContext ? BytesPerTruthToken * plan.Vocabulary : 0;
        return (BytesPerEntry * Entries(plan)) + mixture + truth;
    }

    private static double Entries(RunPlan plan) => Math.Min(plan.LargestSet, plan.Vocabulary);
}
