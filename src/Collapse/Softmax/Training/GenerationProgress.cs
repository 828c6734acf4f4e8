using Collapse.Engines;
using Collapse.Softmax.Refit;

namespace Collapse.Softmax.Training;

/// <summary>
/// Tells how far one generation is, as a share of its tokens: a refit takes most of the time, and its steps or
/// contexts, or how far the gradient has fallen, say how much of it is done.
/// </summary>
/// <param name="chunk">Who is told.</param>
/// <param name="method">How models are trained.</param>
/// <param name="contexts">Contexts that are trained.</param>
/// <param name="tokens">Tokens of the generation's training sets.</param>
internal sealed class GenerationProgress(Chunk chunk, RefitMethod method, int contexts, long tokens)
    : IProgress<RefitProgress>
{
    private const double Sampling = 0.05;
    private const double Training = 0.9;

    private readonly Lock _gate = new();
    private double _firstNorm;
    private long _told;

    /// <summary>Says that the training sets are drawn.</summary>
    public void Drawn(long draws)
    {
        chunk.Advance(draws, 0);
        Reach(Sampling);
    }

    /// <inheritdoc/>
    public void Report(RefitProgress value)
    {
        double rows = (double)value.Contexts / contexts;
        double share = (rows, method) switch
        {
            (< 1, _) => rows,
            (_, RefitMethod.Gradient m) => (double)value.Last.Step / m.Steps,
            (_, RefitMethod.Newton m) => Fallen(value.Last, m.Tolerance),
            _ => 1,
        };
        Reach(Sampling + (Training * Math.Clamp(share, 0, 1)));
    }

    /// <summary>Says that the generation is done.</summary>
    public void Complete() => Reach(1);

    /// <summary>How much of the way from the first gradient norm to the tolerance lies behind, in the logarithm.</summary>
    private double Fallen(RefitStep step, double tolerance)
    {
        _firstNorm = _firstNorm == 0 ? step.GradientNorm : _firstNorm;
        double way = Math.Log(_firstNorm / tolerance);
        return way > 0 ? Math.Log(_firstNorm / step.GradientNorm) / way : 1;
    }

    private void Reach(double share)
    {
        lock (_gate)
        {
            var reached = (long)(share * tokens);
            if (reached > _told)
            {
                chunk.Advance(0, reached - _told);
                _told = reached;
            }
        }
    }
}
