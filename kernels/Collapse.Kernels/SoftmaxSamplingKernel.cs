using ILGPU;

namespace Collapse.Kernels;

/// <summary>
/// The device code that draws tokens from rows of logits: one group works on one row at a time, adds up the units of
/// <see cref="SoftmaxDraw"/> and makes the row's draws. All sums are of integers and the weights have the same bits
/// everywhere, so that any device draws what the CPU draws.
/// </summary>
public static class SoftmaxSamplingKernel
{
    /// <summary>Most threads of a group.</summary>
    public const int MaxGroupSize = 256;

    private const int None = int.MaxValue;
    private const uint PlusInfinity = 0x7F800000;

    /// <summary>One row and its places in the work space.</summary>
    private struct Row
    {
        public long Logits;
        public long Columns;
        public long Blocks;
        public float Largest;
        public long UnitSum;
        public DrawStream Draws;
        public DrawStream Rests;
    }

    /// <summary>Draws from every row.</summary>
    /// <remarks>Explicitly grouped, at most <see cref="MaxGroupSize"/> threads a group. Barriers stand where all threads pass.</remarks>
    public static void Sample(SoftmaxSettings settings, SoftmaxBatch batch)
    {
        ArrayView<int> found = SharedMemory.Allocate<int>(2);
        ArrayView<long> sums = SharedMemory.Allocate<long>(MaxGroupSize);
        for (int number = Grid.IdxX; number < settings.Rows; number += Grid.DimX)
        {
            Row row = default;
            row.Logits = (long)number * settings.Tokens;
            row.Columns = (long)Grid.IdxX * settings.Blocks * SoftmaxDraw.Columns;
            row.Blocks = (long)Grid.IdxX * settings.Blocks;
            uint context = settings.FirstContext + (uint)number;
            row.Draws = new DrawStream(
                settings.Seed,
                context,
                settings.Generation,
                settings.Segment,
                DrawPurpose.Logits
            );
            row.Rests = new DrawStream(
                settings.Seed,
                context,
                settings.Generation,
                settings.Segment,
                DrawPurpose.LogitRest
            );
            FindLargest(settings, batch, row.Logits, found);
            int refused = found[1];
            row.Largest = FromKey(found[0]);
            Group.Barrier();
            if (Group.IdxX == 0)
            {
                batch.Refused[number] = refused == None ? -1 : refused;
            }

            if (refused == None)
            {
                AddColumns(settings, batch, row);
                Group.Barrier();
                row.UnitSum = AddBlocks(settings, batch, row, sums);
                Draw(settings, batch, row, batch.DrawOffsets[number], batch.DrawOffsets[number + 1]);
            }

            Group.Barrier();
        }
    }

    /// <summary>Order-preserving integers, and back: the same map.</summary>
    private static int Key(int bits) => bits ^ ((bits >> 31) & 0x7FFFFFFF);

    private static float FromKey(int key) => Interop.IntAsFloat((uint)Key(key));

    private static void FindLargest(SoftmaxSettings settings, SoftmaxBatch batch, long start, ArrayView<int> found)
    {
        int lowest = Key(unchecked((int)0xFF800000));
        if (Group.IdxX == 0)
        {
            found[0] = lowest;
            found[1] = None;
        }

        Group.Barrier();
        int largest = lowest;
        int refused = None;
        for (int i = Group.IdxX; i < settings.Tokens; i += Group.DimX)
        {
            uint bits = Interop.FloatAsInt(batch.Logits[start + i]);
            bool isRefused = (bits & 0x7FFFFFFF) > PlusInfinity || bits == PlusInfinity;
            refused = isRefused ? Math.Min(refused, i) : refused;
            largest = Math.Max(largest, Key((int)bits));
        }

        Atomic.Max(ref found[0], largest);
        Atomic.Min(ref found[1], refused);
        Group.Barrier();
        if (Group.IdxX == 0 && found[1] == None && found[0] == lowest)
        {
            found[1] = settings.Tokens;
        }

        Group.Barrier();
    }

    private static uint Units(SoftmaxSettings settings, SoftmaxBatch batch, Row row, long token)
    {
        if (token >= settings.Tokens)
        {
            return 0;
        }

        float difference = batch.Logits[row.Logits + token] - row.Largest;
        uint mantissa = SoftmaxWeight.Mantissa(difference, settings.Scale, out int shift);
        return SoftmaxWeight.Units(mantissa, shift);
    }

    private static void AddColumns(SoftmaxSettings settings, SoftmaxBatch batch, Row row)
    {
        long columns = (long)settings.Blocks * SoftmaxDraw.Columns;
        for (long i = Group.IdxX; i < columns; i += Group.DimX)
        {
            long first = FirstToken(i);
            uint sum = 0;
            for (int line = 0; line < SoftmaxDraw.Lines; line++)
            {
                sum += Units(settings, batch, row, first + line * SoftmaxDraw.Columns);
            }

            batch.ColumnSums[row.Columns + i] = sum;
        }
    }

    /// <summary>The token of the first line of a column.</summary>
    private static long FirstToken(long column) =>
        column / SoftmaxDraw.Columns * SoftmaxDraw.BlockTokens + column % SoftmaxDraw.Columns;

    /// <summary>Makes the ends of blocks, each thread those of a run of blocks, and tells the last end.</summary>
    private static long AddBlocks(SoftmaxSettings settings, SoftmaxBatch batch, Row row, ArrayView<long> sums)
    {
        int run = (settings.Blocks + Group.DimX - 1) / Group.DimX;
        int first = Math.Min(Group.IdxX * run, settings.Blocks);
        int last = Math.Min(first + run, settings.Blocks);
        long end = 0;
        for (int b = first; b < last; b++)
        {
            for (int column = 0; column < SoftmaxDraw.Columns; column++)
            {
                end += batch.ColumnSums[row.Columns + (long)b * SoftmaxDraw.Columns + column];
            }

            batch.BlockEnds[row.Blocks + b] = end;
        }

        sums[Group.IdxX] = end;
        Group.Barrier();
        long before = 0;
        long all = 0;
        for (int thread = 0; thread < Group.DimX; thread++)
        {
            before += thread < Group.IdxX ? sums[thread] : 0;
            all += sums[thread];
        }

        for (int b = first; b < last; b++)
        {
            batch.BlockEnds[row.Blocks + b] += before;
        }

        Group.Barrier();
        return all;
    }

    private static void Draw(SoftmaxSettings settings, SoftmaxBatch batch, Row row, long start, long end)
    {
        ulong bound = (ulong)row.UnitSum + (ulong)settings.Tokens;
        ulong threshold = SoftmaxDraw.Threshold(bound);
        for (long d = Group.IdxX * 2L; d < end - start; d += Group.DimX * 2L)
        {
            PhiloxBlock words = row.Draws.Block((uint)(d / 2), 0);
            ulong lane = words.X0 | ((ulong)words.X1 << 32);
            batch.Drawn[start + d] = Token(settings, batch, row, (uint)d, lane, bound, threshold);
            if (d + 1 < end - start)
            {
                lane = words.X2 | ((ulong)words.X3 << 32);
                batch.Drawn[start + d + 1] = Token(settings, batch, row, (uint)d + 1, lane, bound, threshold);
            }
        }
    }

    private static int Token(
        SoftmaxSettings settings,
        SoftmaxBatch batch,
        Row row,
        uint draw,
        ulong lane,
        ulong bound,
        ulong threshold
    )
    {
        ulong u = 0;
        for (uint attempt = 0; attempt < SoftmaxDraw.Tries; attempt++)
        {
            ulong tried = attempt == 0 ? lane : SoftmaxDraw.Lane(row.Draws, draw, attempt);
            u = SoftmaxDraw.Multiply(tried, bound, out ulong low);
            if (low >= threshold)
            {
                if (u < (ulong)row.UnitSum)
                {
                    return Locate(settings, batch, row, (long)u);
                }

                int token = (int)(u - (ulong)row.UnitSum);
                float difference = batch.Logits[row.Logits + token] - row.Largest;
                uint mantissa = SoftmaxWeight.Mantissa(difference, settings.Scale, out int shift);
                PhiloxBlock bits = SoftmaxDraw.BlockOf(row.Rests, draw, attempt);
                if (SoftmaxDraw.Accepts(SoftmaxWeight.Rest(mantissa, shift), shift, bits))
                {
                    return token;
                }
            }
        }

        return Locate(settings, batch, row, (long)(u % (ulong)row.UnitSum));
    }

    private static int Locate(SoftmaxSettings settings, SoftmaxBatch batch, Row row, long u)
    {
        int block = 0;
        int above = settings.Blocks - 1;
        while (block < above)
        {
            int middle = (block + above) / 2;
            bool isBelow = batch.BlockEnds[row.Blocks + middle] <= u;
            block = isBelow ? middle + 1 : block;
            above = isBelow ? above : middle;
        }

        if (block > 0)
        {
            u -= batch.BlockEnds[row.Blocks + block - 1];
        }

        long column = (long)block * SoftmaxDraw.Columns;
        for (uint sum = batch.ColumnSums[row.Columns + column]; sum <= u; )
        {
            u -= sum;
            column++;
            sum = batch.ColumnSums[row.Columns + column];
        }

        long token = FirstToken(column);
        for (uint units = Units(settings, batch, row, token); units <= u; )
        {
            u -= units;
            token += SoftmaxDraw.Columns;
            units = Units(settings, batch, row, token);
        }

        return (int)token;
    }
}
