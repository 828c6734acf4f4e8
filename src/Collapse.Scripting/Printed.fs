namespace Collapse.Scripting

/// <summary>What F# Interactive shows of a value: Collapse.Scripting.fsx hands these to <c>fsi.AddPrinter</c>.</summary>
[<RequireQualifiedAccess>]
module Printed =
    // F# Interactive sets the first line two columns to the right, below "val run: Run ="; the others follow it.
    let private below (text: string) =
        text.TrimEnd('\r', '\n').ReplaceLineEndings("\n  ")

    /// <summary>The lines of a run.</summary>
    let run (run: Run) = below (string run)

    /// <summary>First and last generation of a theory's table.</summary>
    let theory (table: Collapse.Theory.TheoryTable) = below (Theory.format table)

    /// <summary>A frame as a table, numbers with five digits.</summary>
    let frame (frame: Deedle.Frame<int, string>) = below (Run.format frame)
