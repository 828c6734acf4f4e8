using Collapse.Kernels;
using Collapse.Results;
using Collapse.Running;

namespace Collapse.Engines.Gpu;

/// <summary>Contexts of a chunk that fit into device memory together.</summary>
/// <param name="Start">First context of the batch within the chunk.</param>
/// <param name="Count">Number of contexts.</param>
/// <param name="CountSlots">Slots that the largest training set needs to be counted.</param>
internal readonly record struct BatchRange(int Start, int Count, int CountSlots)
{
    // OpenCL devices hand out less than their memory in one piece; tables are copied through arrays on the host.
    private const double MostBytesInOnePiece = 1 << 30;

    /// <summary>The batches of a chunk, in order.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="table">The chunk.</param>
    /// <param name="budget">Bytes of device memory for contexts.</param>
    public static IEnumerable<BatchRange> Split(RunPlan plan, ContextTable table, double budget)
    {
        int start = 0;
        double bytes = 0;
        int slots = 0;
        double limit = Math.Min(budget, MostBytesInOnePiece);
        for (int i = 0; i < table.Count; i++)
        {
            double more = DeviceBatch.BytesPerContext(plan, table.Samples[i], table.Real[i]);
            if (i > start && bytes + more > limit)
            {
                yield return new BatchRange(start, i - start, slots);
                (start, bytes, slots) = (i, 0, 0);
            }

            bytes += more;
            int largest = (int)plan.Schedule.LargestSet(table.Samples[i], table.Real[i]);
            slots = Math.Max(slots, TokenTable.Slots(largest, plan.Vocabulary));
        }

        yield return new BatchRange(start, table.Count - start, slots);
    }
}
