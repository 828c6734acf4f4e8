using ILGPU;

namespace Collapse.Kernels;

/// <summary>The sums of an <see cref="ObservableRow"/> over a table of counts in device memory, or a part of it, by one group.</summary>
internal static class TableSums
{
    /// <summary>Numbers of shared memory that the sums take.</summary>
    public const int Partials = MostLanes * ObservableRow.Length;

    private const int MostLanes = 256;

    /// <summary>Adds up a part of a context's table and of its held-out tokens. Ends with a barrier; then <see cref="Total"/>.</summary>
    public static void Add(
        BatchSettings settings,
        ContextBatch batch,
        int context,
        long work,
        int slots,
        SetPart part,
        long size,
        long firstSize,
        ArrayView<long> partials
    )
    {
        int lanes = Lanes();
        if (Group.IdxX < lanes)
        {
            TokenSums sums = SumTokens(
                settings,
                batch,
                context,
                work,
                lanes,
                part.First(slots),
                part.End(slots),
                size,
                firstSize
            );
            sums.Store(partials, Group.IdxX * ObservableRow.Length);
            AddHeldOut(settings, batch, context, work, slots, lanes, part, partials);
        }

        Group.Barrier();
        GroupSums.AddLanes(partials, lanes, ObservableRow.Length, ContextRows.Maxima);
        Group.Barrier();
    }

    /// <summary>The total of one number.</summary>
    public static long Total(ArrayView<long> partials, int field) =>
        GroupSums.Total(partials, Lanes(), ObservableRow.Length, ContextRows.Maxima, field);

    private static int Lanes() => Math.Min((int)Group.DimX, MostLanes);

    private static TokenSums SumTokens(
        BatchSettings settings,
        ContextBatch batch,
        int context,
        long work,
        int lanes,
        int from,
        int end,
        long size,
        long firstSize
    )
    {
        var sums = new TokenSums();
        for (int i = from + Group.IdxX; i < end; i += lanes)
        {
            int token = batch.WorkTokens[work + i];
            if (token != TokenTable.Empty)
            {
                int count = batch.WorkCounts[work + i];
                long first = TokenTable.First(settings, batch, context, token);
                sums.Add(settings, batch, context, token, count, first, 0, size, firstSize);
            }
        }

        return sums;
    }

    /// <summary>Adds the held-out tokens, to this lane's sums.</summary>
    private static void AddHeldOut(
        BatchSettings settings,
        ContextBatch batch,
        int context,
        long work,
        int slots,
        int lanes,
        SetPart part,
        ArrayView<long> partials
    )
    {
        if (settings.HasHeldOut == 0)
        {
            return;
        }

        long heldLog = 0;
        long covered = 0;
        long start = batch.HeldOffsets[context];
        int tokens = (int)(batch.HeldOffsets[context + 1] - start);
        int end = part.End(tokens);
        for (int i = part.First(tokens) + Group.IdxX; i < end; i += lanes)
        {
            int count = TokenTable.Find(
                batch.WorkTokens,
                batch.WorkCounts,
                work,
                slots,
                settings.Vocabulary,
                batch.HeldTokens[start + i]
            );
            if (count > 0)
            {
                heldLog += batch.HeldCounts[start + i] * ContextRows.Ln(batch.Logs, count);
                covered += batch.HeldCounts[start + i];
            }
        }

        int lane = Group.IdxX * ObservableRow.Length;
        partials[lane + ObservableRow.HeldOutLog] = heldLog;
        partials[lane + ObservableRow.HeldOutCovered] = covered;
    }
}
