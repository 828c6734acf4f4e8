using Collapse.Engines.Cpu;

namespace Collapse.Softmax.Sampling;

/// <summary>
/// Draws tokens from rows of logits, exactly (see <see cref="Kernels.SoftmaxDraw"/>), on several threads and at
/// any vector width with the same counts.
/// </summary>
public sealed class LogitSampler
{
    private readonly VectorWidth _width;
    private readonly IRowSampler?[] _workers;
    private readonly RowCounter?[] _parts;

    /// <summary>Creates the sampler. It keeps its working memory, about 13 bytes a token and thread, from call to call.</summary>
    /// <param name="threads">Worker threads, 1 to 1024; null for one per core.</param>
    /// <param name="width">The vector width; null for the widest this processor has.</param>
    /// <exception cref="InvalidInputException">The number of threads is out of range.</exception>
    /// <exception cref="PlatformNotSupportedException">The processor lacks the width asked for.</exception>
    public LogitSampler(int? threads = null, VectorWidth? width = null)
    {
        ParameterRange.Threads.Check(threads);
        _width = width ?? CpuEngine.Widths[^1];
        if (!CpuEngine.Widths.Contains(_width))
        {
            throw new PlatformNotSupportedException($"this processor has no {(int)_width}-bit vectors");
        }

        _workers = new IRowSampler?[threads ?? Environment.ProcessorCount];
        _parts = new RowCounter?[_workers.Length];
    }

    /// <summary>Draws from every row. Not to be called again before it returns.</summary>
    /// <param name="logits">The rows. Those of which nothing is drawn are not read.</param>
    /// <param name="samples">How many tokens are drawn from each row, 0 to 2^31 - 1.</param>
    /// <param name="rule">Temperature, top-k and top-p.</param>
    /// <param name="streams">Where the random numbers come from.</param>
    /// <param name="cancellation">Looked at before each row.</param>
    /// <returns>How often each token was drawn.</returns>
    /// <exception cref="InvalidInputException">
    /// Sample sizes or the rule are out of range, or a row of logits has no law: of several such rows the first is
    /// named. Nothing is returned then.
    /// </exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public SampledCounts Sample(
        ILogitSource logits,
        ReadOnlyMemory<int> samples,
        SamplingRule rule,
        LogitStreams streams,
        CancellationToken cancellation = default
    )
    {
        ArgumentNullException.ThrowIfNull(logits);
        ArgumentNullException.ThrowIfNull(rule);
        rule.Check();
        LogitCheck.CheckSizes(logits, samples.Span);
        int workers = Math.Max(1, Math.Min(_workers.Length, logits.Rows));
        var parts = new RowCounter[workers];
        var failures = new (int Row, Exception Exception)?[workers];
        int next = 0;
        bool isStopped = false;

        void Work(int worker)
        {
            IRowSampler sampler = _workers[worker] ??= Create();
            RowCounter part = parts[worker] = _parts[worker] ??= new RowCounter();
            part.Clear();
            int taken = Interlocked.Increment(ref next) - 1;
            while (taken < logits.Rows)
            {
                // Rows are taken in order, the one that comes next with the one before: those before a row that fails
                // are all done or still will be.
                int row = taken;
                taken = Volatile.Read(ref isStopped) ? logits.Rows : Interlocked.Increment(ref next) - 1;
                try
                {
                    cancellation.ThrowIfCancellationRequested();
                    if (samples.Span[row] > 0)
                    {
                        sampler.Sample(logits, row, taken, samples.Span[row], rule, streams, part);
                    }
                }
                catch (Exception e)
                {
                    failures[worker] = (row, e);

                    // It may have been left in the midst of a row.
                    _workers[worker] = null;
                    Volatile.Write(ref isStopped, true);
                    return;
                }
            }
        }

        Task[] tasks =
        [
            .. Enumerable
                .Range(1, workers - 1)
                .Select(w => Task.Factory.StartNew(() => Work(w), TaskCreationOptions.LongRunning)),
        ];
        Work(0);
        Task.WaitAll(tasks, CancellationToken.None);
        if (failures.Where(f => f is not null).MinBy(f => f!.Value.Row) is { } first)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(first.Exception);
        }

        return RowCounter.Join(parts, logits.Rows);
    }

    private IRowSampler Create() =>
        _width switch
        {
            VectorWidth.Bits512 => new RowSampler<SoftmaxLanes512, Lanes512>(),
            VectorWidth.Bits256 => new RowSampler<SoftmaxLanes256, Lanes256>(),
            _ => new RowSampler<SoftmaxLanes128, Lanes128>(),
        };
}
