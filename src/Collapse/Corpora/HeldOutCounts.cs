namespace Collapse.Corpora;

/// <summary>
/// What follows a corpus' contexts in a held-out text: for every context j the distinct tokens that
/// follow it there, in increasing order of id, with their counts. Made by <see cref="Corpus.ReadHeldOut"/>.
/// </summary>
/// <remarks>
/// Every transition of the held-out text is in exactly one of three: the counts,
/// <see cref="UnknownContextCount"/>, <see cref="UnknownTokenCount"/>. No model trained on the corpus
/// gives those of the last two a probability above zero.
/// </remarks>
public sealed class HeldOutCounts
{
    private readonly long[] _offsets;
    private readonly int[] _tokens;
    private readonly int[] _counts;

    internal HeldOutCounts(
        string path,
        long[] offsets,
        int[] tokens,
        int[] counts,
        long transitionCount,
        long unknownContextCount
    )
    {
        Path = path;
        _offsets = offsets;
        _tokens = tokens;
        _counts = counts;
        TransitionCount = transitionCount;
        UnknownContextCount = unknownContextCount;
        foreach (int count in counts)
        {
            KnownCount += count;
        }
    }

    /// <summary>The held-out file, as it was named.</summary>
    public string Path { get; }

    /// <summary>All transitions of the held-out text: its tokens less the order; 1 or more.</summary>
    public long TransitionCount { get; }

    /// <summary>Transitions whose context and token the corpus both knows: the sum of <see cref="Counts"/>.</summary>
    public long KnownCount { get; }

    /// <summary>Transitions whose context is none of the corpus' contexts.</summary>
    public long UnknownContextCount { get; }

    /// <summary>Transitions of known contexts whose token the corpus does not have anywhere.</summary>
    public long UnknownTokenCount => TransitionCount - KnownCount - UnknownContextCount;

    /// <summary>
    /// Context j's entries are those from Offsets[j] up to, not including, Offsets[j + 1]. Length: the
    /// number of the corpus' contexts + 1.
    /// </summary>
    public ReadOnlyMemory<long> Offsets => _offsets;

    /// <summary>The token of each entry: its id in the corpus.</summary>
    public ReadOnlyMemory<int> Tokens => _tokens;

    /// <summary>How often the token of each entry follows the context; 1 or more.</summary>
    public ReadOnlyMemory<int> Counts => _counts;

    /// <summary>Counts followers.</summary>
    /// <param name="path">The held-out file.</param>
    /// <param name="contextOf">The context of each transition; -1 for an unknown one.</param>
    /// <param name="followers">The token of each transition; -1 for an unknown one.</param>
    /// <param name="contextCount">The number of the corpus' contexts.</param>
    /// <param name="cancellationToken">Looked at now and then.</param>
    internal static HeldOutCounts Count(
        string path,
        int[] contextOf,
        ReadOnlySpan<int> followers,
        int contextCount,
        CancellationToken cancellationToken
    )
    {
        long unknownContexts = 0;
        for (int i = 0; i < contextOf.Length; i++)
        {
            if (contextOf[i] < 0)
            {
                unknownContexts++;
            }
            else if (followers[i] == ITokenizer.Unknown)
            {
                contextOf[i] = -1;
            }
        }

        (long[] offsets, int[] tokens) = CompressedRows.Group(contextOf, followers, contextCount, cancellationToken);
        int[] counts = new int[tokens.Length];
        int entries = 0;
        long start = 0;
        for (int j = 0; j < contextCount; j++)
        {
            Span<int> row = tokens.AsSpan((int)start, (int)(offsets[j + 1] - start));
            start = offsets[j + 1];
            row.Sort();
            int rowStart = entries;
            foreach (int token in row)
            {
                if (entries == rowStart || tokens[entries - 1] != token)
                {
                    tokens[entries] = token;
                    entries++;
                }

                counts[entries - 1]++;
            }

            offsets[j + 1] = entries;
        }

        return new HeldOutCounts(
            path,
            offsets,
            tokens[..entries],
            counts[..entries],
            contextOf.Length,
            unknownContexts
        );
    }
}
