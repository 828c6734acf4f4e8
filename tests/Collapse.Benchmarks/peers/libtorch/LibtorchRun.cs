using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Collapse.LibtorchPeer;

/// <summary>
/// The model as a user of TorchSharp would write it: contexts are rows of a tensor of tokens. Rows stay as they
/// are when they collapse; no job asks this peer for a run until collapse in full.
/// </summary>
internal sealed class LibtorchRun
{
    /// <summary>Tokens by index.</summary>
    public const string Gather = "randint+gather";

    /// <summary>Tokens by torch.multinomial from the law of the counts.</summary>
    public const string Multinomial = "multinomial";

    // About what the nearest caches hold.
    private const int BlockTokens = 1 << 17;

    private readonly RunRequest _request;
    private readonly Tensor _law;
    private readonly Tensor _countLogCount;
    private readonly double[] _last = new double[6];
    private Tensor? _first;
    private long _firstSize;

    /// <summary>Reads the truth.</summary>
    public LibtorchRun(RunRequest request)
    {
        _request = request;
        double[] weights = MemoryMarshal.Cast<byte, double>(File.ReadAllBytes(request.Weights!)).ToArray();
        double total = weights.Sum();
        _law = tensor(weights.Select(w => (float)(w / total)).ToArray());
        Tensor counts = arange(request.Samples + request.Real + 1, dtype: ScalarType.Float64);
        _countLogCount = counts * counts.clamp_min(1).log();
        manual_seed(request.Seed);
    }

    /// <summary>Trains all contexts through all generations.</summary>
    public void Train()
    {
        using var noGradients = no_grad();
        int block = Math.Max(1, Math.Min(_request.Contexts, BlockTokens / _request.Samples));
        for (int first = 0; first < _request.Contexts; first += block)
        {
            using var scope = NewDisposeScope();
            int contexts = Math.Min(block, _request.Contexts - first);
            if (_request.Scenario == "random-models")
            {
                TrainRandom(contexts);
            }
            else
            {
                TrainRecursive(contexts);
            }
        }
    }

    /// <summary>What the benchmark is told.</summary>
    public object Answer(double seconds)
    {
        double? Mean(int i) => _request.Observe ? _last[i] / _request.Contexts : null;
        return new
        {
            seconds,
            contexts = _request.Contexts,
            contextGenerations = (double)_request.Contexts * _request.Generations,
            collapsed = 0,
            generation = _request.Observe ? _request.Generations : (int?)null,
            sumOfSquares = Mean(0),
            maxProbability = Mean(1),
            support = Mean(2),
            entropy = Mean(3),
            l1FromFirst = Mean(4),
            collapsedFraction = Mean(5),
        };
    }

    private void TrainRecursive(int contexts)
    {
        int kept = _request.Real;
        bool fromCounts = _request.Method == Multinomial;
        Tensor sets = DrawTruth(contexts, kept > 0 ? kept : _request.Samples);
        long width = _request.Vocabulary;
        if (_request.Observe || fromCounts)
        {
            (sets, width) = PlacesOf(sets);
        }

        Tensor first = sets;
        Tensor? counts = null;
        for (int generation = 1; generation <= _request.Generations; generation++)
        {
            using var scope = NewDisposeScope();
            if (generation > 1)
            {
                Tensor drawn = fromCounts
                    ? multinomial(counts!.to(ScalarType.Float32) / sets.shape[1], _request.Samples, replacement: true)
                    : sets.gather(1, randint(0, sets.shape[1], [contexts, _request.Samples], dtype: ScalarType.Int64));
                Tensor next = kept > 0 ? cat([first, drawn], 1) : drawn;
                Release(sets, first);
                sets = next.MoveToOuterDisposeScope();
            }

            if (_request.Observe || fromCounts)
            {
                counts?.Dispose();
                counts = Count(sets, width).MoveToOuterDisposeScope();
            }

            Look(generation, counts, sets.shape[1]);
        }
    }

    /// <summary>Every earlier generation stays: a tensor of contexts × generations × tokens.</summary>
    private void TrainRandom(int contexts)
    {
        long n = _request.Samples;
        Tensor history = empty([contexts, _request.Generations * n], dtype: ScalarType.Int32);
        for (int generation = 1; generation <= _request.Generations; generation++)
        {
            using var scope = NewDisposeScope();
            Tensor drawn = DrawTruth(contexts, _request.Samples);
            if (generation > 1)
            {
                Tensor source = randint(0, generation, [contexts, n], dtype: ScalarType.Int64);
                Tensor index = randint(0, n, [contexts, n], dtype: ScalarType.Int64) + ((source - 1).clamp_min(0) * n);
                drawn = where(source == 0, drawn, history.gather(1, index).to(ScalarType.Int64));
            }

            history.narrow(1, (generation - 1) * n, n).copy_(drawn);
            Look(generation, _request.Observe ? Count(drawn, _request.Vocabulary) : null, n);
        }
    }

    private Tensor DrawTruth(int contexts, int count) =>
        multinomial(_law, (long)contexts * count, replacement: true).view(contexts, count);

    private static Tensor Count(Tensor sets, long width)
    {
        long rows = sets.shape[0];
        Tensor numbers = sets + (arange(rows, dtype: ScalarType.Int64).unsqueeze(1) * width);
        return numbers.view(-1).bincount(null, rows * width).view(rows, width);
    }

    /// <summary>For each row the tokens' places among its distinct tokens, and the largest number of these.</summary>
    private static (Tensor Places, long Width) PlacesOf(Tensor tokens)
    {
        (Tensor ordered, Tensor order) = tokens.sort(1);
        Tensor rank = zeros_like(ordered);
        long n = tokens.shape[1];
        if (n > 1)
        {
            Tensor isNew = ordered.narrow(1, 1, n - 1) != ordered.narrow(1, 0, n - 1);
            rank.narrow(1, 1, n - 1).copy_(isNew.cumsum(1));
        }

        return (empty_like(rank).scatter_(1, order, rank), rank.max().item<long>() + 1);
    }

    /// <summary>Takes the six observables of a generation; the last ones are kept.</summary>
    private void Look(int generation, Tensor? counts, long size)
    {
        if (!_request.Observe || counts is null)
        {
            return;
        }

        if (generation == 1)
        {
            _first = counts.clone().DetachFromDisposeScope();
            _firstSize = size;
        }

        Tensor largest = counts.amax([1]);
        double[] sums =
        [
            (counts * counts).sum().item<long>() / ((double)size * size),
            largest.sum().item<long>() / (double)size,
            (counts > 0).sum().item<long>(),
            (counts.shape[0] * Math.Log(size)) - (_countLogCount[counts].sum().item<double>() / size),
            ((counts * _firstSize) - (_first! * size)).abs().sum().item<long>() / ((double)size * _firstSize),
            (largest == size).sum().item<long>(),
        ];
        if (generation == _request.Generations)
        {
            for (int i = 0; i < sums.Length; i++)
            {
                _last[i] += sums[i];
            }

            _first!.Dispose();
        }
    }

    private static void Release(Tensor sets, Tensor first)
    {
        if (!ReferenceEquals(sets, first))
        {
            sets.Dispose();
        }
    }
}
