module Collapse.Tests.Main

open System
open System.IO
open Microsoft.Win32.SafeHandles
open Expecto
open Expecto.Impl

/// Says why each skipped test was skipped, so that a missing device is seen and never passes for a success.
let private printSkipped (out: TextWriter) (summary: TestRunSummary) =
    for test, outcome in summary.ignored do
        match outcome.result with
        | TestResult.Ignored reason -> out.WriteLine $"""skipped: {String.concat "." test.name}: {reason}"""
        | _ -> ()

/// The line that CI reads: `N passed, N failed` or `N passed, N failed, N skipped`.
let private closingLine passed failed skipped =
    if skipped = 0 then
        $"{passed} passed, {failed} failed"
    else
        $"{passed} passed, {failed} failed, {skipped} skipped"

/// `--until-failure LISTS` runs the test lists of these names, parted by commas, and ends the program at the first
/// failure: `dotnet fsi build.fsx mutate` needs to know no more.
let private untilFailure (out: TextWriter) (lists: string) =
    let wanted = Set.ofArray (lists.Split ',')

    let tests =
        testFromThisAssembly ()
        |> Option.map (Test.filter "." (fun name -> wanted.Contains(List.head name)))
        |> Option.get

    let stop name =
        async {
            out.WriteLine $"first failure: {name}"
            out.Flush()
            exit 1
        }

    let printer =
        { TestPrinters.silent with
            failed = fun name _ _ -> stop name
            exn = fun name _ _ -> stop name
        }

    runTestsWithCLIArgs [ CLIArguments.Printer printer; CLIArguments.No_Spinner ] [||] tests

let private runAll (args: string[]) =
    // Taken before Expecto replaces it by a writer that pads and colours lines.
    let out = Console.Out
    let mutable result = None
    let printer = TestPrinters.defaultPrinter

    let remember config summary =
        async {
            do! printer.summary config summary
            result <- Some summary
        }

    let options =
        [
            CLIArguments.Printer { printer with summary = remember }
            CLIArguments.No_Spinner
            if Console.IsOutputRedirected then
                CLIArguments.Colours 0
        ]

    let exitCode = runTestsInAssemblyWithCLIArgs options args

    match result with
    | None -> exitCode
    | Some summary ->
        // The empty line takes the colour reset that Expecto leaves behind.
        out.WriteLine()
        printSkipped out summary
        let passed, skipped = summary.passed.Length, summary.ignored.Length
        let failed = summary.failed.Length + summary.errored.Length
        out.WriteLine(closingLine passed failed skipped)
        // A filter that matches nothing must not look like a success.
        if exitCode = 0 && passed + failed + skipped = 0 then
            1
        else
            exitCode

[<EntryPoint>]
let main args =
    match args with
    | [| "--until-failure"; lists |] -> untilFailure Console.Out lists
    | [| "--words"; name |] ->
        // For programs that test random numbers: raw words on standard output. Console's own stream would go on for ever
        // after its reader has gone.
        use out =
            new FileStream(new SafeFileHandle(nativeint 1, ownsHandle = false), FileAccess.Write)


        WordStreams.all
        |> List.find (fun stream -> stream.Name = name)
        |> WordStreams.write out

        0
    | [| "--words" |] ->
        for stream in WordStreams.all do
            printfn $"{stream.Name}\t{stream.IsHonest}\t{stream.Order}"

        0
    | _ -> runAll args
