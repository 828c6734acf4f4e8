/// From integers to results: moments, quantiles, tallies, the grid; from settings to plans: schedules, refusals.
module Collapse.Tests.ResultTests

open System
open System.Numerics
open Expecto
open FsCheck
open FsCheck.FSharp
open Collapse
open Collapse.Engines
open Collapse.Engines.Cpu
open Collapse.Kernels
open Collapse.Model
open Collapse.Results
open Collapse.Running
open Collapse.Tests.Texts
open Collapse.Tests.Runs

// ---- moments

/// A value that a recorder may add, from 0 to 2^62, with its weight.
type Weighted = { Value: int64; Weight: int64 }

type Generators =
    static member Weighted() =
        gen {
            let! value =
                Gen.oneof
                    [
                        Gen.choose64 (0L, 300L)
                        Gen.choose64 (0L, 1L <<< 62)
                        Gen.constant (1L <<< 62)
                    ]

            let! weight = Gen.choose64 (1L, int64 Int32.MaxValue)
            return { Value = value; Weight = weight }
        }
        |> Arb.fromGen

let private property name body =
    testPropertyWithConfig (Replay.cases 300 [ typeof<Generators> ]) name body

let private momentsOf (values: Weighted list) =
    let mutable moments = Moments()

    for value in values do
        moments.Add(value.Value, value.Weight)

    moments

let private near what (expected: float) (actual: float) =
    // What is not a number is not near.
    if not (abs (actual - expected) <= 4e-16 * abs expected) then
        failtest $"{what}: {actual:R}, exactly {expected:R}"

/// The nearest number to a quotient of whole numbers, but for an error of about 2^-53.
let private quotient (a: bigint) (b: bigint) =
    let shift = 200
    Math.ScaleB(float ((a <<< shift) / b), -shift)

let private momentTests =
    [
        property "the mean and the standard deviation are exact" (fun (values: Weighted list) ->
            let moments = momentsOf values
            let count = bigint values.Length
            let sum = values |> List.sumBy (fun v -> bigint v.Value)
            Expect.equal moments.Count (int64 values.Length) "count"

            if not values.IsEmpty then
                near "mean" (quotient sum count) moments.Mean
                Expect.equal moments.Min (values |> List.map _.Value |> List.min) "smallest"
                Expect.equal moments.Max (values |> List.map _.Value |> List.max) "largest"
                let weights = values |> List.sumBy (fun v -> bigint v.Weight)
                let weighted = values |> List.sumBy (fun v -> bigint v.Value * bigint v.Weight)
                near "weighted mean" (quotient weighted weights) (moments.WeightedMean(Int128.Parse(string weights)))

            if values.Length > 1 then
                let squares = values |> List.sumBy (fun v -> bigint v.Value * bigint v.Value)
                let variance = quotient (count * squares - sum * sum) (count * (count - 1I))
                near "standard deviation" (sqrt variance) moments.StandardDeviation)
        property "sums in any order and grouping are one" (fun (one: Weighted list) (two: Weighted list) ->
            let all = momentsOf (one @ two)
            let mutable merged = momentsOf two
            let other = momentsOf one
            merged.Add(&other)
            let bits (x: float) = BitConverter.DoubleToInt64Bits x
            Expect.equal merged.Count all.Count ""

            if all.Count > 0L then
                Expect.equal (bits merged.Mean) (bits all.Mean) ""
                Expect.equal (merged.Min, merged.Max) (all.Min, all.Max) ""

            Expect.equal (bits merged.StandardDeviation) (bits all.StandardDeviation) "")
        test "squares beyond 128 bits are carried" {
            // 40 squares of 2^62 are 2^129.3; as many zeros make the deviation known: 2^61 √(80/79).
            let values =
                [
                    for i in 0..79 ->
                        {
                            Value = (if i % 2 = 0 then 1L <<< 62 else 0L)
                            Weight = 1L
                        }
                ]

            near "standard deviation" (2.0 ** 61.0 * sqrt (80.0 / 79.0)) (momentsOf values).StandardDeviation
        }
        test "of nothing and of one" {
            let nothing = Moments()
            Expect.isTrue (Double.IsNaN nothing.Mean) "no mean of nothing"
            let one = momentsOf [ { Value = 5L; Weight = 1L } ]
            Expect.equal one.Mean 5.0 ""
            Expect.isTrue (Double.IsNaN one.StandardDeviation) "no deviation of one"
        }
    ]

// ---- quantiles

let private sketchOf (values: int64 list) =
    let sketch = QuantileSketch 2

    for value in values do
        sketch.Add(1, value)

    sketch

let private quantileOf (sketch: QuantileSketch) (values: int64 list) q =
    sketch.Quantile(1, q, int64 values.Length, List.min values, List.max values)

let private levels = [ 0.0; 0.05; 0.25; 0.5; 0.75; 0.95; 1.0 ]

let private sketchTests =
    [
        property "a quantile is within one part in 128, below 256 exact" (fun (weighted: Weighted list) ->
            let values = weighted |> List.map _.Value

            if not values.IsEmpty then
                let sketch, sorted = sketchOf values, List.sort values

                for q in levels do
                    let exact = float sorted[int (floor (q * float (values.Length - 1)))]
                    let found = quantileOf sketch values q

                    if exact < 256.0 then
                        Expect.equal found exact $"the {q}-quantile"
                    else
                        Expect.isLessThanOrEqual (abs (found - exact)) (exact / 128.0) $"the {q}-quantile")
        property "merged sketches are the sketch of all, in any order" (fun (one: Weighted list) (two: Weighted list) ->
            let one, two = one |> List.map _.Value, two |> List.map _.Value
            let all = one @ two

            if not all.IsEmpty then
                let merge first second =
                    let sketch = QuantileSketch 2
                    sketch.AddCell(1, sketchOf first, 1)
                    sketch.AddCell(1, sketchOf second, 1)
                    sketch

                for q in levels do
                    let expected = quantileOf (sketchOf all) all q
                    Expect.equal (quantileOf (merge one two) all q) expected "one way"
                    Expect.equal (quantileOf (merge two one) all q) expected "the other")
        test "a quantile stands within its bin, and between the smallest and the largest value" {
            // 1003 is in the bin 1000 … 1003, of which nothing is known but how many values it has.
            let quantile = quantileOf (sketchOf [ 1L; 1003L; 100_000L ]) [ 1L; 1003L; 100_000L ]
            Expect.equal (quantile 0.5) 1001.5 "one value stands in the middle of its bin"
            Expect.equal (quantileOf (sketchOf [ 1003L ]) [ 1003L ] 0.5) 1003.0 "at the smallest and largest"
            let lower = [ 1003L; 1004L; 5000L ]
            Expect.equal (quantileOf (sketchOf lower) lower 0.0) 1003.0 "not below the smallest"
            let upper = [ 1L; 1001L; 1002L ]
            Expect.equal (quantileOf (sketchOf upper) upper 1.0) 1002.0 "not above the largest"
        }
        test "cells do not touch each other" {
            let sketch = QuantileSketch 2
            sketch.Add(0, 7L)
            sketch.Add(1, 1000L)
            Expect.equal (sketch.Quantile(0, 0.5, 1L, 7L, 7L)) 7.0 ""
        }
    ]

// ---- tallies and the grid

let private tallyTests =
    [
        test "a context that left counts in all later generations" {
            let tally, other = Tally 5, Tally 5
            let entry value = Array.create Observables.Count value

            let add (tally: Tally) index value collapsed =
                let values = entry value

                let mutable e =
                    Tally.Entry(Values = ReadOnlySpan values, Weight = 3L, Collapsed = collapsed, HeldOutCovered = 1L)

                tally.Add(index, &e)

            let addFrom (tally: Tally) index value =
                let values = entry value

                let mutable e =
                    Tally.Entry(Values = ReadOnlySpan values, Weight = 3L, Collapsed = true, HeldOutCovered = 1L)

                tally.AddFrom(index, &e)

            // One context stays; one leaves after the second generation; one, counted elsewhere, after the last.
            for i in 0..4 do
                add tally i 10L false
                add other i 40L (i = 4)

            add tally 0 20L false
            add tally 1 30L true
            addFrom tally 2 30L
            addFrom other 5 40L
            tally.Add other
            let part = tally.Spread()
            Expect.sequenceEqual part.Contexts [ 3L; 3L; 3L; 3L; 3L ] "all are there to the end"
            Expect.sequenceEqual part.Collapsed [ 0L; 1L; 1L; 1L; 2L ] ""
            Expect.sequenceEqual part.HeldOutCovered [ 3L; 3L; 3L; 3L; 3L ] ""
            let means = [ for i in 0..4 -> part.Moments[i * Observables.Count].Mean ]
            Expect.sequenceEqual means [ 70.0 / 3.0; 80.0 / 3.0; 80.0 / 3.0; 80.0 / 3.0; 80.0 / 3.0 ] ""
            Expect.equal (part.Sketch.Quantile(4 * Observables.Count, 0.5, 3L, 10L, 40L)) 30.0 "also in the sketch"
            Expect.equal (string part.Weights[3]) "9" "and in the weights"
        }
        test "an undefined value is not counted" {
            let tally = Tally 1
            let values = Array.init Observables.Count (fun o -> if o = 5 then -1L else 2L)
            let mutable e = Tally.Entry(Values = ReadOnlySpan values, Weight = 1L)
            tally.Add(0, &e)
            let part = tally.Spread()
            Expect.equal part.Moments[5].Count 0L ""
            Expect.equal part.Moments[4].Count 1L ""
        }
        test "every generation is reported up to 10,000" {
            for last in [ 1; 2; 999; 10_000 ] do
                Expect.sequenceEqual (ReportGrid.Standard.For last) [ 1..last ] $"{last}"
        }
        test "beyond, every one to 1,000, then steps of one part in a hundred, and the last" {
            for last in [ 10_001; 123_456; 100_000_000 ] do
                let grid = List.ofSeq (ReportGrid.Standard.For last)
                Expect.sequenceEqual (List.take 1000 grid) [ 1..1000 ] "dense"
                Expect.equal (List.last grid) last "the last"

                for here, next in List.pairwise (List.skip 999 grid) do
                    Expect.isGreaterThan next here "ascending"
                    Expect.isTrue (next = here + here / 100 || next = last) $"from {here} to {next}"
        }
        test "a list is reported as it stands, with the last" {
            let grid (text: string) last =
                List.ofSeq ((ReportGrid.Parse text).For last)

            Expect.equal (grid "1,10,100" 100) [ 1; 10; 100 ] "it ends the run"
            Expect.equal (grid "1,10,100" 1_000) [ 1; 10; 100; 1_000 ] "the last is added"
            Expect.equal (grid "3,5,70" 60) [ 3; 5; 60 ] "what a run does not reach is left out"
            Expect.equal (grid "7" 7) [ 7 ] "one"
            Expect.equal (grid "5" 1) [ 1 ] "the last alone"
            Expect.equal (List.ofSeq ((ReportGrid.At [ 2; 9 ]).For 12)) [ 2; 9; 12 ] "from code"
            Expect.equal (ReportGrid.At [ 2; 9 ]).Specification "2,9" "as the command line spells it"
        }
        test "a geometric grid has K generations a decade" {
            let grid (text: string) last =
                List.ofSeq ((ReportGrid.Parse text).For last)

            Expect.equal (grid "geometric:1" 1_000) [ 1; 10; 100; 1_000 ] "powers of ten"
            Expect.equal (grid "geometric:3" 500) [ 1; 2; 5; 10; 22; 46; 100; 215; 464; 500 ] "rounded"
            let twenty = grid "geometric:20" 100_000_000
            Expect.equal (twenty |> List.filter (fun m -> m >= 1_000 && m < 10_000) |> List.length) 20 "K of them"
            Expect.equal (List.distinct twenty) twenty "each once"
            Expect.equal (List.sort twenty) twenty "ascending"
            Expect.equal (List.last twenty) 100_000_000 "the last"
            Expect.equal (grid "geometric:1000" 10) [ 1..10 ] "every one where there are fewer"
            Expect.equal (ReportGrid.Geometric 20).Specification "geometric:20" "as the command line spells it"
        }
        test "a plan knows the place of each reported generation" {
            for last in [ 5; 20_000 ] do
                let plan =
                    Planner.Plan(settings (job Scenario.FullySynthetic (prior "uniform:5") 1 3 last 1UL))

                for i, m in Seq.indexed plan.Report do
                    Expect.equal (plan.ReportIndex m) i ""

                if last > 10_000 then
                    Expect.equal (plan.ReportIndex 1011) -1 "between two reported ones"
        }
        test "the fixed point of logarithms is as stated" {
            let bits = LogTable.BitsFor 3_000_000L
            let table = LogTable.Create(LogTable.MaxLength, bits)
            let unit = Math.ScaleB(1.0, -bits)

            for count in [ 1; 2; 3; 5; 10; 1000; 1001; 1002; 1003; 65_535; 65_536 ] do
                let found = float (LogTable.Ln(ReadOnlySpan table, count)) * unit
                // Half a unit, and what the logarithm itself is off by.
                Expect.isLessThanOrEqual (abs (found - log (float count))) (unit / 2.0 + 4e-15) $"ln {count}"

            for count in [ 65_537; 65_539; 99_999; 131_071; 131_073; 2_999_999; Int32.MaxValue ] do
                let error =
                    log (float count) - float (LogTable.Ln(ReadOnlySpan table, count)) * unit

                Expect.isTrue (error > -9.0 * unit && error < 1.2e-10 + 9.0 * unit) $"ln {count}: {error}"

            Expect.equal (LogTable.Ln(ReadOnlySpan table, 0)) 0L "0 ln 0 = 0"
        }
        test "no sum of logarithms overflows" {
            for total in [ 1L; 100L; 65_536L; 3_000_000L; int64 Int32.MaxValue ] do
                let bits = LogTable.BitsFor total

                let largest =
                    bigint total * bigint (Math.Ceiling(Math.ScaleB(log (float total) + 1.0, bits)))

                Expect.isLessThan largest (BigInteger.Pow(2I, 62)) $"{total}"
        }
    ]

// ---- scenarios and schedules

let private real numerator denominator =
    Segment(SegmentKind.FreshReal, 0, numerator, denominator)

let private model lag numerator denominator =
    Segment(SegmentKind.Model, lag, numerator, denominator)

let private kept = Segment(SegmentKind.KeepReal, 0, 0, 0)

let private recipe (scenario: Scenario) m = List.ofSeq (scenario.RecipeFor m)

let private scheduleOf scenario generations =
    Schedule.Create(scenario, generations, false)

let private scheduleTests =
    [
        test "recipes are the table of scenarios" {
            let fully, partially = Scenario.FullySynthetic, Scenario.PartiallySynthetic
            Expect.equal (recipe fully 1) [ real 1 1 ] "n real tokens"
            Expect.equal (recipe partially 1) [ kept ] "the N real tokens"

            for m in 2..5 do
                Expect.equal (recipe fully m) [ model 1 1 1 ] "n draws from the last model"
                Expect.equal (recipe partially m) [ kept; model 1 1 1 ] "and the same real tokens"

            let recent = Scenario.RecentModels 3
            Expect.equal (recipe recent 1) [ real 1 3 ] "t = 0"
            Expect.equal (recipe recent 2) [ real 1 3; model 1 1 3 ] "t = 0, 1"
            Expect.equal (recipe recent 3) [ real 1 3; model 2 1 3; model 1 1 3 ] "t = 0, 1, 2"

            for m in 4..6 do
                Expect.equal (recipe recent m) [ model 3 1 3; model 2 1 3; model 1 1 3 ] "the last three"

            for m in 1..4 do
                Expect.equal (recipe Scenario.RandomModels m) [ Segment(SegmentKind.Mixture, 0, 1, 1) ] "n draws"

            let custom = custom "mine" (fun m -> [ 0, 4; m - 1, 0; m - 1, 7 ])
            Expect.equal (recipe custom 3) [ real 4 0; model 1 7 0 ] "sources without tokens are left out"
        }
        test "a corpus is generation 1 of every scenario" {
            for scenario in
                [
                    Scenario.FullySynthetic
                    Scenario.RandomModels
                    Scenario.RecentModels 2
                    custom "c" (fun m -> [ m - 1, 3 ])
                ] do
                let schedule = Schedule.Create(scenario, 3, true)
                Expect.sequenceEqual schedule.Recipes[schedule.RecipeNumber 1] [ kept ] scenario.Name
        }
        test "sizes of training sets" {
            let sizes scenario n N =
                let schedule = scheduleOf scenario 4
                [ for m in 1..4 -> schedule.SetSize(m, n, N) ]

            Expect.equal (sizes Scenario.FullySynthetic 10 0) [ 10L; 10L; 10L; 10L ] ""
            Expect.equal (sizes Scenario.PartiallySynthetic 10 7) [ 7L; 17L; 17L; 17L ] ""
            Expect.equal (sizes (Scenario.RecentModels 3) 11 0) [ 3L; 6L; 9L; 9L ] "⌊11/3⌋ from each"
            Expect.equal (sizes Scenario.RandomModels 10 0) [ 10L; 10L; 10L; 10L ] ""

            let largest =
                (scheduleOf Scenario.PartiallySynthetic 4).LargestSet(Int32.MaxValue, Int32.MaxValue)

            Expect.equal largest (2L * int64 Int32.MaxValue) "beyond 32 bits"
            let schedule = scheduleOf (Scenario.RecentModels 3) 4
            Expect.equal (schedule.LargestSet(11, 0), schedule.SmallestSet(11, 0)) (9L, 3L) ""
            Expect.equal (schedule.TotalSize(11, 0)) 27.0 "all of them"
        }
        test "how far a schedule looks back and when it takes real tokens" {
            for scenario, generations, expected in
                [
                    Scenario.FullySynthetic, 9, (1, 1, 1)
                    Scenario.PartiallySynthetic, 9, (1, 9, 0)
                    Scenario.RecentModels 3, 9, (3, 3, 3)
                    Scenario.RecentModels 3, 2, (1, 2, 2)
                    Scenario.RandomModels, 9, (8, 9, 9)
                    custom "c" (fun m -> [ (if m = 5 then 0 else m - 1), 3; (if m = 7 then 1 else m - 1), 2 ]),
                    9,
                    (6, 5, 5)
                ] do
                let schedule = scheduleOf scenario generations
                Expect.equal (schedule.Lookback, schedule.LastRealUse, schedule.LastFreshUse) expected scenario.Name
        }
        test "equal recipes are one" {
            let schedule =
                scheduleOf (custom "c" (fun m -> [ m - 1, (if m % 2 = 0 then 3 else 5) ])) 50

            Expect.equal schedule.Recipes.Length 3 "the first and two more"
            Expect.equal (schedule.RecipeNumber 4) (schedule.RecipeNumber 50) ""
        }
        test "when a context can leave" {
            let absorbed = Absorption.IsAbsorbed
            Expect.isTrue (absorbed (5, 1, 1, 1, false)) "nothing but the last model is read"
            Expect.isFalse (absorbed (5, 2, 3, 1, true)) "a model before is read"
            Expect.isTrue (absorbed (2, 2, 3, 2, false)) "there are no more models"
            Expect.isFalse (absorbed (5, 5, 1, 6, false)) "real tokens are still to come"
            Expect.isTrue (absorbed (5, 5, 1, 6, true)) "of the same kind"
            Expect.equal (Absorption.ExtendRun(3, true, true)) 4 "the same token again"
            Expect.equal (Absorption.ExtendRun(3, true, false)) 1 "another one"
            Expect.equal (Absorption.ExtendRun(0, true, true)) 1 "the first"
            Expect.equal (Absorption.ExtendRun(3, false, true)) 0 "none"
        }
    ]

// ---- refusals

let private planRefusal job =
    refusal (fun () -> Planner.Plan(settings job))

let private fully = job Scenario.FullySynthetic (prior "uniform:5") 2 10 5 1UL

let private badSchedule sources =
    planRefusal
        { fully with
            Scenario = custom "c" (fun _ -> sources)
        }

let private refusals: (string * (unit -> string) * string) list =
    [
        "no truth",
        (fun () -> planRefusal { fully with Prior = None }),
        "--prior (missing): exactly one of --prior and --corpus must be given; name the truth once: a prior such as zipf:200000:1.0, or a corpus file"
        "two truths",
        (fun () ->
            planRefusal
                { fully with
                    Corpus = Some(fst corpus.Value)
                }),
        "--corpus (given beside --prior): exactly one of --prior and --corpus must be given; name the truth once: a prior such as zipf:200000:1.0, or a corpus file"
        "contexts of a corpus",
        (fun () ->
            planRefusal
                { onCorpus Scenario.FullySynthetic None 5 1UL with
                    Contexts = Some 7
                }),
        "--contexts 7: does not apply to a corpus, whose contexts are its n-grams; leave it out"
        "real tokens of a corpus",
        (fun () ->
            planRefusal
                { onCorpus Scenario.PartiallySynthetic None 5 1UL with
                    Real = Some 7
                }),
        "--real 7: does not apply to a corpus, whose own tokens are the real data; leave it out"
        "held-out text of a prior",
        (fun () ->
            planRefusal
                { fully with
                    HeldOut = Some(snd corpus.Value)
                }),
        "--heldout (given): needs a corpus; leave it out"
        "matched samples of a prior",
        (fun () -> planRefusal { fully with Samples = None }),
        "--samples matched: needs a corpus: only there has each context its own amount of real data; give a number"
        "no real tokens to keep",
        (fun () ->
            planRefusal
                { fully with
                    Scenario = Scenario.PartiallySynthetic
                }),
        "--real (missing): is required by partially-synthetic with a prior; give --real N, the number of real tokens kept in every training set"
        "real tokens that nobody keeps",
        (fun () -> planRefusal { fully with Real = Some 3 }),
        "--real 3: does not apply to fully-synthetic, which keeps no real tokens; leave it out"
        "no contexts",
        (fun () -> planRefusal { fully with Contexts = Some 0 }),
        "--contexts 0: must lie in 1 to 4,294,967,295; choose the number of contexts c"
        "no samples",
        (fun () -> planRefusal { fully with Samples = Some 0 }),
        "--samples 0: must lie in 1 to 2,147,483,647; choose the sample size n"
        "negative samples",
        (fun () -> planRefusal { fully with Samples = Some -4 }),
        "--samples -4: must lie in 1 to 2,147,483,647; choose the sample size n"
        "no real tokens",
        (fun () ->
            planRefusal
                { fully with
                    Scenario = Scenario.PartiallySynthetic
                    Real = Some 0
                }),
        "--real 0: must lie in 1 to 2,147,483,647; choose the number of real tokens N"
        "no generations",
        (fun () -> planRefusal { fully with Generations = Some 0 }),
        "--generations 0: must lie in 1 to 100,000,000; choose the last generation"
        "too many generations",
        (fun () ->
            planRefusal
                { fully with
                    Generations = Some 100_000_001
                }),
        "--generations 100000001: must lie in 1 to 100,000,000; choose the last generation"
        "no generations until collapse",
        (fun () ->
            planRefusal
                { fully with
                    Generations = Some 0
                    UntilCollapse = true
                }),
        "--max-generations 0: must lie in 1 to 100,000,000; choose the last generation"
        "no end",
        (fun () -> planRefusal { fully with Generations = None }),
        "--generations (missing): one of --generations and --until-collapse must be given; give --generations G, or --until-collapse"
        "a collapse that is not certain",
        (fun () ->
            planRefusal
                { fully with
                    Scenario = Scenario.RandomModels
                    Generations = None
                    UntilCollapse = true
                }),
        "--max-generations (missing): is required with --until-collapse by random-models, where collapse is not certain; give --max-generations G"
        "a negative trace",
        (fun () -> planRefusal { fully with Trace = -1 }),
        "--trace -1: must lie in 0 to 1,000,000; choose how many contexts are traced"
        "an empty chunk",
        (fun () -> planRefusal { fully with Chunk = Some 0 }),
        "--chunk 0: must lie in 1 to 16,777,216; choose how many contexts are handled at a time"
        "no threads",
        (fun () ->
            refusal (fun () ->
                Planner.Plan(
                    RunSettings(
                        Scenario = Scenario.FullySynthetic,
                        Prior = prior "uniform:5",
                        Samples = Nullable 5,
                        Generations = Nullable 5,
                        Threads = Nullable 0
                    )
                ))),
        "--threads 0: must lie in 1 to 1,024; choose the number of threads"
        "samples below the window",
        (fun () ->
            planRefusal
                { fully with
                    Scenario = Scenario.RecentModels 4
                    Samples = Some 3
                }),
        "--samples 3: must be at least the window 4, so that each model gives a token; raise --samples or lower --window"
        "a window above the generations",
        (fun () ->
            planRefusal
                { fully with
                    Scenario = Scenario.RecentModels 6
                }),
        "--window 6: must be at most the number of generations 5; lower --window or raise --generations"
        "matched samples below the window",
        (fun () -> planRefusal (onCorpus (Scenario.RecentModels 3) None 5 1UL)),
        "--samples matched: leaves a training set of recent-models empty in a context with 2 samples; give --samples a number of at least the window"
        "a training set whose sum of squares overflows",
        (fun () ->
            planRefusal
                { fully with
                    Scenario = Scenario.PartiallySynthetic
                    Samples = Some Int32.MaxValue
                    Real = Some 1
                }),
        "--samples 2147483648: a training set must have at most 2,147,483,647 tokens, or its sum of squares would overflow 64 bits; lower --samples or --real"
        "no window",
        (fun () -> refusal (fun () -> Scenario.RecentModels 0)),
        "--window 0: must lie in 1 to 4,096; give the number of most recent models that each generation learns from"
        "a missing window",
        (fun () -> refusal (fun () -> Scenario.Parse("recent-models", Nullable()))),
        "--window (missing): is required by recent-models; give --window K, the number of most recent models that each generation learns from"
        "a window out of place",
        (fun () -> refusal (fun () -> Scenario.Parse("random-models", Nullable 3))),
        "--window 3: does not apply to random-models; leave it out, or choose --scenario recent-models"
        "an unknown scenario",
        (fun () -> refusal (fun () -> Scenario.Parse("fully", Nullable()))),
        "--scenario fully: must be one of fully-synthetic, partially-synthetic, recent-models, random-models; choose one of these; any other schedule can be given as Scenario.Custom from code"
        "a schedule that looks ahead",
        (fun () -> badSchedule [ 1, 3 ]),
        "schedule of generation 1, source 1: must lie in 0 to 0; mend the custom schedule's function"
        "a schedule before the beginning",
        (fun () -> badSchedule [ -1, 3 ]),
        "schedule of generation 1, source -1: must lie in 0 to 0; mend the custom schedule's function"
        "a schedule of negative counts",
        (fun () -> badSchedule [ 0, -3 ]),
        "schedule of generation 1, count -3 of source 0: must not be negative; mend the custom schedule's function"
        "a schedule without tokens",
        (fun () -> badSchedule [ 0, 0 ]),
        "schedule of generation 1, 0 tokens: must lie in 1 to 2,147,483,647; mend the custom schedule's function"
        "a schedule of too many tokens",
        (fun () -> badSchedule [ 0, Int32.MaxValue; 0, 1 ]),
        "schedule of generation 1, 2147483648 tokens: must lie in 1 to 2,147,483,647; mend the custom schedule's function"
        "a schedule of too many sources",
        (fun () -> badSchedule [ for _ in 0 .. DrawStream.MaxSegments -> 0, 1 ]),
        "schedule of generation 1, 1048577 sources: must be at most 1048576; mend the custom schedule's function"
        "an unknown engine",
        (fun () -> refusal (fun () -> EngineCatalog.Create "gpu")),
        "--engine gpu: must be auto, cpu, reference, cuda, cuda:I, opencl or opencl:I; run 'collapse devices' to see what is there"
        "an engine of no number",
        (fun () -> refusal (fun () -> EngineCatalog.Create "opencl:x")),
        "--engine opencl:x: must be auto, cpu, reference, cuda, cuda:I, opencl or opencl:I; run 'collapse devices' to see what is there"
        "too many threads",
        (fun () -> refusal (fun () -> EngineCatalog.Create("cpu", Nullable 1025))),
        "--threads 1025: must lie in 1 to 1,024; choose the number of threads"
    ]

let private memoryRefusal (job: Job) available =
    use engine = new CpuEngine(2)
    let plan = Planner.Plan(settings job)
    refusal (fun () -> MemoryEstimate.Check(plan, engine, int (min plan.Contexts 100_000L), Nullable available))

let private memoryTests =
    let gibibyte = 2.0 ** 30.0

    let expect name job available (starts: string) (ends: string) =
        test name {
            let message: string = memoryRefusal job available
            Expect.stringStarts message starts "the largest part is named"
            Expect.stringContains message " GiB of memory, more than the " "what is needed and what there is"
            Expect.stringEnds message ends "and what to change"

            use engine = new CpuEngine(2)
            let plan = Planner.Plan(settings job)
            MemoryEstimate.Check(plan, engine, int (min plan.Contexts 100_000L), Nullable(1e6 * gibibyte))
        }

    [
        expect
            "a sample that does not fit"
            { fully with
                Samples = Some 1_000_000_000
            }
            (8.0 * gibibyte)
            "--samples 1000000000: the run would take "
            "; lower --samples or --threads"
        expect
            "a history that does not fit"
            { fully with
                Scenario = Scenario.RandomModels
                Samples = Some 10_000
                Generations = Some 10_000_000
            }
            (8.0 * gibibyte)
            "--samples 10000: the run would take "
            "; lower --samples, or --generations or --window: a context keeps 9999999 earlier training sets"
        expect
            "a history of small sets, a line of memory each at least"
            { fully with
                Scenario = Scenario.RandomModels
                Samples = Some 10
                Generations = Some 10_000_000
            }
            (2.0 * gibibyte)
            "--samples 10: the run would take "
            "; lower --samples, or --generations or --window: a context keeps 9999999 earlier training sets"
        expect
            "a vocabulary that does not fit"
            { fully with
                Prior = Some(prior "uniform:1000000000")
            }
            (8.0 * gibibyte)
            "--prior uniform:1000000000: the run would take "
            "; choose a smaller vocabulary"
        expect
            "reports that do not fit"
            { fully with Generations = Some 10_000 }
            (0.1 * gibibyte)
            "--generations 10000: the run would take "
            "; lower --threads or --generations, or report fewer generations with --report-at"
        expect
            "a trace that does not fit"
            { fully with
                Contexts = Some 100_000
                Trace = 100_000
                Generations = Some 1000
            }
            (1.0 * gibibyte)
            "--trace 100000: the run would take "
            "; trace fewer contexts"
        test "what fits is not refused" {
            use engine = new CpuEngine(2)
            Simulation.Prepare(settings fully, engine) |> ignore
        }
        test "a run that would not fit here is refused before any work" {
            use engine = new CpuEngine(2)

            let job =
                { fully with
                    Scenario = Scenario.RandomModels
                    Samples = Some 1_000_000
                    Generations = Some 10_000_000
                }

            let message = refusal (fun () -> Simulation.Prepare(settings job, engine))
            Expect.stringStarts message "--samples 1000000: the run would take " ""
        }
    ]

let private planTests =
    [
        for name, action, expected in refusals do
            test $"{name} is refused" { Expect.equal (action ()) expected "" }
        test "a weights file's rows are its contexts" {
            withText "1 2\n3 4\n5 6\n" (fun path ->
                let rows = prior $"file:{path}"

                let plan contexts =
                    Planner.Plan(
                        settings
                            { fully with
                                Prior = Some rows
                                Contexts = contexts
                            }
                    )

                Expect.equal (plan None).Contexts 3L "left out"
                Expect.equal (plan (Some 3)).Contexts 3L "or said again"

                Expect.equal
                    (planRefusal
                        { fully with
                            Prior = Some rows
                            Contexts = Some 4
                        })
                    "--contexts 4: must be 3, the rows of the weights file; leave it out or correct it"
                    "")
        }
        test "the default end of a run until collapse" {
            let last scenario samples =
                (Planner.Plan(
                    settings
                        { collapseJob scenario (prior "uniform:5") 1 samples 1UL with
                            Real = None
                        }
                ))
                    .LastGeneration

            Expect.equal (last Scenario.FullySynthetic 1000) 100_000 "100 n"
            Expect.equal (last Scenario.FullySynthetic 3) 10_000 "at least 10,000"
            Expect.equal (last (Scenario.RecentModels 7) 1000) 1_600_000 "times ((7 + 1)/2)²"
            Expect.equal (last Scenario.FullySynthetic 2_000_000_000) 100_000_000 "at most 100,000,000"
        }
        test "a window takes as much longer to collapse as the default allows for" {
            // E[T] grows with the square of the mean lag: within a factor of 1.5 over 2,000 contexts, whose
            // standard error is 2 in a hundred.
            let mean window =
                (cpu (collapseJob (Scenario.RecentModels window) (prior "uniform:20") 2_000 28 1UL))
                    .Result.CollapseTimes.Mean

            let ratio = mean 7 / mean 1
            Expect.isGreaterThan ratio (16.0 / 1.5) ""
            Expect.isLessThan ratio (16.0 * 1.5) ""
        }
        test "draws of a plan are those of its training sets" {
            let draws scenario (change: Job -> Job) =
                (Planner.Plan(
                    settings (
                        change
                            { job scenario (prior "uniform:5") 3 10 4 1UL with
                                Real = None
                            }
                    )
                ))
                    .Draws

            Expect.equal (draws Scenario.FullySynthetic id) 120L ""

            Expect.equal
                (draws Scenario.PartiallySynthetic (fun job -> { job with Real = Some 7 }))
                (3L * (7L + 51L))
                ""

            Expect.equal (draws (Scenario.RecentModels 3) id) (3L * 27L) ""

            let corpus = fst corpus.Value
            let matched = Planner.Plan(settings (onCorpus Scenario.FullySynthetic None 4 1UL))
            Expect.equal matched.Draws (4L * corpus.TransitionCount) "matched"

            let huge =
                Planner.Plan(
                    settings
                        { fully with
                            Contexts = Some Int32.MaxValue
                            Samples = Some Int32.MaxValue
                            Generations = Some 100
                        }
                )

            Expect.equal huge.Draws Int64.MaxValue "capped"
        }
    ]

[<Tests>]
let tests =
    testList
        "results and plans"
        [
            testList "moments" momentTests
            testList "quantiles" sketchTests
            testList "tallies" tallyTests
            testList "schedules" scheduleTests
            testList "plans" planTests
            testList "memory" memoryTests
        ]
