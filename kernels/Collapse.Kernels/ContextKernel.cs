using ILGPU;

namespace Collapse.Kernels;

/// <summary>
/// The device code that trains any context by any schedule, in device memory: one group works on one context at
/// a time, draws its next training set, counts it and writes its row of integers.
/// </summary>
public static class ContextKernel
{
    private const int MostLanes = 256;

    /// <summary>Trains the contexts of the queue for the launch's generations.</summary>
    /// <remarks>Explicitly grouped: any group size. Barriers stand where all threads of a group pass.</remarks>
    public static void Advance(BatchSettings settings, ContextBatch batch)
    {
        ArrayView<long> partials = SharedMemory.Allocate<long>(MostLanes * ObservableRow.Length);
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
            DrawReal(settings, batch, context);
        }

        bool pureReal = IsPureReal(batch, context, mixed);
        for (int step = 0; step < settings.Generations && leftAt == 0; step++)
        {
            int generation = settings.FirstGeneration + step;
            int slot = generation % settings.Slots;
            long set = setStart + slot * stride;
            int recipe = batch.RecipeOf[step];
            int size = Train(settings, batch, context, generation, recipe, set, setStart, stride, out int kept);
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

    /// <summary>Draws the training set of one generation and gives its size, and how many of its tokens were not drawn but kept.</summary>
    private static int Train(
        BatchSettings settings,
        ContextBatch batch,
        int context,
        int generation,
        int recipe,
        long target,
        long setStart,
        long stride,
        out int kept
    )
    {
        kept = 0;
        int samples = batch.Samples[context];
        int real = batch.Real[context];
        uint index = settings.FirstContext + (uint)context;
        int size = 0;
        int first = batch.RecipeOffsets[recipe];
        for (int i = first; i < batch.RecipeOffsets[recipe + 1]; i++)
        {
            Segment segment = batch.Segments[i];
            int count = segment.Size(samples, real);
            uint number = (uint)(i - first);
            uint m = (uint)generation;
            long start = target + size;
            if (segment.Kind == SegmentKind.KeepReal)
            {
                for (int d = Group.IdxX; d < count; d += Group.DimX)
                {
                    batch.Sets[start + d] = batch.RealTokens[batch.RealOffsets[context] + d];
                }

                kept += count;
            }
            else if (segment.Kind == SegmentKind.Mixture)
            {
                DrawMixture(settings, batch, context, index, m, number, start, count, setStart, stride);
            }
            else if (segment.Kind == SegmentKind.Model)
            {
                int slot = (generation - segment.Lag) % settings.Slots;
                var stream = new DrawStream(settings.Seed, index, m, number, DrawPurpose.Index);
                uint bound = (uint)batch.SetSizes[(long)context * settings.Slots + slot];
                DrawFrom(
                    new SegmentDraws
                    {
                        Stream = stream,
                        Source = batch.Sets,
                        SourceStart = setStart + slot * stride,
                        Bound = bound,
                        Target = batch.Sets,
                        Start = start,
                        Count = count,
                    }
                );
            }
            else if (settings.TruthColumns == 0)
            {
                var stream = new DrawStream(settings.Seed, index, m, number, DrawPurpose.Index);
                DrawFrom(
                    new SegmentDraws
                    {
                        Stream = stream,
                        Source = batch.RealTokens,
                        SourceStart = batch.RealOffsets[context],
                        Bound = RealBound(real),
                        Target = batch.Sets,
                        Start = start,
                        Count = count,
                    }
                );
            }
            else
            {
                var stream = new DrawStream(settings.Seed, index, m, number, DrawPurpose.Truth);
                for (int d = Group.IdxX; d < count; d += Group.DimX)
                {
                    batch.Sets[start + d] = DrawTruth(settings, batch, context, stream, (uint)d);
                }
            }

            size += count;
        }

        return size;
    }

    /// <summary>Uniform draws from one training set into a segment of another.</summary>
    private struct SegmentDraws
    {
        public DrawStream Stream;
        public ArrayView<int> Source;
        public long SourceStart;
        public uint Bound;
        public ArrayView<int> Target;
        public long Start;
        public int Count;

        // A division, done once a segment and not once a word.
        public uint Threshold;
    }

    /// <summary>Makes the draws of a segment, a whole block of random words at a time.</summary>
    private static void DrawFrom(SegmentDraws draws)
    {
        if (UniformIndex.UsesHalfWords(draws.Bound))
        {
            draws.Threshold = UniformIndex.Threshold16(draws.Bound);
            for (int block = Group.IdxX; block * 8L < draws.Count; block += Group.DimX)
            {
                PhiloxBlock words = draws.Stream.Block((uint)block, 0);
                DrawPair(draws, block * 8L, words.X0);
                DrawPair(draws, block * 8L + 2, words.X1);
                DrawPair(draws, block * 8L + 4, words.X2);
                DrawPair(draws, block * 8L + 6, words.X3);
            }
        }
        else
        {
            draws.Threshold = UniformIndex.Threshold32(draws.Bound);
            for (int block = Group.IdxX; block * 4L < draws.Count; block += Group.DimX)
            {
                PhiloxBlock words = draws.Stream.Block((uint)block, 0);
                DrawWord(draws, block * 4L, words.X0);
                DrawWord(draws, block * 4L + 1, words.X1);
                DrawWord(draws, block * 4L + 2, words.X2);
                DrawWord(draws, block * 4L + 3, words.X3);
            }
        }
    }

    private static void DrawPair(SegmentDraws draws, long draw, uint word)
    {
        DrawHalfWord(draws, draw, word & 0xFFFF);
        DrawHalfWord(draws, draw + 1, word >> 16);
    }

    private static void DrawHalfWord(SegmentDraws draws, long draw, uint lane)
    {
        uint product = lane * draws.Bound;
        Put(draws, draw, product >> 16, (product & 0xFFFF) >= draws.Threshold);
    }

    private static void DrawWord(SegmentDraws draws, long draw, uint lane)
    {
        ulong product = (ulong)lane * draws.Bound;
        Put(draws, draw, (uint)(product >> 32), (uint)product >= draws.Threshold);
    }

    private static void Put(SegmentDraws draws, long draw, uint index, bool isAccepted)
    {
        if (draw < draws.Count)
        {
            uint place = isAccepted ? index : UniformIndex.Redraw(draws.Stream, (uint)draw, draws.Bound);
            draws.Target[draws.Start + draw] = draws.Source[draws.SourceStart + place];
        }
    }

    private static void DrawMixture(
        BatchSettings settings,
        ContextBatch batch,
        int context,
        uint index,
        uint generation,
        uint segment,
        long start,
        int count,
        long setStart,
        long stride
    )
    {
        var sources = new DrawStream(settings.Seed, index, generation, segment, DrawPurpose.MixtureSource);
        var indices = new DrawStream(settings.Seed, index, generation, segment, DrawPurpose.MixtureIndex);
        var truth = new DrawStream(settings.Seed, index, generation, segment, DrawPurpose.Truth);
        for (int d = Group.IdxX; d < count; d += Group.DimX)
        {
            int t = (int)UniformIndex.Draw(sources, (uint)d, generation);
            int token;
            if (t > 0)
            {
                int slot = t % settings.Slots;
                uint bound = (uint)batch.SetSizes[(long)context * settings.Slots + slot];
                token = batch.Sets[setStart + slot * stride + UniformIndex.DrawWord(indices, (uint)d, bound)];
            }
            else if (settings.TruthColumns == 0)
            {
                uint place = UniformIndex.DrawWord(indices, (uint)d, RealBound(batch.Real[context]));
                token = batch.RealTokens[batch.RealOffsets[context] + place];
            }
            else
            {
                token = DrawTruth(settings, batch, context, truth, (uint)d);
            }

            batch.Sets[start + d] = token;
        }
    }

    /// <summary>The number of real tokens to draw from, never 0, not even where none are drawn: see <see cref="BatchSettings.TruthThreshold"/>.</summary>
    private static uint RealBound(int real) => (uint)Math.Max(real, 1);

    private static int DrawTruth(BatchSettings settings, ContextBatch batch, int context, DrawStream stream, uint draw)
    {
        int column = TruthDraw.Column(TruthDraw.Lane(stream, draw), settings.TruthColumns, out ulong place);
        if (place < settings.TruthThreshold)
        {
            column = TruthDraw.Redraw(stream, draw, settings.TruthColumns, settings.TruthThreshold, out place);
        }

        long entry = (long)context * settings.TruthStride + column;
        return place < batch.TruthThresholds[entry] ? column : batch.TruthAliases[entry];
    }

    /// <summary>The real tokens that a context keeps: the draws of its generation 0.</summary>
    private static void DrawReal(BatchSettings settings, ContextBatch batch, int context)
    {
        uint index = settings.FirstContext + (uint)context;
        var stream = new DrawStream(settings.Seed, index, 0, 0, DrawPurpose.Truth);
        long start = batch.RealOffsets[context];
        int count = (int)(batch.RealOffsets[context + 1] - start);
        for (int d = Group.IdxX; d < count; d += Group.DimX)
        {
            batch.RealTokens[start + d] = DrawTruth(settings, batch, context, stream, (uint)d);
        }

        Group.Barrier();
    }

    internal static bool IsPureReal(ContextBatch batch, int context, ArrayView<int> mixed)
    {
        long start = batch.RealOffsets[context];
        int count = (int)(batch.RealOffsets[context + 1] - start);
        return IsPure(batch.RealTokens, start, count, mixed) && batch.PureTruth[context] != 0;
    }

    /// <summary>Whether all tokens are one. Every thread of the group gets the answer.</summary>
    private static bool IsPure(ArrayView<int> tokens, long start, int count, ArrayView<int> mixed)
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

        AddCounts(batch.Sets, set, size, batch.FirstTokens, batch.FirstCounts, start, slots, settings.Vocabulary);
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
        AddCounts(batch.Sets, set, size, batch.WorkTokens, batch.WorkCounts, work, slots, settings.Vocabulary);
        Group.Barrier();
        long firstSize = batch.FirstSizes[context];
        int lanes = Math.Min((int)Group.DimX, MostLanes);
        if (Group.IdxX < lanes)
        {
            TokenSums sums = SumTokens(settings, batch, context, work, slots, lanes, size, firstSize);
            sums.Store(partials, Group.IdxX * ObservableRow.Length);
            AddHeldOut(settings, batch, context, work, slots, lanes, partials);
        }

        Group.Barrier();
        GroupSums.AddLanes(partials, lanes, ObservableRow.Length, ContextRows.Maxima);
        Group.Barrier();
        for (int field = Group.IdxX; field < ObservableRow.Length; field += Group.DimX)
        {
            long total = GroupSums.Total(partials, lanes, ObservableRow.Length, ContextRows.Maxima, field);
            total += ContextRows.Absent(settings, field, size, firstSize);
            ContextRows.Write(settings, batch, context, row, leaves, field, total);
        }

        Group.Barrier();
    }

    private static TokenSums SumTokens(
        BatchSettings settings,
        ContextBatch batch,
        int context,
        long work,
        int slots,
        int lanes,
        int size,
        long firstSize
    )
    {
        var sums = new TokenSums();
        for (int i = Group.IdxX; i < slots; i += lanes)
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
        ArrayView<long> partials
    )
    {
        if (settings.HasHeldOut == 0)
        {
            return;
        }

        long heldLog = 0;
        long covered = 0;
        long end = batch.HeldOffsets[context + 1];
        for (long i = batch.HeldOffsets[context] + Group.IdxX; i < end; i += lanes)
        {
            int count = TokenTable.Find(
                batch.WorkTokens,
                batch.WorkCounts,
                work,
                slots,
                settings.Vocabulary,
                batch.HeldTokens[i]
            );
            if (count > 0)
            {
                heldLog += batch.HeldCounts[i] * ContextRows.Ln(batch.Logs, count);
                covered += batch.HeldCounts[i];
            }
        }

        int lane = Group.IdxX * ObservableRow.Length;
        partials[lane + ObservableRow.HeldOutLog] = heldLog;
        partials[lane + ObservableRow.HeldOutCovered] = covered;
    }

    private static void AddCounts(
        ArrayView<int> set,
        long setStart,
        int size,
        ArrayView<int> tokens,
        ArrayView<int> counts,
        long start,
        int slots,
        int vocabulary
    )
    {
        for (int i = Group.IdxX; i < size; i += Group.DimX)
        {
            int slot = TokenTable.Insert(tokens, start, slots, vocabulary, set[setStart + i]);
            Atomic.Add(ref counts[start + slot], 1);
        }
    }
}
