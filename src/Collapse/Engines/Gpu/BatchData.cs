using Collapse.Corpora;
using Collapse.Running;

namespace Collapse.Engines.Gpu;

/// <summary>The truth of a batch as device tables: one for all contexts, one per context, or none (a corpus).</summary>
internal sealed record TruthData(ulong[] Thresholds, int[] Aliases, long[] Units, int[] Pure)
{
    public static TruthData Create(RunPlan plan, long first, int count)
    {
        var pure = new int[count];
        if (plan.IsCorpus)
        {
            pure.AsSpan().Fill(1);
            return new TruthData([], [], [], pure);
        }

        bool neverFresh = plan.Schedule.LastFreshUse == 0;
        if (plan.HasSharedTruth)
        {
            ContextTruth truth = plan.SharedTruth;
            pure.AsSpan().Fill(neverFresh || truth.Table.Support == 1 ? 1 : 0);
            return new TruthData(truth.Table.Thresholds, truth.Table.Aliases, truth.Units, pure);
        }

        long length = (long)count * plan.Vocabulary;
        var data = new TruthData(new ulong[length], new int[length], new long[length], pure);
        Parallel.For(
            0,
            count,
            i =>
            {
                ContextTruth truth = plan.TruthOf(first + i);
                long start = (long)i * plan.Vocabulary;
                truth.Table.Thresholds.CopyTo(data.Thresholds, start);
                truth.Table.Aliases.CopyTo(data.Aliases, start);
                truth.Units.CopyTo(data.Units, start);
                pure[i] = neverFresh || truth.Table.Support == 1 ? 1 : 0;
            }
        );
        return data;
    }
}

/// <summary>The held-out counts of a batch as sparse rows.</summary>
internal sealed record HeldOutData(long[] Offsets, int[] Tokens, int[] Counts)
{
    public static HeldOutData Create(RunPlan plan, long first, int count)
    {
        if (plan.Settings.HeldOut is not HeldOutCounts heldOut)
        {
            return new HeldOutData(new long[count + 1], [], []);
        }

        long[] offsets = heldOut.Offsets.Slice((int)first, count + 1).ToArray();
        long start = offsets[0];
        int length = (int)(offsets[^1] - start);
        for (int i = 0; i < offsets.Length; i++)
        {
            offsets[i] -= start;
        }

        return new HeldOutData(
            offsets,
            heldOut.Tokens.Slice((int)start, length).ToArray(),
            heldOut.Counts.Slice((int)start, length).ToArray()
        );
    }
}
