using System.Reflection;
using Collapse.Engines;
using Collapse.Running;

namespace Collapse.Results;

/// <summary>What a run is: enough to make it again, known before it starts.</summary>
/// <param name="Plan">The plan.</param>
/// <param name="Engine">The engine's name.</param>
/// <param name="Device">The device, in words.</param>
/// <param name="Started">When it began.</param>
public sealed record RunProvenance(RunPlan Plan, string Engine, string Device, DateTimeOffset Started)
{
    /// <summary>The version of this library.</summary>
    public static string Version { get; } =
        typeof(RunProvenance).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion
        ?? "unknown";

    /// <summary>The provenance of a run that begins now.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="engine">The engine.</param>
    public static RunProvenance Now(RunPlan plan, IEngine engine)
    {
        ArgumentNullException.ThrowIfNull(engine);
        return new RunProvenance(plan, engine.Name, engine.Device, DateTimeOffset.UtcNow);
    }
}
