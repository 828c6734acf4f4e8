using System.Collections.Immutable;

namespace Collapse.Results;

/// <summary>What is known of each context of one chunk at its end, column by column.</summary>
public sealed class ContextTable
{
    internal ContextTable(long firstContext, int count, int observables = Observables.Count)
    {
        FirstContext = firstContext;
        Samples = new int[count];
        Real = new int[count];
        LastGeneration = new int[count];
        CollapseTime = new int[count];
        Token = new int[count];
        Collapsed = new bool[count];
        Values = [.. Enumerable.Range(0, observables).Select(_ => new double[count])];
    }

    /// <summary>Index of the first row's context in the run.</summary>
    public long FirstContext { get; }

    /// <summary>Number of rows.</summary>
    public int Count => Samples.Length;

    /// <summary>The context's sample size n.</summary>
    public int[] Samples { get; }

    /// <summary>The context's real tokens N; 0 where none are kept.</summary>
    public int[] Real { get; }

    /// <summary>The generation of the last observables; 0 where the run was interrupted before the context's first.</summary>
    public int[] LastGeneration { get; }

    /// <summary>T, the first generation with max p_i = 1; 0 where there was none.</summary>
    public int[] CollapseTime { get; }

    /// <summary>The token of largest probability at the last generation (the smallest id among equals): after collapse, the survivor.</summary>
    public int[] Token { get; }

    /// <summary>The last observables, one column each, in the order of <see cref="Observable"/>; NaN where undefined.</summary>
    public ImmutableArray<double[]> Values { get; }

    /// <summary>Whether the last training set of each context is one token.</summary>
    internal bool[] Collapsed { get; }

    /// <summary>
    /// Whether a row's last training set is one token: its model then too, unless it is a softmax model, which need not
    /// reach its data. A context with a collapse time need not be: from older models or real data other tokens can come
    /// back.
    /// </summary>
    public bool IsCollapsed(int row) => Collapsed[row];
}
