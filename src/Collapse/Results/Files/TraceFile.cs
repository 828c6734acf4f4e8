namespace Collapse.Results.Files;

/// <summary>trace.parquet: one row per traced context and reported generation; without rows where none is traced.</summary>
internal static class TraceFile
{
    public static void Write(string folder, RunResult result, string description)
    {
        var context = new NumberColumn<long>("context");
        var generation = new NumberColumn<int>("generation");
        var size = new NumberColumn<int>("trainingTokens");
        var token = new NumberColumn<int>("token");
        NullableColumn<double>[] values =
        [
            .. result.Series.Select(series => new NullableColumn<double>(Observables.NameOf(series.Observable))),
        ];
        foreach (TraceRow row in result.Trace)
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
        if (result.Trace.Length > 0)
        {
            table.Flush();
        }

        table.Complete(description);
    }
}
