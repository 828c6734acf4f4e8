namespace Collapse;

/// <summary>Input that is refused before any work: one line with the parameter, its value, what is allowed and the remedy.</summary>
public sealed class InvalidInputException : ArgumentException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="parameter">The parameter as the command line spells it, such as <c>--samples</c>.</param>
    /// <param name="value">The value given.</param>
    /// <param name="allowed">What is allowed, as a clause: "must lie in 1 to 10".</param>
    /// <param name="remedy">What to do, as a clause: "choose a smaller order".</param>
    public InvalidInputException(string parameter, string value, string allowed, string remedy)
        : base($"{parameter} {value}: {allowed}; {remedy}")
    {
        Parameter = parameter;
        Value = value;
        Allowed = allowed;
        Remedy = remedy;
    }

    /// <summary>The parameter as the command line spells it.</summary>
    public string Parameter { get; }

    /// <summary>The value given.</summary>
    public string Value { get; }

    /// <summary>What is allowed.</summary>
    public string Allowed { get; }

    /// <summary>What to do.</summary>
    public string Remedy { get; }
}
