using System.CommandLine;
using System.Globalization;
using Collapse.Corpora;
using Collapse.Model;

namespace Collapse.Cli;

/// <summary>The options that say which model is meant, for simulation and theory alike.</summary>
internal sealed class ModelOptions
{
    private const string Matched = "matched";

    private readonly Option<string> _scenario = OptionValue.Create(
        "--scenario",
        "NAME",
        $"Where each generation's training tokens come from: {string.Join(", ", Scenario.Names)} [default: {Scenario.Names[0]}]"
    );
    private readonly Option<string> _prior = OptionValue.Create(
        "--prior",
        "SPEC",
        "The truth as a law over a vocabulary of S tokens: uniform:S, zipf:S:EXPONENT, power:S:SUPPORT:S0 "
            + "(sum of squares S0), dirichlet:S:ALPHA (one law per context), or file:PATH (one weight a line, or one "
            + "row per context)"
    );
    private readonly Option<string> _corpus = OptionValue.Create(
        "--corpus",
        "FILE",
        "The truth as a text in UTF-8, instead of --prior: every n-gram is a context"
    );
    private readonly Option<string> _tokenizer = OptionValue.Create(
        "--tokenizer",
        "NAME",
        $"How the text is cut into tokens: {string.Join(", ", Tokenizers.Names)} [default: chars]"
    );
    private readonly Option<string> _order = OptionValue.Create(
        "--order",
        "L",
        "Tokens in a context of the text, 0 or more [default: 1]"
    );
    private readonly Option<string> _contexts = OptionValue.Create(
        "--contexts",
        "C",
        "Number of contexts, 1 to 4,294,967,295; with --prior only [default: 1]"
    );
    private readonly Option<string> _samples = OptionValue.Create(
        "--samples",
        "N|matched",
        "Tokens n that each model gives the next generation, 1 to 2,147,483,647; matched: as many as the context has "
            + "in the text [required with --prior; default with --corpus: matched]"
    );
    private readonly Option<string> _real = OptionValue.Create(
        "--real",
        "N",
        "Real tokens kept in every training set, 1 to 2,147,483,647; for partially-synthetic with --prior, required there"
    );
    private readonly Option<string> _window = OptionValue.Create(
        "--window",
        "K",
        "Most recent models that a generation learns from, 1 to 4,096; for recent-models, required there"
    );
    private readonly Option<string> _seed = OptionValue.Create(
        "--seed",
        "S",
        "Key of all random numbers, 0 to 18,446,744,073,709,551,615 [default: 1]"
    );

    /// <summary>Options of scenario and truth.</summary>
    public IEnumerable<Option> Truth => [_scenario, _prior, _corpus, _tokenizer, _order];

    /// <summary>Options of numbers.</summary>
    public IEnumerable<Option> Sizes => [_contexts, _samples, _real, _window];

    /// <summary>The option of the seed.</summary>
    public Option Seed => _seed;

    public ModelRequest Read(ParseResult parsed)
    {
        SyntaxError.RequireValues(parsed);
        string? corpus = parsed.GetValue(_corpus);
        if (corpus is null)
        {
            foreach (Option<string> option in new[] { _tokenizer, _order })
            {
                OptionValue.Refuse(parsed, option, "needs --corpus", "leave it out, or give --corpus FILE");
            }
        }

        return new ModelRequest
        {
            Scenario = parsed.GetValue(_scenario) ?? Scenario.Names[0],
            Window = OptionValue.Number(parsed, _window, ParameterRange.Window),
            Prior = parsed.GetValue(_prior),
            Corpus = corpus,
            Tokenizer = parsed.GetValue(_tokenizer) ?? "chars",
            Order = OptionValue.Number(parsed, _order, ParameterRange.Order) ?? 1,
            Contexts = OptionValue.LongNumber(parsed, _contexts, ParameterRange.Contexts),
            Samples = Samples(parsed, needed: corpus is null),
            Real = OptionValue.Number(parsed, _real, ParameterRange.Real),
            Seed = ReadSeed(parsed),
        };
    }

    private int? Samples(ParseResult parsed, bool needed)
    {
        if (needed && parsed.GetValue(_samples) is null && parsed.GetValue(_prior) is not null)
        {
            throw new InvalidInputException(
                _samples.Name,
                "(missing)",
                "is required with --prior",
                "give --samples N, the tokens that each model gives the next generation"
            );
        }

        return parsed.GetValue(_samples) == Matched
            ? null
            : OptionValue.Number(parsed, _samples, ParameterRange.Samples, $", or {Matched}");
    }

    private ulong ReadSeed(ParseResult parsed)
    {
        string text = parsed.GetValue(_seed) ?? "1";
        return ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong seed)
            ? seed
            : throw new InvalidInputException(
                _seed.Name,
                text,
                string.Create(CultureInfo.InvariantCulture, $"must be a whole number in 0 to {ulong.MaxValue:N0}"),
                "choose any of these; equal seeds give equal results"
            );
    }
}
