using Collapse.Kernels;

namespace Collapse.Softmax.Sampling;

/// <summary>Where the random numbers of a table of logits come from: row j has those of context FirstContext + j.</summary>
/// <param name="Seed">The run's seed.</param>
/// <param name="Generation">The generation that the tokens are drawn for.</param>
/// <param name="Segment">The segment of that generation's training set, 0 to 2^20 - 1.</param>
/// <param name="FirstContext">The context of row 0.</param>
public readonly record struct LogitStreams(ulong Seed, uint Generation = 0, uint Segment = 0, uint FirstContext = 0)
{
    /// <summary>The lanes of the draws of a row.</summary>
    public DrawStream Draws(int row) => new(Seed, FirstContext + (uint)row, Generation, Segment, DrawPurpose.Logits);

    /// <summary>The bits that decide on rests of weights.</summary>
    public DrawStream Rests(int row) => new(Seed, FirstContext + (uint)row, Generation, Segment, DrawPurpose.LogitRest);
}
