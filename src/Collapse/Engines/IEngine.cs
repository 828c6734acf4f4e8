using Collapse.Running;
using Collapse.Softmax;

namespace Collapse.Engines;

/// <summary>
/// Something that trains contexts. Every engine with the closed-form refit (eq. 2) gives the same integers for
/// the same plan; an engine with another refit is another implementation of this interface.
/// An engine does one run at a time: runs side by side need an engine each.
/// </summary>
public interface IEngine : IDisposable
{
    /// <summary>The engine's name, as on the command line.</summary>
    string Name { get; }

    /// <summary>The device it runs on, in words.</summary>
    string Device { get; }

    /// <summary>Whether it can train a classifier: the closed form, unless the engine says more.</summary>
    /// <param name="classifier">The classifier.</param>
    bool CanTrain(Classifier classifier)
    {
        ArgumentNullException.ThrowIfNull(classifier);
        return classifier.IsClosedForm;
    }

    /// <summary>How many contexts of a plan it can hold at a time, at least 1.</summary>
    /// <param name="plan">The plan.</param>
    /// <exception cref="InvalidInputException">Not even one context fits into the device's memory.</exception>
    int ChunkCapacity(RunPlan plan);

    /// <summary>Bytes of main memory that the engine itself takes for a chunk of a plan.</summary>
    double HostBytes(RunPlan plan, int chunk);

    /// <summary>
    /// Trains a chunk of contexts through all generations, or until they leave the work. When cancelled it
    /// returns after the generation at hand, with everything trained so far recorded.
    /// </summary>
    /// <param name="plan">The plan.</param>
    /// <param name="chunk">The contexts, and what receives their rows.</param>
    /// <param name="cancellation">Asks for an early end.</param>
    void Train(RunPlan plan, Chunk chunk, CancellationToken cancellation);
}
