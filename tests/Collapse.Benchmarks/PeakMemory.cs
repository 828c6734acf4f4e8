using System.Globalization;

namespace Collapse.Benchmarks;

/// <summary>The most memory that an action takes.</summary>
internal static class PeakMemory
{
    private const string Status = "/proc/self/status";
    private const string Reset = "/proc/self/clear_refs";

    /// <summary>Peak resident bytes while the action runs, less those before it; null where the system does not tell.</summary>
    public static long? Of(Action action)
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        if (!TryReset() || Read("VmRSS:") is not long before)
        {
            action();
            return null;
        }

        action();
        return Read("VmHWM:") - before;
    }

    private static bool TryReset()
    {
        try
        {
            // Sets the peak to what is resident now.
            File.WriteAllText(Reset, "5");
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static long? Read(string name) =>
        File.ReadLines(Status).FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal)) is { } line
            ? 1024
                * long.Parse(
                    line.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[1],
                    CultureInfo.InvariantCulture
                )
            : null;
}
