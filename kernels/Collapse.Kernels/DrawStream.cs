namespace Collapse.Kernels;

/// <summary>What a random number is for. Streams of different purposes never share a counter.</summary>
public static class DrawPurpose
{
    /// <summary>A token drawn from an explicit truth p^(0): one 64-bit lane a draw.</summary>
    public const uint Truth = 1;

    /// <summary>A uniform index into one training set: 16- or 32-bit lanes (<see cref="UniformIndex"/>).</summary>
    public const uint Index = 2;

    /// <summary>Which earlier generation a draw of a mixture segment comes from.</summary>
    public const uint MixtureSource = 3;

    /// <summary>A uniform index into the training set a mixture draw chose: always 32-bit lanes.</summary>
    public const uint MixtureIndex = 4;

    /// <summary>Parameters of a prior that differ from context to context (Dirichlet).</summary>
    public const uint Prior = 5;

    /// <summary>A token drawn from a row of logits: one 64-bit lane a draw (<see cref="SoftmaxDraw"/>).</summary>
    public const uint Logits = 6;

    /// <summary>Whether a draw from logits takes the rest of a weight: one block a try.</summary>
    public const uint LogitRest = 7;

    /// <summary>Gaussian embeddings of contexts: one 32-bit lane an entry.</summary>
    public const uint Embedding = 8;

    /// <summary>Counts drawn in place of tokens: 64-bit lanes one after the other (<see cref="HalfBinomial"/>).</summary>
    public const uint Counts = 9;
}

/// <summary>
/// The random numbers of one segment of one generation of one context: the addresses of DESIGN's
/// counter-based randomness. The Philox key is the seed (low word, high word); the counter is
/// <c>(block, generation, context, attempt·2^24 + segment·2^4 + purpose)</c>.
/// <para>
/// Attempt 0 is the plain stream: the words of blocks 0, 1, 2, … read in order as little-endian lanes of
/// 16, 32 or 64 bits, lane d being draw d. Attempts 1 to 255 serve the draws that were rejected: there the
/// block number is the draw's own number. Nothing here depends on the engine, the thread, the batch or the
/// chunk.
/// </para>
/// </summary>
public readonly struct DrawStream
{
    /// <summary>Largest number of segments in one generation: 2^20.</summary>
    public const int MaxSegments = 1 << 20;

    /// <summary>The stream of one purpose.</summary>
    /// <param name="seed">The run's seed.</param>
    /// <param name="context">The context, 0 to 2^32 - 1.</param>
    /// <param name="generation">The generation being trained; 0 for real tokens that are kept.</param>
    /// <param name="segment">The segment of that generation's training set, 0 to 2^20 - 1.</param>
    /// <param name="purpose">One of <see cref="DrawPurpose"/>.</param>
    public DrawStream(ulong seed, uint context, uint generation, uint segment, uint purpose)
    {
        Key0 = (uint)seed;
        Key1 = (uint)(seed >> 32);
        Context = context;
        Generation = generation;
        Tag = (segment << 4) | purpose;
    }

    /// <summary>Key word 0: the low half of the seed.</summary>
    public uint Key0 { get; }

    /// <summary>Key word 1: the high half of the seed.</summary>
    public uint Key1 { get; }

    /// <summary>Counter word 1.</summary>
    public uint Generation { get; }

    /// <summary>Counter word 2.</summary>
    public uint Context { get; }

    /// <summary>Counter word 3 of the plain stream (attempt 0).</summary>
    public uint Tag { get; }

    /// <summary>The four words of a block.</summary>
    /// <param name="block">Block number, or the draw's number where <paramref name="attempt"/> is not 0.</param>
    /// <param name="attempt">0 for the plain stream, 1 to 255 for rejected draws.</param>
    public PhiloxBlock Block(uint block, uint attempt) =>
        Philox.Generate(block, Generation, Context, (attempt << 24) | Tag, Key0, Key1);
}
