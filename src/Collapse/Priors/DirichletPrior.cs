using Collapse.Kernels;
using MathNet.Numerics.Distributions;
using MathNet.Numerics.Random;

namespace Collapse.Priors;

/// <summary>A symmetric Dirichlet law per context: normalised Gamma(alpha) variates.</summary>
internal sealed class DirichletPrior(string specification, int vocabulary, double alpha)
    : Prior(specification, vocabulary)
{
    public override bool DiffersByContext => true;

    public override void WriteWeights(ulong seed, uint context, Span<double> weights)
    {
        var random = new PhiloxSource(new DrawStream(seed, context, 0, 0, DrawPurpose.Prior));
        double largest = double.NegativeInfinity;
        for (int i = 0; i < weights.Length; i++)
        {
            // Gamma(a) = Gamma(a + 1)·U^(1/a), in logs: for small a the variate itself would underflow.
            weights[i] = Math.Log(Gamma.Sample(random, alpha + 1, 1)) + Math.Log(random.NextDouble()) / alpha;
            largest = Math.Max(largest, weights[i]);
        }

        for (int i = 0; i < weights.Length; i++)
        {
            weights[i] = Math.Exp(weights[i] - largest);
        }
    }

    /// <summary>The plain stream as a Math.NET source: doubles in (0, 1), odd multiples of 2^-53, so all 2^52 of them exact.</summary>
    private sealed class PhiloxSource(DrawStream stream) : RandomSource(threadSafe: false)
    {
        private uint next;

        protected override double DoSample()
        {
            ulong bits = TruthDraw.Lane(stream, next++);
            return ((bits >> 12) + 0.5) * (1.0 / (1ul << 52));
        }
    }
}
