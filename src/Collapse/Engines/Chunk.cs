using System.Collections.Concurrent;
using Collapse.Results;
using Collapse.Running;

namespace Collapse.Engines;

/// <summary>A range of contexts that is trained together, with the places their results go to.</summary>
public sealed class Chunk
{
    private readonly ConcurrentBag<Recorder> _recorders;
    private readonly RunPlan _plan;
    private readonly Action<long, long> _advance;

    internal Chunk(RunPlan plan, long first, int count, ConcurrentBag<Recorder> recorders, Action<long, long> advance)
    {
        _plan = plan;
        _recorders = recorders;
        _advance = advance;
        Table = new ContextTable(first, count, plan.ObservableCount);
        for (int i = 0; i < count; i++)
        {
            Table.Samples[i] = plan.SamplesOf(first + i);
            Table.Real[i] = plan.RealOf(first + i);
        }
    }

    /// <summary>First context.</summary>
    public long First => Table.FirstContext;

    /// <summary>Number of contexts.</summary>
    public int Count => Table.Count;

    /// <summary>The end state of each context.</summary>
    public ContextTable Table { get; }

    /// <summary>Takes a recorder for one worker; give it back with <see cref="Return"/>.</summary>
    internal Recorder Rent() => _recorders.TryTake(out Recorder? recorder) ? recorder : new Recorder(_plan);

    internal void Return(Recorder recorder)
    {
        recorder.Complete();
        _recorders.Add(recorder);
    }

    /// <summary>Tells how far the work is.</summary>
    /// <param name="draws">Tokens drawn since the last call.</param>
    /// <param name="planned">Tokens of the plan that are thereby settled, drawn or not needed any more.</param>
    internal void Advance(long draws, long planned) => _advance(draws, planned);
}
