using ILGPU;
using ILGPU.Runtime;

namespace Collapse.Kernels;

/// <summary>Which blocks <see cref="PhiloxSumKernel"/> adds up.</summary>
public struct PhiloxSumSettings
{
    /// <summary>The seed.</summary>
    public ulong Seed;

    /// <summary>Number of contexts.</summary>
    public int Contexts;

    /// <summary>Number of generations.</summary>
    public int Generations;

    /// <summary>Step from one context to the next in the table of blocks: 0 where all have the same.</summary>
    public int ContextStride;

    /// <summary>Step from one generation to the next in the table of blocks: 0 where all have the same.</summary>
    public int GenerationStride;
}

/// <summary>
/// The least that any engine on a device must do: the random words of a run, added up, and nothing else. What a
/// run takes in comparison shows how near an engine is to the limit that its random numbers set.
/// </summary>
public static class PhiloxSumKernel
{
    /// <summary>Adds up the words of every context's generations; a thread takes whole generations.</summary>
    /// <param name="settings">Which blocks.</param>
    /// <param name="blocks">Blocks of a generation of a context.</param>
    /// <param name="last">The last generation of each context.</param>
    /// <param name="sums">One sum modulo 2^32 for each thread of the launch.</param>
    /// <remarks>Explicitly grouped: any group size.</remarks>
    public static void Sum(PhiloxSumSettings settings, ArrayView<int> blocks, ArrayView<int> last, ArrayView<uint> sums)
    {
        int thread = Grid.IdxX * Group.DimX + Group.IdxX;
        long items = (long)settings.Contexts * settings.Generations;
        uint sum = 0;
        for (long item = thread; item < items; item += (long)Grid.DimX * Group.DimX)
        {
            int context = (int)(item / settings.Generations);
            int step = (int)(item - (long)context * settings.Generations);
            int count = blocks[(long)context * settings.ContextStride + (long)step * settings.GenerationStride];
            count = step < last[context] ? count : 0;
            var stream = new DrawStream(settings.Seed, (uint)context, (uint)step + 1, 0, DrawPurpose.Index);
            for (int block = 0; block < count; block++)
            {
                PhiloxBlock words = stream.Block((uint)block, 0);
                sum += words.X0 + words.X1 + words.X2 + words.X3;
            }
        }

        sums[thread] = sum;
    }

    /// <summary>Compiles the kernel once and returns what launches it.</summary>
    /// <param name="accelerator">The device.</param>
    /// <param name="groups">Groups per launch.</param>
    /// <param name="groupSize">Threads per group.</param>
    /// <returns>
    /// Launches on a stream and returns at once: settings, blocks, last generations, and groups × group size sums.
    /// </returns>
    public static Action<
        AcceleratorStream,
        PhiloxSumSettings,
        ArrayView<int>,
        ArrayView<int>,
        ArrayView<uint>
    > CreateSum(Accelerator accelerator, int groups, int groupSize)
    {
        ArgumentNullException.ThrowIfNull(accelerator);
        Action<
            AcceleratorStream,
            KernelConfig,
            PhiloxSumSettings,
            ArrayView<int>,
            ArrayView<int>,
            ArrayView<uint>
        > kernel = accelerator.LoadKernel<PhiloxSumSettings, ArrayView<int>, ArrayView<int>, ArrayView<uint>>(Sum);
        return (stream, settings, blocks, last, sums) =>
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(last.Length, settings.Contexts);
            ArgumentOutOfRangeException.ThrowIfLessThan(sums.Length, (long)groups * groupSize);
            kernel(stream, new KernelConfig(groups, groupSize), settings, blocks, last, sums);
        };
    }
}
