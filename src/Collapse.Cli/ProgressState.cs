namespace Collapse.Cli;

/// <summary>How far some work is.</summary>
/// <param name="Fraction">0 to 1; null where nobody can tell.</param>
/// <param name="Rate">How fast it goes, in words.</param>
/// <param name="Notice">What to say instead of the title, or null.</param>
internal readonly record struct ProgressState(double? Fraction, string Rate, string? Notice = null);
