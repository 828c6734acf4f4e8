using Collapse.Kernels;

namespace Collapse.Results;

/// <summary>What is observed of one context of a softmax model at one generation.</summary>
internal sealed class SoftmaxRow
{
    /// <summary>The observables, in the order of <see cref="Observable"/>; NaN where undefined.</summary>
    public double[] Values { get; } = new double[Observables.SoftmaxCount];

    /// <summary>The integers of <see cref="ObservableRow"/> that the digest is made of, of the training set.</summary>
    public long[] Integers { get; } = new long[ObservableRow.Length];

    /// <summary>Tokens n in the training set.</summary>
    public int Size { get; set; }

    /// <summary>The token of largest probability, the smallest id among equals.</summary>
    public int Token { get; set; }

    /// <summary>Whether the training set is one token.</summary>
    public bool IsCollapsed { get; set; }

    /// <summary>-Σ h_i ln p_i over held-out counts h_i of tokens with p_i > 0, in units of 2^-<see cref="Running.RunPlan.LogBits"/>.</summary>
    public long HeldOutNegativeLog { get; set; }

    /// <summary>Σ h_i over tokens with p_i > 0.</summary>
    public long HeldOutCovered { get; set; }
}
