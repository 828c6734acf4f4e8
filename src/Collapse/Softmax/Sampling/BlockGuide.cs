using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Collapse.Softmax.Sampling;

/// <summary>
/// Finds the block that holds a place: units are cut into cells of equal size, at least two for each block, and a
/// table tells in which block each cell begins. A cell that is drawn at random has half an end of a block in it on
/// average, whatever the weights, so that a search hardly ever looks beyond the first 16 ends.
/// </summary>
internal sealed class BlockGuide
{
    private const int Ways = 16;

    private long[] _ends = [];
    private int[] _first = [];
    private int _shift;

    /// <summary>Room for the ends of that many blocks, for the caller to fill.</summary>
    public Span<long> Reserve(int blocks)
    {
        if (_ends.Length < blocks + Ways)
        {
            _ends = new long[blocks + Ways];
            _first = new int[(int)BitOperations.RoundUpToPowerOf2(2u * (uint)blocks) + Ways];
        }

        return _ends.AsSpan(0, blocks);
    }

    /// <summary>Makes the table of the ends last reserved and filled, of which the last is the sum of all units.</summary>
    /// <param name="blocks">The number of blocks, at least 1.</param>
    public void Build(int blocks)
    {
        _ends.AsSpan(blocks, Ways).Fill(long.MaxValue);
        int cellBits = BitOperations.Log2((2u * (uint)blocks) - 1) + 1;
        _shift = Math.Max(BitOperations.Log2((ulong)_ends[blocks - 1] - 1) + 1 - cellBits, 0);
        ref long end = ref MemoryMarshal.GetArrayDataReference(_ends);
        ref int first = ref MemoryMarshal.GetArrayDataReference(_first);
        int cell = 0;
        for (int block = 0; block < blocks; block++)
        {
            // The cells that begin in the block. Sixteen are written, more than there are as a rule: how many there are
            // cannot be predicted, and what is too much the next block writes over.
            int next = (int)((Unsafe.Add(ref end, block) - 1) >> _shift) + 1;
            var number = new Vector<int>(block);
            for (int at = cell; ; )
            {
                for (int i = 0; i < Ways; i += Vector<int>.Count)
                {
                    number.StoreUnsafe(ref first, (nuint)(at + i));
                }

                at += Ways;
                if (at >= next)
                {
                    break;
                }
            }

            cell = next;
        }
    }

    /// <summary>What a search needs, at hand.</summary>
    public Search Start() => new(_ends, _first, _shift);

    /// <summary>Searches the blocks.</summary>
    internal readonly ref struct Search(long[] ends, int[] first, int shift)
    {
        private readonly ref long _ends = ref MemoryMarshal.GetArrayDataReference(ends);
        private readonly ref int _first = ref MemoryMarshal.GetArrayDataReference(first);

        /// <summary>How many blocks end at or before a place below the last end.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public int Find<T>(long u)
            where T : unmanaged, ISoftmaxLanes<T>
        {
            int block = Unsafe.Add(ref _first, (int)(u >> shift));
            int step;
            do
            {
                step = T.CountNotAbove(ref Unsafe.Add(ref _ends, block), u);
                block += step;
            } while (step == Ways);
            return block;
        }
    }
}
