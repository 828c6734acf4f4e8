using System.Globalization;
using System.Text;

namespace Collapse.Corpora;

/// <summary>
/// Words and punctuation marks. A word is a longest run of letters, marks and numbers (Unicode
/// categories L, M, N) in which single apostrophes (U+0027 or U+2019) may stand between two of these:
/// "don't" is one token, "'tis" two. White space (Unicode White_Space, line ends included) only
/// separates. Every other scalar value is a token by itself: "well-known" is three tokens, "..." three,
/// "_" one. Case is kept: "The" and "the" are two tokens.
/// </summary>
/// <remarks>Needs no ICU: the categories are those built into .NET, the same on every machine.</remarks>
public sealed class WordTokenizer : ITokenizer
{
    private readonly Dictionary<string, int> _numberOf;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _find;
    private readonly List<string> _words;
    private readonly bool _frozen;
    private readonly PieceCutter _pieces = new((_, next) => char.IsWhiteSpace(next));

    /// <summary>Makes a tokenizer that has met no token.</summary>
    public WordTokenizer()
        : this(new Dictionary<string, int>(StringComparer.Ordinal), [], frozen: false) { }

    private WordTokenizer(Dictionary<string, int> numberOf, List<string> words, bool frozen)
    {
        _numberOf = numberOf;
        _words = words;
        _frozen = frozen;
        _find = numberOf.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    private enum Kind : byte
    {
        Word,
        Space,
        Other,
    }

    /// <inheritdoc/>
    public string Name => "words";

    /// <inheritdoc/>
    public int VocabularySize => _words.Count;

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

    /// <summary>The tokens with a space between each two.</summary>
    /// <inheritdoc/>
    public string TextOf(ReadOnlySpan<int> tokens)
    {
        var text = new StringBuilder();
        foreach (int token in tokens)
        {
            text.Append(text.Length > 0 ? " " : string.Empty).Append(_words[token]);
        }

        return text.ToString();
    }

    /// <inheritdoc/>
    public ITokenizer Frozen() => new WordTokenizer(_numberOf, _words, frozen: true);

    private void Encode(ReadOnlySpan<char> text, List<int> tokens)
    {
        int at = 0;
        while (at < text.Length)
        {
            int end = at;
            switch (Next(text, ref end))
            {
                case Kind.Word:
                    end = EndOfWord(text, end);
                    tokens.Add(Number(text[at..end]));
                    break;
                case Kind.Other:
                    tokens.Add(Number(text[at..end]));
                    break;
            }

            at = end;
        }
    }

    /// <summary>Where the word ends whose first scalar value ends at <paramref name="end"/>.</summary>
    private static int EndOfWord(ReadOnlySpan<char> text, int end)
    {
        while (end < text.Length)
        {
            int next = text[end] is '\'' or '’' ? end + 1 : end;
            if (next == text.Length || Next(text, ref next) != Kind.Word)
            {
                break;
            }

            end = next;
        }

        return end;
    }

    /// <summary>The kind of the scalar value at <paramref name="at"/>, which moves behind it.</summary>
    private static Kind Next(ReadOnlySpan<char> text, ref int at)
    {
        char c = text[at];
        if (char.IsAscii(c))
        {
            at++;
            return char.IsAsciiLetterOrDigit(c) ? Kind.Word
                : char.IsWhiteSpace(c) ? Kind.Space
                : Kind.Other;
        }

        Rune.DecodeFromUtf16(text[at..], out Rune rune, out int length);
        at += length;
        if (Rune.IsWhiteSpace(rune))
        {
            return Kind.Space;
        }

        return Rune.GetUnicodeCategory(rune) switch
        {
            UnicodeCategory.UppercaseLetter
            or UnicodeCategory.LowercaseLetter
            or UnicodeCategory.TitlecaseLetter
            or UnicodeCategory.ModifierLetter
            or UnicodeCategory.OtherLetter
            or UnicodeCategory.NonSpacingMark
            or UnicodeCategory.SpacingCombiningMark
            or UnicodeCategory.EnclosingMark
            or UnicodeCategory.DecimalDigitNumber
            or UnicodeCategory.LetterNumber
            or UnicodeCategory.OtherNumber => Kind.Word,
            _ => Kind.Other,
        };
    }

    private int Number(ReadOnlySpan<char> word)
    {
        if (_find.TryGetValue(word, out int number))
        {
            return number;
        }

        if (_frozen)
        {
            return ITokenizer.Unknown;
        }

        string text = word.ToString();
        _numberOf.Add(text, _words.Count);
        _words.Add(text);
        return _words.Count - 1;
    }
}
