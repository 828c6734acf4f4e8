/// Noise-free properties: the exact laws lie within every bound, are monotone where they must be, and agree.
module Collapse.Tests.TheoryPropertyTests

open System
open Collapse.Theory
open Expecto
open FsCheck
open FsCheck.FSharp
open Collapse.Tests.TheorySupport

/// A law, n, N and m. Weights span six decades, and some tokens have none.
type Case =
    {
        Law: float[]
        Samples: int
        Real: int
        Generation: int
    }

type CaseGenerators =
    static member Case() =
        gen {
            let! s = Gen.choose (1, 6)

            let weight =
                Gen.frequency [ 5, Gen.choose (1, 1000000); 1, Gen.choose (1, 10); 1, Gen.constant 0 ]

            let! weights = Gen.arrayOfLength s weight
            weights[0] <- weights[0] + 1
            let! n = Gen.frequency [ 1, Gen.choose (1, 3); 3, Gen.choose (1, 60) ]
            let! N = Gen.frequency [ 1, Gen.choose (1, 3); 3, Gen.choose (1, 40) ]
            let! m = Gen.choose (1, 40)

            return
                {
                    Law = weights |> Array.map float |> normalise
                    Samples = n
                    Real = N
                    Generation = m
                }
        }
        |> Arb.fromGen

let private property name (check: Case -> unit) =
    testPropertyWithConfig (Replay.cases 150 [ typeof<CaseGenerators> ]) name check

let private slack = 1e-11

let private atMost (a: float) (b: float) what =
    if not (a <= b + slack * max 1.0 (abs b)) then
        failtest $"{what}: {a:R} is above {b:R}"

/// Binomial probabilities from logs of factorials: nothing of the library.
let private binomial n p k =
    if p = 0.0 then
        (if k = 0 then 1.0 else 0.0)
    elif p = 1.0 then
        (if k = n then 1.0 else 0.0)
    else
        exp (
            logFactorial n - logFactorial k - logFactorial (n - k)
            + float k * log p
            + float (n - k) * log (1.0 - p)
        )

[<Tests>]
let tests =
    testList
        "theory properties"
        [
            property "E[T] and rho_m lie within (7) and (8)" (fun case ->
                let law = FullySyntheticLaw(case.Law, case.Samples)
                let n = int64 case.Samples
                let low, high = (CollapseTimeBounds.ExpectedCollapseTime(case.Law, n)).ToTuple()
                atMost low.Value law.ExpectedCollapseTime "(8), lower"
                atMost law.ExpectedCollapseTime high.Value "(8), upper"
                let rho = law.CollapseProbabilities case.Generation

                for m in 1 .. case.Generation do
                    let low, high = (CollapseTimeBounds.CollapseProbability(case.Law, n, m)).ToTuple()
                    atMost low.Value rho[m] "(7), lower"
                    atMost rho[m] high.Value "(7), upper"
                    atMost rho[m - 1] rho[m] "rho grows"
                    Expect.equal low.Vacuous (low.Value <= 0.0) "flag"
                    Expect.equal high.Vacuous (high.Value >= 1.0) "flag")
            property "rho, support, losses and S_m are consistent" (fun case ->
                let law = FullySyntheticLaw(case.Law, case.Samples)
                let m = case.Generation
                let rho = law.CollapseProbabilities m
                let survival = law.SurvivalProbabilities m
                let support = law.ExpectedSupport m
                near 1e-13 (rho[m] + survival[m]) 1.0 "rho and its complement"

                let left = law.TokenLossProbabilities m |> Array.sumBy (fun lost -> 1.0 - lost)
                near 1e-11 support[m] left "support is the sum of what is not lost"
                atMost support[m] support[m - 1] "support shrinks"
                // With K tokens left, K = 1 exactly when collapsed; K is at most min(s~, n).
                atMost (1.0 + survival[m]) support[m] "at least two tokens before collapse"
                let most = float (min law.Support case.Samples)
                atMost support[m] (rho[m] + most * survival[m]) "at most min(s~, n)"

                if case.Samples >= 2 then
                    let s = ClosedForms.FullySynthetic(sumOfSquares case.Law, int64 case.Samples, m)
                    near 1e-12 (law.ExpectedPowerSum(2, m)) s "S_m by the chain and by (6)"

                let extinct = known (law.FirstExtinctionProbabilities m)
                let low, high = (law.FirstExtinctionBounds m).ToTuple()
                atMost low.Value extinct[m] "first extinction, lower"
                atMost extinct[m] high.Value "first extinction, upper"

                if law.Support > 1 then
                    atMost rho[m] extinct[m] "a token is lost before all but one are"
                else
                    Expect.equal rho[m] 1.0 "one token is collapsed")
            property "support 2: the two-type Wright-Fisher chain, computed densely" (fun case ->
                let n, m = case.Samples, case.Generation
                let p = min 1.0 (max 0.001 case.Law[0])
                let start = Array.init (n + 1) (binomial n p)

                let next (law: float[]) =
                    Array.init (n + 1) (fun k ->
                        Seq.sum (seq { for x in 0..n -> law[x] * binomial n (float x / float n) k }))

                let late = Seq.fold (fun law _ -> next law) start [ 2..m ]
                let law = FullySyntheticLaw([| p; 1.0 - p |], n)
                let rho = law.CollapseProbabilities m
                near 1e-11 rho[m] (late[0] + (if n > 0 then late[n] else 0.0)) "rho_m"
                let lost = law.TokenLossProbabilities m
                near 1e-11 lost[0] late[0] "loss")
            property "the deviation lies within every bound, and grows with m" (fun case ->
                let N, n, m = int64 case.Real, int64 case.Samples, case.Generation
                let law = DeviationLaw.PartiallySynthetic(case.Law, N, n)
                let exact = known (law.Exact m)
                let limit = law.ExactAllGenerations().Value
                let s = case.Law.Length
                let lambda = SubsetSum.ExpectedLambda1UpperBound(case.Law, N)
                let theorem3 = DeviationBounds.Theorem3(N, n, s)
                let theorem4 = DeviationBounds.Theorem4(N, n, s, lambda)

                for g in 1..m do
                    let sharp, better = law.Sharp(Nullable g), law.TwoMoment(Nullable g)
                    atMost exact[g] better.Value "two-moment bound"
                    atMost better.Value sharp.Value "which is below the sharp one"
                    atMost exact[g] theorem4.Value "Theorem 4"
                    Expect.equal sharp.Vacuous (sharp.Value >= 2.0) "flag"

                    if g > 1 then
                        atMost exact[g - 1] exact[g] "exact grows"
                        atMost (law.Sharp(Nullable(g - 1))).Value sharp.Value "sharp grows"

                atMost theorem4.Value theorem3.Value "Theorem 4 sharpens Theorem 3"
                atMost exact[m] (limit + 1e-9) "the limit bounds all"
                atMost limit (law.TwoMoment(Nullable())).Value "two-moment bound of all generations"
                atMost (law.Sharp(Nullable())).Value (sqrt (1.0 / float (2L * N + 1L)) * 6.0) "v <= 1/(2N + 1)")
            property "fully synthetic: the deviation lies within its bounds" (fun case ->
                let law = DeviationLaw.FullySynthetic(case.Law, int64 case.Samples)
                let exact = known (law.Exact case.Generation)
                let last = case.Generation
                atMost exact[last] (law.TwoMoment(Nullable last)).Value "two-moment"
                atMost exact[last] (law.ExactAllGenerations().Value) "limit"
                let s1 = ClosedForms.FullySynthetic(sumOfSquares case.Law, int64 case.Samples, 1)
                near 1e-10 (law.ExactAllGenerations().Value) (2.0 * (1.0 - s1)) "2 (1 - S_1) at total collapse")
            property "the planner's n is allowed and n + 1 is not, by each bound" (fun case ->
                let N = int64 case.Real
                let tolerance = 0.01 + 0.6 * float case.Samples / 60.0
                let s = case.Law.Length

                for generation in [ Nullable(); Nullable case.Generation ] do
                    let plan = Planner.MaxSamples(case.Law, N, tolerance, generation, 50000000L)

                    let at n =
                        DeviationLaw.PartiallySynthetic(case.Law, N, n)

                    let check (answer: PlanAnswer) (value: int64 -> float) what =
                        if answer.Kind = AnswerKind.Finite then
                            let n = answer.Tokens.Value

                            if n > 0L then
                                atMost (value n) tolerance $"{what} at {n}"

                            atMost tolerance (value (n + 1L)) $"{what} at {n + 1L} is beyond"

                    let lambda = SubsetSum.ExpectedLambda1UpperBound(case.Law, N)
                    check plan.Sharp (fun n -> (at n).Sharp(generation).Value) "sharp"
                    check plan.TwoMoment (fun n -> (at n).TwoMoment(generation).Value) "two-moment"
                    check plan.Theorem3 (fun n -> (DeviationBounds.Theorem3(N, n, s)).Value) "Theorem 3"
                    check plan.Theorem4 (fun n -> (DeviationBounds.Theorem4(N, n, s, lambda)).Value) "Theorem 4"

                    check
                        plan.Exact
                        (fun n -> (Planner.Tolerance(case.Law, N, n, generation, Int64.MaxValue)).Exact.Value)
                        "exact"

                    let size (answer: PlanAnswer) =
                        match answer.Kind with
                        | AnswerKind.Finite -> Some(float answer.Tokens.Value)
                        | AnswerKind.Unbounded -> Some infinity
                        | _ -> None

                    let ordered a b what =
                        match size a, size b with
                        | Some a, Some b -> atMost a b what
                        | _ -> ()

                    ordered plan.Equation11 plan.Theorem3 "(11) below Theorem 3"
                    ordered plan.Theorem3 plan.Theorem4 "Theorem 3 below Theorem 4"
                    ordered plan.Sharp plan.TwoMoment "sharp below two-moment"
                    ordered plan.TwoMoment plan.Exact "two-moment below exact")
            property "for all generations no n passes the diffusion's value" (fun case ->
                let counts = case.Law |> Array.map (fun p -> int (Math.Round(p * float case.Real)))
                counts[0] <- counts[0] + 1
                let limit = Planner.LargeSampleDeviation counts

                for n in [ 1L; 2L; 3L; 5L; 8L; 20L; int64 case.Samples ] do
                    let value =
                        (DeviationLaw.PartiallySynthetic(counts, n)).ExactAllGenerations(Int64.MaxValue).Value

                    atMost value (limit + 1e-9) $"n = {n}")
            property "random-models and recent-models: S_m grows where it must, and stays a probability" (fun case ->
                let n = int64 case.Samples
                let s0 = sumOfSquares case.Law
                let random = ScheduleRecursions.RandomModels(n, case.Generation)
                let window = min case.Samples 4
                let recent = ScheduleRecursions.RecentModels(n, window, case.Generation)
                let limit = ScheduleRecursions.RandomModelsLimit(s0, n)

                for m in 1 .. case.Generation do
                    atMost (random.SumOfSquares(s0, m - 1)) (random.SumOfSquares(s0, m)) "random-models grows"
                    atMost (random.SumOfSquares(s0, m)) limit "towards its limit"
                    atMost s0 (recent.SumOfSquares(s0, m)) "recent-models is above S_0"
                    atMost (recent.SumOfSquares(s0, m)) 1.0 "and at most 1")
            property "a table from a corpus is the table of its law, one generation later" (fun case ->
                let counts = case.Law |> Array.map (fun p -> int (Math.Round(p * 50.0)))
                counts[0] <- counts[0] + 1
                let p = counts |> Array.map (fun c -> float c / float (Array.sum counts))
                let table = TheoryTables.FullySynthetic(counts, case.Samples, 6)
                let inner = TheoryTables.FullySynthetic(p, case.Samples, 5)

                for m in 2..6 do
                    let a, b = table.Generations[m - 1], inner.Generations[m - 2]
                    near 1e-13 a.SumOfSquares b.SumOfSquares "S"
                    near 1e-12 a.Support.Value b.Support.Value "support"
                    near 1e-13 a.CollapseProbability.Exact.Value b.CollapseProbability.Exact.Value "rho"

                let later = if supportOf p = 1 then 0.0 else 1.0

                near
                    1e-9
                    table.ExpectedCollapseTime.Exact.Value
                    (inner.ExpectedCollapseTime.Exact.Value + later)
                    "E[T]"

                near 1e-13 table.Generations[0].SumOfSquares (sumOfSquares p) "generation 1 is the corpus")
        ]
