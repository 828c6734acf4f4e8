using System.Numerics;
using System.Runtime.InteropServices;

namespace Collapse.Theory;

/// <summary>The inner loops of the banded laws, on SIMD registers.</summary>
internal static class Vectors
{
    /// <summary>Sum of x[i] y[i]; equal lengths.</summary>
    internal static double Dot(ReadOnlySpan<double> x, ReadOnlySpan<double> y)
    {
        var vx = MemoryMarshal.Cast<double, Vector<double>>(x);
        var vy = MemoryMarshal.Cast<double, Vector<double>>(y[..x.Length]);
        var sum = Vector<double>.Zero;
        for (var i = 0; i < vx.Length; i++)
        {
            sum += vx[i] * vy[i];
        }

        var total = Vector.Sum(sum);
        for (var i = vx.Length * Vector<double>.Count; i < x.Length; i++)
        {
            total += x[i] * y[i];
        }

        return total;
    }

    /// <summary>target[i] += scale x[i]; equal lengths.</summary>
    internal static void AddScaled(Span<double> target, ReadOnlySpan<double> x, double scale)
    {
        var vx = MemoryMarshal.Cast<double, Vector<double>>(x);
        var vt = MemoryMarshal.Cast<double, Vector<double>>(target[..x.Length]);
        for (var i = 0; i < vx.Length; i++)
        {
            vt[i] += vx[i] * scale;
        }

        for (var i = vx.Length * Vector<double>.Count; i < x.Length; i++)
        {
            target[i] += scale * x[i];
        }
    }

    /// <summary>target[i] = x[i] a[i] + y[i] b[i]; equal lengths.</summary>
    internal static void Combine(
        Span<double> target,
        ReadOnlySpan<double> x,
        ReadOnlySpan<double> a,
        ReadOnlySpan<double> y,
        ReadOnlySpan<double> b
    )
    {
        var vt = MemoryMarshal.Cast<double, Vector<double>>(target);
        var vx = MemoryMarshal.Cast<double, Vector<double>>(x);
        var va = MemoryMarshal.Cast<double, Vector<double>>(a);
        var vy = MemoryMarshal.Cast<double, Vector<double>>(y);
        var vb = MemoryMarshal.Cast<double, Vector<double>>(b);
        for (var i = 0; i < vt.Length; i++)
        {
            vt[i] = vx[i] * va[i] + vy[i] * vb[i];
        }

        for (var i = vt.Length * Vector<double>.Count; i < target.Length; i++)
        {
            target[i] = x[i] * a[i] + y[i] * b[i];
        }
    }

    internal static double Sum(ReadOnlySpan<double> x)
    {
        double sum = 0;
        foreach (var value in x)
        {
            sum += value;
        }

        return sum;
    }
}
