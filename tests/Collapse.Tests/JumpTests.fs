/// Chosen reports, and jumps from one to the next: the same integers as from training every generation, for less.
module Collapse.Tests.JumpTests

#nowarn "3391" // arrays convert to spans

open System
open System.Threading
open Expecto
open Collapse.Engines
open Collapse.Engines.Cpu
open Collapse.Kernels
open Collapse.Model
open Collapse.Results
open Collapse.Running
open Collapse.Tests.Runs

let private never = Nullable Int32.MaxValue

/// A CPU engine that trains every generation.
let private stepping job =
    use engine = new CpuEngine(shortestJump = never)
    run engine job

/// The number of draws that were looked up, of one thread, with jumps or without.
let private lookups shortest job =
    use engine = new CpuEngine(1, shortestJump = shortest)
    run engine job |> ignore
    engine.Lookups

/// Everything that jumps, and every jump that it could make, against an outcome.
let private expectJumped what expected job =
    for width in CpuEngine.Widths do
        for threads, chunk, shortest in [ 1, 1000, Nullable(); 2, 3, Nullable 2; 2, 1, Nullable 7 ] do
            use engine = new CpuEngine(threads, width, shortest)
            let actual = run engine { job with Chunk = Some chunk }
            expectSame $"{what}: {int width} bits, {threads} threads, jumps from {shortest}" expected actual

let private expectEverywhere what job =
    let expected = reference job
    expectSame $"{what}: trained" expected (stepping job)
    expectJumped what expected job

    for name, device in devices.Value do
        match device with
        | Ok engine -> expectSame $"{what}: {name}" expected (runOn engine job)
        | Error _ -> ()

    expected

let private at generations (job: Job) =
    { job with
        ReportAt = ReportGrid.At generations
    }

let private perDecade count (job: Job) =
    { job with
        ReportAt = ReportGrid.Geometric count
    }

// ---- jumps

let private sizes = [ 1; 2; 3; 7; 100; 443; 3000; 65_536; 65_537; 100_000 ]

let private jumpTests =
    [
        for n in sizes do
            test $"n = {n}, generations far apart" {
                let contexts, last =
                    if n < 1_000 then 9, 400
                    elif n < 10_000 then 3, 400
                    else 2, 90

                let job =
                    { job Scenario.FullySynthetic (prior "zipf:3000:1.0") contexts n last 31UL with
                        Trace = 2
                    }

                for job in [ at [ 1; 2; 4; 60 ] job; perDecade 3 job ] do
                    // The reference draws a million tokens a second; to train them is compared with it elsewhere.
                    if n < 1_000 then
                        expectEverywhere $"n = {n}" job |> ignore
                    else
                        expectJumped $"n = {n}" (stepping job) job
            }
        test "until collapse" {
            for n in [ 1; 2; 3; 7; 100 ] do
                let job =
                    { collapseJob Scenario.FullySynthetic (prior "power:600:52:0.1") 12 n 32UL with
                        Trace = 3
                    }

                for job in [ at [ 1; 5 ] job; at [ 1_000 ] job; perDecade 1 job; perDecade 10 job ] do
                    let outcome = expectEverywhere $"n = {n}" job
                    Expect.equal outcome.Result.CollapseTimes.Censored 0L "all collapse"
        }
        test "until collapse, where all is trained on the standard grid" {
            for n, contexts in [ 443, 6; 3000, 4 ] do
                let job = collapseJob Scenario.FullySynthetic (prior "uniform:52") contexts n 33UL
                let trained = stepping job
                expectJumped $"n = {n}" trained job
                let jumped = perDecade 5 job
                expectJumped $"n = {n}, geometric" (stepping jumped) jumped

                let column (outcome: Outcome) =
                    [ for table in outcome.Tables -> table.CollapseTime ]

                Expect.equal (column (cpu jumped)) (column trained) "the reports do not move the collapse"
        }
        test "laws that differ, and tokens that never occur" {
            for specification in [ "dirichlet:40:0.2"; "uniform:1"; "zipf:70000:0.5"; "uniform:2" ] do
                let job = collapseJob Scenario.FullySynthetic (prior specification) 7 150 34UL
                expectEverywhere specification (at [ 1; 40; 200 ] job) |> ignore
        }
        test "beyond 16-bit tokens" {
            let job =
                job Scenario.FullySynthetic (prior "zipf:90000:0.2") 2 80_000 70 35UL
                |> at [ 1; 35 ]

            expectJumped "n = 80,000" (stepping job) job
        }
        test "a corpus, whose contexts are ragged" {
            for samples in [ None; Some 50; Some 1 ] do
                let job =
                    { onCorpus Scenario.FullySynthetic samples 300 36UL with
                        Trace = 3
                    }

                expectEverywhere $"{samples}" (at [ 1; 2; 3; 100; 101 ] job) |> ignore

                let job =
                    { job with
                        Generations = None
                        UntilCollapse = true
                    }

                expectEverywhere $"{samples}, until collapse" (perDecade 2 job) |> ignore
        }
        test "a last generation that cuts the collapse short" {
            for last in [ 2; 3; 30; 31; 200 ] do
                let job =
                    { collapseJob Scenario.FullySynthetic (prior "uniform:9") 20 90 37UL with
                        Generations = Some last
                    }

                let outcome = expectEverywhere $"{last} generations" (at [ 2 ] job)
                let times = outcome.Result.CollapseTimes
                Expect.equal (times.Count + times.Censored) 20L "collapsed or not"
        }
        test "other schedules of the same kind" {
            let chain = custom "chain" (fun m -> [ m - 1, (if m = 1 then 70 else 50) ])

            for name, scenario, n in [ "window 1", Scenario.RecentModels 1, 60; "custom", chain, 1 ] do
                let job = job scenario (prior "uniform:30") 5 n 500 38UL |> at [ 100 ]
                expectEverywhere name job |> ignore
                Expect.isLessThan (lookups (Nullable()) job) (lookups never job) name
        }
        test "no jump where a generation learns from more than the one before" {
            let isChain scenario =
                Schedule.Create(scenario, 40, false).IsChain

            Expect.isTrue (isChain Scenario.FullySynthetic) ""
            Expect.isTrue (isChain (Scenario.RecentModels 1)) ""

            for name, scenario in
                [
                    "partially-synthetic", Scenario.PartiallySynthetic
                    "window 2", Scenario.RecentModels 2
                    "random-models", Scenario.RandomModels
                    "two segments", custom "custom" (fun m -> if m = 1 then [ 0, 5 ] else [ m - 1, 3; m - 1, 2 ])
                    "fresh tokens once", custom "custom" (fun m -> [ (if m = 9 then 0 else m - 1), 5 ])
                    "a size that changes", custom "custom" (fun m -> [ m - 1, 5 + m % 2 ])
                    "two generations back", custom "custom" (fun m -> [ max 0 (m - 2), 5 ])
                ] do
                Expect.isFalse (isChain scenario) name
        }
    ]

// ---- chosen reports, whatever the scenario

let private reportTests =
    [
        for name, scenario in
            [
                "fully-synthetic", Scenario.FullySynthetic
                "partially-synthetic", Scenario.PartiallySynthetic
                "recent-models 3", Scenario.RecentModels 3
                "random-models", Scenario.RandomModels
            ] do
            test $"{name}: chosen reports say what every generation's say" {
                let full =
                    { job scenario (prior "zipf:50:1.0") 12 40 60 39UL with
                        Trace = 4
                    }

                let few = at [ 3; 20; 21 ] full
                let outcome = expectEverywhere name few
                let every = (cpu full).Result
                let result = outcome.Result
                Expect.equal (List.ofSeq result.Generation) [ 3; 20; 21; 60 ] "those, and the last"
                Expect.notEqual result.Digest every.Digest "the digest is that of what is reported"

                for i, m in Seq.indexed result.Generation do
                    for o in 0 .. Observables.Count - 1 do
                        Expect.equal
                            (BitConverter.DoubleToInt64Bits result.Series[o].Mean[i])
                            (BitConverter.DoubleToInt64Bits every.Series[o].Mean[m - 1])
                            $"{Observables.Names[o]} at {m}"

                let rows (result: RunResult) =
                    [
                        for row in result.Trace do
                            if Seq.contains row.Generation [ 3; 20; 21; 60 ] then
                                row.Context, row.Generation, row.Token, List.ofSeq row.Values
                    ]

                Expect.equal (rows result) (rows every) "traces"
            }
        test "every generation listed is every generation" {
            let full = job Scenario.FullySynthetic (prior "uniform:20") 7 30 50 40UL
            expectSame "the same digest" (cpu full) (cpu (at [ 1..50 ] full))
        }
        test "a run until collapse ends with what is listed, not with what it might have taken" {
            let job = collapseJob Scenario.FullySynthetic (prior "uniform:20") 30 20 41UL

            let generations grid =
                List.ofSeq (cpu (grid job)).Result.Generation

            Expect.equal (generations (at [ 1; 5 ])) [ 1; 5 ] "all of the list"
            Expect.equal (generations (at [ 1; 5; 5_000; 6_000 ])) [ 1; 5; 5_000 ] "up to the first after all have left"
            let result = (cpu (at [ 1; 5; 5_000 ] job)).Result
            Expect.equal result.CollapsedFraction[2] 1.0 "all have"
            Expect.isLessThan result.Generations 5_000 "and long before"

            let cut =
                { at [ 1; 5 ] job with
                    Generations = Some 12
                }

            Expect.equal (List.ofSeq (cpu cut).Result.Generation) [ 1; 5; 12 ] "the last, where contexts reach it"
        }
        test "progress and draws are those of the model" {
            let job =
                job Scenario.FullySynthetic (prior "uniform:5") 3 400 3_000 42UL |> at [ 10 ]

            let jumped = cpu job
            let planned = jumped.Result.Plan.Draws
            Expect.equal jumped.Result.Draws (stepping job).Result.Draws "draws"
            Expect.equal jumped.Progress.Settled planned "all is settled"
            Expect.isLessThan (2L * lookups (Nullable()) job) jumped.Result.Draws "not all are looked up"
            Expect.isGreaterThanOrEqual (lookups never job) jumped.Result.Draws "unless all is trained"
        }
    ]

// ---- the parts

let private stream seed context generation =
    DrawStream(seed, context, generation, 0u, DrawPurpose.Index)

/// Draws the same numbers one by one.
let private plainParent seed context generation (draw: uint32) (bound: uint32) =
    let stream = stream seed context generation
    UniformIndex.Draw(&stream, draw, bound)

let private scattered<'T
    when 'T: unmanaged and 'T: (new: unit -> 'T) and 'T: struct and 'T :> IPhiloxLanes<'T> and 'T :> ValueType>
    name
    =
    test $"scattered draws, {name}" {
        let random = Random 5

        for bound in
            [
                1u
                2u
                3u
                100u
                443u
                3_000u
                65_535u
                65_536u
                65_537u
                1_500_000_000u
                0x7FFFFFFFu
            ] do
            let parents = ParentLanes<'T> 77UL

            for count in [ 1; 7; 8; 9; 500 ] do
                let draws =
                    Array.init count (fun _ -> random.NextInt64(int64 (min bound 100_000_000u)))

                let lanes =
                    Array.append (draws |> Array.mapi (fun i d -> (uint64 i <<< 32) ||| uint64 d)) (Array.zeroCreate 8)

                let stream = stream 77UL 3u 9u
                parents.Draw(&stream, bound, lanes, count)

                for i in 0 .. count - 1 do
                    let expected = plainParent 77UL 3u 9u (uint32 draws[i]) bound
                    Expect.equal (uint32 lanes[i]) expected $"draw {draws[i]} below {bound}"
                    Expect.equal (int (lanes[i] >>> 32)) i "the high half stays"
    }

/// The training set some generations on, by training each.
let private trained seed context (set: int[]) first last =
    let step (set: int[]) generation =
        Array.init set.Length (fun d ->
            set[int (plainParent seed context (uint32 generation) (uint32 d) (uint32 set.Length))])

    List.fold step set [ first + 1 .. last ]

let private walked (walk: AncestralWalk<Lanes128>) context (set: int[]) first last =
    Expect.isTrue (walk.Walk(context, last, first, set.Length, CancellationToken.None)) "not cancelled"
    let target: int[] = Array.zeroCreate set.Length
    walk.HandDown<int>(set, Span target)
    let isCollapsed = walk.IsCollapsed<int> set
    Expect.equal isCollapsed (Array.distinct target |> Array.length = 1) "collapsed or not"
    target

let private partTests =
    [
        scattered<Lanes128> "128 bits"

        if Lanes256.IsSupported then
            scattered<Lanes256> "256 bits"

        if Lanes512.IsSupported then
            scattered<Lanes512> "512 bits"

        test "a walk hands down what training would have" {
            let random = Random 6
            let walk = AncestralWalk<Lanes128> 78UL

            for case in 1..300 do
                let n = 1 + random.Next(if case % 10 = 0 then 500 else 40)
                let set = Array.init n (fun _ -> random.Next 1_000)
                let first = 1 + random.Next 5
                let last = first + 1 + random.Next 60
                let context = uint32 (random.Next 9)

                Expect.equal
                    (walked walk context set first last)
                    (trained 78UL context set first last)
                    $"n = {n}, {first} to {last}"
        }
        test "lineages that meet are looked up as one" {
            for n in [ 1; 7; 60; 500 ] do
                let walk = AncestralWalk<Lanes128> 83UL
                let first, last = 3, 40

                // The distinct tokens of each generation that those of the last descend from.
                let parents (living: Set<uint32>) generation =
                    living
                    |> Set.map (fun d -> plainParent 83UL 1u (uint32 generation) d (uint32 n))

                let living =
                    [ last .. -1 .. first + 1 ]
                    |> List.scan parents (Set.ofList [ 0u .. uint32 n - 1u ])
                    |> List.map Set.count

                walked walk 1u (Array.init n id) first last |> ignore
                Expect.equal walk.Lookups (living |> List.take (last - first) |> List.sum |> int64) $"n = {n}"
        }
        test "stamps that run out begin anew" {
            let set = Array.init 60 id

            for before in [ 0u; 1u; 30u; 59u; 60u; 61u; 200u; 500u ] do
                let walk = AncestralWalk<Lanes128>(79UL, UInt32.MaxValue - before)

                for last in [ 40; 41; 42 ] do
                    Expect.equal (walked walk 1u set 2 last) (trained 79UL 1u set 2 last) $"{before} before the end"
        }
        test "a walk can be called off" {
            let walk = AncestralWalk<Lanes128> 80UL
            Expect.isFalse (walk.Walk(1u, 50, 2, 30, CancellationToken true)) "called off"
            Expect.equal walk.Lookups 0L "nothing was looked up"
        }
        test "a walk allocates nothing once its buffers are there" {
            let walk = AncestralWalk<Lanes128> 81UL
            let set = Array.init 1_000 id
            let target: int[] = Array.zeroCreate 1_000

            let walkAll () =
                for last in 3..400 do
                    if walk.Walk(2u, last, 2, 1_000, CancellationToken.None) then
                        walk.HandDown<int>(set, Span target)

            walkAll ()
            let before = GC.GetAllocatedBytesForCurrentThread()
            walkAll ()
            Expect.equal (GC.GetAllocatedBytesForCurrentThread() - before) 0L "bytes"
        }
        test "the cost of a collapse grows hardly faster than n" {
            // With a geometric grid of order n ln² n, for about ln n reports, and about as many probes for the
            // collapse time, cost n(1 + 2 ln t) each: an exponent of 1.22 from 1,000 to 100,000. Training every
            // generation has the exponent 2.
            let cost n =
                let job = collapseJob Scenario.FullySynthetic (prior "uniform:52") 3 n 43UL
                float (lookups (Nullable()) (perDecade 10 job))

            let costs = List.map cost [ 1_000; 10_000; 100_000 ]
            Expect.isLessThan (log (costs[2] / costs[0]) / log 100.0) 1.25 "the exponent"
            Expect.isLessThan (costs[2] / costs[1]) 20.0 "ten times the samples"
        }
        test "a shortest jump below two generations is refused" {
            Expect.throwsT<ArgumentOutOfRangeException>
                (fun () -> new CpuEngine(shortestJump = Nullable 1) |> ignore)
                "one generation is no jump"
        }
    ]

[<Tests>]
let tests =
    testList
        "jumps"
        [
            testList "give the results of training" jumpTests
            testList "go from report to report" reportTests
            testList "are made of" partTests
        ]
