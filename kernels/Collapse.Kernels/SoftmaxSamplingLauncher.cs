using ILGPU;
using ILGPU.Runtime;

namespace Collapse.Kernels;

/// <summary>Draws from the rows of a batch on a device.</summary>
/// <param name="stream">The stream to launch on; the call returns at once.</param>
/// <param name="settings">What all rows share.</param>
/// <param name="batch">The device memory.</param>
/// <exception cref="ArgumentException">A number is not positive, or a view is too short.</exception>
public delegate void SoftmaxSamplingLaunch(AcceleratorStream stream, SoftmaxSettings settings, SoftmaxBatch batch);

/// <summary>Loads <see cref="SoftmaxSamplingKernel"/> for a device.</summary>
public static class SoftmaxSamplingLauncher
{
    private const int OpenClGroup = 64;

    /// <summary>Compiles the kernel once and returns what launches it.</summary>
    /// <param name="accelerator">A device of a context for which <see cref="SoftmaxFma.Register"/> was called first.</param>
    /// <param name="groups">Groups per launch, each with work space of its own in the batch.</param>
    public static SoftmaxSamplingLaunch Create(Accelerator accelerator, int groups)
    {
        ArgumentNullException.ThrowIfNull(accelerator);
        ArgumentOutOfRangeException.ThrowIfLessThan(groups, 1);
        int largest =
            accelerator.AcceleratorType == AcceleratorType.OpenCL ? OpenClGroup : SoftmaxSamplingKernel.MaxGroupSize;
        int groupSize = Math.Min(largest, accelerator.MaxNumThreadsPerGroup);
        Action<AcceleratorStream, KernelConfig, SoftmaxSettings, SoftmaxBatch> kernel = accelerator.LoadKernel<
            SoftmaxSettings,
            SoftmaxBatch
        >(SoftmaxSamplingKernel.Sample);
        return (stream, settings, batch) =>
        {
            Check(settings, batch, groups);
            kernel(stream, new KernelConfig(Math.Min(groups, settings.Rows), groupSize), settings, batch);
        };
    }

    private static void Check(SoftmaxSettings settings, SoftmaxBatch batch, int groups)
    {
        if (settings.Rows < 1 || settings.Tokens < 1)
        {
            throw new ArgumentException(
                $"{settings.Rows} rows of {settings.Tokens} tokens: there must be one at least"
            );
        }

        long rows = settings.Rows;
        long blocks = ((long)settings.Tokens + SoftmaxDraw.BlockTokens - 1) / SoftmaxDraw.BlockTokens;
        long work = Math.Min(groups, rows) * blocks;
        if (settings.Blocks != blocks)
        {
            throw new ArgumentException($"{settings.Tokens} tokens have {blocks} blocks, not {settings.Blocks}");
        }

        RequireLength(batch.Logits.Length, rows * settings.Tokens, nameof(batch.Logits));
        RequireLength(batch.DrawOffsets.Length, rows + 1, nameof(batch.DrawOffsets));
        RequireLength(batch.Refused.Length, rows, nameof(batch.Refused));
        RequireLength(batch.ColumnSums.Length, work * SoftmaxDraw.Columns, nameof(batch.ColumnSums));
        RequireLength(batch.BlockEnds.Length, work, nameof(batch.BlockEnds));
    }

    private static void RequireLength(long length, long needed, string name)
    {
        if (length < needed)
        {
            throw new ArgumentException($"{name} holds {length} elements, the batch needs {needed}; allocate more");
        }
    }
}
