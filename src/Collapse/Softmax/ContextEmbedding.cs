using System.Globalization;
using Collapse.Softmax.Refit;

namespace Collapse.Softmax;

/// <summary>How a context enters the classifier: as a unit vector of its own, or as a vector that shares parameters.</summary>
/// <param name="Dimension">D of Gaussian vectors, 1 to 4,096; null for one-hot contexts.</param>
public sealed record ContextEmbedding(int? Dimension)
{
    private const string Parameter = "--embedding";
    private const string GaussianPrefix = "gaussian:";

    /// <summary>One-hot contexts: each has its own row of logits (eq. 1 as the paper analyses it).</summary>
    public static ContextEmbedding OneHot { get; } = new((int?)null);

    /// <summary>Gaussian vectors (<see cref="Refit.Embedding.Gaussian"/>): all contexts share W, D × s.</summary>
    /// <param name="dimension">D, 1 to 4,096.</param>
    public static ContextEmbedding Gaussian(int dimension) => new(dimension);

    /// <summary>Whether contexts share parameters.</summary>
    public bool IsShared => Dimension is not null;

    /// <summary>The embedding of a specification: <c>onehot</c> or <c>gaussian:D</c>.</summary>
    /// <param name="specification">The specification.</param>
    /// <exception cref="InvalidInputException">It is neither, or D is out of range.</exception>
    public static ContextEmbedding Parse(string specification)
    {
        ArgumentNullException.ThrowIfNull(specification);
        if (specification == "onehot")
        {
            return OneHot;
        }

        bool isGaussian = specification.StartsWith(GaussianPrefix, StringComparison.Ordinal);
        string number = isGaussian ? specification[GaussianPrefix.Length..] : "";
        if (!int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int dimension))
        {
            throw new InvalidInputException(
                Parameter,
                specification,
                "must be onehot or gaussian:D",
                "spell the embedding in one of these forms"
            );
        }

        ContextEmbedding embedding = Gaussian(dimension);
        embedding.Check();
        return embedding;
    }

    /// <summary>The specification that <see cref="Parse"/> reads.</summary>
    public override string ToString() =>
        Dimension is int d ? string.Create(CultureInfo.InvariantCulture, $"{GaussianPrefix}{d}") : "onehot";

    /// <summary>Refuses a dimension out of range.</summary>
    /// <exception cref="InvalidInputException">D is out of range.</exception>
    internal void Check()
    {
        if (Dimension is < 1 or > Embedding.LargestDimension)
        {
            throw new InvalidInputException(
                Parameter,
                ToString(),
                string.Create(CultureInfo.InvariantCulture, $"D must lie in 1 to {Embedding.LargestDimension:N0}"),
                "choose the dimension D"
            );
        }
    }
}
