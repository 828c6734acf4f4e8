using System.Globalization;

namespace Collapse.Softmax.Refit;

/// <summary>
/// Token counts of c contexts as compressed sparse rows: the training data of a refit. Row j holds the entries
/// offsets[j] to offsets[j + 1] - 1; its tokens ascend and its counts are at least 1.
/// </summary>
public sealed class CountRows
{
    private readonly long[] _offsets;
    private readonly int[] _tokens;
    private readonly int[] _counts;
    private readonly long[] _sizes;

    /// <summary>Takes the arrays as they are, without a copy.</summary>
    /// <param name="vocabulary">Tokens s, 1 to 2^31 - 1.</param>
    /// <param name="offsets">c + 1 entries, from 0, ascending.</param>
    /// <param name="tokens">The tokens of all rows, each in 0 … s - 1.</param>
    /// <param name="counts">How often each occurs, at least 1.</param>
    /// <exception cref="InvalidInputException">The arrays are not such rows, or a context has no tokens.</exception>
    public CountRows(int vocabulary, long[] offsets, int[] tokens, int[] counts)
    {
        ArgumentNullException.ThrowIfNull(offsets);
        ArgumentNullException.ThrowIfNull(tokens);
        ArgumentNullException.ThrowIfNull(counts);
        Vocabulary = vocabulary;
        _offsets = offsets;
        _tokens = tokens;
        _counts = counts;
        CheckShape();
        _sizes = new long[offsets.Length - 1];
        for (int row = 0; row < Contexts; row++)
        {
            _sizes[row] = CheckRow(row);
            Total += _sizes[row];
        }
    }

    /// <summary>Tokens s of the vocabulary.</summary>
    public int Vocabulary { get; }

    /// <summary>Contexts c.</summary>
    public int Contexts => _offsets.Length - 1;

    /// <summary>Training tokens of all contexts, N = Σ n_j.</summary>
    public long Total { get; }

    /// <summary>Training tokens n_j of a context.</summary>
    public long Size(int context) => _sizes[context];

    /// <summary>The tokens that occur in a context, ascending.</summary>
    public ReadOnlySpan<int> Tokens(int context) => Row(_tokens, context);

    /// <summary>How often each of <see cref="Tokens"/> occurs.</summary>
    public ReadOnlySpan<int> Counts(int context) => Row(_counts, context);

    /// <summary>Where each row starts, and the number of entries.</summary>
    internal long[] Offsets => _offsets;

    /// <summary>The tokens of all rows.</summary>
    internal int[] AllTokens => _tokens;

    /// <summary>The counts of all rows.</summary>
    internal int[] AllCounts => _counts;

    private ReadOnlySpan<int> Row(int[] values, int context) =>
        values.AsSpan((int)_offsets[context], (int)(_offsets[context + 1] - _offsets[context]));

    private void CheckShape()
    {
        if (Vocabulary < 1)
        {
            throw Refuse("vocabulary", Vocabulary, "must be at least 1", "give the number of tokens s");
        }

        if (_offsets.Length < 2 || _offsets[0] != 0 || _offsets[^1] != _tokens.Length)
        {
            throw Refuse(
                "offsets",
                _offsets.Length,
                "must start at 0 and end at the number of entries",
                "give c + 1 offsets for c contexts"
            );
        }

        if (_counts.Length != _tokens.Length)
        {
            throw Refuse("counts", _counts.Length, $"must be as many as tokens, {_tokens.Length}", "give one a token");
        }
    }

    private long CheckRow(int row)
    {
        if (_offsets[row + 1] <= _offsets[row] || _offsets[row + 1] > _tokens.Length)
        {
            throw Refuse("context", row, "must have training tokens", "leave out contexts without any");
        }

        ReadOnlySpan<int> tokens = Tokens(row);
        ReadOnlySpan<int> counts = Counts(row);
        long sum = 0;
        for (int i = 0; i < tokens.Length; i++)
        {
            if (tokens[i] < 0 || tokens[i] >= Vocabulary || (i > 0 && tokens[i] <= tokens[i - 1]))
            {
                throw Refuse(
                    "token",
                    tokens[i],
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"must lie in 0 to {Vocabulary - 1} and ascend within context {row}"
                    ),
                    "sort each row and add up the counts of equal tokens"
                );
            }

            if (counts[i] < 1)
            {
                throw Refuse("count", counts[i], "must be at least 1", "leave out tokens that do not occur");
            }

            sum += counts[i];
        }

        return sum;
    }

    private static InvalidInputException Refuse(string parameter, long value, string allowed, string remedy) =>
        new(parameter, value.ToString(CultureInfo.InvariantCulture), allowed, remedy);
}
