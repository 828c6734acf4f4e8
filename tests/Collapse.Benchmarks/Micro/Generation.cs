using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using BenchmarkDotNet.Attributes;
using Collapse.Engines.Cpu;
using Collapse.Kernels;
using Collapse.Model;
using Collapse.Priors;
using Collapse.Running;

namespace Collapse.Benchmarks.Micro;

/// <summary>What a generation of a thousand tokens is made of, apart from its random words.</summary>
public class Generation
{
    private const int Samples = 1000;

    private readonly ushort[] _set = new ushort[Samples];
    private readonly ushort[] _next = new ushort[Samples];
    private readonly ushort[] _indices = new ushort[Samples];
    private readonly int[] _tokens = new int[Samples];
    private readonly TokenCounter<ushort> _counter = new();
    private readonly LocalVocabulary _vocabulary = new();
    private readonly long[] _row = new long[ObservableRow.Length];
    private readonly TruthTable _truth = TruthTable.Create(PriorParser.Parse("zipf:200000:1.0").Probabilities());
    private readonly RunPlan _plan = Planner.Plan(
        new RunSettings
        {
            Scenario = Scenario.FullySynthetic,
            Prior = PriorParser.Parse("uniform:1000"),
            Contexts = 1,
            Samples = Samples,
            Generations = 2,
        }
    );
    private int[] _counts = [];

    /// <summary>Distinct tokens in the set.</summary>
    [Params(20, 200, 600)]
    public int Support { get; set; }

    private static DrawStream Stream => new(1, 2, 3, 0, DrawPurpose.Index);

    /// <summary>A set with the distinct tokens in turn.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        _vocabulary.Clear(Support, Support);
        for (int d = 0; d < Samples; d++)
        {
            _set[d] = (ushort)_vocabulary.Number(d % Support);
            _indices[d] = (ushort)UniformIndex.Draw(Stream, (uint)d, Samples);
        }

        _counts = new int[Support + TokenCounter.Padding];
        _counter.Count(_set, Support).CopyTo(_counts);
        _counts.AsSpan(0, Support).CopyTo(_vocabulary.First);
    }

    /// <summary>A thousand tokens by their indices, as the engine gathers them.</summary>
    [Benchmark(OperationsPerInvoke = Samples)]
    public void Gather()
    {
        ref ushort index = ref MemoryMarshal.GetArrayDataReference(_indices);
        ref ushort from = ref MemoryMarshal.GetArrayDataReference(_set);
        for (int i = 0; i < _next.Length; i++)
        {
            _next[i] = Unsafe.Add(ref from, (nuint)Unsafe.Add(ref index, i));
        }
    }

    /// <summary>The counts of a thousand tokens.</summary>
    [Benchmark(OperationsPerInvoke = Samples)]
    public int Count() => _counter.Count(_set, Support)[0];

    /// <summary>All observables of a table of counts.</summary>
    [Benchmark]
    public long Sums()
    {
        RowSums.Write(
            _counts.AsSpan(0, Support),
            _vocabulary,
            _plan,
            Samples,
            Samples,
            true,
            CpuEngine.Widths[^1] == VectorWidth.Bits512,
            _row
        );
        return _row[ObservableRow.Hash];
    }

    /// <summary>A thousand draws from a truth of 200,000 tokens, one after the other.</summary>
    [Benchmark(OperationsPerInvoke = Samples)]
    public int AliasDraws()
    {
        DrawStream stream = Stream;
        for (int d = 0; d < _tokens.Length; d++)
        {
            _tokens[d] = _truth.Draw(stream, (uint)d);
        }

        return _tokens[0];
    }
}
