namespace Collapse.Corpora;

/// <summary>How far the reading of a text has come.</summary>
/// <param name="BytesRead">Bytes read so far.</param>
/// <param name="TotalBytes">The length of the file in bytes; null where it has none, such as a pipe.</param>
/// <param name="TokenCount">Tokens found so far.</param>
public readonly record struct CorpusProgress(long BytesRead, long? TotalBytes, long TokenCount);
