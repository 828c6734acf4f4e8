using ILGPU;

namespace Collapse.Kernels;

/// <summary>Shows what <see cref="Philox"/> gives on a device, so that its known answers are checked there too.</summary>
public static class PhiloxProbeKernel
{
    /// <summary>Words that one block takes: four of the counter, two of the key.</summary>
    public const int InputWords = 6;

    /// <summary>Words that one block gives.</summary>
    public const int OutputWords = 4;

    /// <summary>Computes one block a thread.</summary>
    /// <param name="index">The block.</param>
    /// <param name="inputs"><see cref="InputWords"/> words a block: the counter, then the key.</param>
    /// <param name="outputs">Receives <see cref="OutputWords"/> words a block.</param>
    public static void Generate(Index1D index, ArrayView<uint> inputs, ArrayView<uint> outputs)
    {
        int i = index * InputWords;
        PhiloxBlock block = Philox.Generate(
            inputs[i],
            inputs[i + 1],
            inputs[i + 2],
            inputs[i + 3],
            inputs[i + 4],
            inputs[i + 5]
        );
        int o = index * OutputWords;
        outputs[o] = block.X0;
        outputs[o + 1] = block.X1;
        outputs[o + 2] = block.X2;
        outputs[o + 3] = block.X3;
    }
}
