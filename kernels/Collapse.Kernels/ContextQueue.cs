using ILGPU;

namespace Collapse.Kernels;

/// <summary>
/// The contexts of a launch as a queue: whoever is free takes the next one, so that a context that leaves
/// early makes room. Which group or thread takes which context changes nothing in the results.
/// </summary>
internal static class ContextQueue
{
    /// <summary>What <see cref="Take"/> and <see cref="TakeForGroup"/> give when there is no context left.</summary>
    public const int None = -1;

    /// <summary>The next context still in the work, for one thread.</summary>
    public static int Take(BatchSettings settings, ContextBatch batch)
    {
        int context = None;
        bool isSearching = true;
        while (isSearching)
        {
            int position = settings.QueueStart + Atomic.Add(ref batch.QueueHeads[settings.Queue], 1);
            isSearching = false;
            context = None;
            if (position < settings.QueueEnd)
            {
                context = batch.Order[position];
                isSearching = batch.LeftAt[context] != 0;
            }
        }

        return context;
    }

    /// <summary>The next context still in the work, the same for all threads of a group. Has barriers.</summary>
    public static int TakeForGroup(BatchSettings settings, ContextBatch batch, ArrayView<int> shared)
    {
        if (Group.IdxX == 0)
        {
            shared[0] = Take(settings, batch);
        }

        Group.Barrier();
        int context = shared[0];
        Group.Barrier();
        return context;
    }

    /// <summary>Adds what a context did in a launch to the totals; one thread a context.</summary>
    public static void AddTotals(ContextBatch batch, long drawn, long tokens, bool isActive)
    {
        Atomic.Add(ref batch.Totals[LaunchTotals.Drawn], drawn);
        Atomic.Add(ref batch.Totals[LaunchTotals.Tokens], tokens);
        Atomic.Add(ref batch.Totals[LaunchTotals.Active], isActive ? 1L : 0L);
    }
}

/// <summary>What the contexts of a launch add up to: <see cref="Length"/> 64-bit numbers.</summary>
public static class LaunchTotals
{
    /// <summary>Tokens drawn.</summary>
    public const int Drawn = 0;

    /// <summary>Tokens in training sets, kept ones included.</summary>
    public const int Tokens = 1;

    /// <summary>Contexts that are still in the work.</summary>
    public const int Active = 2;

    /// <summary>Numbers.</summary>
    public const int Length = 3;
}
