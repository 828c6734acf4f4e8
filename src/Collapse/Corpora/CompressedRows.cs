namespace Collapse.Corpora;

/// <summary>Groups values by row into compressed sparse rows.</summary>
internal static class CompressedRows
{
    private const int CancellationStride = 1 << 22;

    /// <summary>Groups values, which keep their order inside each row.</summary>
    /// <param name="rowOf">The row of each value; a negative one leaves the value out.</param>
    /// <param name="values">The values, as many.</param>
    /// <param name="rows">The number of rows.</param>
    /// <param name="cancellationToken">Looked at every few million values.</param>
    /// <returns>Row j's values are those from offsets[j] up to, not including, offsets[j + 1].</returns>
    public static (long[] Offsets, int[] Values) Group(
        ReadOnlySpan<int> rowOf,
        ReadOnlySpan<int> values,
        int rows,
        CancellationToken cancellationToken
    )
    {
        long[] offsets = new long[rows + 1];
        foreach (int row in rowOf)
        {
            if (row >= 0)
            {
                offsets[row + 1]++;
            }
        }

        for (int row = 0; row < rows; row++)
        {
            offsets[row + 1] += offsets[row];
        }

        // offsets[row] moves from the row's start to its end, which is the next row's start.
        int[] grouped = new int[offsets[rows]];
        for (int i = 0; i < rowOf.Length; i++)
        {
            if (i % CancellationStride == 0)
            {
                cancellationToken.ThrowIfCancellationRequested();
            }

            if (rowOf[i] >= 0)
            {
                grouped[offsets[rowOf[i]]++] = values[i];
            }
        }

        offsets.AsSpan(0, rows).CopyTo(offsets.AsSpan(1));
        offsets[0] = 0;
        return (offsets, grouped);
    }
}
