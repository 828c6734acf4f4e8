using Collapse.Kernels;
using ILGPU;
using ILGPU.Runtime;

namespace Collapse.Softmax.Sampling;

/// <summary>
/// Draws from rows of logits with <see cref="SoftmaxSamplingKernel"/> on a CUDA or OpenCL device: the same tokens as
/// <see cref="LogitSampler"/>, at any temperature. It has no top-k and no top-p.
/// </summary>
public sealed class DeviceLogitSampler
{
    private const int MostGroups = 512;
    private const double MemoryShare = 0.25;

    private readonly Accelerator _accelerator;
    private readonly SoftmaxSamplingLaunch _launch;

    /// <summary>Compiles the kernel for a device.</summary>
    /// <param name="accelerator">
    /// A device of a context for which <see cref="SoftmaxFma.Register"/> was called before the accelerator was created.
    /// It is not disposed with this.
    /// </param>
    public DeviceLogitSampler(Accelerator accelerator)
    {
        ArgumentNullException.ThrowIfNull(accelerator);
        _accelerator = accelerator;
        _launch = SoftmaxSamplingLauncher.Create(accelerator, MostGroups);
    }

    /// <summary>Draws from every row, as many rows at a time as a quarter of the device's memory holds.</summary>
    /// <param name="logits">The rows.</param>
    /// <param name="samples">How many tokens are drawn from each row, 0 to 2^31 - 1.</param>
    /// <param name="temperature">T, 1e-6 to 1e6.</param>
    /// <param name="streams">Where the random numbers come from.</param>
    /// <param name="cancellation">Looked at before each launch.</param>
    /// <returns>How often each token was drawn.</returns>
    /// <exception cref="InvalidInputException">As of <see cref="LogitSampler.Sample"/>.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public SampledCounts Sample(
        ILogitSource logits,
        ReadOnlyMemory<int> samples,
        double temperature,
        LogitStreams streams,
        CancellationToken cancellation = default
    )
    {
        ArgumentNullException.ThrowIfNull(logits);
        new SamplingRule(temperature).Check();
        LogitCheck.CheckSizes(logits, samples.Span);
        var counts = new RowCounter();
        long mostTokens = (long)(MemoryShare * _accelerator.MemorySize / sizeof(float));
        int start = 0;
        while (start < logits.Rows)
        {
            cancellation.ThrowIfCancellationRequested();
            int end = start;
            for (long tokens = 0; end < logits.Rows && (end == start || tokens <= mostTokens); end++)
            {
                tokens += logits.Tokens + (long)samples.Span[end];
            }

            SampleRows(logits, samples.Span[start..end], start, temperature, streams, counts);
            start = end;
        }

        return RowCounter.Join([counts], logits.Rows);
    }

    private void SampleRows(
        ILogitSource logits,
        ReadOnlySpan<int> samples,
        int start,
        double temperature,
        LogitStreams streams,
        RowCounter target
    )
    {
        // Rows of which nothing is drawn are not read: they are rows of zeros here.
        int s = logits.Tokens;
        int rows = samples.Length;
        int blocks = (int)(((long)s + SoftmaxDraw.BlockTokens - 1) / SoftmaxDraw.BlockTokens);
        int groups = Math.Min(rows, MostGroups);
        using MemoryBuffer1D<float, Stride1D.Dense> values = _accelerator.Allocate1D<float>((long)rows * s);
        values.MemSetToZero();
        var offsets = new long[rows + 1];
        var buffer = new float[s];
        for (int i = 0; i < rows; i++)
        {
            offsets[i + 1] = offsets[i] + samples[i];
            if (samples[i] > 0)
            {
                ReadOnlySpan<float> row = logits.Row(start + i, buffer);
                values.View.SubView((long)i * s, s).CopyFromCPU(_accelerator.DefaultStream, row);
            }
        }

        using MemoryBuffer1D<long, Stride1D.Dense> drawOffsets = _accelerator.Allocate1D(offsets);
        using MemoryBuffer1D<int, Stride1D.Dense> drawn = _accelerator.Allocate1D<int>(Math.Max(offsets[rows], 1));
        using MemoryBuffer1D<int, Stride1D.Dense> refused = _accelerator.Allocate1D<int>(rows);
        using MemoryBuffer1D<uint, Stride1D.Dense> columnSums = _accelerator.Allocate1D<uint>(
            (long)groups * blocks * SoftmaxDraw.Columns
        );
        using MemoryBuffer1D<long, Stride1D.Dense> blockEnds = _accelerator.Allocate1D<long>((long)groups * blocks);
        _launch(
            _accelerator.DefaultStream,
            new SoftmaxSettings
            {
                Seed = streams.Seed,
                FirstContext = streams.FirstContext + (uint)start,
                Generation = streams.Generation,
                Segment = streams.Segment,
                Rows = rows,
                Tokens = s,
                Blocks = blocks,
                Scale = new SoftmaxScale(temperature),
            },
            new SoftmaxBatch
            {
                Logits = values.View,
                DrawOffsets = drawOffsets.View,
                Drawn = drawn.View,
                Refused = refused.View,
                ColumnSums = columnSums.View,
                BlockEnds = blockEnds.View,
            }
        );
        _accelerator.Synchronize();
        int bad = refused.GetAsArray1D().AsSpan().IndexOfAnyExcept(-1);
        if (bad >= 0)
        {
            throw LogitCheck.Refuse(logits.Row(start + bad, buffer), start + bad);
        }

        int[] tokens = drawn.GetAsArray1D();
        for (int i = 0; i < rows; i++)
        {
            target.Count(start + i, tokens.AsSpan((int)offsets[i], samples[i]));
        }
    }
}
