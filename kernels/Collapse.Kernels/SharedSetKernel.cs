using ILGPU;

namespace Collapse.Kernels;

/// <summary>
/// The device code for training sets that fit into shared memory and schedules that draw from models only (with
/// or without kept real tokens in front): one group takes one context through many generations. At the start of
/// a launch the context's tokens are numbered, sets and counts then hold these 16-bit numbers; numbers of tokens
/// that died out are given up once they are half of all.
/// </summary>
public static class SharedSetKernel
{
    // Sums over tokens are taken by so many threads: more would cost shared memory, and most tokens die early.
    private const int SumLanes = 64;

    // Cells of shared memory that belong to the group as a whole; the first is the queue's.
    private const int NumberCell = 1;
    private const int SupportCell = 2;
    private const int Cells = 3;

    // What is known of each local number, and twice as much room: giving up numbers moves from one half to the other.
    // The tokens themselves come first.
    private const int FirstTableNumber = 1;
    private const int HeldTableNumber = 2;
    private const int Tables = 3;

    private struct Workspace
    {
        public ArrayView<ushort> Sets;
        public ArrayView<int> Counts;
        public ArrayView<int> Sizes;
        public ArrayView<int> Cells;
        public ArrayView<long> Partials;
    }

    /// <summary>Slots of the table in which a context's tokens are numbered.</summary>
    /// <param name="numbers">Most numbers, 1 or more.</param>
    /// <param name="vocabulary">Vocabulary size.</param>
    public static long NumberSlots(long numbers, int vocabulary) => Math.Min(numbers + (numbers / 2) + 1, vocabulary);

    /// <summary>32-bit words of dynamic shared memory that a group takes.</summary>
    /// <param name="slots">Training sets kept.</param>
    /// <param name="capacity">Tokens in each, a multiple of 8.</param>
    /// <param name="numberSlots">From <see cref="NumberSlots"/>.</param>
    public static long SharedWords(long slots, long capacity, long numberSlots) =>
        slots + numberSlots + (slots * capacity / 2);

    /// <summary>Bytes of shared memory that a group takes besides.</summary>
    public const int FixedBytes = (SumLanes * ObservableRow.Length * sizeof(long)) + (Cells * sizeof(int));

    /// <summary>Words that <see cref="AdvanceFixed"/> has in place of dynamic shared memory.</summary>
    public const int FixedWords = 6900;

    /// <summary>Words of <see cref="ContextBatch.NumberTables"/> that a group takes.</summary>
    public static long TableWords(long numbers) => 2 * Tables * numbers;

    /// <summary>Trains the contexts of the queue for the launch's generations, none of which is the first.</summary>
    /// <remarks>Explicitly grouped: any group size. Barriers stand where all threads of a group pass.</remarks>
    public static void Advance(BatchSettings settings, ContextBatch batch) =>
        Advance(settings, batch, SharedMemory.GetDynamic<int>());

    /// <summary>
    /// The same where ILGPU 1.5.3 has no usable dynamic shared memory: on OpenCL it keeps its address in a variable
    /// of the program, which groups that run side by side on a CPU overwrite.
    /// </summary>
    public static void AdvanceFixed(BatchSettings settings, ContextBatch batch) =>
        Advance(settings, batch, SharedMemory.Allocate<int>(FixedWords));

    private static void Advance(BatchSettings settings, ContextBatch batch, ArrayView<int> memory)
    {
        int setWords = settings.Slots * settings.Capacity / 2;
        var work = new Workspace
        {
            Sizes = memory.SubView(0, settings.Slots),
            Counts = memory.SubView(settings.Slots, settings.NumberSlots),
            Sets = memory.SubView(settings.Slots + settings.NumberSlots, setWords).Cast<ushort>(),
            Cells = SharedMemory.Allocate<int>(Cells),
            Partials = SharedMemory.Allocate<long>(SumLanes * ObservableRow.Length),
        };
        int context = ContextQueue.TakeForGroup(settings, batch, work.Cells);
        while (context != ContextQueue.None)
        {
            AdvanceContext(settings, batch, work, context);
            context = ContextQueue.TakeForGroup(settings, batch, work.Cells);
        }
    }

    private static void AdvanceContext(BatchSettings settings, ContextBatch batch, Workspace work, int context)
    {
        int first = settings.FirstGeneration;
        int run = batch.CollapsedRun[context];
        int collapseTime = batch.CollapseTime[context];
        int samples = batch.Samples[context];
        int real = batch.Real[context];
        int firstSize = batch.FirstSizes[context];
        bool pureReal = first >= settings.LastRealUse || ContextKernel.IsPureReal(batch, context, work.Cells);
        long tables = TableWords(settings.Numbers) * Grid.IdxX;
        long spare = tables + ((long)Tables * settings.Numbers);
        int numbers = Load(settings, batch, work, context, tables);
        int before = (first - 1) % settings.Slots;
        var lanes = new IndexLanes();
        int leftAt = 0;
        long drawn = 0;
        long tokens = 0;
        for (int step = 0; step < settings.Generations && leftAt == 0; step++)
        {
            int generation = first + step;
            int slot = before + 1 < settings.Slots ? before + 1 : 0;
            int set = slot * settings.Capacity;
            int recipe = batch.RecipeOf[step];
            int start = batch.RecipeOffsets[recipe];
            int end = batch.RecipeOffsets[recipe + 1];
            int size = 0;
            for (int i = start; i < end; i++)
            {
                Segment segment = batch.Segments[i];
                int count = segment.Size(samples, real);
                if (segment.Kind == SegmentKind.KeepReal)
                {
                    Keep(work, before * settings.Capacity + size, set + size, count);
                }
                else
                {
                    int source = slot - segment.Lag;
                    source = source < 0 ? source + settings.Slots : source;
                    uint bound = (uint)work.Sizes[source];
                    if (bound != lanes.Bound)
                    {
                        lanes = IndexLanes.For(bound);
                    }

                    uint index = settings.FirstContext + (uint)context;
                    var stream = new DrawStream(
                        settings.Seed,
                        index,
                        (uint)generation,
                        (uint)(i - start),
                        DrawPurpose.Index
                    );
                    Draw(work, stream, lanes, source * settings.Capacity, set + size, count);
                    drawn += count;
                }

                size += count;
            }

            tokens += size;
            if (Group.IdxX == 0)
            {
                work.Sizes[slot] = size;
                work.Cells[NumberCell] = 0;
            }

            Group.Barrier();
            int number = work.Sets[set];
            bool collapsed = work.Counts[number] == size;
            run = Absorption.ExtendRun(run, collapsed, number == work.Sets[before * settings.Capacity]);
            collapseTime = collapsed && collapseTime == 0 ? generation : collapseTime;
            if (
                collapsed
                && (
                    settings.UntilCollapse != 0
                    || Absorption.IsAbsorbed(generation, run, settings.Lookback, settings.LastRealUse, pureReal)
                )
            )
            {
                leftAt = generation;
            }

            int row = batch.RowOf[step];
            bool isObserved = row >= 0 || leftAt != 0;
            int lanesOfSums = Math.Min((int)Group.DimX, SumLanes);
            if (isObserved && Group.IdxX < lanesOfSums)
            {
                var sums = new TokenSums();
                for (int i = Group.IdxX; i < numbers; i += lanesOfSums)
                {
                    int count = work.Counts[i];
                    if (count > 0)
                    {
                        AddToken(settings, batch, context, tables, i, count, size, firstSize, ref sums);
                    }
                }

                sums.Store(work.Partials, Group.IdxX * ObservableRow.Length);
            }

            // The support of the generation before: this one's is not larger where numbers can be given up at all.
            bool givesUp =
                settings.Lookback == 1 && numbers > SumLanes && 2 * work.Cells[SupportCell] <= numbers && leftAt == 0;
            Group.Barrier();
            if (givesUp)
            {
                numbers = GiveUpNumbers(settings, batch, work, set, size, numbers, tables, spare);
                long other = tables;
                tables = spare;
                spare = other;
            }
            else
            {
                Clear(work.Counts, numbers, 0);
            }

            if (isObserved)
            {
                GroupSums.AddLanes(work.Partials, lanesOfSums, ObservableRow.Length, ContextRows.Maxima);
            }

            Group.Barrier();
            if (isObserved)
            {
                for (int field = Group.IdxX; field < ObservableRow.Length; field += Group.DimX)
                {
                    long total = GroupSums.Total(
                        work.Partials,
                        lanesOfSums,
                        ObservableRow.Length,
                        ContextRows.Maxima,
                        field
                    );
                    if (field == ObservableRow.Support)
                    {
                        work.Cells[SupportCell] = (int)total;
                    }

                    total += ContextRows.Absent(settings, field, size, firstSize);
                    ContextRows.Write(settings, batch, context, row, leftAt != 0, field, total);
                }
            }

            before = slot;
        }

        if (leftAt == 0)
        {
            Save(settings, batch, work, context, tables);
        }

        if (Group.IdxX == 0)
        {
            batch.CollapsedRun[context] = run;
            batch.CollapseTime[context] = collapseTime;
            batch.LeftAt[context] = leftAt;
            ContextQueue.AddTotals(batch, drawn, tokens, leftAt == 0);
        }
    }

    private static void AddToken(
        BatchSettings settings,
        ContextBatch batch,
        int context,
        long tables,
        int number,
        int count,
        int size,
        int firstSize,
        ref TokenSums sums
    )
    {
        int token = batch.NumberTables[tables + number];
        int first = batch.NumberTables[tables + (FirstTableNumber * settings.Numbers) + number];
        int held =
            settings.HasHeldOut == 0 ? 0 : batch.NumberTables[tables + (HeldTableNumber * settings.Numbers) + number];
        sums.Add(settings, batch, context, token, count, first, held, size, firstSize);
    }

    /// <summary>Takes over the kept tokens that the training set before begins with, and counts them.</summary>
    private static void Keep(Workspace work, int source, int target, int count)
    {
        for (int d = Group.IdxX; d < count; d += Group.DimX)
        {
            Put(work, target + d, source + d);
        }
    }

    /// <summary>Draws a segment and counts it.</summary>
    private static void Draw(Workspace work, DrawStream stream, IndexLanes lanes, int source, int target, int count)
    {
        int perBlock = lanes.IsHalf ? 8 : 4;
        int blocks = count / perBlock;
        if (lanes.IsHalf)
        {
            for (int block = Group.IdxX; block < blocks; block += Group.DimX)
            {
                PhiloxBlock words = DevicePhilox.Block(stream, (uint)block);
                int place = target + (block * 8);
                uint least = DrawPair(work, lanes, source, place, words.X0);
                least = Math.Min(least, DrawPair(work, lanes, source, place + 2, words.X1));
                least = Math.Min(least, DrawPair(work, lanes, source, place + 4, words.X2));
                least = Math.Min(least, DrawPair(work, lanes, source, place + 6, words.X3));
                if (least < lanes.Threshold)
                {
                    Redraw(work, stream, lanes, source, target, block * 8, 8, words);
                }
            }
        }
        else
        {
            for (int block = Group.IdxX; block < blocks; block += Group.DimX)
            {
                PhiloxBlock words = DevicePhilox.Block(stream, (uint)block);
                int place = target + (block * 4);
                uint least = DrawWord(work, lanes, source, place, words.X0);
                least = Math.Min(least, DrawWord(work, lanes, source, place + 1, words.X1));
                least = Math.Min(least, DrawWord(work, lanes, source, place + 2, words.X2));
                least = Math.Min(least, DrawWord(work, lanes, source, place + 3, words.X3));
                if (least < lanes.Threshold)
                {
                    Redraw(work, stream, lanes, source, target, block * 4, 4, words);
                }
            }
        }

        DrawRest(work, stream, lanes, source, target, blocks * perBlock, count);
    }

    /// <summary>Draws what is left of a segment after its last whole block: a thread each, from the group's far end.</summary>
    private static void DrawRest(
        Workspace work,
        DrawStream stream,
        IndexLanes lanes,
        int source,
        int target,
        int first,
        int count
    )
    {
        for (int draw = first + Group.DimX - 1 - Group.IdxX; draw < count; draw += Group.DimX)
        {
            int index = (int)UniformIndex.Draw(stream, (uint)draw, lanes.Bound);
            Put(work, target + draw, source + index);
        }
    }

    private static uint DrawPair(Workspace work, IndexLanes lanes, int source, int place, uint word)
    {
        int first = lanes.Half(word & 0xFFFF, out uint low);
        Put(work, place, source + first);
        int second = lanes.Half(word >> 16, out uint high);
        Put(work, place + 1, source + second);
        return Math.Min(low, high);
    }

    private static uint DrawWord(Workspace work, IndexLanes lanes, int source, int place, uint word)
    {
        int index = lanes.Word(word, out uint low);
        Put(work, place, source + index);
        return low;
    }

    private static void Put(Workspace work, int place, int source)
    {
        int number = work.Sets[source];
        work.Sets[place] = (ushort)number;
        Atomic.Add(ref work.Counts[number], 1);
    }

    /// <summary>Replaces the draws of a block whose lanes were rejected.</summary>
    private static void Redraw(
        Workspace work,
        DrawStream stream,
        IndexLanes lanes,
        int source,
        int target,
        int draw,
        int count,
        PhiloxBlock words
    )
    {
        for (int k = 0; k < count; k++)
        {
            int index = lanes.Index(lanes.Lane(words, k), out uint low);
            if (low < lanes.Threshold)
            {
                index = (int)UniformIndex.Redraw(stream, (uint)(draw + k), lanes.Bound);
                int rejected = work.Sets[target + draw + k];
                Atomic.Add(ref work.Counts[rejected], -1);
                Put(work, target + draw + k, source + index);
            }
        }
    }

    /// <summary>Numbers the tokens of the training sets that the launch's first generations read.</summary>
    /// <returns>How many there are.</returns>
    private static int Load(BatchSettings settings, ContextBatch batch, Workspace work, int context, long tables)
    {
        long setStart = batch.SetOffsets[context];
        long stride = (batch.SetOffsets[context + 1] - setStart) / settings.Slots;
        int models = Math.Min(settings.Lookback, settings.FirstGeneration - 1);
        Clear(work.Counts, settings.NumberSlots, TokenTable.Empty);
        if (Group.IdxX == 0)
        {
            work.Cells[NumberCell] = 0;
            work.Cells[SupportCell] = int.MaxValue / 2;
        }

        Group.Barrier();
        for (int lag = 1; lag <= models; lag++)
        {
            int slot = (settings.FirstGeneration - lag) % settings.Slots;
            int size = batch.SetSizes[((long)context * settings.Slots) + slot];
            if (Group.IdxX == 0)
            {
                work.Sizes[slot] = size;
            }

            for (int i = Group.IdxX; i < size; i += Group.DimX)
            {
                int token = batch.Sets[setStart + (slot * stride) + i];
                int place = TokenTable.Insert(work.Counts, 0, settings.NumberSlots, settings.Vocabulary, token);
                work.Sets[(slot * settings.Capacity) + i] = (ushort)place;
            }
        }

        Group.Barrier();
        for (int i = Group.IdxX; i < settings.NumberSlots; i += Group.DimX)
        {
            int token = work.Counts[i];
            if (token != TokenTable.Empty)
            {
                int number = Atomic.Add(ref work.Cells[NumberCell], 1);
                batch.NumberTables[tables + number] = token;
                batch.NumberTables[tables + (FirstTableNumber * settings.Numbers) + number] = TokenTable.First(
                    settings,
                    batch,
                    context,
                    token
                );
                batch.NumberTables[tables + (HeldTableNumber * settings.Numbers) + number] = TokenTable.HeldOut(
                    settings,
                    batch,
                    context,
                    token
                );
                work.Counts[i] = number;
            }
        }

        Group.Barrier();
        for (int lag = 1; lag <= models; lag++)
        {
            int slot = (settings.FirstGeneration - lag) % settings.Slots;
            Renumber(work, slot * settings.Capacity, work.Sizes[slot]);
        }

        int numbers = work.Cells[NumberCell];
        Group.Barrier();
        Clear(work.Counts, numbers, 0);
        Group.Barrier();
        return numbers;
    }

    /// <summary>Gives the tokens that are alive new numbers, so that there are no others; clears all counts.</summary>
    /// <returns>How many there are now.</returns>
    private static int GiveUpNumbers(
        BatchSettings settings,
        ContextBatch batch,
        Workspace work,
        int set,
        int size,
        int numbers,
        long tables,
        long spare
    )
    {
        for (int i = Group.IdxX; i < numbers; i += Group.DimX)
        {
            if (work.Counts[i] > 0)
            {
                int number = Atomic.Add(ref work.Cells[NumberCell], 1);
                for (int table = 0; table < Tables; table++)
                {
                    long offset = (long)table * settings.Numbers;
                    batch.NumberTables[spare + offset + number] = batch.NumberTables[tables + offset + i];
                }

                work.Counts[i] = number;
            }
        }

        Group.Barrier();
        Renumber(work, set, size);
        int left = work.Cells[NumberCell];
        Group.Barrier();
        Clear(work.Counts, numbers, 0);
        return left;
    }

    /// <summary>Replaces the places in a set by what the counts hold there.</summary>
    private static void Renumber(Workspace work, int set, int size)
    {
        for (int i = Group.IdxX; i < size; i += Group.DimX)
        {
            int place = work.Sets[set + i];
            work.Sets[set + i] = (ushort)work.Counts[place];
        }
    }

    private static void Clear(ArrayView<int> values, int count, int value)
    {
        for (int i = Group.IdxX; i < count; i += Group.DimX)
        {
            values[i] = value;
        }
    }

    /// <summary>Writes the training sets that the next launch may read back as tokens.</summary>
    private static void Save(BatchSettings settings, ContextBatch batch, Workspace work, int context, long tables)
    {
        long setStart = batch.SetOffsets[context];
        long stride = (batch.SetOffsets[context + 1] - setStart) / settings.Slots;
        int models = Math.Min(settings.Lookback, settings.Generations);
        for (int lag = 0; lag < models; lag++)
        {
            int slot = (settings.FirstGeneration + settings.Generations - 1 - lag) % settings.Slots;
            int size = work.Sizes[slot];
            if (Group.IdxX == 0)
            {
                batch.SetSizes[((long)context * settings.Slots) + slot] = size;
            }

            for (int i = Group.IdxX; i < size; i += Group.DimX)
            {
                int number = work.Sets[(slot * settings.Capacity) + i];
                batch.Sets[setStart + (slot * stride) + i] = batch.NumberTables[tables + number];
            }
        }
    }
}
