namespace Collapse.Softmax.Refit;

/// <summary>
/// The tokens of a vocabulary in classes: two tokens are in one class when every context has counted them equally
/// often and their columns of W start equal. By the symmetry told at <see cref="OneHotRow"/>, with columns in place of
/// logits, their columns stay equal for ever; so a class needs one column, with its number of tokens as a weight. All
/// tokens that no context has seen are one class.
/// </summary>
internal sealed class TokenClasses
{
    private readonly int[] _classOf;

    private TokenClasses(int[] classOf, List<int> first, List<int> multiplicity)
    {
        _classOf = classOf;
        First = [.. first];
        Multiplicity = [.. multiplicity];
    }

    /// <summary>Number of classes, in the order of their first tokens.</summary>
    public int Count => First.Length;

    /// <summary>The first token of each class.</summary>
    public int[] First { get; }

    /// <summary>The number of tokens of each class.</summary>
    public int[] Multiplicity { get; }

    /// <summary>The class of each token.</summary>
    public ReadOnlySpan<int> ClassOf => _classOf;

    /// <summary>Finds the classes.</summary>
    /// <param name="counts">The training data.</param>
    /// <param name="start">Classes of the starting columns; null where all start equal.</param>
    public static TokenClasses Find(CountRows counts, TokenClasses? start)
    {
        // Compressed columns: contexts ascend within each, because rows are read in order.
        var offsets = new long[counts.Vocabulary + 1];
        foreach (int token in counts.AllTokens)
        {
            offsets[token + 1]++;
        }

        for (int token = 0; token < counts.Vocabulary; token++)
        {
            offsets[token + 1] += offsets[token];
        }

        var cells = new (int Context, int Count)[counts.AllTokens.Length];
        var next = offsets.AsSpan(0, counts.Vocabulary).ToArray();
        for (int j = 0; j < counts.Contexts; j++)
        {
            ReadOnlySpan<int> row = counts.Counts(j);
            ReadOnlySpan<int> tokens = counts.Tokens(j);
            for (int i = 0; i < row.Length; i++)
            {
                cells[next[tokens[i]]++] = (j, row[i]);
            }
        }

        var columns = new Columns(offsets, cells, start);
        var numbers = new Dictionary<int, int>(columns);
        var classOf = new int[counts.Vocabulary];
        List<int> first = [];
        List<int> multiplicity = [];
        for (int token = 0; token < classOf.Length; token++)
        {
            if (numbers.TryAdd(token, first.Count))
            {
                first.Add(token);
                multiplicity.Add(0);
            }

            classOf[token] = numbers[token];
            multiplicity[classOf[token]]++;
        }

        return new TokenClasses(classOf, first, multiplicity);
    }

    /// <summary>Equality of tokens: all cells of their columns, and the class they start in.</summary>
    private sealed class Columns(long[] offsets, (int Context, int Count)[] cells, TokenClasses? start)
        : IEqualityComparer<int>
    {
        public bool Equals(int x, int y) => StartOf(x) == StartOf(y) && Cells(x).SequenceEqual(Cells(y));

        public int GetHashCode(int obj)
        {
            var hash = new HashCode();
            hash.Add(StartOf(obj));
            foreach ((int context, int count) in Cells(obj))
            {
                hash.Add(context);
                hash.Add(count);
            }

            return hash.ToHashCode();
        }

        private int StartOf(int token) => start is null ? 0 : start._classOf[token];

        private ReadOnlySpan<(int Context, int Count)> Cells(int token) =>
            cells.AsSpan((int)offsets[token], (int)(offsets[token + 1] - offsets[token]));
    }
}
