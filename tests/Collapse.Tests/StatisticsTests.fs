/// Means over many contexts against closed forms.
///
/// Every check has the false-alarm rate `alpha` below; there are fewer than a hundred in this file, so that
/// all of them together cry wolf in less than one seed of a million. Seeds are fixed. A mean over c contexts of
/// a quantity with skewness γ has, at z standard errors, tails that are normal but for a relative error of
/// about γ z³ / (6 √c) (Cramér). With z = 5.7, γ below 3 and c of 20,000 or more that is below 0.7: the true rate
/// is below twice alpha. Each check has a planted defect beside it that it rejects at the same c.
module Collapse.Tests.StatisticsTests

open System
open Expecto
open MathNet.Numerics
open MathNet.Numerics.Distributions
open Collapse.Model
open Collapse.Kernels
open Collapse.Priors
open Collapse.Engines.Cpu
open Collapse.Results
open Collapse.Running
open Collapse.Tests.Runs

let private alpha = 1e-8

let private critical = -Normal.InvCDF(0.0, 1.0, alpha / 2.0)

// ---- verdicts: what is wrong, or None

/// Whether a mean over c contexts is its expectation, two-sided.
let private meanVerdict what expected mean sd c =
    let z = (mean - expected) / (sd / sqrt (float c))

    if abs z <= critical then
        None
    else
        Some
            $"{what}: mean {mean} over {c} contexts, expected {expected}, z = {z:F2} beyond {critical:F2} (alpha {alpha})"

/// Whether k of c is what a probability gives: Clopper and Pearson's interval, exact for any c.
let private fractionVerdict what expected k c =
    let low =
        if k = 0 then
            0.0
        else
            Beta.InvCDF(float k, float (c - k + 1), alpha / 2.0)

    let high =
        if k = c then
            1.0
        else
            Beta.InvCDF(float (k + 1), float (c - k), 1.0 - alpha / 2.0)

    if low <= expected && expected <= high then
        None
    else
        Some $"{what}: {k} of {c}, expected {expected}, outside {low} to {high} (alpha {alpha})"

/// Whether counts are what probabilities give: Pearson's chi-squared. Every expected count must be 100 or more,
/// so that the normal approximation behind it holds far out.
let private frequencyVerdict what (expected: float[]) (counts: int[]) =
    let c = Array.sum counts

    let statistic =
        Array.map2 (fun p k -> (float k - p * float c) ** 2.0 / (p * float c)) expected counts
        |> Array.sum

    Expect.isGreaterThanOrEqual (Array.min expected * float c) 100.0 "enough for chi-squared"
    let limit = ChiSquared.InvCDF(float (counts.Length - 1), 1.0 - alpha)

    if statistic <= limit then
        None
    else
        Some $"{what}: chi-squared {statistic:F1} over {c} contexts, beyond {limit:F1} (alpha {alpha})"

let private accept (verdicts: string option list) =
    Expect.isNonEmpty verdicts "something is checked"
    Expect.isEmpty (List.choose id verdicts) "as the closed form says"

/// A planted defect must be seen by one check at least.
let private reject (verdicts: string option list) =
    Expect.isNonEmpty (List.choose id verdicts) "the defect is rejected"

let private seriesVerdicts observable expected generations (result: RunResult) =
    let series = result[observable]

    [
        for m in generations ->
            meanVerdict
                $"{result.Plan.Settings.Scenario.Name}, {observable} at {m}"
                (expected m)
                series.Mean[m - 1]
                series.StandardDeviation[m - 1]
                result.Plan.Contexts
    ]

let private resultOf job = (cpu job).Result

let private sumOfSquares (p: float[]) = p |> Array.sumBy (fun x -> x * x)

// ---- second moments of any schedule of eq. 5

/// E Σ p_i^(t) p_i^(u) for all generations: two tokens of one training set are one draw with probability 1/n,
/// else two draws, each from its own source; draws of different generations only meet through their sources.
let private secondMoments s0 last (schedule: int -> (int * int) list) =
    let moment = Array2D.zeroCreate (last + 1) (last + 1)
    moment[0, 0] <- s0

    for m in 1..last do
        let sources = schedule m
        let n = float (List.sumBy snd sources)

        for u in 0 .. m - 1 do
            let value = sources |> List.sumBy (fun (t, k) -> float k / n * moment[t, u])
            moment[m, u] <- value
            moment[u, m] <- value

        let pairs =
            [
                for i, (t, k) in List.indexed sources do
                    for j, (u, l) in List.indexed sources do
                        if i = j then
                            float k * (1.0 + float (k - 1) * moment[t, t])
                        else
                            float k * float l * moment[t, u]
            ]

        moment[m, m] <- List.sum pairs / (n * n)

    moment

// ---- fully synthetic

/// Eq. (6): 1 - S_m = (1 - 1/n)^m (1 - S_0).
let private equation6 n s0 m =
    1.0 - (1.0 - 1.0 / float n) ** float m * (1.0 - s0)

let private fullySynthetic =
    [
        for specification, n, contexts in
            [
                "uniform:52", 20, 40_000
                "power:600:52:0.1", 31, 40_000
                "zipf:3000:1.1", 40, 40_000
            ] do
            let prior = prior specification
            let s0 = sumOfSquares (prior.Probabilities())
            let generations = [ 1; 2; 5; 10; 20; 40 ]

            let verdicts job =
                resultOf job
                |> seriesVerdicts Observable.SumOfSquares (equation6 n s0) generations

            test $"the sum of squares is (6), {specification}, n = {n}, {contexts} contexts" {
                accept (verdicts (job Scenario.FullySynthetic prior contexts n 40 101UL))
            }

            test $"(6) rejects a source one generation too early, {specification}" {
                let early = custom "early" (fun m -> [ (if m = 1 then 0 else max 1 (m - 2)), n ])

                reject (verdicts (job early prior contexts n 40 101UL))
            }

            test $"(6) rejects n - 1 draws, {specification}" {
                reject (verdicts (job Scenario.FullySynthetic prior contexts (n - 1) 40 101UL))
            }

            test $"(6) rejects fresh tokens every generation, {specification}" {
                let fresh = custom "fresh" (fun _ -> [ 0, n ])
                reject (verdicts (job fresh prior contexts n 40 101UL))
            }
        test "a window of one model is fully synthetic, to the digest" {
            let run scenario =
                resultOf (job scenario (prior "zipf:3000:1.1") 50 100 20 102UL)

            Expect.equal (run (Scenario.RecentModels 1)).Digest (run Scenario.FullySynthetic).Digest ""
        }
    ]

// ---- defective samplers, as small copies of the right one

/// The mean and standard deviation of σ_m over contexts for a sampler of indices, and c.
let private plainSumOfSquares pick n contexts generations =
    let values =
        [|
            for c in 0 .. contexts - 1 ->
                let mutable set = Array.init n id
                // Tokens 0 … n - 1 once each stand for n draws that never meet: S_1 = 1/n.
                for m in 2..generations do
                    set <- Array.init n (fun d -> set[pick c m d])

                float (set |> Array.countBy id |> Array.sumBy (fun (_, k) -> k * k))
                / float (n * n)
        |]

    Statistics.Statistics.Mean values, Statistics.Statistics.StandardDeviation values

let private samplers =
    let n, contexts, generations = 20, 20_000, 12

    let stream c m =
        DrawStream(103UL, uint32 c, uint32 m, 0u, DrawPurpose.Index)

    let verdict pick =
        let mean, sd = plainSumOfSquares pick n contexts generations
        // (6) from S_1 = 1/n on.
        let expected = 1.0 - (1.0 - 1.0 / float n) ** float generations
        [ meanVerdict "the plain sampler" expected mean sd contexts ]

    let uniform c m d =
        let stream = stream c m
        int (UniformIndex.Draw(&stream, uint32 d, uint32 n))

    [
        test $"the right sampler of indices gives (6), n = {n}, {contexts} contexts" { accept (verdict uniform) }
        test "(6) rejects a sampler that never takes the last index" {
            reject (
                verdict (fun c m d ->
                    let stream = stream c m
                    int (UniformIndex.Draw(&stream, uint32 d, uint32 (n - 1))))
            )
        }
        test "(6) rejects a counter that is used again in every generation" {
            reject (verdict (fun c _ d -> uniform c 2 d))
        }
        test "(6) rejects a counter that two draws share" { reject (verdict (fun c m d -> uniform c m (d / 2))) }
        test "(6) rejects modulo bias in narrow lanes" {
            // 5-bit lanes: 12 of 20 indices come up twice as often as the others.
            reject (
                verdict (fun c m d ->
                    let block = (stream c m).Block(uint32 d, 0u)
                    int (block.X0 % 32u) % n)
            )
        }
    ]

// ---- partially synthetic

/// Eq. (9) with the sign that makes S_1 = 1/N + (1 - 1/N) S_0; copies of the paper print a minus (sign = -1).
let private equation9 sign real n s0 m =
    let N, n = float real, float n
    let a = n / (N + n)
    let b = a * ((1.0 + 1.0 / N) * a - 1.0 / N)
    let power = b ** float (m - 1)

    (1.0 / N * (1.0 + 2.0 * a - (1.0 - 1.0 / N) * a * power)
     + (1.0 - 1.0 / N) * s0 * (1.0 + a + sign * a / N * power))
    / (1.0 + (1.0 + 1.0 / N) * a)

let private partiallySynthetic =
    [
        for specification, real, n in [ "power:600:52:0.1", 10, 6; "uniform:52", 4, 8; "zipf:3000:1.1", 12, 4 ] do
            let prior = prior specification
            let contexts = 100_000
            let s0 = sumOfSquares (prior.Probabilities())
            let generations = [ 1; 2; 3; 5; 10; 20 ]

            let verdictsOf expected job =
                resultOf job |> seriesVerdicts Observable.SumOfSquares expected generations

            let verdicts = verdictsOf (equation9 1.0 real n s0)

            let kept n =
                { job Scenario.PartiallySynthetic prior contexts n 20 104UL with
                    Real = Some real
                }

            test $"the sum of squares is (9), {specification}, N = {real}, n = {n}, {contexts} contexts" {
                accept (verdicts (kept n))
            }

            test $"(9) rejects n - 1 draws, {specification}" { reject (verdicts (kept (n - 1))) }

            test $"(9) rejects real tokens drawn anew every generation, {specification}" {
                let anew =
                    custom "anew" (fun m -> if m = 1 then [ 0, real ] else [ 0, real; m - 1, n ])

                reject (verdicts (job anew prior contexts n 20 104UL))
            }
        test "(9) with the minus of the printed copies is rejected" {
            let prior = prior "power:600:52:0.1"

            let job =
                { job Scenario.PartiallySynthetic prior 40_000 20 20 105UL with
                    Real = Some 10
                }

            let verdicts sign =
                resultOf job
                |> seriesVerdicts Observable.SumOfSquares (equation9 sign 10 20 0.1) [ 1; 2 ]

            accept (verdicts 1.0)
            reject (verdicts -1.0)
        }
        test "(9) begins at 1/N + (1 - 1/N) S_0" {
            for real, n, s0 in [ 10, 20, 0.1; 1, 5, 0.3; 100, 1, 0.01 ] do
                let first = 1.0 / float real + (1.0 - 1.0 / float real) * s0
                Expect.floatClose Accuracy.high (equation9 1.0 real n s0 1) first ""
        }
    ]

// ---- other schedules

let private schedules =
    let specification, contexts = "power:600:52:0.1", 40_000
    let law = prior specification

    let against expected scenario n =
        resultOf (job scenario law contexts n 30 106UL)
        |> seriesVerdicts Observable.SumOfSquares expected [ 1; 2; 3; 7; 15; 30 ]

    /// The product of DESIGN: 1 - S_m = (1 - S_0)(1 - 1/n) ∏_{g=2..m} (1 - 1/(n g²)).
    let product n m =
        let factors = [ for g in 2..m -> 1.0 - 1.0 / (float n * float g * float g) ]
        1.0 - 0.9 * (1.0 - 1.0 / float n) * List.fold (*) 1.0 factors

    let recent window n m =
        [ for t in max 0 (m - window) .. m - 1 -> t, n / window ]

    let irregular m =
        match m with
        | 1 -> [ 0, 25 ]
        | m when m % 4 = 0 -> [ 0, 3; m - 1, 12; 1, 2 ]
        | m -> [ m - 1, 10; max 0 (m - 3), 9 ]

    [
        test $"random-models keeps the product, n = 20, {contexts} contexts" {
            accept (against (product 20) Scenario.RandomModels 20)
        }
        test "the product rejects sources 1 … m - 1 without the truth" {
            // Its nearest custom schedule: the models in turn, as equal parts.
            let withoutTruth =
                custom "without truth" (fun m ->
                    if m = 1 then
                        [ 0, 20 ]
                    else
                        [ for t in 1 .. m - 1 -> t, (20 * t) / (m - 1) - (20 * (t - 1)) / (m - 1) ])

            reject (against (product 20) withoutTruth 20)
        }
        test "the product rejects n - 1 draws" { reject (against (product 20) Scenario.RandomModels 19) }
        for window, n in [ 2, 20; 3, 20; 7, 50 ] do
            test $"recent-models {window} has its second moments, n = {n}, {contexts} contexts" {
                let moments = secondMoments 0.1 30 (recent window n)
                accept (against (fun m -> moments[m, m]) (Scenario.RecentModels window) n)
            }

            test $"the second moments of recent-models {window} reject a window of one more" {
                let moments = secondMoments 0.1 30 (recent window n)
                reject (against (fun m -> moments[m, m]) (Scenario.RecentModels(window + 1)) n)
            }
        test $"a custom schedule has its second moments, {contexts} contexts" {
            let moments = secondMoments 0.1 30 irregular
            accept (against (fun m -> moments[m, m]) (custom "irregular" irregular) 20)
        }
        test "the second moments reject one token moved to another source" {
            let moved m =
                match irregular m with
                | (t, k) :: (u, l) :: rest -> (t, k + 1) :: (u, l - 1) :: rest
                | sources -> sources

            let moments = secondMoments 0.1 30 irregular
            reject (against (fun m -> moments[m, m]) (custom "moved" moved) 20)
        }
        test "second moments are (6) where the schedule is" {
            let moments = secondMoments 0.1 30 (fun m -> [ m - 1, 20 ])

            for m in 1..30 do
                Expect.floatClose Accuracy.high moments[m, m] (equation6 20 0.1 m) $"generation {m}"
        }
    ]

// ---- collapse

let private collapse =
    let survivors job vocabulary =
        let counts = Array.zeroCreate<int> vocabulary

        for table in (cpu job).Tables do
            for i in 0 .. table.Count - 1 do
                Expect.isGreaterThan table.CollapseTime[i] 0 "all collapse"
                counts[table.Token[i]] <- counts[table.Token[i]] + 1

        counts

    let chances =
        let law = prior "zipf:20:1.0"
        let expected = law.Probabilities()

        let verdict contexts job =
            [
                frequencyVerdict $"survivors, {contexts} contexts" expected (survivors job 20)
            ]

        [
            // The rarest of 20 tokens has p = 0.0139, so that 100,000 contexts expect 1,390 of it.
            test "a token survives with its own probability (Prop. 1)" {
                accept (verdict 100_000 (collapseJob Scenario.FullySynthetic law 100_000 10 107UL))
            }
            test "also in a window of models, when all of it has collapsed" {
                // At the first collapse the window still holds other models: only the end counts.
                let job = job (Scenario.RecentModels 3) law 40_000 6 800 108UL
                Expect.equal (Seq.last (resultOf job).CollapsedFraction) 1.0 "all have"
                accept (verdict 40_000 job)
            }
            test "Prop. 1 rejects a law with a little more in its tail" {
                let heavier = prior "zipf:20:0.97"
                reject (verdict 100_000 (collapseJob Scenario.FullySynthetic heavier 100_000 10 107UL))
            }
        ]

    let times =
        [
            // E[T] and rho from the ancestral chain (DESIGN, reference values); γ of T is about 2.
            test "the mean collapse time, uniform over 52, n = 10, 100,000 contexts" {
                let result =
                    resultOf (collapseJob Scenario.FullySynthetic (prior "uniform:52") 100_000 10 110UL)

                let times = result.CollapseTimes

                accept
                    [
                        meanVerdict "E[T]" 18.308534952430268 times.Mean times.StandardDeviation times.Count
                    ]

                reject
                    [
                        meanVerdict
                            "E[T] with generations from 0"
                            17.308534952430268
                            times.Mean
                            times.StandardDeviation
                            times.Count
                    ]
            }
            test "jumps keep to the law: uniform over 52, n = 400, 20,000 contexts" {
                let generations = [ 1; 100; 316; 1_000 ]

                let verdicts n =
                    let job =
                        { collapseJob Scenario.FullySynthetic (prior "uniform:52") 20_000 n 112UL with
                            ReportAt = ReportGrid.At generations
                        }

                    use engine = new CpuEngine()
                    let result = (run engine job).Result
                    Expect.isLessThan (3L * engine.Lookups) result.Draws "most is jumped over"
                    let times = result.CollapseTimes
                    let squares = result[Observable.SumOfSquares]

                    [
                        yield meanVerdict "E[T]" 789.5451284246817 times.Mean times.StandardDeviation times.Count

                        for i, m in List.indexed generations do
                            yield
                                meanVerdict
                                    $"S_{m}"
                                    (equation6 400 (1.0 / 52.0) m)
                                    squares.Mean[i]
                                    squares.StandardDeviation[i]
                                    times.Count
                    ]

                accept (verdicts 400)
                Expect.all (verdicts 370) Option.isSome "each of the five sees n - 30"
            }
            test "the mean collapse time and rho, uniform over 52, n = 50, 20,000 contexts" {
                let verdicts n =
                    let result =
                        resultOf (collapseJob Scenario.FullySynthetic (prior "uniform:52") 20_000 n 111UL)

                    let times = result.CollapseTimes

                    let collapsed m =
                        int (round (result.CollapsedFraction[m - 1] * 20_000.0))

                    [
                        meanVerdict "E[T]" 97.0099081579253 times.Mean times.StandardDeviation times.Count
                        fractionVerdict "rho_50" 0.15578283498411968 (collapsed 50) 20_000
                        fractionVerdict "rho_100" 0.6320926876023202 (collapsed 100) 20_000
                    ]

                accept (verdicts 50)
                Expect.all (verdicts 47) Option.isSome "each of the three sees n - 3"
            }
        ]

    chances @ times

// ---- what is lost

/// The law of the number of ancestors A_m (DESIGN): A_1 = n, A_{m+1} of A_m balls in n bins.
let private ancestors n last =
    let bins = float n

    let next (law: float[]) =
        let result = Array.zeroCreate (n + 1)

        for a in 1..n do
            // Distinct bins hit by a balls, ball by ball.
            let mutable hit = Array.zeroCreate (n + 1)
            hit[0] <- 1.0

            for _ in 1..a do
                hit <-
                    Array.init (n + 1) (fun k ->
                        hit[k] * float k / bins
                        + (if k > 0 then
                               hit[k - 1] * (bins - float (k - 1)) / bins
                           else
                               0.0))

            for k in 0..n do
                result[k] <- result[k] + law[a] * hit[k]

        result

    Seq.unfold (fun law -> Some(law, next law)) (Array.init (n + 1) (fun a -> if a = n then 1.0 else 0.0))
    |> Seq.take last
    |> Array.ofSeq

let private losses =
    [
        for specification, n in [ "zipf:40:1.0", 10; "power:600:52:0.1", 12; "zipf:3000:1.1", 15 ] do
            let contexts = 40_000
            let law = prior specification
            let p = law.Probabilities()
            let chain = ancestors n 20
            let generations = [ 1; 2; 5; 10; 20 ]

            /// P(token lost by m) = E[(1 - p)^A_m].
            let lost m p =
                chain[m - 1]
                |> Array.mapi (fun a chance -> chance * (1.0 - p) ** float a)
                |> Array.sum

            let support m =
                p |> Array.sumBy (fun p -> 1.0 - lost m p)

            let unseen m =
                p |> Array.sumBy (fun p -> p * lost m p)

            let rho m =
                chain[m - 1]
                |> Array.mapi (fun a chance -> chance * (p |> Array.sumBy (fun p -> p ** float a)))
                |> Array.sum

            let verdicts job =
                let result = resultOf job

                [
                    yield! seriesVerdicts Observable.Support support generations result
                    yield! seriesVerdicts Observable.UnseenMass unseen generations result
                    for m in [ 10; 20 ] do
                        fractionVerdict
                            $"rho_{m}"
                            (rho m)
                            (int (round (result.CollapsedFraction[m - 1] * float contexts)))
                            contexts
                ]

            test
                $"support, unseen mass and rho are those of the ancestral chain, {specification}, n = {n}, {contexts} contexts" {
                accept (verdicts (job Scenario.FullySynthetic law contexts n 20 112UL))
            }

            test $"the ancestral chain rejects n - 1 draws, {specification}" {
                reject (verdicts (job Scenario.FullySynthetic law contexts (n - 1) 20 112UL))
            }

            test
                $"the distance to the truth at first is the binomials' mean deviation, {specification}, n = {n}, {contexts} contexts" {
                // E |X/n - p| over X ~ Binomial(n, p), token by token: exact, and unbiasedness cannot fake it.
                let expected n =
                    p
                    |> Array.sumBy (fun p ->
                        let binomial = Binomial(p, n)
                        Seq.sumBy (fun k -> binomial.Probability k * abs (float k / float n - p)) [ 0..n ])

                let result = resultOf (job Scenario.FullySynthetic law contexts n 1 113UL)
                accept (seriesVerdicts Observable.L1FromTruth (fun _ -> expected n) [ 1 ] result)
                reject (seriesVerdicts Observable.L1FromTruth (fun _ -> expected (n + 1)) [ 1 ] result)
            }
    ]

[<Tests>]
let tests =
    testList
        "statistics"
        [
            testList "fully synthetic" fullySynthetic
            testList "samplers" samplers
            testList "partially synthetic" partiallySynthetic
            testList "other schedules" schedules
            testList "collapse" collapse
            testList "losses" losses
        ]
