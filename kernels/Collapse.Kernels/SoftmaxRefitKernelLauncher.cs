using ILGPU;
using ILGPU.Runtime;

namespace Collapse.Kernels;

/// <summary>Adds Σ_j w_j e_j p_jᵀ to the gradient of a batch, and leaves the normalisers of every context.</summary>
/// <param name="stream">The stream to launch on; the call returns at once.</param>
/// <param name="settings">The sizes.</param>
/// <param name="batch">The device memory.</param>
/// <exception cref="ArgumentException">A size is not positive, or a table is too short for it.</exception>
public delegate void SoftmaxRefitLaunch(
    AcceleratorStream stream,
    SoftmaxRefitSettings settings,
    SoftmaxRefitBatch batch
);

/// <summary>Loads <see cref="SoftmaxRefitKernel"/> for a device.</summary>
public static class SoftmaxRefitKernelLauncher
{
    /// <summary>Compiles both kernels once and returns what launches them, one after the other.</summary>
    /// <param name="accelerator">The device.</param>
    /// <exception cref="NotSupportedException">The device has no groups of 256 threads.</exception>
    public static SoftmaxRefitLaunch Create(Accelerator accelerator)
    {
        ArgumentNullException.ThrowIfNull(accelerator);
        if (accelerator.MaxNumThreadsPerGroup < SoftmaxRefitKernel.GroupSize)
        {
            throw new NotSupportedException(
                $"{accelerator.Name} has groups of {accelerator.MaxNumThreadsPerGroup} threads, the refit needs {SoftmaxRefitKernel.GroupSize}; use the CPU"
            );
        }

        Action<AcceleratorStream, KernelConfig, SoftmaxRefitSettings, SoftmaxRefitBatch> normalise =
            accelerator.LoadKernel<SoftmaxRefitSettings, SoftmaxRefitBatch>(SoftmaxRefitKernel.Normalise);
        Action<AcceleratorStream, KernelConfig, SoftmaxRefitSettings, SoftmaxRefitBatch> accumulate =
            accelerator.LoadKernel<SoftmaxRefitSettings, SoftmaxRefitBatch>(SoftmaxRefitKernel.Accumulate);
        return (stream, settings, batch) =>
        {
            Check(settings, batch);
            normalise(stream, Config(settings.Contexts), settings, batch);
            accumulate(stream, Config(settings.Columns), settings, batch);
        };
    }

    private static KernelConfig Config(int items) =>
        new(((items - 1) / SoftmaxRefitKernel.Tile) + 1, SoftmaxRefitKernel.GroupSize);

    private static void Check(SoftmaxRefitSettings settings, SoftmaxRefitBatch batch)
    {
        RequirePositive(settings.Contexts, nameof(settings.Contexts));
        RequirePositive(settings.Dimensions, nameof(settings.Dimensions));
        RequirePositive(settings.Columns, nameof(settings.Columns));
        long embeddings = (long)settings.Contexts * settings.Dimensions;
        long weights = (long)settings.Dimensions * settings.Columns;
        RequireLength(batch.Embeddings.Length, embeddings, nameof(batch.Embeddings));
        RequireLength(batch.Weights.Length, weights, nameof(batch.Weights));
        RequireLength(batch.Multiplicity.Length, settings.Columns, nameof(batch.Multiplicity));
        RequireLength(batch.ContextWeights.Length, settings.Contexts, nameof(batch.ContextWeights));
        RequireLength(batch.Max.Length, settings.Contexts, nameof(batch.Max));
        RequireLength(batch.Sum.Length, settings.Contexts, nameof(batch.Sum));
        RequireLength(batch.Gradient.Length, weights, nameof(batch.Gradient));
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
