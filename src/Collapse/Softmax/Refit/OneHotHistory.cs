namespace Collapse.Softmax.Refit;

/// <summary>
/// Sums of losses and squared gradient norms over rows, step by step. A row that has ended counts on with its last
/// values. Rows, and then blocks, are added in the order of contexts, so that the sums do not depend on threads.
/// </summary>
internal sealed class OneHotHistory
{
    private readonly List<(double Loss, double SquaredNorm)> _sums = [];
    private (double Loss, double SquaredNorm) _ended;

    /// <summary>Rows of which the last step was not converged.</summary>
    public int Unconverged { get; private set; }

    /// <summary>Steps of the longest row.</summary>
    public int Steps => _sums.Count - 1;

    /// <summary>Adds a row's values at a step; a row's steps come in order from 0.</summary>
    public void Add(int step, double loss, double squaredNorm)
    {
        if (step == _sums.Count)
        {
            _sums.Add(_ended);
        }

        (double sum, double norm) = _sums[step];
        _sums[step] = (sum + loss, norm + squaredNorm);
    }

    /// <summary>Ends a row with its last step's values.</summary>
    public void End(int lastStep, double loss, double squaredNorm, bool isConverged)
    {
        _ended = (_ended.Loss + loss, _ended.SquaredNorm + squaredNorm);
        Unconverged += isConverged ? 0 : 1;
        for (int step = lastStep + 1; step < _sums.Count; step++)
        {
            Add(step, loss, squaredNorm);
        }
    }

    /// <summary>Adds all rows of another history.</summary>
    public void Add(OneHotHistory other)
    {
        for (int step = 0; step < Math.Max(_sums.Count, other._sums.Count); step++)
        {
            (double loss, double norm) = other.At(step);
            Add(step, loss, norm);
        }

        _ended = (_ended.Loss + other._ended.Loss, _ended.SquaredNorm + other._ended.SquaredNorm);
        Unconverged += other.Unconverged;
    }

    /// <summary>The means over contexts at a step; the scale divides the squared norms.</summary>
    public RefitStep Step(int step, double contexts, double scale)
    {
        (double loss, double norm) = At(step);
        return new RefitStep(step, loss / contexts, Math.Sqrt(norm / (contexts * scale)));
    }

    private (double Loss, double SquaredNorm) At(int step) => step < _sums.Count ? _sums[step] : _ended;
}
