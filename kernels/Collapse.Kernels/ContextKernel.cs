using ILGPU;

namespace Collapse.Kernels;

/// <summary>
/// The device code that trains contexts generation by generation: one group works on one context at a time,
/// draws its next training set, counts it and writes its row of integers. Groups stride over the batch, so
/// that any number of groups gives the same result.
/// </summary>
public static class ContextKernel
{
    /// <summary>Marks a free slot of a count table.</summary>
    public const int Empty = -1;

    /// <summary>Trains every context of the batch for the launch's generations.</summary>
    /// <remarks>Explicitly grouped: any group size. Barriers stand where all threads of a group pass.</remarks>
    public static void Advance(BatchSettings settings, ContextBatch batch)
    {
        ArrayView<long> sums = SharedMemory.Allocate<long>(ObservableRow.Length);
        ArrayView<int> mixed = SharedMemory.Allocate<int>(1);
        for (int context = Grid.IdxX; context < settings.Contexts; context += Grid.DimX)
        {
            if (batch.LeftAt[context] == 0)
            {
                AdvanceContext(settings, batch, context, sums, mixed);
            }

            Group.Barrier();
        }
    }

    private static void AdvanceContext(
        BatchSettings settings,
        ContextBatch batch,
        int context,
        ArrayView<long> sums,
        ArrayView<int> mixed
    )
    {
        int run = batch.CollapsedRun[context];
        int collapseTime = batch.CollapseTime[context];
        int leftAt = 0;
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
            int size = Train(settings, batch, context, generation, batch.RecipeOf[step], set, setStart, stride);
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
                long rows = (long)context * (settings.Reported + 1);
                Observe(settings, batch, context, set, size, sums);
                WriteRow(batch, sums, rows + row, row >= 0);
                WriteRow(batch, sums, rows + settings.Reported, leaves);
                Group.Barrier();
            }
        }

        if (Group.IdxX == 0)
        {
            batch.CollapsedRun[context] = run;
            batch.CollapseTime[context] = collapseTime;
            batch.LeftAt[context] = leftAt;
        }
    }

    private static void WriteRow(ContextBatch batch, ArrayView<long> sums, long row, bool wanted)
    {
        if (wanted)
        {
            for (int i = Group.IdxX; i < ObservableRow.Length; i += Group.DimX)
            {
                batch.Rows[row * ObservableRow.Length + i] = sums[i];
            }
        }
    }

    /// <summary>Draws the training set of one generation and gives its size.</summary>
    private static int Train(
        BatchSettings settings,
        ContextBatch batch,
        int context,
        int generation,
        int recipe,
        long target,
        long setStart,
        long stride
    )
    {
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
                        Bound = (uint)real,
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
                uint place = UniformIndex.DrawWord(indices, (uint)d, (uint)batch.Real[context]);
                token = batch.RealTokens[batch.RealOffsets[context] + place];
            }
            else
            {
                token = DrawTruth(settings, batch, context, truth, (uint)d);
            }

            batch.Sets[start + d] = token;
        }
    }

    private static int DrawTruth(BatchSettings settings, ContextBatch batch, int context, DrawStream stream, uint draw)
    {
        int column = TruthDraw.Column(TruthDraw.Lane(stream, draw), settings.TruthColumns, out ulong place);
        if (place < TruthDraw.Threshold(settings.TruthColumns))
        {
            column = TruthDraw.Redraw(stream, draw, settings.TruthColumns, out place);
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

    private static bool IsPureReal(ContextBatch batch, int context, ArrayView<int> mixed)
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

    /// <summary>Counts a training set and leaves the sums of its row in shared memory.</summary>
    private static void Observe(
        BatchSettings settings,
        ContextBatch batch,
        int context,
        long set,
        int size,
        ArrayView<long> sums
    )
    {
        long work = (long)Grid.IdxX * settings.CountSlots;
        int slots = CountSlots(size, settings.Vocabulary);
        for (int i = Group.IdxX; i < slots; i += Group.DimX)
        {
            batch.WorkTokens[work + i] = Empty;
            batch.WorkCounts[work + i] = 0;
        }

        for (int i = Group.IdxX; i < ObservableRow.Length; i += Group.DimX)
        {
            sums[i] = 0;
        }

        Group.Barrier();
        AddCounts(batch.Sets, set, size, batch.WorkTokens, batch.WorkCounts, work, slots, settings.Vocabulary);
        Group.Barrier();
        SumTokens(settings, batch, context, work, slots, size, sums);
        SumHeldOut(settings, batch, context, work, slots, sums);
        Group.Barrier();
        if (Group.IdxX == 0)
        {
            AddAbsent(settings, batch, context, size, sums);
        }

        Group.Barrier();
    }

    private static void SumTokens(
        BatchSettings settings,
        ContextBatch batch,
        int context,
        long work,
        int slots,
        int size,
        ArrayView<long> sums
    )
    {
        long firstStart = batch.FirstOffsets[context];
        int firstSlots = (int)(batch.FirstOffsets[context + 1] - firstStart);
        long firstSize = batch.FirstSizes[context];
        long squares = 0;
        long max = 0;
        long support = 0;
        long logs = 0;
        long l1First = 0;
        long l1Truth = 0;
        long mass = 0;
        ulong hash = 0;
        for (int i = Group.IdxX; i < slots; i += Group.DimX)
        {
            int token = batch.WorkTokens[work + i];
            if (token == Empty)
            {
                continue;
            }

            long count = batch.WorkCounts[work + i];
            squares += count * count;
            max = Math.Max(max, ObservableRow.Pack((int)count, token));
            support++;
            logs += count * Ln(batch.Logs, (int)count);
            hash += CountsHash.Share(token, (int)count);
            long first = Find(batch.FirstTokens, batch.FirstCounts, firstStart, firstSlots, settings.Vocabulary, token);

            // Absent tokens add f_i·n each, n·n_1 in all less those present: AddAbsent adds that total.
            l1First += Math.Abs(count * firstSize - first * size) - first * size;
            if (settings.TruthColumns == 0)
            {
                mass += first;
            }
            else
            {
                long units = batch.TruthUnits[(long)context * settings.TruthStride + token];
                l1Truth += Math.Abs(count * settings.TruthScale - size * units) - size * units;
                mass += units;
            }
        }

        Atomic.Add(ref sums[ObservableRow.SumOfSquares], squares);
        Atomic.Max(ref sums[ObservableRow.MaxAndToken], max);
        Atomic.Add(ref sums[ObservableRow.Support], support);
        Atomic.Add(ref sums[ObservableRow.CountLogCount], logs);
        Atomic.Add(ref sums[ObservableRow.L1FromFirst], l1First);
        Atomic.Add(ref sums[ObservableRow.L1FromTruth], l1Truth);
        Atomic.Add(ref sums[ObservableRow.UnseenMass], -mass);
        Atomic.Add(ref sums[ObservableRow.Hash], (long)hash);
    }

    private static void SumHeldOut(
        BatchSettings settings,
        ContextBatch batch,
        int context,
        long work,
        int slots,
        ArrayView<long> sums
    )
    {
        long heldLog = 0;
        long covered = 0;
        long end = batch.HeldOffsets[context + 1];
        for (long i = batch.HeldOffsets[context] + Group.IdxX; i < end; i += Group.DimX)
        {
            int count = Find(batch.WorkTokens, batch.WorkCounts, work, slots, settings.Vocabulary, batch.HeldTokens[i]);
            if (count > 0)
            {
                heldLog += batch.HeldCounts[i] * Ln(batch.Logs, count);
                covered += batch.HeldCounts[i];
            }
        }

        if (covered > 0)
        {
            Atomic.Add(ref sums[ObservableRow.HeldOutLog], heldLog);
            Atomic.Add(ref sums[ObservableRow.HeldOutCovered], covered);
        }
    }

    private static void AddAbsent(
        BatchSettings settings,
        ContextBatch batch,
        int context,
        int size,
        ArrayView<long> sums
    )
    {
        long firstSize = batch.FirstSizes[context];
        sums[ObservableRow.L1FromFirst] += firstSize * size;
        if (settings.TruthColumns == 0)
        {
            sums[ObservableRow.UnseenMass] += firstSize;
        }
        else
        {
            sums[ObservableRow.L1FromTruth] += settings.TruthScale * size;
            sums[ObservableRow.UnseenMass] += settings.TruthScale;
        }
    }

    /// <summary>Slots of a count table of <paramref name="size"/> tokens: a power of two, at least twice as many, or the vocabulary where that is smaller.</summary>
    public static int CountSlots(int size, int vocabulary)
    {
        long slots = 4;
        while (slots < 2L * size && slots < vocabulary)
        {
            slots *= 2;
        }

        return (int)Math.Min(slots, vocabulary);
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
            int token = set[setStart + i];
            int slot = FirstSlot(token, slots, vocabulary);
            while (true)
            {
                int held = Atomic.CompareExchange(ref tokens[start + slot], Empty, token);
                if (held == Empty || held == token)
                {
                    break;
                }

                slot = slot + 1 < slots ? slot + 1 : 0;
            }

            Atomic.Add(ref counts[start + slot], 1);
        }
    }

    private static int Find(
        ArrayView<int> tokens,
        ArrayView<int> counts,
        long start,
        int slots,
        int vocabulary,
        int token
    )
    {
        int slot = FirstSlot(token, slots, vocabulary);
        while (true)
        {
            int held = tokens[start + slot];
            if (held == token)
            {
                return counts[start + slot];
            }

            // With a slot for each token of the vocabulary there is nothing to probe.
            if (held == Empty || slots == vocabulary)
            {
                return 0;
            }

            slot = slot + 1 < slots ? slot + 1 : 0;
        }
    }

    private static int FirstSlot(int token, int slots, int vocabulary) =>
        slots == vocabulary ? token : (int)(((ulong)((uint)token * Philox.Weyl0) * (uint)slots) >> 32);

    private static long Ln(ArrayView<long> table, int value)
    {
        if (value < LogTable.MaxLength)
        {
            return table[value];
        }

        int entry = LogTable.Leading(value, out int shift);
        return LogTable.Interpolate(table[2], table[entry], table[entry + 1], value, shift);
    }
}
