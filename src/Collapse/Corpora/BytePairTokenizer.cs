using Microsoft.ML.Tokenizers;

namespace Collapse.Corpora;

/// <summary>
/// A byte-pair vocabulary of the GPT models, through Microsoft.ML.Tokenizers, with the vocabulary that
/// its data package carries. The names of special tokens in the text, such as &lt;|endoftext|&gt; between
/// two documents, count as one token each.
/// </summary>
/// <remarks>
/// Byte pairs are merged only inside the pieces that a regular expression cuts from the text. A stream
/// is cut only where that expression has a boundary whatever stands around it. The library takes letters
/// outside the Basic Multilingual Plane for symbols; in scripts that use them the tokens can differ from
/// those of OpenAI's own tokenizer.
/// </remarks>
public sealed class BytePairTokenizer : ITokenizer
{
    private const int MostCachedPieces = 1 << 20;
    private const int LongestCachedPiece = 64;

    private readonly TiktokenTokenizer _encoding;
    private readonly PreTokenizer _preTokenizer;
    private readonly TokenNumbering _numbering;
    private readonly bool _frozen;
    private readonly PieceCutter _pieces = new(IsSafeCut);
    private readonly Dictionary<string, int[]> _cache = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int[]>.AlternateLookup<ReadOnlySpan<char>> _cached;

    /// <summary>Makes a tokenizer that has met no token.</summary>
    /// <param name="name">What <see cref="Name"/> will be.</param>
    /// <param name="encoding">The encoding as Microsoft.ML.Tokenizers calls it: "cl100k_base" or "o200k_base".</param>
    internal BytePairTokenizer(string name, string encoding)
        : this(name, TiktokenTokenizer.CreateForEncoding(encoding), new TokenNumbering(), frozen: false) { }

    private BytePairTokenizer(string name, TiktokenTokenizer encoding, TokenNumbering numbering, bool frozen)
    {
        Name = name;
        _encoding = encoding;
        _numbering = numbering;
        _frozen = frozen;
        _preTokenizer = encoding.PreTokenizer!;
        _cached = _cache.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public int VocabularySize => _numbering.Count;

    /// <inheritdoc/>
    public void Append(ReadOnlySpan<char> text, List<int> tokens)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        Encode(_pieces.Append(text), tokens);
    }

    /// <inheritdoc/>
    public void Finish(List<int> tokens)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        Encode(_pieces.Finish(), tokens);
    }

    /// <summary>The text of the tokens' bytes together; bytes that are not UTF-8 show as U+FFFD.</summary>
    /// <inheritdoc/>
    public string TextOf(ReadOnlySpan<int> tokens)
    {
        int[] ids = new int[tokens.Length];
        for (int i = 0; i < ids.Length; i++)
        {
            ids[i] = _numbering.OriginalOf(tokens[i]);
        }

        return _encoding.Decode(ids);
    }

    /// <inheritdoc/>
    public ITokenizer Frozen() => new BytePairTokenizer(Name, _encoding, _numbering, frozen: true);

    /// <summary>
    /// Whether both expressions (of cl100k and of o200k) have a boundary between two neighbouring code
    /// units in every text, and split what stands on either side as if the other side were not there.
    /// </summary>
    /// <remarks>
    /// Two cases. A letter or number before white space: no alternative of either expression takes
    /// white space after a letter or number, and none looks ahead from there. A line feed before
    /// something other than white space or a slash: after a line feed the alternatives take only more
    /// white space (in o200k also slashes), and white space that ends in a line feed is taken whole by
    /// the same alternatives whether or not text follows, before a look-ahead is tried. Names of
    /// special tokens hold neither.
    /// </remarks>
    internal static bool IsSafeCut(char before, char after) =>
        char.IsWhiteSpace(after) ? char.IsLetterOrDigit(before) : before == '\n' && after != '/';

    private void Encode(ReadOnlySpan<char> text, List<int> tokens)
    {
        foreach ((int offset, int length) in _preTokenizer.PreTokenize(text))
        {
            ReadOnlySpan<char> piece = text.Slice(offset, length);
            if (!_cached.TryGetValue(piece, out int[]? numbers))
            {
                numbers = EncodePiece(piece);
                if (length <= LongestCachedPiece && _cache.Count < MostCachedPieces)
                {
                    _cache.Add(piece.ToString(), numbers);
                }
            }

            tokens.AddRange(numbers);
        }
    }

    private int[] EncodePiece(ReadOnlySpan<char> piece)
    {
        // The library forgets how to encode a special token once its cache has dropped it.
        IReadOnlyList<int> ids = _encoding.SpecialTokens!.TryGetValue(piece.ToString(), out int special)
            ? [special]
            : _encoding.EncodeToIds(piece, considerPreTokenization: false);
        int[] numbers = new int[ids.Count];
        for (int i = 0; i < numbers.Length; i++)
        {
            numbers[i] = _frozen ? _numbering.Find(ids[i]) : _numbering.FindOrAdd(ids[i]);
        }

        return numbers;
    }
}
