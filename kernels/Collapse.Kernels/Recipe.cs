namespace Collapse.Kernels;

/// <summary>Where the tokens of one segment of a training set come from.</summary>
public enum SegmentKind
{
    /// <summary>The context's own real tokens, the same ones every time.</summary>
    KeepReal = 0,

    /// <summary>Fresh real tokens, drawn from the truth p^(0) (t = 0 in eq. 5).</summary>
    FreshReal = 1,

    /// <summary>Tokens drawn from the model of one earlier generation, p^(m - lag).</summary>
    Model = 2,

    /// <summary>Each draw first picks t uniformly from 0 … m - 1, then a token from p^(t).</summary>
    Mixture = 3,
}

/// <summary>
/// One part of the training set of a generation: eq. 5's n_t^(m), with t given as a lag so that one recipe
/// serves many generations.
/// </summary>
/// <param name="Kind">Where the tokens come from.</param>
/// <param name="Lag">For <see cref="SegmentKind.Model"/>: m - t, at least 1, at most m - 1. Otherwise 0.</param>
/// <param name="Numerator">
/// The number of tokens: this number itself where <paramref name="Denominator"/> is 0, otherwise
/// ⌊n·Numerator / Denominator⌋ with n the context's sample size. Ignored by <see cref="SegmentKind.KeepReal"/>,
/// which takes the context's N real tokens.
/// </param>
/// <param name="Denominator">0, or the divisor.</param>
public readonly record struct Segment(SegmentKind Kind, int Lag, int Numerator, int Denominator)
{
    /// <summary>The number of tokens of this segment.</summary>
    /// <param name="samples">The context's sample size n.</param>
    /// <param name="real">The context's number of real tokens N.</param>
    public int Size(int samples, int real) =>
        Kind == SegmentKind.KeepReal ? real
        : Denominator == 0 ? Numerator
        : Denominator == Numerator ? samples
        : (int)((long)samples * Numerator / Denominator);
}
