using System.Numerics;
using Collapse.Kernels;

namespace Collapse.Engines;

/// <summary>
/// The counts of n draws among tokens, in plain code: the tokens are split in two, the draws that fall to the left part
/// are binomial, and so on in each part.
/// </summary>
internal sealed class ReferenceBinomial(DrawStream stream, ulong[] halves)
{
    private uint _lane;

    /// <summary>Adds the counts of <paramref name="draws"/> draws among tokens with these counts.</summary>
    public void Split(ReadOnlySpan<int> counts, int draws, List<int> drawn)
    {
        if (counts.Length == 1)
        {
            drawn.Add(draws);
            return;
        }

        // The left part is the shortest that holds half of the tokens; at least one token is on either side.
        long total = 0;
        foreach (int count in counts)
        {
            total += count;
        }

        int middle = 1;
        long left = counts[0];
        while (2 * left < total && middle < counts.Length - 1)
        {
            left += counts[middle++];
        }

        int leftDraws = Binomial(draws, left, total);
        Split(counts[..middle], leftDraws, drawn);
        Split(counts[middle..], draws - leftDraws, drawn);
    }

    /// <summary>
    /// Binomial(draws, left / total): how many of so many numbers, uniform on [0, 1), lie below the fraction. They are
    /// compared with it place by place: while many are undecided bit by bit, all at once, since the number of those with
    /// a 0 in the next place is binomial with 1/2; the last of them byte by byte, each its own.
    /// </summary>
    private int Binomial(int draws, long left, long total)
    {
        int below = 0;
        int undecided = draws;
        long rest = left;
        while (undecided > CountRule.MostInBytes && rest > 0)
        {
            int zeros = Half(undecided);
            rest *= 2;
            if (rest < total)
            {
                // The fraction has a 0: whoever has a 1 is above it.
                undecided = zeros;
            }
            else
            {
                // It has a 1: whoever has a 0 is below.
                below += zeros;
                undecided -= zeros;
                rest -= total;
            }
        }

        while (undecided > 0 && rest > 0)
        {
            (long place, rest) = Math.DivRem(256 * rest, total);
            byte[] bytes = [.. Enumerable.Range(0, (undecided + 7) / 8).SelectMany(_ => BitConverter.GetBytes(Next()))];
            below += bytes.Take(undecided).Count(b => b < place);
            undecided = bytes.Take(undecided).Count(b => b == place);
        }

        return below;
    }

    private int Half(int tosses)
    {
        int heads = 0;
        for (int log = HalfBinomial.LargestLog; log >= HalfBinomial.SmallestLog; log--)
        {
            for (; tosses >= 1 << log; tosses -= 1 << log)
            {
                heads += FromTable(log);
            }
        }

        for (; tosses > 0; tosses -= 64)
        {
            ulong mask = tosses >= 64 ? ulong.MaxValue : (1UL << tosses) - 1;
            heads += BitOperations.PopCount(Next() & mask);
        }

        return heads;
    }

    private int FromTable(int log)
    {
        var table = (int)halves[log - HalfBinomial.SmallestLog];
        var count = (int)halves[table + 1];
        ReadOnlySpan<ulong> upper = halves.AsSpan(table + HalfBinomial.Thresholds, count);
        ReadOnlySpan<ulong> lower = halves.AsSpan(table + HalfBinomial.Thresholds + count, count);
        ulong lane = Next();
        ulong next = upper.Contains(lane) ? Next() : 0;
        var value = (int)halves[table];
        for (int i = 0; i < count; i++)
        {
            value += upper[i] < lane || (upper[i] == lane && lower[i] <= next) ? 1 : 0;
        }

        return value;
    }

    private ulong Next()
    {
        PhiloxBlock words = stream.Block(_lane / 2, 0);
        return _lane++ % 2 == 0 ? words.X0 | ((ulong)words.X1 << 32) : words.X2 | ((ulong)words.X3 << 32);
    }
}
