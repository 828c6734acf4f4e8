using System.Runtime.InteropServices;

namespace Collapse.Results;

/// <summary>The machine a run was made on, as far as it matters to the run; no name and no address.</summary>
/// <param name="OperatingSystem">Operating system.</param>
/// <param name="Architecture">Architecture of the process, such as X64.</param>
/// <param name="Processor">The processor's name, or null where the system does not tell.</param>
/// <param name="Cores">Logical cores that the process may use.</param>
/// <param name="MemoryBytes">Main memory that the process may use.</param>
/// <param name="Runtime">.NET runtime.</param>
public sealed record MachineInfo(
    string OperatingSystem,
    string Architecture,
    string? Processor,
    int Cores,
    long MemoryBytes,
    string Runtime
)
{
    private const string LinuxProcessorFile = "/proc/cpuinfo";

    /// <summary>This machine.</summary>
    public static MachineInfo Current { get; } =
        new(
            RuntimeInformation.OSDescription,
            RuntimeInformation.ProcessArchitecture.ToString(),
            FindProcessor(),
            Environment.ProcessorCount,
            GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
            RuntimeInformation.FrameworkDescription
        );

    private static string? FindProcessor()
    {
        if (!File.Exists(LinuxProcessorFile))
        {
            return Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER");
        }

        return File.ReadLines(LinuxProcessorFile)
            .FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))
            ?.Split(':', 2)[^1]
            .Trim();
    }
}
