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

// ---- the command line, in this process

type private Outcome =
    {
        ExitCode: int
        Output: string
        Error: string
    }

let private invokeUntil (cancellation: CancellationToken) (args: string list) =
    use output = new StringWriter()
    use error = new StringWriter()
    let exitCode = CommandLine.Invoke(List.toArray args, output, error, cancellation)

    {
        ExitCode = exitCode
        Output = string output
        Error = string error
    }

let private invoke args = invokeUntil CancellationToken.None args

let private words (line: string) =
    line.Split(' ', StringSplitOptions.RemoveEmptyEntries) |> List.ofArray

let private succeed args =
    let outcome = invoke args
    Expect.equal (outcome.ExitCode, outcome.Error) (0, "") "no complaint"
    outcome.Output

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
                        "over 200 contexts"
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

// ---- bad input: one line, exit code 2, nothing written

let private cannotBe (args: string list) (message: string) =
    inFolder (fun folder ->
        let path = Path.Combine(folder, "run")
        let outcome = invoke (List.head args :: "--out" :: path :: List.tail args)
        Expect.equal outcome.Error $"collapse: {message}{Environment.NewLine}" "one line"
        Expect.equal outcome.ExitCode 2 "exit code"
        Expect.equal outcome.Output "" "standard output"
        Expect.isEmpty (Directory.GetFileSystemEntries folder) "nothing written")

let private refused (line: string) (message: string) =
    test $"{line}" { cannotBe (words line) message }

let private prior more = $"run --prior uniform:10 {more}"

let private run more =
    prior $"--samples 5 --generations 3 {more}"

let private unknownNames =
    [
        refused "walk" "command walk: must be one of run, devices; see 'collapse --help'"
        refused "rum --json" "command rum: must be one of run, devices; did you mean run? See 'collapse --help'"
        refused
            (run "--sample 5")
            "option --sample: must be an option of 'collapse run'; did you mean --samples? See 'collapse run --help'"
        refused (run "extra") "argument extra: must follow the option it belongs to; see 'collapse run --help'"
        refused
            (run "--scenario synthetic")
            "--scenario synthetic: must be one of fully-synthetic, partially-synthetic, recent-models, random-models; choose one of these; any other schedule can be given as Scenario.Custom from code"
        refused
            "run --prior gauss:10 --samples 5 --generations 3"
            "--prior gauss:10: must be uniform:S, zipf:S:EXPONENT, power:S:SUPPORT:S0, dirichlet:S:ALPHA or file:PATH; spell the prior in one of these forms"
        refused
            (run "--engine gpu")
            "--engine gpu: must be auto, cpu, reference, cuda, cuda:I, opencl or opencl:I; run 'collapse devices' to see what is there"
    ]

let private outOfRange =
    [
        refused
            (prior "--generations 3 --samples 0")
            "--samples 0: must lie in 1 to 2,147,483,647, or matched; choose the sample size n"
        refused
            (prior "--generations 3 --samples 2147483648")
            "--samples 2147483648: must lie in 1 to 2,147,483,647, or matched; choose the sample size n"
        refused
            (prior "--generations 3 --samples -1")
            "--samples -1: must lie in 1 to 2,147,483,647, or matched; choose the sample size n"
        refused
            (prior "--generations 3 --samples 1e3")
            "--samples 1e3: must be a whole number in 1 to 2,147,483,647, or matched; choose the sample size n"
        refused
            (run "--scenario partially-synthetic --real 0")
            "--real 0: must lie in 1 to 2,147,483,647; choose the number of real tokens N"
        refused
            (run "--scenario recent-models --window 0")
            "--window 0: must lie in 1 to 1,000,000; give the number of most recent models that each generation learns from"
        refused
            (prior "--samples 5 --generations 0")
            "--generations 0: must lie in 1 to 100,000,000; choose the last generation"
        refused
            (prior "--samples 5 --until-collapse --max-generations 100000001")
            "--max-generations 100000001: must lie in 1 to 100,000,000; choose the last generation"
        refused (run "--contexts 0") "--contexts 0: must lie in 1 to 4,294,967,295; choose the number of contexts c"
        refused
            (run "--contexts 4294967296")
            "--contexts 4294967296: must lie in 1 to 4,294,967,295; choose the number of contexts c"
        refused (run "--threads 0") "--threads 0: must lie in 1 to 1,024; choose the number of threads"
        refused
            (run "--chunk 0")
            "--chunk 0: must lie in 1 to 16,777,216; choose how many contexts are handled at a time"
        refused (run "--trace -1") "--trace -1: must lie in 0 to 1,000,000; choose how many contexts are traced"
        refused
            (run "--seed -1")
            "--seed -1: must be a whole number in 0 to 18,446,744,073,709,551,615; choose any of these; equal seeds give equal results"
        refused
            "run --prior uniform:0 --samples 5 --generations 3"
            "--prior uniform:0: S must be a whole number in 1 to 2147483647; change S"
        refused
            "run --prior zipf:10:nan --samples 5 --generations 3"
            "--prior zipf:10:nan: EXPONENT must lie in 0 to 20; change EXPONENT"
        refused
            "run --prior power:600:52:0.01 --samples 5 --generations 3"
            "--prior power:600:52:0.01: S0 must lie in 0.0192308 to 1; change S0"
        refused
            "run --prior power:50:52:0.1 --samples 5 --generations 3"
            "--prior power:50:52:0.1: SUPPORT must be a whole number in 1 to 50; change SUPPORT"
        refused
            "run --prior dirichlet:10:0 --samples 5 --generations 3"
            "--prior dirichlet:10:0: ALPHA must lie in 0.0001 to 1E+09; change ALPHA"
    ]

let private inconsistent =
    [
        refused
            "run --samples 5 --generations 3"
            "--prior (missing): exactly one of --prior and --corpus must be given; name the truth once: a prior such as zipf:200000:1.0, or a corpus file"
        refused
            (run "--corpus book.txt")
            "--corpus book.txt: does not go with --prior: the truth is one of the two; leave one of them out"
        refused
            (prior "--generations 3")
            "--samples (missing): is required with --prior; give --samples N, the tokens that each model gives the next generation"
        refused
            (prior "--samples matched --generations 3")
            "--samples matched: needs a corpus: only there has each context its own amount of real data; give a number"
        refused
            (prior "--samples 5")
            "--generations (missing): one of --generations and --until-collapse must be given; give --generations G, or --until-collapse"
        refused
            (run "--until-collapse")
            "--generations 3: does not go with --until-collapse; leave one of them out; --max-generations G limits a run until collapse"
        refused
            (run "--max-generations 9")
            "--max-generations 9: needs --until-collapse; add --until-collapse, or give --generations G instead"
        refused
            (prior "--samples 5 --until-collapse --scenario random-models")
            "--max-generations (missing): is required with --until-collapse by random-models, where collapse is not certain; give --max-generations G"
        refused
            (run "--scenario recent-models")
            "--window (missing): is required by recent-models; give --window K, the number of most recent models that each generation learns from"
        refused
            (run "--window 2")
            "--window 2: does not apply to fully-synthetic; leave it out, or choose --scenario recent-models"
        refused
            (run "--scenario recent-models --window 4")
            "--window 4: must be at most the number of generations 3; lower --window or raise --generations"
        refused
            (prior "--samples 3 --generations 9 --scenario recent-models --window 4")
            "--samples 3: must be at least the window 4, so that each model gives a token; raise --samples or lower --window"
        refused
            (run "--scenario partially-synthetic")
            "--real (missing): is required by partially-synthetic with a prior; give --real N, the number of real tokens kept in every training set"
        refused (run "--real 5") "--real 5: does not apply to fully-synthetic, which keeps no real tokens; leave it out"
        refused (run "--order 2") "--order 2: needs --corpus; leave it out, or give --corpus FILE"
        refused (run "--tokenizer words") "--tokenizer words: needs --corpus; leave it out, or give --corpus FILE"
        refused (run "--heldout x.txt") "--heldout x.txt: needs --corpus; leave it out, or give --corpus FILE"
        refused (run "--seed --json") "--seed (no value): needs a value: S; see 'collapse run --help'"
        refused (run "--json --seed") "--seed (no value): needs a value: S; see 'collapse run --help'"
        refused (run "--samples 6") "--samples 5 6: must be given once, with one value; leave the others out"
    ]

let private weights =
    [
        for name, content, complaint in
            [
                "negative",
                "1\n-2\n",
                "weight 2 of the weights is -2, must be finite and not negative; mend that weight"
                "NaN", "1\nNaN\n", "weight 2 of the weights is NaN, must be finite and not negative; mend that weight"
                "infinite",
                "1 2\n3 Infinity\n",
                "weight 2 of row 2 is Infinity, must be finite and not negative; mend that weight"
                "zero",
                "0\n0\n",
                "the weights add up to 0, must be positive and finite; give at least one positive weight"
                "not numbers",
                "1\ntwo\n",
                "line 2 holds 'two', must be a number; write weights as decimal numbers with a point"
                "ragged",
                "1 2 3\n1 2\n",
                "row 2 has 2 weights, the longest 3; give every context as many weights, zeros included"
                "no weights", "# none\n", "must hold at least one weight; write one weight a line"
            ] do
            test $"weights that are {name}" {
                withText content (fun path ->
                    cannotBe
                        [ "run"; "--prior"; $"file:{path}"; "--samples"; "5"; "--generations"; "3" ]
                        $"--prior file:{path}: {complaint}")
            }
        test "contexts that contradict the rows of a file" {
            withText "1 2\n3 4\n" (fun path ->
                cannotBe
                    ([ "run"; "--prior"; $"file:{path}" ]
                     @ words "--contexts 3 --samples 5 --generations 3")
                    "--contexts 3: must be 2, the rows of the weights file; leave it out or correct it")
        }
    ]

let private corpora =
    let corpus path more =
        [ "run"; "--corpus"; path; "--generations"; "3" ] @ words more

    let refusedText name bytes more (message: string -> string) =
        test name { withBytes bytes (fun path -> cannotBe (corpus path more) (message path)) }

    [
        test "a corpus that is missing" {
            inFolder (fun folder ->
                let path = Path.Combine(folder, "none.txt")

                cannotBe
                    (corpus path "")
                    $"--corpus {path}: must be a file, and there is none of this name; check the path, which starts from {Environment.CurrentDirectory} unless it is absolute")
        }
        refusedText "a corpus that is empty" [||] "" (fun path ->
            $"--corpus {path}: must contain text, and is empty; name a file with text")
        refusedText "a corpus shorter than the order" "abc"B "--order 3" (fun _ ->
            "--order 3: must lie in 0 to 2 (the corpus has 3 tokens); choose a smaller order or a longer corpus")
        refusedText "a corpus that is not UTF-8" [| 97uy; 98uy; 255uy; 99uy |] "" (fun path ->
            $"--corpus {path}: must be UTF-8, and the bytes from offset 2 (counted from 0) are not; convert the file to UTF-8, or remove these bytes")
        refusedText "an order below 0" "abc"B "--order -1" (fun _ ->
            "--order -1: must lie in 0 to 2,147,483,647; choose the number of tokens in a context")
        refusedText "an unknown tokenizer" "abc"B "--tokenizer letters" (fun _ ->
            "--tokenizer letters: must be one of chars, words, cl100k, o200k; choose one of these names")
        refusedText "a number of contexts with a corpus" "abc"B "--contexts 5" (fun _ ->
            "--contexts 5: does not apply to a corpus, whose contexts are its n-grams; leave it out")
        refusedText "a number of real tokens with a corpus" "abc"B "--real 5" (fun _ ->
            "--real 5: does not apply to a corpus, whose own tokens are the real data; leave it out")
        refusedText "matched samples below the window" "abcabd"B "--scenario recent-models --window 2" (fun _ ->
            "--samples 1: leaves a training set of recent-models empty in a context with 1 samples; give --samples a number of at least the window")
        test "a held-out text that is not UTF-8" {
            withText "abc" (fun path ->
                withBytes [| 97uy; 255uy |] (fun heldOut ->
                    cannotBe
                        (corpus path "" @ [ "--heldout"; heldOut ])
                        $"--heldout {heldOut}: must be UTF-8, and the bytes from offset 1 (counted from 0) are not; convert the file to UTF-8, or remove these bytes"))
        }
    ]

let private places =
    [
        test "a device that is absent" {
            let outcome = invoke (words (run "--engine opencl:77"))
            Expect.equal outcome.ExitCode 2 "exit code"

            Expect.isMatch
                outcome.Error
                @"^collapse: --engine opencl:77: must name a device that is present \(.+\); run 'collapse devices' to see what is there, or use --engine cpu\r?\n$"
                "message"
        }
        test "an output folder that exists" {
            withText "mine" (fun path ->
                let folder = Path.GetDirectoryName path |> nonNull
                let outcome = invoke (words (run "--out") @ [ folder ])
                Expect.equal outcome.ExitCode 2 "exit code"

                Expect.equal
                    (outcome.Error.TrimEnd())
                    $"collapse: --out {folder}: must not exist yet: a run folder is never overwritten; name a new folder, or move this one away"
                    "message"

                Expect.equal (Directory.GetFileSystemEntries folder) [| path |] "untouched")
        }
        test "an output folder that cannot be written" {
            withText "mine" (fun path ->
                let below = Path.Combine(path, "run")
                let outcome = invoke (words (run "--out") @ [ below ])

                Expect.equal
                    (outcome.ExitCode, outcome.Error.TrimEnd())
                    (2,
                     $"collapse: --out {below}: must be a folder that can be created, and cannot: {path} is a file; name a folder in a place you can write to")
                    "message")
        }
        test "a run that would not fit into memory" {
            let outcome =
                invoke (
                    words "run --prior uniform:10 --samples 2000000000 --generations 99999 --scenario random-models"
                )

            Expect.equal outcome.ExitCode 2 "exit code"

            Expect.isMatch
                outcome.Error
                @"^collapse: --samples 2000000000: the run would take [\d.]+ GiB of memory, more than the [\d.]+ GiB there are; lower --samples, or --generations or --window: a context keeps 99998 earlier training sets\r?\n$"
                "message"
        }
        refused
            "run --prior uniform:10 --samples 2000000000 --real 2000000000 --scenario partially-synthetic --generations 3"
            "--samples 4000000000: a training set must have at most 2,147,483,647 tokens, or its sum of squares would overflow 64 bits; lower --samples or --real"
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
        test "a command from run.json makes the run again" {
            inFolder (fun folder ->
                let path = Path.Combine(folder, "run")

                let args =
                    words "run --scenario recent-models --window 3 --prior dirichlet:20:0.5 --contexts 50 --samples 9"
                    @ words "--until-collapse --max-generations 300 --seed 5 --trace 1 --chunk 20 --threads 1 --out"
                    @ [ path ]

                succeed args |> ignore

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
            testList
                "bad input"
                [
                    testList "unknown names" unknownNames
                    testList "out of range" outOfRange
                    testList "inconsistent" inconsistent
                    testList "weights" weights
                    testList "corpora" corpora
                    testList "places and sizes" places
                ]
            testList "process" processTests
        ]
