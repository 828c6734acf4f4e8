using System.Globalization;
using Collapse.Engines;
using Collapse.Engines.Cpu;
using Collapse.Running;
using Collapse.Softmax.Refit;
using Collapse.Softmax.Sampling;
using Collapse.Softmax.Training;

namespace Collapse.Softmax;

/// <summary>
/// The engine of softmax models: all contexts of a chunk side by side, generation by generation. It takes any
/// <see cref="Classifier"/>; of the closed form the other engines make exact tables of counts, and this one draws from
/// the same laws with other random numbers.
/// </summary>
public sealed class SoftmaxEngine : IEngine
{
    private readonly int _threads;
    private readonly VectorWidth _width;
    private readonly LogitSampler _sampler;

    /// <summary>Creates the engine.</summary>
    /// <param name="threads">Worker threads, 1 to 1024; null for one per core. No result depends on it.</param>
    /// <param name="width">The vector width; null for the widest this processor has. No result depends on it.</param>
    /// <exception cref="InvalidInputException">The number of threads is out of range.</exception>
    /// <exception cref="PlatformNotSupportedException">The processor lacks the width asked for.</exception>
    public SoftmaxEngine(int? threads = null, VectorWidth? width = null)
    {
        _sampler = new LogitSampler(threads, width);
        _threads = threads ?? Environment.ProcessorCount;
        _width = width ?? CpuEngine.Widths[^1];
    }

    /// <inheritdoc/>
    public string Name => "cpu";

    /// <inheritdoc/>
    public string Device =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{_threads} thread{(_threads == 1 ? "" : "s")}, {(int)_width}-bit vectors"
        );

    /// <inheritdoc/>
    public bool CanTrain(Classifier classifier) => true;

    /// <inheritdoc/>
    public int ChunkCapacity(RunPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return SoftmaxMemory.ChunkCapacity(plan);
    }

    /// <inheritdoc/>
    public double HostBytes(RunPlan plan, int chunk)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return SoftmaxMemory.HostBytes(plan, Math.Min(chunk, ChunkCapacity(plan)), _threads);
    }

    /// <inheritdoc/>
    public void Dispose() { }

    /// <inheritdoc/>
    /// <exception cref="RefitDivergedException">A refit diverged; generation and context are named.</exception>
    public void Train(RunPlan plan, Chunk chunk, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(chunk);
        var options = new RefitOptions
        {
            L2 = plan.Settings.Classifier.L2,
            Threads = _threads,
            Width = _width,
        };
        try
        {
            new LockstepRun(plan, chunk, _sampler, options, cancellation).Train();
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // The generation at hand is lost; those before it are recorded.
        }
    }
}
