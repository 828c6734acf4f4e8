/// One meaning, many engines: the same integers from each, and these are the model's.
module Collapse.Tests.EngineTests

open System
open System.Collections.Generic
open System.IO
open System.Threading
open System.Threading.Tasks
open Expecto
open Collapse.Engines
open Collapse.Engines.Cpu
open Collapse.Model
open Collapse.Priors
open Collapse.Results
open Collapse.Running
open Collapse.Tests.Texts
open Collapse.Tests.Runs
open Collapse.Tests.Cases

/// A schedule without regularity: several sources, fresh tokens now and then, some generations skipped.
let private irregular n =
    custom "irregular" (fun m ->
        match m with
        | 1 -> [ 0, n + 1 ]
        | 2 -> [ 1, n ]
        | m when m % 5 = 0 -> [ 0, 1 + n / 4; m - 1, n; 1, 3 ]
        | m when m % 3 = 0 -> [ m - 2, n; m - 1, 1 ]
        | m -> [ m - 1, n; max 1 (m - 4), 1 + n / 3 ])

let private scenarios =
    [
        "fully-synthetic", 1, (fun _ -> Scenario.FullySynthetic)
        "partially-synthetic", 1, (fun _ -> Scenario.PartiallySynthetic)
        "recent-models 3", 3, (fun _ -> Scenario.RecentModels 3)
        "random-models", 1, (fun _ -> Scenario.RandomModels)
        "custom", 1, irregular
    ]

let private withZeros =
    lazy
        (inFolder (fun folder ->
            let path = Path.Combine(folder, "weights.txt")
            File.WriteAllText(path, "# some tokens never occur\n0\n3\n0\n1e-9\n2.5\n0\n1\n0\n")
            prior $"file:{path}"))

let private priors =
    [
        "uniform:52", lazy (prior "uniform:52")
        "zipf:3000:1.1", lazy (prior "zipf:3000:1.1")
        "power:600:52:0.1", lazy (prior "power:600:52:0.1")
        "dirichlet:40:0.2", lazy (prior "dirichlet:40:0.2")
        "a file with zeros", withZeros
    ]

let private seeds = [ 1UL; UInt64.MaxValue; 0x123456789ABCDEF0UL; 1UL <<< 32 ]

/// Runs everything there is, against the reference. Says which devices are absent; they are tests of their own.
let private expectOneResult what job =
    let expected = reference job

    for i, width in Seq.indexed CpuEngine.Widths do
        for threads, chunk in [ 1, 1 + i; 2, 1000; 2, 7 - i ] do
            use engine = new CpuEngine(threads, width)

            let actual = run engine { job with Chunk = Some chunk }
            expectSame $"{what}: cpu, {int width} bits, {threads} threads, chunks of {chunk}" expected actual

    for name, device in devices.Value do
        match device with
        | Ok engine ->
            expectSame $"{what}: {name}" expected (runOn engine job)
            expectSame $"{what}: {name}, chunks of 3" expected (runOn engine { job with Chunk = Some 3 })
        | Error _ -> ()

    for name, engine in devicesInParts.Value do
        expectSame $"{what}: {name}" expected (runOn engine job)

    expected

let private priorTests =
    [
        for name, least, scenario in scenarios do
            for priorName, prior in priors do
                test $"{name}, {priorName}" {
                    for i, n in List.indexed [ 1; 7; 100; 443; 3000 ] do
                        if n >= least then
                            let contexts, generations = if n < 1000 then 9, 12 else 3, 5

                            let job =
                                job (scenario n) prior.Value contexts n generations seeds[i % seeds.Length]

                            let outcome = expectOneResult $"n = {n}" { job with Trace = 2 }
                            Expect.equal outcome.Result.Generation.Length generations "every generation"
                }
    ]

let private corpusTests =
    [
        for name, least, scenario in scenarios do
            for samples in [ None; Some 50 ] do
                let what =
                    match samples with
                    | None -> "matched"
                    | Some n -> $"n = {n}"

                // A window of 3 leaves nothing to a context with one or two tokens.
                if samples.IsSome || least = 1 then
                    test $"{name}, {what}" {
                        let outcome =
                            expectOneResult
                                what
                                { onCorpus (scenario 20) samples 10 5UL with
                                    Trace = 3
                                }

                        Expect.isNotNull (box outcome.Result.HeldOut) "held-out text is measured"
                    }
    ]

let private collapseTests =
    [
        test "fully-synthetic" {
            for n, contexts in [ 1, 5; 7, 20; 443, 4 ] do
                let job = collapseJob Scenario.FullySynthetic (prior "uniform:52") contexts n 3UL
                let outcome = expectOneResult $"n = {n}" job
                Expect.equal outcome.Result.CollapseTimes.Count (int64 contexts) "all collapse"
        }
        test "recent-models" {
            for window in [ 1; 2; 7 ] do
                let job =
                    collapseJob (Scenario.RecentModels window) (prior "power:600:52:0.1") 6 (3 * window) 4UL

                let outcome = expectOneResult $"window {window}" job
                Expect.equal outcome.Result.CollapseTimes.Censored 0L "all collapse"

                let last =
                    Seq.max (Seq.collect (fun (t: ContextTable) -> t.CollapseTime) outcome.Tables)

                Expect.equal (Seq.last outcome.Result.Generation) last "results end with the last context's T"
        }
        test "with a last generation" {
            for name, _, scenario in scenarios do
                let job =
                    { job (scenario 5) (prior "zipf:20:1.5") 25 5 9 5UL with
                        UntilCollapse = true
                    }

                let times = (expectOneResult name job).Result.CollapseTimes
                Expect.equal (times.Count + times.Censored) 25L "collapsed or not"
        }
        test "a corpus" {
            let job =
                { onCorpus Scenario.FullySynthetic None 1 6UL with
                    Generations = None
                    UntilCollapse = true
                }

            let outcome = expectOneResult "matched" job
            Expect.equal outcome.Result.CollapseTimes.Censored 0L "all collapse"
        }
    ]

/// Bounds at which few, but some, of the 32-bit lanes drawn here are rejected, and others if the threshold is wrong.
let private rejectionTests =
    [
        test "indices of training sets in shared memory" {
            // 2^16 mod 4,682 is 4,670 and 2^32 mod 4,682 is 144: ten lanes in 10^7 lie between.
            let job = job Scenario.FullySynthetic (prior "uniform:9") 10 4_682 200 70UL
            let expected = cpu job

            for name, device in devices.Value do
                match device with
                | Ok engine -> expectSame name expected (runOn engine job)
                | Error _ -> ()
        }
        test "indices of models chosen at random" {
            // 2^32 mod 48,145 is 48,136: eleven lanes in 10^6.
            let job = job Scenario.RandomModels (prior "uniform:9") 1 48_145 12 71UL
            expectSame "cpu" (reference job) (cpu job)
        }
        test "a kind more than a byte tells apart" {
            for kinds in [ 256; 257 ] do
                let job = job Scenario.FullySynthetic (prior $"uniform:{kinds}") 9 2_048 3 72UL

                let outcome = cpu job
                let first = outcome.Result[Observable.Support].Maximum[0]
                Expect.equal first (float kinds) "some context has all kinds"
                expectSame $"{kinds} kinds" (reference job) outcome
        }
    ]

let private sizeTests =
    [
        test "training sets beyond 16-bit indices" {
            let job n generations =
                job Scenario.FullySynthetic (prior "zipf:3000:1.0") 2 n generations 8UL

            expectOneResult "n = 70,000" (job 70_000 3) |> ignore
            expectOneResult "n = 65,536" (job 65_536 2) |> ignore

            expectOneResult "n = 200,000, with interpolated logarithms" (job 200_000 2)
            |> ignore
        }
        test "lanes at the very threshold of rejection" {
            // Of a bound 3·2^k every product is a multiple of 2^k, and so is the threshold: 1 lane in 512 meets it where
            // lanes have 16 bits and k = 7, 1 in 32,768 where they have 32 and k = 17.
            for contexts, n in [ 4, 384; 1, 393_216 ] do
                let job = job Scenario.FullySynthetic (prior "uniform:52") contexts n 3 22UL
                let expected = expectOneResult $"n = {n}" { job with Trace = contexts }

                let sets = [ for c in 0 .. contexts - 1 -> fst (simulate job c) ]

                for row in expected.Result.Trace do
                    let support = sets[int row.Context][row.Generation - 1] |> Array.distinct
                    Expect.equal row.Values[int Observable.Support] (float support.Length) "plainly"
        }
        test "vocabularies beyond 16-bit tokens" {
            let zipf = prior "zipf:70000:0.5"

            expectOneResult "random-models" (job Scenario.RandomModels zipf 3 100 6 9UL)
            |> ignore

            expectOneResult "fully-synthetic" (job Scenario.FullySynthetic zipf 1 80_000 3 9UL)
            |> ignore
        }
        test "a run with unreported generations" {
            let job =
                { job Scenario.PartiallySynthetic (prior "zipf:9:1.0") 3 3 11_000 10UL with
                    Real = Some 2
                }

            let outcome = expectOneResult "11,000 generations" job
            Expect.isLessThan outcome.Result.Generation.Length 11_000 "not all are reported"
        }
    ]

// ---- planted differences

/// An engine that does what another one does for another plan.
let private meddling other =
    let cpu = new CpuEngine(1)
    let plan = Planner.Plan(settings other)

    { new IEngine with
        member _.Name = "meddling"
        member _.Device = "none"
        member _.ChunkCapacity _ = Int32.MaxValue
        member _.HostBytes(_, _) = 0.0
        member _.Train(_, chunk, cancellation) = cpu.Train(plan, chunk, cancellation)
        member _.Dispose() = cpu.Dispose()
    }

let private defectTests =
    [
        let honest () =
            job Scenario.FullySynthetic (prior "zipf:100:1.0") 8 50 6 1UL

        let notices name other =
            test name {
                use engine = meddling other
                let found = differences (reference (honest ())) (run engine (honest ()))
                Expect.contains found "digest" "the digest notices"
                Expect.contains found "SumOfSquares mean" "and so does a series"
            }

        let source lag =
            custom "fully-synthetic" (fun m -> [ (if m = 1 then 0 else max 1 (m - lag)), 50 ])

        test "the planted engine is honest where its plan is" {
            use engine = meddling (honest ())
            expectSame "" (reference (honest ())) (run engine (honest ()))
        }

        test "a custom schedule can say what fully-synthetic says" {
            let said = job (source 1) (prior "zipf:100:1.0") 8 50 6 1UL
            expectSame "" (reference (honest ())) (reference said)
        }

        notices "another seed" (job Scenario.FullySynthetic (prior "zipf:100:1.0") 8 50 6 2UL)

        notices
            "another seed beyond 32 bits"
            (job Scenario.FullySynthetic (prior "zipf:100:1.0") 8 50 6 (1UL + (1UL <<< 32)))

        notices "a source one generation too early" (job (source 2) (prior "zipf:100:1.0") 8 50 6 1UL)
        notices "another law" (job Scenario.FullySynthetic (prior "zipf:100:1.01") 8 50 6 1UL)

        test "one context that another one's numbers reached" {
            let laws i =
                PriorParser.FromWeights [ for t in 0..99 -> if t = i then 0.0 else 1.0 ]

            let run prior =
                reference (job Scenario.FullySynthetic prior 8 50 6 1UL)

            let found = differences (run (laws 0)) (run (laws 1))
            Expect.contains found "digest" "tokens are part of the digest, not only how many there are"
        }
    ]

// ---- devices

let private deviceTests =
    [
        test "the CPU engine was tested at every width" {
            let widths =
                String.Join(", ", [ for width in CpuEngine.Widths -> $"{int width} bits" ])

            printfn $"engines tested: reference; cpu ({widths})"
            Expect.equal CpuEngine.Widths[0] VectorWidth.Bits128 "128 bits are always there"
        }
        test "a width that the processor lacks is refused" {
            for width in Enum.GetValues<VectorWidth>() do
                if not (Seq.contains width CpuEngine.Widths) then
                    Expect.throwsT<PlatformNotSupportedException> (fun () -> new CpuEngine(1, width) |> ignore) ""
        }
        for kind in [ "opencl"; "cuda" ] do
            test $"{kind} was tested" {
                let found = devices.Value |> List.filter (fun (name, _) -> name.StartsWith kind)
                Expect.isNonEmpty found "usable or not, the kind is listed"

                match found |> List.tryFind (fun (_, device) -> device.IsOk) with
                | Some(name, Ok engine) -> printfn $"engines tested: {name} ({engine.Device})"
                | _ ->
                    skiptest (
                        String.Join(
                            "; ",
                            [
                                for name, device in found do
                                    match device with
                                    | Error reason -> $"{name}: {reason}"
                                    | Ok _ -> ()
                            ]
                        )
                    )
            }
        test "results do not move while they are copied" {
            // Copies into arrays that nothing pins went astray now and then, when the collector moved the arrays.
            let job = job Scenario.FullySynthetic (prior "uniform:52") 9 30 12 21UL
            let expected = reference job

            for name, device in devices.Value do
                match device with
                | Error _ -> ()
                | Ok engine ->
                    use stop = new CancellationTokenSource()

                    let churn =
                        Task.Run(fun () ->
                            while not stop.IsCancellationRequested do
                                for size in 1..2_000 do
                                    Array.zeroCreate<byte> size |> ignore

                                GC.Collect(1, GCCollectionMode.Forced, true, true))

                    try
                        for _ in 1..40 do
                            expectSame name expected (runOn engine job)
                    finally
                        stop.Cancel()
                        churn.Wait()
        }
    ]

// ---- what holds whatever was drawn

let private close what (expected: float) (actual: float) =
    if
        not (Double.IsNaN expected && Double.IsNaN actual)
        && not (abs (expected - actual) <= 1e-9)
    then
        failtest $"{what} is {actual}, plainly {expected}"

/// The value at rank q (c - 1) of c, as sketches keep it: within one part in 128.
let private closeQuantile what q (sorted: float[]) (actual: float) =
    let exact = sorted[int (floor (q * float (sorted.Length - 1)))]

    if
        Double.IsNaN exact <> Double.IsNaN actual
        || abs (exact - actual) > abs exact / 128.0 + 1e-9
    then
        failtest $"{what} is {actual}, plainly {exact}"

/// Every number of a run against the plain simulation, also after contexts have left the work.
let private expectPlain (job: Job) (outcome: Outcome) =
    let result = outcome.Result
    let contexts = int result.Plan.Contexts

    let plain =
        [|
            for c in 0 .. contexts - 1 ->
                let sets, law = simulate job c
                [| for set in sets -> set, observe sets[0] law set |]
        |]

    let isPure (set: int[], _) = (Array.distinct set).Length = 1

    for i, m in Seq.indexed result.Generation do
        Expect.equal result.Contexts[i] (int64 contexts) $"contexts at {m}"

        for o in 0 .. Observables.Count - 1 do
            let name = $"{Observables.Names[o]} at {m}"
            let values = [| for c in 0 .. contexts - 1 -> (snd plain[c].[m - 1]).[o] |]
            let series = result.Series[o]
            let mean = Array.average values
            close $"the mean {name}" mean series.Mean[i]
            close $"the smallest {name}" (Array.min values) series.Minimum[i]
            close $"the largest {name}" (Array.max values) series.Maximum[i]

            let deviation =
                if contexts = 1 then
                    nan
                else
                    sqrt ((values |> Array.sumBy (fun x -> (x - mean) ** 2.0)) / float (contexts - 1))

            close $"the standard deviation of {name}" deviation series.StandardDeviation[i]
            let sorted = Array.sort values

            for q, quantiles in Seq.zip ObservableSeries.QuantileLevels series.Quantiles do
                closeQuantile $"the {q}-quantile of {name}" q sorted quantiles[i]

            let weighted =
                match job.Corpus with
                | None -> nan
                | Some corpus ->
                    let weights =
                        [| for c in 0 .. contexts - 1 -> float (corpus.FollowersOf(c).Length) |]

                    Array.sum (Array.map2 (*) weights values) / Array.sum weights

            close $"the token-weighted mean {name}" weighted series.TokenWeightedMean[i]

        let collapsed =
            [ for c in 0 .. contexts - 1 -> if isPure plain[c].[m - 1] then 1.0 else 0.0 ]

        close $"the collapsed fraction at {m}" (List.average collapsed) result.CollapsedFraction[i]

    let table = List.exactlyOne outcome.Tables

    // A context's trace has the reported generations until it left, and that in which it left.
    let traced =
        [
            for c in 0 .. min contexts job.Trace - 1 do
                let last = table.LastGeneration[c]

                for m in 1..last do
                    if m = last || result.Generation.Contains m then
                        int64 c, m
        ]

    Expect.equal [ for row in result.Trace -> row.Context, row.Generation ] traced "the rows of the trace"

    for row in result.Trace do
        let set, values = plain[int row.Context][row.Generation - 1]
        Expect.equal row.Size set.Length "counts sum to n"
        let most = set |> Array.countBy id |> Array.map snd |> Array.max

        let heaviest =
            set
            |> Array.countBy id
            |> Array.filter (fun (_, count) -> count = most)
            |> Array.map fst

        Expect.equal row.Token (Array.min heaviest) "the heaviest token, of several the smallest"

        for o in 0 .. Observables.Count - 1 do
            close $"{Observables.Names[o]} of context {row.Context} at {row.Generation}" values[o] row.Values[o]

    let times =
        [|
            for c in 0 .. contexts - 1 ->
                match plain[c] |> Array.tryFindIndex isPure with
                | Some i -> i + 1
                | None -> 0
        |]

    for c in 0 .. contexts - 1 do
        Expect.equal table.CollapseTime[c] times[c] $"collapse time of context {c}"

    let collapsed = times |> Array.filter (fun t -> t > 0) |> Array.map float
    Expect.equal result.CollapseTimes.Count (int64 collapsed.Length) "collapsed"
    Expect.equal result.CollapseTimes.Censored (int64 (contexts - collapsed.Length)) "not collapsed"

    if collapsed.Length > 0 then
        close "E T" (Array.average collapsed) result.CollapseTimes.Mean

    if collapsed.Length > 1 then
        let mean = Array.average collapsed

        let variance =
            (collapsed |> Array.sumBy (fun t -> (t - mean) ** 2.0))
            / float (collapsed.Length - 1)

        close "the standard deviation of T" (sqrt variance) result.CollapseTimes.StandardDeviation

let private plainTests =
    [
        forCases "engines equal a plain simulation" 400 (fun case ->
            let job = jobOf case

            // All contexts but the last are traced.
            let job =
                { job with
                    Trace = max 1 ((defaultArg job.Contexts 5) - 1)
                }

            for grid in
                [
                    ReportGrid.Standard
                    ReportGrid.Geometric 2
                    ReportGrid.At [ (case.Generations + 1) / 2 ]
                ] do
                let job = { job with ReportAt = grid }
                let outcome = cpu job
                expectPlain job outcome
                expectSame "the reference" outcome (reference job))
        test "also on a corpus" {
            for name, least, scenario in scenarios do
                for samples in [ None; Some 30 ] do
                    if samples.IsSome || least = 1 then
                        let job =
                            { onCorpus (scenario 20) samples 15 11UL with
                                Trace = 1000
                            }

                        expectPlain job (cpu job)
        }
        test "with more reports of a context than are added up at a time" {
            let job =
                { job Scenario.PartiallySynthetic (prior "uniform:2000") 1 1 17_000 6UL with
                    Real = Some 2
                    Trace = 1
                    ReportAt = ReportGrid.At [ 1..17_000 ]
                }

            expectPlain job (cpu job)
        }
        test "held-out text by hand" {
            let job = onCorpus Scenario.FullySynthetic None 5 12UL
            let heldOut = (cpu job).Result.HeldOut |> nonNull
            let _, counts = corpus.Value

            let offsets, tokens, held =
                counts.Offsets.ToArray(), counts.Tokens.ToArray(), counts.Counts.ToArray()

            let sets =
                [| for c in 0 .. (fst corpus.Value).ContextCount - 1 -> fst (simulate job c) |]

            for m in 1..5 do
                let mutable covered = 0
                let mutable negativeLog = 0.0

                for c in 0 .. sets.Length - 1 do
                    let set = sets[c][m - 1]

                    for i in int offsets[c] .. int offsets[c + 1] - 1 do
                        match set |> Array.filter ((=) tokens[i]) |> Array.length with
                        | 0 -> ()
                        | count ->
                            covered <- covered + held[i]
                            negativeLog <- negativeLog - float held[i] * log (float count / float set.Length)

                close "covered" (negativeLog / float covered) heldOut.CoveredCrossEntropy[m - 1]
                close "unseen" (1.0 - float covered / float heldOut.Transitions) heldOut.Unseen[m - 1]
                Expect.isTrue (Double.IsPositiveInfinity heldOut.CrossEntropy[m - 1]) "some are unseen"
        }
        test "a schedule that alternates between two lines keeps both" {
            // Odd and even generations know nothing of each other, so that collapsed neighbours may differ.
            let twoLines = custom "two lines" (fun m -> [ (if m <= 2 then 0 else m - 2), 3 ])

            let job =
                { job twoLines (prior "uniform:4") 30 3 80 13UL with
                    Trace = 30
                }

            let outcome = cpu job
            expectPlain job outcome
            let l1 = outcome.Result[Observable.L1FromFirst].Mean
            Expect.isGreaterThan (abs (l1[79] - l1[78])) 0.3 "they differ to the end"
            expectOneResult "all engines" job |> ignore
        }
        test "training sets of one token each" {
            let single = custom "one token" (fun m -> [ (if m <= 3 then 0 else m - 3), 1 ])

            let job =
                { job single (prior "uniform:5") 12 1 20 14UL with
                    Trace = 12
                }

            expectPlain job (cpu job)
            expectOneResult "all engines" job |> ignore
        }
    ]

let private lawTests =
    [
        test "no token survives that the truth does not have" {
            let allowed = set [ 1; 3; 4; 6 ]

            for name, least, scenario in scenarios do
                let outcome = cpu (job (scenario 40) withZeros.Value 200 (max least 40) 8 15UL)

                for table in outcome.Tables do
                    for token in table.Token do
                        Expect.contains allowed token name

                Expect.isLessThanOrEqual (Seq.max outcome.Result[Observable.Support].Maximum) 4.0 name
        }
        test "relabelled weights give relabelled survivors" {
            // The alias table differs, so not the same draws: but a truth of one token has no choice.
            for token in 0..4 do
                let weights =
                    PriorParser.FromWeights [ for t in 0..4 -> if t = token then 2.0 else 0.0 ]

                let outcome = cpu (job Scenario.FullySynthetic weights 3 10 4 19UL)

                for table in outcome.Tables do
                    Expect.equal table.Token [| token; token; token |] ""
                    Expect.equal table.CollapseTime [| 1; 1; 1 |] "collapsed from the start"
        }
        test "progress ends where the plan does" {
            let engines =
                [
                    new CpuEngine(2) :> IEngine
                    new ReferenceEngine()
                    for _, device in devices.Value do
                        match device with
                        | Ok engine -> engine
                        | Error _ -> ()
                ]

            for engine in engines do
                let outcome =
                    runOn engine (job Scenario.FullySynthetic (prior "uniform:5") 30 6 200 20UL)

                let planned = outcome.Result.Plan.Draws
                Expect.equal outcome.Progress.Settled planned $"{engine.Name}: all is settled"
                Expect.isLessThan outcome.Progress.Draws planned $"{engine.Name}: collapsed contexts cost nothing"
        }
    ]

[<Tests>]
let tests =
    testList
        "engines"
        [
            testList "give one result with a prior" priorTests
            testList "give one result on a corpus" corpusTests
            testList "give one result until collapse" collapseTests
            testList "give one result for large sizes" sizeTests
            testList "give one result where lanes are rejected" rejectionTests
            testList "are told apart" defectTests
            testList "present" deviceTests
            testList "are the model" plainTests
            testList "keep its laws" lawTests
        ]
