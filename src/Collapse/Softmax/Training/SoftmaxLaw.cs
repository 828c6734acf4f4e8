namespace Collapse.Softmax.Training;

/// <summary>The law of one context under a softmax model, token by token, in double precision.</summary>
/// <param name="tokens">The number of tokens s.</param>
/// <param name="rows">
/// Contexts whose logits a model may compute together, where one law after the other is written: those from a multiple
/// of this number on.
/// </param>
internal sealed class SoftmaxLaw(int tokens, int rows = 1)
{
    /// <summary>p_i, s numbers.</summary>
    public double[] Probabilities { get; } = new double[tokens];

    /// <summary>How many contexts' logits may be kept.</summary>
    public int Rows => rows;

    /// <summary>Logits that the model keeps for the next contexts.</summary>
    public float[] Logits { get; set; } = [];

    /// <summary>Whose logits they are; null for nobody's.</summary>
    public SoftmaxModel? Owner { get; set; }

    /// <summary>The first context that they are of.</summary>
    public int FirstRow { get; set; }

    /// <summary>ln Σ e^l: what is taken off a logit to have ln p.</summary>
    public double LogSum { get; set; }

    /// <summary>-Σ p ln p in nats.</summary>
    public double Entropy { get; set; }
}
