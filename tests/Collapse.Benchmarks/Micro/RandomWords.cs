using BenchmarkDotNet.Attributes;
using Collapse.Engines.Cpu;
using Collapse.Kernels;

namespace Collapse.Benchmarks.Micro;

/// <summary>Philox words and the map to indices, for a thousand draws, at each vector width.</summary>
public class RandomWords
{
    private readonly ulong[] _lanes = new ulong[4096];

    /// <summary>The vector width in bits.</summary>
    [ParamsSource(nameof(Widths))]
    public int Width { get; set; }

    /// <summary>The widths this processor has.</summary>
    public static IEnumerable<int> Widths => CpuEngine.Widths.Select(width => (int)width);

    private static DrawStream Stream => new(1, 2, 3, 0, DrawPurpose.Index);

    /// <summary>125 blocks: the words of 1,000 half-word indices.</summary>
    [Benchmark(OperationsPerInvoke = 1000)]
    public void Philox()
    {
        switch (Width)
        {
            case 512:
                RandomLanes<Lanes512>.Fill(Stream, 125, _lanes);
                break;
            case 256:
                RandomLanes<Lanes256>.Fill(Stream, 125, _lanes);
                break;
            default:
                RandomLanes<Lanes128>.Fill(Stream, 125, _lanes);
                break;
        }
    }

    /// <summary>1,000 indices below 1,000, from half words.</summary>
    [Benchmark(OperationsPerInvoke = 1000)]
    public void HalfWordIndices() => Indices(1000);

    /// <summary>1,000 indices below 2,000, from words.</summary>
    [Benchmark(OperationsPerInvoke = 1000)]
    public void WordIndices() => Indices(2000);

    private void Indices(uint bound)
    {
        switch (Width)
        {
            case 512:
                RandomLanes<Lanes512>.FillIndices(Stream, bound, 1000, _lanes);
                break;
            case 256:
                RandomLanes<Lanes256>.FillIndices(Stream, bound, 1000, _lanes);
                break;
            default:
                RandomLanes<Lanes128>.FillIndices(Stream, bound, 1000, _lanes);
                break;
        }
    }
}
