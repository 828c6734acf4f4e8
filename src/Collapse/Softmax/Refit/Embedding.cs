using System.Globalization;
using Collapse.Kernels;
using MathNet.Numerics.Distributions;

namespace Collapse.Softmax.Refit;

/// <summary>A vector e_j of D numbers for each of c contexts.</summary>
public sealed class Embedding
{
    internal const int LargestDimension = 4096;

    private static readonly ParameterRange DimensionRange = new(
        "--embedding",
        1,
        LargestDimension,
        "choose the dimension D"
    );

    private readonly float[] _values;

    private Embedding(int contexts, int dimension, float[] values)
    {
        Contexts = contexts;
        Dimension = dimension;
        _values = values;
    }

    /// <summary>Contexts c.</summary>
    public int Contexts { get; }

    /// <summary>Numbers D per context.</summary>
    public int Dimension { get; }

    /// <summary>The vector of a context.</summary>
    public ReadOnlySpan<float> this[int context] => _values.AsSpan((int)((long)context * Dimension), Dimension);

    /// <summary>
    /// Gaussian embeddings, e_j ~ N(0, I/D), so that |e_j| is about 1. Entry k is Φ⁻¹((x + ½)/2^32)/√D, rounded to
    /// float32, with x the 32-bit lane k of the stream of context <paramref name="firstContext"/> + j, purpose
    /// <see cref="DrawPurpose.Embedding"/>, generation and segment 0: |Φ⁻¹| is at most 6.34. A vector depends on
    /// nothing but the seed, its context and D.
    /// </summary>
    /// <param name="seed">The run's seed.</param>
    /// <param name="firstContext">Number of the first context.</param>
    /// <param name="contexts">Contexts c.</param>
    /// <param name="dimension">D, 1 to 4096.</param>
    /// <exception cref="InvalidInputException">D is out of range.</exception>
    public static Embedding Gaussian(ulong seed, uint firstContext, int contexts, int dimension)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(contexts, 1);
        DimensionRange.Check(dimension);
        var values = new float[CheckedLength(contexts, dimension)];
        double scale = 1 / Math.Sqrt(dimension);
        for (int j = 0; j < contexts; j++)
        {
            var stream = new DrawStream(seed, firstContext + (uint)j, 0, 0, DrawPurpose.Embedding);
            Span<float> row = values.AsSpan(j * dimension, dimension);
            for (int k = 0; k < dimension; k++)
            {
                PhiloxBlock block = stream.Block((uint)k / 4, 0);
                uint x = (k % 4) switch
                {
                    0 => block.X0,
                    1 => block.X1,
                    2 => block.X2,
                    _ => block.X3,
                };
                row[k] = (float)(Normal.InvCDF(0, 1, (x + 0.5) / 4294967296.0) * scale);
            }
        }

        return new Embedding(contexts, dimension, values);
    }

    /// <summary>Given vectors.</summary>
    /// <param name="dimension">D, 1 to 4096.</param>
    /// <param name="values">c·D finite numbers, context after context; copied.</param>
    /// <exception cref="InvalidInputException">D is out of range, or the numbers are not such.</exception>
    public static Embedding FromValues(int dimension, ReadOnlySpan<float> values)
    {
        DimensionRange.Check(dimension);
        bool isFinite = true;
        bool isZero = true;
        foreach (float value in values)
        {
            isFinite &= float.IsFinite(value);
            isZero &= value == 0;
        }

        if (values.Length % dimension != 0 || isZero || !isFinite)
        {
            throw new InvalidInputException(
                "embedding",
                values.Length.ToString(CultureInfo.InvariantCulture),
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"must be finite numbers, not all 0, as many as a multiple of D = {dimension}"
                ),
                "give D numbers per context"
            );
        }

        return new Embedding(values.Length / dimension, dimension, values.ToArray());
    }

    /// <summary>
    /// Λ, the largest eigenvalue of Σ_j w_j e_j e_jᵀ. The Hessian of the cross-entropy is at most Λ/2, because that
    /// of a log-sum-exp, diag(p) - p pᵀ, is at most 1/2.
    /// </summary>
    internal double LargestEigenvalue(ReadOnlySpan<double> weights)
    {
        var gram = new double[Dimension * Dimension];
        for (int j = 0; j < Contexts; j++)
        {
            ReadOnlySpan<float> row = this[j];
            for (int k = 0; k < Dimension; k++)
            {
                double scaled = weights[j] * row[k];
                Span<double> target = gram.AsSpan(k * Dimension, Dimension);
                for (int l = 0; scaled != 0 && l < Dimension; l++)
                {
                    target[l] += scaled * row[l];
                }
            }
        }

        return PowerIteration(gram);
    }

    /// <summary>
    /// The largest eigenvalue of a symmetric matrix without negative ones, as a Rayleigh quotient: its error shrinks
    /// with the square of that of the vector. A full decomposition would take minutes at D = 4096.
    /// </summary>
    private double PowerIteration(double[] gram)
    {
        const int MostIterations = 2000;
        const double Precision = 1e-13;
        double[] x = [.. Enumerable.Range(0, Dimension).Select(k => 1 + ((double)k / Dimension))];
        var y = new double[Dimension];
        double eigenvalue = 0;
        for (int iteration = 0; iteration < MostIterations; iteration++)
        {
            double norm = Math.Sqrt(Dot(x, x));
            for (int k = 0; k < Dimension; k++)
            {
                x[k] /= norm;
            }

            for (int k = 0; k < Dimension; k++)
            {
                y[k] = Dot(gram.AsSpan(k * Dimension, Dimension), x);
            }

            double before = eigenvalue;
            eigenvalue = Dot(x, y);
            (x, y) = (y, x);
            if (Math.Abs(eigenvalue - before) <= Precision * eigenvalue)
            {
                break;
            }
        }

        return eigenvalue;
    }

    private static double Dot(ReadOnlySpan<double> x, ReadOnlySpan<double> y)
    {
        double sum = 0;
        for (int i = 0; i < x.Length; i++)
        {
            sum += x[i] * y[i];
        }

        return sum;
    }

    private static int CheckedLength(int contexts, int dimension)
    {
        long length = (long)contexts * dimension;
        return length <= Array.MaxLength
            ? (int)length
            : throw new InvalidInputException(
                "--embedding",
                dimension.ToString(CultureInfo.InvariantCulture),
                string.Create(CultureInfo.InvariantCulture, $"c·D must be at most {Array.MaxLength:N0}"),
                "choose a smaller dimension or fewer contexts"
            );
    }
}
