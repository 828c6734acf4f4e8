namespace Collapse.Results;

/// <summary>
/// Entries of a few contexts on their way into a <see cref="Tally"/>. A context comes with all its generations, one
/// after the other, and the sums of a generation lie far from those of the next; what some contexts add to one
/// generation is added together, so that its sums are fetched once.
/// </summary>
internal sealed class TallyBuffer(Tally tally, int observables)
{
    private const int MostContexts = 8;
    private const int MostEntries = 16_384;

    private readonly int[] _starts = new int[MostContexts + 1];
    private long[] _values = [];
    private Rest[] _rests = [];
    private int _contexts;
    private int _entries;

    /// <summary>
    /// Adds a context at one reported generation, now or with <see cref="Flush"/>. What follows report 0 of a context is its
    /// report 1, 2, …, without those of others between them unless it was flushed before.
    /// </summary>
    public void Add(int report, in Tally.Entry entry)
    {
        if (report == 0)
        {
            if (_contexts == MostContexts || _entries > MostEntries / 2)
            {
                Flush();
            }

            _starts[_contexts++] = _entries;
        }

        if (_contexts == 0 || _entries == MostEntries)
        {
            tally.Add(report, entry);
            return;
        }

        if (_entries == _rests.Length)
        {
            int length = Math.Clamp(2 * _entries, 256, MostEntries);
            Array.Resize(ref _rests, length);
            Array.Resize(ref _values, length * observables);
        }

        entry.Values.CopyTo(_values.AsSpan(_entries * observables, observables));
        _rests[_entries++] = new Rest(entry.Weight, entry.Collapsed, entry.HeldOutNegativeLog, entry.HeldOutCovered);
    }

    /// <summary>Adds what is still to be added, generation after generation.</summary>
    public void Flush()
    {
        _starts[_contexts] = _entries;
        bool isAny = _entries > 0;
        for (int report = 0; isAny; report++)
        {
            isAny = false;
            for (int context = 0; context < _contexts; context++)
            {
                int place = _starts[context] + report;
                if (place < _starts[context + 1])
                {
                    isAny = true;
                    tally.Add(report, EntryAt(place));
                }

                if (place + 1 < _starts[context + 1])
                {
                    tally.Prefetch(report + 1, ValuesAt(place + 1));
                }
            }
        }

        _contexts = 0;
        _entries = 0;
    }

    private Tally.Entry EntryAt(int place) =>
        new()
        {
            Values = ValuesAt(place),
            Weight = _rests[place].Weight,
            Collapsed = _rests[place].Collapsed,
            HeldOutNegativeLog = _rests[place].HeldOutNegativeLog,
            HeldOutCovered = _rests[place].HeldOutCovered,
        };

    private ReadOnlySpan<long> ValuesAt(int place) => _values.AsSpan(place * observables, observables);

    private readonly record struct Rest(long Weight, bool Collapsed, long HeldOutNegativeLog, long HeldOutCovered);
}
