using ILGPU;

namespace Collapse.Kernels;

/// <summary>What all rows of a launch of <see cref="SoftmaxSamplingKernel"/> share.</summary>
public struct SoftmaxSettings
{
    /// <summary>The run's seed.</summary>
    public ulong Seed;

    /// <summary>The context of the first row.</summary>
    public uint FirstContext;

    /// <summary>The generation that the tokens are drawn for.</summary>
    public uint Generation;

    /// <summary>The segment of its training set.</summary>
    public uint Segment;

    /// <summary>Rows.</summary>
    public int Rows;

    /// <summary>Tokens s of every row.</summary>
    public int Tokens;

    /// <summary>Blocks of <see cref="SoftmaxDraw.BlockTokens"/> tokens in a row, the last one perhaps not full.</summary>
    public int Blocks;

    /// <summary>The scale of the temperature.</summary>
    public SoftmaxScale Scale;
}

/// <summary>The device memory of a launch of <see cref="SoftmaxSamplingKernel"/>.</summary>
public struct SoftmaxBatch
{
    /// <summary>Logits, row after row.</summary>
    public ArrayView<float> Logits;

    /// <summary>Where the draws of each row start in <see cref="Drawn"/>; one element more than rows.</summary>
    public ArrayView<long> DrawOffsets;

    /// <summary>Receives the tokens drawn, in the order of draws.</summary>
    public ArrayView<int> Drawn;

    /// <summary>
    /// Receives for each row -1; or its first token whose logit is not a number or plus infinity; or the number of
    /// tokens, where all are minus infinity.
    /// </summary>
    public ArrayView<int> Refused;

    /// <summary>Work space: <see cref="SoftmaxDraw.Columns"/> numbers a block for each group.</summary>
    public ArrayView<uint> ColumnSums;

    /// <summary>Work space: a number a block for each group.</summary>
    public ArrayView<long> BlockEnds;
}
