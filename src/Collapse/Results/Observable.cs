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
}

/// <summary>Facts about the <see cref="Observable"/>s.</summary>
public static class Observables
{
    /// <summary>Number of observables.</summary>
    public const int Count = 7;

    /// <summary>The names used in JSON and Parquet.</summary>
    public static IReadOnlyList<string> Names { get; } =
    ["sumOfSquares", "maxProbability", "support", "entropy", "l1FromFirst", "l1FromTruth", "unseenMass"];

    // Values become whole numbers of 2^-bits so that sums over contexts are exact and free of order: the
    // largest value (2^31 tokens, 22 nats, 2) then stays within 2^62.
    internal static int UnitBits(int observable) =>
        (Observable)observable switch
        {
            Observable.Support => 0,
            Observable.Entropy => 57,
            _ => 60,
        };
}
