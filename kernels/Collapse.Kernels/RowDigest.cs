namespace Collapse.Kernels;

/// <summary>The share of one row in a run's digest: shares are added modulo 2^64, so their order is free.</summary>
public static class RowDigest
{
    /// <summary>The share of a row.</summary>
    /// <param name="context">The context.</param>
    /// <param name="generation">The generation, or minus the generation after which the context left.</param>
    /// <param name="size">Tokens n in the training set.</param>
    /// <param name="squares"><see cref="ObservableRow.SumOfSquares"/>.</param>
    /// <param name="max"><see cref="ObservableRow.MaxAndToken"/>.</param>
    /// <param name="support"><see cref="ObservableRow.Support"/>.</param>
    /// <param name="l1FromFirst"><see cref="ObservableRow.L1FromFirst"/>.</param>
    /// <param name="hash"><see cref="ObservableRow.Hash"/>.</param>
    public static ulong Share(
        long context,
        int generation,
        int size,
        long squares,
        long max,
        long support,
        long l1FromFirst,
        long hash
    )
    {
        // Terms that do not wait for one another; each field has its own place in the sequence of h.
        ulong h = CountsHash.Mix((ulong)context ^ ((ulong)(uint)generation << 32));
        return CountsHash.Mix(h + (ulong)size)
            + CountsHash.Mix((h * 3) + (ulong)squares)
            + CountsHash.Mix((h * 5) + (ulong)max)
            + CountsHash.Mix((h * 7) + (ulong)support)
            + CountsHash.Mix((h * 9) + (ulong)l1FromFirst)
            + CountsHash.Mix((h * 11) + (ulong)hash);
    }
}
