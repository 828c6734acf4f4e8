namespace Collapse.Corpora;

/// <summary>
/// Renumbers the ids of a fixed vocabulary (Unicode scalar values, byte-pair ranks) to 0, 1, 2, … in
/// order of first appearance.
/// </summary>
internal sealed class TokenNumbering
{
    private readonly List<int> _original = [];
    private int[] _number = [];

    public int Count => _original.Count;

    public int OriginalOf(int token) => _original[token];

    /// <summary>The number of an original id (0 or more), or <see cref="ITokenizer.Unknown"/>.</summary>
    public int Find(int id) => (uint)id < (uint)_number.Length ? _number[id] : ITokenizer.Unknown;

    /// <summary>The number of an original id (0 or more), which gets the next one if it has none.</summary>
    public int FindOrAdd(int id)
    {
        int found = Find(id);
        return found >= 0 ? found : Add(id);
    }

    private int Add(int id)
    {
        if (id >= _number.Length)
        {
            int oldLength = _number.Length;
            Array.Resize(ref _number, Math.Max(Math.Max(256, id + 1), 2 * oldLength));
            _number.AsSpan(oldLength).Fill(ITokenizer.Unknown);
        }

        _number[id] = _original.Count;
        _original.Add(id);
        return _number[id];
    }
}
