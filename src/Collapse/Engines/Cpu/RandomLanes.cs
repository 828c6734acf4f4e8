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
    /// <summary>
    /// Spare room a buffer needs behind its last lane, in 64-bit lanes: four vectors are written at a time, which is up to 30
    /// lanes too many, and the last block may be asked for in part.
    /// </summary>
    public const int Padding = 32;

    // Draws that may wait for others to be redrawn with them, and those that one more vector adds.
    private const int MostWaiting = 64;
    private const int LanesPerVector = 32;

    // So many draws are numbered by 16 bits.
    private const int Portion = 1 << 16;

    // The key schedule of the run, once.
    private readonly T[] _keys = new T[2 * Philox.Rounds];
    private readonly ushort[] _waiting = new ushort[MostWaiting + LanesPerVector];
    private readonly ulong[] _draws = new ulong[MostWaiting + LanesPerVector];
    private readonly ulong[] _redrawn = new ulong[MostWaiting + LanesPerVector];

    // What takes divisions, of the last bound: those of a context are few.
    private uint _bound;
    private bool _usesHalfWords;
    private uint _threshold16;
    private uint _threshold32;

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
        var state = new PhiloxState<T>(
            T.Add(T.BlockNumbers, T.Broadcast(firstBlock)),
            T.Broadcast(stream.Generation),
            T.Broadcast(stream.Context),
            T.Broadcast(stream.Tag)
        );
        T step = T.Broadcast((ulong)T.Blocks);
        ref ulong target = ref MemoryMarshal.GetReference(words);
        ref T key = ref MemoryMarshal.GetArrayDataReference(_keys);
        int done = 0;
        for (; blocks - done > 2 * T.Blocks; done += 4 * T.Blocks)
        {
            PhiloxState<T> a = state;
            PhiloxState<T> b = a.Ahead(step);
            PhiloxState<T> c = b.Ahead(step);
            PhiloxState<T> d = c.Ahead(step);
            state = d.Ahead(step);
            for (nuint round = 0; round < 2 * Philox.Rounds; round += 2)
            {
                T key0 = Unsafe.Add(ref key, round);
                T key1 = Unsafe.Add(ref key, round + 1);
                a.Round(key0, key1);
                b.Round(key0, key1);
                c.Round(key0, key1);
                d.Round(key0, key1);
            }

            a.Store(ref Unsafe.Add(ref target, 2 * done));
            b.Store(ref Unsafe.Add(ref target, 2 * (done + T.Blocks)));
            c.Store(ref Unsafe.Add(ref target, 2 * (done + (2 * T.Blocks))));
            d.Store(ref Unsafe.Add(ref target, 2 * (done + (3 * T.Blocks))));
        }

        for (; done < blocks; done += T.Blocks)
        {
            PhiloxState<T> a = state;
            state = a.Ahead(step);
            a.Mix(ref key);
            a.Store(ref Unsafe.Add(ref target, 2 * done));
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

    /// <summary><see cref="UniformIndex.UsesHalfWords"/>.</summary>
    /// <param name="bound">Number of indices, 1 to 2^31 - 1.</param>
    public bool UsesHalfWords(uint bound)
    {
        Take(bound);
        return _usesHalfWords;
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
        if (UsesHalfWords(bound))
        {
            Fill(stream, (count + 7) / 8, buffer);

            // A bound of 2^16 leaves every lane as it is.
            if (bound < 0x10000)
            {
                MapHalfWords(stream, bound, HalfWords(buffer, count), count);
            }
        }
        else
        {
            FillWordIndices(stream, bound, count, buffer);
        }
    }

    /// <summary>
    /// A buffer's 16-bit lanes, of draws and of whole vectors behind them; of a whole buffer there may be more than an int.
    /// </summary>
    public static Span<ushort> HalfWords(Span<ulong> buffer, int count) =>
        MemoryMarshal.Cast<ulong, ushort>(buffer[..((count / 4) + Padding)]);

    /// <summary>As <see cref="FillIndices"/>, always from 32-bit lanes.</summary>
    public void FillWordIndices(in DrawStream stream, uint bound, int count, Span<ulong> buffer)
    {
        Take(bound);
        Fill(stream, (count + 3) / 4, buffer);
        Span<uint> lanes = MemoryMarshal.Cast<ulong, uint>(buffer);
        uint threshold = _threshold32;
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

    private void Take(uint bound)
    {
        if (bound != _bound)
        {
            _bound = bound;
            _usesHalfWords = UniformIndex.UsesHalfWords(bound);
            _threshold16 = UniformIndex.Threshold16(bound);
            _threshold32 = UniformIndex.Threshold32(bound);
        }
    }

    private void MapHalfWords(in DrawStream stream, uint bound, Span<ushort> lanes, int count)
    {
        var threshold = (ushort)_threshold16;
        ref ushort waiting = ref MemoryMarshal.GetArrayDataReference(_waiting);
        for (int start = 0; start < count; start += Portion)
        {
            ref ushort first = ref Unsafe.Add(ref MemoryMarshal.GetReference(lanes), start);
            int rejections = 0;
            for (int i = 0; i < Math.Min(count - start, Portion); i += 4 * T.Blocks)
            {
                ref ushort rejected = ref Unsafe.Add(ref waiting, rejections);
                rejections += T.MapHalfWords(
                    ref Unsafe.Add(ref first, i),
                    (ushort)bound,
                    threshold,
                    (ushort)i,
                    ref rejected
                );
                if (rejections > MostWaiting)
                {
                    Redraw(stream, bound, lanes, start, rejections);
                    rejections = 0;
                }
            }

            Redraw(stream, bound, lanes, start, rejections);
        }
    }

    /// <summary><see cref="UniformIndex.Redraw"/> of the draws that wait, as many at a time as a vector holds.</summary>
    private void Redraw(in DrawStream stream, uint bound, Span<ushort> lanes, int start, int count)
    {
        const ulong FirstAttempt = 1 << 24;
        T low = T.Broadcast(0xFFFFFFFF);
        T threshold = T.Broadcast(_threshold32);
        for (int j = 0; j < count; j++)
        {
            _draws[j] = (uint)start + _waiting[j];
        }

        ref T key = ref MemoryMarshal.GetArrayDataReference(_keys);
        for (int i = 0; i < count; i += 2 * T.Blocks)
        {
            var a = new PhiloxState<T>(
                T.Load(ref _draws[i]),
                T.Broadcast(stream.Generation),
                T.Broadcast(stream.Context),
                T.Broadcast(stream.Tag | FirstAttempt)
            );
            PhiloxState<T> b = a;
            b.X0 = T.Load(ref _draws[i + T.Blocks]);
            for (nuint round = 0; round < 2 * Philox.Rounds; round += 2)
            {
                a.Round(Unsafe.Add(ref key, round), Unsafe.Add(ref key, round + 1));
                b.Round(Unsafe.Add(ref key, round), Unsafe.Add(ref key, round + 1));
            }

            T productA = T.Multiply(a.X0, T.Broadcast(bound));
            T productB = T.Multiply(b.X0, T.Broadcast(bound));
            T.Write(T.ShiftRight(productA), ref _redrawn[i]);
            T.Write(T.ShiftRight(productB), ref _redrawn[i + T.Blocks]);
            ulong rejected =
                T.Less(T.And(productA, low), threshold) | (T.Less(T.And(productB, low), threshold) << T.Blocks);
            for (int j = i; j < Math.Min(count, i + (2 * T.Blocks)); j++)
            {
                lanes[(int)_draws[j]] = (ushort)_redrawn[j];
            }

            for (; rejected != 0; rejected &= rejected - 1)
            {
                int j = i + BitOperations.TrailingZeroCount(rejected);
                if (j < count)
                {
                    lanes[(int)_draws[j]] = (ushort)UniformIndex.Redraw(stream, (uint)_draws[j], bound);
                }
            }
        }
    }
}
