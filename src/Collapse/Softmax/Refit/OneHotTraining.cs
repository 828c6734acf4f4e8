namespace Collapse.Softmax.Refit;

/// <summary>One iterative training of all rows; the rows of a block are trained one after the other.</summary>
internal sealed class OneHotTraining
{
    private readonly CountRows _counts;
    private readonly RefitMethod _method;
    private readonly RefitOptions _options;
    private readonly OneHotModel? _start;
    private readonly IProgress<RefitProgress>? _progress;
    private readonly double[] _weights;
    private readonly double _largestWeight;
    private readonly long[] _offsets;
    private readonly int[] _tokens;
    private readonly double[] _logits;
    private readonly double[] _shared;
    private readonly OneHotHistory _history = new();
    private readonly Dictionary<int, OneHotHistory> _waiting = [];
    private RefitDivergedException?[] _diverged = [];
    private int _blocksDone;

    public OneHotTraining(
        CountRows counts,
        RefitMethod method,
        RefitOptions options,
        OneHotModel? start,
        IProgress<RefitProgress>? progress
    )
    {
        _counts = counts;
        _method = method;
        _options = options;
        _start = start;
        _progress = progress;
        _weights = options.Weights(counts);
        _largestWeight = _weights.Max();
        (_offsets, _tokens) = start is null ? (counts.Offsets, counts.AllTokens) : Union(counts, start);
        _logits = new double[_tokens.Length];
        _shared = new double[counts.Contexts];
    }

    /// <summary>Trains all rows.</summary>
    public (OneHotModel Model, RefitReport Report) Run(int blockRows, CancellationToken cancellation)
    {
        int blocks = (_counts.Contexts + blockRows - 1) / blockRows;
        _diverged = new RefitDivergedException?[blocks];
        BlockLoop.Run(
            blocks,
            _options.ThreadCount,
            _ => new Workspace(),
            (workspace, block) =>
            {
                int first = block * blockRows;
                int end = Math.Min(first + blockRows, _counts.Contexts);
                Finish(block, blockRows, TrainRows(workspace, block, first, end, cancellation));
            },
            cancellation
        );
        if (_diverged.FirstOrDefault(e => e is not null) is { } diverged)
        {
            throw diverged;
        }

        var model = new OneHotModel(_counts.Vocabulary, _offsets, _tokens, _logits, _shared);
        return (model, new RefitReport(Outcome(), [.. Steps()], _history.Unconverged));
    }

    private RefitOutcome Outcome() =>
        _method is RefitMethod.Gradient ? RefitOutcome.StepsDone
        : _history.Unconverged == 0 ? RefitOutcome.Converged
        : RefitOutcome.StepLimit;

    private IEnumerable<RefitStep> Steps()
    {
        for (int step = 0; step <= _history.Steps; step++)
        {
            yield return _history.Step(step, _counts.Contexts, _largestWeight);
        }
    }

    private OneHotHistory TrainRows(Workspace workspace, int block, int first, int end, CancellationToken cancellation)
    {
        var history = new OneHotHistory();
        for (int j = first; j < end && _diverged[block] is null; j++)
        {
            cancellation.ThrowIfCancellationRequested();
            OneHotRow row = workspace.Row;
            workspace.Load(_counts, _start, j, TokensOf(j), _options.L2 / _weights[j]);
            row.Evaluate();
            Record(history, row, j, 0);
            switch (_method)
            {
                case RefitMethod.Gradient method:
                    Descend(method, row, j, block, history);
                    break;
                case RefitMethod.Newton method:
                    Iterate(method, row, j, history);
                    break;
            }

            workspace.Write(_logits.AsSpan((int)_offsets[j], TokensOf(j).Length));
            _shared[j] = workspace.SharedLogit;
        }

        return history;
    }

    private void Descend(RefitMethod.Gradient method, OneHotRow row, int j, int block, OneHotHistory history)
    {
        double start = row.Loss;
        double rate = method.Rate * _weights[j] / _largestWeight;
        var watch = new DivergenceWatch(start);
        for (int step = 1; step <= method.Steps; step++)
        {
            row.Descend(rate, method.Momentum);
            if (watch.IsDiverged(row.Loss, step == method.Steps))
            {
                double safe = 4 / (1 + (2 * _options.L2 / _largestWeight));
                _diverged[block] = new RefitDivergedException(method, j, step, row.Loss, start, safe);
                return;
            }

            Record(history, row, j, step);
        }

        End(history, row, j, method.Steps, isConverged: true);
    }

    private void Iterate(RefitMethod.Newton method, OneHotRow row, int j, OneHotHistory history)
    {
        int step = 0;
        while (row.GradientNorm > method.Tolerance && step < method.MaxSteps)
        {
            row.StepNewton();
            Record(history, row, j, ++step);
        }

        End(history, row, j, step, row.GradientNorm <= method.Tolerance);
    }

    private void Record(OneHotHistory history, OneHotRow row, int j, int step) =>
        history.Add(step, _weights[j] * row.Loss, Square(_weights[j] * row.GradientNorm));

    private void End(OneHotHistory history, OneHotRow row, int j, int step, bool isConverged) =>
        history.End(step, _weights[j] * row.Loss, Square(_weights[j] * row.GradientNorm), isConverged);

    private static double Square(double x) => x * x;

    private ReadOnlySpan<int> TokensOf(int j) => _tokens.AsSpan((int)_offsets[j], (int)(_offsets[j + 1] - _offsets[j]));

    /// <summary>Takes a block's sums; those of later blocks wait until all before them are there.</summary>
    private void Finish(int block, int blockRows, OneHotHistory history)
    {
        lock (_waiting)
        {
            _waiting.Add(block, history);
            while (_waiting.Remove(_blocksDone, out OneHotHistory? next))
            {
                _history.Add(next);
                _blocksDone++;
                int contexts = (int)Math.Min((long)_blocksDone * blockRows, _counts.Contexts);
                _progress?.Report(new RefitProgress(contexts, _history.Step(_history.Steps, contexts, _largestWeight)));
            }
        }
    }

    /// <summary>The tokens that occur, and those with starting logits of their own.</summary>
    private static (long[] Offsets, int[] Tokens) Union(CountRows counts, OneHotModel start)
    {
        var offsets = new long[counts.Contexts + 1];
        var tokens = new List<int>(counts.AllTokens.Length);
        for (int j = 0; j < counts.Contexts; j++)
        {
            ReadOnlySpan<int> a = counts.Tokens(j);
            ReadOnlySpan<int> b = start.Tokens(j);
            int i = 0;
            int k = 0;
            while (i < a.Length || k < b.Length)
            {
                int token = Math.Min(i < a.Length ? a[i] : int.MaxValue, k < b.Length ? b[k] : int.MaxValue);
                i += i < a.Length && a[i] == token ? 1 : 0;
                k += k < b.Length && b[k] == token ? 1 : 0;
                tokens.Add(token);
            }

            offsets[j + 1] = tokens.Count;
        }

        return (offsets, [.. tokens]);
    }

    /// <summary>What one thread works with.</summary>
    private sealed class Workspace
    {
        private (int Count, double Logit)[] _keys = [];
        private int[] _places = [];
        private int[] _classOf = [];
        private bool _hasShared;

        public OneHotRow Row { get; } = new();

        /// <summary>The logit of all tokens without one of their own; 0 where there are none.</summary>
        public double SharedLogit => _hasShared ? Row.Logits[^1] : 0;

        /// <summary>Builds the classes of a row: equal count and equal starting logit; the shared one is the last.</summary>
        public void Load(CountRows counts, OneHotModel? start, int j, ReadOnlySpan<int> tokens, double penalty)
        {
            if (_keys.Length < tokens.Length)
            {
                Array.Resize(ref _keys, tokens.Length);
                Array.Resize(ref _places, tokens.Length);
                Array.Resize(ref _classOf, tokens.Length);
            }

            ReadOnlySpan<int> seen = counts.Tokens(j);
            int next = 0;
            for (int i = 0; i < tokens.Length; i++)
            {
                bool occurs = next < seen.Length && seen[next] == tokens[i];
                _keys[i] = (occurs ? counts.Counts(j)[next] : 0, start?.Logit(j, tokens[i]) ?? 0);
                _places[i] = i;
                next += occurs ? 1 : 0;
            }

            Array.Sort(_keys, _places, 0, tokens.Length);
            Row.Begin(penalty);
            double size = counts.Size(j);
            for (int i = 0; i < tokens.Length; )
            {
                int end = i + 1;
                while (end < tokens.Length && _keys[end] == _keys[i])
                {
                    end++;
                }

                int number = Row.AddClass(_keys[i].Count / size, _keys[i].Logit, end - i);
                for (; i < end; i++)
                {
                    _classOf[_places[i]] = number;
                }
            }

            _hasShared = counts.Vocabulary > tokens.Length;
            if (_hasShared)
            {
                Row.AddClass(0, start?.SharedLogit(j) ?? 0, counts.Vocabulary - tokens.Length);
            }
        }

        public void Write(Span<double> logits)
        {
            for (int i = 0; i < logits.Length; i++)
            {
                logits[i] = Row.Logits[_classOf[i]];
            }
        }
    }
}
