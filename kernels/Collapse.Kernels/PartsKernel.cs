using ILGPU;

namespace Collapse.Kernels;

/// <summary>One generation of a launch whose contexts are trained by several groups each.</summary>
public struct PartsStep
{
    /// <summary>Number of the generation in its launch, from 0.</summary>
    public int Step;

    /// <summary>Groups that draw a context's training set and add up its counts.</summary>
    public int Parts;
}

/// <summary>
/// The device code that trains few large contexts by any schedule, several groups a context, in device memory. A group
/// cannot wait for others, so that a generation is two launches, three where it is reported: the groups of a
/// context draw a part each and count it, add up a part of its counts, and one group says what became of it. They
/// follow each other on the device; a context that has left is passed over there, and the host learns of it
/// once a launch of the batch.
/// </summary>
public static class PartsKernel
{
    /// <summary>
    /// Draws a part of the training sets of a generation, and counts it where the generation is reported: then the
    /// tables of counts are empty before.
    /// </summary>
    /// <remarks>Explicitly grouped: any group size, Parts groups for each context of the queue.</remarks>
    public static void Draw(BatchSettings settings, ContextBatch batch, PartsStep step)
    {
        int place = Grid.IdxX / step.Parts;
        int number = Grid.IdxX - place * step.Parts;
        int context = batch.Order[settings.QueueStart + place];
        if (batch.LeftAt[context] == 0)
        {
            DrawPart(settings, batch, context, new SetPart(number, step.Parts), number == 0, step.Step, place);
        }
    }

    /// <summary>Adds up a part of the counts of a reported generation, into its row.</summary>
    /// <remarks>As <see cref="Draw"/>.</remarks>
    public static void Sum(BatchSettings settings, ContextBatch batch, PartsStep step)
    {
        ArrayView<long> partials = SharedMemory.Allocate<long>(TableSums.Partials);
        int place = Grid.IdxX / step.Parts;
        int context = batch.Order[settings.QueueStart + place];
        if (batch.LeftAt[context] == 0)
        {
            var part = new SetPart(Grid.IdxX - place * step.Parts, step.Parts);
            int slot = (settings.FirstGeneration + step.Step) % settings.Slots;
            int size = batch.SetSizes[(long)context * settings.Slots + slot];
            long work = (long)place * settings.CountSlots;
            int slots = TokenTable.Slots(size, settings.Vocabulary);
            TableSums.Add(settings, batch, context, work, slots, part, size, batch.FirstSizes[context], partials);
            for (int field = Group.IdxX; field < ObservableRow.Length; field += Group.DimX)
            {
                long total = TableSums.Total(partials, field);
                long cell = ContextRows.Cell(settings, context, batch.RowOf[step.Step], field);
                if (field == ObservableRow.MaxAndToken)
                {
                    Atomic.Max(ref batch.Rows[cell], total);
                }
                else
                {
                    Atomic.Add(ref batch.Rows[cell], total);
                }
            }
        }
    }

    /// <summary>Says what became of the contexts in a generation: collapsed, absorbed, or still in the work.</summary>
    /// <remarks>Explicitly grouped: any group size, a group for each context of the queue.</remarks>
    public static void Finish(BatchSettings settings, ContextBatch batch, PartsStep step)
    {
        ArrayView<int> mixed = SharedMemory.Allocate<int>(1);
        int context = batch.Order[settings.QueueStart + Grid.IdxX];
        if (batch.LeftAt[context] == 0)
        {
            FinishContext(settings, batch, context, step.Step, mixed);
        }
    }

    private static void DrawPart(
        BatchSettings settings,
        ContextBatch batch,
        int context,
        SetPart part,
        bool isFirst,
        int step,
        int place
    )
    {
        int generation = settings.FirstGeneration + step;
        int slot = generation % settings.Slots;
        long setStart = batch.SetOffsets[context];
        long stride = (batch.SetOffsets[context + 1] - setStart) / settings.Slots;
        long set = setStart + slot * stride;
        int recipe = batch.RecipeOf[step];
        int row = batch.RowOf[step];
        if (generation == 1 && settings.TruthColumns != 0)
        {
            TrainingSets.DrawReal(settings, batch, context, part);
        }

        int size = TrainingSets.Train(
            settings,
            batch,
            context,
            part,
            generation,
            recipe,
            set,
            setStart,
            stride,
            out int kept
        );
        if (isFirst)
        {
            if (Group.IdxX == 0)
            {
                batch.SetSizes[(long)context * settings.Slots + slot] = size;
                batch.FirstSizes[context] = generation == 1 ? size : batch.FirstSizes[context];
                ContextQueue.AddTotals(batch, size - kept, size, false);
            }

            for (int field = Group.IdxX; row >= 0 && field < ObservableRow.Length; field += Group.DimX)
            {
                batch.Rows[ContextRows.Cell(settings, context, row, field)] = 0;
            }
        }

        Group.Barrier();
        if (generation == 1)
        {
            long start = batch.FirstOffsets[context];
            int slots = (int)(batch.FirstOffsets[context + 1] - start);
            CountPart(settings, batch, context, part, recipe, set, batch.FirstTokens, batch.FirstCounts, start, slots);
        }

        if (row >= 0)
        {
            int slots = TokenTable.Slots(size, settings.Vocabulary);
            long work = (long)place * settings.CountSlots;
            CountPart(settings, batch, context, part, recipe, set, batch.WorkTokens, batch.WorkCounts, work, slots);
        }
    }

    /// <summary>Counts what the group itself has drawn: other parts may not be there yet.</summary>
    private static void CountPart(
        BatchSettings settings,
        ContextBatch batch,
        int context,
        SetPart part,
        int recipe,
        long set,
        ArrayView<int> tokens,
        ArrayView<int> counts,
        long start,
        int slots
    )
    {
        for (int i = batch.RecipeOffsets[recipe]; i < batch.RecipeOffsets[recipe + 1]; i++)
        {
            int count = batch.Segments[i].Size(batch.Samples[context], batch.Real[context]);
            int from = part.First(count);
            int size = part.End(count) - from;
            TokenTable.AddCounts(batch.Sets, set + from, size, tokens, counts, start, slots, settings.Vocabulary);
            set += count;
        }
    }

    private static void FinishContext(
        BatchSettings settings,
        ContextBatch batch,
        int context,
        int step,
        ArrayView<int> mixed
    )
    {
        int run = batch.CollapsedRun[context];
        int generation = settings.FirstGeneration + step;
        int slot = generation % settings.Slots;
        long setStart = batch.SetOffsets[context];
        long stride = (batch.SetOffsets[context + 1] - setStart) / settings.Slots;
        long set = setStart + slot * stride;
        long before = setStart + (generation - 1) % settings.Slots * stride;
        int size = batch.SetSizes[(long)context * settings.Slots + slot];
        int token = batch.Sets[set];
        bool collapsed = ContextKernel.IsPure(batch.Sets, set, size, mixed);
        run = Absorption.ExtendRun(run, collapsed, token == batch.Sets[before]);
        bool leaves = collapsed && settings.UntilCollapse != 0;
        if (collapsed && !leaves)
        {
            // Not for every generation: a group takes long to read many real tokens.
            bool pureReal = generation < settings.LastRealUse && ContextKernel.IsPureReal(batch, context, mixed);
            leaves = Absorption.IsAbsorbed(generation, run, settings.Lookback, settings.LastRealUse, pureReal);
        }

        int row = batch.RowOf[step];
        int firstSize = batch.FirstSizes[context];
        for (int field = Group.IdxX; row >= 0 && field < ObservableRow.Length; field += Group.DimX)
        {
            long total = batch.Rows[ContextRows.Cell(settings, context, row, field)];
            total += ContextRows.Absent(settings, field, size, firstSize);
            ContextRows.Write(settings, batch, context, row, leaves, field, total);
        }

        if (Group.IdxX == 0)
        {
            if (row < 0 && leaves)
            {
                // Nothing was counted, and there is one token.
                var sums = new TokenSums();
                int first = TokenTable.First(settings, batch, context, token);
                int held = TokenTable.HeldOut(settings, batch, context, token);
                sums.Add(settings, batch, context, token, size, first, held, size, firstSize);
                sums.Write(settings, batch, context, row, leaves, size, firstSize);
            }

            batch.CollapsedRun[context] = run;
            int collapseTime = batch.CollapseTime[context];
            batch.CollapseTime[context] = collapsed && collapseTime == 0 ? generation : collapseTime;
            batch.LeftAt[context] = leaves ? generation : 0;
            ContextQueue.AddTotals(batch, 0, 0, step == settings.Generations - 1 && !leaves);
        }
    }
}
