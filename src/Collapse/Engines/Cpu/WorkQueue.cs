namespace Collapse.Engines.Cpu;

/// <summary>Hands out the contexts of a chunk, the largest first, in portions of about equal work.</summary>
internal sealed class WorkQueue
{
    // Enough tokens that taking a portion costs nothing, few enough that no thread waits long at the end.
    private const int PortionTokens = 4096;

    private readonly Lock _gate = new();
    private readonly int[] _order;
    private readonly int[] _sizes;
    private int _next;

    /// <summary>Creates the queue.</summary>
    /// <param name="sizes">Tokens per generation of each context of the chunk.</param>
    public WorkQueue(int[] sizes)
    {
        _sizes = sizes;
        _order = [.. Enumerable.Range(0, sizes.Length)];
        if (sizes.AsSpan().ContainsAnyExcept(sizes[0]))
        {
            int[] keys = [.. sizes.Select(n => -n)];
            Array.Sort(keys, _order);
        }
    }

    /// <summary>Takes the next portion; false when none is left.</summary>
    public bool TryTake(out ReadOnlySpan<int> contexts)
    {
        lock (_gate)
        {
            int start = _next;
            long tokens = 0;
            while (_next < _order.Length && (_next == start || tokens + _sizes[_order[_next]] <= PortionTokens))
            {
                tokens += _sizes[_order[_next++]];
            }

            contexts = _order.AsSpan(start, _next - start);
            return _next > start;
        }
    }

    /// <summary>Hands out nothing more.</summary>
    public void Stop()
    {
        lock (_gate)
        {
            _next = _order.Length;
        }
    }
}
