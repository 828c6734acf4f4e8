// Tests of randomness by dieharder: `dotnet fsi build.fsx battery [-- FILTER]`. Pipes the words that runs use up, in
// their order (Collapse.Tests/WordStreams.fs), into each chosen test. FILTER takes streams whose name contains it.
open System
open System.Collections.Generic
open System.Diagnostics
open System.IO
open System.Text.RegularExpressions

let program =
    Path.Combine(__SOURCE_DIRECTORY__, "Collapse.Tests/bin/Release/net10.0/Collapse.Tests.dll")

/// The tests, each with what it looks at. Left out are those that dieharder itself calls suspect or not to be used (5, 6,
/// 7, 14), the test of its own functions (204), and those that take minutes a stream (201, 203, 208).
let chosen =
    [
        [ 0 ], "birthday spacings"
        [ 1 ], "overlapping permutations of 5"
        [ 2 ], "ranks of 32 × 32 matrices"
        [ 3 ], "ranks of 6 × 8 matrices"
        [ 4 ], "missing 20-bit words"
        [ 8 ], "ones in a stream of bytes"
        [ 9 ], "ones in chosen bytes"
        [ 10 ], "parking lot"
        [ 11 ], "smallest distance in a square"
        [ 12 ], "smallest distance in a cube"
        [ 13 ], "squeeze"
        [ 15 ], "runs up and down"
        [ 16 ], "craps"
        [ 17 ], "steps and values of the greatest common divisor"
        [ 100 ], "ones"
        [ 101 ], "runs of bits"
        [ 102 ], "serial test of 1 to 16 bits"
        [ 200; 8 ], "values of 8 bits"
        [ 202 ], "permutations of 5"
        [ 205 ], "bytes"
        [ 206 ], "discrete cosine transform"
        [ 207 ], "filling a tree"
        [ 209 ], "monobits of 12-bit pieces"
    ]

/// Starts a program with its input and output piped; what it says on standard error is of no interest.
let start (name: string) (arguments: string list) =
    let info =
        ProcessStartInfo(name, arguments, UseShellExecute = false, RedirectStandardOutput = true)

    info.RedirectStandardError <- true
    info.RedirectStandardInput <- true

    match Process.Start info with
    | null -> failwith $"{name} did not start"
    | child ->
        child.ErrorDataReceived.Add ignore
        child.BeginErrorReadLine()
        child

let isInstalled =
    try
        use child = start "dieharder" [ "-h" ]
        child.StandardInput.Close()
        child.StandardOutput.ReadToEnd() |> ignore
        child.WaitForExit()
        true
    with :? ComponentModel.Win32Exception ->
        false

if not isInstalled then
    eprintfn "dieharder is not installed, so nothing was tested: apt-get install dieharder"
    exit 1

type Line =
    {
        Test: string
        P: float
        Verdict: string
    }

/// Runs one test on one stream. -k 2: exact Kolmogorov-Smirnov; -Y 1: more samples until weak becomes passed or failed.
let judge (stream: string) (test: int list) =
    let arguments =
        match test with
        | [ number; bits ] -> [ "-d"; string number; "-n"; string bits ]
        | _ -> [ "-d"; string test.Head ]

    use words = start "dotnet" [ program; "--words"; stream ]

    use dieharder =
        start "dieharder" ([ "-g"; "200"; "-k"; "2"; "-Y"; "1" ] @ arguments)

    words.StandardInput.Close()

    let copying =
        task {
            try
                do! words.StandardOutput.BaseStream.CopyToAsync(dieharder.StandardInput.BaseStream, 1 <<< 20)
            with :? IOException ->
                // The test has what it needs.
                ()
        }

    let report = dieharder.StandardOutput.ReadToEnd()
    dieharder.WaitForExit()
    words.Kill()
    words.WaitForExit()
    copying.Wait()

    [
        for line in report.Split '\n' do
            let cells = line.Split '|' |> Array.map _.Trim()

            if cells.Length = 6 && Regex.IsMatch(cells[4], @"^\d") then
                {
                    Test = $"{cells[0]} {cells[1]}"
                    P = float cells[4]
                    Verdict = cells[5]
                }
    ]

let streams =
    use child = start "dotnet" [ program; "--words" ]
    let text = child.StandardOutput.ReadToEnd()
    child.WaitForExit()

    [
        for line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries) do
            match line.Split '\t' with
            | [| name; isHonest; order |] -> name, bool.Parse isHonest, order
            | _ -> failwith $"the test program says: {line}"
    ]

let filters = fsi.CommandLineArgs |> Array.skip 1 |> Array.filter ((<>) "--")

let wanted =
    streams
    |> List.filter (fun (name, _, _) -> Array.isEmpty filters || filters |> Array.exists name.Contains)

if wanted.IsEmpty then
    eprintfn "No stream has such a name. There are: %s" (String.Join(", ", [ for name, _, _ in streams -> name ]))
    exit 1

let total = Stopwatch.StartNew()
let wrong = List<string>()

for name, isHonest, order in wanted do
    printfn "%s: %s" name order
    let mutable failed = 0
    let mutable values = 0
    let mutable rest = chosen

    while not rest.IsEmpty do
        let number, what = rest.Head
        rest <- rest.Tail
        let watch = Stopwatch.StartNew()
        let lines = judge name number

        if lines.IsEmpty then
            wrong.Add $"{name}: test {number.Head} gave no p-value"

        for line in lines do
            printfn "  %-28s p = %.8f  %s" line.Test line.P line.Verdict
            values <- values + 1

            if line.Verdict = "FAILED" then
                failed <- failed + 1

        printfn "  %28s %s, %.0f s" "" what watch.Elapsed.TotalSeconds

        // One failed test rejects a defect.
        if not isHonest && failed > 0 then
            rest <- []

    printfn "  %d p-values, %d failed%s" values failed (if isHonest then "" else "; a planted defect")

    if isHonest && failed > 0 then
        wrong.Add $"{name}: {failed} of {values} failed"

    if not isHonest && failed = 0 then
        wrong.Add $"{name}: a planted defect was not rejected"

printfn "%d streams, %.0f minutes" wanted.Length total.Elapsed.TotalMinutes

for line in wrong do
    printfn "%s" line

exit (if wrong.Count = 0 then 0 else 1)
