using System.Globalization;
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
    /// <exception cref="InvalidInputException">All of them would not fit into arrays.</exception>
    public static int ChunkCapacity(RunPlan plan)
    {
        if (plan.Settings.Classifier.Embedding.Dimension is int dimension)
        {
            return CheckShared(plan, dimension);
        }

        double context = DataBytesPerContext(plan) + ModelBytes(plan, 1);
        return (int)Math.Clamp(ChunkBytes / context, 1, ParameterRange.Chunk.Highest);
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

    private static int CheckShared(RunPlan plan, int dimension)
    {
        double entries = plan.Contexts * Entries(plan);
        if (entries > Array.MaxLength)
        {
            throw new InvalidInputException(
                plan.IsCorpus ? "--order" : "--contexts",
                (plan.IsCorpus ? plan.Corpus.Order : plan.Contexts).ToString(CultureInfo.InvariantCulture),
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"gives training sets of up to {entries:N0} entries, of at most {Array.MaxLength:N0} for contexts that share parameters"
                ),
                "choose fewer contexts, or lower --samples"
            );
        }

        // All tokens that no context has seen are one column.
        EmbeddedRefit.CheckSize(dimension, plan.Contexts, (int)Math.Min(plan.Vocabulary, entries + 1));
        return (int)plan.Contexts;
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
