using System.Globalization;
using Collapse.Kernels;

namespace Collapse.Softmax.Sampling;

/// <summary>
/// Which law a row of logits l stands for: p_i ∝ exp(l_i / T) on the tokens that are kept. Temperature comes first,
/// then top-k, then top-p on what top-k left, renormalised.
/// <para>
/// Both keep the most probable tokens first; of equal logits the lower token goes first. So top-k keeps k tokens
/// exactly, where other programs may keep all that tie with the last of them. Top-p keeps the shortest such list
/// whose mass reaches p, at least one token; masses are counted in whole units of 2^-48 of the largest weight.
/// </para>
/// </summary>
/// <param name="Temperature">T, 1e-6 to 1e6.</param>
/// <param name="TopK">k, at least 1; null keeps all. A k beyond the vocabulary keeps all.</param>
/// <param name="TopP">p, above 0 and at most 1, which keeps all.</param>
public sealed record SamplingRule(double Temperature = 1, int? TopK = null, double TopP = 1)
{
    /// <summary>Refuses values out of range.</summary>
    /// <exception cref="InvalidInputException">A value is out of range.</exception>
    public void Check()
    {
        if (!(Temperature >= SoftmaxScale.LowestTemperature && Temperature <= SoftmaxScale.HighestTemperature))
        {
            throw new InvalidInputException(
                "--temperature",
                Text(Temperature),
                $"must lie in {Text(SoftmaxScale.LowestTemperature)} to {Text(SoftmaxScale.HighestTemperature)}",
                "choose the temperature T; --top-k 1 always takes the most probable token"
            );
        }

        if (TopK < 1)
        {
            throw new InvalidInputException(
                "--top-k",
                TopK.Value.ToString(CultureInfo.InvariantCulture),
                "must be at least 1",
                "choose how many tokens are kept, or leave it out to keep all"
            );
        }

        if (!(TopP > 0 && TopP <= 1))
        {
            throw new InvalidInputException(
                "--top-p",
                Text(TopP),
                "must be above 0 and at most 1",
                "choose the mass that is kept, or leave it out to keep all"
            );
        }
    }

    private static string Text(double value) => value.ToString(CultureInfo.InvariantCulture);
}
