using System.Globalization;
using System.Runtime.InteropServices;

namespace Collapse.Corpora;

/// <summary>
/// A text as real data: every n-gram of <see cref="Order"/> tokens that has a token after it is a
/// context, numbered j = 0, 1, … in order of first appearance, and the tokens that follow it, in the
/// text's order, are its real data (N_j of them). The table is stored as compressed sparse rows.
/// Nothing in it changes once it is read; all members may be used by several threads.
/// </summary>
/// <remarks>
/// With order 0 there is one context, the empty one, and the whole text is its data. Memory: 8 bytes
/// per token, 12 per context, and 4 per token and 12 to 24 per context more while reading.
/// </remarks>
public sealed class Corpus
{
    /// <summary>The most tokens a text may have.</summary>
    public const int MostTokens = 2_000_000_000;

    /// <summary>The most contexts a corpus may have.</summary>
    public const int MostContexts = 1_000_000_000;

    private const string CorpusParameter = "--corpus";
    private const string HeldOutParameter = "--heldout";
    private const string OrderParameter = "--order";

    private readonly ITokenizer _tokenizer;
    private readonly List<int> _text;
    private readonly int[] _firstPositions;
    private readonly long[] _offsets;
    private readonly int[] _followers;

    private Corpus(
        string path,
        ITokenizer tokenizer,
        int order,
        long byteCount,
        List<int> text,
        int[] firstPositions,
        long[] offsets,
        int[] followers
    )
    {
        Path = path;
        _tokenizer = tokenizer;
        Order = order;
        ByteCount = byteCount;
        _text = text;
        _firstPositions = firstPositions;
        _offsets = offsets;
        _followers = followers;
    }

    /// <summary>The file, as it was named.</summary>
    public string Path { get; }

    /// <summary>The name of the tokenizer, one of <see cref="Tokenizers.Names"/>.</summary>
    public string Tokenizer => _tokenizer.Name;

    /// <summary>Tokens in a context, 0 or more.</summary>
    public int Order { get; }

    /// <summary>The length of the file in bytes.</summary>
    public long ByteCount { get; }

    /// <summary>Tokens in the text.</summary>
    public long TokenCount => _text.Count;

    /// <summary>Distinct tokens in the text; token ids are 0 to one less, in order of first appearance.</summary>
    public int VocabularySize => _tokenizer.VocabularySize;

    /// <summary>The number c of contexts, 1 or more; they are numbered 0 to c - 1.</summary>
    public int ContextCount => _firstPositions.Length;

    /// <summary>All real tokens of all contexts: <see cref="TokenCount"/> - <see cref="Order"/>.</summary>
    public long TransitionCount => _followers.Length;

    /// <summary>
    /// Context j's followers are those from Offsets[j] up to, not including, Offsets[j + 1]. Length:
    /// <see cref="ContextCount"/> + 1.
    /// </summary>
    public ReadOnlyMemory<long> Offsets => _offsets;

    /// <summary>Token ids, context after context. Length: <see cref="TransitionCount"/>.</summary>
    public ReadOnlyMemory<int> Followers => _followers;

    /// <summary>Reads a text file block by block; never the whole file at once.</summary>
    /// <param name="path">A UTF-8 file, with or without a byte order mark, which is skipped.</param>
    /// <param name="tokenizer">One of <see cref="Tokenizers.Names"/>.</param>
    /// <param name="order">Tokens in a context: 0 to one less than the text has tokens.</param>
    /// <param name="progress">Told after every block of a mebibyte; null for nobody.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <returns>The corpus.</returns>
    /// <exception cref="InvalidInputException">
    /// "--tokenizer": unknown name. "--order": negative, leaves no context with a follower, or gives
    /// more than <see cref="MostContexts"/> contexts. "--corpus": the file is missing, a folder, unreadable,
    /// empty, not UTF-8 (the text names the byte), without any token, or above <see cref="MostTokens"/>
    /// tokens.
    /// </exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> asked for it.</exception>
    public static Corpus Read(
        string path,
        string tokenizer,
        int order,
        IProgress<CorpusProgress>? progress = null,
        CancellationToken cancellationToken = default
    ) => ReadWithin(path, tokenizer, order, ReadLimits.Default, progress, cancellationToken);

    /// <summary>Reads a text file with other limits than the usual ones.</summary>
    internal static Corpus ReadWithin(
        string path,
        string tokenizer,
        int order,
        ReadLimits limits,
        IProgress<CorpusProgress>? progress,
        CancellationToken cancellationToken
    )
    {
        ArgumentNullException.ThrowIfNull(path);
        ITokenizer cutter = Tokenizers.Create(tokenizer);
        if (order < 0)
        {
            throw new InvalidInputException(
                OrderParameter,
                order.ToString(CultureInfo.InvariantCulture),
                "must be 0 or more",
                "choose the number of tokens in a context"
            );
        }

        List<int> text = [];
        List<int> contextOf = [];
        var index = new NGramIndex(order);
        long byteCount = TokenStream.Read(
            CorpusParameter,
            path,
            cutter,
            text,
            limits,
            progress,
            NumberContexts,
            cancellationToken
        );
        RequireContexts(path, cutter, order, text.Count);
        text.TrimExcess();
        (long[] offsets, int[] followers) = CompressedRows.Group(
            CollectionsMarshal.AsSpan(contextOf),
            CollectionsMarshal.AsSpan(text)[order..],
            index.Count,
            cancellationToken
        );
        return new Corpus(path, cutter, order, byteCount, text, index.FirstPositions.ToArray(), offsets, followers);

        void NumberContexts()
        {
            contextOf.Capacity = Math.Max(contextOf.Capacity, text.Capacity);
            index.Extend(CollectionsMarshal.AsSpan(text), contextOf);
            if (index.Count > limits.MostContexts)
            {
                throw new InvalidInputException(
                    OrderParameter,
                    order.ToString(CultureInfo.InvariantCulture),
                    $"must give at most {limits.MostContexts} contexts, and gives more",
                    "choose a smaller order or a shorter corpus"
                );
            }
        }
    }

    /// <summary>
    /// Reads a held-out text with this corpus' tokenizer and order and counts what follows each of this
    /// corpus' contexts there.
    /// </summary>
    /// <param name="path">A UTF-8 file, with or without a byte order mark, which is skipped.</param>
    /// <param name="progress">Told after every block of a mebibyte; null for nobody.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <returns>The counts.</returns>
    /// <exception cref="InvalidInputException">
    /// "--heldout": the file is missing, a folder, unreadable, empty, not UTF-8 (the text names the
    /// byte), has no more than <see cref="Order"/> tokens, or more than <see cref="MostTokens"/>.
    /// </exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> asked for it.</exception>
    public HeldOutCounts ReadHeldOut(
        string path,
        IProgress<CorpusProgress>? progress = null,
        CancellationToken cancellationToken = default
    ) => ReadHeldOutWithin(path, ReadLimits.Default, progress, cancellationToken);

    /// <summary>Reads a held-out text with other limits than the usual ones.</summary>
    internal HeldOutCounts ReadHeldOutWithin(
        string path,
        ReadLimits limits,
        IProgress<CorpusProgress>? progress,
        CancellationToken cancellationToken
    )
    {
        ArgumentNullException.ThrowIfNull(path);
        List<int> heldOut = [];
        TokenStream.Read(
            HeldOutParameter,
            path,
            _tokenizer.Frozen(),
            heldOut,
            limits,
            progress,
            () => { },
            cancellationToken
        );
        if (heldOut.Count <= Order)
        {
            throw new InvalidInputException(
                HeldOutParameter,
                path,
                $"must have at least {Order + 1L} tokens (the order is {Order}), and has {heldOut.Count}",
                "name a longer text or choose a smaller order"
            );
        }

        ReadOnlySpan<int> corpusText = CollectionsMarshal.AsSpan(_text);
        ReadOnlySpan<int> heldOutText = CollectionsMarshal.AsSpan(heldOut);
        int[] contextOf = NGramIndex.Of(corpusText, Order, _firstPositions).FindAll(corpusText, heldOutText);
        return HeldOutCounts.Count(path, contextOf, heldOutText[Order..], ContextCount, cancellationToken);
    }

    /// <summary>N_j: how many real tokens a context has.</summary>
    /// <param name="context">A context, 0 to <see cref="ContextCount"/> - 1.</param>
    /// <returns>1 or more; the sum over all contexts is <see cref="TransitionCount"/>.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such context.</exception>
    public int SampleCount(int context)
    {
        RequireContext(context);
        return (int)(_offsets[context + 1] - _offsets[context]);
    }

    /// <summary>The real data of a context: the tokens that follow it, in the text's order.</summary>
    /// <param name="context">A context, 0 to <see cref="ContextCount"/> - 1.</param>
    /// <returns>Token ids; <see cref="SampleCount"/> of them.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such context.</exception>
    public ReadOnlySpan<int> FollowersOf(int context)
    {
        RequireContext(context);
        return _followers.AsSpan((int)_offsets[context]..(int)_offsets[context + 1]);
    }

    /// <summary>The text of a token.</summary>
    /// <param name="token">A token, 0 to <see cref="VocabularySize"/> - 1.</param>
    /// <returns>The text; bytes of a byte-pair token that are not UTF-8 by themselves show as U+FFFD.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such token.</exception>
    public string TokenText(int token) => _tokenizer.TextOf([token]);

    /// <summary>The text of a context's tokens; words are separated by one space.</summary>
    /// <param name="context">A context, 0 to <see cref="ContextCount"/> - 1.</param>
    /// <returns>The text; empty where the order is 0.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such context.</exception>
    public string ContextText(int context)
    {
        RequireContext(context);
        return _tokenizer.TextOf(CollectionsMarshal.AsSpan(_text).Slice(_firstPositions[context], Order));
    }

    private static void RequireContexts(string path, ITokenizer tokenizer, int order, int tokenCount)
    {
        if (tokenCount == 0)
        {
            throw new InvalidInputException(
                CorpusParameter,
                path,
                $"must contain tokens, and has none with the tokenizer {tokenizer.Name}",
                "name a file with text"
            );
        }

        if (order >= tokenCount)
        {
            throw new InvalidInputException(
                OrderParameter,
                order.ToString(CultureInfo.InvariantCulture),
                $"must lie in 0 to {tokenCount - 1} (the corpus has {tokenCount} tokens)",
                "choose a smaller order or a longer corpus"
            );
        }
    }

    private void RequireContext(int context)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(context);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(context, ContextCount);
    }
}
