using System.Numerics;
using ILGPU;
using ILGPU.Runtime;

namespace Collapse.Kernels;

/// <summary>Trains the contexts of a batch on a device.</summary>
/// <param name="stream">The stream to launch on; the call returns at once.</param>
/// <param name="settings">What all contexts share.</param>
/// <param name="batch">The device memory.</param>
/// <exception cref="ArgumentException">A count is not positive, or a table is too short for the batch.</exception>
public delegate void ContextKernelLaunch(AcceleratorStream stream, BatchSettings settings, ContextBatch batch);

/// <summary>Loads <see cref="ContextKernel"/> for a device.</summary>
public static class ContextKernelLauncher
{
    private const int LargestGroup = 256;
    private const int SmallestGroup = 32;
    private const int OpenClGroup = 64;

    /// <summary>Compiles the kernel once and returns what launches it.</summary>
    /// <param name="accelerator">The device.</param>
    /// <param name="groups">Groups per launch, each with a count table of its own in the batch.</param>
    /// <param name="groupSize">Threads per group, from <see cref="GroupSize"/>.</param>
    public static ContextKernelLaunch Create(Accelerator accelerator, int groups, int groupSize)
    {
        ArgumentNullException.ThrowIfNull(accelerator);
        ArgumentOutOfRangeException.ThrowIfLessThan(groups, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(groupSize, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(groupSize, accelerator.MaxNumThreadsPerGroup);
        Action<AcceleratorStream, KernelConfig, BatchSettings, ContextBatch> kernel = accelerator.LoadKernel<
            BatchSettings,
            ContextBatch
        >(ContextKernel.Advance);
        return (stream, settings, batch) =>
        {
            Check(settings, batch, groups);
            kernel(stream, new KernelConfig(Math.Min(groups, settings.Contexts), groupSize), settings, batch);
        };
    }

    /// <summary>Threads per group for training sets of a size: about eight tokens a thread, 32 to 256; on OpenCL always 64.</summary>
    public static int GroupSize(Accelerator accelerator, int tokens)
    {
        ArgumentNullException.ThrowIfNull(accelerator);
        if (accelerator.AcceleratorType == AcceleratorType.OpenCL)
        {
            // OpenCL on a CPU compiles the kernel anew, for seconds, for each group size.
            return Math.Min(OpenClGroup, accelerator.MaxNumThreadsPerGroup);
        }

        int wanted = (int)Math.Min(BitOperations.RoundUpToPowerOf2((uint)Math.Max(tokens / 8, 1)), LargestGroup);
        return Math.Min(Math.Max(wanted, SmallestGroup), accelerator.MaxNumThreadsPerGroup);
    }

    private static void Check(BatchSettings settings, ContextBatch batch, int groups)
    {
        RequirePositive(settings.Contexts, nameof(settings.Contexts));
        RequirePositive(settings.Generations, nameof(settings.Generations));
        RequirePositive(settings.FirstGeneration, nameof(settings.FirstGeneration));
        RequirePositive(settings.Slots, nameof(settings.Slots));
        RequirePositive(settings.CountSlots, nameof(settings.CountSlots));
        long contexts = settings.Contexts;
        long active = Math.Min(groups, contexts);
        RequireLength(batch.Samples.Length, contexts, nameof(batch.Samples));
        RequireLength(batch.SetOffsets.Length, contexts + 1, nameof(batch.SetOffsets));
        RequireLength(batch.SetSizes.Length, contexts * settings.Slots, nameof(batch.SetSizes));
        RequireLength(batch.RecipeOf.Length, settings.Generations, nameof(batch.RecipeOf));
        RequireLength(batch.RowOf.Length, settings.Generations, nameof(batch.RowOf));
        RequireLength(batch.WorkTokens.Length, active * settings.CountSlots, nameof(batch.WorkTokens));
        RequireLength(batch.Rows.Length, contexts * (settings.Reported + 1) * ObservableRow.Length, nameof(batch.Rows));
    }

    private static void RequirePositive(int value, string name)
    {
        if (value < 1)
        {
            throw new ArgumentException($"{name} is {value}, must be at least 1");
        }
    }

    private static void RequireLength(long length, long needed, string name)
    {
        if (length < needed)
        {
            throw new ArgumentException($"{name} holds {length} elements, the batch needs {needed}; allocate more");
        }
    }
}
