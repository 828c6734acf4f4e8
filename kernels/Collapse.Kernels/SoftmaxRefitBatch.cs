using ILGPU;

namespace Collapse.Kernels;

/// <summary>The sizes of a softmax classifier over embedded contexts.</summary>
/// <param name="contexts">Contexts c.</param>
/// <param name="dimensions">Numbers d per embedding.</param>
/// <param name="columns">Columns of W: tokens, or classes of tokens.</param>
public readonly struct SoftmaxRefitSettings(int contexts, int dimensions, int columns)
{
    /// <summary>Contexts c.</summary>
    public readonly int Contexts = contexts;

    /// <summary>Numbers d per embedding.</summary>
    public readonly int Dimensions = dimensions;

    /// <summary>Columns of W.</summary>
    public readonly int Columns = columns;
}

/// <summary>The device memory of one gradient; matrices row after row.</summary>
public struct SoftmaxRefitBatch
{
    /// <summary>c × d: the vectors e_j.</summary>
    public ArrayView<float> Embeddings;

    /// <summary>d × columns: W.</summary>
    public ArrayView<float> Weights;

    /// <summary>Per column: its number of tokens m_i.</summary>
    public ArrayView<float> Multiplicity;

    /// <summary>Per context: its weight w_j.</summary>
    public ArrayView<float> ContextWeights;

    /// <summary>Per context: its largest logit.</summary>
    public ArrayView<float> Max;

    /// <summary>Per context: Σ m_i e^(z_i - max).</summary>
    public ArrayView<float> Sum;

    /// <summary>d × columns: what Σ_j w_j e_j p_jᵀ is added to.</summary>
    public ArrayView<float> Gradient;
}
