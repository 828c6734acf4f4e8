namespace Collapse.Theory;

/// <summary>The law of A_m, advanced generation by generation.</summary>
internal sealed class AncestorWalk
{
    private const int QuadraturePoints = 48;

    /// <summary>(1 - p)^a is below exp(-45) of 1, and so without weight, where p a exceeds this.</summary>
    private const double NegligibleExponent = 45;

    /// <summary>Largest exponent over half the law's width that the quadrature is trusted with: its error is below 6^48/48!, 2e-24.</summary>
    private const double LargestExponent = 12;

    private readonly AncestralChain _chain;
    private readonly OccupancyRow _scratch;
    private double[] _law;
    private double[] _next;
    private (int Generation, double[] Points, double[] Weights)? _quadrature;

    internal AncestorWalk(AncestralChain chain, int start)
    {
        _chain = chain;
        _scratch = new OccupancyRow(chain.Samples);
        _law = new double[start + 1];
        _next = new double[start + 1];
        _law[start] = 1;
        Generation = 1;
        First = start;
        Last = start;
    }

    internal int Generation { get; private set; }

    internal int First { get; private set; }

    internal int Last { get; private set; }

    /// <summary>P(A_m = a) for a = First..Last.</summary>
    internal ReadOnlySpan<double> Law => _law.AsSpan(First, Last - First + 1);

    internal void Advance()
    {
        var lowest = int.MaxValue;
        var highest = 0;
        var (law, next) = (_law, _next);
        _chain.Rows(
            First,
            Last,
            _scratch,
            (balls, first, band) =>
            {
                Vectors.AddScaled(next.AsSpan(first), band, law[balls]);
                lowest = Math.Min(lowest, first);
                highest = Math.Max(highest, first + band.Length - 1);
            }
        );
        law.AsSpan(First, Last - First + 1).Clear();
        while (next[lowest] < OccupancyRow.Negligible)
        {
            next[lowest++] = 0;
        }

        while (next[highest] < OccupancyRow.Negligible)
        {
            next[highest--] = 0;
        }

        (_law, _next) = (next, law);
        First = lowest;
        Last = highest;
        Generation++;
    }

    /// <summary>E[value(A_m)], with value(a) at index a.</summary>
    internal double Expectation(ReadOnlySpan<double> values) => Vectors.Dot(Law, values[First..]);

    /// <summary>
    /// E[value(A_m)] of values such as (1 - p)^a and sums of them, at few points where the law is wide: the law's
    /// interpolatory quadrature at Chebyshev points (docs/theory.md, "Few points for a wide law").
    /// </summary>
    internal double SmoothExpectation(Func<double, double> value)
    {
        var (points, weights) = Quadrature();
        double sum = 0;
        for (var i = 0; i < points.Length; i++)
        {
            sum += weights[i] * value(points[i]);
        }

        return sum;
    }

    private (double[] Points, double[] Weights) Quadrature()
    {
        if (_quadrature is { } made && made.Generation == Generation)
        {
            return (made.Points, made.Weights);
        }

        double[] points;
        double[] weights;
        var half = (Last - First) / 2.0;
        if (half < QuadraturePoints || half * NegligibleExponent > LargestExponent * First)
        {
            points = [.. Enumerable.Range(First, Last - First + 1).Select(a => (double)a)];
            weights = Law.ToArray();
        }
        else
        {
            points = new double[QuadraturePoints];
            weights = new double[QuadraturePoints];
            var terms = new double[QuadraturePoints];
            for (var j = 0; j < QuadraturePoints; j++)
            {
                points[j] = (First + Last) / 2.0 + half * Math.Cos(Math.PI * (2 * j + 1) / (2.0 * QuadraturePoints));
            }

            for (var a = First; a <= Last; a++)
            {
                AddInterpolationWeights(a, _law[a], points, terms, weights);
            }
        }

        _quadrature = (Generation, points, weights);
        return (points, weights);
    }

    /// <summary>Adds probability times each Lagrange polynomial at x, by the barycentric formula of the Chebyshev points.</summary>
    private static void AddInterpolationWeights(
        double x,
        double probability,
        double[] points,
        double[] terms,
        double[] weights
    )
    {
        double total = 0;
        for (var j = 0; j < points.Length; j++)
        {
            var distance = x - points[j];
            if (distance == 0)
            {
                weights[j] += probability;
                return;
            }

            var sign = j % 2 == 0 ? 1 : -1;
            terms[j] = sign * Math.Sin(Math.PI * (2 * j + 1) / (2.0 * points.Length)) / distance;
            total += terms[j];
        }

        for (var j = 0; j < points.Length; j++)
        {
            weights[j] += probability * terms[j] / total;
        }
    }
}
