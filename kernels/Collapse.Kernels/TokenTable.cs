using ILGPU;

namespace Collapse.Kernels;

/// <summary>Tables of token counts with open addressing, in device memory; where the vocabulary is no larger, a slot for each token.</summary>
public static class TokenTable
{
    /// <summary>Marks a free slot.</summary>
    public const int Empty = -1;

    /// <summary>Slots for <paramref name="size"/> tokens: a power of two, at least twice as many, or the vocabulary where that is smaller.</summary>
    public static int Slots(int size, int vocabulary)
    {
        long slots = 4;
        while (slots < 2L * size && slots < vocabulary)
        {
            slots *= 2;
        }

        return (int)Math.Min(slots, vocabulary);
    }

    /// <summary>Where a token is looked for first.</summary>
    internal static int FirstSlot(int token, int slots, int vocabulary) =>
        slots == vocabulary ? token : (int)(((ulong)((uint)token * Philox.Weyl0) * (uint)slots) >> 32);

    /// <summary>Takes a token's slot, free or its own already. Any thread at any time, as long as there are free slots.</summary>
    internal static int Insert(ArrayView<int> tokens, long start, int slots, int vocabulary, int token)
    {
        int slot = FirstSlot(token, slots, vocabulary);
        while (true)
        {
            int held = Atomic.CompareExchange(ref tokens[start + slot], Empty, token);
            if (held == Empty || held == token)
            {
                return slot;
            }

            slot = slot + 1 < slots ? slot + 1 : 0;
        }
    }

    /// <summary>Counts tokens of a set; the threads of a group share them.</summary>
    internal static void AddCounts(
        ArrayView<int> set,
        long setStart,
        int size,
        ArrayView<int> tokens,
        ArrayView<int> counts,
        long start,
        int slots,
        int vocabulary
    )
    {
        for (int i = Group.IdxX; i < size; i += Group.DimX)
        {
            int slot = Insert(tokens, start, slots, vocabulary, set[setStart + i]);
            Atomic.Add(ref counts[start + slot], 1);
        }
    }

    /// <summary>The count of a token, 0 where it has no slot.</summary>
    internal static int Find(
        ArrayView<int> tokens,
        ArrayView<int> counts,
        long start,
        int slots,
        int vocabulary,
        int token
    )
    {
        int slot = FirstSlot(token, slots, vocabulary);
        while (true)
        {
            int held = tokens[start + slot];
            if (held == token)
            {
                return counts[start + slot];
            }

            // With a slot for each token of the vocabulary there is nothing to probe.
            if (held == Empty || slots == vocabulary)
            {
                return 0;
            }

            slot = slot + 1 < slots ? slot + 1 : 0;
        }
    }

    /// <summary>f_i, the count of a token in the first model of a context.</summary>
    internal static int First(BatchSettings settings, ContextBatch batch, int context, int token)
    {
        long start = batch.FirstOffsets[context];
        int slots = (int)(batch.FirstOffsets[context + 1] - start);
        return Find(batch.FirstTokens, batch.FirstCounts, start, slots, settings.Vocabulary, token);
    }

    /// <summary>The held-out count of a token in a context; 0 without held-out text.</summary>
    internal static int HeldOut(BatchSettings settings, ContextBatch batch, int context, int token)
    {
        int count = 0;
        if (settings.HasHeldOut != 0)
        {
            long end = batch.HeldOffsets[context + 1];
            for (long i = batch.HeldOffsets[context]; i < end; i++)
            {
                count = batch.HeldTokens[i] == token ? batch.HeldCounts[i] : count;
            }
        }

        return count;
    }
}
