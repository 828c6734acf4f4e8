using Collapse.Engines;
using Collapse.Running;

namespace Collapse.Benchmarks;

/// <summary>What training allocates in its innermost loop.</summary>
internal static class Allocation
{
    /// <summary>
    /// Managed bytes allocated for each generation of each context. Results grow with the generations that are
    /// reported, and tables with the contexts; only what grows with both is allocated in the loop. So many contexts
    /// that the quantiles' bins have all been met.
    /// </summary>
    /// <param name="engine">The engine.</param>
    /// <param name="settings">The run; its contexts and generations are set here.</param>
    /// <param name="contexts">Contexts of the smaller runs.</param>
    public static double PerContextGeneration(IEngine engine, RunSettings settings, int contexts = 4000)
    {
        const int generations = 20;
        double few = Growth(contexts, generations);
        double many = Growth(contexts, 2 * generations);
        return (many - few) / ((double)contexts * generations);

        // What as many contexts again allocate.
        double Growth(int c, int g) => Bytes(2 * c, g) - Bytes(c, g);

        double Bytes(int c, int g)
        {
            RunSettings sized = settings with { Contexts = c, Generations = g };
            Simulation.Prepare(sized, engine).Run();
            Simulation simulation = Simulation.Prepare(sized, engine);
            long before = GC.GetTotalAllocatedBytes(precise: true);
            simulation.Run();
            return GC.GetTotalAllocatedBytes(precise: true) - before;
        }
    }
}
