using ILGPU;

namespace Collapse.Kernels;

/// <summary>Where kernels put the rows of integers that they make, and the sums over tokens behind them.</summary>
internal static class ContextRows
{
    /// <summary>The fields that are maxima, for <see cref="GroupSums"/>.</summary>
    public const int Maxima = 1 << ObservableRow.MaxAndToken;

    /// <summary>Puts one number of a row wherever it is wanted.</summary>
    /// <param name="settings">The launch.</param>
    /// <param name="batch">The device memory.</param>
    /// <param name="context">The context.</param>
    /// <param name="row">The generation's row in the launch, or -1 where it is not reported.</param>
    /// <param name="leaves">Whether the context leaves with this row.</param>
    /// <param name="field">The number's place in <see cref="ObservableRow"/>.</param>
    /// <param name="value">The number.</param>
    public static void Write(
        BatchSettings settings,
        ContextBatch batch,
        int context,
        int row,
        bool leaves,
        int field,
        long value
    )
    {
        if (row >= 0)
        {
            batch.Rows[Cell(settings, context, row, field)] = value;
            if (context < settings.Traced)
            {
                batch.TraceRows[((long)context * settings.Reported + row) * ObservableRow.Length + field] = value;
            }
        }

        if (leaves || row == settings.Reported - 1)
        {
            batch.LastRows[(long)context * ObservableRow.Length + field] = value;
        }
    }

    /// <summary>The place of a number in <see cref="ContextBatch.Rows"/>.</summary>
    public static long Cell(BatchSettings settings, int context, int row, int field) =>
        ((long)row * ObservableRow.Length + field) * settings.Contexts + context;

    /// <summary>
    /// What the tokens of the first model or of the truth that are absent add to a number: the sums over present
    /// tokens are taken as if they were all absent.
    /// </summary>
    public static long Absent(BatchSettings settings, int field, long size, long firstSize)
    {
        bool isCorpus = settings.TruthColumns == 0;
        if (field == ObservableRow.L1FromFirst)
        {
            return firstSize * size;
        }

        if (field == ObservableRow.L1FromTruth)
        {
            return isCorpus ? 0 : settings.TruthScale * size;
        }

        if (field == ObservableRow.UnseenMass)
        {
            return isCorpus ? firstSize : settings.TruthScale;
        }

        return 0;
    }

    /// <summary>ln of a count in the units of the table.</summary>
    public static long Ln(ArrayView<long> table, int value)
    {
        if (value < LogTable.MaxLength)
        {
            return table[value];
        }

        int entry = LogTable.Leading(value, out int shift);
        return LogTable.Interpolate(table[2], table[entry], table[entry + 1], value, shift);
    }
}

/// <summary>The sums of an <see cref="ObservableRow"/> over some tokens, in one thread's registers.</summary>
internal struct TokenSums
{
    private long _squares;
    private long _max;
    private long _support;
    private long _logs;
    private long _l1First;
    private long _l1Truth;
    private long _mass;
    private long _heldLog;
    private long _covered;
    private ulong _hash;

    /// <summary>Number of tokens added.</summary>
    public readonly long Support => _support;

    /// <summary>Adds a token that is present.</summary>
    /// <param name="settings">The launch.</param>
    /// <param name="batch">The device memory.</param>
    /// <param name="context">The context.</param>
    /// <param name="token">The token.</param>
    /// <param name="count">Its count, at least 1.</param>
    /// <param name="first">Its count in the first model.</param>
    /// <param name="held">Its held-out count.</param>
    /// <param name="size">Tokens n.</param>
    /// <param name="firstSize">Tokens n_1 of the first.</param>
    public void Add(
        BatchSettings settings,
        ContextBatch batch,
        int context,
        int token,
        int count,
        long first,
        long held,
        long size,
        long firstSize
    )
    {
        long ln = ContextRows.Ln(batch.Logs, count);
        _squares += (long)count * count;
        _max = Math.Max(_max, ObservableRow.Pack(count, token));
        _support++;
        _logs += count * ln;
        _hash += CountsHash.Share(token, count);
        _l1First += Math.Abs(count * firstSize - first * size) - first * size;
        if (settings.TruthColumns == 0)
        {
            _mass -= first;
        }
        else
        {
            long units = batch.TruthUnits[(long)context * settings.TruthStride + token];
            _l1Truth += Math.Abs(count * settings.TruthScale - size * units) - size * units;
            _mass -= units;
        }

        if (held > 0)
        {
            _heldLog += held * ln;
            _covered += held;
        }
    }

    /// <summary>Writes all numbers in the order of <see cref="ObservableRow"/>.</summary>
    public readonly void Store(ArrayView<long> target, int start)
    {
        target[start + ObservableRow.SumOfSquares] = _squares;
        target[start + ObservableRow.MaxAndToken] = _max;
        target[start + ObservableRow.Support] = _support;
        target[start + ObservableRow.CountLogCount] = _logs;
        target[start + ObservableRow.L1FromFirst] = _l1First;
        target[start + ObservableRow.L1FromTruth] = _l1Truth;
        target[start + ObservableRow.UnseenMass] = _mass;
        target[start + ObservableRow.HeldOutLog] = _heldLog;
        target[start + ObservableRow.HeldOutCovered] = _covered;
        target[start + ObservableRow.Hash] = (long)_hash;
    }

    /// <summary>Writes the row of a context of which these are all tokens.</summary>
    public readonly void Write(
        BatchSettings settings,
        ContextBatch batch,
        int context,
        int row,
        bool leaves,
        long size,
        long firstSize
    )
    {
        bool isCorpus = settings.TruthColumns == 0;
        long absent = isCorpus ? firstSize : settings.TruthScale;
        long l1Truth = isCorpus ? 0 : _l1Truth + settings.TruthScale * size;
        ContextRows.Write(settings, batch, context, row, leaves, ObservableRow.SumOfSquares, _squares);
        ContextRows.Write(settings, batch, context, row, leaves, ObservableRow.MaxAndToken, _max);
        ContextRows.Write(settings, batch, context, row, leaves, ObservableRow.Support, _support);
        ContextRows.Write(settings, batch, context, row, leaves, ObservableRow.CountLogCount, _logs);
        ContextRows.Write(
            settings,
            batch,
            context,
            row,
            leaves,
            ObservableRow.L1FromFirst,
            _l1First + firstSize * size
        );
        ContextRows.Write(settings, batch, context, row, leaves, ObservableRow.L1FromTruth, l1Truth);
        ContextRows.Write(settings, batch, context, row, leaves, ObservableRow.UnseenMass, _mass + absent);
        ContextRows.Write(settings, batch, context, row, leaves, ObservableRow.HeldOutLog, _heldLog);
        ContextRows.Write(settings, batch, context, row, leaves, ObservableRow.HeldOutCovered, _covered);
        ContextRows.Write(settings, batch, context, row, leaves, ObservableRow.Hash, (long)_hash);
    }
}
