module Collapse.Tests.CommandLineTests

open System
open System.Diagnostics
open System.IO
open System.Text.Json
open System.Text.RegularExpressions
open System.Threading
open Expecto
open Collapse.Cli
open Collapse.Tests.Texts
open Collapse.Tests.Invocation

let private json args =
    JsonDocument.Parse(succeed (args @ [ "--json" ])).RootElement

let private members (json: JsonElement) =
    [ for m in json.EnumerateObject() -> m.Name ]

let private numbers (json: JsonElement) (name: string) =
    [ for n in json.GetProperty(name).EnumerateArray() -> n ]

let private small = words "run --prior zipf:30:1.0 --contexts 200 --samples 12"

let private text = "the cat sat on the mat and the dog sat on the cat"

// ---- the JSON object

let private names =
    [
        "scenario"
        "seed"
        "engine"
        "device"
        "contexts"
        "samples"
        "generations"
        "digest"
        "draws"
        "seconds"
        "drawsPerSecond"
        "collapseTime"
        "series"
    ]

let private seriesNames =
    [
        "generation"
        "sumOfSquares"
        "maxProbability"
        "support"
        "entropy"
        "l1FromFirst"
        "l1FromTruth"
        "unseenMass"
        "collapsedFraction"
    ]

let private isNull (json: JsonElement) = json.ValueKind = JsonValueKind.Null

let private jsonTests =
    [
        test "of a prior has these members and series of equal length" {
            let json = json (small @ words "--generations 20 --seed 18446744073709551615")
            Expect.equal (members json) names "members"
            Expect.equal (json.GetProperty("scenario").GetString()) "fully-synthetic" "scenario"
            Expect.equal (json.GetProperty("seed").GetUInt64()) UInt64.MaxValue "all 64 bits of the seed"
            Expect.equal (json.GetProperty("contexts").GetInt64()) 200L "c"
            Expect.equal (json.GetProperty("samples").GetInt32()) 12 "n"
            Expect.equal (json.GetProperty("generations").GetInt32()) 20 "G"
            Expect.equal (json.GetProperty("draws").GetInt64() % 12L) 0L "whole training sets"
            let time = json.GetProperty "collapseTime"
            Expect.equal (members time) [ "mean"; "sd"; "count"; "censored" ] "collapse times"

            Expect.equal
                (time.GetProperty("count").GetInt64() + time.GetProperty("censored").GetInt64())
                200L
                "every context counted"

            let series = json.GetProperty "series"
            Expect.equal (members series) seriesNames "series"

            for name in seriesNames do
                Expect.equal (numbers series name).Length 20 name
                Expect.isFalse (numbers series name |> List.exists isNull) $"{name} is defined"

            Expect.equal (numbers series "generation" |> List.map _.GetInt32()) [ 1..20 ] "generations"
        }
        test "of a corpus has its counts, token-weighted and held-out series, and no distance to a truth" {
            withText text (fun path ->
                let json =
                    json
                        [
                            "run"
                            "--corpus"
                            path
                            "--order"
                            "2"
                            "--heldout"
                            path
                            "--generations"
                            "9"
                        ]

                Expect.equal
                    (members json |> List.sort)
                    (names @ [ "corpus"; "seriesTokenWeighted"; "heldOut" ] |> List.sort)
                    "members"

                Expect.equal (json.GetProperty("samples").GetString()) "matched" "n"
                let corpus = json.GetProperty "corpus"
                let count (name: string) = corpus.GetProperty(name).GetInt64()
                Expect.equal (corpus.GetProperty("path").GetString()) path "path"
                Expect.equal (corpus.GetProperty("tokenizer").GetString()) "chars" "tokenizer"
                Expect.equal (count "order", count "tokens") (2L, int64 text.Length) "order and tokens"
                Expect.equal (count "transitions") (int64 text.Length - 2L) "transitions"
                Expect.equal (count "vocabulary") (int64 (Seq.distinct text |> Seq.length)) "vocabulary"
                Expect.equal (count "contexts") (json.GetProperty("contexts").GetInt64()) "contexts"

                for name in [ "series"; "seriesTokenWeighted" ] do
                    let series = json.GetProperty name
                    Expect.equal (members series) seriesNames name

                    for name in seriesNames do
                        Expect.equal (numbers series name).Length 9 name

                    Expect.isTrue (numbers series "l1FromTruth" |> List.forall isNull) "no explicit truth"
                    Expect.isFalse (numbers series "sumOfSquares" |> List.exists isNull) "sum of squares"

                let heldOut = json.GetProperty "heldOut"
                Expect.equal (heldOut.GetProperty("transitions").GetInt64()) (int64 text.Length - 2L) "transitions"
                let series = heldOut.GetProperty "series"

                for name in [ "crossEntropy"; "coveredCrossEntropy"; "unseen" ] do
                    Expect.equal (numbers series name).Length 9 name

                let crossEntropy = numbers series "crossEntropy" |> List.map isNull
                Expect.equal crossEntropy[0] false "the text under its own law"
                Expect.equal crossEntropy[8] true "infinite once a token is gone")
        }
        test "of softmax models says how they are trained and sampled, and has their errors" {
            let json =
                json (
                    small
                    @ words "--generations 4 --refit gradient:9:2.5:0.5 --l2 1e-3 --embedding gaussian:3"
                    @ words "--temperature 0.9 --top-k 20 --top-p 0.99"
                )

            let softmax = [ "refit"; "l2"; "embedding"; "temperature"; "topK"; "topP" ]
            let at = List.findIndex ((=) "generations") names
            Expect.equal (members json) (List.insertManyAt at softmax names) "members"

            Expect.equal
                [ for name in softmax -> string (json.GetProperty name) ]
                [ "gradient:9:2.5:0.5"; "0.001"; "gaussian:3"; "0.9"; "20"; "0.99" ]
                "values"

            let series = json.GetProperty "series"
            let errors = [ "trainingSupport"; "statisticalError"; "functionalError" ]
            let at = List.findIndex ((=) "collapsedFraction") seriesNames
            Expect.equal (members series) (List.insertManyAt at errors seriesNames) "series"

            for name in errors do
                Expect.equal (numbers series name).Length 4 name
                Expect.isTrue (numbers series name |> List.forall (fun v -> v.GetDouble() > 0.0)) name
        }
        test "writes null for what is undefined" {
            let json = json (words "run --prior uniform:1000 --samples 100 --generations 2")
            let time = json.GetProperty "collapseTime"
            Expect.isTrue (isNull (time.GetProperty "mean") && isNull (time.GetProperty "sd")) "nobody collapsed"
        }
        test "is one line, and all that standard output gets" {
            let output = succeed (small @ words "--until-collapse --json")
            Expect.equal (output.TrimEnd('\r', '\n').Split('\n').Length) 1 "one line"
            Expect.stringStarts output "{" "only the object"
        }
        test "is the same whatever engine, threads and chunks made it, but for names and times" {
            let digest more =
                (json (small @ words "--generations 20" @ words more)).GetProperty("digest").GetString()

            let expected = digest "--engine cpu"

            for more in
                [
                    "--engine reference"
                    "--threads 1"
                    "--threads 2 --chunk 7"
                    "--engine auto"
                ] do
                Expect.equal (digest more) expected more
        }
    ]

// ---- what people read

let private lines (text: string) =
    text.ReplaceLineEndings("\n").Split '\n'

let private generationsShown (output: string) =
    [
        for line in lines output do
            let m = Regex.Match(line, @"^\s*([\d,]+)\s+[\d.]+(e-\d+)?\s+[\d.]+\s")

            if m.Success then
                int (m.Groups[1].Value.Replace(",", ""))
    ]

let private reportTests =
    [
        for width, more in [ 80, ""; 80, " --heldout" ] do
            test $"fits into {width} columns{more}" {
                let fits args =
                    for line in lines (succeed args) do
                        Expect.isLessThanOrEqual line.Length width line

                fits (small @ words "--until-collapse")

                withText text (fun path ->
                    let heldOut = if more = "" then [] else [ "--heldout"; path ]
                    fits ([ "run"; "--corpus"; path; "--generations"; "30" ] @ heldOut))
            }
        test "fits into 80 columns for softmax models" {
            for more in
                [
                    "--temperature 0.8"
                    "--refit smoothed:0.5"
                    "--refit gradient:9:1 --embedding gaussian:2"
                ] do
                for line in lines (succeed (small @ words $"--generations 30 {more}")) do
                    Expect.isLessThanOrEqual line.Length 80 line

                withText text (fun path ->
                    let corpus = [ "run"; "--corpus"; path; "--generations"; "30"; "--heldout"; path ]

                    for line in lines (succeed (corpus @ words more)) do
                        Expect.isLessThanOrEqual line.Length 80 line)
        }
        test "names refit, contexts and decoding of softmax models, and their errors" {
            let output =
                succeed (
                    small
                    @ words
                        "--generations 3 --refit gradient:9:1 --l2 0.01 --embedding gaussian:2 --top-k 1000 --top-p 0.5"
                    @ words "--temperature 0.8"
                )

            let title = output.ReplaceLineEndings(" ").Replace("  ", " ")

            Expect.stringContains
                title
                "refit gradient:9:1 · L2 = 0.01 · gaussian:2 contexts · T = 0.8 · top-k 1,000 · top-p 0.5 · seed 1"
                "title"

            Expect.isMatch output @"stat\.\s+funct\." "both errors"
            let closed = succeed (small @ words "--generations 3 --top-k 5")
            Expect.isMatch closed @"unseen\s+stat\.\s+collap-" "a closed form has one"
        }
        test "says how many contexts of how many a mean collapse time is over" {
            for args, pattern in
                [
                    "--generations 30", @"collapse time  [\d.]+ ± [\d.]+ \(sd\) over the 3 collapsed of 9 contexts\n"
                    "--generations 5000", @"collapse time  [\d.]+ ± [\d.]+ \(sd\) over all 9 contexts\n"
                    "--generations 2", @"collapse time  no context has collapsed\n"
                ] do
                let output =
                    succeed (words $"run --prior uniform:50 --samples 20 --contexts 9 {args}")

                Expect.isMatch (output.ReplaceLineEndings "\n") pattern args
        }
        test "shows every generation of a short run" {
            Expect.equal (generationsShown (succeed (small @ words "--generations 9"))) [ 1..9 ] "all"
        }
        test "shows a dozen generations of a long run, the first and the last among them" {
            let shown = generationsShown (succeed (small @ words "--generations 20000"))
            Expect.isTrue (shown.Length >= 10 && shown.Length <= 15) $"{shown.Length} rows"
            Expect.equal (List.head shown, List.last shown) (1, 20000) "ends"
            Expect.equal shown (List.sort shown |> List.distinct) "ascending"
        }
        test "says what was run and what came of it" {
            inFolder (fun folder ->
                let path = Path.Combine(folder, "run")
                let args = small @ words "--generations 400 --seed 7 --out" @ [ path ]
                let output = succeed args

                let digest =
                    (json (small @ words "--generations 400 --seed 7")).GetProperty("digest").GetString()

                for expected in
                    [
                        "fully-synthetic · zipf:30:1.0 · n = 12 · seed 7"
                        "over all 200 contexts"
                        $"digest         {digest}"
                        $"results        {path}"
                        "engine         cpu"
                    ] do
                    Expect.stringContains output expected "summary")
        }
        test "says tokens, contexts and survivors of a corpus" {
            withText text (fun path ->
                let output = succeed [ "run"; "--corpus"; path; "--order"; "2"; "--until-collapse" ]

                for expected in
                    [
                        $"{text.Length} tokens (chars)"
                        "order 2"
                        "survivors"
                        "\"a\""
                        "by tokens"
                    ] do
                    Expect.stringContains output expected "summary")
        }
        test "names survivors that would not show" {
            Expect.equal (Figures.Quoted "a\n\t\"\u0001") "\"a\\n\\t\\\"\\u0001\"" "visible"
        }
        test "rounds percentages to none and all only where that is so" {
            let cases =
                [
                    0.0, "0"
                    1e-9, "<0.1"
                    0.1234, "12.3"
                    0.99999, ">99.9"
                    1.0, "100"
                    nan, "-"
                ]

            for fraction, expected in cases do
                Expect.equal (Figures.Percent fraction) expected $"{fraction}"
        }
        test "progress goes to standard error, a line now and then" {
            use output = new StringWriter()
            use error = new StringWriter()
            let screen = Screen(output, error, BetweenLines = TimeSpan.FromMilliseconds 5.0)
            use shown = new ManualResetEventSlim()

            let state () =
                if (string error).Contains "left" then
                    shown.Set()

                ProgressState(Nullable 0.25, "1.00 M draws/s")

            let result =
                ProgressView.Watch(
                    screen,
                    "training",
                    state,
                    fun () ->
                        Expect.isTrue (shown.Wait(TimeSpan.FromSeconds 20.0)) "a line within time"
                        42
                )

            Expect.equal result 42 "the work's result"
            Expect.isMatch (string error) @"^training: 25.0%, 1.00 M draws/s, .+ left" "percent, rate and time left"
            Expect.equal (string output) "" "standard output stays empty"
        }
        test "help names every option, its values and defaults, and gives examples" {
            let help = succeed [ "run"; "--help" ]

            for option in
                words
                    "--scenario --prior --corpus --tokenizer --order --heldout --contexts --samples --real --window --generations --until-collapse --max-generations --engine --threads --chunk --seed --trace --out --json" do
                Expect.stringContains help $"  {option}" "listed"

            for expected in
                [
                    "uniform:S"
                    "recent-models"
                    "cl100k"
                    "opencl[:i]"
                    "[default: 1]"
                    "Examples:"
                ] do
                Expect.stringContains help expected "explained"

            Expect.stringContains (succeed []) "Examples:" "no command"
            Expect.equal (succeed [ "--help" ]) (succeed []) "help is what no command shows"
            Expect.stringStarts (succeed [ "--version" ]) "collapse 0." "version"
        }
        test "devices lists engines and says why one cannot be used" {
            let output = succeed [ "devices" ]
            Expect.isMatch output @"(?m)^ *cpu .* yes *$" "cpu"
            Expect.isMatch output @"(?m)^ *cuda(:0 .* yes|.* no: .+)" "cuda, or why not"
            Expect.isMatch output @"(?m)^ *opencl(:0 .* (yes|no: .+)|.* no: .+)" "opencl, or why not"
        }
    ]

// ---- the process itself

let private program = typeof<Figures>.Assembly.Location

let private start (args: string list) =
    let info =
        ProcessStartInfo(
            "dotnet",
            program :: args,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false
        )

    match Process.Start info with
    | null -> failtest "dotnet did not start"
    | child -> child

let private signal (name: string) (child: Process) =
    use kill = Process.Start("kill", [ $"-{name}"; string child.Id ])
    kill.WaitForExit()

let private waitFor (what: string) (condition: unit -> bool) =
    Expect.isTrue (SpinWait.SpinUntil(condition, TimeSpan.FromSeconds 30.0)) what

let private processTests =
    [
        for name in [ "INT"; "TERM" ] do
            test $"SIG{name} ends a run after the generation at hand, and keeps what there is" {
                if OperatingSystem.IsWindows() then
                    skiptest "Windows has no kill"

                inFolder (fun folder ->
                    let path = Path.Combine(folder, "run")
                    // Hours of work, so that it cannot end by itself.
                    let args =
                        words
                            "run --prior zipf:1000:1.0 --samples 1000 --contexts 10000000 --generations 100 --chunk 100 --json --out"
                        @ [ path ]

                    use child = start args
                    let partial = Path.Combine(path, ".contexts.parquet.partial")
                    waitFor "the run begins" (fun () -> File.Exists partial)
                    Thread.Sleep 700
                    signal name child
                    let output = child.StandardOutput.ReadToEnd()
                    let error = child.StandardError.ReadToEnd()
                    child.WaitForExit()
                    Expect.equal child.ExitCode 130 "exit code"
                    Expect.stringContains error "collapse: interrupted: " "said"
                    let printed = JsonDocument.Parse(output).RootElement
                    let record = File.ReadAllText(Path.Combine(path, "run.json"))
                    let json = JsonDocument.Parse(record).RootElement
                    Expect.equal (json.GetProperty("status").GetString()) "interrupted" "marked"

                    Expect.equal
                        (json.GetProperty("digest").GetString())
                        (printed.GetProperty("digest").GetString())
                        "one result"

                    Expect.equal
                        (Directory.GetFileSystemEntries path |> Array.map Path.GetFileName |> Array.sort)
                        [| "contexts.parquet"; "generations.parquet"; "run.json"; "trace.parquet" |]
                        "a whole folder"

                    let count = DuckDb.query $"select count(*) from '{path}/contexts.parquet'"

                    let reported =
                        DuckDb.query $"select contexts from '{path}/generations.parquet' where generation = 1"

                    Expect.equal count reported "every trained context has its row"
                    Expect.isGreaterThan (Convert.ToInt64(List.head count[0])) 0L "something was trained")
            }
        test "a reader that goes away is not a crash" {
            if OperatingSystem.IsWindows() then
                skiptest "needs a POSIX shell"

            let command =
                $"dotnet '{program}' run --prior uniform:10 --samples 5 --generations 30 | true; echo \"${{PIPESTATUS[0]}}\""

            use child =
                match
                    Process.Start(
                        ProcessStartInfo(
                            "bash",
                            [ "-c"; command ],
                            RedirectStandardOutput = true,
                            RedirectStandardError = true
                        )
                    )
                with
                | null -> failtest "bash did not start"
                | child -> child

            let output = child.StandardOutput.ReadToEnd()
            Expect.equal (output.Trim(), child.StandardError.ReadToEnd()) ("0", "") "quiet success"
        }
        for name, command in
            [
                "run",
                "--scenario recent-models --window 3 --prior dirichlet:20:0.5 --contexts 50 --samples 9 --until-collapse --max-generations 300 --seed 5 --trace 1 --chunk 20 --threads 1 --report-at 2,30"
                "run of one-hot softmax models",
                "--prior zipf:20:1 --contexts 50 --samples 9 --refit gradient:7:1.5:0.25 --l2 0.001 --temperature 0.75 --top-k 12 --top-p 0.875 --until-collapse --max-generations 20 --chunk 20"
                "run of embedded softmax models",
                "--prior zipf:20:1 --contexts 9 --samples 9 --refit newton:0.01 --embedding gaussian:3 --generations 4 --seed 7"
            ] do
            test $"a command from run.json makes the {name} again" {
                inFolder (fun folder ->
                    let path = Path.Combine(folder, "run")
                    succeed (words $"run {command} --out" @ [ path ]) |> ignore

                    let json =
                        JsonDocument.Parse(File.ReadAllText(Path.Combine(path, "run.json"))).RootElement

                    match words (json.GetProperty("command").GetString() |> nonNull) with
                    | "collapse" :: again ->
                        let outcome = JsonDocument.Parse(succeed (again @ [ "--json" ])).RootElement

                        Expect.equal
                            (outcome.GetProperty("digest").GetString())
                            (json.GetProperty("digest").GetString())
                            "digest"
                    | other -> failtest $"{other} does not begin with collapse")
            }
        test "an interruption while the corpus is read leaves nothing" {
            withText text (fun corpus ->
                inFolder (fun folder ->
                    let path = Path.Combine(folder, "run")
                    use source = new CancellationTokenSource()
                    source.Cancel()
                    let args = [ "run"; "--corpus"; corpus; "--generations"; "3"; "--out"; path ]
                    let outcome = invokeUntil source.Token args

                    Expect.equal
                        (outcome.ExitCode, outcome.Error.TrimEnd(), outcome.Output)
                        (130, "collapse: interrupted before the run began; nothing was written", "")
                        "said"

                    Expect.isEmpty (Directory.GetFileSystemEntries folder) "nothing written"))
        }
        test "what nobody expected is one line with a hint, exit code 1" {
            use error = new StringWriter()

            use output =
                { new StringWriter() with
                    override _.Write(_: string | null) : unit = raise (IOException "the disk\nis gone")
                }

            let args = List.toArray (small @ words "--generations 2 --json")
            let exitCode = CommandLine.Invoke(args, output, error, CancellationToken.None)

            Expect.equal
                (exitCode, (string error).TrimEnd())
                (1, "collapse: the disk is gone; check the disk and its permissions")
                "line"

            Expect.equal
                (CommandLine.Explain(InvalidOperationException "odd"))
                "unexpected InvalidOperationException: odd; set COLLAPSE_STACKTRACE=1 to see where"
                "hint"
        }
    ]

[<Tests>]
let tests =
    testList
        "command line"
        [
            testList "json" jsonTests
            testList "report" reportTests
            testList "process" processTests
        ]
