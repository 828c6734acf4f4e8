namespace Collapse.Results;

/// <summary>The observables of one traced context at one reported generation.</summary>
/// <param name="Context">The context.</param>
/// <param name="Generation">The generation m.</param>
/// <param name="Size">Tokens in its training set.</param>
/// <param name="Token">The token of largest probability.</param>
/// <param name="Values">In the order of <see cref="Observable"/>; NaN where undefined.</param>
public sealed record TraceRow(long Context, int Generation, int Size, int Token, IReadOnlyList<double> Values);
