using Collapse.Kernels;

namespace Collapse.Results;

/// <summary>The observables of a context at a generation that are averaged over contexts.</summary>
public enum Observable
{
    /// <summary>σ_m = Σ p_i², 0 to 1; its mean over contexts is S_m.</summary>
    SumOfSquares,

    /// <summary>max p_i, 0 to 1.</summary>
    MaxProbability,

    /// <summary>Number of tokens with p_i &gt; 0, from 1.</summary>
    Support,

    /// <summary>-Σ p_i ln p_i in nats, from 0.</summary>
    Entropy,

    /// <summary>Σ |p_i^(m) - p_i^(1)|, 0 to 2.</summary>
    L1FromFirst,

    /// <summary>Σ |p_i^(m) - p_i^(0)|, 0 to 2; undefined for a corpus.</summary>
    L1FromTruth,

    /// <summary>Mass of the tokens with p_i^(m) = 0, under p^(0) or, for a corpus, under p^(1); 0 to 1.</summary>
    UnseenMass,

    /// <summary>Number of tokens that occur in the training set of generation m, from 1. Softmax models only: for others it is <see cref="Support"/>.</summary>
    TrainingSupport,

    /// <summary>
    /// Σ |D_i/n - q_i|, 0 to 2: the training set against the law q that its tokens were drawn from. Softmax models only.
    /// </summary>
    StatisticalError,

    /// <summary>
    /// Σ |p_i^(m) - D_i/n|, 0 to 2: the model against its training set. Softmax models only: for others it is 0.
    /// </summary>
    FunctionalError,
}

/// <summary>Facts about the <see cref="Observable"/>s.</summary>
public static class Observables
{
    /// <summary>Number of observables of models of every kind: the first ones.</summary>
    public const int Count = 7;

    /// <summary>Number of observables of softmax models.</summary>
    public const int SoftmaxCount = 10;

    private static readonly string[] AllNames =
    [
        "sumOfSquares",
        "maxProbability",
        "support",
        "entropy",
        "l1FromFirst",
        "l1FromTruth",
        "unseenMass",
        "trainingSupport",
        "statisticalError",
        "functionalError",
    ];

    /// <summary>The names used in JSON and Parquet, of the observables of models of every kind.</summary>
    public static IReadOnlyList<string> Names { get; } = AllNames[..Count];

    /// <summary>The name used in JSON and Parquet.</summary>
    /// <param name="observable">The observable.</param>
    public static string NameOf(Observable observable) => AllNames[(int)observable];

    /// <summary>The names of the first observables.</summary>
    internal static IReadOnlyList<string> NamesOf(int count) => AllNames[..count];

    // Values become whole numbers of 2^-bits so that sums over contexts are exact and free of order: the
    // largest value (2^31 tokens, 22 nats, 2) then stays within 2^62.
    internal static int UnitBits(int observable) =>
        (Observable)observable switch
        {
            Observable.Support or Observable.TrainingSupport => 0,
            Observable.Entropy => ObservableValue.EntropyBits,
            _ => ObservableValue.ProbabilityBits,
        };
}
