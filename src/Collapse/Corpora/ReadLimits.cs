namespace Collapse.Corpora;

/// <summary>How texts are read and how large a corpus may become; tests lower these.</summary>
/// <param name="BlockBytes">Bytes read from the file at a time.</param>
/// <param name="MostTokens">The most tokens in a text; a block's tokens above this must still fit a list.</param>
/// <param name="MostContexts">The most contexts of a corpus.</param>
internal sealed record ReadLimits(int BlockBytes, int MostTokens, int MostContexts)
{
    public static ReadLimits Default { get; } = new(1 << 20, Corpus.MostTokens, Corpus.MostContexts);
}
