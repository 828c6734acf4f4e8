using MathNet.Numerics.LinearAlgebra;

namespace Collapse.Softmax.Refit;

/// <summary>
/// The readable definition of every refit: dense matrices, double precision, one loop per sum, no classes, no tiles.
/// The fast paths must agree with it. One-hot contexts are embeddings equal to the identity, d = c.
/// </summary>
/// <param name="counts">The training data.</param>
/// <param name="embedding">c × d: row j is e_j.</param>
/// <param name="options">Penalty and weighting; threads and width mean nothing here.</param>
public sealed class ReferenceRefit(CountRows counts, Matrix<double> embedding, RefitOptions options)
{
    private readonly double[] _weights = options.Weights(counts);

    /// <summary>q_j = counts / n_j, s numbers.</summary>
    public double[] Target(int context)
    {
        var target = new double[counts.Vocabulary];
        for (int i = 0; i < counts.Tokens(context).Length; i++)
        {
            target[counts.Tokens(context)[i]] = (double)counts.Counts(context)[i] / counts.Size(context);
        }

        return target;
    }

    /// <summary>(count + λ)/(n_j + λ s), s numbers; λ = 0 is eq. 2.</summary>
    public double[] Smoothed(int context, double lambda)
    {
        double n = counts.Size(context);
        return [.. Target(context).Select(q => ((q * n) + lambda) / (n + (lambda * counts.Vocabulary)))];
    }

    /// <summary>p_j = softmax(Wᵀ e_j), s numbers.</summary>
    /// <param name="w">W, d × s.</param>
    /// <param name="context">The context j.</param>
    public double[] Probabilities(Matrix<double> w, int context) => [.. LogProbabilities(w, context).Select(Math.Exp)];

    /// <summary>F(W) = -Σ_j w_j Σ_i q_ji ln p_ji + (L2/2)·‖W‖².</summary>
    /// <param name="w">W, d × s.</param>
    public double Loss(Matrix<double> w)
    {
        ArgumentNullException.ThrowIfNull(w);
        double loss = 0;
        for (int j = 0; j < counts.Contexts; j++)
        {
            double[] q = Target(j);
            double[] logP = LogProbabilities(w, j);
            for (int i = 0; i < counts.Vocabulary; i++)
            {
                loss -= _weights[j] * q[i] * logP[i];
            }
        }

        return loss + (options.L2 / 2 * w.PointwiseMultiply(w).RowSums().Sum());
    }

    /// <summary>∇F(W) = Σ_j w_j e_j (p_j - q_j)ᵀ + L2·W, d × s.</summary>
    /// <param name="w">W, d × s.</param>
    public Matrix<double> Gradient(Matrix<double> w)
    {
        ArgumentNullException.ThrowIfNull(w);
        Matrix<double> gradient = options.L2 * w;
        for (int j = 0; j < counts.Contexts; j++)
        {
            double[] q = Target(j);
            double[] p = Probabilities(w, j);
            for (int k = 0; k < embedding.ColumnCount; k++)
            {
                for (int i = 0; i < counts.Vocabulary; i++)
                {
                    gradient[k, i] += _weights[j] * embedding[j, k] * (p[i] - q[i]);
                }
            }
        }

        return gradient;
    }

    /// <summary>Λ: the square of the largest singular value of the rows √w_j·e_j.</summary>
    public double LargestEigenvalue()
    {
        Matrix<double> scaled = embedding.MapIndexed((j, _, x) => Math.Sqrt(_weights[j]) * x);
        double largest = scaled.Svd(computeVectors: false).S.Maximum();
        return largest * largest;
    }

    /// <summary>Gradient descent with momentum: W after all steps.</summary>
    /// <param name="method">Steps, rate and momentum.</param>
    /// <param name="start">The starting W, d × s.</param>
    public Matrix<double> Descend(RefitMethod.Gradient method, Matrix<double> start)
    {
        ArgumentNullException.ThrowIfNull(method);
        ArgumentNullException.ThrowIfNull(start);
        double rate = method.Rate / LargestEigenvalue();
        Matrix<double> w = start.Clone();
        Matrix<double> velocity = Matrix<double>.Build.Dense(w.RowCount, w.ColumnCount);
        for (int step = 0; step < method.Steps; step++)
        {
            velocity = (method.Momentum * velocity) - (rate * Gradient(w));
            w += velocity;
        }

        return w;
    }

    /// <summary>
    /// Damped Newton with the whole (d s) × (d s) Hessian, until ‖∇F‖ ≤ the tolerance or 500 steps. The step length
    /// is that of <see cref="OneHotRow.StepNewton"/>, with the largest range over contexts.
    /// </summary>
    /// <param name="tolerance">The largest norm of the gradient.</param>
    public Matrix<double> Minimise(double tolerance)
    {
        int d = embedding.ColumnCount;
        int s = counts.Vocabulary;
        Matrix<double> w = Matrix<double>.Build.Dense(d, s);
        for (int step = 0; step < 500 && Gradient(w).FrobeniusNorm() > tolerance; step++)
        {
            // Logits may all be shifted at no cost; so little curvature more makes the solution unique.
            Matrix<double> hessian = Hessian(w) + Matrix<double>.Build.DenseIdentity(d * s, d * s).Multiply(1e-13);
            Vector<double> solved = hessian.Solve(-Vector<double>.Build.Dense(Gradient(w).ToRowMajorArray()));
            Matrix<double> direction = Matrix<double>.Build.DenseOfRowMajor(d, s, solved);
            double range = (embedding * direction).EnumerateRows().Max(z => z.Maximum() - z.Minimum());
            w += (range > 1e-8 ? Math.Log(1 + range) / range : 1) * direction;
        }

        return w;
    }

    /// <summary>Σ_j w_j (e_j e_jᵀ) ⊗ (diag(p_j) - p_j p_jᵀ) + L2: rows and columns number (k, i) as k s + i.</summary>
    private Matrix<double> Hessian(Matrix<double> w)
    {
        int d = embedding.ColumnCount;
        int s = counts.Vocabulary;
        Matrix<double> hessian = Matrix<double>.Build.DenseIdentity(d * s, d * s).Multiply(options.L2);
        for (int j = 0; j < counts.Contexts; j++)
        {
            Vector<double> p = Vector<double>.Build.Dense(Probabilities(w, j));
            Matrix<double> inner = Matrix<double>.Build.DenseOfDiagonalVector(p) - p.OuterProduct(p);
            Vector<double> e = embedding.Row(j);
            hessian +=
                _weights[j] * e.ToColumnMatrix().TransposeAndMultiply(e.ToColumnMatrix()).KroneckerProduct(inner);
        }

        return hessian;
    }

    private double[] LogProbabilities(Matrix<double> w, int context)
    {
        double[] z = [.. embedding.Row(context) * w];
        double largest = z.Max();
        double logSum = largest + Math.Log(z.Sum(x => Math.Exp(x - largest)));
        return [.. z.Select(x => x - logSum)];
    }
}
