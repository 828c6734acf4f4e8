using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using Collapse.Kernels;

namespace Collapse.Engines.Cpu;

/// <summary>
/// Jumps over generations that are each drawn from the one before. Which token of generation m - 1 a token of
/// generation m was copied from is a pure function of the counter, so the training set of a far generation
/// follows from a known one by walking the lineages of its tokens back. Where lineages meet, one goes on for
/// all: t generations back about 2n/t are left (Kingman, "The coalescent", Stoch. Proc. Appl. 13, 1982). The
/// random numbers are those that training every generation would read, only fewer: about n(1 + 2 ln t), not n·t.
/// </summary>
/// <typeparam name="TLanes">The vector width.</typeparam>
internal sealed class AncestralWalk<TLanes>
    where TLanes : unmanaged, IPhiloxLanes<TLanes>
{
    /// <summary>Bytes of buffers per token of a training set.</summary>
    public const double BytesPerToken = 24;

    // Seats lie far apart, and of large training sets beyond the nearest cache: asked for so many lineages ahead,
    // they are there in time.
    private const int Ahead = 24;

    private const ulong HighHalf = 0xFFFFFFFF_00000000;

    private readonly ulong _seed;
    private readonly ParentLanes<TLanes> _parents;
    private readonly RandomLanes<TLanes> _random;

    // A lineage that is still walking: in the high half its number, the index of its token in the last generation;
    // in the low half the index where it stands.
    private ulong[] _walking = [];
    private int _count;

    // A lineage that met another, in the order of meeting: its number, and in the low half that of the other.
    private ulong[] _meetings = [];
    private int _met;

    // Who stands on an index: a place in _walking, as a stamp counted on from place to place and from generation
    // to generation. Stamps below those of this generation are from before, so that nothing needs to be cleared.
    private uint[] _seats = [];
    private uint _firstStamp;

    private ulong[] _indices = [];

    /// <summary>Creates the walk of one worker.</summary>
    /// <param name="seed">The run's seed.</param>
    /// <param name="firstStamp">The first stamp, 1 or more; for tests of what happens when stamps run out.</param>
    public AncestralWalk(ulong seed, uint firstStamp = 1)
    {
        _seed = seed;
        _firstStamp = firstStamp;
        _parents = new ParentLanes<TLanes>(seed);
        _random = new RandomLanes<TLanes>(seed);
    }

    /// <summary>Parents looked up so far.</summary>
    public long Lookups { get; private set; }

    /// <summary>Walks the lineages of a whole generation back to an earlier one.</summary>
    /// <param name="context">The context.</param>
    /// <param name="to">The later generation.</param>
    /// <param name="from">The earlier generation, 1 or more; that one and all up to the later have the same size.</param>
    /// <param name="size">Tokens n in a training set, 1 to 2^30.</param>
    /// <param name="cancellation">Asks for an early end.</param>
    /// <returns>False if ended early: the walk then knows nothing.</returns>
    public bool Walk(uint context, int to, int from, int size, CancellationToken cancellation)
    {
        Start(size);
        for (int m = to; m > from; m--)
        {
            if (cancellation.IsCancellationRequested)
            {
                return false;
            }

            Lookups += _count;
            var stream = new DrawStream(_seed, context, (uint)m, 0, DrawPurpose.Index);
            StepBack(stream, size);
            Meet();
        }

        return true;
    }

    /// <summary>Whether all tokens of the later generation are one token: the lineages left stand on it alone.</summary>
    /// <param name="set">The training set of the earlier generation.</param>
    public bool IsCollapsed<TToken>(ReadOnlySpan<TToken> set)
        where TToken : unmanaged, IBinaryInteger<TToken>
    {
        TToken token = set[(int)(uint)_walking[0]];
        for (int i = 1; i < _count; i++)
        {
            if (set[(int)(uint)_walking[i]] != token)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Writes the training set of the later generation.</summary>
    /// <param name="set">The training set of the earlier generation.</param>
    /// <param name="target">Receives that of the later; not the same memory.</param>
    public void HandDown<TToken>(ReadOnlySpan<TToken> set, Span<TToken> target)
        where TToken : unmanaged, IBinaryInteger<TToken>
    {
        // Lineages and places lie below the size by construction, so the bounds are not checked again.
        ref TToken from = ref MemoryMarshal.GetReference(set);
        ref TToken to = ref MemoryMarshal.GetReference(target);
        foreach (ulong lineage in _walking.AsSpan(0, _count))
        {
            Unsafe.Add(ref to, (nuint)(lineage >> 32)) = Unsafe.Add(ref from, (nuint)(uint)lineage);
        }

        // The last to meet come first: whoever a lineage met has its token by then.
        for (int i = _met - 1; i >= 0; i--)
        {
            ulong meeting = _meetings[i];
            Unsafe.Add(ref to, (nuint)(meeting >> 32)) = Unsafe.Add(ref to, (nuint)(uint)meeting);
        }
    }

    private void Start(int size)
    {
        Reserve(ref _walking, size + Math.Max(ParentLanes<TLanes>.Padding, Ahead));
        Reserve(ref _meetings, size + 1);
        Reserve(ref _seats, size);
        Reserve(ref _indices, (size / 2) + RandomLanes<TLanes>.Padding);
        for (int i = 0; i < size; i++)
        {
            _walking[i] = ((ulong)i << 32) | (uint)i;
        }

        _count = size;
        _met = 0;
    }

    /// <summary>Moves every lineage to its parent.</summary>
    private void StepBack(in DrawStream stream, int size)
    {
        bool isHalf = UniformIndex.UsesHalfWords((uint)size);
        if (_count < size / (isHalf ? 8 : 4))
        {
            _parents.Draw(stream, (uint)size, _walking, _count);
            return;
        }

        // While most of a generation's tokens are asked for, all of them cost less: a block holds several.
        _random.FillIndices(stream, (uint)size, size, _indices);
        if (isHalf)
        {
            Gather(MemoryMarshal.Cast<ulong, ushort>(_indices));
        }
        else
        {
            Gather(MemoryMarshal.Cast<ulong, uint>(_indices));
        }
    }

    private void Gather<TIndex>(ReadOnlySpan<TIndex> parents)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        ref TIndex parent = ref MemoryMarshal.GetReference(parents);
        foreach (ref ulong lineage in _walking.AsSpan(0, _count))
        {
            uint index = uint.CreateTruncating(Unsafe.Add(ref parent, (nuint)(uint)lineage));
            lineage = (lineage & HighHalf) | index;
        }
    }

    /// <summary>Lets one of those that stand on the same index go on for all.</summary>
    private void Meet()
    {
        if (uint.MaxValue - _firstStamp < (uint)_count)
        {
            _seats.AsSpan().Clear();
            _firstStamp = 1;
        }

        uint first = _firstStamp;
        var count = (uint)_count;
        ref ulong walking = ref MemoryMarshal.GetArrayDataReference(_walking);
        ref ulong meeting = ref _meetings[_met];
        ref uint seats = ref MemoryMarshal.GetArrayDataReference(_seats);
        uint kept = 0;
        uint met = 0;
        for (uint i = 0; i < count; i++)
        {
            Prefetch(ref Unsafe.Add(ref seats, (nuint)(uint)Unsafe.Add(ref walking, i + Ahead)));
            ulong lineage = Unsafe.Add(ref walking, i);
            ref uint seat = ref Unsafe.Add(ref seats, (nuint)(uint)lineage);

            // Who comes first to an index cannot be predicted, so no branch is taken on it: both outcomes are
            // written, and only one of them counts.
            uint stamp = seat;
            uint isFirst = Convert.ToUInt32(stamp < first);
            stamp ^= (stamp ^ (first + kept)) & (0 - isFirst);
            seat = stamp;
            Unsafe.Add(ref walking, kept) = lineage;
            Unsafe.Add(ref meeting, met) = (lineage & HighHalf) | (stamp - first);
            kept += isFirst;
            met += 1 - isFirst;
        }

        foreach (ref ulong pair in _meetings.AsSpan(_met, (int)met))
        {
            pair = (pair & HighHalf) | (Unsafe.Add(ref walking, (nuint)(uint)pair) >> 32);
        }

        _firstStamp = first + kept;
        _count = (int)kept;
        _met += (int)met;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe void Prefetch(ref uint seat)
    {
        if (Sse.IsSupported)
        {
            Sse.Prefetch0(Unsafe.AsPointer(ref seat));
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
