/// The benchmarks measure what they say: the same work, the same random words, the same law. No time is tested.
module Collapse.Tests.BenchmarkTests

open System
open System.IO
open System.Text.Json
open Expecto
open Collapse.Benchmarks
open Collapse.Engines
open Collapse.Engines.Cpu
open Collapse.Kernels
open Collapse.Model
open Collapse.Running
open Collapse.Tests.Runs

// ---- the program

type private Bench =
    {
        ExitCode: int
        Output: string
        Error: string
        Json: JsonElement
    }

let private bench (args: string) =
    let json = Path.GetTempFileName()

    try
        use output = new StringWriter()
        use error = new StringWriter()

        let exitCode =
            BenchmarkCommand.Invoke(Array.append (args.Split ' ') [| "--json"; json |], output, error)

        {
            ExitCode = exitCode
            Output = string output
            Error = string error
            Json =
                match File.ReadAllText json with
                | "" -> JsonElement()
                | text -> JsonDocument.Parse(text).RootElement
        }
    finally
        File.Delete json

let private items (json: JsonElement) (name: string) =
    List.ofSeq (json.GetProperty(name).EnumerateArray())

let private text (json: JsonElement) (name: string) =
    json.GetProperty(name).GetString() |> string

let private contenders job = items job "contenders"

let private ofKind kind job =
    contenders job |> List.filter (fun c -> text c "kind" = kind)

let private programTests =
    [
        test "a tiny run prints its tables and writes them as JSON" {
            let run =
                bench "--jobs A,C,G --scale tiny --repeats 1 --engines cpu,reference --peers none"

            Expect.equal run.ExitCode 0 run.Error
            let jobs = items run.Json "jobs"
            Expect.equal [ for job in jobs -> text job "name" ] [ "A"; "C"; "C-tenth"; "G" ] "all parts of the jobs"

            for job in jobs do
                Expect.stringContains run.Output $"""{text job "name"}: {text job "title"}""" "a table"

                for contender in contenders job do
                    Expect.equal (contender.GetProperty("seconds").GetArrayLength()) 1 "one run"
                    Expect.isGreaterThan (contender.GetProperty("medianSeconds").GetDouble()) 0.0 "timed"

                // The samplers draw differently, each the same on every engine.
                let digestsOf isCounts =
                    [
                        for engine in ofKind "Engine" job do
                            if (text engine "name").EndsWith "counts" = isCounts then
                                text engine "digest"
                    ]
                    |> List.distinct

                let untilCollapse = (text job "name").StartsWith "C"
                Expect.equal (digestsOf false).Length 1 "all engines did the same work"
                Expect.equal (digestsOf true).Length (if untilCollapse then 1 else 0) "and with counts"
                Expect.isNonEmpty (ofKind "Ceiling" job) "with its ceiling"

            Expect.equal (run.Json.GetProperty("machine").GetProperty("cores").GetInt32()) Environment.ProcessorCount ""
        }
        test "what is absent is named, with the reason" {
            let run =
                bench
                    "--jobs A --scale tiny --repeats 1 --engines cpu,cuda:99 --peers numpy,torch --python no-such-python"

            Expect.equal run.ExitCode 0 run.Error
            let absent = items run.Json "absent"

            Expect.equal
                [ for missing in absent -> text missing "name" ]
                [ "numpy"; "libtorch"; "torch"; "cuda:99" ]
                "all of them"

            for missing in absent do
                Expect.stringContains
                    run.Output
                    $"""absent: {text missing "name"}: {text missing "reason"}"""
                    "in the output too"
        }
        for args, message in
            [
                "--jobs A,X", "--jobs X: must be one of A to G; see --list"
                "--scale 1", "--scale 1: must be full, quick or tiny; choose one of these"
                "--repeats 0", "--repeats 0: must lie in 1 to 1,000; choose a number of runs"
                "--peers matlab", "--peers matlab: must be numpy, cupy, torch or none; see --list"
            ] do
            test $"{args} is refused" {
                let run = bench args
                Expect.equal (run.ExitCode, run.Error.Trim(), run.Output) (2, $"bench: {message}", "") ""
            }
    ]

// ---- peers

let private numpy =
    lazy
        ([ "python3"; "/usr/bin/python3" ]
         |> List.tryPick (fun python ->
             try
                 let folder = Path.Combine(AppContext.BaseDirectory, "peers")
                 use peer = PeerProcess.Start(python, Path.Combine(folder, "array_peer.py"))
                 Some(python, peer.Identity.Version)
             with :? AbsentException ->
                 None))

let private peerTests =
    [
        test "NumPy samples the same law in every form" {
            match numpy.Value with
            | None -> skiptest "no Python with NumPy"
            | Some(python, _) ->
                let run =
                    bench $"--jobs A,B,C,D,F,G --scale tiny --repeats 1 --engines cpu --peers numpy --python {python}"

                Expect.equal run.ExitCode 0 run.Output

                for job in items run.Json "jobs" do
                    for peer in ofKind "Peer" job do
                        let what = $"""{text job "name"}, {text peer "form"}"""
                        Expect.equal (peer.GetProperty("absent").ValueKind) JsonValueKind.Null what

                        if not ((text peer "form").EndsWith "without observables") then
                            // A part of the generations of a run until collapse says nothing of its end.
                            let apart = peer.GetProperty "standardErrorsApart"
                            Expect.equal apart.ValueKind JsonValueKind.Number what
                            Expect.isLessThan (apart.GetDouble()) Agreement.Limit what
        }
        test "a peer that draws one token less is noticed" {
            let result n =
                (cpu (job Scenario.FullySynthetic (prior "uniform:52") 20_000 n 5 1UL)).Result

            let answer n =
                let result = result n
                let series = result[Collapse.Results.Observable.SumOfSquares]
                PeerAnswer(Contexts = 20_000L, Generation = 5, SumOfSquares = Nullable series.Mean[4])

            Expect.isLessThan (Agreement.Distance(answer 20, result 20).Value) 0.001 "itself"
            Expect.isGreaterThan (Agreement.Distance(answer 19, result 20).Value) Agreement.Limit "not itself"
        }
        test "a peer that ends one generation late is noticed" {
            let result =
                (cpu (collapseJob Scenario.FullySynthetic (prior "uniform:52") 20_000 10 1UL)).Result

            let answer shift =
                PeerAnswer(Collapsed = 20_000L, CollapseTime = Nullable(result.CollapseTimes.Mean + shift))

            Expect.isLessThan (Agreement.Distance(answer 0.0, result).Value) 0.001 "itself"
            Expect.isGreaterThan (Agreement.Distance(answer 1.0, result).Value) Agreement.Limit "not itself"
        }
    ]

// ---- ceilings

/// The words of a stretch of a stream, as the documentation says.
let private words seed context generation purpose blocks =
    [
        for block in 0 .. blocks - 1 do
            let stream = DrawStream(seed, uint32 context, uint32 generation, 0u, purpose)

            let b = stream.Block(uint32 block, 0u)
            yield! [ b.X0; b.X1; b.X2; b.X3 ]
    ]

let private laneSum (words: uint32 list) =
    words
    |> List.chunkBySize 2
    |> List.fold (fun sum pair -> sum + (uint64 pair[0] ||| (uint64 pair[1] <<< 32))) 0UL

/// Runs with the words they take, context by context: 64-bit lanes for the truth, 16-bit lanes for bounds 100
/// and 137, 32-bit lanes for bound 200, whose 16-bit lanes would lose too many.
let private ceilings =
    let stretch seed parts =
        List.concat
            [
                for c in 0..4 do
                    for generation, purpose, blocks in parts -> words seed c generation purpose blocks
            ]

    [
        "fully-synthetic",
        job Scenario.FullySynthetic (prior "uniform:52") 5 100 3 7UL,
        stretch 7UL [ 1, DrawPurpose.Truth, 50; 2, DrawPurpose.Index, 13; 3, DrawPurpose.Index, 13 ]
        "partially-synthetic",
        { job Scenario.PartiallySynthetic (prior "uniform:52") 5 100 3 8UL with
            Real = Some 3
        },
        // 65,536 mod 3 = 1 and 65,536 mod 103 = 28: 16-bit lanes; the second segment's number is in the stream.
        List.concat
            [
                for c in 0..4 do
                    yield words 8UL c 0 DrawPurpose.Truth 2

                    for m in 2..3 do
                        let stream = DrawStream(8UL, uint32 c, uint32 m, 1u, DrawPurpose.Index)

                        yield
                            [
                                for block in 0..12 do
                                    let b = stream.Block(uint32 block, 0u)
                                    yield! [ b.X0; b.X1; b.X2; b.X3 ]
                            ]
            ]
        "random-models",
        job Scenario.RandomModels (prior "uniform:52") 5 100 3 9UL,
        stretch
            9UL
            [
                for m in 1..3 do
                    m, DrawPurpose.MixtureSource, 13
                    m, DrawPurpose.MixtureIndex, 25
            ]
        "32-bit lanes",
        job Scenario.FullySynthetic (prior "uniform:52") 5 2000 2 7UL,
        stretch 7UL [ 1, DrawPurpose.Truth, 1000; 2, DrawPurpose.Index, 500 ]
    ]

let private ceilingTests =
    [
        for name, job, expected in ceilings do
            test $"the CPU's ceiling adds up the words of a run: {name}" {
                let plan = Planner.Plan(settings job)
                let last = Array.create 5 plan.LastGeneration

                for width in CpuEngine.Widths do
                    for threads in [ 1; 2 ] do
                        Expect.equal (CpuCeiling.Sum(plan, last, threads, width)) (laneSum expected) $"{width}"
            }
        test "a context that left takes no more words" {
            let _, job, _ = ceilings[0]
            let plan = Planner.Plan(settings job)

            let expected =
                words 7UL 0 1 DrawPurpose.Truth 50 @ words 7UL 1 1 DrawPurpose.Truth 50

            Expect.equal
                (CpuCeiling.Sum(plan, [| 1; 1; 0; 0; 0 |], 1, VectorWidth.Bits128))
                (laneSum expected)
                "two generations in all"
        }
        for kind in [ "opencl"; "cuda" ] do
            test $"a device's ceiling adds up as many words: {kind}" {
                match devices.Value |> List.filter (fun (name, _) -> name.StartsWith kind) with
                | (name, Ok _) :: _ ->
                    let _, job, _ = ceilings[0]
                    let plan = Planner.Plan(settings job)
                    use ceiling = new DeviceCeiling(name)
                    let mutable seconds = 0.0

                    // Its counters are those of indices, whatever the words are for.
                    let expected =
                        List.concat
                            [
                                for c in 0..4 do
                                    for m, blocks in [ 1, 50; 2, 13; 3, 13 ] do
                                        if m <= (if c = 4 then 1 else 3) then
                                            words 7UL c m DrawPurpose.Index blocks
                            ]

                    Expect.equal (ceiling.Sum(plan, [| 3; 3; 3; 3; 1 |], &seconds)) (List.fold (+) 0u expected) ""
                | (_, Error reason) :: _ -> skiptest reason
                | [] -> skiptest $"no {kind} is listed"
            }
    ]

// ---- allocation

let private allocationTests =
    let scenarios =
        [
            "fully-synthetic", Scenario.FullySynthetic
            "partially-synthetic", Scenario.PartiallySynthetic
            "recent-models", Scenario.RecentModels 3
        ]

    let settingsOf scenario =
        settings (job scenario (prior "zipf:300:1.0") 1 120 1 1UL)

    // A single object for each generation of each context would be 24 bytes.
    let limit = 2.0

    [
        for name, scenario in scenarios do
            test $"nothing is allocated in the generation loop: {name}" {
                use engine = new CpuEngine(1)

                Expect.isLessThan
                    (Allocation.PerContextGeneration(engine, settingsOf scenario))
                    limit
                    "bytes per context and generation"
            }
        test "an engine that allocates in its loop is noticed" {
            use engine = new ReferenceEngine()

            Expect.isGreaterThan
                (Allocation.PerContextGeneration(engine, settingsOf Scenario.FullySynthetic, 100))
                limit
                "the reference makes lists and dictionaries"
        }
    ]

[<Tests>]
let tests =
    testList
        "benchmarks"
        [
            testList "program" programTests
            testList "peers" peerTests
            testList "ceilings" ceilingTests
            // What other tests allocate meanwhile would count too.
            testSequencedGroup "allocation" (testSequenced (testList "allocation" allocationTests))
        ]
