using Parquet;
using Parquet.Schema;

namespace Collapse.Results.Files;

/// <summary>A column of a <see cref="ParquetTable"/> with the rows that wait for the next row group.</summary>
internal abstract class ParquetColumn(DataField dataField)
{
    public DataField Field => dataField;

    /// <summary>Writes the waiting rows.</summary>
    public abstract Task WriteAsync(ParquetRowGroupWriter group);

    /// <summary>Forgets the waiting rows.</summary>
    public abstract void Clear();
}

/// <summary>Numbers that are always there.</summary>
internal sealed class NumberColumn<T>(string name) : ParquetColumn(new DataField<T>(name))
    where T : struct
{
    private readonly List<T> _rows = [];

    public void Add(T value) => _rows.Add(value);

    public override Task WriteAsync(ParquetRowGroupWriter group) =>
        group.WriteAsync<T>(Field, new ReadOnlyMemory<T>([.. _rows]));

    public override void Clear() => _rows.Clear();
}

/// <summary>Numbers that may be undefined: null, and for floating point NaN, which becomes null.</summary>
internal sealed class NullableColumn<T>(string name) : ParquetColumn(new DataField<T?>(name))
    where T : struct
{
    private readonly List<T?> _rows = [];

    public void Add(T? value) => _rows.Add(value is double.NaN ? null : value);

    public override Task WriteAsync(ParquetRowGroupWriter group) =>
        group.WriteAsync<T>(Field, new ReadOnlyMemory<T?>([.. _rows]));

    public override void Clear() => _rows.Clear();
}

/// <summary>Texts that are always there.</summary>
internal sealed class TextColumn(string name) : ParquetColumn(new DataField(name, typeof(string), isNullable: false))
{
    private readonly List<string> _rows = [];

    public void Add(string value) => _rows.Add(value);

    public override Task WriteAsync(ParquetRowGroupWriter group) => group.WriteAsync(Field, _rows);

    public override void Clear() => _rows.Clear();
}
