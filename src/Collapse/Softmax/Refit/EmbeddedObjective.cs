using Collapse.Engines.Cpu;

namespace Collapse.Softmax.Refit;

/// <summary>
/// F(W) = Σ_j w_j (ln Σ_i e^(z_ji) - Σ_i q_ji z_ji) + (L2/2)·‖W‖², z_ji = e_jᵀ W_i, and its gradient
/// Σ_j w_j e_j (p_j - q_j)ᵀ + L2·W, in float32 with sums of sums in double. The data enter linearly: with
/// B = Σ_j w_j e_j q_jᵀ, made once, the loss is Σ_j w_j ln Σ e^z - ⟨B, W⟩ + …, and no step reads the counts.
/// One thread does a tile of columns from beginning to end, contexts in order: same bits for any number of threads.
/// </summary>
internal sealed class EmbeddedObjective
{
    /// <summary>Panels of 32 columns in a tile.</summary>
    public const int TilePanels = 16;

    private readonly TileData _data;
    private readonly AlignedFloats _linear;
    private readonly double[] _weights;
    private readonly double[] _losses;
    private readonly double _penalty;
    private readonly int _tiles;
    private readonly int _threads;
    private readonly IGradientTiles[] _workers;
    private readonly CancellationToken _cancellation;

    public EmbeddedObjective(
        CountRows counts,
        Embedding embedding,
        TokenClasses classes,
        RefitOptions options,
        CancellationToken cancellation
    )
    {
        _cancellation = cancellation;
        _threads = options.ThreadCount;
        _penalty = options.L2;
        _weights = options.Weights(counts);
        _losses = new double[counts.Contexts];
        Shape = new PanelShape(embedding.Dimension, classes.Count);
        LargestEigenvalue = embedding.LargestEigenvalue(_weights);
        _tiles = (Shape.Count + TilePanels - 1) / TilePanels;
        int groups = (counts.Contexts + PanelShape.RowGroup - 1) / PanelShape.RowGroup;
        int padded = groups * PanelShape.RowGroup;
        var multiplicity = new float[Shape.Count * PanelShape.Width];
        for (int i = 0; i < classes.Count; i++)
        {
            multiplicity[i] = classes.Multiplicity[i];
        }

        _data = new TileData
        {
            Shape = Shape,
            Groups = groups,
            Embeddings = Pack(embedding, groups),
            Multiplicity = multiplicity,
            TileMax = new float[checked(_tiles * padded)],
            TileSum = new double[checked(_tiles * padded)],
            Max = new float[padded],
            Scale = new float[padded],
        };
        _workers = [.. Enumerable.Range(0, Math.Min(_threads, _tiles)).Select(_ => CreateTiles(options.LaneWidth))];
        Algebra = new PanelAlgebra(Shape, multiplicity, _threads, cancellation);
        _linear = new AlignedFloats(Shape.Length);
        FillLinear(counts, embedding, classes);
    }

    /// <summary>Shape of W: d rows, a column for each class of tokens.</summary>
    public PanelShape Shape { get; }

    /// <summary>Λ, the unit of the rate.</summary>
    public double LargestEigenvalue { get; }

    /// <summary>Sums and products of matrices of this shape.</summary>
    public PanelAlgebra Algebra { get; }

    /// <summary>Writes the gradient; gives the loss F.</summary>
    public double Evaluate(AlignedFloats weights, AlignedFloats gradient)
    {
        ForTiles((tiles, tile) => tiles.Normalise(tile, weights));
        Combine();
        ForTiles(
            (tiles, tile) =>
            {
                Begin(tile, weights, gradient);
                tiles.Accumulate(tile, weights, gradient);
            }
        );
        double loss = 0;
        foreach (double part in _losses)
        {
            loss += part;
        }

        loss -= Algebra.Dot(_linear, weights);
        return _penalty == 0 ? loss : loss + (_penalty / 2 * Algebra.Dot(weights, weights));
    }

    /// <summary>‖∇F‖/√(c Λ).</summary>
    public double Norm(AlignedFloats gradient) =>
        Math.Sqrt(Algebra.Dot(gradient, gradient) / (_losses.Length * LargestEigenvalue));

    private void ForTiles(Action<IGradientTiles, int> work) =>
        BlockLoop.Run(_tiles, _threads, worker => _workers[worker], work, _cancellation);

    private IGradientTiles CreateTiles(VectorWidth width) =>
        width switch
        {
            VectorWidth.Bits512 => new GradientTiles<Float512>(_data),
            VectorWidth.Bits256 => new GradientTiles<Float256>(_data),
            _ => new GradientTiles<Float128>(_data),
        };

    /// <summary>Joins the tiles' sums of each context, in the order of tiles.</summary>
    private void Combine()
    {
        const int Block = 64;
        int contexts = _losses.Length;
        int padded = _data.Max.Length;
        BlockLoop.Run(
            (contexts + Block - 1) / Block,
            _threads,
            worker => worker,
            (_, block) =>
            {
                for (int j = block * Block; j < Math.Min((block + 1) * Block, contexts); j++)
                {
                    float max = float.NegativeInfinity;
                    for (int tile = 0; tile < _tiles; tile++)
                    {
                        max = Math.Max(max, _data.TileMax[(tile * padded) + j]);
                    }

                    double sum = 0;
                    for (int tile = 0; tile < _tiles; tile++)
                    {
                        int place = (tile * padded) + j;
                        sum += _data.TileSum[place] * Math.Exp((double)_data.TileMax[place] - max);
                    }

                    _data.Max[j] = max;
                    _data.Scale[j] = (float)(_weights[j] / sum);
                    _losses[j] = _weights[j] * (max + Math.Log(sum));
                }
            },
            _cancellation
        );
    }

    /// <summary>Starts a tile of the gradient as L2·W - B.</summary>
    private void Begin(int tile, AlignedFloats weights, AlignedFloats gradient)
    {
        int from = tile * TilePanels * Shape.PanelSize;
        int length = Math.Min(TilePanels * Shape.PanelSize, gradient.Length - from);
        Span<float> g = gradient.Span.Slice(from, length);
        ReadOnlySpan<float> b = _linear.Span.Slice(from, length);
        ReadOnlySpan<float> w = weights.Span.Slice(from, length);
        var penalty = (float)_penalty;
        for (int i = 0; i < g.Length; i++)
        {
            g[i] = MathF.FusedMultiplyAdd(penalty, w[i], -b[i]);
        }
    }

    private static AlignedFloats Pack(Embedding embedding, int groups)
    {
        int rows = (embedding.Dimension + PanelShape.RowGroup - 1) / PanelShape.RowGroup * PanelShape.RowGroup;
        var packed = new AlignedFloats((long)groups * rows * PanelShape.RowGroup);
        Span<float> target = packed.Span;
        for (int j = 0; j < embedding.Contexts; j++)
        {
            ReadOnlySpan<float> row = embedding[j];
            int first = (j / PanelShape.RowGroup * rows * PanelShape.RowGroup) + (j % PanelShape.RowGroup);
            for (int k = 0; k < row.Length; k++)
            {
                target[first + (k * PanelShape.RowGroup)] = row[k];
            }
        }

        return packed;
    }

    /// <summary>B = Σ_j w_j e_j q_jᵀ: a class' column is that of its first token. Summed in double, contexts in order.</summary>
    private void FillLinear(CountRows counts, Embedding embedding, TokenClasses classes)
    {
        const int TileColumns = TilePanels * PanelShape.Width;
        (long[] offsets, Cell[] cells) = ByTile(counts, classes, TileColumns);
        int rows = Shape.Rows;
        BlockLoop.Run(
            _tiles,
            _threads,
            _ => new double[TileColumns * rows],
            (sums, tile) =>
            {
                Array.Clear(sums);
                for (long i = offsets[tile]; i < offsets[tile + 1]; i++)
                {
                    ReadOnlySpan<float> e = embedding[cells[i].Context];
                    Span<double> target = sums.AsSpan(cells[i].Column % TileColumns * rows, rows);
                    for (int k = 0; k < e.Length; k++)
                    {
                        target[k] += cells[i].Value * e[k];
                    }
                }

                Span<float> linear = _linear.Span;
                for (int i = 0; i < sums.Length && (tile * TileColumns) + (i / rows) < Shape.Columns; i++)
                {
                    linear[Shape.Index(i % rows, (tile * TileColumns) + (i / rows))] = (float)sums[i];
                }
            },
            _cancellation
        );
    }

    /// <summary>The cells of B's data, tile after tile, contexts ascending in each.</summary>
    private (long[] Offsets, Cell[] Cells) ByTile(CountRows counts, TokenClasses classes, int tileColumns)
    {
        var offsets = new long[_tiles + 1];
        foreach (Cell cell in Cells(counts, classes))
        {
            offsets[(cell.Column / tileColumns) + 1]++;
        }

        for (int tile = 0; tile < _tiles; tile++)
        {
            offsets[tile + 1] += offsets[tile];
        }

        // A copy of the starts moves through each tile.
        long[] next = [.. offsets];
        var cells = new Cell[offsets[^1]];
        foreach (Cell cell in Cells(counts, classes))
        {
            cells[next[cell.Column / tileColumns]++] = cell;
        }

        return (offsets, cells);
    }

    private IEnumerable<Cell> Cells(CountRows counts, TokenClasses classes)
    {
        for (int j = 0; j < counts.Contexts; j++)
        {
            double scale = _weights[j] / counts.Size(j);
            for (long i = counts.Offsets[j]; i < counts.Offsets[j + 1]; i++)
            {
                int token = counts.AllTokens[i];
                int column = classes.ClassOf[token];
                if (classes.First[column] == token)
                {
                    yield return new Cell(j, column, scale * counts.AllCounts[i]);
                }
            }
        }
    }

    /// <summary>w_j q_ji of a context and a class' first token.</summary>
    private readonly record struct Cell(int Context, int Column, double Value);
}
