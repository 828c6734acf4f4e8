namespace Collapse.Theory;

/// <summary>Elementary functions that .NET lacks, accurate to a few units in the last place.</summary>
internal static class SpecialLogs
{
    /// <summary>ln(1 + x) for x of at least -1.</summary>
    internal static double Log1P(double x)
    {
        // Kahan: the rounding error of 1 + x cancels in the quotient.
        var u = 1 + x;
        return u == 1 ? x
            : double.IsInfinity(u) ? u
            : u == 0 ? double.NegativeInfinity
            : Math.Log(u) * (x / (u - 1));
    }

    /// <summary>exp(x) - 1.</summary>
    internal static double ExpM1(double x)
    {
        if (x is < -1 or > 1)
        {
            return Math.Exp(x) - 1;
        }

        // exp(x) - 1 = 2 sinh(x/2) exp(x/2).
        return 2 * Math.Sinh(x / 2) * Math.Exp(x / 2);
    }
}

/// <summary>Sums of many terms.</summary>
internal static class Summation
{
    /// <summary>Sum of non-negative terms given from the smallest to the largest.</summary>
    internal static double OfSorted(IEnumerable<double> ascending)
    {
        double sum = 0;
        foreach (var x in ascending)
        {
            sum += x;
        }

        return sum;
    }
}
