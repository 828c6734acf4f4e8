/// Parquet files as an independent reader sees them.
module Collapse.Tests.DuckDb

open DuckDB.NET.Data

/// The rows that a query gives.
let query (sql: string) =
    use connection = new DuckDBConnection "DataSource=:memory:"
    connection.Open()
    use command = connection.CreateCommand()
    command.CommandText <- sql
    use reader = command.ExecuteReader()

    [
        while reader.Read() do
            [ for i in 0 .. reader.FieldCount - 1 -> reader.GetValue i ]
    ]
