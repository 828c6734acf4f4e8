namespace Collapse.Softmax.Sampling;

/// <summary>
/// Rows of logits, given one at a time: c × s of them never need to be in memory at once. Several threads ask for
/// different rows at the same time.
/// </summary>
public interface ILogitSource
{
    /// <summary>The number of rows c.</summary>
    int Rows { get; }

    /// <summary>The number of tokens s in every row, at least 1.</summary>
    int Tokens { get; }

    /// <summary>The logits of a row.</summary>
    /// <param name="row">The row, 0 to <see cref="Rows"/> - 1.</param>
    /// <param name="buffer">Room for <see cref="Tokens"/> logits that the row may be computed into.</param>
    /// <returns>
    /// <see cref="Tokens"/> logits, finite or minus infinity (never drawn): the buffer, or memory of the source's own.
    /// </returns>
    ReadOnlySpan<float> Row(int row, Span<float> buffer);

    /// <summary>
    /// A row that lies in memory already, so that it can be brought near before its turn; empty where it must be
    /// computed.
    /// </summary>
    /// <param name="row">The row, 0 to <see cref="Rows"/> - 1.</param>
    ReadOnlySpan<float> Stored(int row) => default;
}
