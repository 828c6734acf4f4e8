namespace Collapse.Corpora;

/// <summary>Turns a file into token ids, block by block.</summary>
internal static class TokenStream
{
    /// <summary>Reads a whole file.</summary>
    /// <param name="parameter">The parameter that names the file, for error texts.</param>
    /// <param name="path">The file.</param>
    /// <param name="tokenizer">A tokenizer at the start of a text.</param>
    /// <param name="tokens">Where token ids are added.</param>
    /// <param name="limits">Block size and largest number of tokens.</param>
    /// <param name="progress">Told after every block.</param>
    /// <param name="afterBlock">Called after every block, and once more after the last token.</param>
    /// <param name="cancellationToken">Looked at before every block.</param>
    /// <returns>The length of the file in bytes.</returns>
    /// <exception cref="InvalidInputException">The file cannot be used, or has too many tokens.</exception>
    public static long Read(
        string parameter,
        string path,
        ITokenizer tokenizer,
        List<int> tokens,
        ReadLimits limits,
        IProgress<CorpusProgress>? progress,
        Action afterBlock,
        CancellationToken cancellationToken
    )
    {
        using var file = Utf8File.Open(parameter, path, limits.BlockBytes);
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            ReadOnlySpan<char> text = file.ReadBlock();
            bool atEnd = text.IsEmpty;
            Reserve(tokens, text.Length, file, limits.MostTokens);
            if (atEnd)
            {
                tokenizer.Finish(tokens);
            }
            else
            {
                tokenizer.Append(text, tokens);
            }

            if (tokens.Count > limits.MostTokens)
            {
                throw new InvalidInputException(
                    parameter,
                    path,
                    $"must have at most {limits.MostTokens} tokens, and has more with the tokenizer {tokenizer.Name}",
                    "use a part of the text, or a tokenizer with longer tokens"
                );
            }

            afterBlock();
            progress?.Report(new CorpusProgress(file.BytesRead, file.TotalBytes, tokens.Count));
            if (atEnd)
            {
                return file.BytesRead;
            }
        }
    }

    /// <summary>
    /// Makes room for the tokens of the whole file, as far as the part read so far foretells them, so
    /// that the list neither doubles at the end nor is copied often.
    /// </summary>
    private static void Reserve(List<int> tokens, int comingChars, Utf8File file, int mostTokens)
    {
        int needed = tokens.Count + comingChars;
        if (needed <= tokens.Capacity || file.TotalBytes is not { } total)
        {
            return;
        }

        // The first block foretells nothing yet: it counts one token per byte, up to a limit.
        double tokensPerByte = tokens.Count == 0 ? 1 : 1.02 * needed / file.BytesRead;
        double foretold = Math.Min(tokensPerByte * total, tokens.Count == 0 ? 1 << 24 : mostTokens);
        tokens.Capacity = Math.Max(tokens.Capacity, Math.Max(needed, (int)foretold));
    }
}
