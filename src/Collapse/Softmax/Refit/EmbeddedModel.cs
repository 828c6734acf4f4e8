using System.Runtime.Intrinsics;

namespace Collapse.Softmax.Refit;

/// <summary>A softmax classifier over embedded contexts: P(i | context j) = softmax(Wᵀ e_j)_i with W shared, D × s.</summary>
public sealed class EmbeddedModel
{
    internal EmbeddedModel(Embedding embedding, TokenClasses classes, PanelShape shape, AlignedFloats weights)
    {
        Embedding = embedding;
        Classes = classes;
        Shape = shape;
        Weights = weights;
    }

    /// <summary>The vectors of the contexts.</summary>
    public Embedding Embedding { get; }

    /// <summary>Tokens s of the vocabulary.</summary>
    public int Vocabulary => Classes.ClassOf.Length;

    internal TokenClasses Classes { get; }

    internal PanelShape Shape { get; }

    internal AlignedFloats Weights { get; }

    /// <summary>Writes W.</summary>
    /// <param name="weights">D·s numbers: row after row, s numbers a row.</param>
    public void WriteWeights(Span<float> weights)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(weights.Length, (long)Embedding.Dimension * Vocabulary);
        ReadOnlySpan<float> panels = Weights.Span;
        ReadOnlySpan<int> classOf = Classes.ClassOf;
        for (int k = 0; k < Embedding.Dimension; k++)
        {
            Span<float> row = weights.Slice(k * Vocabulary, Vocabulary);
            for (int token = 0; token < row.Length; token++)
            {
                row[token] = panels[Shape.Index(k, classOf[token])];
            }
        }
    }

    /// <summary>Writes the logits of a context.</summary>
    /// <param name="context">The context, 0 … c - 1.</param>
    /// <param name="logits">s numbers.</param>
    public void WriteLogits(int context, Span<double> logits)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(logits.Length, Vocabulary);
        ReadOnlySpan<float> e = Embedding[context];
        ReadOnlySpan<float> panels = Weights.Span;
        var columns = new double[Classes.Count];
        for (int k = 0; k < e.Length; k++)
        {
            for (int column = 0; column < columns.Length; column++)
            {
                columns[column] += (double)e[k] * panels[Shape.Index(k, column)];
            }
        }

        for (int token = 0; token < logits.Length; token++)
        {
            logits[token] = columns[Classes.ClassOf[token]];
        }
    }

    /// <summary>
    /// Writes the logits of some contexts, one for each class of tokens, in float32: the entries of e in order, each
    /// product fused with its sum, so that the bits are the same at every vector width. W is read once for all of them.
    /// </summary>
    /// <param name="context">The first context, 0 … c - 1.</param>
    /// <param name="count">How many.</param>
    /// <param name="columns">Room for as many numbers a context as there are classes, context after context.</param>
    internal void WriteColumns(int context, int count, Span<float> columns)
    {
        ReadOnlySpan<float> panels = Weights.Span;
        Span<float> last = stackalloc float[PanelShape.Width];
        for (int panel = 0; panel < Shape.Count; panel++)
        {
            int column = panel * PanelShape.Width;
            int length = Math.Min(PanelShape.Width, Classes.Count - column);
            ReadOnlySpan<float> weights = panels.Slice(panel * Shape.PanelSize, Shape.PanelSize);
            for (int j = 0; j < count; j++)
            {
                Span<float> target = columns.Slice((j * Classes.Count) + column, length);
                if (length == PanelShape.Width)
                {
                    WritePanel(Embedding[context + j], weights, target);
                }
                else
                {
                    WritePanel(Embedding[context + j], weights, last);
                    last[..length].CopyTo(target);
                }
            }
        }
    }

    private static void WritePanel(ReadOnlySpan<float> e, ReadOnlySpan<float> panel, Span<float> target)
    {
        Vector512<float> left = default;
        Vector512<float> right = default;
        for (int k = 0; k < e.Length; k++)
        {
            ReadOnlySpan<float> row = panel.Slice(k * PanelShape.Width, PanelShape.Width);
            Vector512<float> factor = Vector512.Create(e[k]);
            left = Vector512.FusedMultiplyAdd(factor, Vector512.Create(row), left);
            right = Vector512.FusedMultiplyAdd(factor, Vector512.Create(row[(PanelShape.Width / 2)..]), right);
        }

        left.CopyTo(target);
        right.CopyTo(target[(PanelShape.Width / 2)..]);
    }
}
