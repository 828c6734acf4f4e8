/// What the command line refuses: one line, exit code 2, nothing written.
module Collapse.Tests.BadInputTests

open System
open System.IO
open Expecto
open Collapse.Tests.Texts
open Collapse.Tests.Invocation

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
        refused "walk" "command walk: must be one of run, theory, plan, devices; see 'collapse --help'"
        refused
            "rum --json"
            "command rum: must be one of run, theory, plan, devices; did you mean run? See 'collapse --help'"
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
            "--window 0: must lie in 1 to 4,096; give the number of most recent models that each generation learns from"
        refused
            (prior "--samples 5 --generations 0")
            "--generations 0: must lie in 1 to 100,000,000; choose the last generation"
        refused
            (prior "--samples 5 --until-collapse --max-generations 100000001")
            "--max-generations 100000001: must lie in 1 to 100,000,000; choose the last generation"
        refused
            (run "--report-at 0")
            "--report-at 0: must lie in 1 to 100,000,000, or geometric:K; list generations such as 1,10,100, or give geometric:20"
        refused
            (run "--report-at 1,,3")
            "--report-at '': must be a whole number in 1 to 100,000,000, or geometric:K; list generations such as 1,10,100, or give geometric:20"
        refused
            (run "--report-at 1,2.5")
            "--report-at 2.5: must be a whole number in 1 to 100,000,000, or geometric:K; list generations such as 1,10,100, or give geometric:20"
        refused
            (run "--report-at all")
            "--report-at all: must be a whole number in 1 to 100,000,000, or geometric:K; list generations such as 1,10,100, or give geometric:20"
        refused
            (run "--report-at geometric:0")
            "--report-at geometric:0: K must be a whole number in 1 to 1,000; choose how many generations of a decade are reported, as in geometric:20"
        refused
            (run "--report-at geometric:1001")
            "--report-at geometric:1001: K must be a whole number in 1 to 1,000; choose how many generations of a decade are reported, as in geometric:20"
        refused
            (run "--report-at geometric:1.5")
            "--report-at geometric:1.5: K must be a whole number in 1 to 1,000; choose how many generations of a decade are reported, as in geometric:20"
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
            (run "--report-at 1,3,2")
            "--report-at 3,2: must be in ascending order; list each generation once, the first of them first"
        refused
            (run "--report-at 2,2")
            "--report-at 2,2: must be in ascending order; list each generation once, the first of them first"
        refused
            (run "--report-at 1,2,4")
            "--report-at 4: must be at most the last generation 3; leave it out, or raise --generations"
        refused
            (prior "--samples 5 --until-collapse --max-generations 9 --report-at 10")
            "--report-at 10: must be at most the last generation 9; leave it out, or raise --max-generations"
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

let private softmax =
    let gradient = "--refit gradient:5:1"

    [
        for value, complaint in
            [
                "best",
                "must be closed, smoothed:LAMBDA, gradient:STEPS:RATE, gradient:STEPS:RATE:MOMENTUM or newton:TOL; spell the refit in one of these forms"
                "gradient:5",
                "must be closed, smoothed:LAMBDA, gradient:STEPS:RATE, gradient:STEPS:RATE:MOMENTUM or newton:TOL; spell the refit in one of these forms"
                "gradient:0:1", "STEPS must be a whole number in 1 to 10,000,000; change STEPS"
                "gradient:5:0", "RATE must lie above 0 to 1e9; 1 is a good rate"
                "gradient:5:1:1", "MOMENTUM must lie in 0 to 0.9999; leave it out for none"
                "newton:2", "TOL must lie in 1e-12 to 1; it is the gradient norm to reach"
                "smoothed:0", "LAMBDA must lie above 0 to 1e9; use closed for 0"
            ] do
            refused (run $"--refit {value}") $"--refit {value}: {complaint}"
        refused
            (run $"{gradient} --embedding gauss:3")
            "--embedding gauss:3: must be onehot or gaussian:D; spell the embedding in one of these forms"
        refused
            (run $"{gradient} --embedding gaussian:0")
            "--embedding gaussian:0: D must lie in 1 to 4,096; choose the dimension D"
        refused
            (run $"{gradient} --embedding gaussian:4097")
            "--embedding gaussian:4097: D must lie in 1 to 4,096; choose the dimension D"
        refused
            (run "--temperature hot")
            "--temperature hot: must be a number; write it with a decimal point, as in 0.7"
        refused
            (run "--temperature 0")
            "--temperature 0: must lie in 1E-06 to 1000000; choose the temperature T; --top-k 1 always takes the most probable token"
        refused
            (run "--top-k 0")
            "--top-k 0: must lie in 1 to 2,147,483,647; choose how many tokens are kept, or leave it out to keep all"
        refused
            (run "--top-p 1.1")
            "--top-p 1.1: must be above 0 and at most 1; choose the mass that is kept, or leave it out to keep all"
        refused (run $"{gradient} --l2 -1") "--l2 -1: must lie in 0 to 1e6; 0 is no penalty"
        refused
            (run "--l2 0.1")
            "--l2 0.1: needs a refit by steps, and closed has none; leave it out, or choose --refit gradient:STEPS:RATE or newton:TOL"
        for refit in [ "closed"; "smoothed:1" ] do
            refused
                (run $"--refit {refit} --embedding gaussian:2")
                $"--refit {refit}: must be gradient:STEPS:RATE or newton:TOL where contexts are embedded; give one of these; the closed forms need --embedding onehot"
        refused
            (run $"{gradient} --engine reference")
            "--engine reference: must be auto or cpu where models are trained or sampled otherwise than in closed form (here --refit gradient:5:1); leave it out: auto takes the cpu for such models"
        refused
            (run "--top-k 3 --engine cuda:1")
            "--engine cuda:1: must be auto or cpu where models are trained or sampled otherwise than in closed form (here --refit closed, a temperature, top-k or top-p); leave it out: auto takes the cpu for such models"
        refused
            (prior $"--samples 5 --until-collapse {gradient}")
            "--max-generations (missing): is required with --until-collapse where models are not the closed form: their collapse may take for ever; give --max-generations G"
        refused
            (prior $"--samples 5 --until-collapse --max-generations 9 {gradient} --embedding gaussian:2")
            "--until-collapse (given): does not go with --embedding gaussian:2: contexts that share parameters are trained together, and none can leave; give --generations G instead"
        refused
            (run $"--contexts 9 --chunk 8 {gradient} --embedding gaussian:2")
            "--chunk 8: does not go with --embedding gaussian:2: contexts that share parameters are trained together; leave it out"
        refused
            (run $"--contexts 16777217 {gradient} --embedding gaussian:2")
            "--contexts 16777217: gives 16,777,217 contexts, and at most 16,777,216 can share parameters; choose fewer contexts, or --embedding onehot"
        refused
            $"run --prior uniform:100000 --contexts 1000000 --samples 10000 --generations 2 {gradient} --embedding gaussian:2"
            "--contexts 1000000: gives training sets of up to 10,000,000,000 entries, of at most 2,147,483,591 for contexts that share parameters; choose fewer contexts, or lower --samples"
        refused
            $"run --prior uniform:1000000 --contexts 1000 --samples 10000 --generations 2 {gradient} --embedding gaussian:4096"
            "--embedding gaussian:4096: takes 4,096,000,000 numbers, of at most 2,146,435,015; choose a smaller dimension"
        refused
            (prior $"--samples 5 --generations 1048577 --scenario random-models {gradient}")
            "--generations 1048577: must be at most 1,048,576 for softmax models of random-models; choose fewer generations"
        test "a refit that diverges fails the run in one line, and its folder says so" {
            inFolder (fun folder ->
                let path = Path.Combine(folder, "run")

                let outcome =
                    invoke (
                        words "run --prior uniform:10 --samples 100 --generations 3 --refit gradient:20:1000"
                        @ [ "--out"; path ]
                    )

                Expect.equal outcome.ExitCode 2 "exit code"

                Expect.isMatch
                    outcome.Error
                    @"^collapse: the run failed; what was done until then is in .+\r?\ncollapse: --refit gradient:20:1000: diverged in generation 1, context 0, loss [\d.]+ at step \d+ after 2.303 at the start; choose a RATE below 4\r?\n$"
                    "message"

                Expect.stringContains (File.ReadAllText(Path.Combine(path, "run.json"))) "\"status\": \"failed\"" "")
        }
        test "a model that would not fit into memory" {
            let outcome =
                invoke (
                    words
                        "run --prior uniform:500000 --samples 500000 --generations 900 --scenario random-models --refit newton:1e-3 --embedding gaussian:4096"
                )

            Expect.equal outcome.ExitCode 2 "exit code"

            Expect.isMatch
                outcome.Error
                @"^collapse: --embedding gaussian:4096: the run would take [\d.]+ GiB of memory, more than the [\d.]+ GiB that a run may take here; choose a smaller dimension or vocabulary, or --generations or --window: 899 models are kept\r?\n$"
                "message"
        }
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
            "--samples matched: leaves a training set of recent-models empty in a context with 1 samples; give --samples a number of at least the window")
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
                @"^collapse: --samples 2000000000: the run would take [\d.]+ GiB of memory, more than the [\d.]+ GiB that a run may take here; lower --samples, or --generations or --window: a context keeps 99998 earlier training sets\r?\n$"
                "message"
        }
        refused
            "run --prior uniform:10 --samples 2000000000 --real 2000000000 --scenario partially-synthetic --generations 3"
            "--samples 4000000000: a training set must have at most 2,147,483,647 tokens, or its sum of squares would overflow 64 bits; lower --samples or --real"
    ]

[<Tests>]
let tests =
    testList
        "bad input"
        [
            testList "unknown names" unknownNames
            testList "out of range" outOfRange
            testList "inconsistent" inconsistent
            testList "softmax models" softmax
            testList "weights" weights
            testList "corpora" corpora
            testList "places and sizes" places
        ]
