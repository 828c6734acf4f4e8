namespace Collapse.Theory;

/// <summary>Input that the theory refuses: one line with the parameter, its value, what is allowed and the remedy.</summary>
public sealed class TheoryInputException : ArgumentException
{
    internal TheoryInputException(string parameter, string value, string allowed, string remedy)
        : base($"{parameter} is {value}; allowed: {allowed}; remedy: {remedy}.")
    {
        Parameter = parameter;
        Value = value;
        Allowed = allowed;
        Remedy = remedy;
    }

    /// <summary>The parameter's name in the library, such as <c>samples</c>.</summary>
    public string Parameter { get; }

    /// <summary>The value given.</summary>
    public string Value { get; }

    /// <summary>What is allowed, as a noun phrase: "1 to 10".</summary>
    public string Allowed { get; }

    /// <summary>What to do, as a clause.</summary>
    public string Remedy { get; }
}
