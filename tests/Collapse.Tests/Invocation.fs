/// The command line, called in this process.
module Collapse.Tests.Invocation

open System
open System.IO
open System.Threading
open Expecto
open Collapse.Cli

type Outcome =
    {
        ExitCode: int
        Output: string
        Error: string
    }

let invokeUntil (cancellation: CancellationToken) (args: string list) =
    use output = new StringWriter()
    use error = new StringWriter()
    let exitCode = CommandLine.Invoke(List.toArray args, output, error, cancellation)

    {
        ExitCode = exitCode
        Output = string output
        Error = string error
    }

let invoke args = invokeUntil CancellationToken.None args

let words (line: string) =
    line.Split(' ', StringSplitOptions.RemoveEmptyEntries) |> List.ofArray

let succeed args =
    let outcome = invoke args
    Expect.equal (outcome.ExitCode, outcome.Error) (0, "") "no complaint"
    outcome.Output
