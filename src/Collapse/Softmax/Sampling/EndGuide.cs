using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Collapse.Softmax.Sampling;

/// <summary>
/// Finds the run, a block or a column, that holds a place: units are cut into cells of equal size, at least two for
/// each run, and a table tells in which run each cell begins. A cell that is drawn at random has half an end of a run
/// in it on average, whatever the weights, so that a search hardly ever looks beyond the first 8 ends.
/// </summary>
internal sealed class EndGuide
{
    /// <summary>Spare room behind the ends: so many are read at a time.</summary>
    public const int Padding = 8;

    // Numbers of runs that are written at a time.
    private const int Ways = 16;

    private int[] _first = [];
    private int _shift;

    /// <summary>Makes the table.</summary>
    /// <param name="ends">
    /// Where runs end, of which the last is the sum of all units; behind them lie <see cref="Padding"/> numbers, which
    /// are set.
    /// </param>
    /// <param name="count">The number of runs, at least 1.</param>
    public void Build(ref long ends, int count)
    {
        MemoryMarshal.CreateSpan(ref Unsafe.Add(ref ends, count), Padding).Fill(long.MaxValue);
        int cellBits = BitOperations.Log2((2u * (uint)count) - 1) + 1;
        if (_first.Length < (1 << cellBits) + Ways)
        {
            _first = new int[(1 << cellBits) + Ways];
        }

        _shift = Math.Max(BitOperations.Log2((ulong)Unsafe.Add(ref ends, count - 1) - 1) + 1 - cellBits, 0);
        ref int first = ref MemoryMarshal.GetArrayDataReference(_first);
        int cell = 0;
        for (int run = 0; run < count; run++)
        {
            // The cells that begin in the run. Sixteen are written, more than there are as a rule: how many there are
            // cannot be predicted, and what is too much the next run writes over.
            int next = (int)((Unsafe.Add(ref ends, run) - 1) >> _shift) + 1;
            var number = new Vector<int>(run);
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
    /// <param name="ends">The ends of which the table was made.</param>
    public Search Start(ref long ends) => new(ref ends, _first, _shift);

    /// <summary>Searches the runs.</summary>
    internal readonly ref struct Search(ref long ends, int[] first, int shift)
    {
        private readonly ref long _ends = ref ends;
        private readonly ref int _first = ref MemoryMarshal.GetArrayDataReference(first);

        /// <summary>How many runs end at or before a place below the last end.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public uint Find<T>(long u)
            where T : unmanaged, ISoftmaxLanes<T>
        {
            uint run = (uint)Unsafe.Add(ref _first, (nint)(u >> shift));
            int step;
            do
            {
                step = T.CountEightNotAbove(ref Unsafe.Add(ref _ends, run), u);
                run += (uint)step;
            } while (step == Padding);
            return run;
        }
    }
}
