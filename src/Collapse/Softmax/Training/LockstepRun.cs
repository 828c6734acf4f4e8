using Collapse.Engines;
using Collapse.Results;
using Collapse.Running;
using Collapse.Softmax.Refit;
using Collapse.Softmax.Sampling;

namespace Collapse.Softmax.Training;

/// <summary>
/// Trains the contexts of a chunk side by side, generation by generation: draw the training sets, train a fresh model
/// on them, observe. The models that the schedule looks back to are kept, and the first.
/// </summary>
internal sealed class LockstepRun
{
    /// <summary>Contexts that are observed one after the other by one worker.</summary>
    public const int RowsPerBlock = 8;

    private readonly RunPlan _plan;
    private readonly Chunk _chunk;
    private readonly RefitOptions _options;
    private readonly CancellationToken _cancellation;
    private readonly Classifier _classifier;
    private readonly TrainingData _data;
    private readonly Embedding? _embedding;
    private readonly Dictionary<int, SoftmaxModel> _models = [];
    private readonly ModelObserver?[] _observers;
    private readonly int[] _survivors;
    private readonly double[] _rest;
    private SoftmaxModel? _first;
    private CountRows? _firstCounts;

    public LockstepRun(
        RunPlan plan,
        Chunk chunk,
        LogitSampler sampler,
        RefitOptions options,
        CancellationToken cancellation
    )
    {
        _plan = plan;
        _chunk = chunk;
        _options = options;
        _cancellation = cancellation;
        _classifier = plan.Settings.Classifier;
        _data = new TrainingData(plan, chunk, sampler, options.ThreadCount, cancellation);
        _observers = new ModelObserver?[Math.Min(options.ThreadCount, chunk.Count)];
        _survivors = new int[chunk.Count];
        Array.Fill(_survivors, -1);
        _rest = new double[chunk.Count];
        for (int row = 0; row < _rest.Length; row++)
        {
            _rest[row] = plan.Schedule.TotalSize(chunk.Table.Samples[row], chunk.Table.Real[row]);
        }

        if (_classifier.Embedding.Dimension is int dimension)
        {
            _embedding = Embedding.Gaussian(plan.Seed, (uint)chunk.First, chunk.Count, dimension);
        }
    }

    /// <summary>Trains all generations, or until every context has left.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled; the generations before are recorded.</exception>
    /// <exception cref="RefitDivergedException">A refit diverged.</exception>
    public void Train()
    {
        for (int m = 1; m <= _plan.LastGeneration && _survivors.AsSpan().Contains(-1); m++)
        {
            _cancellation.ThrowIfCancellationRequested();
            var progress = new GenerationProgress(_chunk, _classifier.Refit, _chunk.Count, SettleTokens(m));
            (CountRows counts, long draws) = _data.Draw(m, ModelOf, _survivors);
            progress.Drawn(draws);
            SoftmaxModel model = Fit(m, counts, progress);
            _models.Add(m, model);
            _first ??= model;
            _firstCounts ??= counts;
            Observe(new GenerationState(m, counts, _firstCounts, _first, ModelOf));
            _models.Remove(m - _plan.Schedule.Lookback);
            progress.Complete();
        }
    }

    private SoftmaxModel ModelOf(int generation) => _models[generation];

    private SoftmaxModel Fit(int generation, CountRows counts, GenerationProgress progress)
    {
        try
        {
            return _embedding is null
                ? new SeparateModel(
                    OneHotRefit.Train(counts, _classifier.Refit, _options, null, progress, _cancellation).Model
                )
                : new SharedModel(
                    EmbeddedRefit
                        .Train(counts, _embedding, _classifier.Refit, _options, null, progress, _cancellation)
                        .Model
                );
        }
        catch (RefitDivergedException e)
        {
            throw e.InRun(generation, _chunk.First);
        }
    }

    private void Observe(GenerationState state)
    {
        int report = _plan.ReportIndex(state.Generation);
        bool isReported = report >= 0;
        var recorders = new Recorder?[_observers.Length];
        int blocks = (_chunk.Count + RowsPerBlock - 1) / RowsPerBlock;
        BlockLoop.Run(
            blocks,
            _observers.Length,
            worker => (_observers[worker] ??= new ModelObserver(_plan, _data), recorders[worker] ??= _chunk.Rent()),
            (worker, block) =>
            {
                int end = Math.Min((block + 1) * RowsPerBlock, _chunk.Count);
                for (int row = block * RowsPerBlock; row < end; row++)
                {
                    ObserveContext(row, state, isReported ? report : -1, worker.Item1, worker.Item2);
                }
            },
            CancellationToken.None
        );
        foreach (Recorder? recorder in recorders)
        {
            if (recorder is not null)
            {
                _chunk.Return(recorder);
            }
        }
    }

    private void ObserveContext(int row, GenerationState state, int report, ModelObserver observer, Recorder recorder)
    {
        if (_survivors[row] >= 0)
        {
            return;
        }

        ReadOnlySpan<int> tokens = state.Counts.Tokens(row);
        bool isCollapsed = tokens.Length == 1;
        if (isCollapsed && _chunk.Table.CollapseTime[row] == 0)
        {
            _chunk.Table.CollapseTime[row] = state.Generation;
        }

        bool leaves = isCollapsed && _plan.Settings.UntilCollapse;
        if (report < 0 && !leaves)
        {
            return;
        }

        SoftmaxRow values = observer.Observe(row, _chunk.First + row, state);
        if (report >= 0)
        {
            recorder.Report(_chunk.Table, row, report, values);
        }

        if (leaves)
        {
            recorder.Leave(_chunk.Table, row, state.Generation, values);
            _survivors[row] = tokens[0];
            _chunk.Advance(0, (long)Math.Max(_rest[row], 0));
        }
    }

    /// <summary>Tokens of a generation's training sets, of the contexts that are still there; they count as settled.</summary>
    private long SettleTokens(int generation)
    {
        long tokens = 0;
        for (int row = 0; row < _chunk.Count; row++)
        {
            if (_survivors[row] < 0)
            {
                long size = _plan.Schedule.SetSize(generation, _chunk.Table.Samples[row], _chunk.Table.Real[row]);
                tokens += size;
                _rest[row] -= size;
            }
        }

        return tokens;
    }
}
