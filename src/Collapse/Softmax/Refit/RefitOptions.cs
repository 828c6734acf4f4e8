using System.Globalization;
using Collapse.Engines.Cpu;

namespace Collapse.Softmax.Refit;

/// <summary>How much each context counts in the loss.</summary>
public enum ContextWeighting
{
    /// <summary>All alike, w_j = 1: the mean over contexts of the cross-entropy of each.</summary>
    PerContext,

    /// <summary>By its tokens, w_j = n_j c / N: the cross-entropy over the training tokens.</summary>
    PerToken,
}

/// <summary>What all iterative methods share.</summary>
public sealed record RefitOptions
{
    /// <summary>The penalty L2 in F(W) = Σ_j w_j CE_j(W) + (L2/2)·‖W‖²; 0 to 1e6, 0 for none.</summary>
    public double L2 { get; init; }

    /// <summary>How much each context counts.</summary>
    public ContextWeighting Weighting { get; init; }

    /// <summary>Worker threads, 1 to 1024; null for one per core. Results do not depend on it.</summary>
    public int? Threads { get; init; }

    /// <summary>The vector width; null for the widest this processor has. Results do not depend on it.</summary>
    public VectorWidth? Width { get; init; }

    internal int ThreadCount => Threads ?? Environment.ProcessorCount;

    internal VectorWidth LaneWidth => Width ?? CpuEngine.Widths[^1];

    /// <summary>Refuses values out of range.</summary>
    /// <exception cref="InvalidInputException">A value is out of range.</exception>
    /// <exception cref="PlatformNotSupportedException">The processor lacks the width asked for.</exception>
    internal void Check()
    {
        if (L2 is not (>= 0 and <= 1e6))
        {
            throw new InvalidInputException(
                "--l2",
                L2.ToString("R", CultureInfo.InvariantCulture),
                "must lie in 0 to 1e6",
                "0 is no penalty"
            );
        }

        ParameterRange.Threads.Check(Threads);
        if (!CpuEngine.Widths.Contains(LaneWidth))
        {
            throw new PlatformNotSupportedException($"this processor has no {(int)LaneWidth}-bit vectors");
        }
    }

    /// <summary>The weights w_j; they add up to the number of contexts.</summary>
    internal double[] Weights(CountRows counts)
    {
        var weights = new double[counts.Contexts];
        for (int j = 0; j < weights.Length; j++)
        {
            weights[j] =
                Weighting == ContextWeighting.PerContext
                    ? 1
                    : counts.Size(j) * ((double)counts.Contexts / counts.Total);
        }

        return weights;
    }
}
