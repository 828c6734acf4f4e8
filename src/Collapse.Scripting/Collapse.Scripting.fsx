// F# Interactive loads this file with the package, scripts/load.fsx loads it in the repository: how values show.
namespace Collapse.Scripting

module internal Printers =
    // The printer that was added last is asked first: whatever else Deedle has keeps its own table.
    fsi.AddPrinter(fun (table: Deedle.Internal.IFsiFormattable) -> "\n" + table.Format())
    fsi.AddPrinter(fun (run: Run) -> Printed.run run)
    fsi.AddPrinter(fun (truth: Truth) -> string truth)
    fsi.AddPrinter(fun (scenario: Scenario) -> string scenario)
    fsi.AddPrinter(fun (device: Device) -> string device)
    fsi.AddPrinter(fun (figure: Figure) -> string figure)
    fsi.AddPrinter(fun (curve: TheoryCurve) -> string curve)
    fsi.AddPrinter(fun (curve: Curve) -> string curve)
    fsi.AddPrinter(fun (table: Collapse.Theory.TheoryTable) -> Printed.theory table)
    fsi.AddPrinter(fun (table: Deedle.Frame<int, string>) -> Printed.frame table)
