using ILGPU;

namespace Collapse.Kernels;

/// <summary>
/// The device code that trains any context by any schedule, in device memory: one group works on one context at
/// a time, draws its next training set, counts it and writes its row of integers.
/// </summary>
public static class ContextKernel
{
    /// <summary>Trains the contexts of the queue for the launch's generations.</summary>
    /// <remarks>Explicitly grouped: any group size. Barriers stand where all threads of a group pass.</remarks>
    public static void Advance(BatchSettings settings, ContextBatch batch)
    {
        ArrayView<long> partials = SharedMemory.Allocate<long>(TableSums.Partials);
        ArrayView<int> shared = SharedMemory.Allocate<int>(1);
        int context = ContextQueue.TakeForGroup(settings, batch, shared);
        while (context != ContextQueue.None)
        {
            AdvanceContext(settings, batch, context, partials, shared);
            context = ContextQueue.TakeForGroup(settings, batch, shared);
        }
    }

    private static void AdvanceContext(
        BatchSettings settings,
        ContextBatch batch,
        int context,
        ArrayView<long> partials,
        ArrayView<int> mixed
    )
    {
        int run = batch.CollapsedRun[context];
        int collapseTime = batch.CollapseTime[context];
        int leftAt = 0;
        long drawn = 0;
        long tokens = 0;
        long setStart = batch.SetOffsets[context];
        long stride = (batch.SetOffsets[context + 1] - setStart) / settings.Slots;
        if (settings.FirstGeneration == 1 && settings.TruthColumns != 0)
        {
            TrainingSets.DrawReal(settings, batch, context, SetPart.Whole);
        }

        bool pureReal = IsPureReal(batch, context, mixed);
        for (int step = 0; step < settings.Generations && leftAt == 0; step++)
        {
            int generation = settings.FirstGeneration + step;
            int slot = generation % settings.Slots;
            long set = setStart + slot * stride;
            int recipe = batch.RecipeOf[step];
            int size = TrainingSets.Train(
                settings,
                batch,
                context,
                SetPart.Whole,
                generation,
                recipe,
                set,
                setStart,
                stride,
                out int kept
            );
            drawn += size - kept;
            tokens += size;
            if (Group.IdxX == 0)
            {
                batch.SetSizes[(long)context * settings.Slots + slot] = size;
            }

            Group.Barrier();
            if (generation == 1)
            {
                CountFirst(settings, batch, context, set, size);
            }

            bool collapsed = IsPure(batch.Sets, set, size, mixed);
            long before = setStart + (generation - 1) % settings.Slots * stride;
            run = Absorption.ExtendRun(run, collapsed, batch.Sets[set] == batch.Sets[before]);
            collapseTime = collapsed && collapseTime == 0 ? generation : collapseTime;
            bool leaves =
                collapsed
                && (
                    settings.UntilCollapse != 0
                    || Absorption.IsAbsorbed(generation, run, settings.Lookback, settings.LastRealUse, pureReal)
                );
            if (leaves)
            {
                leftAt = generation;
            }

            int row = batch.RowOf[step];
            if (row >= 0 || leaves)
            {
                Observe(settings, batch, context, set, size, row, leaves, partials);
            }
        }

        if (Group.IdxX == 0)
        {
            batch.CollapsedRun[context] = run;
            batch.CollapseTime[context] = collapseTime;
            batch.LeftAt[context] = leftAt;
            ContextQueue.AddTotals(batch, drawn, tokens, leftAt == 0);
        }
    }

    internal static bool IsPureReal(ContextBatch batch, int context, ArrayView<int> mixed)
    {
        long start = batch.RealOffsets[context];
        int count = (int)(batch.RealOffsets[context + 1] - start);
        return IsPure(batch.RealTokens, start, count, mixed) && batch.PureTruth[context] != 0;
    }

    /// <summary>Whether all tokens are one. Every thread of the group gets the answer.</summary>
    internal static bool IsPure(ArrayView<int> tokens, long start, int count, ArrayView<int> mixed)
    {
        if (Group.IdxX == 0)
        {
            mixed[0] = 0;
        }

        Group.Barrier();
        for (int i = Group.IdxX; i < count; i += Group.DimX)
        {
            if (tokens[start + i] != tokens[start])
            {
                mixed[0] = 1;
                break;
            }
        }

        Group.Barrier();
        bool pure = mixed[0] == 0;
        Group.Barrier();
        return pure;
    }

    /// <summary>Keeps the counts of p^(1), which later rows are compared with.</summary>
    private static void CountFirst(BatchSettings settings, ContextBatch batch, int context, long set, int size)
    {
        long start = batch.FirstOffsets[context];
        int slots = (int)(batch.FirstOffsets[context + 1] - start);
        if (Group.IdxX == 0)
        {
            batch.FirstSizes[context] = size;
        }

        TokenTable.AddCounts(
            batch.Sets,
            set,
            size,
            batch.FirstTokens,
            batch.FirstCounts,
            start,
            slots,
            settings.Vocabulary
        );
        Group.Barrier();
    }

    /// <summary>Counts a training set and writes its row.</summary>
    private static void Observe(
        BatchSettings settings,
        ContextBatch batch,
        int context,
        long set,
        int size,
        int row,
        bool leaves,
        ArrayView<long> partials
    )
    {
        long work = (long)Grid.IdxX * settings.CountSlots;
        int slots = TokenTable.Slots(size, settings.Vocabulary);
        for (int i = Group.IdxX; i < slots; i += Group.DimX)
        {
            batch.WorkTokens[work + i] = TokenTable.Empty;
            batch.WorkCounts[work + i] = 0;
        }

        Group.Barrier();
        TokenTable.AddCounts(
            batch.Sets,
            set,
            size,
            batch.WorkTokens,
            batch.WorkCounts,
            work,
            slots,
            settings.Vocabulary
        );
        Group.Barrier();
        long firstSize = batch.FirstSizes[context];
        TableSums.Add(settings, batch, context, work, slots, SetPart.Whole, size, firstSize, partials);
        for (int field = Group.IdxX; field < ObservableRow.Length; field += Group.DimX)
        {
            long total = TableSums.Total(partials, field);
            total += ContextRows.Absent(settings, field, size, firstSize);
            ContextRows.Write(settings, batch, context, row, leaves, field, total);
        }

        Group.Barrier();
    }
}
