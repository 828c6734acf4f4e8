using System.Collections.Immutable;

namespace Collapse.Results.Files;

/// <summary>trace.parquet: one row per traced context and reported generation; without rows where none is traced.</summary>
internal static class TraceFile
{
    public static void Write(string folder, ImmutableArray<TraceRow> rows, string description)
    {
        var context = new NumberColumn<long>("context");
        var generation = new NumberColumn<int>("generation");
        var size = new NumberColumn<int>("trainingTokens");
        var token = new NumberColumn<int>("token");
        NullableColumn<double>[] values = [.. Observables.Names.Select(name => new NullableColumn<double>(name))];
        foreach (TraceRow row in rows)
        {
            context.Add(row.Context);
            generation.Add(row.Generation);
            size.Add(row.Size);
            token.Add(row.Token);
            for (int o = 0; o < values.Length; o++)
            {
                values[o].Add(row.Values[o]);
            }
        }

        var table = new ParquetTable(folder, "trace.parquet", [context, generation, size, token, .. values]);
        if (rows.Length > 0)
        {
            table.Flush();
        }

        table.Complete(description);
    }
}
