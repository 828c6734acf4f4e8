namespace Collapse.Corpora;

/// <summary>The tokenizers that a corpus can be read with, by name.</summary>
public static class Tokenizers
{
    /// <summary>The names that <see cref="Create"/> knows: chars, words, cl100k, o200k.</summary>
    public static IReadOnlyList<string> Names { get; } = ["chars", "words", "cl100k", "o200k"];

    /// <summary>
    /// Makes a tokenizer at the start of a text: "chars" is <see cref="CharTokenizer"/>, "words" is
    /// <see cref="WordTokenizer"/>, "cl100k" and "o200k" are <see cref="BytePairTokenizer"/> with that
    /// vocabulary.
    /// </summary>
    /// <param name="name">One of <see cref="Names"/>, in exactly this spelling.</param>
    /// <returns>A new tokenizer that has met no token.</returns>
    /// <exception cref="InvalidInputException">No tokenizer has this name ("--tokenizer").</exception>
    public static ITokenizer Create(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return name switch
        {
            "chars" => new CharTokenizer(),
            "words" => new WordTokenizer(),
            "cl100k" => new BytePairTokenizer(name, "cl100k_base"),
            "o200k" => new BytePairTokenizer(name, "o200k_base"),
            _ => throw new InvalidInputException(
                "--tokenizer",
                name,
                $"must be one of {string.Join(", ", Names)}",
                "choose one of these names"
            ),
        };
    }
}
