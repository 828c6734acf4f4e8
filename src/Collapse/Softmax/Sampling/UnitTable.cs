using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Collapse.Engines.Cpu;
using Collapse.Kernels;

namespace Collapse.Softmax.Sampling;

/// <summary>
/// The units of <see cref="SoftmaxDraw"/> of one row, added up while the weights are made, and the search for the
/// token whose units hold a place: among the ends of blocks, of the columns of one block and of the lines of one
/// column, or at once among those of all columns where many places are to be found. No step of it depends on what is
/// found, so that no branch is mispredicted.
/// </summary>
/// <typeparam name="TLanes">The vector width.</typeparam>
internal sealed class UnitTable<TLanes>
    where TLanes : unmanaged, ISoftmaxLanes<TLanes>
{
    // Ends of columns start a cache line after a line of zeros: the last of them is where the first column starts.
    private const int FirstColumn = 8;

    private readonly EndGuide _guide = new();
    private readonly float[] _last = new float[SoftmaxDraw.BlockTokens];
    private readonly AlignedBuffer<uint> _lineEnds = new();
    private readonly AlignedBuffer<long> _columnEnds = new();
    private readonly AlignedBuffer<long> _blockEnds = new();
    private bool _isByColumn;

    /// <summary>U, the sum of all units.</summary>
    public ulong UnitSum { get; private set; }

    /// <summary>The end of the first column.</summary>
    private ref long Column => ref Unsafe.Add(ref _columnEnds.First, FirstColumn);

    /// <summary>Makes the units of a row.</summary>
    /// <param name="logits">Its logits.</param>
    /// <param name="largest">The largest logit, of weight 1.</param>
    /// <param name="scale">The scale of the temperature.</param>
    /// <param name="next">Logits that are wanted next, at least as many, or none: they are brought near meanwhile.</param>
    /// <param name="isByColumn">Whether so many places will be found that a guide to all columns pays.</param>
    public void Build(
        ReadOnlySpan<float> logits,
        float largest,
        SoftmaxScale scale,
        ReadOnlySpan<float> next,
        bool isByColumn
    )
    {
        int blocks = (int)(((long)logits.Length + SoftmaxDraw.BlockTokens - 1) / SoftmaxDraw.BlockTokens);
        _lineEnds.Reserve(checked(blocks * SoftmaxDraw.BlockTokens));
        _columnEnds.Reserve(checked((blocks * SoftmaxDraw.Columns) + FirstColumn + EndGuide.Padding));
        Span<long> blockEnds = _blockEnds.Reserve(blocks + EndGuide.Padding);
        int whole = logits.Length / SoftmaxDraw.BlockTokens;
        long end = AddBlocks(logits, next, 0, whole, 0, blockEnds, largest, scale);
        if (whole < blocks)
        {
            _last.AsSpan().Fill(float.NegativeInfinity);
            logits[(whole * SoftmaxDraw.BlockTokens)..].CopyTo(_last);
            end = AddBlocks(_last, default, whole, 1, end, blockEnds[whole..], largest, scale);
        }

        UnitSum = (ulong)end;
        _isByColumn = isByColumn;
        if (isByColumn)
        {
            _guide.Build(ref Column, blocks * SoftmaxDraw.Columns);
        }
        else
        {
            _guide.Build(ref _blockEnds.First, blocks);
        }
    }

    /// <summary>Finds the tokens whose units hold places.</summary>
    /// <param name="places">Places, 0 to <see cref="UnitSum"/> - 1; they are lost.</param>
    /// <param name="tokens">Receives as many tokens.</param>
    public void Find(Span<ulong> places, Span<int> tokens)
    {
        // A loop for each step: a processor that need not look far ahead has the reads of many draws under way.
        ref ulong place = ref MemoryMarshal.GetReference(places);
        ref int found = ref MemoryMarshal.GetReference(tokens);
        ref long columnEnds = ref Column;
        ref uint lineEnds = ref _lineEnds.First;
        if (_isByColumn)
        {
            EndGuide.Search search = _guide.Start(ref columnEnds);
            for (int d = 0; d < places.Length; d++)
            {
                uint column = search.Find<TLanes>((long)Unsafe.Add(ref place, d));
                Unsafe.Add(ref place, d) -= StartOf(ref columnEnds, column);
                Unsafe.Add(ref found, d) = (int)column;
            }
        }
        else
        {
            EndGuide.Search search = _guide.Start(ref _blockEnds.First);
            for (int d = 0; d < places.Length; d++)
            {
                Unsafe.Add(ref found, d) = (int)search.Find<TLanes>((long)Unsafe.Add(ref place, d));
            }

            for (int d = 0; d < places.Length; d++)
            {
                uint column = FindColumn(ref columnEnds, (uint)Unsafe.Add(ref found, d), Unsafe.Add(ref place, d));
                Unsafe.Add(ref place, d) -= StartOf(ref columnEnds, column);
                Unsafe.Add(ref found, d) = (int)column;
            }
        }

        for (int d = 0; d < places.Length; d++)
        {
            uint column = (uint)Unsafe.Add(ref found, d);
            Unsafe.Add(ref found, d) = FindToken(ref lineEnds, column, (uint)Unsafe.Add(ref place, d));
        }
    }

    /// <summary>The token whose units hold a place.</summary>
    public int Find(ulong place)
    {
        uint column = _isByColumn
            ? _guide.Start(ref Column).Find<TLanes>((long)place)
            : FindColumn(ref Column, _guide.Start(ref _blockEnds.First).Find<TLanes>((long)place), place);
        return FindToken(ref _lineEnds.First, column, (uint)(place - StartOf(ref Column, column)));
    }

    /// <summary>The column, of those of all blocks, that holds a place of a block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint FindColumn(ref long columnEnds, uint block, ulong place)
    {
        uint first = block * SoftmaxDraw.Columns;
        return first + (uint)TLanes.CountNotAbove(ref Unsafe.Add(ref columnEnds, first), (long)place);
    }

    /// <summary>Where a column's units start: where those of the one before end.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong StartOf(ref long columnEnds, uint column) =>
        (ulong)Unsafe.Add(ref columnEnds, (nint)column - 1);

    /// <summary>The token of a column whose units hold a place of the column.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int FindToken(ref uint lineEnds, uint column, uint place)
    {
        uint inBlock = column % SoftmaxDraw.Columns;
        uint first = (column - inBlock) * SoftmaxDraw.Lines;
        int line = TLanes.CountLines(ref Unsafe.Add(ref lineEnds, first), inBlock, place);
        return (int)(first + inBlock) + (line * SoftmaxDraw.Columns);
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

        ref long columnEnd = ref Unsafe.Add(ref Column, (nint)firstBlock * SoftmaxDraw.Columns);
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
