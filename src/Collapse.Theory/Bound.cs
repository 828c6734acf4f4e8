namespace Collapse.Theory;

/// <summary>The value of a bound and whether it says anything.</summary>
/// <param name="Value">The bound as its formula gives it, even where that is impossible; infinite where it overflows a double.</param>
/// <param name="Vacuous">True where the trivial bound is at least as good: a probability's lower bound of at most 0 or upper bound of at least 1, an L1 distance's upper bound of at least 2, a lower bound of at most 1 on the collapse time.</param>
public readonly record struct Bound(double Value, bool Vacuous)
{
    internal static Bound Deviation(double value) => new(value, !(value < 2));

    internal static Bound LowerProbability(double value) => new(value, !(value > 0));

    internal static Bound UpperProbability(double value) => new(value, !(value < 1));
}

/// <summary>An exact value between two bounds; null where it is not known or not defined.</summary>
/// <param name="Exact">The exact value.</param>
/// <param name="LowerBound">A lower bound.</param>
/// <param name="UpperBound">An upper bound.</param>
public sealed record BracketedValue(double? Exact, Bound? LowerBound, Bound? UpperBound);
