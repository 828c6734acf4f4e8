namespace Collapse.Softmax.Refit;

/// <summary>What the tiles of one evaluation read and write. Contexts are padded to whole groups of 8.</summary>
internal sealed unsafe class TileData
{
    /// <summary>Shape of W and of the gradient.</summary>
    public required PanelShape Shape { get; init; }

    /// <summary>Groups of 8 contexts.</summary>
    public required int Groups { get; init; }

    /// <summary>The packed embeddings (<see cref="MicroKernel"/>); zeros where padded.</summary>
    public required AlignedFloats Embeddings { get; init; }

    /// <summary>Tokens of each column; 0 for the padding.</summary>
    public required float[] Multiplicity { get; init; }

    /// <summary>Per tile and context: the largest logit.</summary>
    public required float[] TileMax { get; init; }

    /// <summary>Per tile and context: Σ m_i e^(z_i - max).</summary>
    public required double[] TileSum { get; init; }

    /// <summary>Per context: the largest logit.</summary>
    public required float[] Max { get; init; }

    /// <summary>Per context: w_j / Σ m_i e^(z_i - max).</summary>
    public required float[] Scale { get; init; }
}

/// <summary>The work on one tile of columns, for all contexts.</summary>
internal interface IGradientTiles
{
    /// <summary>Writes the tile's largest logits and sums of exponentials.</summary>
    void Normalise(int tile, AlignedFloats weights);

    /// <summary>Adds Σ_j w_j e_j p_jᵀ to the tile's columns of the gradient.</summary>
    void Accumulate(int tile, AlignedFloats weights, AlignedFloats gradient);
}

/// <summary>
/// A thread's tiles at one vector width. Logits are computed twice, for the normalisers and for the gradient, and live
/// in a buffer in cache: c × s numbers never exist.
/// </summary>
internal sealed unsafe class GradientTiles<TLanes>(TileData data) : IGradientTiles
    where TLanes : unmanaged, IFloatLanes<TLanes>
{
    // 12 groups: their embeddings fit in the nearest cache at d = 64.
    private const int BlockGroups = 12;
    private const int BlockContexts = BlockGroups * PanelShape.RowGroup;
    private const int Width = PanelShape.Width;

    private readonly AlignedFloats _buffer = new(BlockContexts * EmbeddedObjective.TilePanels * Width);

    public void Normalise(int tile, AlignedFloats weights)
    {
        int first = tile * EmbeddedObjective.TilePanels;
        int panels = Math.Min(EmbeddedObjective.TilePanels, data.Shape.Count - first);
        float* w = weights.Pointer + ((long)first * data.Shape.PanelSize);
        float* z = _buffer.Pointer;
        int contexts = data.Groups * PanelShape.RowGroup;
        fixed (float* multiplicity = &data.Multiplicity[first * Width])
        {
            for (int group = 0; group < data.Groups; group += BlockGroups)
            {
                int groups = Math.Min(BlockGroups, data.Groups - group);
                for (int panel = 0; panel < panels; panel++)
                {
                    WriteLogits(
                        first + panel,
                        w + (panel * data.Shape.PanelSize),
                        group,
                        groups,
                        z + (panel * BlockContexts * Width)
                    );
                }

                for (int j = 0; j < groups * PanelShape.RowGroup; j++)
                {
                    int target = (tile * contexts) + (group * PanelShape.RowGroup) + j;
                    float max = Max(z + (j * Width), panels);
                    data.TileMax[target] = max;
                    data.TileSum[target] = SumExp(z + (j * Width), panels, max, multiplicity);
                }
            }
        }

        GC.KeepAlive(weights);
    }

    public void Accumulate(int tile, AlignedFloats weights, AlignedFloats gradient)
    {
        PanelShape shape = data.Shape;
        int first = tile * EmbeddedObjective.TilePanels;
        int end = Math.Min(first + EmbeddedObjective.TilePanels, shape.Count);
        int groupSize = shape.PaddedRows * PanelShape.RowGroup;
        float* p = _buffer.Pointer;
        for (int panel = first; panel < end; panel++)
        {
            float* w = weights.Pointer + ((long)panel * shape.PanelSize);
            float* g = gradient.Pointer + ((long)panel * shape.PanelSize);
            for (int group = 0; group < data.Groups; group += BlockGroups)
            {
                int groups = Math.Min(BlockGroups, data.Groups - group);
                WriteLogits(panel, w, group, groups, p);
                WriteProbabilities(group * PanelShape.RowGroup, groups * PanelShape.RowGroup, p);
                float* e = data.Embeddings.Pointer + ((long)group * groupSize);
                for (int row = 0; row < shape.PaddedRows; row += PanelShape.RowGroup)
                {
                    MicroKernel.AddGradient<TLanes>(
                        e + (row * PanelShape.RowGroup),
                        groupSize,
                        groups,
                        p,
                        g + (row * Width)
                    );
                }
            }
        }

        GC.KeepAlive(weights);
        GC.KeepAlive(gradient);
    }

    /// <summary>The logits of a panel for some groups, 32 a context; minus infinity in the padding.</summary>
    private void WriteLogits(int panel, float* w, int group, int groups, float* z)
    {
        int groupSize = data.Shape.PaddedRows * PanelShape.RowGroup;
        float* e = data.Embeddings.Pointer + ((long)group * groupSize);
        for (int g = 0; g < groups; g++)
        {
            MicroKernel.Logits<TLanes>(
                e + ((long)g * groupSize),
                w,
                data.Shape.PaddedRows,
                z + (g * PanelShape.RowGroup * Width)
            );
        }

        int columns = Math.Min(Width, data.Shape.Columns - (panel * Width));
        for (int j = 0; columns < Width && j < groups * PanelShape.RowGroup; j++)
        {
            new Span<float>(z + (j * Width) + columns, Width - columns).Fill(float.NegativeInfinity);
        }
    }

    private void WriteProbabilities(int context, int contexts, float* z)
    {
        for (int j = 0; j < contexts; j++, z += Width)
        {
            TLanes max = TLanes.Broadcast(data.Max[context + j]);
            TLanes scale = TLanes.Broadcast(data.Scale[context + j]);
            for (int lane = 0; lane < Width; lane += TLanes.Count)
            {
                TLanes x = TLanes.Subtract(TLanes.Load(z + lane), max);
                TLanes.Store(z + lane, TLanes.Multiply(ExpLanes.Exp(x), scale));
            }
        }
    }

    private static float Max(float* z, int panels)
    {
        TLanes max = TLanes.Broadcast(float.NegativeInfinity);
        for (int panel = 0; panel < panels; panel++, z += BlockContexts * Width)
        {
            for (int lane = 0; lane < Width; lane += TLanes.Count)
            {
                max = TLanes.Max(max, TLanes.Load(z + lane));
            }
        }

        float* lanes = stackalloc float[Width];
        TLanes.Store(lanes, max);
        float largest = lanes[0];
        for (int lane = 1; lane < TLanes.Count; lane++)
        {
            largest = MathF.Max(largest, lanes[lane]);
        }

        return largest;
    }

    /// <summary>32 sums over panels, one for each place in a panel, then these in order: the same at every width.</summary>
    private static double SumExp(float* z, int panels, float max, float* multiplicity)
    {
        float* sums = stackalloc float[Width];
        TLanes reference = TLanes.Broadcast(max);
        for (int lane = 0; lane < Width; lane += TLanes.Count)
        {
            TLanes sum = default;
            for (int panel = 0; panel < panels; panel++)
            {
                TLanes x = TLanes.Subtract(TLanes.Load(z + (panel * BlockContexts * Width) + lane), reference);
                sum = TLanes.FusedMultiplyAdd(ExpLanes.Exp(x), TLanes.Load(multiplicity + (panel * Width) + lane), sum);
            }

            TLanes.Store(sums + lane, sum);
        }

        double total = 0;
        for (int lane = 0; lane < Width; lane++)
        {
            total += sums[lane];
        }

        return total;
    }
}
