using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Collapse.Engines.Cpu;

namespace Collapse.Softmax.Refit;

/// <summary>
/// The shape of a d × s matrix stored in panels of 32 columns: panel after panel, and in each row after row, 32
/// numbers a row. Rows are padded to a multiple of 8 and columns to a multiple of 32 with zeros.
/// </summary>
/// <param name="Rows">Rows d.</param>
/// <param name="Columns">Columns.</param>
internal sealed record PanelShape(int Rows, int Columns)
{
    /// <summary>Columns of a panel.</summary>
    public const int Width = 32;

    /// <summary>Rows are padded to a multiple of this.</summary>
    public const int RowGroup = 8;

    /// <summary>Rows with the padding.</summary>
    public int PaddedRows { get; } = (Rows + RowGroup - 1) / RowGroup * RowGroup;

    /// <summary>Number of panels.</summary>
    public int Count { get; } = (Columns + Width - 1) / Width;

    /// <summary>Numbers in a panel.</summary>
    public int PanelSize => PaddedRows * Width;

    /// <summary>Numbers in all.</summary>
    public long Length => (long)Count * PanelSize;

    /// <summary>Where an entry stands.</summary>
    public int Index(int row, int column) => ((column / Width * PaddedRows) + row) * Width + (column % Width);
}

/// <summary>Float32 numbers that start on a cache line and stay where they are.</summary>
internal sealed unsafe class AlignedFloats
{
    private readonly float[] _array;
    private readonly int _first;

    /// <summary>Zeros.</summary>
    public AlignedFloats(long length)
    {
        Length = checked((int)length);
        _array = GC.AllocateArray<float>(checked(Length + (CacheLine.Bytes / sizeof(float))), pinned: true);
        _first = CacheLine.BytesAhead(_array) / sizeof(float);
    }

    public int Length { get; }

    public Span<float> Span => _array.AsSpan(_first, Length);

    /// <summary>Valid while this object is reachable: the caller keeps it alive.</summary>
    public float* Pointer => (float*)Unsafe.AsPointer(ref _array[_first]);
}

/// <summary>Sums and products of matrices in panels. Results do not depend on threads or vector width.</summary>
internal sealed class PanelAlgebra(PanelShape shape, float[] multiplicity, int threads, CancellationToken cancellation)
{
    // Panels per block of work: a quarter of a megabyte or so.
    private const int BlockPanels = 32;

    private readonly double[] _partial = new double[shape.Count];

    /// <summary>target ← target + factor·x.</summary>
    public void Add(AlignedFloats target, float factor, AlignedFloats x) =>
        ForPanels(
            (from, length) =>
            {
                Span<Vector<float>> t = Vectors(target, from, length);
                ReadOnlySpan<Vector<float>> v = Vectors(x, from, length);
                var f = new Vector<float>(factor);
                for (int i = 0; i < t.Length; i++)
                {
                    t[i] = Vector.FusedMultiplyAdd(f, v[i], t[i]);
                }
            }
        );

    /// <summary>target ← scale·target + factor·x.</summary>
    public void Combine(AlignedFloats target, float scale, float factor, AlignedFloats x) =>
        ForPanels(
            (from, length) =>
            {
                Span<Vector<float>> t = Vectors(target, from, length);
                ReadOnlySpan<Vector<float>> v = Vectors(x, from, length);
                var f = new Vector<float>(factor);
                var s = new Vector<float>(scale);
                for (int i = 0; i < t.Length; i++)
                {
                    t[i] = Vector.FusedMultiplyAdd(f, v[i], s * t[i]);
                }
            }
        );

    /// <summary>
    /// Σ m_i x_ki y_ki over rows k and columns i with their multiplicities m_i: what the product would be if every
    /// token had its own column. Each column is summed in float32 over blocks of 64 rows, the rest in double.
    /// </summary>
    public double Dot(AlignedFloats x, AlignedFloats y)
    {
        BlockLoop.Run(
            (shape.Count + BlockPanels - 1) / BlockPanels,
            threads,
            worker => worker,
            (_, block) =>
            {
                int end = Math.Min((block + 1) * BlockPanels, shape.Count);
                for (int panel = block * BlockPanels; panel < end; panel++)
                {
                    _partial[panel] = PanelDot(x, y, panel);
                }
            },
            cancellation
        );
        double sum = 0;
        foreach (double part in _partial)
        {
            sum += part;
        }

        return sum;
    }

    private double PanelDot(AlignedFloats x, AlignedFloats y, int panel)
    {
        const int MostRows = 64;
        int from = panel * shape.PanelSize;
        Span<float> columns = stackalloc float[PanelShape.Width];
        Span<Vector<float>> sums = MemoryMarshal.Cast<float, Vector<float>>(columns);
        double total = 0;
        for (int row = 0; row < shape.PaddedRows; row += MostRows)
        {
            columns.Clear();
            int start = from + (row * PanelShape.Width);
            int length = Math.Min(MostRows, shape.PaddedRows - row) * PanelShape.Width;
            ReadOnlySpan<Vector<float>> a = Vectors(x, start, length);
            ReadOnlySpan<Vector<float>> b = Vectors(y, start, length);
            for (int i = 0; i < a.Length; i += sums.Length)
            {
                for (int v = 0; v < sums.Length; v++)
                {
                    sums[v] = Vector.FusedMultiplyAdd(a[i + v], b[i + v], sums[v]);
                }
            }

            for (int column = 0; column < columns.Length; column++)
            {
                total += (double)multiplicity[(panel * PanelShape.Width) + column] * columns[column];
            }
        }

        return total;
    }

    private void ForPanels(Action<int, int> work) =>
        BlockLoop.Run(
            (shape.Count + BlockPanels - 1) / BlockPanels,
            threads,
            worker => worker,
            (_, block) =>
            {
                int first = block * BlockPanels;
                int panels = Math.Min(BlockPanels, shape.Count - first);
                work(first * shape.PanelSize, panels * shape.PanelSize);
            },
            cancellation
        );

    private static Span<Vector<float>> Vectors(AlignedFloats values, int from, int length) =>
        MemoryMarshal.Cast<float, Vector<float>>(values.Span.Slice(from, length));
}
