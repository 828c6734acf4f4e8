using System.Runtime.InteropServices;
using System.Text;

namespace Collapse.Corpora;

/// <summary>
/// Every Unicode scalar value is a token: letters, spaces, line ends (CR and LF are two tokens),
/// combining marks. No normalisation.
/// </summary>
public sealed class CharTokenizer : ITokenizer
{
    private readonly TokenNumbering _numbering;
    private readonly bool _frozen;
    private char _highSurrogate;

    /// <summary>Makes a tokenizer that has met no token.</summary>
    public CharTokenizer()
        : this(new TokenNumbering(), frozen: false) { }

    private CharTokenizer(TokenNumbering numbering, bool frozen)
    {
        _numbering = numbering;
        _frozen = frozen;
    }

    /// <inheritdoc/>
    public string Name => "chars";

    /// <inheritdoc/>
    public int VocabularySize => _numbering.Count;

    /// <inheritdoc/>
    public void Append(ReadOnlySpan<char> text, List<int> tokens)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        if (_highSurrogate != 0 && text.Length > 0)
        {
            char low = text[0];
            bool paired = char.IsLowSurrogate(low);
            tokens.Add(Number(paired ? char.ConvertToUtf32(_highSurrogate, low) : Rune.ReplacementChar.Value));
            _highSurrogate = '\0';
            text = text[(paired ? 1 : 0)..];
        }

        if (text.Length > 0 && char.IsHighSurrogate(text[^1]))
        {
            _highSurrogate = text[^1];
            text = text[..^1];
        }

        int count = tokens.Count;
        CollectionsMarshal.SetCount(tokens, count + text.Length);
        Span<int> ids = CollectionsMarshal.AsSpan(tokens);
        for (int i = 0; i < text.Length; i++)
        {
            int scalar = text[i];
            if (char.IsSurrogate((char)scalar))
            {
                Rune.DecodeFromUtf16(text[i..], out Rune rune, out int length);
                scalar = rune.Value;
                i += length - 1;
            }

            ids[count++] = Number(scalar);
        }

        CollectionsMarshal.SetCount(tokens, count);
    }

    /// <inheritdoc/>
    public void Finish(List<int> tokens)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        if (_highSurrogate != 0)
        {
            tokens.Add(Number(Rune.ReplacementChar.Value));
            _highSurrogate = '\0';
        }
    }

    /// <inheritdoc/>
    public string TextOf(ReadOnlySpan<int> tokens)
    {
        var text = new StringBuilder(tokens.Length);
        foreach (int token in tokens)
        {
            text.Append(new Rune(_numbering.OriginalOf(token)).ToString());
        }

        return text.ToString();
    }

    /// <inheritdoc/>
    public ITokenizer Frozen() => new CharTokenizer(_numbering, frozen: true);

    private int Number(int scalar) => _frozen ? _numbering.Find(scalar) : _numbering.FindOrAdd(scalar);
}
