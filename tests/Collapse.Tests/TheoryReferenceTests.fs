/// Reference values, closed forms against their recursions, and the chain against 300-bit arithmetic.
module Collapse.Tests.TheoryReferenceTests

open System
open Collapse.Theory
open Expecto
open Collapse.Tests.TheorySupport

let private referenceValues =
    testList
        "reference values, uniform over 52 tokens"
        [
            for n, expected in [ 10, 18.308534952430268; 50, 97.0099081579253; 400, 789.5451284246817 ] do
                test $"E[T] at n = {n}" {
                    close 11.0 (FullySyntheticLaw(uniform 52, n).ExpectedCollapseTime) expected "E[T]"
                }
            test "rho_50 and rho_100 at n = 50" {
                let rho = FullySyntheticLaw(uniform 52, 50).CollapseProbabilities 100
                close 11.0 rho[50] 0.15578283498411968 "rho_50"
                close 11.0 rho[100] 0.6320926876023202 "rho_100"
            }
            // From a separate C program in 113-bit arithmetic, bands cut at 1e-32.
            for n, expected in [ 10000, 19802.662215415700064; 100000, 198059.92286931055822 ] do
                test $"E[T] at n = {n}, quadruple precision" {
                    close 12.0 (FullySyntheticLaw(uniform 52, n).ExpectedCollapseTime) expected "E[T]"
                }
            test "the same by the table of all results" {
                let table = TheoryTables.FullySynthetic(uniform 52, 50, 100)
                close 11.0 table.ExpectedCollapseTime.Exact.Value 97.0099081579253 "E[T]"
                close 11.0 table.Generations[99].CollapseProbability.Exact.Value 0.6320926876023202 "rho_100"
                Expect.equal table.Generations[99].Generation 100 "generations count from 1"
            }
        ]

/// Transition rows and laws of the chain in fixed point, dense.
let private denseRows (n: int) : bigint[][] =
    let rows = Array.init (n + 1) (fun _ -> Array.create (n + 1) 0I)
    rows[1][1] <- one

    for a in 1 .. n - 1 do
        for k in 1 .. a + 1 do
            rows[a + 1][k] <- (rows[a][k] * bigint k + rows[a][k - 1] * bigint (n - k + 1)) / bigint n

    rows

let private denseExpectedTime n (support: int) =
    let rows = denseRows n
    let h = Array.create (n + 1) 0I
    let mutable power = one

    for a in 2..n do
        power <- power / bigint support
        let mutable sum = one - power

        for k in 1 .. a - 1 do
            sum <- sum + fixedProduct (rows[a][k]) (h[k])

        h[a] <- fixedQuotient sum (one - rows[a][a])

    1.0 + toFloat h[n]

let private denseLaws (n: int) generations =
    let rows = denseRows n

    let next (law: bigint[]) =
        let result = Array.create (n + 1) 0I

        for a in 1..n do
            if law[a] <> 0I then
                for k in 1..a do
                    result[k] <- result[k] + fixedProduct (law[a]) (rows[a][k])

        result

    let start = Array.create (n + 1) 0I
    start[n] <- one

    List.scan (fun law _ -> next law) start [ 2..generations ]

let private precision =
    testList
        "the banded chain against 300-bit dense arithmetic"
        [
            for n in [ 1; 2; 3; 7; 64; 65; 200; 700 ] do
                test $"E[T] at n = {n}" {
                    let law = FullySyntheticLaw(uniform 3, n)
                    close 12.0 law.ExpectedCollapseTime (denseExpectedTime n 3) "E[T]"
                    Expect.isLessThan law.Chain.CutProbability 1e-18 "what the bands leave out"
                }
            test "laws of A_m, entry by entry, n = 130" {
                let dense = denseLaws 130 80
                let banded = AncestralChain(130).Laws 130 |> Seq.take 80 |> List.ofSeq

                for exact, law in List.zip dense banded do
                    for a in 1..130 do
                        let actual =
                            let i = a - law.First

                            if i >= 0 && i < law.Probabilities.Count then
                                law.Probabilities[i]
                            else
                                0.0

                        let expected = toFloat exact[a]
                        near (1e-22 + 1e-12 * expected) actual expected $"P(A_{law.Generation} = {a})"
            }
            test "rows above the kept ones are made anew: n = 3,000 keeps its precision" {
                let n = 3000

                let law = AncestralChain(n).Laws n |> Seq.item 1

                let mean =
                    law.Probabilities |> Seq.mapi (fun i p -> float (law.First + i) * p) |> Seq.sum

                let expected = float n * -(Math.Exp(float n * Math.Log(1.0 - 1.0 / float n)) - 1.0)
                close 12.0 mean expected "E[A_2] = n (1 - (1 - 1/n)^n)"
                close 13.0 (Seq.sum law.Probabilities) 1.0 "total"
            }
        ]

let private closedForms =
    testList
        "closed forms"
        [
            test "(9) starts at 1/N + (1 - 1/N) S_0 and follows the direct recursion" {
                for N, n, s0 in [ 100L, 10L, 0.1; 7L, 50L, 0.4; 1L, 1L, 0.9; 1000L, 1L, 0.02 ] do
                    let a = float n / float (N + n)
                    let s1 = 1.0 / float N + (1.0 - 1.0 / float N) * s0
                    let mutable s = s1

                    for m in 1..40 do
                        close 12.0 (ClosedForms.PartiallySynthetic(s0, N, n, m)) s $"S_{m} at N = {N}, n = {n}"
                        let v = SharpBound.VarianceFactor(N, n, m)
                        close 12.0 (1.0 - (1.0 - s1) * (1.0 - v)) s "S_m from the variance factor"
                        s <- (1.0 - a * a) * s1 + a * a * (1.0 / float n + (1.0 - 1.0 / float n) * s)
            }
            test "(9) with the printed minus sign misses S_1: the erratum" {
                let N, n, s0 = 100.0, 10.0, 0.1
                let a = n / (N + n)
                let b = a * ((1.0 + 1.0 / N) * a - 1.0 / N)
                let d = 1.0 + (1.0 + 1.0 / N) * a

                // S_1 is m = 0 of the paper's S_(m+1).
                let first sign =
                    (1.0 / N * (1.0 + 2.0 * a - (1.0 - 1.0 / N) * a)
                     + (1.0 - 1.0 / N) * s0 * (1.0 + a + sign * (a / N)))
                    / d

                let truth = 1.0 / N + (1.0 - 1.0 / N) * s0
                close 13.0 (first 1.0) truth "with plus"
                Expect.isGreaterThan (abs (first -1.0 - truth)) 1e-4 "with minus"
                Expect.isGreaterThan b 0.0 "b"
            }
            test "(6) at n = 1 is collapsed from generation 1" {
                Expect.equal (ClosedForms.FullySynthetic(0.3, 1L, 1)) 1.0 "S_1"
                near 1e-15 (ClosedForms.FullySynthetic(0.3, 1L, 0)) 0.3 "S_0"
            }
            test "Theorem 3 at the paper's own settings is 2.5e4, and (11) allows nothing" {
                let bound = DeviationBounds.Theorem3(100L, 10L, 600)
                // (1/N) sqrt(pi n/2) C1 s exp(C0 n/(2e)), written out with C0 and C1.
                let c0 = exp 3.0 / (2.0 * Math.PI)
                let c1 = 6.0 * Math.E / Math.PI ** 1.5

                let direct =
                    sqrt (Math.PI * 5.0) / 100.0 * c1 * 600.0 * exp (c0 * 10.0 / (2.0 * Math.E))

                close 12.0 bound.Value direct "first case"
                near 500.0 bound.Value 2.5e4 "as DESIGN says"
                Expect.isTrue bound.Vacuous "more than 2"
                Expect.equal (DeviationBounds.LargestSamplesByEquation11(100L, 600, 0.1)) 0L "(11)"
            }
            test "Theorem 3's cases, and no overflow" {
                let c0, c1 = exp 3.0 / (2.0 * Math.PI), 6.0 * Math.E / Math.PI ** 1.5

                let value n s N =
                    (DeviationBounds.Theorem3(N, n, s)).Value

                close
                    11.0
                    (value 30L 30 1000000L)
                    (sqrt (Math.PI * 15.0) / 1e6 * c1 * 30.0 * (c0 * 1.0) ** 15.0)
                    "second case"

                close 12.0 (value 30L 8 1000000L) (sqrt (Math.PI * 15.0) / 1e6 * 254.0) "third case"
                Expect.equal (value 30L 1 10L) 0.0 "one token never deviates"
                Expect.isTrue (Double.IsFinite(value 500L 700 1L)) "large, and finite in logs"
                Expect.equal (value 100000L 200000 1L) infinity "beyond a double"
            }
            test "(11) is the first case of Theorem 3, solved: it holds there" {
                for N, s, eps in [ 1000000L, 10, 0.1; 100000000L, 60, 0.01; 10000L, 4, 0.5 ] do
                    let n = DeviationBounds.LargestSamplesByEquation11(N, s, eps)
                    let own = DeviationBounds.LargestSamplesByTheorem3(N, s, eps)
                    Expect.isGreaterThan n 0L "something is allowed"
                    Expect.isLessThanOrEqual (DeviationBounds.Theorem3(N, n, s)).Value eps "the bound at that n"
                    Expect.isGreaterThanOrEqual own.Value n "Theorem 3 itself allows more"
            }
            test "Theorem 4 is Theorem 3 at lambda_1 = 1/4 and sharper below" {
                let three = (DeviationBounds.Theorem3(1000L, 20L, 5)).Value

                let four lambda =
                    (DeviationBounds.Theorem4(1000L, 20L, 5, lambda)).Value

                close 12.0 (four 0.25) three "phi(1/2) = 2"
                Expect.isLessThan (four 0.1) (four 0.2) "smaller lambda_1, smaller bound"
                let zeta = 0.5 - (0.5 - 0.2) * (1000.0 / 1020.0) ** 2.0
                let phi = log ((1.0 - zeta) / zeta) / (1.0 - 2.0 * zeta)
                close 10.0 (four 0.1) (three * sqrt (2.0 / phi)) "the formula"
            }
            test "the deviation need not grow with n: three real tokens, one each" {
                let value n =
                    (DeviationLaw.PartiallySynthetic([| 1; 1; 1 |], n)).ExactAllGenerations().Value

                Expect.isLessThan (value 3L) (value 2L) "at n = 3 a share of exactly 1/3 is possible"
                Expect.isLessThan (value 2L) (value 4L) "and it grows again"
            }
            test "E[T] tends to the diffusion's value" {
                let p = normalise [| 5.0; 3.0; 1.0; 1.0 |]

                let gap (n: int) =
                    FullySyntheticLaw(p, n).ExpectedCollapseTime
                    / CollapseTimeBounds.LargeSampleExpectation(p, int64 n)
                    - 1.0

                Expect.isLessThan (abs (gap 4000)) 2e-3 "n = 4,000"
                Expect.isLessThan (abs (gap 4000)) (abs (gap 400)) "closer than at n = 400"
            }
            test "random-models: the product's limit" {
                for n in [ 1L; 2L; 10L; 100L ] do
                    let s = ScheduleRecursions.RandomModels(n, 200000).SumOfSquares(0.1, 200000)
                    // What is left of the product after g = M is about 1/(n M).
                    near (1.0 / float n / 190000.0) s (ScheduleRecursions.RandomModelsLimit(0.1, n)) $"n = {n}"
            }
            test "recent-models with window 1 is fully synthetic" {
                let moments = ScheduleRecursions.RecentModels(9L, 1, 30)

                for m in 0..30 do
                    close 12.0 (moments.SumOfSquares(0.2, m)) (ClosedForms.FullySynthetic(0.2, 9L, m)) $"S_{m}"
            }
        ]

let private speed =
    testList
        "scale"
        [
            test "n = 100,000: E[T] and 200 generations" {
                let table = TheoryTables.FullySynthetic(uniform 52, 100000, 200)
                Expect.isTrue table.ExactDeviationTooLarge "the deviation says that it is bounded only"
                let expected = CollapseTimeBounds.LargeSampleExpectation(uniform 52, 100000L)
                near 1e-4 (table.ExpectedCollapseTime.Exact.Value / expected) 1.0 "about the diffusion's value"
            }
            test "n = 100,000: the chain returns S_m, which (6) gives in closed form" {
                let law = FullySyntheticLaw(uniform 52, 100000)

                for m in [ 1; 50; 200 ] do
                    close
                        12.0
                        (law.ExpectedPowerSum(2, m))
                        (ClosedForms.FullySynthetic(1.0 / 52.0, 100000L, m))
                        $"S_{m}"
            }
            test "wide laws: few points give the support that every value of A_m gives" {
                let n, p = 20000, normalise (Array.init 300 (fun i -> 1.0 / float (i + 1)))
                let law = FullySyntheticLaw(p, n)
                let support = law.ExpectedSupport 150
                let ancestors = AncestralChain(n).Laws n |> Seq.take 150 |> List.ofSeq

                for m in [ 1; 2; 3; 10; 40; 100; 150 ] do
                    let exact = ancestors[m - 1]

                    let direct =
                        exact.Probabilities
                        |> Seq.mapi (fun i weight ->
                            let a = float (exact.First + i)
                            weight * Array.sumBy (fun x -> 1.0 - (1.0 - x) ** a) p)
                        |> Seq.sum

                    close 12.0 support[m] direct $"support of generation {m}"

                let lost = law.TokenLossProbabilities 40
                let law = ancestors[39]

                for token in 0 .. p.Length - 1 do
                    let direct =
                        law.Probabilities
                        |> Seq.mapi (fun i weight -> weight * (1.0 - p[token]) ** float (law.First + i))
                        |> Seq.sum

                    if direct > 1e-18 then
                        close 9.0 lost[token] direct $"loss of token {token}"
            }
            test "n = 1,000 takes milliseconds" {
                let run () =
                    FullySyntheticLaw(uniform 52, 1000).ExpectedCollapseTime

                run () |> ignore
                let watch = Diagnostics.Stopwatch.StartNew()
                run () |> ignore
                Expect.isLessThan watch.ElapsedMilliseconds 500L "a slow machine included"
            }
        ]

[<Tests>]
let tests =
    testList "theory references" [ referenceValues; precision; closedForms; speed ]
