using System.Collections.Immutable;
using Collapse.Engines;
using Collapse.Kernels;
using Collapse.Running;
using Collapse.Softmax.Refit;
using Collapse.Softmax.Sampling;

namespace Collapse.Softmax.Training;

/// <summary>
/// The training sets of the contexts of a chunk as counts, generation by generation: segment by segment as the
/// schedule says, real tokens with the draws that every engine makes, others drawn from the models' logits.
/// </summary>
internal sealed class TrainingData
{
    private readonly RunPlan _plan;
    private readonly Chunk _chunk;
    private readonly LogitSampler _sampler;
    private readonly int _threads;
    private readonly CancellationToken _cancellation;

    public TrainingData(RunPlan plan, Chunk chunk, LogitSampler sampler, int threads, CancellationToken cancellation)
    {
        _plan = plan;
        _chunk = chunk;
        _sampler = sampler;
        _threads = threads;
        _cancellation = cancellation;
        Truth = plan.IsCorpus ? null : new TruthLaws(plan, chunk.First, chunk.Count, threads, cancellation);
        if (plan.IsCorpus || plan.Schedule.KeepsReal)
        {
            Real = CountTokens(RealTokens);
        }
    }

    /// <summary>The explicit truths; null for a corpus.</summary>
    public TruthLaws? Truth { get; }

    /// <summary>The contexts' own real tokens, kept or a corpus'; null where there are none.</summary>
    public SampledCounts? Real { get; }

    /// <summary>The training sets of a generation.</summary>
    /// <param name="generation">The generation m.</param>
    /// <param name="modelOf">The models that the schedule looks back to, by generation.</param>
    /// <param name="survivors">
    /// By context: -1, or the token that it has collapsed to and left with; the set is then that one token.
    /// </param>
    /// <returns>The counts, and how many tokens were drawn.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public (CountRows Counts, long Draws) Draw(int generation, Func<int, SoftmaxModel> modelOf, int[] survivors)
    {
        ImmutableArray<Segment> recipe = _plan.Schedule.Recipes[_plan.Schedule.RecipeNumber(generation)];
        var parts = new List<SampledCounts>();
        long draws = 0;
        for (int s = 0; s < recipe.Length; s++)
        {
            Segment segment = recipe[s];
            int[] sizes = Sizes(segment, survivors);
            draws += segment.Kind == SegmentKind.KeepReal ? 0 : sizes.Sum(n => (long)n);
            switch (segment.Kind)
            {
                case SegmentKind.KeepReal:
                    parts.Add(Real!);
                    break;
                case SegmentKind.FreshReal:
                    parts.Add(CountTokens(row => FreshTokens(row, generation, s, sizes[row])));
                    break;
                case SegmentKind.Model:
                    parts.Add(Sample(modelOf(generation - segment.Lag), sizes, generation, s));
                    break;
                default:
                    parts.AddRange(DrawMixture(generation, modelOf, sizes));
                    break;
            }
        }

        return (Join(parts, survivors), draws);
    }

    private int[] Sizes(Segment segment, int[] survivors)
    {
        var sizes = new int[_chunk.Count];
        for (int row = 0; row < sizes.Length; row++)
        {
            sizes[row] = survivors[row] < 0 ? segment.Size(_chunk.Table.Samples[row], _chunk.Table.Real[row]) : 0;
        }

        return sizes;
    }

    private SampledCounts Sample(SoftmaxModel model, int[] sizes, int generation, int segment)
    {
        var streams = new LogitStreams(_plan.Seed, (uint)generation, (uint)segment, (uint)_chunk.First);
        return _sampler.Sample(model, sizes, _plan.Settings.Classifier.Decoding, streams, _cancellation);
    }

    /// <summary>
    /// Each draw picks its source t, then as many tokens are drawn from each p^(t) as picked it. The draws from p^(t)
    /// have the counters of segment t: those of one segment would choose alike from models that are alike.
    /// </summary>
    private IEnumerable<SampledCounts> DrawMixture(int generation, Func<int, SoftmaxModel> modelOf, int[] sizes)
    {
        var picks = new int[generation][];
        for (int t = 0; t < generation; t++)
        {
            picks[t] = new int[sizes.Length];
        }

        SampledCounts real = CountTokens(row =>
        {
            List<int> tokens = [];
            DrawStream sources = Stream(row, generation, 0, DrawPurpose.MixtureSource);
            for (int d = 0; d < sizes[row]; d++)
            {
                var t = (int)UniformIndex.Draw(sources, (uint)d, (uint)generation);
                picks[t][row]++;
                if (t == 0)
                {
                    tokens.Add(FreshToken(row, generation, 0, (uint)d, DrawPurpose.MixtureIndex));
                }
            }

            return [.. tokens];
        });
        yield return real;
        for (int t = 1; t < generation; t++)
        {
            if (picks[t].AsSpan().ContainsAnyExcept(0))
            {
                yield return Sample(modelOf(t), picks[t], generation, t);
            }
        }
    }

    private int[] FreshTokens(int row, int generation, int segment, int size)
    {
        var tokens = new int[size];
        for (int d = 0; d < size; d++)
        {
            tokens[d] = FreshToken(row, generation, segment, (uint)d, DrawPurpose.Index);
        }

        return tokens;
    }

    /// <summary>A token from p^(0): drawn from an explicit truth, otherwise a uniform index into the corpus' own.</summary>
    private int FreshToken(int row, int generation, int segment, uint draw, uint indexPurpose)
    {
        if (Truth is not null)
        {
            return Truth.Draw(row, Stream(row, generation, segment, DrawPurpose.Truth), draw);
        }

        ReadOnlySpan<int> real = _plan.Corpus.FollowersOf((int)_chunk.First + row);
        DrawStream indices = Stream(row, generation, segment, indexPurpose);
        uint place =
            indexPurpose == DrawPurpose.Index
                ? UniformIndex.Draw(indices, draw, (uint)real.Length)
                : UniformIndex.DrawWord(indices, draw, (uint)real.Length);
        return real[(int)place];
    }

    /// <summary>The real tokens that are kept.</summary>
    private int[] RealTokens(int row)
    {
        if (Truth is null)
        {
            return _plan.Corpus.FollowersOf((int)_chunk.First + row).ToArray();
        }

        var tokens = new int[_chunk.Table.Real[row]];
        DrawStream stream = Stream(row, 0, 0, DrawPurpose.Truth);
        for (int d = 0; d < tokens.Length; d++)
        {
            tokens[d] = Truth.Draw(row, stream, (uint)d);
        }

        return tokens;
    }

    private DrawStream Stream(int row, int generation, int segment, uint purpose) =>
        new(_plan.Seed, (uint)(_chunk.First + row), (uint)generation, (uint)segment, purpose);

    /// <summary>Counts the tokens of each row.</summary>
    private SampledCounts CountTokens(Func<int, int[]> tokensOf)
    {
        var parts = new RowCounter[Math.Min(_threads, _chunk.Count)];
        BlockLoop.Run(
            _chunk.Count,
            parts.Length,
            worker => parts[worker] = new RowCounter(),
            (part, row) => part.Count(row, tokensOf(row)),
            _cancellation
        );
        return RowCounter.Join([.. parts.Where(part => part is not null)], _chunk.Count);
    }

    /// <summary>Adds up the counts of all parts, row by row; a context that has left has its one token.</summary>
    private CountRows Join(List<SampledCounts> parts, int[] survivors)
    {
        bool hasLeft = survivors.AsSpan().ContainsAnyExcept(-1);
        if (parts is [var only] && !hasLeft)
        {
            return Rows(only.Offsets.ToArray(), Array(only.Tokens), Array(only.Counts));
        }

        var tokens = new int[_chunk.Count][];
        var counts = new int[_chunk.Count][];
        BlockLoop.Run(
            _chunk.Count,
            _threads,
            worker => worker,
            (_, row) =>
                (tokens[row], counts[row]) = survivors[row] >= 0 ? ([survivors[row]], [1]) : JoinRow(parts, row),
            _cancellation
        );
        var offsets = new long[_chunk.Count + 1];
        for (int row = 0; row < _chunk.Count; row++)
        {
            offsets[row + 1] = offsets[row] + tokens[row].Length;
        }

        return Rows(offsets, [.. tokens.SelectMany(row => row)], [.. counts.SelectMany(row => row)]);
    }

    private CountRows Rows(long[] offsets, int[] tokens, int[] counts) =>
        new(_plan.Vocabulary, offsets, tokens, counts);

    /// <summary>The array behind a memory that is a whole array, without a copy.</summary>
    private static int[] Array(ReadOnlyMemory<int> memory) =>
        System.Runtime.InteropServices.MemoryMarshal.TryGetArray(memory, out ArraySegment<int> segment)
        && segment is { Array: int[] array, Offset: 0 }
        && array.Length == segment.Count
            ? array
            : memory.ToArray();

    private static (int[] Tokens, int[] Counts) JoinRow(List<SampledCounts> parts, int row)
    {
        int[] tokens = [.. parts.SelectMany(part => part.TokensOf(row).ToArray())];
        int[] counts = [.. parts.SelectMany(part => part.CountsOf(row).ToArray())];
        System.Array.Sort(tokens, counts);
        int length = 0;
        for (int i = 0; i < tokens.Length; i++)
        {
            if (length > 0 && tokens[length - 1] == tokens[i])
            {
                counts[length - 1] += counts[i];
            }
            else
            {
                (tokens[length], counts[length]) = (tokens[i], counts[i]);
                length++;
            }
        }

        return (tokens[..length], counts[..length]);
    }
}
