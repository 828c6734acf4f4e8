using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Collapse.Kernels;

namespace Collapse.Softmax.Sampling;

/// <summary>Finds the block that holds a place, sixteen ways at each level.</summary>
internal sealed class BlockTree
{
    private const int Ways = 16;

    // Level after level, the top first; level l holds the ends of runs of 16^l blocks, filled up to whole nodes.
    private long[] _ends = [];
    private int[] _levelStarts = [];
    private int _levels;

    /// <summary>Builds the tree.</summary>
    /// <param name="columnEnds">The ends of all columns, 16 a block.</param>
    /// <param name="blocks">The number of blocks, at least 1.</param>
    public void Build(ReadOnlySpan<long> columnEnds, int blocks)
    {
        if (_levelStarts.Length == 0)
        {
            _levelStarts = new int[8];
        }

        _levels = 0;
        int room = 0;
        for (long size = blocks; _levels == 0 || size > 1; size = (size + Ways - 1) / Ways)
        {
            room += (int)((size + Ways - 1) / Ways * Ways);
            _levels++;
        }

        if (_ends.Length < room)
        {
            _ends = new long[room];
        }

        // A run ends where its last column does.
        int start = 0;
        for (int level = _levels - 1; level >= 0; level--)
        {
            long run = 1L << (4 * level);
            int size = (int)((blocks + run - 1) / run);
            _levelStarts[_levels - 1 - level] = start;
            for (int i = 0; i < size; i++)
            {
                long last = Math.Min((i + 1) * run, blocks) * SoftmaxDraw.Columns;
                _ends[start + i] = columnEnds[(int)last - 1];
            }

            int filled = (size + Ways - 1) / Ways * Ways;
            _ends.AsSpan(start + size, filled - size).Fill(long.MaxValue);
            start += filled;
        }
    }

    /// <summary>What a search needs, at hand.</summary>
    public Walk Start() => new(_ends, _levelStarts.AsSpan(0, _levels));

    /// <summary>Searches the tree.</summary>
    internal readonly ref struct Walk(long[] ends, ReadOnlySpan<int> levelStarts)
    {
        private readonly ref long _ends = ref MemoryMarshal.GetArrayDataReference(ends);
        private readonly ReadOnlySpan<int> _levelStarts = levelStarts;

        /// <summary>How many blocks end at or before a place below the last end.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public int Find<T>(long u)
            where T : unmanaged, ISoftmaxLanes<T>
        {
            int node = 0;
            foreach (int start in _levelStarts)
            {
                node = (node * Ways) + T.CountNotAbove(ref Unsafe.Add(ref _ends, start + (node * Ways)), u);
            }

            return node;
        }
    }
}
