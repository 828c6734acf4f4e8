using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Collapse.Kernels;

namespace Collapse.Engines.Cpu;

/// <summary>
/// Reads single draws of a <see cref="DrawStream"/>, a block for each, as many side by side as a vector holds:
/// <see cref="UniformIndex.Draw"/> for scattered draws, equal to it bit for bit.
/// </summary>
/// <typeparam name="T">The vector width.</typeparam>
internal sealed class ParentLanes<T>
    where T : unmanaged, IPhiloxLanes<T>
{
    /// <summary>Spare room a buffer needs behind its last lane: whole vectors are read and written.</summary>
    public const int Padding = 8;

    // The key schedule of the run, once: ten pairs of broadcast key words.
    private readonly T[] _keys = new T[2 * Philox.Rounds];
    private readonly ulong[] _draws = new ulong[Padding];

    /// <summary>Prepares the keys.</summary>
    /// <param name="seed">The run's seed.</param>
    public ParentLanes(ulong seed) => RandomLanes<T>.FillKeys((uint)seed, (uint)(seed >> 32), _keys);

    /// <summary>Replaces draws by what they draw, uniform on 0 … bound - 1.</summary>
    /// <param name="stream">The stream, of the seed given before.</param>
    /// <param name="bound">Number of indices, 1 to 2^31 - 1.</param>
    /// <param name="lanes">
    /// The number of a draw in the low half of each lane, and its index in the end; the high halves stay. Room for
    /// <see cref="Padding"/> lanes more, which are spoilt.
    /// </param>
    /// <param name="count">Number of draws.</param>
    public void Draw(in DrawStream stream, uint bound, Span<ulong> lanes, int count)
    {
        bool isHalf = UniformIndex.UsesHalfWords(bound);
        int width = isHalf ? 16 : 32;
        int blockBits = isHalf ? 3 : 2;
        ulong threshold = isHalf ? UniformIndex.Threshold16(bound) : UniformIndex.Threshold32(bound);
        T low = T.Broadcast(0xFFFFFFFF);
        T high = T.Broadcast(0xFFFFFFFF_00000000);
        T laneMask = T.Broadcast((1ul << width) - 1);
        T wordLow = T.Broadcast(isHalf ? 2ul : 1ul);
        T wordHigh = T.Broadcast(isHalf ? 4ul : 2ul);
        T one = T.Broadcast(1);
        T bounds = T.Broadcast(bound);
        T thresholds = T.Broadcast(threshold);
        T generation = T.Broadcast(stream.Generation);
        T context = T.Broadcast(stream.Context);
        T tag = T.Broadcast(stream.Tag);
        ref T key = ref MemoryMarshal.GetArrayDataReference(_keys);
        ref ulong lane = ref MemoryMarshal.GetReference(lanes);
        for (int i = 0; i < count; i += T.Blocks)
        {
            ref ulong here = ref Unsafe.Add(ref lane, i);
            T given = T.Load(ref here);
            T draw = T.And(given, low);
            var block = new PhiloxState<T>(T.ShiftRight(draw, blockBits), generation, context, tag);
            block.Mix(ref key);
            T isOdd = T.And(draw, wordLow);
            T first = T.Choose(isOdd, block.X0, block.X1);
            T second = T.Choose(isOdd, block.X2, block.X3);
            T word = T.Choose(T.And(draw, wordHigh), first, second);
            if (isHalf)
            {
                word = T.And(T.Choose(T.And(draw, one), word, T.ShiftRight(word, 16)), laneMask);
            }

            T product = T.Multiply(word, bounds);
            ulong rejected = T.Less(T.And(product, laneMask), thresholds);
            T.Write(T.Or(T.And(given, high), T.ShiftRight(product, width)), ref here);
            if (rejected != 0)
            {
                T.Write(draw, ref MemoryMarshal.GetArrayDataReference(_draws));
                Redraw(stream, bound, ref here, rejected);
            }
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Redraw(in DrawStream stream, uint bound, ref ulong lanes, ulong rejected)
    {
        for (; rejected != 0; rejected &= rejected - 1)
        {
            int i = BitOperations.TrailingZeroCount(rejected);
            ref ulong lane = ref Unsafe.Add(ref lanes, i);
            uint index = UniformIndex.Redraw(stream, (uint)_draws[i], bound);
            lane = (lane & 0xFFFFFFFF_00000000) | index;
        }
    }
}
