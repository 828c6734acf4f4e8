namespace Collapse.Kernels;

/// <summary>When counts are drawn in place of tokens, and how the tokens alive are split: what all engines share.</summary>
public static class CountRule
{
    /// <summary>
    /// The first generation whose counts are drawn: by then about 2n/32 tokens are alive, and splitting the n draws
    /// among them costs less than drawing each (measured). Odd, so that the training set before is the first of two on a
    /// device.
    /// </summary>
    public const int FirstGeneration = 33;

    /// <summary>
    /// The most numbers that are compared with a fraction a byte each; more of them are compared a bit at a time, all
    /// together.
    /// </summary>
    public const int MostInBytes = 64;

    /// <summary>
    /// The most parts that wait while others are split. Each second split at least halves the tokens of a part, of
    /// which there are fewer than 2^31.
    /// </summary>
    public const int MostWaiting = 64;
}
