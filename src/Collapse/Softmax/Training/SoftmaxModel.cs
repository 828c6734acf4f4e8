using Collapse.Softmax.Sampling;

namespace Collapse.Softmax.Training;

/// <summary>The model of one generation: a row of logits for each context of a chunk.</summary>
internal abstract class SoftmaxModel : ILogitSource
{
    /// <inheritdoc/>
    public abstract int Rows { get; }

    /// <inheritdoc/>
    public abstract int Tokens { get; }

    /// <inheritdoc/>
    public abstract ReadOnlySpan<float> Row(int row, Span<float> buffer);

    /// <summary>Writes the law p_i ∝ e^(l_i / T) of a context.</summary>
    /// <param name="row">The context's row.</param>
    /// <param name="temperature">T; 1 for the model itself.</param>
    /// <param name="law">Receives it.</param>
    public abstract void WriteLaw(int row, double temperature, SoftmaxLaw law);

    /// <summary>ln p of a token; minus infinity where p is 0.</summary>
    /// <param name="row">The context's row.</param>
    /// <param name="token">The token.</param>
    /// <param name="law">What <see cref="WriteLaw"/> has written for this row at T = 1.</param>
    public abstract double LogProbability(int row, int token, SoftmaxLaw law);
}
