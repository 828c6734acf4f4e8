using ILGPU;

namespace Collapse.Kernels;

/// <summary>
/// The draws of a training set in device memory, by any schedule: a group makes a part of them, which may be all.
/// The random numbers are addressed by the place of a draw, so that no split changes any.
/// </summary>
internal static class TrainingSets
{
    /// <summary>
    /// Draws a part of the training set of one generation. Gives the size of the whole, and how many of its tokens
    /// were not drawn but kept.
    /// </summary>
    public static int Train(
        BatchSettings settings,
        ContextBatch batch,
        int context,
        SetPart part,
        int generation,
        int recipe,
        long target,
        long setStart,
        long stride,
        out int kept
    )
    {
        kept = 0;
        int samples = batch.Samples[context];
        int real = batch.Real[context];
        uint index = settings.FirstContext + (uint)context;
        int size = 0;
        int first = batch.RecipeOffsets[recipe];
        for (int i = first; i < batch.RecipeOffsets[recipe + 1]; i++)
        {
            Segment segment = batch.Segments[i];
            int count = segment.Size(samples, real);
            uint number = (uint)(i - first);
            uint m = (uint)generation;
            long start = target + size;
            int from = part.First(count);
            int end = part.End(count);
            if (segment.Kind == SegmentKind.KeepReal)
            {
                for (int d = from + Group.IdxX; d < end; d += Group.DimX)
                {
                    batch.Sets[start + d] = batch.RealTokens[batch.RealOffsets[context] + d];
                }

                kept += count;
            }
            else if (segment.Kind == SegmentKind.Mixture)
            {
                DrawMixture(settings, batch, context, index, m, number, start, from, end, setStart, stride);
            }
            else if (segment.Kind == SegmentKind.Model || settings.TruthColumns == 0)
            {
                // Real tokens of a corpus are drawn as those of a model are.
                bool isModel = segment.Kind == SegmentKind.Model;
                int slot = (generation - segment.Lag) % settings.Slots;
                int bound = isModel ? batch.SetSizes[(long)context * settings.Slots + slot] : RealBound(real);
                DrawFrom(
                    new SegmentDraws
                    {
                        Stream = new DrawStream(settings.Seed, index, m, number, DrawPurpose.Index),
                        Source = isModel ? batch.Sets : batch.RealTokens,
                        SourceStart = isModel ? setStart + slot * stride : batch.RealOffsets[context],
                        Bound = (uint)bound,
                        Target = batch.Sets,
                        Start = start,
                        From = from,
                        End = end,
                    }
                );
            }
            else
            {
                var stream = new DrawStream(settings.Seed, index, m, number, DrawPurpose.Truth);
                for (int d = from + Group.IdxX; d < end; d += Group.DimX)
                {
                    batch.Sets[start + d] = DrawTruth(settings, batch, context, stream, (uint)d);
                }
            }

            size += count;
        }

        return size;
    }

    /// <summary>Uniform draws from one training set into a segment of another.</summary>
    private struct SegmentDraws
    {
        public DrawStream Stream;
        public ArrayView<int> Source;
        public long SourceStart;
        public uint Bound;
        public ArrayView<int> Target;
        public long Start;

        // The draws of the segment that are to be made.
        public int From;
        public int End;

        // A division, done once a segment and not once a word.
        public uint Threshold;
    }

    /// <summary>Makes draws of a segment, a whole block of random words at a time.</summary>
    private static void DrawFrom(SegmentDraws draws)
    {
        if (UniformIndex.UsesHalfWords(draws.Bound))
        {
            draws.Threshold = UniformIndex.Threshold16(draws.Bound);
            for (int block = draws.From / 8 + Group.IdxX; block * 8L < draws.End; block += Group.DimX)
            {
                PhiloxBlock words = draws.Stream.Block((uint)block, 0);
                DrawPair(draws, block * 8L, words.X0);
                DrawPair(draws, block * 8L + 2, words.X1);
                DrawPair(draws, block * 8L + 4, words.X2);
                DrawPair(draws, block * 8L + 6, words.X3);
            }
        }
        else
        {
            draws.Threshold = UniformIndex.Threshold32(draws.Bound);
            for (int block = draws.From / 4 + Group.IdxX; block * 4L < draws.End; block += Group.DimX)
            {
                PhiloxBlock words = draws.Stream.Block((uint)block, 0);
                DrawWord(draws, block * 4L, words.X0);
                DrawWord(draws, block * 4L + 1, words.X1);
                DrawWord(draws, block * 4L + 2, words.X2);
                DrawWord(draws, block * 4L + 3, words.X3);
            }
        }
    }

    private static void DrawPair(SegmentDraws draws, long draw, uint word)
    {
        DrawHalfWord(draws, draw, word & 0xFFFF);
        DrawHalfWord(draws, draw + 1, word >> 16);
    }

    private static void DrawHalfWord(SegmentDraws draws, long draw, uint lane)
    {
        uint product = lane * draws.Bound;
        Put(draws, draw, product >> 16, (product & 0xFFFF) >= draws.Threshold);
    }

    private static void DrawWord(SegmentDraws draws, long draw, uint lane)
    {
        ulong product = (ulong)lane * draws.Bound;
        Put(draws, draw, (uint)(product >> 32), (uint)product >= draws.Threshold);
    }

    private static void Put(SegmentDraws draws, long draw, uint index, bool isAccepted)
    {
        if (draw < draws.End)
        {
            uint place = isAccepted ? index : UniformIndex.Redraw(draws.Stream, (uint)draw, draws.Bound);
            draws.Target[draws.Start + draw] = draws.Source[draws.SourceStart + place];
        }
    }

    private static void DrawMixture(
        BatchSettings settings,
        ContextBatch batch,
        int context,
        uint index,
        uint generation,
        uint segment,
        long start,
        int from,
        int end,
        long setStart,
        long stride
    )
    {
        var sources = new DrawStream(settings.Seed, index, generation, segment, DrawPurpose.MixtureSource);
        var indices = new DrawStream(settings.Seed, index, generation, segment, DrawPurpose.MixtureIndex);
        var truth = new DrawStream(settings.Seed, index, generation, segment, DrawPurpose.Truth);
        for (int d = from + Group.IdxX; d < end; d += Group.DimX)
        {
            int t = (int)UniformIndex.Draw(sources, (uint)d, generation);
            int token;
            if (t > 0)
            {
                int slot = t % settings.Slots;
                uint bound = (uint)batch.SetSizes[(long)context * settings.Slots + slot];
                token = batch.Sets[setStart + slot * stride + UniformIndex.DrawWord(indices, (uint)d, bound)];
            }
            else if (settings.TruthColumns == 0)
            {
                uint place = UniformIndex.DrawWord(indices, (uint)d, (uint)RealBound(batch.Real[context]));
                token = batch.RealTokens[batch.RealOffsets[context] + place];
            }
            else
            {
                token = DrawTruth(settings, batch, context, truth, (uint)d);
            }

            batch.Sets[start + d] = token;
        }
    }

    /// <summary>The number of real tokens to draw from, never 0, not even where none are drawn: see <see cref="BatchSettings.TruthThreshold"/>.</summary>
    private static int RealBound(int real) => Math.Max(real, 1);

    private static int DrawTruth(BatchSettings settings, ContextBatch batch, int context, DrawStream stream, uint draw)
    {
        int column = TruthDraw.Column(TruthDraw.Lane(stream, draw), settings.TruthColumns, out ulong place);
        if (place < settings.TruthThreshold)
        {
            column = TruthDraw.Redraw(stream, draw, settings.TruthColumns, settings.TruthThreshold, out place);
        }

        long entry = (long)context * settings.TruthStride + column;
        return place < batch.TruthThresholds[entry] ? column : batch.TruthAliases[entry];
    }

    /// <summary>
    /// Draws a part of the real tokens that a context keeps, its generation 0. In the same part of a segment of kept
    /// tokens each thread reads those that it has drawn; for all others a barrier must follow.
    /// </summary>
    public static void DrawReal(BatchSettings settings, ContextBatch batch, int context, SetPart part)
    {
        uint index = settings.FirstContext + (uint)context;
        var stream = new DrawStream(settings.Seed, index, 0, 0, DrawPurpose.Truth);
        long start = batch.RealOffsets[context];
        int count = (int)(batch.RealOffsets[context + 1] - start);
        int end = part.End(count);
        for (int d = part.First(count) + Group.IdxX; d < end; d += Group.DimX)
        {
            batch.RealTokens[start + d] = DrawTruth(settings, batch, context, stream, (uint)d);
        }
    }
}
