namespace Collapse.Corpora;

/// <summary>
/// Cuts a text into tokens, fed piece by piece: however the text is divided into pieces, the tokens
/// are those of the whole text. Tokens are numbered 0, 1, 2, … in order of first appearance.
/// One instance reads one text and is not safe for use by several threads.
/// </summary>
public interface ITokenizer
{
    /// <summary>The id that a <see cref="Frozen"/> tokenizer gives to every token it does not know: -1.</summary>
    const int Unknown = -1;

    /// <summary>The name by which <see cref="Tokenizers.Create"/> makes this tokenizer.</summary>
    string Name { get; }

    /// <summary>The number of distinct tokens met so far; their ids are 0 to one less than this.</summary>
    int VocabularySize { get; }

    /// <summary>
    /// Takes the next piece of the text and adds the ids of the tokens that are now certain. The end
    /// of the piece, as far as later text could change its tokens, is kept for the next call.
    /// </summary>
    /// <param name="text">
    /// Any number of UTF-16 code units; a surrogate pair may be divided between two pieces. A
    /// surrogate without its partner counts as U+FFFD.
    /// </param>
    /// <param name="tokens">Where ids are added.</param>
    void Append(ReadOnlySpan<char> text, List<int> tokens);

    /// <summary>Ends the text: adds the ids of whatever <see cref="Append"/> kept.</summary>
    /// <param name="tokens">Where ids are added.</param>
    void Finish(List<int> tokens);

    /// <summary>The text that a sequence of tokens stands for.</summary>
    /// <param name="tokens">Ids, each from 0 to <see cref="VocabularySize"/> - 1.</param>
    /// <returns>The text; empty for no tokens.</returns>
    /// <exception cref="ArgumentOutOfRangeException">An id lies outside that range.</exception>
    string TextOf(ReadOnlySpan<int> tokens);

    /// <summary>
    /// A tokenizer at the start of another text, with the same ids for the tokens met so far and
    /// <see cref="Unknown"/> for every other: its vocabulary never grows. This tokenizer must not be
    /// fed any more, since the two share their vocabulary.
    /// </summary>
    /// <returns>The new tokenizer.</returns>
    ITokenizer Frozen();
}
