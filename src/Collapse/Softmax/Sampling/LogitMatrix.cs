using System.Globalization;

namespace Collapse.Softmax.Sampling;

/// <summary>Rows of logits that lie in memory, row after row.</summary>
public sealed class LogitMatrix : ILogitSource
{
    private readonly ReadOnlyMemory<float> _values;

    /// <summary>Takes a matrix; it is not copied.</summary>
    /// <param name="values">Logits, row after row.</param>
    /// <param name="tokens">The number of tokens s, at least 1.</param>
    /// <exception cref="InvalidInputException">There are no tokens, or they do not divide the values into rows.</exception>
    public LogitMatrix(ReadOnlyMemory<float> values, int tokens)
    {
        if (tokens < 1 || values.Length % tokens != 0)
        {
            throw new InvalidInputException(
                "tokens",
                tokens.ToString(CultureInfo.InvariantCulture),
                string.Create(CultureInfo.InvariantCulture, $"must divide the {values.Length} logits into whole rows"),
                "give every row as many logits as there are tokens"
            );
        }

        _values = values;
        Tokens = tokens;
        Rows = values.Length / tokens;
    }

    /// <inheritdoc/>
    public int Rows { get; }

    /// <inheritdoc/>
    public int Tokens { get; }

    /// <inheritdoc/>
    public ReadOnlySpan<float> Row(int row, Span<float> buffer) => Stored(row);

    /// <inheritdoc/>
    public ReadOnlySpan<float> Stored(int row) => _values.Span.Slice(checked(row * Tokens), Tokens);
}
