/// Counts drawn in place of tokens: exact binomials, one result on every engine, and the laws of the plain sampler.
module Collapse.Tests.CountSamplerTests

#nowarn "3391" // arrays convert to spans

open System
open System.Numerics
open Expecto
open MathNet.Numerics
open MathNet.Numerics.Distributions
open Collapse
open Collapse.Engines
open Collapse.Engines.Cpu
open Collapse.Kernels
open Collapse.Model
open Collapse.Results
open Collapse.Running
open Collapse.Softmax
open Collapse.Softmax.Refit
open Collapse.Tests.Runs
open Collapse.Theory

/// The chance of a false alarm of one statistical test.
let private alpha = 1e-11

let private counted (job: Job) = { job with Sampler = Sampler.Counts }

// ---- one result

let private expectEverywhere what job =
    let expected = reference job

    for width in CpuEngine.Widths do
        for threads, chunk in [ 1, 1000; 2, 3 ] do
            use engine = new CpuEngine(threads, width)

            expectSame
                $"{what}: {int width} bits, {threads} threads"
                expected
                (run engine { job with Chunk = Some chunk })

    for name, device in devices.Value do
        match device with
        | Ok engine -> expectSame $"{what}: {name}" expected (runOn engine job)
        | Error _ -> ()

    expected

let private engineTests =
    [
        for n in [ 1; 2; 3; 63; 64; 65; 200; 1_023; 1_024; 5_000 ] do
            test $"n = {n}" {
                let contexts = if n < 1_000 then 9 else 3

                let job =
                    { job Scenario.FullySynthetic (prior "zipf:3000:1.0") contexts n 70 51UL with
                        Trace = 2
                    }

                expectEverywhere $"n = {n}" (counted job) |> ignore
            }
        test "no kernel reaches beyond its memory" {
            for n, contexts in [ 1, 2; 70, 3; 1_100, 1 ] do
                let job = job Scenario.FullySynthetic (prior "zipf:300:1.0") contexts n 34 58UL
                expectSame $"n = {n}" (reference (counted job)) (runOn PropertyTests.kernelOnCpu.Value (counted job))

            let job =
                counted (collapseJob Scenario.FullySynthetic (prior "uniform:9") 4 30 59UL)

            expectSame "a batch a context" (reference job) (runOn PropertyTests.kernelInPieces.Value job)
        }
        test "n = 200,000, with every table" {
            // Uniform on two tokens from the start: half of 200,000 takes 2^16 three times, and all smaller powers.
            let job =
                job Scenario.FullySynthetic (prior "uniform:2") 2 200_000 36 52UL |> counted

            expectEverywhere "n = 200,000" job |> ignore
        }
        test "until collapse, and chosen reports" {
            for n in [ 3; 40; 150 ] do
                let job =
                    { collapseJob Scenario.FullySynthetic (prior "power:600:52:0.1") 12 n 53UL with
                        Trace = 3
                    }
                    |> counted

                for grid in
                    [
                        ReportGrid.Standard
                        ReportGrid.At [ 1; 32; 33; 100 ]
                        ReportGrid.Geometric 3
                    ] do
                    let outcome = expectEverywhere $"n = {n}" { job with ReportAt = grid }
                    Expect.equal outcome.Result.CollapseTimes.Censored 0L "all collapse"
        }
        test "a corpus with held-out text, whose contexts are ragged" {
            for samples in [ None; Some 50 ] do
                let job =
                    { onCorpus Scenario.FullySynthetic samples 90 54UL with
                        Trace = 3
                    }

                expectEverywhere $"{samples}" (counted job) |> ignore
        }
        test "laws that differ, and other schedules of the same kind" {
            let chain = custom "chain" (fun m -> [ m - 1, (if m = 1 then 70 else 50) ])

            for name, scenario, specification, n in
                [
                    "dirichlet", Scenario.FullySynthetic, "dirichlet:40:0.2", 90
                    "window 1", Scenario.RecentModels 1, "uniform:30", 60
                    "custom", chain, "uniform:30", 1
                ] do
                expectEverywhere name (counted (job scenario (prior specification) 5 n 60 55UL))
                |> ignore
        }
        test "up to generation 32 tokens are drawn, and beyond it counts" {
            let job = job Scenario.FullySynthetic (prior "zipf:100:1.0") 20 100 40 56UL
            let tokens = (cpu job).Result
            let counts = (cpu (counted job)).Result

            for m, same in [ 32, true; 33, false ] do
                Expect.equal
                    (tokens.Series[0].Mean[m - 1] = counts.Series[0].Mean[m - 1])
                    same
                    $"sum of squares of generation {m}"

            for last in [ 1; 32 ] do
                let short = { job with Generations = Some last }
                expectSame $"{last} generations" (cpu short) (cpu (counted short))
        }
        test "what it does not go with is refused" {
            let refused job =
                try
                    cpu (counted job) |> ignore
                    None
                with :? InvalidInputException as e ->
                    Some(e.Parameter, e.Value)

            for scenario in [ Scenario.PartiallySynthetic; Scenario.RecentModels 2; Scenario.RandomModels ] do
                Expect.equal
                    (refused (job scenario (prior "uniform:9") 3 50 50 57UL))
                    (Some("--sampler", "counts"))
                    scenario.Name

            let softmax =
                { job Scenario.FullySynthetic (prior "uniform:9") 3 50 50 57UL with
                    Classifier = Classifier(Refit = RefitMethod.Smoothed 0.1)
                }

            Expect.equal (refused softmax) (Some("--sampler", "counts")) "a softmax model"
            Expect.throwsT<InvalidInputException> (fun () -> Samplers.Parse "both" |> ignore) "no such sampler"
            Expect.equal (Samplers.Parse "counts") Sampler.Counts "counts"
            Expect.equal (Samplers.Parse "tokens") Sampler.Tokens "tokens"
        }
    ]

// ---- exact laws

let private halves = lazy (HalfBinomial.CreateTables 200_000L)

let private stream seed context generation =
    DrawStream(seed, uint32 context, uint32 generation, 0u, DrawPurpose.Counts)

let private start (binomials: BinomialLanes<Lanes128>) stream =
    let mutable stream = stream
    binomials.Begin(&stream)

/// The counts that the reference draws.
let private split stream tables (weights: int[]) (draws: int) =
    let drawn = ResizeArray()
    ReferenceBinomial(stream, tables).Split(ReadOnlySpan weights, draws, drawn)
    List.ofSeq drawn

let private chiSquared (expected: float[]) (observed: int[]) =
    let total = float (Array.sum observed)

    let statistic =
        Array.fold2
            (fun sum p count ->
                let mean = p * total
                sum + (float count - mean) ** 2.0 / mean)
            0.0
            expected
            observed

    SpecialFunctions.GammaUpperRegularized(float (expected.Length - 1) / 2.0, statistic / 2.0)

/// Values in order as cells of at least this probability.
let private cellsOf least (law: float[]) =
    let cell = Array.zeroCreate law.Length
    let probabilities = ResizeArray [ 0.0 ]

    for x in 0 .. law.Length - 1 do
        if probabilities[probabilities.Count - 1] >= least then
            probabilities.Add 0.0

        cell[x] <- probabilities.Count - 1
        probabilities[cell[x]] <- probabilities[cell[x]] + law[x]

    // What is too little for a cell of its own goes to the one before.
    if probabilities.Count > 1 && probabilities[probabilities.Count - 1] < least then
        let last = probabilities.Count - 1
        probabilities[last - 1] <- probabilities[last - 1] + probabilities[last]
        probabilities.RemoveAt last
        cell |> Array.map (min (last - 1)), probabilities.ToArray()
    else
        cell, probabilities.ToArray()

let private draws = 100_000

let private sample n left total =
    let random = RandomLanes<Lanes128> 61UL
    let binomials = BinomialLanes<Lanes128>(random, halves.Value)

    Array.init draws (fun i ->
        start binomials (stream 61UL i n)
        binomials.Draw(n, left, total))

/// The p-value of a sample of Binomial(n, left / total) under Binomial(n, p).
let private agreement (p: float) n (sample: int[]) =
    let law = Array.init (n + 1) (fun x -> Binomial(p, n).Probability x)
    let cell, probabilities = cellsOf (50.0 / float sample.Length) law
    let observed = Array.zeroCreate probabilities.Length

    for x in sample do
        observed[cell[x]] <- observed[cell[x]] + 1

    chiSquared probabilities observed

let private lawTests =
    [
        test "tables hold the cumulative binomial, rounded down" {
            for log in [ 10; 13; 16 ] do
                let tosses = 1 <<< log
                let table = int halves.Value[log - HalfBinomial.SmallestLog]
                let smallest = int halves.Value[table]
                let count = int halves.Value[table + 1]

                let upper i =
                    halves.Value[table + HalfBinomial.Thresholds + i]

                let lower i =
                    halves.Value[table + HalfBinomial.Thresholds + count + i]
                // Exact, by whole numbers: P(X ≤ x) 2^tosses is a sum of binomial coefficients.
                let mutable term = BigInteger.One
                let mutable sum = BigInteger.One
                let mutable wrong = 0

                for x in 0 .. smallest + count - 1 do
                    if x >= smallest then
                        let exact = (sum <<< 128) >>> tosses

                        let written =
                            (BigInteger(upper (x - smallest)) <<< 64) + BigInteger(lower (x - smallest))
                        // Each probability was rounded down before they were added.
                        if written > exact || exact - written > BigInteger.One then
                            wrong <- wrong + 1
                    elif ((sum <<< 128) >>> tosses) > BigInteger.One then
                        wrong <- wrong + 1

                    term <- term * BigInteger(tosses - x) / BigInteger(x + 1)
                    sum <- sum + term

                Expect.equal wrong 0 $"2^{log}"
                Expect.isTrue ((sum <<< 128) >>> tosses >= (BigInteger.One <<< 128) - BigInteger.One) "to the end"

                for bucket in 0 .. HalfBinomial.Buckets do
                    let below =
                        Seq.init count upper
                        |> Seq.filter (fun t -> BigInteger t < (BigInteger bucket <<< 56))
                        |> Seq.length

                    Expect.equal
                        (int halves.Value[table + HalfBinomial.Guide + bucket])
                        below
                        $"2^{log}, bucket {bucket}"
        }
        test "a lane that is equal to a threshold is decided by the next" {
            // A planted table: two thresholds with one upper half.
            let planted = HalfBinomial.CreateTables 1024L
            let table = int planted[0]
            let count = int planted[table + 1]
            let first = (stream 62UL 1 1).Block(0u, 0u)
            let lane = uint64 first.X0 ||| (uint64 first.X1 <<< 32)
            let next = uint64 first.X2 ||| (uint64 first.X3 <<< 32)
            let at i = table + HalfBinomial.Thresholds + i

            for i in 0 .. count - 1 do
                planted[at i] <-
                    if i < 7 then 0UL
                    elif i < 10 then lane
                    else UInt64.MaxValue

                planted[at (count + i)] <-
                    if i < 8 then next - 1UL
                    elif i = 8 then next
                    else next + 1UL

            for bucket in 0 .. HalfBinomial.Buckets do
                planted[table + HalfBinomial.Guide + bucket] <-
                    if uint64 bucket <= (lane >>> 56) then 0UL else uint64 count

            let binomials = BinomialLanes<Lanes128>(RandomLanes<Lanes128> 62UL, planted)
            start binomials (stream 62UL 1 1)
            // 1,024 tosses once; with fraction 1/2 nothing is left to decide.
            Expect.equal (binomials.Draw(1024, 1L, 2L)) (int planted[table] + 9) "seven below, two not above"
            let drawn = split (stream 62UL 1 1) planted [| 1; 1 |] 1024
            Expect.equal drawn [ int planted[table] + 9; 1024 - int planted[table] - 9 ] "the reference"
        }
        test "binomials in vectors are the reference's" {
            let random = Random 63
            let lanes = RandomLanes<Lanes128> 63UL
            let binomials = BinomialLanes<Lanes128>(lanes, halves.Value)

            for i in 1..3_000 do
                let total = random.Next(2, (if i % 3 = 0 then Int32.MaxValue else 200_000))
                let left = random.Next(1, total)
                let n = int (Math.Exp(random.NextDouble() * log 150_000.0))
                let drawn = split (stream 63UL i 5) halves.Value [| left; total - left |] n
                start binomials (stream 63UL i 5)
                Expect.equal (binomials.Draw(n, left, total)) drawn.Head $"{n} draws, {left} / {total}"
        }
        for n, left, total in
            [
                1, 1L, 3L
                7, 5L, 7L
                64, 1L, 2L
                65, 999L, 1000L
                1_000, 1L, 3L
                1_500, 3L, 1_500L
                5_000, 2_501L, 5_000L
                131_071, 50_000L, 131_071L
            ] do
            test $"Binomial({n}, {left}/{total}) has its law" {
                let values = sample n left total
                let p = float left / float total
                Expect.isGreaterThan (agreement p n values) alpha $"the law; alpha = {alpha}, {draws} draws"
                // Planted: a fraction off by a twentieth of a standard deviation of a single draw.
                let shift = 0.05 * sqrt (p * (1.0 - p))
                let shifted = if p < 0.5 then p + shift else p - shift
                Expect.isLessThan (agreement shifted n values) alpha "another fraction"
            }
        test "five draws among four tokens have the multinomial law" {
            let weights = [| 2; 1; 3; 1 |]
            let total = float (Array.sum weights)

            let outcomes =
                [|
                    for a in 0..5 do
                        for b in 0 .. 5 - a do
                            for c in 0 .. 5 - a - b do
                                [ a; b; c; 5 - a - b - c ]
                |]

            let law =
                outcomes
                |> Array.map (fun counts ->
                    SpecialFunctions.Factorial 5
                    * (List.zip counts (List.ofArray weights)
                       |> List.map (fun (k, w) -> (float w / total) ** float k / SpecialFunctions.Factorial k)
                       |> List.reduce (*)))

            let place = outcomes |> Array.mapi (fun i o -> o, i) |> Map.ofArray
            let observed = Array.zeroCreate law.Length

            for i in 1..300_000 do
                let at = place[split (stream 64UL i 2) halves.Value weights 5]
                observed[at] <- observed[at] + 1

            Expect.isGreaterThan (chiSquared law observed) alpha "all 56 outcomes"
        }
        test "the collapse time has the exact law" {
            let n = 60
            let contexts = 20_000
            let truth = prior "uniform:30"
            let job = collapseJob Scenario.FullySynthetic truth contexts n 65UL |> counted

            let times =
                [
                    for table in (cpu job).Tables do
                        yield! table.CollapseTime
                ]

            let law = FullySyntheticLaw(Array.create 30 (1.0 / 30.0), n)
            // Dvoretzky, Kiefer and Wolfowitz, with Massart's constant.
            let bound = sqrt (log (2.0 / alpha) / (2.0 * float contexts))

            let collapsed = law.CollapseProbabilities(List.max times + 8)

            let distance shift =
                let counts = times |> List.countBy id |> Map.ofList
                let mutable below = 0
                let mutable largest = 0.0

                for m in 1 .. List.max times do
                    below <- below + (Map.tryFind m counts |> Option.defaultValue 0)
                    let gap = abs (float below / float contexts - collapsed[m + shift])
                    largest <- max largest gap

                largest

            Expect.isLessThan (distance 0) bound "Kolmogorov's distance"
            Expect.isGreaterThan (distance 8) bound "a collapse eight generations late"
        }
        test "the sum of squares grows as it does with tokens, with tables at work" {
            let n = 3_000
            let contexts = 4_000

            let job =
                { job Scenario.FullySynthetic (prior "uniform:50") contexts n 400 66UL with
                    ReportAt = ReportGrid.At [ 100; 400 ]
                }

            let result = (cpu (counted job)).Result

            for i, m in [ 0, 100; 1, 400 ] do
                // Eq. 6: 1 - S_m = (1 - S_0) (1 - 1/n)^m.
                let exact = 1.0 - (1.0 - 1.0 / 50.0) * (1.0 - 1.0 / float n) ** float m
                let series = result.Series[int Observable.SumOfSquares]
                let error = series.StandardDeviation[i] / sqrt (float contexts)
                Expect.isLessThan (abs (series.Mean[i] - exact) / error) 7.0 $"S_{m}"
                // Planted: forty generations too few.
                let early = 1.0 - (1.0 - 1.0 / 50.0) * (1.0 - 1.0 / float n) ** float (m - 40)
                Expect.isGreaterThan (abs (series.Mean[i] - early) / error) 7.0 $"S_{m - 40}"
        }
    ]

[<Tests>]
let tests =
    testList "sampler of counts" [ testList "engines" engineTests; testList "laws" lawTests ]
