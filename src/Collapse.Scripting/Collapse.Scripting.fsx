// F# Interactive loads this file with the package, scripts/load.fsx loads it in the repository: how values show.
namespace Collapse.Scripting

module internal Printers =
    fsi.AddPrinter(fun (run: Run) -> string run)
    fsi.AddPrinter(fun (truth: Truth) -> string truth)
    fsi.AddPrinter(fun (scenario: Scenario) -> string scenario)
    fsi.AddPrinter(fun (device: Device) -> string device)
    fsi.AddPrinter(fun (figure: Figure) -> string figure)
    fsi.AddPrinter(fun (table: Deedle.Internal.IFsiFormattable) -> "\n" + table.Format())
