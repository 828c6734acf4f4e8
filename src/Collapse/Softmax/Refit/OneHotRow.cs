namespace Collapse.Softmax.Refit;

/// <summary>
/// One context's row of logits, in classes: all tokens with the same count and the same starting logit are one.
/// <para>
/// That is exact. The row's loss f(z) = ln Σ_i e^(z_i) - Σ_i q_i z_i + (μ/2)·‖z‖² does not change when two tokens
/// with equal q_i swap their logits. So for a permutation P of such tokens ∇f(P z) = P ∇f(z), and likewise for the
/// Newton step; if P z = z, the next iterate z' satisfies P z' = z' as well, and the velocity too. Equal at the
/// start is equal for ever, and the work does not depend on the size of the vocabulary: n tokens have at most √(2n)
/// distinct counts. Sums over tokens become sums over classes with multiplicities m_k.
/// </para>
/// </summary>
internal sealed class OneHotRow
{
    private double[] _target = [];
    private double[] _multiplicity = [];
    private double[] _logit = [];
    private double[] _velocity = [];
    private double[] _probability = [];
    private double[] _gradient = [];
    private double[] _direction = [];
    private int _classes;
    private double _penalty;

    /// <summary>The loss at the present logits, in nats.</summary>
    public double Loss { get; private set; }

    /// <summary>‖∇f‖ over all tokens.</summary>
    public double GradientNorm { get; private set; }

    /// <summary>The logits of the classes.</summary>
    public ReadOnlySpan<double> Logits => _logit.AsSpan(0, _classes);

    /// <summary>Starts a row.</summary>
    /// <param name="penalty">μ = L2/w_j.</param>
    public void Begin(double penalty)
    {
        _classes = 0;
        _penalty = penalty;
    }

    /// <summary>Adds a class; gives its number.</summary>
    /// <param name="target">q = count/n of each of its tokens.</param>
    /// <param name="logit">Their starting logit.</param>
    /// <param name="multiplicity">How many tokens it has.</param>
    public int AddClass(double target, double logit, double multiplicity)
    {
        if (_classes == _target.Length)
        {
            Grow();
        }

        _target[_classes] = target;
        _logit[_classes] = logit;
        _multiplicity[_classes] = multiplicity;
        _velocity[_classes] = 0;
        return _classes++;
    }

    /// <summary>Computes loss, probabilities and gradient at the present logits.</summary>
    public void Evaluate()
    {
        double largest = double.NegativeInfinity;
        for (int k = 0; k < _classes; k++)
        {
            largest = Math.Max(largest, _logit[k]);
        }

        double sum = 0;
        double linear = 0;
        double squares = 0;
        for (int k = 0; k < _classes; k++)
        {
            _probability[k] = Math.Exp(_logit[k] - largest);
            sum += _multiplicity[k] * _probability[k];
            linear += _multiplicity[k] * _target[k] * (_logit[k] - largest);
            squares += _multiplicity[k] * _logit[k] * _logit[k];
        }

        double norm = 0;
        for (int k = 0; k < _classes; k++)
        {
            _probability[k] /= sum;
            _gradient[k] = _probability[k] - _target[k] + (_penalty * _logit[k]);
            norm += _multiplicity[k] * _gradient[k] * _gradient[k];
        }

        Loss = Math.Log(sum) - linear + (_penalty / 2 * squares);
        GradientNorm = Math.Sqrt(norm);
    }

    /// <summary>A step of gradient descent with momentum.</summary>
    public void Descend(double rate, double momentum)
    {
        for (int k = 0; k < _classes; k++)
        {
            _velocity[k] = (momentum * _velocity[k]) - (rate * _gradient[k]);
            _logit[k] += _velocity[k];
        }

        Evaluate();
    }

    /// <summary>
    /// A damped Newton step. Along the Newton direction d the third derivative of the log-sum-exp is the third
    /// central moment of d under p, at most R = max d - min d times its variance, the second derivative. So
    /// f(z + t d) ≤ f(z) + t·f' + f''·(e^(R t) - R t - 1)/R² with f' = -f'' , and t = ln(1 + R)/R minimises the
    /// right side: the loss falls at every step from any start, with no search, and t → 1 as R → 0 (the step of
    /// Sun and Tran-Dinh, "Generalized self-concordant functions", 2019, for ν = 2).
    /// </summary>
    public void StepNewton()
    {
        double range = FindDirection();
        double step = range > 1e-8 ? LogOnePlus(range) / range : 1;
        for (int k = 0; k < _classes; k++)
        {
            _logit[k] += step * _direction[k];
        }

        Evaluate();
    }

    /// <summary>
    /// Solves (D - p pᵀ) d = -g with D = diag(p) + μ by the Sherman-Morrison formula; gives max d - min d. In
    /// d = -g/D + (p/D)·(p·(-g/D))/(1 - p·(p/D)) both parts of the last fraction vanish with μ; divided by μ they
    /// are Σ (p - q - p z)/D and Σ p/D. For μ = 0 the fraction multiplies the vector of ones, along which the loss
    /// is constant, and is left out.
    /// </summary>
    private double FindDirection()
    {
        double above = 0;
        double below = 0;
        for (int k = 0; k < _classes; k++)
        {
            double d = Diagonal(k);
            above += _multiplicity[k] * (_probability[k] - _target[k] - (_probability[k] * _logit[k])) / d;
            below += _multiplicity[k] * _probability[k] / d;
        }

        double shift = _penalty > 0 ? above / below : 0;
        double smallest = double.PositiveInfinity;
        double largest = double.NegativeInfinity;
        for (int k = 0; k < _classes; k++)
        {
            _direction[k] = ((shift * _probability[k]) - _gradient[k]) / Diagonal(k);
            smallest = Math.Min(smallest, _direction[k]);
            largest = Math.Max(largest, _direction[k]);
        }

        return largest - smallest;
    }

    // A probability that underflowed must not divide.
    private double Diagonal(int k) => Math.Max(_probability[k] + _penalty, 1e-290);

    private static double LogOnePlus(double x) => x < 1e-4 ? x * (1 - (x / 2)) : Math.Log(1 + x);

    private void Grow()
    {
        int size = Math.Max(16, 2 * _classes);
        Array.Resize(ref _target, size);
        Array.Resize(ref _multiplicity, size);
        Array.Resize(ref _logit, size);
        Array.Resize(ref _velocity, size);
        Array.Resize(ref _probability, size);
        Array.Resize(ref _gradient, size);
        Array.Resize(ref _direction, size);
    }
}
