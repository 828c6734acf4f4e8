using System.Collections.Immutable;
using Collapse.Kernels;
using Collapse.Results;
using Collapse.Running;

namespace Collapse.Engines;

/// <summary>
/// The meaning of the simulation in plain code: one context after the other, tokens in lists, counts in a
/// dictionary, one call per draw. Slow; every other engine must equal it, digest for digest.
/// </summary>
public sealed class ReferenceEngine : IEngine
{
    private readonly Action<TrainedModel>? _observe;

    /// <summary>Creates the engine.</summary>
    /// <param name="observe">
    /// Told of every model, context after context and generation after generation until the context leaves the
    /// work; null for nobody. No other engine has whole models to show.
    /// </param>
    public ReferenceEngine(Action<TrainedModel>? observe = null) => _observe = observe;

    /// <inheritdoc/>
    public string Name => "reference";

    /// <inheritdoc/>
    public string Device => "scalar code, one thread";

    /// <inheritdoc/>
    public int ChunkCapacity(RunPlan plan) => int.MaxValue;

    /// <inheritdoc/>
    public double HostBytes(RunPlan plan, int chunk)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return 100.0 * plan.LargestSet + (4.0 * plan.LargestSet * (plan.Schedule.Lookback + 1));
    }

    /// <inheritdoc/>
    public void Dispose() { }

    /// <inheritdoc/>
    public void Train(RunPlan plan, Chunk chunk, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(chunk);
        Recorder recorder = chunk.Rent();
        for (int i = 0; i < chunk.Count && !cancellation.IsCancellationRequested; i++)
        {
            new ContextRun(plan, chunk, recorder, i, _observe).Train(cancellation);
        }

        chunk.Return(recorder);
    }

    private sealed class ContextRun(
        RunPlan plan,
        Chunk chunk,
        Recorder recorder,
        int index,
        Action<TrainedModel>? observe
    )
    {
        private readonly uint _context = (uint)(chunk.First + index);
        private readonly int _samples = chunk.Table.Samples[index];
        private readonly ContextTruth? _truth = plan.IsCorpus ? null : plan.TruthOf(chunk.First + index);
        private readonly Dictionary<int, int[]> _models = [];
        private readonly Dictionary<int, int> _first = [];
        private int[] _real = [];

        public void Train(CancellationToken cancellation)
        {
            _real = RealTokens();
            bool pureReal =
                _real.Distinct().Count() <= 1
                && (plan.IsCorpus || _truth!.Table.Support == 1 || plan.Schedule.LastFreshUse == 0);
            int run = 0;
            long settled = 0;
            for (int m = 1; m <= plan.LastGeneration && !cancellation.IsCancellationRequested; m++)
            {
                int[] tokens = NextTrainingSet(m);
                long drawn = plan.Schedule.DrawnSize(m, _samples, _real.Length);
                _models[m] = tokens;
                _models.Remove(m - plan.Schedule.Lookback - 1);
                Dictionary<int, int> counts = Count(tokens);
                observe?.Invoke(new TrainedModel(_context, m, tokens.Length, counts));
                if (m == 1)
                {
                    foreach ((int token, int count) in counts)
                    {
                        _first[token] = count;
                    }
                }

                run = Absorption.ExtendRun(run, counts.Count == 1, m > 1 && tokens[0] == _models[m - 1][0]);
                if (run > 0 && chunk.Table.CollapseTime[index] == 0)
                {
                    chunk.Table.CollapseTime[index] = m;
                }

                bool leaves =
                    run > 0
                    && (
                        plan.Settings.UntilCollapse
                        || Absorption.IsAbsorbed(m, run, plan.Schedule.Lookback, plan.Schedule.LastRealUse, pureReal)
                    );
                int report = plan.Report.BinarySearch(m);
                if (report >= 0 || leaves)
                {
                    long[] row = Observe(counts, tokens.Length);
                    int firstSize = _first.Values.Sum();
                    if (report >= 0)
                    {
                        recorder.Report(chunk.Table, index, report, row, tokens.Length, firstSize);
                    }

                    if (leaves)
                    {
                        recorder.Leave(chunk.Table, index, m, row, tokens.Length, firstSize);
                    }
                }

                if (leaves)
                {
                    chunk.Advance(drawn, (long)plan.Schedule.TotalSize(_samples, _real.Length) - settled);
                    break;
                }

                chunk.Advance(drawn, tokens.Length);
                settled += tokens.Length;
            }
        }

        private int[] RealTokens()
        {
            if (plan.IsCorpus)
            {
                return plan.Corpus.FollowersOf((int)_context).ToArray();
            }

            var stream = new DrawStream(plan.Seed, _context, 0, 0, DrawPurpose.Truth);
            var tokens = new int[plan.Schedule.KeepsReal ? chunk.Table.Real[index] : 0];
            for (int d = 0; d < tokens.Length; d++)
            {
                tokens[d] = _truth!.Table.Draw(stream, (uint)d);
            }

            return tokens;
        }

        private int[] NextTrainingSet(int m)
        {
            return m >= plan.FirstCountedGeneration ? DrawCounts(m) : DrawTokens(m);
        }

        /// <summary>A generation whose counts are drawn, its tokens in ascending order.</summary>
        private int[] DrawCounts(int m)
        {
            Dictionary<int, int> counts = Count(_models[m - 1]);
            int[] alive = [.. counts.Keys.Order()];
            int[] weights = [.. alive.Select(token => counts[token])];
            var stream = new DrawStream(plan.Seed, _context, (uint)m, 0, DrawPurpose.Counts);
            var drawn = new List<int>();
            new ReferenceBinomial(stream, plan.HalfBinomials).Split(weights, _models[m - 1].Length, drawn);
            return [.. alive.Zip(drawn).SelectMany(pair => Enumerable.Repeat(pair.First, pair.Second))];
        }

        private int[] DrawTokens(int m)
        {
            var tokens = new List<int>();
            ImmutableArray<Segment> recipe = plan.Schedule.Recipes[plan.Schedule.RecipeNumber(m)];
            for (int s = 0; s < recipe.Length; s++)
            {
                DrawStream Stream(uint purpose) => new(plan.Seed, _context, (uint)m, (uint)s, purpose);

                int size = recipe[s].Size(_samples, _real.Length);
                for (int d = 0; d < size; d++)
                {
                    tokens.Add(
                        recipe[s].Kind switch
                        {
                            SegmentKind.KeepReal => _real[d],
                            SegmentKind.FreshReal => plan.IsCorpus
                                ? _real[UniformIndex.Draw(Stream(DrawPurpose.Index), (uint)d, (uint)_real.Length)]
                                : _truth!.Table.Draw(Stream(DrawPurpose.Truth), (uint)d),
                            SegmentKind.Model => Pick(
                                _models[m - recipe[s].Lag],
                                UniformIndex.Draw(
                                    Stream(DrawPurpose.Index),
                                    (uint)d,
                                    (uint)_models[m - recipe[s].Lag].Length
                                )
                            ),
                            _ => DrawMixture(Stream, m, (uint)d),
                        }
                    );
                }
            }

            return [.. tokens];
        }

        private int DrawMixture(Func<uint, DrawStream> stream, int m, uint draw)
        {
            var t = (int)UniformIndex.Draw(stream(DrawPurpose.MixtureSource), draw, (uint)m);
            if (t == 0 && !plan.IsCorpus)
            {
                return _truth!.Table.Draw(stream(DrawPurpose.Truth), draw);
            }

            int[] source = t == 0 ? _real : _models[t];
            return source[UniformIndex.DrawWord(stream(DrawPurpose.MixtureIndex), draw, (uint)source.Length)];
        }

        private static int Pick(int[] source, uint place) => source[place];

        private static Dictionary<int, int> Count(int[] tokens)
        {
            var counts = new Dictionary<int, int>();
            foreach (int token in tokens)
            {
                counts[token] = counts.GetValueOrDefault(token) + 1;
            }

            return counts;
        }

        private long[] Observe(Dictionary<int, int> counts, int size)
        {
            long firstSize = _first.Values.Sum();
            var row = new long[ObservableRow.Length];
            row[ObservableRow.SumOfSquares] = counts.Values.Sum(c => (long)c * c);
            row[ObservableRow.MaxAndToken] = counts.Max(c => ObservableRow.Pack(c.Value, c.Key));
            row[ObservableRow.Support] = counts.Count;
            row[ObservableRow.CountLogCount] = counts.Values.Sum(c => c * LogTable.Ln(plan.Logs, c));
            row[ObservableRow.L1FromFirst] = counts
                .Keys.Union(_first.Keys)
                .Sum(i =>
                    Math.Abs((counts.GetValueOrDefault(i) * firstSize) - ((long)_first.GetValueOrDefault(i) * size))
                );
            row[ObservableRow.UnseenMass] = _first.Where(f => !counts.ContainsKey(f.Key)).Sum(f => (long)f.Value);
            if (_truth is not null)
            {
                row[ObservableRow.L1FromTruth] = _truth
                    .Units.Select((q, i) => Math.Abs((counts.GetValueOrDefault(i) * plan.TruthScale) - (size * q)))
                    .Sum();
                row[ObservableRow.UnseenMass] = _truth.Units.Where((_, i) => !counts.ContainsKey(i)).Sum();
            }

            foreach ((int token, int held) in HeldOut())
            {
                if (counts.TryGetValue(token, out int count))
                {
                    row[ObservableRow.HeldOutLog] += held * LogTable.Ln(plan.Logs, count);
                    row[ObservableRow.HeldOutCovered] += held;
                }
            }

            foreach ((int token, int count) in counts)
            {
                row[ObservableRow.Hash] += (long)CountsHash.Share(token, count);
            }

            return row;
        }

        private IEnumerable<(int Token, int Count)> HeldOut()
        {
            if (plan.Settings.HeldOut is { } heldOut)
            {
                for (long i = heldOut.Offsets.Span[(int)_context]; i < heldOut.Offsets.Span[(int)_context + 1]; i++)
                {
                    yield return (heldOut.Tokens.Span[(int)i], heldOut.Counts.Span[(int)i]);
                }
            }
        }
    }
}
