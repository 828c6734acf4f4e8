using System.Runtime.CompilerServices;
using Collapse.Kernels;

namespace Collapse.Engines.Cpu;

/// <summary>
/// One vector of Philox counters on their way to random words: word w of every block lies in vector w. Several at a time
/// fill the processor, where one alone waits for each product before its next round.
/// </summary>
internal struct PhiloxState<T>(T x0, T x1, T x2, T x3)
    where T : unmanaged, IPhiloxLanes<T>
{
    /// <summary>The first words.</summary>
    public T X0 = x0;

    /// <summary>The second words.</summary>
    public T X1 = x1;

    /// <summary>The third words.</summary>
    public T X2 = x2;

    /// <summary>The fourth words.</summary>
    public T X3 = x3;

    /// <summary>The counters of the blocks that lie <paramref name="step"/> further on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly PhiloxState<T> Ahead(T step) => new(T.Add(X0, step), X1, X2, X3);

    /// <summary>All ten rounds.</summary>
    /// <param name="key">The first of their keys, <see cref="Philox.Rounds"/> pairs.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Mix(ref T key)
    {
        for (nuint round = 0; round < 2 * Philox.Rounds; round += 2)
        {
            Round(Unsafe.Add(ref key, round), Unsafe.Add(ref key, round + 1));
        }
    }

    /// <summary>One round.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Round(T key0, T key1)
    {
        T product0 = T.Multiply(X0, T.Broadcast(Philox.Multiplier0));
        T product1 = T.Multiply(X2, T.Broadcast(Philox.Multiplier1));
        X0 = T.Xor(T.ShiftRight(product1), X1, key0);
        X2 = T.Xor(T.ShiftRight(product0), X3, key1);
        X1 = product1;
        X3 = product0;
    }

    /// <summary>Writes the words, block after block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Store(ref ulong target) => T.Store(X0, X1, X2, X3, ref target);
}
