using ILGPU;

namespace Collapse.Kernels;

/// <summary>
/// The device code for the smallest training sets, under schedules that draw from the generation before only
/// (with or without kept real tokens in front): one thread takes one context through many generations, alone,
/// without barriers or atomic operations. Its two sets and its counts are bytes of shared memory, laid out so
/// that each thread has a bank of its own whatever it draws.
/// </summary>
public static class LaneKernel
{
    /// <summary>The largest training set: counts and local token numbers are bytes, and 0 marks a free slot.</summary>
    public const int MostTokens = 128;

    /// <summary>Bytes that <see cref="AdvanceFixed"/> has in place of dynamic shared memory.</summary>
    public const int FixedBytes = 32 * 1024;

    // Parts of a thread's memory. While tokens are numbered, the last two are one table.
    private const int SourcePart = 0;
    private const int TargetPart = 1;
    private const int CountPart = 2;
    private const int Parts = 3;

    private const int FirstTableNumber = 1;
    private const int HeldTableNumber = 2;
    private const int Tables = 3;

    /// <summary>One thread's memory.</summary>
    private struct Workspace
    {
        public ArrayView<byte> Memory;
        public ArrayView<int> Tables;
        public int Capacity;
        public int Threads;
        public int Thread;
        public long TableThreads;
        public long TableThread;

        // Word w of a thread lies beside word w of the next thread.
        public readonly int Place(int index) => ((index & ~3) * Threads) + (Thread * 4) + (index & 3);

        public readonly int Get(int index) => Memory[Place(index)];

        public readonly void Set(int index, int value) => Memory[Place(index)] = (byte)value;

        public readonly int GetTable(int table, int number) => Tables[TablePlace(table, number)];

        public readonly void SetTable(int table, int number, int value) => Tables[TablePlace(table, number)] = value;

        private readonly long TablePlace(int table, int number) =>
            (((table * Capacity) + number) * TableThreads) + TableThread;
    }

    /// <summary>Bytes of dynamic shared memory that a thread takes.</summary>
    /// <param name="capacity">Tokens in a training set, a multiple of 8.</param>
    public static int SharedBytes(int capacity) => Parts * capacity;

    /// <summary>Words of <see cref="ContextBatch.NumberTables"/> that a thread takes.</summary>
    public static long TableWords(int capacity) => Tables * capacity;

    /// <summary>Trains the contexts of the queue for the launch's generations, none of which is the first.</summary>
    /// <remarks>Explicitly grouped: any group size. No barriers.</remarks>
    public static void Advance(BatchSettings settings, ContextBatch batch) =>
        Advance(settings, batch, SharedMemory.GetDynamic<byte>());

    /// <summary>The same without dynamic shared memory; see <see cref="SharedSetKernel.AdvanceFixed"/>.</summary>
    public static void AdvanceFixed(BatchSettings settings, ContextBatch batch) =>
        Advance(settings, batch, SharedMemory.Allocate<byte>(FixedBytes));

    private static void Advance(BatchSettings settings, ContextBatch batch, ArrayView<byte> memory)
    {
        var work = new Workspace
        {
            Memory = memory,
            Tables = batch.NumberTables,
            Capacity = settings.Capacity,
            Threads = Group.DimX,
            Thread = Group.IdxX,
            TableThreads = (long)Grid.DimX * Group.DimX,
            TableThread = ((long)Grid.IdxX * Group.DimX) + Group.IdxX,
        };
        int context = ContextQueue.Take(settings, batch);
        while (context != ContextQueue.None)
        {
            AdvanceContext(settings, batch, work, context);
            context = ContextQueue.Take(settings, batch);
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
        bool pureReal = first >= settings.LastRealUse || IsPureReal(batch, context);
        int bound = batch.SetSizes[((long)context * settings.Slots) + ((first - 1) % settings.Slots)];
        int numbers = Load(settings, batch, work, context, bound);
        int source = SourcePart * settings.Capacity;
        int target = TargetPart * settings.Capacity;
        var lanes = new IndexLanes();
        int leftAt = 0;
        long drawn = 0;
        long tokens = 0;
        for (int step = 0; step < settings.Generations && leftAt == 0; step++)
        {
            int generation = first + step;
            if ((uint)bound != lanes.Bound)
            {
                lanes = IndexLanes.For((uint)bound);
            }

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
                    for (int d = 0; d < count; d++)
                    {
                        Put(work, target + size + d, source + size + d);
                    }
                }
                else
                {
                    uint index = settings.FirstContext + (uint)context;
                    var stream = new DrawStream(
                        settings.Seed,
                        index,
                        (uint)generation,
                        (uint)(i - start),
                        DrawPurpose.Index
                    );
                    Draw(work, stream, lanes, source, target + size, count);
                    drawn += count;
                }

                size += count;
            }

            tokens += size;
            int number = work.Get(target);
            bool collapsed = work.Get((CountPart * settings.Capacity) + number) == size;
            run = Absorption.ExtendRun(run, collapsed, number == work.Get(source));
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
            int support = numbers;
            if (row >= 0 || leftAt != 0)
            {
                TokenSums sums = SumTokens(settings, batch, work, context, numbers, size, firstSize);
                sums.Write(settings, batch, context, row, leftAt != 0, size, firstSize);
                support = (int)sums.Support;
            }

            if (2 * support <= numbers)
            {
                numbers = GiveUpNumbers(work, target, size, numbers);
            }
            else
            {
                Clear(work, CountPart * settings.Capacity, numbers);
            }

            bound = size;
            int other = source;
            source = target;
            target = other;
        }

        if (leftAt == 0)
        {
            Save(settings, batch, work, context, source, bound);
        }

        batch.CollapsedRun[context] = run;
        batch.CollapseTime[context] = collapseTime;
        batch.LeftAt[context] = leftAt;
        ContextQueue.AddTotals(batch, drawn, tokens, leftAt == 0);
    }

    private static TokenSums SumTokens(
        BatchSettings settings,
        ContextBatch batch,
        Workspace work,
        int context,
        int numbers,
        int size,
        int firstSize
    )
    {
        var sums = new TokenSums();
        for (int i = 0; i < numbers; i++)
        {
            int count = work.Get((CountPart * work.Capacity) + i);
            if (count > 0)
            {
                int token = work.GetTable(0, i);
                int first = work.GetTable(FirstTableNumber, i);
                int held = settings.HasHeldOut == 0 ? 0 : work.GetTable(HeldTableNumber, i);
                sums.Add(settings, batch, context, token, count, first, held, size, firstSize);
            }
        }

        return sums;
    }

    private static bool IsPureReal(ContextBatch batch, int context)
    {
        long start = batch.RealOffsets[context];
        bool pure = batch.PureTruth[context] != 0;
        for (long i = start + 1; i < batch.RealOffsets[context + 1] && pure; i++)
        {
            pure = batch.RealTokens[i] == batch.RealTokens[start];
        }

        return pure;
    }

    /// <summary>Draws a segment and counts it.</summary>
    private static void Draw(Workspace work, DrawStream stream, IndexLanes lanes, int source, int target, int count)
    {
        int perBlock = lanes.IsHalf ? 8 : 4;
        for (int draw = 0; draw < count; draw += perBlock)
        {
            PhiloxBlock words = DevicePhilox.Block(stream, (uint)(draw / perBlock));
            int place = target + draw;
            uint least = uint.MaxValue;
            if (lanes.IsHalf && draw + 8 <= count)
            {
                least = DrawPair(work, lanes, source, place, words.X0);
                least = Math.Min(least, DrawPair(work, lanes, source, place + 2, words.X1));
                least = Math.Min(least, DrawPair(work, lanes, source, place + 4, words.X2));
                least = Math.Min(least, DrawPair(work, lanes, source, place + 6, words.X3));
            }
            else
            {
                for (int k = 0; k < perBlock && draw + k < count; k++)
                {
                    int index = lanes.Index(lanes.Lane(words, k), out uint low);
                    Put(work, place + k, source + index);
                    least = Math.Min(least, low);
                }
            }

            if (least < lanes.Threshold)
            {
                Redraw(work, stream, lanes, source, target, draw, Math.Min(perBlock, count - draw), words);
            }
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
                int rejected = (CountPart * work.Capacity) + work.Get(target + draw + k);
                work.Set(rejected, work.Get(rejected) - 1);
                Put(work, target + draw + k, source + index);
            }
        }
    }

    private static void Put(Workspace work, int place, int source)
    {
        int number = work.Get(source);
        work.Set(place, number);
        int count = (CountPart * work.Capacity) + number;
        work.Set(count, work.Get(count) + 1);
    }

    /// <summary>Numbers the tokens of the training set before the launch.</summary>
    /// <returns>How many there are.</returns>
    private static int Load(BatchSettings settings, ContextBatch batch, Workspace work, int context, int size)
    {
        long stride = (batch.SetOffsets[context + 1] - batch.SetOffsets[context]) / settings.Slots;
        long set = batch.SetOffsets[context] + ((settings.FirstGeneration - 1) % settings.Slots * stride);
        int slots = (Parts - 1) * settings.Capacity;
        Clear(work, TargetPart * settings.Capacity, slots);
        int numbers = 0;
        for (int i = 0; i < size; i++)
        {
            int token = batch.Sets[set + i];
            int place = Find(work, token, slots, out int number);
            if (number < 0)
            {
                number = numbers++;
                work.Set((TargetPart * work.Capacity) + place, numbers);
                work.SetTable(0, number, token);
                work.SetTable(FirstTableNumber, number, TokenTable.First(settings, batch, context, token));
                work.SetTable(HeldTableNumber, number, TokenTable.HeldOut(settings, batch, context, token));
            }

            work.Set((SourcePart * work.Capacity) + i, number);
        }

        Clear(work, CountPart * settings.Capacity, settings.Capacity);
        return numbers;
    }

    /// <summary>The slot of a token, and its number, or -1 where the slot is free.</summary>
    private static int Find(Workspace work, int token, int slots, out int number)
    {
        int slot = (int)(((ulong)((uint)token * Philox.Weyl0) * (uint)slots) >> 32);
        number = work.Get((TargetPart * work.Capacity) + slot) - 1;
        while (number >= 0 && work.GetTable(0, number) != token)
        {
            slot = slot + 1 < slots ? slot + 1 : 0;
            number = work.Get((TargetPart * work.Capacity) + slot) - 1;
        }

        return slot;
    }

    /// <summary>Gives the tokens that are alive new numbers, so that there are no others; clears all counts.</summary>
    /// <returns>How many there are now.</returns>
    private static int GiveUpNumbers(Workspace work, int set, int size, int numbers)
    {
        int counts = CountPart * work.Capacity;
        int left = 0;
        for (int i = 0; i < numbers; i++)
        {
            if (work.Get(counts + i) > 0)
            {
                // A new number is never above the old one, so that nothing is overwritten unread.
                for (int table = 0; table < Tables; table++)
                {
                    work.SetTable(table, left, work.GetTable(table, i));
                }

                work.Set(counts + i, left++);
            }
        }

        for (int i = 0; i < size; i++)
        {
            work.Set(set + i, work.Get(counts + work.Get(set + i)));
        }

        Clear(work, counts, numbers);
        return left;
    }

    private static void Clear(Workspace work, int start, int count)
    {
        for (int i = 0; i < count; i++)
        {
            work.Set(start + i, 0);
        }
    }

    /// <summary>Writes the training set that the next launch reads back as tokens.</summary>
    private static void Save(
        BatchSettings settings,
        ContextBatch batch,
        Workspace work,
        int context,
        int source,
        int size
    )
    {
        int slot = (settings.FirstGeneration + settings.Generations - 1) % settings.Slots;
        long stride = (batch.SetOffsets[context + 1] - batch.SetOffsets[context]) / settings.Slots;
        long set = batch.SetOffsets[context] + (slot * stride);
        batch.SetSizes[((long)context * settings.Slots) + slot] = size;
        for (int i = 0; i < size; i++)
        {
            batch.Sets[set + i] = work.GetTable(0, work.Get(source + i));
        }
    }
}
