using ILGPU;

namespace Collapse.Kernels;

/// <summary>
/// The device code for generations whose counts are drawn (<see cref="CountRule"/>): one thread takes one context, a
/// list of tokens and counts, through many generations. Lists lie where the two training sets were, the tokens in the
/// second and their counts in the first, and are changed in place.
/// </summary>
public static class CountsKernel
{
    /// <summary>The list of a context.</summary>
    private struct TokenList
    {
        public ArrayView<int> Sets;
        public long Tokens;
        public long Counts;

        public readonly int Token(int i) => Sets[Tokens + i];

        public readonly int Count(int i) => Sets[Counts + i];

        public readonly void SetToken(int i, int token) => Sets[Tokens + i] = token;

        public readonly void SetCount(int i, int count) => Sets[Counts + i] = count;
    }

    /// <summary>Trains the contexts of the queue for the launch's generations, none before <see cref="CountRule.FirstGeneration"/>.</summary>
    /// <remarks>Explicitly grouped: any group size. No barriers.</remarks>
    public static void Advance(BatchSettings settings, CountsBatch part)
    {
        ContextBatch batch = part.Whole();
        int context = ContextQueue.Take(settings, batch);
        while (context != ContextQueue.None)
        {
            AdvanceContext(settings, batch, part.Halves, context);
            context = ContextQueue.Take(settings, batch);
        }
    }

    private static void AdvanceContext(BatchSettings settings, ContextBatch batch, ArrayView<ulong> halves, int context)
    {
        long sizes = (long)context * settings.Slots;
        long stride = (batch.SetOffsets[context + 1] - batch.SetOffsets[context]) / settings.Slots;
        int size = batch.SetSizes[sizes];
        var list = new TokenList
        {
            Sets = batch.Sets,
            Counts = batch.SetOffsets[context],
            Tokens = batch.SetOffsets[context] + stride,
        };
        int length =
            settings.FirstGeneration == CountRule.FirstGeneration ? CountTokens(list, size) : batch.SetSizes[sizes + 1];
        int firstSize = batch.FirstSizes[context];
        int leftAt = 0;
        int done = 0;
        while (done < settings.Generations && leftAt == 0)
        {
            int generation = settings.FirstGeneration + done;
            var stream = new DrawStream(
                settings.Seed,
                settings.FirstContext + (uint)context,
                (uint)generation,
                0,
                DrawPurpose.Counts
            );
            Draw(list, new CountStream(stream, halves), length, size);
            length = KeepAlive(list, length);

            // One token is left for good: each generation is drawn from the one before alone.
            leftAt = length == 1 ? generation : 0;
            int row = batch.RowOf[done];
            if (row >= 0 || leftAt != 0)
            {
                SumTokens(settings, batch, list, context, length, size, firstSize)
                    .Write(settings, batch, context, row, leftAt != 0, size, firstSize);
            }

            done++;
        }

        batch.SetSizes[sizes + 1] = length;
        batch.LeftAt[context] = leftAt;
        if (leftAt != 0)
        {
            batch.CollapsedRun[context] = 1;
            batch.CollapseTime[context] = leftAt;
        }

        long drawn = (long)done * size;
        ContextQueue.AddTotals(batch, drawn, drawn, leftAt == 0);
    }

    /// <summary>Turns the training set, which lies where counts will, into a list in ascending order of tokens.</summary>
    /// <returns>The number of different tokens.</returns>
    private static int CountTokens(TokenList list, int size)
    {
        Sort(list, size);
        int length = 0;
        int start = 0;
        for (int i = 1; i <= size; i++)
        {
            // Not more counts than tokens read so far: none is overwritten unread.
            int token = list.Count(i - 1);
            if (i == size || list.Count(i) != token)
            {
                list.SetToken(length, token);
                list.SetCount(length, i - start);
                length++;
                start = i;
            }
        }

        return length;
    }

    /// <summary>Sorts the training set in place, as a heap: one thread, once in a run.</summary>
    private static void Sort(TokenList list, int size)
    {
        for (int root = (size / 2) - 1; root >= 0; root--)
        {
            Sink(list, root, size);
        }

        for (int end = size - 1; end > 0; end--)
        {
            int largest = list.Count(0);
            list.SetCount(0, list.Count(end));
            list.SetCount(end, largest);
            Sink(list, 0, end);
        }
    }

    private static void Sink(TokenList list, int root, int size)
    {
        int token = list.Count(root);
        int place = root;
        int child = (2 * root) + 1;
        while (child < size)
        {
            // Guarded reads: a device may read both sides of a condition.
            int right = Math.Min(child + 1, size - 1);
            child = list.Count(right) > list.Count(child) ? right : child;
            bool sinks = list.Count(child) > token;
            if (sinks)
            {
                list.SetCount(place, list.Count(child));
                place = child;
            }

            child = sinks ? (2 * child) + 1 : size;
        }

        list.SetCount(place, token);
    }

    /// <summary>Replaces the counts by those of as many draws from them.</summary>
    private static void Draw(TokenList list, CountStream stream, int length, int size)
    {
        // Parts that wait: where they end, their draws, and their tokens in the model drawn from.
        var ends = LocalMemory.Allocate<int>(CountRule.MostWaiting);
        var draws = LocalMemory.Allocate<int>(CountRule.MostWaiting);
        var totals = LocalMemory.Allocate<int>(CountRule.MostWaiting);
        int waiting = 0;
        int start = 0;
        int end = length;
        int drawn = size;
        int total = size;
        while (start < length)
        {
            if (drawn == 0 || end - start == 1)
            {
                for (; start < end; start++)
                {
                    list.SetCount(start, drawn);
                }

                if (waiting > 0)
                {
                    waiting--;
                    end = ends[waiting];
                    drawn = draws[waiting];
                    total = totals[waiting];
                }
            }
            else
            {
                int middle = start + 1;
                int left = list.Count(start);
                while (2L * left < total && middle < end - 1)
                {
                    left += list.Count(middle);
                    middle++;
                }

                int leftDraws = stream.Binomial(drawn, left, total);
                ends[waiting] = end;
                draws[waiting] = drawn - leftDraws;
                totals[waiting] = total - left;
                waiting++;
                end = middle;
                drawn = leftDraws;
                total = left;
            }
        }
    }

    /// <summary>Drops the tokens that were not drawn.</summary>
    /// <returns>How many are left.</returns>
    private static int KeepAlive(TokenList list, int length)
    {
        int kept = 0;
        for (int i = 0; i < length; i++)
        {
            int count = list.Count(i);
            if (count > 0)
            {
                list.SetToken(kept, list.Token(i));
                list.SetCount(kept, count);
                kept++;
            }
        }

        return kept;
    }

    private static TokenSums SumTokens(
        BatchSettings settings,
        ContextBatch batch,
        TokenList list,
        int context,
        int length,
        int size,
        int firstSize
    )
    {
        var sums = new TokenSums();
        for (int i = 0; i < length; i++)
        {
            int token = list.Token(i);
            int first = TokenTable.First(settings, batch, context, token);
            int held = TokenTable.HeldOut(settings, batch, context, token);
            sums.Add(settings, batch, context, token, list.Count(i), first, held, size, firstSize);
        }

        return sums;
    }
}
