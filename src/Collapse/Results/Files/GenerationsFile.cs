using System.Collections.Immutable;
using System.Globalization;

namespace Collapse.Results.Files;

/// <summary>generations.parquet: one row per reported generation, with each observable over contexts.</summary>
internal static class GenerationsFile
{
    public static void Write(string folder, RunResult result, string description)
    {
        var columns = new List<ParquetColumn>();
        AddNumbers(columns, "generation", result.Generation);
        AddNumbers(columns, "contexts", result.Contexts);
        AddDoubles(columns, "collapsedFraction", result.CollapsedFraction);
        foreach (ObservableSeries series in result.Series)
        {
            AddSeries(columns, series, result.Plan.IsCorpus);
        }

        if (result.HeldOut is { } heldOut)
        {
            AddDoubles(columns, "heldOut_crossEntropy", heldOut.CrossEntropy);
            AddDoubles(columns, "heldOut_coveredCrossEntropy", heldOut.CoveredCrossEntropy);
            AddDoubles(columns, "heldOut_unseen", heldOut.Unseen);
        }

        var table = new ParquetTable(folder, "generations.parquet", columns);
        if (result.Generation.Length > 0)
        {
            table.Flush();
        }

        table.Complete(description);
    }

    private static void AddSeries(List<ParquetColumn> columns, ObservableSeries series, bool isCorpus)
    {
        string name = Observables.NameOf(series.Observable);
        AddDoubles(columns, $"{name}_mean", series.Mean);
        AddDoubles(columns, $"{name}_sd", series.StandardDeviation);
        AddDoubles(columns, $"{name}_min", series.Minimum);
        AddDoubles(columns, $"{name}_max", series.Maximum);
        for (int q = 0; q < ObservableSeries.QuantileLevels.Length; q++)
        {
            string percent = (ObservableSeries.QuantileLevels[q] * 100).ToString("00", CultureInfo.InvariantCulture);
            AddDoubles(columns, $"{name}_q{percent}", series.Quantiles[q]);
        }

        if (isCorpus)
        {
            AddDoubles(columns, $"{name}_tokenWeightedMean", series.TokenWeightedMean);
        }
    }

    private static void AddNumbers<T>(List<ParquetColumn> columns, string name, ImmutableArray<T> values)
        where T : struct
    {
        var column = new NumberColumn<T>(name);
        foreach (T value in values)
        {
            column.Add(value);
        }

        columns.Add(column);
    }

    private static void AddDoubles(List<ParquetColumn> columns, string name, ImmutableArray<double> values)
    {
        var column = new NullableColumn<double>(name);
        foreach (double value in values)
        {
            column.Add(value);
        }

        columns.Add(column);
    }
}
