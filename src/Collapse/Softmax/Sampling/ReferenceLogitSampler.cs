using System.Numerics;
using Collapse.Kernels;

namespace Collapse.Softmax.Sampling;

/// <summary>
/// The meaning of sampling from logits in plain code: one row after the other, tokens in lists, one call per draw. Slow;
/// the vectors and the devices must equal it, count for count.
/// </summary>
public static class ReferenceLogitSampler
{
    /// <summary>Draws from every row.</summary>
    /// <inheritdoc cref="LogitSampler.Sample"/>
    public static SampledCounts Sample(
        ILogitSource logits,
        ReadOnlyMemory<int> samples,
        SamplingRule rule,
        LogitStreams streams
    )
    {
        ArgumentNullException.ThrowIfNull(logits);
        ArgumentNullException.ThrowIfNull(rule);
        rule.Check();
        LogitCheck.CheckSizes(logits, samples.Span);
        var counts = new RowCounter();
        var buffer = new float[logits.Tokens];
        for (int row = 0; row < logits.Rows; row++)
        {
            if (samples.Span[row] > 0)
            {
                float[] values = logits.Row(row, buffer).ToArray();
                if (!values.All(l => l < float.PositiveInfinity) || values.Max() == float.NegativeInfinity)
                {
                    throw LogitCheck.Refuse(values, row);
                }

                counts.Count(row, Draw(values, samples.Span[row], rule, streams, row));
            }
        }

        return RowCounter.Join([counts], logits.Rows);
    }

    /// <summary>The tokens that a rule keeps, ascending.</summary>
    /// <param name="logits">The logits of a row, one at least finite and none above.</param>
    /// <param name="rule">The rule.</param>
    public static int[] Kept(IReadOnlyList<float> logits, SamplingRule rule)
    {
        ArgumentNullException.ThrowIfNull(logits);
        ArgumentNullException.ThrowIfNull(rule);
        int[] kept =
        [
            .. Enumerable.Range(0, logits.Count).OrderByDescending(i => logits[i]).Take(rule.TopK ?? int.MaxValue),
        ];
        if (rule.TopK < logits.Count)
        {
            kept = [.. kept.Where(i => logits[i] > float.NegativeInfinity)];
        }

        if (rule.TopP < 1)
        {
            // 2^1023·p is exact, and whole unless p is so small that one token is kept in any case.
            BigInteger p = BigInteger.Max((BigInteger)(rule.TopP * Math.Pow(2, 1023)), BigInteger.One);
            float largest = logits.Max();
            BigInteger[] masses = [.. kept.Select(i => Mass(logits[i] - largest, rule))];
            BigInteger total = masses.Aggregate(BigInteger.Zero, (a, b) => a + b);
            BigInteger sum = 0;
            int count = 0;
            while (sum << 1023 < p * total)
            {
                sum += masses[count++];
            }

            kept = kept[..count];
        }

        Array.Sort(kept);
        return kept;
    }

    private static BigInteger Mass(float difference, SamplingRule rule)
    {
        uint mantissa = SoftmaxWeight.Mantissa(difference, new SoftmaxScale(rule.Temperature), out int shift);
        return ((BigInteger)mantissa << 20) >> shift;
    }

    private static int[] Draw(float[] row, int samples, SamplingRule rule, LogitStreams streams, int number)
    {
        int[] kept = Kept(row, rule);
        float largest = row.Max();
        var scale = new SoftmaxScale(rule.Temperature);
        uint[] units = new uint[kept.Length];
        for (int i = 0; i < kept.Length; i++)
        {
            uint mantissa = SoftmaxWeight.Mantissa(row[kept[i]] - largest, scale, out int shift);
            units[i] = SoftmaxWeight.Units(mantissa, shift);
        }

        ulong unitSum = units.Aggregate(0ul, (a, b) => a + b);
        ulong bound = unitSum + (ulong)kept.Length;
        int[] order = [.. Order(kept.Length)];
        int[] drawn = new int[samples];
        for (int d = 0; d < samples; d++)
        {
            drawn[d] = kept[DrawOne((uint)d)];
        }

        return drawn;

        int DrawOne(uint draw)
        {
            UInt128 product = 0;
            for (uint attempt = 0; attempt < SoftmaxDraw.Tries; attempt++)
            {
                product = (UInt128)SoftmaxDraw.Lane(streams.Draws(number), draw, attempt) * bound;
                var u = (ulong)(product >> 64);
                if ((ulong)product < SoftmaxDraw.Threshold(bound))
                {
                    continue;
                }

                if (u < unitSum)
                {
                    return Locate(u);
                }

                int i = (int)(u - unitSum);
                uint mantissa = SoftmaxWeight.Mantissa(row[kept[i]] - largest, scale, out int shift);
                PhiloxBlock bits = SoftmaxDraw.BlockOf(streams.Rests(number), draw, attempt);
                if (SoftmaxDraw.Accepts(SoftmaxWeight.Rest(mantissa, shift), shift, bits))
                {
                    return i;
                }
            }

            return Locate((ulong)(product >> 64) % unitSum);
        }

        int Locate(ulong u)
        {
            int place = 0;
            while (u >= units[order[place]])
            {
                u -= units[order[place++]];
            }

            return order[place];
        }
    }

    /// <summary>Entries in the order in which their units follow one another.</summary>
    internal static IEnumerable<int> Order(int count)
    {
        for (long block = 0; block < count; block += SoftmaxDraw.BlockTokens)
        {
            for (int column = 0; column < SoftmaxDraw.Columns; column++)
            {
                for (int line = 0; line < SoftmaxDraw.Lines; line++)
                {
                    long entry = block + (SoftmaxDraw.Columns * line) + column;
                    if (entry < count)
                    {
                        yield return (int)entry;
                    }
                }
            }
        }
    }
}
