using System.Collections.Immutable;
using Collapse.Running;

namespace Collapse.Results;

/// <summary>How a run ended.</summary>
public enum RunStatus
{
    /// <summary>All generations of all contexts.</summary>
    Complete,

    /// <summary>Stopped on request; everything trained until then is in the results.</summary>
    Interrupted,
}

/// <summary>The collapse times T of all contexts: the first generation with max p_i = 1.</summary>
/// <param name="Mean">Mean over the contexts that collapsed; NaN for none.</param>
/// <param name="StandardDeviation">With divisor count - 1; NaN for fewer than two.</param>
/// <param name="Count">Contexts that collapsed.</param>
/// <param name="Censored">Contexts that did not, as far as they were trained.</param>
public sealed record CollapseTimes(double Mean, double StandardDeviation, long Count, long Censored);

/// <summary>One observable over contexts at each reported generation. NaN where undefined.</summary>
public sealed record ObservableSeries
{
    /// <summary>The quantiles that are kept: 0.05, 0.25, 0.5, 0.75, 0.95.</summary>
    public static ImmutableArray<double> QuantileLevels { get; } = [0.05, 0.25, 0.5, 0.75, 0.95];

    /// <summary>Which observable.</summary>
    public required Observable Observable { get; init; }

    /// <summary>Mean over contexts.</summary>
    public required ImmutableArray<double> Mean { get; init; }

    /// <summary>Standard deviation over contexts, with divisor count - 1.</summary>
    public required ImmutableArray<double> StandardDeviation { get; init; }

    /// <summary>Smallest value.</summary>
    public required ImmutableArray<double> Minimum { get; init; }

    /// <summary>Largest value.</summary>
    public required ImmutableArray<double> Maximum { get; init; }

    /// <summary>For each of <see cref="QuantileLevels"/> the quantiles; exact below 256 units, otherwise within one part in 128.</summary>
    public required ImmutableArray<ImmutableArray<double>> Quantiles { get; init; }

    /// <summary>Mean over contexts weighted by their real tokens N_j; NaN with a prior.</summary>
    public required ImmutableArray<double> TokenWeightedMean { get; init; }
}

/// <summary>Held-out text under the models, at each reported generation.</summary>
/// <param name="Transitions">Held-out transitions in all.</param>
/// <param name="CrossEntropy">-mean ln p over all transitions, in nats; positive infinity where any has probability 0.</param>
/// <param name="CoveredCrossEntropy">-mean ln p over the transitions with p &gt; 0; NaN where there are none.</param>
/// <param name="Unseen">Fraction of transitions with p = 0, unknown contexts and tokens included.</param>
public sealed record HeldOutSeries(
    long Transitions,
    ImmutableArray<double> CrossEntropy,
    ImmutableArray<double> CoveredCrossEntropy,
    ImmutableArray<double> Unseen
);

/// <summary>What a run has found.</summary>
public sealed record RunResult
{
    /// <summary>The plan that was run.</summary>
    public required RunPlan Plan { get; init; }

    /// <summary>How it ended.</summary>
    public required RunStatus Status { get; init; }

    /// <summary>The engine's name.</summary>
    public required string Engine { get; init; }

    /// <summary>The device, in words.</summary>
    public required string Device { get; init; }

    /// <summary>The digest of all integer results: equal settings give equal digests on every engine.</summary>
    public required string Digest { get; init; }

    /// <summary>Tokens that were drawn; real tokens that are kept, a corpus' own among them, are not.</summary>
    public required long Draws { get; init; }

    /// <summary>Wall-clock time.</summary>
    public required TimeSpan Elapsed { get; init; }

    /// <summary>The last generation that any context reached.</summary>
    public required int Generations { get; init; }

    /// <summary>Collapse times.</summary>
    public required CollapseTimes CollapseTimes { get; init; }

    /// <summary>The reported generations.</summary>
    public required ImmutableArray<int> Generation { get; init; }

    /// <summary>Contexts behind each reported generation: all of them, unless the run was interrupted.</summary>
    public required ImmutableArray<long> Contexts { get; init; }

    /// <summary>Fraction of contexts with max p_i = 1 at each reported generation.</summary>
    public required ImmutableArray<double> CollapsedFraction { get; init; }

    /// <summary>One series for each <see cref="Observable"/>, in its order.</summary>
    public required ImmutableArray<ObservableSeries> Series { get; init; }

    /// <summary>Held-out text, or null where none was given.</summary>
    public required HeldOutSeries? HeldOut { get; init; }

    /// <summary>The traced contexts' rows, by context and generation.</summary>
    public required ImmutableArray<TraceRow> Trace { get; init; }

    /// <summary>Contexts that were trained for at least one generation: all of them, unless the run was interrupted.</summary>
    public long TrainedContexts() => Contexts.IsEmpty ? 0 : Contexts[0];

    /// <summary>The series of one observable.</summary>
    public ObservableSeries this[Observable observable] => Series[(int)observable];
}
