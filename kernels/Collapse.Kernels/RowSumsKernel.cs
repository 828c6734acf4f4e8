using ILGPU;

namespace Collapse.Kernels;

/// <summary>What <see cref="RowSumsKernel"/> is told besides the launch whose rows it adds.</summary>
public struct RowSumsSettings
{
    /// <summary>2^-bits of the fixed-point logarithms.</summary>
    public double LogUnit;

    /// <summary>1/Q of an explicit truth.</summary>
    public double TruthUnit;

    /// <summary>Groups that share the contexts of one generation and part.</summary>
    public int Slices;
}

/// <summary>
/// What <see cref="RowSumsKernel"/> reads of a <see cref="ContextBatch"/>: the whole of it, two more views and the
/// settings would be longer than the 1,024 bytes of parameters that OpenCL promises.
/// </summary>
public struct RowBatch
{
    /// <summary><see cref="ContextBatch.Samples"/>.</summary>
    public ArrayView<int> Samples;

    /// <summary><see cref="ContextBatch.Real"/>.</summary>
    public ArrayView<int> Real;

    /// <summary><see cref="ContextBatch.FirstSizes"/>.</summary>
    public ArrayView<int> FirstSizes;

    /// <summary><see cref="ContextBatch.LeftAt"/>.</summary>
    public ArrayView<int> LeftAt;

    /// <summary><see cref="ContextBatch.RecipeOf"/>.</summary>
    public ArrayView<int> RecipeOf;

    /// <summary><see cref="ContextBatch.RowOf"/>.</summary>
    public ArrayView<int> RowOf;

    /// <summary><see cref="ContextBatch.RecipeOffsets"/>.</summary>
    public ArrayView<int> RecipeOffsets;

    /// <summary><see cref="ContextBatch.Segments"/>.</summary>
    public ArrayView<Segment> Segments;

    /// <summary><see cref="ContextBatch.Logs"/>.</summary>
    public ArrayView<long> Logs;

    /// <summary><see cref="ContextBatch.Rows"/>.</summary>
    public ArrayView<long> Rows;

    /// <summary>The part of a batch.</summary>
    public static RowBatch Of(ContextBatch batch) =>
        new()
        {
            Samples = batch.Samples,
            Real = batch.Real,
            FirstSizes = batch.FirstSizes,
            LeftAt = batch.LeftAt,
            RecipeOf = batch.RecipeOf,
            RowOf = batch.RowOf,
            RecipeOffsets = batch.RecipeOffsets,
            Segments = batch.Segments,
            Logs = batch.Logs,
            Rows = batch.Rows,
        };
}

/// <summary>
/// Adds the rows of a launch over contexts, on the device: sums, squares, extremes and quantile bins of each
/// observable in fixed point, and the digest. All are sums and maxima of integers, so that their order is free.
/// </summary>
public static class RowSumsKernel
{
    /// <summary>Observables, one part each, in the order of the results; then the part of everything else.</summary>
    public const int Observables = 7;

    /// <summary>Parts of a generation.</summary>
    public const int Parts = Observables + 1;

    /// <summary>64-bit numbers of a part.</summary>
    public const int PartLength = 12;

    /// <summary>The most threads of a group.</summary>
    public const int LargestGroup = 64;

    /// <summary>Of an observable: number of values.</summary>
    public const int Count = 0;

    /// <summary>Sums of the low and of the high 32 bits of values.</summary>
    public const int Sum = 1;

    /// <summary>Sums of the four 32-bit limbs of squares.</summary>
    public const int Squares = 3;

    /// <summary>Sums of the three 32-bit limbs of values times weights.</summary>
    public const int Weighted = 7;

    /// <summary>The largest value.</summary>
    public const int Max = 10;

    /// <summary>2^63 - 1 less the smallest value.</summary>
    public const int MaxBelow = 11;

    /// <summary>Of the last part: contexts.</summary>
    public const int Contexts = 0;

    /// <summary>Contexts with max = 1.</summary>
    public const int Collapsed = 1;

    /// <summary>Sum of the weights.</summary>
    public const int Weights = 2;

    /// <summary>Sums of the low 32 bits and of the rest of the held-out negative logarithms.</summary>
    public const int HeldOutLog = 3;

    /// <summary>Held-out transitions whose token is present.</summary>
    public const int HeldOutCovered = 5;

    /// <summary>The digest.</summary>
    public const int Digest = 6;

    private const int L1FromTruth = 5;
    private const long LowWord = 0xFFFFFFFF;
    private const int MaximaOfObservable = (1 << Max) | (1 << MaxBelow);

    /// <summary>Adds the rows of every reported generation of a launch.</summary>
    /// <remarks>Explicitly grouped: at most <see cref="LargestGroup"/> threads, a group for each generation, part and slice.</remarks>
    /// <param name="settings">The launch.</param>
    /// <param name="rowSettings">Units and slices.</param>
    /// <param name="batch">The device memory, after the launch.</param>
    /// <param name="sums">Reported × <see cref="Parts"/> × <see cref="PartLength"/> numbers, 0 at first.</param>
    /// <param name="bins">Reported × <see cref="Observables"/> × <see cref="SketchBins.Count"/> numbers, 0 at first.</param>
    public static void Add(
        BatchSettings settings,
        RowSumsSettings rowSettings,
        RowBatch batch,
        ArrayView<long> sums,
        ArrayView<int> bins
    )
    {
        ArrayView<long> partials = SharedMemory.Allocate<long>(LargestGroup * PartLength);
        int slice = Grid.IdxX % rowSettings.Slices;
        int cell = Grid.IdxX / rowSettings.Slices;
        int part = cell % Parts;
        int row = cell / Parts;
        int step = StepOf(settings, batch, row);
        int lane = Group.IdxX * PartLength;
        for (int i = 0; i < PartLength; i++)
        {
            partials[lane + i] = 0;
        }

        int generation = settings.FirstGeneration + step;
        for (
            int context = (slice * Group.DimX) + Group.IdxX;
            context < settings.Contexts;
            context += rowSettings.Slices * Group.DimX
        )
        {
            int left = batch.LeftAt[context];
            if (left != 0 && left < generation)
            {
                continue;
            }

            int size = SizeOf(batch, batch.RecipeOf[step], context);
            if (part == Observables)
            {
                AddRow(settings, batch, row, context, generation, size, partials, lane);
            }
            else if (part != L1FromTruth || settings.TruthColumns != 0)
            {
                long value = Value(settings, rowSettings, batch, part, row, context, size);
                AddValue(partials, lane, value, settings.TruthColumns == 0 ? batch.Real[context] : 1);
                long first = ((long)row * Observables + part) * SketchBins.Count;
                Atomic.Add(ref bins[first + SketchBins.Bin(value)], 1);
            }
        }

        int maxima = part == Observables ? 0 : MaximaOfObservable;
        Group.Barrier();
        GroupSums.AddLanes(partials, Group.DimX, PartLength, maxima);
        Group.Barrier();
        for (int i = Group.IdxX; i < PartLength; i += Group.DimX)
        {
            long total = GroupSums.Total(partials, Group.DimX, PartLength, maxima, i);
            long place = ((long)cell * PartLength) + i;
            if (((maxima >> i) & 1) != 0)
            {
                Atomic.Max(ref sums[place], total);
            }
            else
            {
                Atomic.Add(ref sums[place], total);
            }
        }
    }

    private static int StepOf(BatchSettings settings, RowBatch batch, int row)
    {
        int step = 0;
        while (step < settings.Generations - 1 && batch.RowOf[step] != row)
        {
            step++;
        }

        return step;
    }

    private static int SizeOf(RowBatch batch, int recipe, int context)
    {
        int size = 0;
        for (int i = batch.RecipeOffsets[recipe]; i < batch.RecipeOffsets[recipe + 1]; i++)
        {
            Segment segment = batch.Segments[i];
            size += segment.Size(batch.Samples[context], batch.Real[context]);
        }

        return size;
    }

    private static long Field(BatchSettings settings, RowBatch batch, int row, int context, int field) =>
        batch.Rows[((long)row * ObservableRow.Length + field) * settings.Contexts + context];

    /// <summary>An observable in fixed point.</summary>
    private static long Value(
        BatchSettings settings,
        RowSumsSettings rowSettings,
        RowBatch batch,
        int part,
        int row,
        int context,
        int size
    )
    {
        // Part and place in the row are the same but for the entropy's, which also needs the largest count.
        long field = Field(settings, batch, row, context, part);
        int firstSize = batch.FirstSizes[context];
        switch (part)
        {
            case 0:
                return Probability(ObservableValue.SumOfSquares(field, size));
            case 1:
                return Probability(ObservableValue.MaxProbability(ObservableRow.Count(field), size));
            case 2:
                return field;
            case 3:
                int largest = ObservableRow.Count(Field(settings, batch, row, context, ObservableRow.MaxAndToken));
                long logs = (size * ContextRows.Ln(batch.Logs, size)) - field;
                double entropy = ObservableValue.Entropy(logs, largest, size, rowSettings.LogUnit);
                return ObservableValue.ToFixed(entropy, 1L << ObservableValue.EntropyBits);
            case 4:
                return Probability(ObservableValue.L1FromFirst(field, size, firstSize));
            case L1FromTruth:
                return Probability(ObservableValue.L1FromTruth(field, size, rowSettings.TruthUnit));
            default:
                double unit = settings.TruthColumns == 0 ? 1.0 / firstSize : rowSettings.TruthUnit;
                return Probability(ObservableValue.UnseenMass(field, unit));
        }
    }

    private static long Probability(double value) =>
        ObservableValue.ToFixed(value, 1L << ObservableValue.ProbabilityBits);

    private static void AddValue(ArrayView<long> partials, int lane, long value, long weight)
    {
        long low = value & LowWord;
        long high = value >> 32;
        partials[lane + Count] += 1;
        partials[lane + Sum] += low;
        partials[lane + Sum + 1] += high;

        // low² + 2·low·high·2^32 + high²·2^64, of which the middle term has up to 95 bits.
        ulong square = (ulong)low * (ulong)low;
        ulong middle = (ulong)low * (ulong)high;
        ulong carry = (square >> 32) + ((middle << 1) & LowWord);
        ulong top = ((ulong)high * (ulong)high) + (middle >> 31) + (carry >> 32);
        partials[lane + Squares] += (long)(square & LowWord);
        partials[lane + Squares + 1] += (long)(carry & LowWord);
        partials[lane + Squares + 2] += (long)(top & LowWord);
        partials[lane + Squares + 3] += (long)(top >> 32);

        long lowProduct = low * weight;
        long highProduct = high * weight;
        partials[lane + Weighted] += lowProduct & LowWord;
        partials[lane + Weighted + 1] += (lowProduct >> 32) + (highProduct & LowWord);
        partials[lane + Weighted + 2] += highProduct >> 32;
        partials[lane + Max] = Math.Max(partials[lane + Max], value);
        partials[lane + MaxBelow] = Math.Max(partials[lane + MaxBelow], long.MaxValue - value);
    }

    private static void AddRow(
        BatchSettings settings,
        RowBatch batch,
        int row,
        int context,
        int generation,
        int size,
        ArrayView<long> partials,
        int lane
    )
    {
        long max = Field(settings, batch, row, context, ObservableRow.MaxAndToken);
        long covered = Field(settings, batch, row, context, ObservableRow.HeldOutCovered);
        long heldOut =
            (covered * ContextRows.Ln(batch.Logs, size))
            - Field(settings, batch, row, context, ObservableRow.HeldOutLog);
        partials[lane + Contexts] += 1;
        partials[lane + Collapsed] += ObservableRow.Count(max) == size ? 1 : 0;
        partials[lane + Weights] += settings.TruthColumns == 0 ? batch.Real[context] : 1;
        partials[lane + HeldOutLog] += heldOut & LowWord;
        partials[lane + HeldOutLog + 1] += heldOut >> 32;
        partials[lane + HeldOutCovered] += covered;
        partials[lane + Digest] += (long)
            RowDigest.Share(
                settings.FirstContext + (uint)context,
                generation,
                size,
                Field(settings, batch, row, context, ObservableRow.SumOfSquares),
                max,
                Field(settings, batch, row, context, ObservableRow.Support),
                Field(settings, batch, row, context, ObservableRow.L1FromFirst),
                Field(settings, batch, row, context, ObservableRow.Hash)
            );
    }
}
