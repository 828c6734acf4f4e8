using System.Collections.Immutable;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Collapse.Kernels;
using Collapse.Model;
using Collapse.Priors;
using Collapse.Results;
using Collapse.Running;

namespace Collapse.Engines.Cpu;

/// <summary>What a worker of the CPU engine does, whatever its token and vector width.</summary>
internal interface IContextTrainer
{
    /// <summary>Draws looked up so far: those of the generations trained, and of lineages in those jumped over.</summary>
    long Lookups { get; }

    /// <summary>Trains one context of a chunk through all generations.</summary>
    void Train(Chunk chunk, int index, Recorder recorder, CancellationToken cancellation);
}

/// <summary>
/// Trains one context at a time. Training sets hold local token numbers (<see cref="LocalVocabulary"/>), so
/// that they stay small enough for the nearest cache and counting them is a plain table.
/// </summary>
/// <typeparam name="TToken">Holds a local number: <see cref="ushort"/> or <see cref="int"/>.</typeparam>
/// <typeparam name="TLanes">The vector width of the random numbers.</typeparam>
internal sealed class ContextTrainer<TToken, TLanes> : IContextTrainer
    where TToken : unmanaged, IBinaryInteger<TToken>
    where TLanes : unmanaged, IPhiloxLanes<TLanes>
{
    private readonly RunPlan _plan;
    private readonly LocalVocabulary _vocabulary = new();
    private readonly KeptSets<TToken> _sets;
    private readonly long[] _row = new long[ObservableRow.Length];
    private readonly TokenCounter<TToken> _counter = new();
    private readonly RandomLanes<TLanes> _random;
    private readonly ByteLookup _lookup = new();
    private readonly AncestralWalk<TLanes> _walk;
    private readonly CountedContext<TLanes> _counted;
    private readonly int _shortestJump;
    private TToken[] _real = [];
    private int[] _realCounts = [];
    private int _realKinds;
    private readonly AlignedBuffer<ulong> _lanes = new();
    private readonly AlignedBuffer<ulong> _moreLanes = new();
    private int[] _tokens = [];
    private bool _areDrawsCounted;
    private TToken[] _newNumbers = [];

    private ContextTruth? _truth;
    private uint _context;
    private int _samples;
    private int _realSize;
    private int _firstSize;
    private long _drawn;
    private long _trained;

    /// <summary>Creates the trainer of one worker.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="shortestJump">The fewest generations to jump over at once, where the schedule allows it.</param>
    public ContextTrainer(RunPlan plan, int shortestJump)
    {
        _plan = plan;
        _random = new RandomLanes<TLanes>(plan.Seed);
        _walk = new AncestralWalk<TLanes>(plan.Seed);
        _counted = new CountedContext<TLanes>(_random, plan.HalfBinomials);
        _shortestJump = plan.Schedule.IsChain && plan.Settings.Sampler == Sampler.Tokens ? shortestJump : int.MaxValue;
        _sets = new KeptSets<TToken>(plan.Schedule.Lookback + 1);
    }

    public long Lookups => _trained + _walk.Lookups;

    public void Train(Chunk chunk, int index, Recorder recorder, CancellationToken cancellation)
    {
        bool pureReal = Begin(chunk, index);
        int firstCounted = _plan.FirstCountedGeneration;
        int m = 0;
        int run = 0;
        int leftAt = 0;
        int report = 0;
        int collapsedBy = int.MaxValue;
        long tokens = 0;
        long told = 0;
        while (m < _plan.LastGeneration && leftAt == 0 && !cancellation.IsCancellationRequested)
        {
            int next = Next(m, _plan.Report[report], collapsedBy);
            _areDrawsCounted = false;
            if (next >= firstCounted)
            {
                TrainCounts(next);
            }
            else if (next == m + 1)
            {
                TrainGeneration(next, _plan.Report[report] == next);
            }
            else if (!TryJump(m, next, ref collapsedBy, cancellation))
            {
                continue;
            }

            ReadOnlySpan<TToken> set = _sets.Of(next);
            int size = set.Length;
            tokens += (long)(next - m) * size;
            m = next;
            if (m == 1)
            {
                CountFirst(set);
            }

            bool isCounted = m >= firstCounted;
            bool collapsed = isCounted ? _counted.Length == 1 : set[1..].IndexOfAnyExcept(set[0]) < 0;
            run = Absorption.ExtendRun(run, collapsed, m > 1 && set[0] == _sets.Of(m - 1)[0]);
            if (collapsed && chunk.Table.CollapseTime[index] == 0)
            {
                chunk.Table.CollapseTime[index] = m;
            }

            if (
                collapsed
                && (
                    _plan.Settings.UntilCollapse
                    || Absorption.IsAbsorbed(m, run, _plan.Schedule.Lookback, _plan.Schedule.LastRealUse, pureReal)
                )
            )
            {
                leftAt = m;
            }

            bool isReported = _plan.Report[report] == m;
            if (isReported || leftAt > 0)
            {
                Observe(isCounted ? _counted.Counts : CountsOf(m, set), size);
                if (isReported)
                {
                    recorder.Report(chunk.Table, index, report++, _row, size, _firstSize);
                }

                if (leftAt > 0)
                {
                    recorder.Leave(chunk.Table, index, m, _row, size, _firstSize);
                }

                if (!isCounted)
                {
                    Compact(m);
                }
            }

            if (tokens > 1_000_000)
            {
                chunk.Advance(_drawn, tokens);
                told += tokens;
                (tokens, _drawn) = (0, 0);
            }
        }

        long rest = leftAt > 0 ? (long)_plan.Schedule.TotalSize(_samples, _realSize) - told : tokens;
        chunk.Advance(_drawn, rest);
        _drawn = 0;
    }

    /// <summary>
    /// The generation to go to from m: the following one, or a farther one where a jump costs less. A jump ends
    /// at the next report, and goes no farther than n generations, in which most contexts do not collapse. One
    /// that found the context collapsed is halved, until the first such generation is near enough to be trained.
    /// </summary>
    private int Next(int m, int report, int collapsedBy)
    {
        if (m < 2 || _shortestJump == int.MaxValue)
        {
            return m + 1;
        }

        long far = Math.Min(report, m + (long)Math.Max(_sets.Of(m).Length, _shortestJump));
        far = collapsedBy == int.MaxValue ? far : Math.Min(far, m + ((collapsedBy - m) / 2));
        return far - m >= _shortestJump ? (int)far : m + 1;
    }

    /// <summary>
    /// Goes from generation m to a later one without training those between. Stays where it is if the context
    /// would be collapsed there, or if cancelled.
    /// </summary>
    private bool TryJump(int m, int next, ref int collapsedBy, CancellationToken cancellation)
    {
        ReadOnlySpan<TToken> model = _sets.Of(m);
        int size = model.Length;
        if (!_walk.Walk(_context, next, m, size, cancellation))
        {
            return false;
        }

        if (_walk.IsCollapsed(model))
        {
            collapsedBy = next;
            return false;
        }

        // The two training sets of a chain take turns; after an even number of generations it is this one's again.
        Span<TToken> other = _sets.Make(m + 1, size);
        _walk.HandDown(model, other);
        if ((next - m) % 2 == 0)
        {
            other.CopyTo(_sets.Make(next, size));
        }

        _drawn += (long)(next - m) * size;
        return true;
    }

    /// <summary>Takes up a context; tells whether all its real tokens, kept or to come, are one token.</summary>
    private bool Begin(Chunk chunk, int index)
    {
        _context = (uint)(chunk.First + index);
        _samples = chunk.Table.Samples[index];
        _realSize = chunk.Table.Real[index];
        long first = _plan.Schedule.SetSize(1, _samples, _realSize);
        _vocabulary.Clear((int)Math.Min(first, _plan.Vocabulary), _plan.Vocabulary);
        _sets.Begin(_plan.Schedule.LargestSet(_samples, _realSize));
        _realKinds = 0;
        _truth = _plan.IsCorpus ? null : _plan.TruthOf(_context);
        bool keepsReal = _plan.IsCorpus || _plan.Schedule.KeepsReal;
        Reserve(ref _real, keepsReal ? _realSize : 0);
        if (_plan.IsCorpus)
        {
            ReadOnlySpan<int> followers = _plan.Corpus.FollowersOf((int)_context);
            _vocabulary.Number(followers, _real.AsSpan(0, followers.Length));
            TakeHeldOut();
        }
        else if (keepsReal)
        {
            DrawTruth(new DrawStream(_plan.Seed, _context, 0, 0, DrawPurpose.Truth), _real.AsSpan(0, _realSize));
        }

        return _vocabulary.Count <= 1
            && (_plan.IsCorpus || _truth!.Table.Support == 1 || _plan.Schedule.LastFreshUse == 0);
    }

    private void TakeHeldOut()
    {
        if (_plan.Settings.HeldOut is { } heldOut)
        {
            int end = (int)heldOut.Offsets.Span[(int)_context + 1];
            for (int i = (int)heldOut.Offsets.Span[(int)_context]; i < end; i++)
            {
                // A token that this context never saw can never be drawn: it needs no number.
                int number = _vocabulary.Find(heldOut.Tokens.Span[i]);
                if (number >= 0)
                {
                    _vocabulary.HeldOut[number] = heldOut.Counts.Span[i];
                }
            }
        }
    }

    private void TrainGeneration(int m, bool isReported)
    {
        ImmutableArray<Segment> recipe = _plan.Schedule.Recipes[_plan.Schedule.RecipeNumber(m)];
        int size = (int)Schedule.SizeOf(recipe, _samples, _realSize);
        Span<TToken> set = _sets.Make(m, size);
        bool isOneModel =
            recipe is [{ Kind: SegmentKind.Model }] or [{ Kind: SegmentKind.KeepReal }, { Kind: SegmentKind.Model }];
        int start = 0;
        for (int s = 0; s < recipe.Length; s++)
        {
            Segment segment = recipe[s];
            Span<TToken> target = set.Slice(start, segment.Size(_samples, _realSize));
            switch (segment.Kind)
            {
                case SegmentKind.KeepReal:
                    _real.AsSpan(0, _realSize).CopyTo(target);
                    CountReal(m);
                    break;
                case SegmentKind.FreshReal when _truth is not null:
                    DrawTruth(Stream(m, s, DrawPurpose.Truth), target);
                    break;
                case SegmentKind.FreshReal:
                    Draw(Stream(m, s, DrawPurpose.Index), _real.AsSpan(0, _realSize), target, false);
                    break;
                case SegmentKind.Model:
                    ReadOnlySpan<TToken> model = _sets.Of(m - segment.Lag);
                    Draw(Stream(m, s, DrawPurpose.Index), model, target, isReported && isOneModel);
                    break;
                default:
                    DrawMixture(m, s, target);
                    break;
            }

            start += target.Length;
            _drawn += segment.Kind == SegmentKind.KeepReal ? 0 : target.Length;
        }

        _trained += size;
    }

    /// <summary>Draws the counts of a generation from those of the one before, or from its training set.</summary>
    private void TrainCounts(int m)
    {
        ReadOnlySpan<TToken> set = _sets.Of(m - 1);
        int size = set.Length;
        if (m == _plan.FirstCountedGeneration)
        {
            _counted.Begin(_counter.Count(set, _vocabulary.Count), _vocabulary);
        }

        _counted.Draw(Stream(m, 0, DrawPurpose.Counts), size, _vocabulary);
        _drawn += size;
        _trained += size;
    }

    private DrawStream Stream(int generation, int segment, uint purpose) =>
        new(_plan.Seed, _context, (uint)generation, (uint)segment, purpose);

    /// <summary>Uniform draws from one training set; they are counted at once if need be and if that is faster.</summary>
    private void Draw(in DrawStream stream, ReadOnlySpan<TToken> source, Span<TToken> target, bool areToBeCounted)
    {
        Span<ulong> lanes = _lanes.Reserve((target.Length / 2) + RandomLanes<TLanes>.Padding);
        _random.FillIndices(stream, (uint)source.Length, target.Length, lanes);
        bool isHalf = _random.UsesHalfWords((uint)source.Length);
        if (CanLookUp(source.Length, _vocabulary.Count))
        {
            ref ushort to = ref Unsafe.As<TToken, ushort>(ref MemoryMarshal.GetReference(target));
            ReadOnlySpan<ushort> from = MemoryMarshal.Cast<TToken, ushort>(source);
            ref ulong lane = ref MemoryMarshal.GetReference(lanes);
            if (isHalf)
            {
                _lookup.Gather(ref Unsafe.As<ulong, ushort>(ref lane), from, ref to, target.Length);
            }
            else
            {
                _lookup.Gather(ref Unsafe.As<ulong, uint>(ref lane), from, ref to, target.Length);
            }
        }
        else if (isHalf)
        {
            Gather<ushort>(RandomLanes<TLanes>.HalfWords(lanes, target.Length), source, target, areToBeCounted);
        }
        else
        {
            Gather<uint>(MemoryMarshal.Cast<ulong, uint>(lanes), source, target, areToBeCounted);
        }
    }

    /// <summary>Whether a <see cref="ByteLookup"/> reads tokens of so many kinds from so many.</summary>
    private static bool CanLookUp(int length, int kinds) =>
        ByteLookup.IsSupported
        && TLanes.Blocks == 8
        && typeof(TToken) == typeof(ushort)
        && length <= ByteLookup.LongestSet
        && kinds <= ByteLookup.LargestVocabulary;

    // Indices lie below source.Length by construction (UniformIndex), so the bounds are not checked again.
    private void Gather<TIndex>(
        ReadOnlySpan<TIndex> indices,
        ReadOnlySpan<TToken> source,
        Span<TToken> target,
        bool areToBeCounted
    )
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        if (areToBeCounted && TokenCounter<TToken>.UsesTables(target.Length, _vocabulary.Count))
        {
            _counter.Gather(indices, source, target, _vocabulary.Count);
            _areDrawsCounted = true;
            return;
        }

        ref TIndex index = ref MemoryMarshal.GetReference(indices);
        ref TToken from = ref MemoryMarshal.GetReference(source);
        for (int i = 0; i < target.Length; i++)
        {
            target[i] = Unsafe.Add(ref from, nuint.CreateTruncating(Unsafe.Add(ref index, i)));
        }
    }

    /// <summary>Draws from the explicit truth; new tokens enter the vocabulary.</summary>
    private void DrawTruth(in DrawStream stream, Span<TToken> target)
    {
        Span<ulong> lanes = _lanes.Reserve(target.Length + RandomLanes<TLanes>.Padding);
        Reserve(ref _tokens, target.Length);
        _random.Fill(stream, (target.Length + 1) / 2, lanes);

        // Three passes: a large truth lies far from the processor, and within a pass no read waits for another.
        TruthTable table = _truth!.Table;
        Span<int> tokens = _tokens.AsSpan(0, target.Length);
        for (int d = 0; d < tokens.Length; d++)
        {
            tokens[d] = TruthToken(table, stream, (uint)d, lanes[d]);
        }

        int known = _vocabulary.Count;
        _vocabulary.Number(tokens, target);
        _vocabulary.TakeUnits(_truth.Units, known);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int TruthToken(TruthTable table, in DrawStream stream, uint draw, ulong lane)
    {
        var columns = (uint)table.Columns;

        // TruthDraw.Column in one product.
        var column = (int)Math.BigMul(lane, (ulong)columns, out ulong place);
        if (place < columns && place < TruthDraw.Threshold(columns))
        {
            column = TruthDraw.Redraw(stream, draw, columns, out place);
        }

        ulong entry = table.Entries[column];
        var high = (uint)(entry >> 32);
        if ((uint)(place >> 32) == high)
        {
            return place < table.Thresholds[column] ? column : table.Aliases[column];
        }

        // Which of the two it is cannot be predicted, so no branch is taken on it.
        var alias = (int)(uint)entry;
        return alias ^ ((alias ^ column) & -Convert.ToInt32((uint)(place >> 32) < high));
    }

    /// <summary>
    /// Draws whose source is drawn first: p^(0), or any of the models before. Only random models draw so, whose sets are
    /// all of one size, except the first one on a corpus: the real tokens.
    /// </summary>
    private void DrawMixture(int m, int segment, Span<TToken> target)
    {
        Span<ulong> lanes = _lanes.Reserve((target.Length / 2) + RandomLanes<TLanes>.Padding);
        Span<ulong> moreLanes = _moreLanes.Reserve((target.Length / 2) + RandomLanes<TLanes>.Padding);
        DrawStream indices = Stream(m, segment, DrawPurpose.MixtureIndex);
        _random.FillIndices(Stream(m, segment, DrawPurpose.MixtureSource), (uint)m, target.Length, lanes);
        _random.FillWordIndices(indices, (uint)target.Length, target.Length, moreLanes);
        DrawStream fresh = Stream(m, segment, DrawPurpose.Truth);
        if (UniformIndex.UsesHalfWords((uint)m))
        {
            GatherMixture<ushort>(RandomLanes<TLanes>.HalfWords(lanes, target.Length), fresh, indices, target);
        }
        else
        {
            GatherMixture<uint>(MemoryMarshal.Cast<ulong, uint>(lanes), fresh, indices, target);
        }
    }

    private void GatherMixture<TIndex>(
        ReadOnlySpan<TIndex> sources,
        in DrawStream fresh,
        in DrawStream indices,
        Span<TToken> target
    )
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        // Every model lies in the slot of its own number. What comes from slot 0, which is of none, or from a model of
        // another size, is drawn anew below.
        ref TIndex source = ref MemoryMarshal.GetReference(sources);
        ref uint place = ref Unsafe.As<ulong, uint>(ref _moreLanes.First);
        ref TToken from = ref _sets.First;
        nuint stride = _sets.Stride;
        for (int d = 0; d < target.Length; d++)
        {
            nuint set = nuint.CreateTruncating(Unsafe.Add(ref source, d)) * stride;
            target[d] = Unsafe.Add(ref from, set + Unsafe.Add(ref place, d));
        }

        int known = _vocabulary.Count;
        sources = sources[..target.Length];
        for (int d = Next(sources, TIndex.Zero, 0); d >= 0; d = Next(sources, TIndex.Zero, d + 1))
        {
            target[d] = RealToken(fresh, indices, (uint)d);
        }

        ReadOnlySpan<TToken> first = _sets.Of(1);
        if (first.Length != target.Length)
        {
            for (int d = Next(sources, TIndex.One, 0); d >= 0; d = Next(sources, TIndex.One, d + 1))
            {
                target[d] = first[(int)UniformIndex.DrawWord(indices, (uint)d, (uint)first.Length)];
            }
        }

        if (_truth is { } truth)
        {
            _vocabulary.TakeUnits(truth.Units, known);
        }
    }

    private static int Next<TIndex>(ReadOnlySpan<TIndex> sources, TIndex wanted, int from)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        int ahead = sources[from..].IndexOf(wanted);
        return ahead < 0 ? -1 : from + ahead;
    }

    /// <summary>A token from p^(0): drawn anew from an explicit truth, otherwise one of the kept ones.</summary>
    private TToken RealToken(in DrawStream fresh, in DrawStream indices, uint draw) =>
        _truth is null
            ? _real[UniformIndex.DrawWord(indices, draw, (uint)_realSize)]
            : TToken.CreateTruncating(
                _vocabulary.Number(TruthToken(_truth.Table, fresh, draw, TruthDraw.Lane(fresh, draw)))
            );

    private void CountFirst(ReadOnlySpan<TToken> set)
    {
        _firstSize = set.Length;
        ReadOnlySpan<int> counts = _counter.Count(set, _vocabulary.Count);
        counts.CopyTo(_vocabulary.First);
    }

    /// <summary>Counts the kept real tokens once, where later generations have them in front.</summary>
    private void CountReal(int m)
    {
        if (m > 1 && _realKinds == 0)
        {
            _realKinds = _vocabulary.Count;
            Reserve(ref _realCounts, _realKinds);
            _counter.Count(_real.AsSpan(0, _realSize), _realKinds).CopyTo(_realCounts);
        }
    }

    /// <summary>The counts of a training set. Real tokens that are kept in front of it are counted once, not every time.</summary>
    private ReadOnlySpan<int> CountsOf(int m, ReadOnlySpan<TToken> set)
    {
        bool keepsReal =
            m > 1 && _plan.Schedule.Recipes[_plan.Schedule.RecipeNumber(m)] is [{ Kind: SegmentKind.KeepReal }, ..];
        if (!_areDrawsCounted)
        {
            _counter.Count(keepsReal ? set[_realSize..] : set, _vocabulary.Count);
        }

        if (keepsReal)
        {
            _counter.Add(_realCounts.AsSpan(0, _realKinds));
        }

        return _counter.Counts;
    }

    private void Observe(ReadOnlySpan<int> counts, int size) =>
        RowSums.Write(counts, _vocabulary, _plan, size, _firstSize, _truth is not null, TLanes.Blocks == 8, _row);

    /// <summary>
    /// Forgets tokens that can never come back, once they are half of the vocabulary: possible where the
    /// next generations read this training set only.
    /// </summary>
    private void Compact(int m)
    {
        if (
            _plan.Schedule.Lookback > 1
            || m < _plan.Schedule.LastRealUse
            || 2 * _row[ObservableRow.Support] > _vocabulary.Count
        )
        {
            return;
        }

        int before = _vocabulary.Count;
        Reserve(ref _newNumbers, before);
        _vocabulary.Keep<TToken>(_counter.Counts, _newNumbers);
        Span<TToken> set = _sets.Of(m);
        if (CanLookUp(before, _vocabulary.Count))
        {
            ref ushort first = ref Unsafe.As<TToken, ushort>(ref MemoryMarshal.GetReference(set));
            ReadOnlySpan<ushort> numbers = MemoryMarshal.Cast<TToken, ushort>(_newNumbers.AsSpan(0, before));
            _lookup.Gather(ref first, numbers, ref first, set.Length);
            return;
        }

        for (int i = 0; i < set.Length; i++)
        {
            set[i] = _newNumbers[int.CreateTruncating(set[i])];
        }
    }

    private static void Reserve<T>(ref T[] buffer, int length)
    {
        if (buffer.Length < length)
        {
            buffer = new T[Math.Max(length, (int)Math.Min(1.5 * buffer.Length, Array.MaxLength))];
        }
    }
}
