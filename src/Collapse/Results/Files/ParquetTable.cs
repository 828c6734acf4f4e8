using System.Buffers.Binary;
using Parquet;
using Parquet.Schema;

namespace Collapse.Results.Files;

/// <summary>
/// A Parquet file that grows row group by row group under a temporary name. After each it is a whole Parquet
/// file, footer included; a row group that cannot be written is taken back and costs nothing written before it.
/// </summary>
internal sealed class ParquetTable
{
    // "PAR1" ends the file; before it stands the length of the footer.
    private const int TailBytes = 8;

    private readonly string _finalPath;
    private readonly string _partialPath;
    private readonly ParquetColumn[] _columns;
    private readonly ParquetSchema _schema;

    /// <summary>Creates the file without rows.</summary>
    /// <param name="folder">Where.</param>
    /// <param name="name">Its name in the end.</param>
    /// <param name="columns">Its columns, which the caller fills.</param>
    public ParquetTable(string folder, string name, IEnumerable<ParquetColumn> columns)
    {
        _finalPath = Path.Combine(folder, name);
        _partialPath = Path.Combine(folder, $".{name}.partial");
        _columns = [.. columns];
        _schema = new ParquetSchema(_columns.Select(c => c.Field));
        using FileStream file = new(_partialPath, FileMode.CreateNew);
        Write(file, append: false, withRows: false, null);
    }

    /// <summary>Writes the rows that wait in the columns as one row group.</summary>
    public void Flush() => Extend(withRows: true, null);

    /// <summary>Gives the file its description and its name.</summary>
    /// <param name="description">The run, as JSON; kept in the footer under the key "collapse".</param>
    public void Complete(string description)
    {
        Extend(withRows: false, description);
        File.Move(_partialPath, _finalPath);
    }

    private void Extend(bool withRows, string? description)
    {
        using FileStream file = new(_partialPath, FileMode.Open, FileAccess.ReadWrite);
        byte[] footer = ReadFooter(file);
        long rowsEnd = file.Length - footer.Length;
        try
        {
            Write(file, append: true, withRows, description);
        }
        catch
        {
            file.SetLength(rowsEnd);
            file.Position = rowsEnd;
            file.Write(footer);
            throw;
        }
        finally
        {
            foreach (ParquetColumn column in _columns)
            {
                column.Clear();
            }
        }
    }

    private void Write(FileStream file, bool append, bool withRows, string? description)
    {
        WriteAsync().GetAwaiter().GetResult();
        file.Flush(flushToDisk: true);

        async Task WriteAsync()
        {
            var options = new ParquetOptions { CompressionMethod = CompressionMethod.Snappy };
            await using ParquetWriter writer = await ParquetWriter
                .CreateAsync(_schema, file, options, append)
                .ConfigureAwait(false);
            if (description is not null)
            {
                writer.CustomMetadata = new Dictionary<string, string> { ["collapse"] = description };
            }

            if (withRows)
            {
                using ParquetRowGroupWriter group = writer.CreateRowGroup();
                foreach (ParquetColumn column in _columns)
                {
                    await column.WriteAsync(group).ConfigureAwait(false);
                }
            }
        }
    }

    private static byte[] ReadFooter(FileStream file)
    {
        var tail = new byte[TailBytes];
        file.Position = file.Length - TailBytes;
        file.ReadExactly(tail);
        var footer = new byte[BinaryPrimitives.ReadInt32LittleEndian(tail) + TailBytes];
        file.Position = file.Length - footer.Length;
        file.ReadExactly(footer);
        return footer;
    }
}
