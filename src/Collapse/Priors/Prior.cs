namespace Collapse.Priors;

/// <summary>The truth p^(0) as explicit probabilities, the same for every context or one law per context.</summary>
public abstract class Prior
{
    private protected Prior(string specification, int vocabularySize)
    {
        Specification = specification;
        VocabularySize = vocabularySize;
    }

    /// <summary>The prior as the command line spells it, such as <c>zipf:200000:1.0</c>.</summary>
    public string Specification { get; }

    /// <summary>Vocabulary size s; tokens are 0 … s - 1.</summary>
    public int VocabularySize { get; }

    /// <summary>Number of contexts that the prior itself defines, or null where it serves any number.</summary>
    public virtual int? Contexts => null;

    /// <summary>Whether contexts have different laws.</summary>
    public virtual bool DiffersByContext => false;

    /// <summary>Writes the weights of one context; they are non-negative, finite, and not all zero.</summary>
    /// <param name="seed">The run's seed: the laws of random priors depend on it.</param>
    /// <param name="context">The context; ignored unless <see cref="DiffersByContext"/>.</param>
    /// <param name="weights">Receives s weights, not necessarily normalised.</param>
    public abstract void WriteWeights(ulong seed, uint context, Span<double> weights);

    /// <summary>The normalised law of one context.</summary>
    /// <param name="seed">The run's seed.</param>
    /// <param name="context">The context.</param>
    /// <returns>s probabilities that add up to 1 up to rounding.</returns>
    public double[] Probabilities(ulong seed = 0, uint context = 0)
    {
        var weights = new double[VocabularySize];
        WriteWeights(seed, context, weights);
        double total = MathNet.Numerics.LinearAlgebra.Vector<double>.Build.Dense(weights).Sum();
        for (int i = 0; i < weights.Length; i++)
        {
            weights[i] /= total;
        }

        return weights;
    }
}
