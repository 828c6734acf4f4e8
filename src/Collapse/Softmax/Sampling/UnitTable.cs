using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Collapse.Kernels;

namespace Collapse.Softmax.Sampling;

/// <summary>
/// The units of <see cref="SoftmaxDraw"/> of one row, added up while the weights are made, and the search for the
/// token whose units hold a place: among the ends of blocks, of the columns of one block and of the lines of one
/// column. No step of it depends on what is found, so that no branch is mispredicted.
/// </summary>
/// <typeparam name="TLanes">The vector width.</typeparam>
internal sealed class UnitTable<TLanes>
    where TLanes : unmanaged, ISoftmaxLanes<TLanes>
{
    // Ends of columns start a cache line after a line of zeros: the last of them is where the first column starts.
    private const int FirstColumn = 8;

    private readonly BlockGuide _guide = new();
    private readonly float[] _last = new float[SoftmaxDraw.BlockTokens];
    private readonly AlignedBuffer<uint> _lineEnds = new();
    private readonly AlignedBuffer<long> _columnEnds = new();

    /// <summary>U, the sum of all units.</summary>
    public ulong UnitSum { get; private set; }

    /// <summary>Makes the units of a row.</summary>
    /// <param name="logits">Its logits.</param>
    /// <param name="largest">The largest logit, of weight 1.</param>
    /// <param name="scale">The scale of the temperature.</param>
    /// <param name="next">Logits that are wanted next, at least as many, or none: they are brought near meanwhile.</param>
    public void Build(ReadOnlySpan<float> logits, float largest, SoftmaxScale scale, ReadOnlySpan<float> next)
    {
        int blocks = (int)(((long)logits.Length + SoftmaxDraw.BlockTokens - 1) / SoftmaxDraw.BlockTokens);
        _lineEnds.Reserve(checked(blocks * SoftmaxDraw.BlockTokens));
        _columnEnds.Reserve((blocks * SoftmaxDraw.Columns) + FirstColumn);
        Span<long> blockEnds = _guide.Reserve(blocks);
        int whole = logits.Length / SoftmaxDraw.BlockTokens;
        long end = AddBlocks(logits, next, 0, whole, 0, blockEnds, largest, scale);
        if (whole < blocks)
        {
            _last.AsSpan().Fill(float.NegativeInfinity);
            logits[(whole * SoftmaxDraw.BlockTokens)..].CopyTo(_last);
            end = AddBlocks(_last, default, whole, 1, end, blockEnds[whole..], largest, scale);
        }

        UnitSum = (ulong)end;
        _guide.Build(blocks);
    }

    /// <summary>Finds the tokens whose units hold places.</summary>
    /// <param name="places">Places, 0 to <see cref="UnitSum"/> - 1; they are lost.</param>
    /// <param name="tokens">Receives as many tokens.</param>
    public void Find(Span<ulong> places, Span<int> tokens)
    {
        // A loop for each step: a processor that need not look far ahead has the reads of many draws under way.
        ref ulong place = ref MemoryMarshal.GetReference(places);
        ref int found = ref MemoryMarshal.GetReference(tokens);
        ref long columnEnds = ref _columnEnds.First;
        ref uint lineEnds = ref _lineEnds.First;
        BlockGuide.Search search = _guide.Start();
        for (int d = 0; d < places.Length; d++)
        {
            Unsafe.Add(ref found, d) = search.Find<TLanes>((long)Unsafe.Add(ref place, d));
        }

        for (int d = 0; d < places.Length; d++)
        {
            ref int token = ref Unsafe.Add(ref found, d);
            token = FindColumn(ref columnEnds, token, ref Unsafe.Add(ref place, d));
        }

        for (int d = 0; d < places.Length; d++)
        {
            ref int token = ref Unsafe.Add(ref found, d);
            token = FindLine(ref lineEnds, token, (uint)Unsafe.Add(ref place, d));
        }
    }

    /// <summary>The token whose units hold a place.</summary>
    public int Find(ulong place)
    {
        int block = _guide.Start().Find<TLanes>((long)place);
        int token = FindColumn(ref _columnEnds.First, block, ref place);
        return FindLine(ref _lineEnds.First, token, (uint)place);
    }

    /// <summary>The first token of the column of a block whose units hold a place, which becomes one of the column.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int FindColumn(ref long columnEnds, int block, ref ulong place)
    {
        ref long ends = ref Unsafe.Add(ref columnEnds, (block * SoftmaxDraw.Columns) + FirstColumn);
        int column = TLanes.CountNotAbove(ref ends, (long)place);
        place -= (ulong)Unsafe.Add(ref ends, column - 1);
        return (block * SoftmaxDraw.BlockTokens) + column;
    }

    /// <summary>The token of a column whose units hold a place, of the column's first token.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int FindLine(ref uint lineEnds, int token, uint place)
    {
        int column = token % SoftmaxDraw.BlockTokens;
        ref uint block = ref Unsafe.Add(ref lineEnds, token - column);
        return token + (TLanes.CountLines(ref block, column, place) * SoftmaxDraw.Columns);
    }

    /// <summary>Adds up blocks, whose units start at <paramref name="end"/>, and tells where they end.</summary>
    /// <remarks>Calls nothing, so that constants stay in registers.</remarks>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private long AddBlocks(
        ReadOnlySpan<float> logits,
        ReadOnlySpan<float> next,
        int firstBlock,
        int blocks,
        long end,
        Span<long> blockEnds,
        float largest,
        SoftmaxScale scale
    )
    {
        ref float logit = ref MemoryMarshal.GetReference(logits);
        ref float coming = ref MemoryMarshal.GetReference(next);
        ref uint lineEnd = ref Unsafe.Add(ref _lineEnds.First, (nint)firstBlock * SoftmaxDraw.BlockTokens);

        ref long columnEnd = ref Unsafe.Add(
            ref _columnEnds.First,
            ((nint)firstBlock * SoftmaxDraw.Columns) + FirstColumn
        );
        var weights = new WeightLanes<TLanes>(largest, scale);
        ref long blockEnd = ref MemoryMarshal.GetReference(blockEnds);
        for (int block = 0; block < blocks; block++)
        {
            for (nuint part = 0; part < SoftmaxDraw.Columns; part += (nuint)TLanes.Count)
            {
                TLanes a = TLanes.Load(ref logit, part);
                TLanes b = TLanes.Load(ref logit, part + SoftmaxDraw.Columns);
                TLanes c = TLanes.Load(ref logit, part + (2 * SoftmaxDraw.Columns));
                TLanes d = TLanes.Load(ref logit, part + (3 * SoftmaxDraw.Columns));
                weights.WeighFour(ref a, ref b, ref c, ref d);
                b = TLanes.AddIntegers(a, b);
                c = TLanes.AddIntegers(b, c);
                d = TLanes.AddIntegers(c, d);
                TLanes e = TLanes.Load(ref logit, part + (4 * SoftmaxDraw.Columns));
                TLanes f = TLanes.Load(ref logit, part + (5 * SoftmaxDraw.Columns));
                TLanes g = TLanes.Load(ref logit, part + (6 * SoftmaxDraw.Columns));
                TLanes h = TLanes.Load(ref logit, part + (7 * SoftmaxDraw.Columns));
                weights.WeighFour(ref e, ref f, ref g, ref h);
                e = TLanes.AddIntegers(d, e);
                f = TLanes.AddIntegers(e, f);
                g = TLanes.AddIntegers(f, g);
                h = TLanes.AddIntegers(g, h);
                TLanes.StoreLines(a, b, c, d, e, f, g, h, ref lineEnd, part);
                end = TLanes.AddUp(h, ref Unsafe.Add(ref columnEnd, part), end);
            }

            if (!next.IsEmpty)
            {
                Prefetch.Block(ref coming);
                coming = ref Unsafe.Add(ref coming, SoftmaxDraw.BlockTokens);
            }

            Unsafe.Add(ref blockEnd, block) = end;
            logit = ref Unsafe.Add(ref logit, SoftmaxDraw.BlockTokens);
            lineEnd = ref Unsafe.Add(ref lineEnd, SoftmaxDraw.BlockTokens);
            columnEnd = ref Unsafe.Add(ref columnEnd, SoftmaxDraw.Columns);
        }

        return end;
    }
}
