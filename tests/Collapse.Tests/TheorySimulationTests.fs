/// The formulas against this file's own small simulations, which share no code with the library or the simulator.
module Collapse.Tests.TheorySimulationTests

open System
open Collapse.Theory
open Expecto
open Collapse.Tests.TheorySupport

/// False-alarm rate per comparison: two-sided normal, 4.9 standard errors, about 1e-6. The seed is fixed, so a run
/// that passed passes again. Means of at least 2,000 bounded values: the normal approximation is good enough there
/// for a factor of a few in that rate.
let private standardErrors = 4.9

let private meanAndError (values: float[]) =
    let mean = Array.average values
    let variance = values |> Array.averageBy (fun x -> (x - mean) ** 2.0)
    mean, sqrt (variance / float (values.Length - 1))

let private agrees expected values =
    let mean, error = meanAndError values
    abs (mean - expected) <= standardErrors * error

/// One token of a law.
let private draw (random: Random) (law: float[]) =
    let u = random.NextDouble()
    let mutable i = 0
    let mutable sum = law[0]

    while u >= sum && i < law.Length - 1 do
        i <- i + 1
        sum <- sum + law[i]

    i

let private counts random n law =
    let result = Array.zeroCreate (Array.length law)

    for _ in 1..n do
        let i = draw random law
        result[i] <- result[i] + 1

    result

let private law (counts: int[]) =
    let total = float (Array.sum counts)
    counts |> Array.map (fun c -> float c / total)

let private prior = normalise [| 5.0; 3.0; 2.0; 1.0; 1.0 |]

/// Each generation's law, p^(0) first; `train m history` gives generation m's token counts.
let private history train last =
    let laws = ResizeArray [ prior ]

    for m in 1..last do
        laws.Add(law (train m laws))

    laws

let private recent random n window m (laws: ResizeArray<float[]>) =
    [ max 0 (m - window) .. m - 1 ]
    |> List.map (fun t -> counts random (n / window) laws[t])
    |> List.reduce (Array.map2 (+))

let private mixed (random: Random) n m (laws: ResizeArray<float[]>) =
    let result = Array.zeroCreate prior.Length

    for _ in 1..n do
        let i = draw random laws[random.Next m]
        result[i] <- result[i] + 1

    result

let private schedules =
    let samples, last, replicates = 12, 12, 4000

    let simulate train =
        Array.init replicates (fun _ -> history train last)

    let squares (runs: ResizeArray<float[]>[]) =
        runs |> Array.map (fun laws -> sumOfSquares laws[last])

    let expected (moments: ScheduleMoments) =
        moments.SumOfSquares(sumOfSquares prior, last)

    testList
        "S_m by simulation"
        [
            for window in [ 1; 3; 5 ] do
                test $"recent-models, window {window}" {
                    let runs = simulate (recent (Random 11) samples window)
                    let moments = ScheduleRecursions.RecentModels(int64 samples, window, last)
                    Expect.isTrue (agrees (expected moments) (squares runs)) "S_m"
                    // A window one wider is a different law, and this many replicates see it.
                    let other = ScheduleRecursions.RecentModels(int64 samples, window + 1, last)
                    Expect.isFalse (agrees (expected other) (squares runs)) "the planted defect is seen"
                }
            test "random-models" {
                let runs = simulate (mixed (Random 12) samples)
                let moments = ScheduleRecursions.RandomModels(int64 samples, last)
                Expect.isTrue (agrees (expected moments) (squares runs)) "S_m"
                let deviation = runs |> Array.map (fun laws -> l1 laws[last] laws[1])
                let mean, error = meanAndError deviation

                Expect.isLessThan
                    (mean - standardErrors * error)
                    (moments.SharpFromFirst(prior, last)).Value
                    "sharp bound"
                // Without the truth among the sources, generations 2 on choose among 1..m-1 only.
                let without =
                    simulate (fun m laws ->
                        if m = 1 then
                            counts (Random 13) samples prior
                        else
                            mixed (Random(13 + m)) samples (m - 1) (ResizeArray(Seq.skip 1 laws)))

                Expect.isFalse (agrees (expected moments) (squares without)) "the planted defect is seen"
            }
        ]

/// ||p^(m) - p^(1)||_1 of one replicate of the partially synthetic scenario, at the paper's prior.
let private deviation (random: Random) keep real n last =
    let first = counts random real paperPrior
    let start = law first
    let mutable current = start

    for _ in 2..last do
        let kept = if keep then first else counts random real paperPrior
        current <- law (Array.map2 (+) kept (counts random n current))

    l1 current start

let private planner =
    test "the plan for N = 100 and eps = 0.1 holds in simulation at n and fails at n + 1" {
        let tolerance, real, generation = 0.1, 100, 12

        let plan =
            Planner.MaxSamples(paperPrior, int64 real, tolerance, Nullable generation)

        let n = int plan.Exact.Tokens.Value
        Expect.equal plan.Equation11.Tokens (Nullable 0L) "the paper allows nothing"

        let exact n =
            (Planner.Tolerance(paperPrior, int64 real, int64 n, Nullable generation)).Exact.Value

        let values n keep =
            Array.init 6000 (fun i -> deviation (Random(1000 * n + i)) keep real n generation)

        let at, beyond = values n true, values (n + 1) true
        Expect.isTrue (agrees (exact n) at) "the exact mean at n"
        Expect.isTrue (agrees (exact (n + 1)) beyond) "the exact mean at n + 1"
        let mean, error = meanAndError at
        Expect.isLessThan (mean + 3.0 * error) tolerance "within the tolerance at n"
        let mean, error = meanAndError beyond
        Expect.isGreaterThan (mean - 3.0 * error) tolerance "beyond it at n + 1"
        // Real data redrawn in each generation instead of kept.
        Expect.isFalse (agrees (exact n) (values n false)) "the planted defect is seen"
    }

[<Tests>]
let tests = testList "theory by simulation" [ schedules; planner ]
