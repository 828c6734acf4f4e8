using System.Globalization;

namespace Collapse.Softmax.Sampling;

/// <summary>Says what is wrong with a row of logits.</summary>
internal static class LogitCheck
{
    // Whole blocks of 128 tokens that one array can hold.
    private const int MostTokens = 2_147_483_520;

    /// <summary>Refuses sample sizes, and tables, that no sampler can take.</summary>
    public static void CheckSizes(ILogitSource logits, ReadOnlySpan<int> samples)
    {
        if (logits.Tokens is < 1 or > MostTokens)
        {
            throw new InvalidInputException(
                "tokens",
                logits.Tokens.ToString(CultureInfo.InvariantCulture),
                string.Create(CultureInfo.InvariantCulture, $"a row must have 1 to {MostTokens:N0} logits"),
                "choose the vocabulary"
            );
        }

        if (samples.Length != logits.Rows)
        {
            throw new InvalidInputException(
                "--samples",
                string.Create(CultureInfo.InvariantCulture, $"({samples.Length} sizes)"),
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"there must be one for each of the {logits.Rows} rows of logits"
                ),
                "give every row its sample size, 0 for none"
            );
        }

        long entries = 0;
        for (int row = 0; row < samples.Length; row++)
        {
            if (samples[row] < 0)
            {
                throw new InvalidInputException(
                    "--samples",
                    samples[row].ToString(CultureInfo.InvariantCulture),
                    string.Create(CultureInfo.InvariantCulture, $"row {row} must have a size in 0 to 2,147,483,647"),
                    "choose the number of tokens drawn from that row"
                );
            }

            entries += Math.Min(samples[row], logits.Tokens);
        }

        if (entries > Array.MaxLength)
        {
            throw new InvalidInputException(
                "--samples",
                string.Create(CultureInfo.InvariantCulture, $"(up to {entries:N0} entries)"),
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"one table of counts must have at most {Array.MaxLength:N0} entries"
                ),
                "draw from fewer rows at a time"
            );
        }
    }

    /// <summary>The refusal of a row whose largest logit is not finite, or that holds what is not a number.</summary>
    public static InvalidInputException Refuse(ReadOnlySpan<float> logits, int row)
    {
        for (int token = 0; token < logits.Length; token++)
        {
            if (!(logits[token] < float.PositiveInfinity))
            {
                return new InvalidInputException(
                    "logits",
                    logits[token].ToString(CultureInfo.InvariantCulture),
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"row {row}, token {token} must be finite, or minus infinity for a token that is never drawn"
                    ),
                    "mend that logit; a refit that diverged gives such numbers"
                );
            }
        }

        return new InvalidInputException(
            "logits",
            "-Infinity",
            string.Create(
                CultureInfo.InvariantCulture,
                $"row {row} must have a finite logit, and every one is minus infinity"
            ),
            "give at least one token a finite logit, or draw nothing from that row"
        );
    }
}
