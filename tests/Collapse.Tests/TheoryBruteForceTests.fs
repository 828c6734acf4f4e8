/// The exact laws against enumeration of every count vector, for tiny vocabularies and samples.
module Collapse.Tests.TheoryBruteForceTests

open System
open Collapse.Theory
open Expecto
open Collapse.Tests.TheorySupport

let private laws =
    [
        1, [| 0.5; 0.5 |]
        2, [| 0.7; 0.3 |]
        3, [| 0.2; 0.3; 0.5 |]
        4, [| 0.6; 0.3; 0.1 |]
        4, [| 0.25; 0.25; 0.0; 0.5 |]
        3, [| 1.0; 0.0 |]
    ]

let private fully =
    testList
        "fully synthetic"
        [
            for n, p in laws do
                test $"n = {n}, p = %A{p}" {
                    let generations = 12
                    let exact = FullySyntheticLaw(p, n)
                    let rho = exact.CollapseProbabilities generations
                    let survival = exact.SurvivalProbabilities generations
                    let support = exact.ExpectedSupport generations
                    let extinct = known (exact.FirstExtinctionProbabilities generations)
                    let deviation = DeviationLaw.FullySynthetic(p, int64 n).Exact generations |> known
                    let initial = supportOf p

                    fullySynthetic n p generations
                    |> List.iteri (fun i law ->
                        let m = i + 1
                        let law = law |> List.map (fun (c, w) -> toLaw c, w)
                        let collapsed = law |> mean (fun q -> if Array.max q = 1.0 then 1.0 else 0.0)
                        near 1e-13 rho[m] collapsed $"rho_{m}"
                        near 1e-13 survival[m] (1.0 - collapsed) $"1 - rho_{m}"
                        near 1e-12 support[m] (law |> mean (supportOf >> float)) $"support {m}"
                        let full = law |> mean (fun q -> if supportOf q = initial then 1.0 else 0.0)
                        near 1e-13 extinct[m] (1.0 - full) $"first extinction by {m}"

                        near
                            1e-13
                            (ClosedForms.FullySynthetic(sumOfSquares p, int64 n, m))
                            (mean sumOfSquares law)
                            $"S_{m}"

                        for order in 1 .. min n 4 do
                            let direct = law |> mean (Array.sumBy (fun x -> x ** float order))
                            near 1e-13 (exact.ExpectedPowerSum(order, m)) direct $"power sum {order} of {m}"

                        let lost = exact.TokenLossProbabilities m

                        for token in 0 .. p.Length - 1 do
                            let direct = law |> mean (fun q -> if q[token] = 0.0 then 1.0 else 0.0)
                            near 1e-13 lost[token] direct $"loss of token {token} by {m}")

                    // The deviation averages over p^(1), so it needs every start's own law.
                    let starts = multinomial n p

                    for m in 2..5 do
                        let direct =
                            starts
                            |> List.sumBy (fun (counts, weight) ->
                                let first = toLaw counts
                                let later = fullySynthetic n first (m - 1) |> List.last
                                weight * (later |> mean (fun c -> l1 (toLaw c) first)))

                        near 1e-13 deviation[m] direct $"deviation of {m}"
                }
            test "moments and quantiles of T, from its own law by enumeration" {
                let n, p = 4, [| 0.6; 0.3; 0.1 |]

                let rho =
                    fullySynthetic n p 200
                    |> List.map (fun law -> law |> List.sumBy (fun (c, w) -> if List.max c = n then w else 0.0))
                    |> List.append [ 0.0 ]
                    |> Array.ofList

                let chance m = rho[m] - rho[m - 1]
                let first = List.sumBy (fun m -> float m * chance m) [ 1..200 ]
                let second = List.sumBy (fun m -> float m ** 2.0 * chance m) [ 1..200 ]
                let exact = FullySyntheticLaw(p, n)
                close 11.0 exact.ExpectedCollapseTime first "E[T]"
                close 10.0 exact.CollapseTimeVariance (second - first * first) "Var T"

                for q in [ 0.01; 0.3; 0.5; 0.9; 0.999 ] do
                    let direct = Array.findIndex (fun r -> r >= q) rho
                    Expect.equal (exact.CollapseTimeQuantile q) direct $"quantile {q}"

                let half = exact.GenerationsUntilSupport 0.5
                let support = exact.ExpectedSupport 40
                Expect.equal half (Nullable(Array.findIndex (fun s -> s <= 1.5) support)) "support halved"
            }
            test "Proposition 1: the law of a late generation sits on token i with probability p_i" {
                let n, p = 4, [| 0.6; 0.3; 0.1 |]
                let late = fullySynthetic n p 250 |> List.last
                let expected = ClosedForms.CollapseTokenProbabilities p

                for token in 0..2 do
                    let direct = late |> mean (fun c -> if c[token] = n then 1.0 else 0.0)
                    near 1e-12 expected[token] direct $"token {token}"
            }
            test "first extinction: mean time" {
                let n, p = 5, [| 0.5; 0.3; 0.2 |]

                let direct =
                    1.0
                    + (fullySynthetic n p 150
                       |> List.sumBy (List.sumBy (fun (c, w) -> if List.contains 0 c then 0.0 else w)))

                close 11.0 (FullySyntheticLaw(p, n).ExpectedFirstExtinctionTime().Value) direct "E[F]"
            }
        ]

let private partially =
    testList
        "partially synthetic"
        [
            for real, n in [ [ 1; 1 ], 1; [ 2; 1 ], 3; [ 3; 0; 2 ], 3; [ 1; 2; 4 ], 4; [ 5; 0 ], 2 ] do
                test $"given counts %A{real}, n = {n}" {
                    let counts = Array.ofList real
                    let exact = DeviationLaw.PartiallySynthetic(counts, int64 n)
                    let deviation = known (exact.Exact 9)
                    let first = toLaw real
                    let N = List.sum real

                    partiallySynthetic real n 9
                    |> List.iteri (fun i law ->
                        let m = i + 2
                        let law = law |> List.map (fun (c, w) -> toLaw c, w)
                        near 1e-13 deviation[m] (law |> mean (fun q -> l1 q first)) $"deviation of {m}"
                        let v = SharpBound.VarianceFactor(int64 N, int64 n, m)
                        near 1e-13 (1.0 - (1.0 - sumOfSquares first) * (1.0 - v)) (mean sumOfSquares law) $"S_{m}"

                        for token in 0 .. counts.Length - 1 do
                            let p = first[token]
                            let variance = law |> mean (fun q -> (q[token] - p) ** 2.0)
                            near 1e-14 (v * p * (1.0 - p)) variance $"variance of token {token} in {m}"
                            let single = OneTokenChain(counts[token], N, n, true).ExpectedDeviations m
                            near 1e-14 single[m] (law |> mean (fun q -> abs (q[token] - p))) "one token")

                    let late =
                        partiallySynthetic real n 120 |> List.last |> mean (fun c -> l1 (toLaw c) first)

                    near 1e-9 (exact.ExactAllGenerations().Value) late "all generations"
                    Expect.equal deviation[1] 0.0 "p^(1) itself"
                }
            test "averaged over real data" {
                let p, N, n = [| 0.5; 0.3; 0.2 |], 4, 3
                let exact = DeviationLaw.PartiallySynthetic(p, int64 N, int64 n)
                let deviation = known (exact.Exact 5)

                for m in 2..5 do
                    let laws =
                        multinomial N p
                        |> List.map (fun (real, weight) -> real, weight, partiallySynthetic real n m |> List.last)

                    let direct f =
                        laws
                        |> List.sumBy (fun (real, weight, law) -> weight * mean (fun c -> f (toLaw real) (toLaw c)) law)

                    near 1e-13 deviation[m] (direct (fun first q -> l1 q first)) $"deviation of {m}"
                    let s = direct (fun _ q -> sumOfSquares q)
                    near 1e-13 (ClosedForms.PartiallySynthetic(sumOfSquares p, int64 N, int64 n, m)) s $"S_{m}, (9)"

                let table = TheoryTables.PartiallySynthetic(p, int64 N, int64 n, 3)
                let row = table.Generations[2]

                near
                    1e-13
                    row.CollapseProbability.Exact.Value
                    (Array.sumBy (fun x -> x ** 4.0) p)
                    "one token in the real data"

                near 1e-13 row.Support.Value (multinomial N p |> mean (toLaw >> supportOf >> float)) "support"
                Expect.equal table.ExpectedCollapseTime.Exact (Nullable infinity) "collapse is not certain"
            }
            test "the stationary law is the one that Gaussian elimination finds" {
                let c, N, n = 2, 7, 30

                let law, deviation, distance =
                    OneTokenChain(c, N, n, true).Stationary(1e-12).ToTuple()

                let theta x = float (c + x) / float (N + n)

                let binomial x k =
                    exp (
                        logFactorial n - logFactorial k - logFactorial (n - k)
                        + float k * log (theta x)
                        + float (n - k) * log (1.0 - theta x)
                    )

                // Grassmann, Taksar and Heyman: elimination without subtraction.
                let a = Array2D.init (n + 1) (n + 1) binomial

                for last in n .. -1 .. 1 do
                    let leave = Seq.sum (seq { for j in 0 .. last - 1 -> a[last, j] })

                    for i in 0 .. last - 1 do
                        a[i, last] <- a[i, last] / leave

                    for i in 0 .. last - 1 do
                        for j in 0 .. last - 1 do
                            a[i, j] <- a[i, j] + a[i, last] * a[last, j]

                let weights = Array.zeroCreate (n + 1)
                weights[0] <- 1.0

                for k in 1..n do
                    weights[k] <- Seq.sum (seq { for i in 0 .. k - 1 -> weights[i] * a[i, k] })

                let stationary = normalise weights

                for k in 0..n do
                    let i = k - law.First

                    let actual =
                        if i >= 0 && i < law.Probabilities.Count then
                            law.Probabilities[i]
                        else
                            0.0

                    near 1e-10 actual stationary[k] $"P(X = {k})"

                let direct =
                    Seq.sum (seq { for x in 0..n -> stationary[x] * abs (theta x - float c / float N) })

                near 1e-11 deviation direct "mean deviation"
                Expect.isLessThanOrEqual distance 1e-12 "distance as asked for"
            }
        ]

/// All histories of a schedule: p^(0), p^(1), ..., newest first. `draw m history` gives the outcomes of generation m.
let private histories truth draw last =
    let rec go m outcomes =
        if m > last then
            outcomes
        else
            [
                for history, weight in outcomes do
                    for law, chance in draw m history -> law :: history, weight * chance
            ]
            |> go (m + 1)

    go 1 [ [ truth ], 1.0 ]

let private add (a: float[]) (b: float[]) = Array.map2 (+) a b

let private recentDraw n window m (history: float[] list) : (float[] * float) list =
    let sources = history |> List.truncate (min m window)

    sources
    |> List.map (multinomial (n / window))
    |> List.fold
        (fun sums next ->
            [
                for a, u in sums do
                    for b, w in next -> add a (b |> List.map float |> Array.ofList), u * w
            ])
        [ Array.zeroCreate history.Head.Length, 1.0 ]
    |> List.map (fun (sums: float[], weight) -> normalise sums, weight)

let private randomDraw n m (history: float[] list) =
    let mixture = history |> List.reduce add |> Array.map (fun x -> x / float m)
    multinomial n mixture |> List.map (fun (c, w) -> toLaw c, w)

let private checkSchedule p (moments: ScheduleMoments) draw last =
    for m in 1..last do
        let all = histories p draw m
        let direct = all |> mean (fun history -> sumOfSquares history.Head)
        near 1e-13 (moments.SumOfSquares(sumOfSquares p, m)) direct $"S_{m}"
        let first (history: float[] list) = history[m - 1]

        for token in 0 .. p.Length - 1 do
            let covariance =
                all
                |> mean (fun h -> (h.Head[token] - p[token]) * ((first h)[token] - p[token]))

            near
                1e-13
                (moments.CovarianceWithFirst[m] * p[token] * (1.0 - p[token]))
                covariance
                $"covariance with p^(1), m = {m}"

        let deviation = all |> mean (fun h -> l1 h.Head (first h))
        Expect.isLessThanOrEqual deviation ((moments.SharpFromFirst(p, m)).Value + 1e-12) "sharp bound"

let private schedules =
    testList
        "schedules"
        [
            for n, window, last in [ 2, 2, 5; 4, 2, 4; 5, 2, 3; 3, 3, 4; 3, 1, 4 ] do
                test $"recent-models, n = {n}, window {window}" {
                    let p = [| 0.7; 0.3 |]
                    checkSchedule p (ScheduleRecursions.RecentModels(int64 n, window, last)) (recentDraw n window) last
                }
            for n, p, last in [ 1, [| 0.7; 0.3 |], 5; 3, [| 0.7; 0.3 |], 5; 2, [| 0.5; 0.3; 0.2 |], 4 ] do
                test $"random-models, n = {n}, %A{p}" {
                    checkSchedule p (ScheduleRecursions.RandomModels(int64 n, last)) (randomDraw n) last
                }
            test "a corpus: p^(1) is the truth itself" {
                let p = [| 0.6; 0.4 |]

                let given draw m history =
                    if m = 1 then [ p, 1.0 ] else draw m history

                checkSchedule p (ScheduleRecursions.RecentModels(4L, 2, 4, true)) (given (recentDraw 4 2)) 4
                checkSchedule p (ScheduleRecursions.RandomModels(3L, 5, true)) (given (randomDraw 3)) 5
            }
            test "planted defects are rejected: a source one generation too early, the product from g = 1 missing" {
                let p = [| 0.7; 0.3 |]

                let wrong (draw: int -> float[] list -> (float[] * float) list) m (history: float[] list) =
                    if m > 2 then draw (m - 1) history.Tail else draw m history

                let rejects (moments: ScheduleMoments) draw =
                    Expect.throws (fun () -> checkSchedule p moments draw 4) "the check sees it"

                rejects (ScheduleRecursions.RecentModels(4L, 2, 4)) (wrong (recentDraw 4 2))
                rejects (ScheduleRecursions.RandomModels(3L, 4)) (wrong (randomDraw 3))
            }
        ]

let private subsetSum =
    test "lambda_1 by trying every subset" {
        let random = Random 4

        for _ in 1..300 do
            let counts = Array.init (random.Next(1, 9)) (fun _ -> random.Next(0, 40))
            counts[0] <- counts[0] + 1
            let total = Array.sum counts

            let best =
                seq {
                    for set in 0 .. (1 <<< counts.Length) - 1 do
                        let inside =
                            counts
                            |> Seq.mapi (fun i c -> if (set >>> i) &&& 1 = 1 then c else 0)
                            |> Seq.sum

                        float inside / float total * (float (total - inside) / float total)
                }
                |> Seq.max

            near 1e-15 (SubsetSum.Lambda1 counts) best $"lambda_1 of %A{counts}"
    }

let private expectedLambda =
    test "the bound on E[lambda_1] holds, and is exact for two tokens with an even N" {
        for p, N in
            [
                [| 0.8; 0.1; 0.1 |], 7
                [| 0.9; 0.1 |], 6
                [| 0.4; 0.3; 0.3 |], 5
                [| 0.97; 0.02; 0.01 |], 8
            ] do
            let direct = multinomial N p |> mean (fun c -> SubsetSum.Lambda1(Array.ofList c))
            let bound = SubsetSum.ExpectedLambda1UpperBound(p, int64 N)
            Expect.isGreaterThanOrEqual bound (direct - 1e-14) "an upper bound"
            Expect.isLessThanOrEqual bound 0.25 "never above 1/4"

        let two =
            multinomial 6 [| 0.97; 0.03 |]
            |> mean (fun c -> SubsetSum.Lambda1(Array.ofList c))

        near 2e-5 (SubsetSum.ExpectedLambda1UpperBound([| 0.97; 0.03 |], 6L)) two "close where one token dominates"
    }

let private manyContexts =
    test "many contexts: products and sums of each context's own enumerated law" {
        let first, second = [| 0.5; 0.5 |], [| 0.2; 0.3; 0.5 |]

        let contexts =
            ManyContexts [| ContextGroup(first, 3, 2L); ContextGroup(second, 4) |]

        let rho n p =
            fullySynthetic n p 150
            |> List.map (List.sumBy (fun (c, w) -> if List.max c = n then w else 0.0))
            |> List.append [ 0.0 ]
            |> Array.ofList

        let a, b = rho 3 first, rho 4 second
        let expected = contexts.ExpectedCollapsed 60
        let all = contexts.AllCollapsedProbabilities 60
        let any = contexts.AnyCollapsedProbabilities 60

        for m in 0..60 do
            near 1e-12 expected[m] (2.0 * a[m] + b[m]) $"expected by {m}"
            near 1e-12 all[m] (a[m] * a[m] * b[m]) $"all by {m}"
            near 1e-12 any[m] (1.0 - (1.0 - a[m]) ** 2.0 * (1.0 - b[m])) $"any by {m}"

            if m > 0 then
                let lower, upper = (contexts.AllCollapsedBounds m).ToTuple()
                Expect.isLessThanOrEqual lower.Value (all[m] + 1e-12) "lower bound"
                Expect.isGreaterThanOrEqual upper.Value (all[m] - 1e-12) "upper bound"

        let direct = Seq.sum (seq { for m in 0..150 -> 1.0 - a[m] * a[m] * b[m] })
        close 10.0 (contexts.ExpectedLastCollapse()) direct "mean of the last collapse"

        for q in [ 0.1; 0.5; 0.99 ] do
            let quantile = Seq.findIndex (fun m -> a[m] * a[m] * b[m] >= q) [ 0..150 ]
            Expect.equal (contexts.LastCollapseQuantile q) quantile $"quantile {q}"
    }

let private uniformBounds =
    test "uniform bounds hold for the largest of two contexts' deviations" {
        let real, n = [ 2; 1; 1 ], 3
        let law = DeviationLaw.PartiallySynthetic(Array.ofList real, int64 n)

        let outcomes =
            partiallySynthetic real n 4
            |> List.last
            |> List.map (fun (c, w) -> l1 (toLaw c) (toLaw real), w)

        let pairs =
            [
                for a, u in outcomes do
                    for b, w in outcomes -> max a b, u * w
            ]

        let bound = ManyContexts.ExpectedLargestDeviation([ law; law ], 4)
        Expect.isLessThanOrEqual (mean id pairs) bound.Value "mean of the largest"

        for t in [ 0.3; 0.5; 0.8 ] do
            let chance = pairs |> mean (fun d -> if d >= t then 1.0 else 0.0)
            Expect.isLessThanOrEqual chance (ManyContexts.DeviationProbability([ law; law ], t, 4)).Value $"tail at {t}"
    }

[<Tests>]
let tests =
    testList
        "theory by brute force"
        [
            fully
            partially
            schedules
            subsetSum
            expectedLambda
            manyContexts
            uniformBounds
        ]
