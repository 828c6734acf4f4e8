namespace Collapse.Running;

/// <summary>How the training set of a generation is drawn.</summary>
public enum Sampler
{
    /// <summary>Token by token: any schedule.</summary>
    Tokens,

    /// <summary>
    /// Token by token up to generation 32; from there on only the counts, a multinomial drawn exactly. Equal to
    /// <see cref="Tokens"/> in distribution and, beyond generation 32, not otherwise. For schedules that draw each
    /// generation from the one before and nothing else (<see cref="Model.Schedule.IsChain"/>), with closed-form refit.
    /// </summary>
    Counts,
}

/// <summary>Samplers by name.</summary>
public static class Samplers
{
    /// <summary>The sampler of a name: <c>tokens</c> or <c>counts</c>.</summary>
    /// <exception cref="InvalidInputException">There is no such sampler.</exception>
    public static Sampler Parse(string name) =>
        name switch
        {
            "tokens" => Sampler.Tokens,
            "counts" => Sampler.Counts,
            _ => throw new InvalidInputException(
                "--sampler",
                name,
                "must be tokens or counts",
                "leave it out for tokens, which goes with every schedule"
            ),
        };

    /// <summary>The name of a sampler.</summary>
    public static string Name(this Sampler sampler) => sampler == Sampler.Counts ? "counts" : "tokens";
}
