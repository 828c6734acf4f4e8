namespace Collapse.Softmax.Refit;

/// <summary>The iterative methods on a shared W, from its present value.</summary>
internal sealed class EmbeddedTraining(
    EmbeddedObjective objective,
    AlignedFloats weights,
    int contexts,
    IProgress<RefitProgress>? progress
)
{
    // Relative; float32 logits leave the loss with a few parts in 10^7.
    private const double LossResolution = 1e-6;

    private readonly List<RefitStep> _history = [];
    private AlignedFloats _gradient = new(objective.Shape.Length);

    /// <summary>Gradient descent with momentum.</summary>
    public RefitReport Descend(RefitMethod.Gradient method, double penalty)
    {
        var rate = (float)(method.Rate / objective.LargestEigenvalue);
        AlignedFloats? velocity = method.Momentum > 0 ? new AlignedFloats(objective.Shape.Length) : null;
        double start = Record(objective.Evaluate(weights, _gradient));
        var watch = new DivergenceWatch(start);
        for (int step = 1; step <= method.Steps; step++)
        {
            if (velocity is null)
            {
                objective.Algebra.Add(weights, -rate, _gradient);
            }
            else
            {
                objective.Algebra.Combine(velocity, (float)method.Momentum, -rate, _gradient);
                objective.Algebra.Add(weights, 1, velocity);
            }

            double loss = Record(objective.Evaluate(weights, _gradient));
            if (watch.IsDiverged(loss, step == method.Steps))
            {
                double safe = 4 / (1 + (2 * penalty / objective.LargestEigenvalue));
                throw new RefitDivergedException(method, null, step, loss, start, safe);
            }
        }

        return new RefitReport(RefitOutcome.StepsDone, _history, 0);
    }

    /// <summary>
    /// L-BFGS (Nocedal, "Updating quasi-Newton matrices with limited storage", 1980), with inner products over all
    /// tokens, so that classes change nothing. A step is halved until the loss falls enough, or, where float32 no
    /// longer resolves the fall, until the slope says so (Hager and Zhang's approximate Wolfe condition, 2005).
    /// </summary>
    public RefitReport Minimise(RefitMethod.Newton method)
    {
        var memory = new CurvatureMemory(objective.Algebra);
        var direction = new AlignedFloats(objective.Shape.Length);
        var trialGradient = new AlignedFloats(objective.Shape.Length);
        double loss = objective.Evaluate(weights, _gradient);
        Record(loss);
        while (_history[^1].GradientNorm > method.Tolerance)
        {
            if (_history[^1].Step == method.MaxSteps)
            {
                return new RefitReport(RefitOutcome.StepLimit, _history, contexts);
            }

            if (IsStalled())
            {
                return new RefitReport(RefitOutcome.PrecisionLimit, _history, contexts);
            }

            memory.WriteDirection(_gradient, direction, 1 / objective.LargestEigenvalue);
            if (!TryStep(direction, ref loss, trialGradient, memory))
            {
                // Once more along the plain gradient, before giving up.
                bool wasPlain = memory.IsEmpty;
                memory.Clear();
                if (wasPlain)
                {
                    return new RefitReport(RefitOutcome.PrecisionLimit, _history, contexts);
                }

                continue;
            }

            (_gradient, trialGradient) = (trialGradient, _gradient);
            Record(loss);
        }

        return new RefitReport(RefitOutcome.Converged, _history, 0);
    }

    /// <summary>Searches along a direction; W and the loss are those found, or as before where nothing was.</summary>
    private bool TryStep(AlignedFloats direction, ref double loss, AlignedFloats trialGradient, CurvatureMemory memory)
    {
        const double Decrease = 0.1;
        const int MostHalvings = 12;
        PanelAlgebra algebra = objective.Algebra;
        double slope = algebra.Dot(_gradient, direction);
        if (!(slope < 0))
        {
            return false;
        }

        double length = 1;
        algebra.Add(weights, 1, direction);
        for (int halving = 0; halving < MostHalvings; halving++)
        {
            double trial = objective.Evaluate(weights, trialGradient);
            double trialSlope = algebra.Dot(trialGradient, direction);
            bool falls = trial <= loss + (Decrease * length * slope);
            bool flattens =
                trial <= loss + (LossResolution * Math.Abs(loss)) && trialSlope <= ((2 * Decrease) - 1) * slope;
            if (falls || flattens)
            {
                memory.Add(direction, (float)length, _gradient, trialGradient);
                loss = trial;
                return true;
            }

            algebra.Add(weights, (float)(-length / 2), direction);
            length /= 2;
        }

        algebra.Add(weights, (float)-length, direction);
        return false;
    }

    /// <summary>For 20 steps neither the gradient norm found a new low nor the loss fell by what float32 resolves.</summary>
    private bool IsStalled()
    {
        const int Patience = 20;
        int past = _history.Count - Patience;
        if (past <= 0)
        {
            return false;
        }

        double lowestBefore = _history.Take(past).Min(step => step.GradientNorm);
        double lowestSince = _history.Skip(past).Min(step => step.GradientNorm);
        double fall = _history[past - 1].Loss - _history[^1].Loss;
        return lowestSince >= lowestBefore && fall <= LossResolution * Math.Abs(_history[^1].Loss);
    }

    private double Record(double loss)
    {
        var step = new RefitStep(_history.Count, loss / contexts, objective.Norm(_gradient));
        _history.Add(step);
        progress?.Report(new RefitProgress(contexts, step));
        return step.Loss;
    }
}
