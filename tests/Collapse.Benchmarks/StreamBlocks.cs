using System.Collections.Immutable;
using Collapse.Kernels;
using Collapse.Running;

namespace Collapse.Benchmarks;

/// <summary>A stretch of random words that training needs.</summary>
/// <param name="Segment">The segment of the generation's training set.</param>
/// <param name="Purpose">One of <see cref="DrawPurpose"/>.</param>
/// <param name="Blocks">Number of Philox blocks.</param>
internal readonly record struct StreamBlocks(uint Segment, uint Purpose, int Blocks);

/// <summary>
/// The random words of a plan: lanes of 16, 32 and 64 bits as docs/model.md says. Redraws, and the tokens of the
/// truth in a mixture, depend on what was drawn; they are left out.
/// </summary>
internal sealed class WordPlan(RunPlan plan)
{
    private readonly List<StreamBlocks> _streams = [];
    private int _recipe = -1;
    private (int Samples, int Real) _sizes;

    /// <summary>Blocks of the real tokens that are kept, drawn under generation 0.</summary>
    public int KeptBlocks(int real) => plan.IsCorpus || !plan.Schedule.KeepsReal ? 0 : TruthBlocks(real);

    /// <summary>The streams of a generation, valid until the next call.</summary>
    /// <param name="generation">m, from 1.</param>
    /// <param name="samples">n of the context.</param>
    /// <param name="real">N of the context.</param>
    public IReadOnlyList<StreamBlocks> Streams(int generation, int samples, int real)
    {
        int number = plan.Schedule.RecipeNumber(generation);
        ImmutableArray<Segment> recipe = plan.Schedule.Recipes[number];
        bool isSteady = plan.Schedule.Lookback == 1 && generation > 3;
        if (isSteady && number == _recipe && _sizes == (samples, real))
        {
            return _streams;
        }

        _streams.Clear();
        for (int s = 0; s < recipe.Length; s++)
        {
            int count = recipe[s].Size(samples, real);
            switch (recipe[s].Kind)
            {
                case SegmentKind.FreshReal when !plan.IsCorpus:
                    Add(s, DrawPurpose.Truth, TruthBlocks(count));
                    break;
                case SegmentKind.FreshReal:
                    Add(s, DrawPurpose.Index, IndexBlocks((uint)real, count));
                    break;
                case SegmentKind.Model:
                    long bound = plan.Schedule.SetSize(generation - recipe[s].Lag, samples, real);
                    Add(s, DrawPurpose.Index, IndexBlocks((uint)bound, count));
                    break;
                case SegmentKind.Mixture:
                    Add(s, DrawPurpose.MixtureSource, IndexBlocks((uint)generation, count));
                    Add(s, DrawPurpose.MixtureIndex, (count + 3) / 4);
                    break;
            }
        }

        (_recipe, _sizes) = (number, (samples, real));
        return _streams;
    }

    private static int TruthBlocks(int count) => (count + 1) / 2;

    private static int IndexBlocks(uint bound, int count) =>
        UniformIndex.UsesHalfWords(bound) ? (count + 7) / 8 : (count + 3) / 4;

    private void Add(int segment, uint purpose, int blocks) =>
        _streams.Add(new StreamBlocks((uint)segment, purpose, blocks));
}
