using MathNet.Numerics.RootFinding;

namespace Collapse.Priors;

/// <summary>p_i = 1/s.</summary>
internal sealed class UniformPrior(string specification, int vocabulary) : Prior(specification, vocabulary)
{
    public override void WriteWeights(ulong seed, uint context, Span<double> weights) => weights.Fill(1);
}

/// <summary>p_i ∝ i^-exponent for i = 1 … support, 0 beyond.</summary>
internal sealed class PowerLawPrior(string specification, int vocabulary, int support, double exponent)
    : Prior(specification, vocabulary)
{
    public override void WriteWeights(ulong seed, uint context, Span<double> weights)
    {
        weights.Clear();
        for (int i = 0; i < support; i++)
        {
            weights[i] = Math.Pow(i + 1, -exponent);
        }
    }

    /// <summary>The exponent with which Σ p_i² over the support is <paramref name="sumOfSquares"/> (the paper's figures).</summary>
    public static double ExponentFor(int support, double sumOfSquares)
    {
        // The sum of squares grows with the exponent from 1/support at 0 to 1 in the limit.
        double upper = 1;
        while (SumOfSquares(support, upper) < sumOfSquares)
        {
            upper *= 2;
        }

        return Brent.FindRoot(a => SumOfSquares(support, a) - sumOfSquares, 0, upper, 1e-14, 200);
    }

    private static double SumOfSquares(int support, double exponent)
    {
        double sum = 0;
        double squares = 0;
        for (int i = support; i >= 1; i--)
        {
            double weight = Math.Pow(i, -exponent);
            sum += weight;
            squares += weight * weight;
        }

        return squares / (sum * sum);
    }
}

/// <summary>Weights read from a file: one law for all contexts, or one row per context.</summary>
internal sealed class WeightsPrior(string specification, double[][] rows) : Prior(specification, rows[0].Length)
{
    public override int? Contexts => rows.Length > 1 ? rows.Length : null;

    public override bool DiffersByContext => rows.Length > 1;

    public override void WriteWeights(ulong seed, uint context, Span<double> weights) =>
        rows[DiffersByContext ? (int)context : 0].CopyTo(weights);
}
