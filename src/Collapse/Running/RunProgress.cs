namespace Collapse.Running;

/// <summary>How far a run is; written by the engines' threads, read by whoever shows it.</summary>
public sealed class RunProgress
{
    private long _draws;
    private long _settled;

    /// <summary>Tokens drawn so far.</summary>
    public long Draws => Interlocked.Read(ref _draws);

    /// <summary>Tokens of the plan that are drawn, or that need not be drawn because their context has left.</summary>
    public long Settled => Interlocked.Read(ref _settled);

    internal void Advance(long draws, long settled)
    {
        Interlocked.Add(ref _draws, draws);
        Interlocked.Add(ref _settled, settled);
    }
}
