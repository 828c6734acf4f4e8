using System.Globalization;

namespace Collapse.Softmax.Refit;

/// <summary>Trains a softmax classifier over embedded contexts: one matrix W for all.</summary>
public static class EmbeddedRefit
{
    /// <summary>Trains on counts.</summary>
    /// <param name="counts">The training data.</param>
    /// <param name="embedding">The vectors of its contexts.</param>
    /// <param name="method">Gradient descent, or Newton, which here is L-BFGS.</param>
    /// <param name="options">Penalty, weighting, threads; null for none, per context, all cores.</param>
    /// <param name="start">Starting W; null for zeros, a fresh model.</param>
    /// <param name="progress">Told the start and every step.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="InvalidInputException">
    /// A number is out of range, the method is a closed form, or embedding or start do not fit the counts.
    /// </exception>
    /// <exception cref="RefitDivergedException">Gradient descent diverged.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static (EmbeddedModel Model, RefitReport Report) Train(
        CountRows counts,
        Embedding embedding,
        RefitMethod method,
        RefitOptions? options = null,
        EmbeddedModel? start = null,
        IProgress<RefitProgress>? progress = null,
        CancellationToken cancellation = default
    )
    {
        ArgumentNullException.ThrowIfNull(counts);
        ArgumentNullException.ThrowIfNull(embedding);
        ArgumentNullException.ThrowIfNull(method);
        options ??= new RefitOptions();
        method.Check();
        options.Check();
        Check(counts, embedding, method, start);
        TokenClasses classes = TokenClasses.Find(counts, start?.Classes);
        CheckSize(embedding.Dimension, embedding.Contexts, classes.Count);
        var objective = new EmbeddedObjective(counts, embedding, classes, options, cancellation);
        var weights = new AlignedFloats(objective.Shape.Length);
        if (start is not null)
        {
            Copy(start, classes, objective.Shape, weights);
        }

        var training = new EmbeddedTraining(objective, weights, counts.Contexts, progress);
        RefitReport report = method switch
        {
            RefitMethod.Gradient m => training.Descend(m, options.L2),
            RefitMethod.Newton m => training.Minimise(m),
            _ => throw new ArgumentException($"{method} has no steps", nameof(method)),
        };
        return (new EmbeddedModel(embedding, classes, objective.Shape, weights), report);
    }

    private static void Copy(EmbeddedModel start, TokenClasses classes, PanelShape shape, AlignedFloats weights)
    {
        ReadOnlySpan<float> source = start.Weights.Span;
        Span<float> target = weights.Span;
        for (int column = 0; column < classes.Count; column++)
        {
            int from = start.Classes.ClassOf[classes.First[column]];
            for (int k = 0; k < shape.Rows; k++)
            {
                target[shape.Index(k, column)] = source[start.Shape.Index(k, from)];
            }
        }
    }

    private static void Check(CountRows counts, Embedding embedding, RefitMethod method, EmbeddedModel? start)
    {
        if (method is not (RefitMethod.Gradient or RefitMethod.Newton))
        {
            throw new InvalidInputException(
                "--refit",
                method.ToString(),
                "must be gradient:STEPS:RATE or newton:TOL where contexts are embedded",
                "the closed forms need --embedding onehot"
            );
        }

        if (embedding.Contexts != counts.Contexts)
        {
            throw new InvalidInputException(
                "embedding",
                string.Create(CultureInfo.InvariantCulture, $"{embedding.Contexts} contexts"),
                string.Create(CultureInfo.InvariantCulture, $"must have as many as the counts, {counts.Contexts}"),
                "give a vector per context"
            );
        }

        if (
            start is not null
            && (start.Vocabulary, start.Embedding.Dimension) != (counts.Vocabulary, embedding.Dimension)
        )
        {
            throw new InvalidInputException(
                "start",
                string.Create(CultureInfo.InvariantCulture, $"{start.Embedding.Dimension} x {start.Vocabulary}"),
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"must be D x s, {embedding.Dimension} x {counts.Vocabulary}"
                ),
                "start from a model of the same dimension and vocabulary"
            );
        }
    }

    /// <summary>Refuses a training whose matrices or sums would not fit into arrays.</summary>
    /// <param name="dimension">D.</param>
    /// <param name="count">Contexts c.</param>
    /// <param name="columns">Columns of W: classes of tokens.</param>
    /// <exception cref="InvalidInputException">They would not.</exception>
    internal static void CheckSize(int dimension, long count, int columns)
    {
        // Room for padding and alignment is left.
        long most = Array.MaxLength - (1 << 20);
        var shape = new PanelShape(dimension, columns);
        long contexts = count + PanelShape.RowGroup;
        long numbers = Math.Max(shape.Length, contexts * shape.PaddedRows);
        if (numbers > most)
        {
            throw new InvalidInputException(
                "--embedding",
                string.Create(CultureInfo.InvariantCulture, $"gaussian:{dimension}"),
                string.Create(CultureInfo.InvariantCulture, $"takes {numbers:N0} numbers, of at most {most:N0}"),
                "choose a smaller dimension"
            );
        }

        long sums = contexts * ((shape.Count / EmbeddedObjective.TilePanels) + 1);
        if (sums > most)
        {
            throw new InvalidInputException(
                "--contexts",
                count.ToString(CultureInfo.InvariantCulture),
                string.Create(CultureInfo.InvariantCulture, $"take {sums:N0} partial sums, of at most {most:N0}"),
                "choose fewer contexts"
            );
        }
    }
}
