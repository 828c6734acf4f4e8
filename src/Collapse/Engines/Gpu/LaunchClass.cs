using System.Numerics;
using Collapse.Kernels;
using Collapse.Model;

namespace Collapse.Engines.Gpu;

/// <summary>Contexts of a batch that one kernel trains in one launch: alike in size.</summary>
/// <param name="Kind">The kernel.</param>
/// <param name="Start">First place in the batch's order.</param>
/// <param name="End">One past the last.</param>
/// <param name="LargestSet">Tokens of their largest training set.</param>
internal readonly record struct LaunchClass(KernelKind Kind, int Start, int End, int LargestSet)
{
    /// <summary>
    /// The first generation from which on contexts draw from models only, with or without kept real tokens in
    /// front: what the kernels that keep sets in shared memory can do. One past the last where there is none.
    /// </summary>
    public static int FirstModelGeneration(Schedule schedule)
    {
        bool keepsInFront = schedule.Recipes.All(r => r.Skip(1).All(s => s.Kind != SegmentKind.KeepReal));
        return keepsInFront ? Math.Max(schedule.LastFreshUse, 1) + 1 : schedule.Generations + 1;
    }

    /// <summary>Contexts in the order in which they are taken, the largest first, so that none is left for the end.</summary>
    /// <param name="sizes">Tokens of each context's largest training set; sorted along.</param>
    public static int[] Order(int[] sizes)
    {
        int[] order = [.. Enumerable.Range(0, sizes.Length)];
        if (sizes.AsSpan().ContainsAnyExcept(sizes[0]))
        {
            // Equal sizes in the order of contexts: neighbours then share what they read and write.
            long[] keys = [.. sizes.Select((size, i) => ((long)-size << 32) + i)];
            Array.Sort(keys, order);
            Array.Sort(sizes, (a, b) => b.CompareTo(a));
        }

        return order;
    }

    /// <summary>
    /// All contexts for a generation that may draw from anything: the large ones, where they are few, by several groups
    /// each.
    /// </summary>
    /// <param name="sizes">Tokens of each context's largest training set, descending.</param>
    /// <param name="choice">What decides.</param>
    /// <param name="mostTables">Contexts whose counts there is room for at a time.</param>
    public static LaunchClass[] General(int[] sizes, KernelChoice choice, int mostTables) =>
        [.. InParts(new LaunchClass(KernelKind.General, 0, sizes.Length, sizes[0]), sizes, choice, mostTables)];

    /// <summary>Splits ordered contexts by the kernel that trains them, and by size.</summary>
    /// <param name="sizes">Tokens of each context's largest training set, descending.</param>
    /// <param name="choice">What decides.</param>
    /// <param name="mostTables">Contexts whose counts there is room for at a time.</param>
    public static LaunchClass[] Split(int[] sizes, KernelChoice choice, int mostTables)
    {
        var classes = new List<LaunchClass>();
        int start = 0;
        while (start < sizes.Length)
        {
            KernelKind kind = choice.Of(sizes[start]);
            int end = start + 1;
            while (end < sizes.Length && (sizes[end] == sizes[end - 1] || IsAlike(sizes[start], sizes[end])))
            {
                end++;
            }

            classes.AddRange(InParts(new LaunchClass(kind, start, end, sizes[start]), sizes, choice, mostTables));
            start = end;
        }

        return [.. classes];

        // Each context takes the shared memory of its class' largest.
        bool IsAlike(int largest, int size) =>
            choice.Of(size) == choice.Of(largest)
            && (choice.Of(size) == KernelKind.General || Grade(size) == Grade(largest));
    }

    /// <summary>Takes those contexts out of a general class that several groups each train.</summary>
    private static IEnumerable<LaunchClass> InParts(
        LaunchClass contexts,
        int[] sizes,
        KernelChoice choice,
        int mostTables
    )
    {
        int end = contexts.Start;
        while (contexts.Kind == KernelKind.General && end < contexts.End && choice.HasParts(sizes[end]))
        {
            end++;
        }

        int large = end - contexts.Start;
        if (large == 0 || large > mostTables || choice.Parts(large, contexts.LargestSet) == 1)
        {
            yield return contexts;
            yield break;
        }

        yield return contexts with
        {
            Kind = KernelKind.Parts,
            End = end,
        };
        if (end < contexts.End)
        {
            yield return contexts with
            {
                Start = end,
                LargestSet = sizes[end],
            };
        }
    }

    private static uint Grade(int size) => Math.Max(16, BitOperations.RoundUpToPowerOf2((uint)size));
}
