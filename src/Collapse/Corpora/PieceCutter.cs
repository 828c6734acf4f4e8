namespace Collapse.Corpora;

/// <summary>
/// Regroups a text that comes in arbitrary pieces into pieces that end where the tokenizer surely has
/// a token boundary. If no such place comes, the piece grows until the text ends.
/// </summary>
/// <param name="isSafeCut">Whether the text may be cut between these two neighbouring code units.</param>
internal sealed class PieceCutter(Func<char, char, bool> isSafeCut)
{
    private char[] _buffer = new char[1024];
    private int _length;
    private int _taken;

    /// <summary>
    /// Adds text. Returns everything not yet returned up to the last safe cut (empty if there is
    /// none), valid until the next call.
    /// </summary>
    public ReadOnlySpan<char> Append(ReadOnlySpan<char> text)
    {
        DropTaken();
        int firstNewCut = Math.Max(1, _length);
        if (_length + text.Length > _buffer.Length)
        {
            Array.Resize(ref _buffer, Math.Max(2 * _buffer.Length, _length + text.Length));
        }

        text.CopyTo(_buffer.AsSpan(_length));
        _length += text.Length;
        for (int cut = _length - 1; cut >= firstNewCut; cut--)
        {
            if (isSafeCut(_buffer[cut - 1], _buffer[cut]))
            {
                _taken = cut;
                break;
            }
        }

        return _buffer.AsSpan(0, _taken);
    }

    /// <summary>Ends the text: returns what is left, valid until the next call.</summary>
    public ReadOnlySpan<char> Finish()
    {
        DropTaken();
        _taken = _length;
        return _buffer.AsSpan(0, _length);
    }

    private void DropTaken()
    {
        _buffer.AsSpan(_taken, _length - _taken).CopyTo(_buffer);
        _length -= _taken;
        _taken = 0;
    }
}
