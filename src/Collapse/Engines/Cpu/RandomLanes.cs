using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Collapse.Kernels;

namespace Collapse.Engines.Cpu;

/// <summary>
/// Reads whole runs of a <see cref="DrawStream"/> at a vector width: the words of <see cref="Philox"/> and
/// the indices of <see cref="UniformIndex"/>, many at a time and equal to them bit for bit.
/// </summary>
internal sealed class RandomLanes<T>
    where T : unmanaged, IPhiloxLanes<T>
{
    /// <summary>Spare room a buffer needs behind its last lane, in 64-bit lanes: whole vectors are written.</summary>
    public const int Padding = 256;

    // A vector of indices that is short of one to redraw still adds its own: 32 of them with the widest vectors.
    private const int MostRejected = 64;
    private const int RejectedPerVector = 32;

    // The key schedule of the run, once.
    private readonly T[] _keys = new T[2 * Philox.Rounds];
    private readonly ulong[] _rejected = new ulong[MostRejected + RejectedPerVector];
    private readonly ulong[] _redrawn = new ulong[MostRejected + RejectedPerVector];

    /// <summary>Prepares the keys.</summary>
    /// <param name="seed">The run's seed.</param>
    public RandomLanes(ulong seed) => FillKeys((uint)seed, (uint)(seed >> 32), _keys);

    /// <summary>Writes the first blocks of a stream, block after block, as little-endian words.</summary>
    /// <param name="stream">The stream, of the seed given before.</param>
    /// <param name="blocks">Number of blocks.</param>
    /// <param name="words">Receives two 64-bit lanes a block, with room for <see cref="Padding"/> lanes more.</param>
    public void Fill(in DrawStream stream, int blocks, Span<ulong> words) => Fill(stream, 0, blocks, words);

    /// <summary>As <see cref="Fill(in DrawStream, int, Span{ulong})"/>, from block <paramref name="firstBlock"/> on.</summary>
    public void Fill(in DrawStream stream, uint firstBlock, int blocks, Span<ulong> words)
    {
        T generation = T.Broadcast(stream.Generation);
        T context = T.Broadcast(stream.Context);
        T tag = T.Broadcast(stream.Tag);
        T block = T.Add(T.BlockNumbers, T.Broadcast(firstBlock));
        T step = T.Broadcast((ulong)T.Blocks);
        ref ulong target = ref MemoryMarshal.GetReference(words);
        ref T key = ref MemoryMarshal.GetArrayDataReference(_keys);
        for (int done = 0; done < blocks; done += T.Blocks)
        {
            T x0 = block;
            T x1 = generation;
            T x2 = context;
            T x3 = tag;
            Mix(ref key, ref x0, ref x1, ref x2, ref x3);
            T.Store(x0, x1, x2, x3, ref Unsafe.Add(ref target, 2 * done));
            block = T.Add(block, step);
        }
    }

    /// <summary>The key schedule: ten pairs of broadcast key words.</summary>
    public static void FillKeys(uint key0, uint key1, Span<T> keys)
    {
        for (int round = 0; round < Philox.Rounds; round++)
        {
            keys[2 * round] = T.Broadcast(key0 + ((uint)round * Philox.Weyl0));
            keys[(2 * round) + 1] = T.Broadcast(key1 + ((uint)round * Philox.Weyl1));
        }
    }

    /// <summary>The ten rounds: counters become random words.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Mix(ref T key, ref T x0, ref T x1, ref T x2, ref T x3)
    {
        T multiplier0 = T.Broadcast(Philox.Multiplier0);
        T multiplier1 = T.Broadcast(Philox.Multiplier1);
        for (nuint round = 0; round < 2 * Philox.Rounds; round += 2)
        {
            T product0 = T.Multiply(x0, multiplier0);
            T product1 = T.Multiply(x2, multiplier1);
            x0 = T.Xor(T.ShiftRight(product1), x1, Unsafe.Add(ref key, round));
            x2 = T.Xor(T.ShiftRight(product0), x3, Unsafe.Add(ref key, round + 1));
            x1 = product1;
            x3 = product0;
        }
    }

    /// <summary>
    /// Draws 0 … count - 1 of a stream, uniform on 0 … bound - 1. They are left as 16-bit numbers where
    /// <see cref="UniformIndex.UsesHalfWords"/>, otherwise as 32-bit numbers.
    /// </summary>
    /// <param name="stream">The stream, of the seed given before.</param>
    /// <param name="bound">Number of indices, 1 to 2^31 - 1.</param>
    /// <param name="count">Number of draws.</param>
    /// <param name="buffer">Room for the draws and <see cref="Padding"/> lanes more.</param>
    public void FillIndices(in DrawStream stream, uint bound, int count, Span<ulong> buffer)
    {
        if (UniformIndex.UsesHalfWords(bound))
        {
            Fill(stream, (count + 7) / 8, buffer);

            // A bound of 2^16 leaves every lane as it is.
            if (bound < 0x10000)
            {
                MapHalfWords(stream, bound, MemoryMarshal.Cast<ulong, ushort>(buffer), count);
            }
        }
        else
        {
            FillWordIndices(stream, bound, count, buffer);
        }
    }

    /// <summary>As <see cref="FillIndices"/>, always from 32-bit lanes.</summary>
    public void FillWordIndices(in DrawStream stream, uint bound, int count, Span<ulong> buffer)
    {
        Fill(stream, (count + 3) / 4, buffer);
        Span<uint> lanes = MemoryMarshal.Cast<ulong, uint>(buffer);
        uint threshold = UniformIndex.Threshold32(bound);
        ref uint first = ref MemoryMarshal.GetReference(lanes);
        for (int i = 0; i < count; i += 2 * T.Blocks)
        {
            ulong rejected = T.MapWords(ref Unsafe.Add(ref first, i), bound, threshold);
            while (rejected != 0)
            {
                int draw = i + BitOperations.TrailingZeroCount(rejected);
                lanes[draw] = UniformIndex.Redraw(stream, (uint)draw, bound);
                rejected &= rejected - 1;
            }
        }
    }

    private void MapHalfWords(in DrawStream stream, uint bound, Span<ushort> lanes, int count)
    {
        var threshold = (ushort)UniformIndex.Threshold16(bound);
        ref ushort first = ref MemoryMarshal.GetReference(lanes);
        ref ulong waiting = ref MemoryMarshal.GetArrayDataReference(_rejected);
        int rejections = 0;
        for (int i = 0; i < count; i += 4 * T.Blocks)
        {
            ulong rejected = T.MapHalfWords(ref Unsafe.Add(ref first, i), (ushort)bound, threshold);

            // Up to one lane in a hundred is rejected, and which cannot be predicted: no branch on the first two.
            Unsafe.Add(ref waiting, rejections) = (ulong)(i + BitOperations.TrailingZeroCount(rejected));
            rejections += Convert.ToInt32(rejected != 0);
            rejected &= rejected - 1;
            Unsafe.Add(ref waiting, rejections) = (ulong)(i + BitOperations.TrailingZeroCount(rejected));
            rejections += Convert.ToInt32(rejected != 0);
            for (rejected &= rejected - 1; rejected != 0; rejected &= rejected - 1)
            {
                Unsafe.Add(ref waiting, rejections++) = (ulong)(i + BitOperations.TrailingZeroCount(rejected));
            }

            if (rejections > MostRejected - 2)
            {
                Redraw(stream, bound, ref first, rejections);
                rejections = 0;
            }
        }

        Redraw(stream, bound, ref first, rejections);
    }

    /// <summary><see cref="UniformIndex.Redraw"/> of the draws that wait, as many at a time as a vector holds.</summary>
    private void Redraw(in DrawStream stream, uint bound, ref ushort lanes, int count)
    {
        const ulong FirstAttempt = 1 << 24;
        T low = T.Broadcast(0xFFFFFFFF);
        T threshold = T.Broadcast(UniformIndex.Threshold32(bound));
        ref T key = ref MemoryMarshal.GetArrayDataReference(_keys);
        for (int i = 0; i < count; i += T.Blocks)
        {
            T x0 = T.Load(ref _rejected[i]);
            T x1 = T.Broadcast(stream.Generation);
            T x2 = T.Broadcast(stream.Context);
            T x3 = T.Broadcast(stream.Tag | FirstAttempt);
            Mix(ref key, ref x0, ref x1, ref x2, ref x3);
            T product = T.Multiply(x0, T.Broadcast(bound));
            ulong rejected = T.Less(T.And(product, low), threshold);
            T.Write(T.ShiftRight(product), ref _redrawn[i]);
            for (int j = i; j < Math.Min(count, i + T.Blocks); j++)
            {
                var draw = (uint)_rejected[j];
                uint index =
                    ((rejected >> (j - i)) & 1) == 0 ? (uint)_redrawn[j] : UniformIndex.Redraw(stream, draw, bound);
                Unsafe.Add(ref lanes, draw) = (ushort)index;
            }
        }
    }
}
