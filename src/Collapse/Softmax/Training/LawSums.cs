using System.Runtime.Intrinsics;

namespace Collapse.Softmax.Training;

/// <summary>Sums over the tokens of laws: eight partial sums by place, so that they have the same bits on every processor.</summary>
internal static class LawSums
{
    private const int Width = 8;

    /// <summary>Σ p_i².</summary>
    public static double Squares(ReadOnlySpan<double> p)
    {
        Vector512<double> sums = default;
        int whole = p.Length - (p.Length % Width);
        for (int i = 0; i < whole; i += Width)
        {
            Vector512<double> x = Vector512.Create(p[i..]);
            sums += x * x;
        }

        double sum = SumOf(sums);
        for (int i = whole; i < p.Length; i++)
        {
            sum += p[i] * p[i];
        }

        return sum;
    }

    /// <summary>max p_i.</summary>
    public static double Largest(ReadOnlySpan<double> p)
    {
        Vector512<double> largest = default;
        int whole = p.Length - (p.Length % Width);
        for (int i = 0; i < whole; i += Width)
        {
            largest = Vector512.Max(largest, Vector512.Create(p[i..]));
        }

        double found = 0;
        for (int lane = 0; lane < Width; lane++)
        {
            found = Math.Max(found, largest[lane]);
        }

        for (int i = whole; i < p.Length; i++)
        {
            found = Math.Max(found, p[i]);
        }

        return found;
    }

    /// <summary>The number of p_i above 0.</summary>
    public static int Support(ReadOnlySpan<double> p)
    {
        Vector512<long> counts = default;
        int whole = p.Length - (p.Length % Width);
        for (int i = 0; i < whole; i += Width)
        {
            // A true comparison has all bits set: -1.
            counts -= Vector512.GreaterThan(Vector512.Create(p[i..]), Vector512<double>.Zero).AsInt64();
        }

        var support = (int)Vector512.Sum(counts);
        for (int i = whole; i < p.Length; i++)
        {
            support += p[i] > 0 ? 1 : 0;
        }

        return support;
    }

    /// <summary>Σ |p_i - q_i|, and the mass under q of the tokens with p_i = 0.</summary>
    public static (double Distance, double Unseen) Compare(ReadOnlySpan<double> p, ReadOnlySpan<double> q)
    {
        Vector512<double> distances = default;
        Vector512<double> unseen = default;
        int whole = p.Length - (p.Length % Width);
        for (int i = 0; i < whole; i += Width)
        {
            Vector512<double> x = Vector512.Create(p[i..]);
            Vector512<double> y = Vector512.Create(q[i..]);
            distances += Vector512.Abs(x - y);
            unseen += y & Vector512.Equals(x, Vector512<double>.Zero);
        }

        double distance = SumOf(distances);
        double mass = SumOf(unseen);
        for (int i = whole; i < p.Length; i++)
        {
            distance += Math.Abs(p[i] - q[i]);
            mass += p[i] == 0 ? q[i] : 0;
        }

        return (distance, mass);
    }

    /// <summary>sum_i ← sum_i + factor·p_i.</summary>
    public static void Add(Span<double> sum, double factor, ReadOnlySpan<double> p)
    {
        for (int i = 0; i < sum.Length; i++)
        {
            sum[i] += factor * p[i];
        }
    }

    private static double SumOf(Vector512<double> parts)
    {
        double sum = 0;
        for (int lane = 0; lane < Width; lane++)
        {
            sum += parts[lane];
        }

        return sum;
    }
}
