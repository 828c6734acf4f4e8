namespace Collapse.Softmax.Training;

/// <summary>The law of one context under a softmax model, token by token, in double precision.</summary>
/// <param name="tokens">The number of tokens s.</param>
internal sealed class SoftmaxLaw(int tokens)
{
    /// <summary>p_i, s numbers.</summary>
    public double[] Probabilities { get; } = new double[tokens];

    /// <summary>Room for s numbers that the model computes with.</summary>
    public float[] Logits { get; } = new float[tokens];

    /// <summary>ln Σ e^l: what is taken off a logit to have ln p.</summary>
    public double LogSum { get; set; }

    /// <summary>-Σ p ln p in nats.</summary>
    public double Entropy { get; set; }
}
