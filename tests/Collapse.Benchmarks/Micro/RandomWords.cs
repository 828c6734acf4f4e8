using BenchmarkDotNet.Attributes;
using Collapse.Engines.Cpu;
using Collapse.Kernels;

namespace Collapse.Benchmarks.Micro;

/// <summary>Philox words and the map to indices, for a thousand draws, at each vector width.</summary>
public class RandomWords
{
    private const ulong Seed = 1;

    private readonly RandomLanes<Lanes512> _lanes512 = new(Seed);
    private readonly RandomLanes<Lanes256> _lanes256 = new(Seed);
    private readonly RandomLanes<Lanes128> _lanes128 = new(Seed);
    private readonly ulong[] _lanes = new ulong[4096];

    /// <summary>The vector width in bits.</summary>
    [ParamsSource(nameof(Widths))]
    public int Width { get; set; }

    /// <summary>The widths this processor has.</summary>
    public static IEnumerable<int> Widths => CpuEngine.Widths.Select(width => (int)width);

    private static DrawStream Stream => new(Seed, 2, 3, 0, DrawPurpose.Index);

    /// <summary>125 blocks: the words of 1,000 half-word indices.</summary>
    [Benchmark(OperationsPerInvoke = 1000)]
    public void Philox()
    {
        switch (Width)
        {
            case 512:
                _lanes512.Fill(Stream, 125, _lanes);
                break;
            case 256:
                _lanes256.Fill(Stream, 125, _lanes);
                break;
            default:
                _lanes128.Fill(Stream, 125, _lanes);
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
                _lanes512.FillIndices(Stream, bound, 1000, _lanes);
                break;
            case 256:
                _lanes256.FillIndices(Stream, bound, 1000, _lanes);
                break;
            default:
                _lanes128.FillIndices(Stream, bound, 1000, _lanes);
                break;
        }
    }
}
