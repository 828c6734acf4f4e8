using Collapse.Kernels;
using Collapse.Running;

namespace Collapse.Engines.Cpu;

/// <summary>The sums of an <see cref="ObservableRow"/> from a table of counts.</summary>
internal static class RowSums
{
    public static void Write(
        ReadOnlySpan<int> counts,
        LocalVocabulary vocabulary,
        RunPlan plan,
        long size,
        long firstSize,
        bool hasTruth,
        Span<long> row
    )
    {
        ReadOnlySpan<int> tokens = vocabulary.Tokens;
        ReadOnlySpan<int> first = vocabulary.First;
        ReadOnlySpan<long> units = vocabulary.Units;
        ReadOnlySpan<long> logs = plan.Logs;
        long squares = 0;
        long max = 0;
        long support = 0;
        long countLogs = 0;
        long l1First = size * firstSize;
        long l1Truth = hasTruth ? plan.TruthScale * size : 0;
        long unseen = hasTruth ? plan.TruthScale : firstSize;
        ulong hash = 0;
        for (int i = 0; i < counts.Length; i++)
        {
            int count = counts[i];
            if (count == 0)
            {
                continue;
            }

            squares += (long)count * count;
            max = Math.Max(max, ObservableRow.Pack(count, tokens[i]));
            support++;
            countLogs += count * LogTable.Ln(logs, count);
            hash += CountsHash.Share(tokens[i], count);

            // Absent tokens add f_i·n each: n·n_1 in all, less those present. Likewise for the truth.
            l1First += Math.Abs((count * firstSize) - (first[i] * size)) - (first[i] * size);
            if (hasTruth)
            {
                l1Truth += Math.Abs((count * plan.TruthScale) - (size * units[i])) - (size * units[i]);
                unseen -= units[i];
            }
            else
            {
                unseen -= first[i];
            }
        }

        row[ObservableRow.SumOfSquares] = squares;
        row[ObservableRow.MaxAndToken] = max;
        row[ObservableRow.Support] = support;
        row[ObservableRow.CountLogCount] = countLogs;
        row[ObservableRow.L1FromFirst] = l1First;
        row[ObservableRow.L1FromTruth] = l1Truth;
        row[ObservableRow.UnseenMass] = unseen;
        row[ObservableRow.Hash] = (long)hash;
        AddHeldOut(counts, vocabulary.HeldOut, logs, plan.Settings.HeldOut is not null, row);
    }

    private static void AddHeldOut(
        ReadOnlySpan<int> counts,
        ReadOnlySpan<int> heldOut,
        ReadOnlySpan<long> logs,
        bool isGiven,
        Span<long> row
    )
    {
        row[ObservableRow.HeldOutLog] = 0;
        row[ObservableRow.HeldOutCovered] = 0;
        for (int i = 0; isGiven && i < counts.Length; i++)
        {
            if (counts[i] > 0 && heldOut[i] > 0)
            {
                row[ObservableRow.HeldOutLog] += heldOut[i] * LogTable.Ln(logs, counts[i]);
                row[ObservableRow.HeldOutCovered] += heldOut[i];
            }
        }
    }
}
