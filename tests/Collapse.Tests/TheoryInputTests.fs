/// The text of each refusal, and the exact edge cases.
module Collapse.Tests.TheoryInputTests

open System
open Collapse.Theory
open Expecto
open Collapse.Tests.TheorySupport

let private refused =
    [
        "an empty law",
        "probabilities is empty; allowed: one or more entries; remedy: give one probability per token.",
        fun () -> FullySyntheticLaw([||], 5) |> ignore
        "a negative probability",
        "probabilities[1] is -0.5; allowed: 0 to 1; remedy: give each token's probability, and divide weights by their sum.",
        fun () -> ClosedForms.SumOfSquares [| 0.5; -0.5 |] |> ignore
        "not a number",
        "probabilities[0] is NaN; allowed: 0 to 1; remedy: give each token's probability, and divide weights by their sum.",
        fun () -> ClosedForms.SumOfSquares [| nan |] |> ignore
        "a sum other than 1",
        "probabilities is an array that sums to 0.75; allowed: a sum of 1 within 1e-9; remedy: divide by the sum.",
        fun () -> ClosedForms.SumOfSquares [| 0.5; 0.25 |] |> ignore
        "no samples",
        "samples is 0; allowed: 1 to 4194304; remedy: for more samples use the large-n formula (CollapseTimeBounds.LargeSampleExpectation) or the bounds.",
        fun () -> AncestralChain 0 |> ignore
        "no real tokens",
        "real is 0; allowed: 1 to 1099511627776; remedy: give the number of real tokens kept.",
        fun () -> Planner.MaxSamples([| 1.0 |], 0L, 0.1) |> ignore
        "a tolerance of 0",
        "tolerance is 0; allowed: above 0 and below Infinity; remedy: give an L1 distance such as 0.1.",
        fun () -> Planner.MaxSamples([| 1.0 |], 10L, 0.0) |> ignore
        "a generation before the first",
        "generations is 0; allowed: 1 to 10000000; remedy: ask for an earlier generation or for all.",
        fun () -> Planner.MaxSamples([| 1.0 |], 10L, 0.1, Nullable 0) |> ignore
        "a window wider than the samples",
        "window is 6; allowed: 1 to 5; remedy: each of the window's models supplies floor(samples/window) tokens, at least one.",
        fun () -> ScheduleRecursions.RecentModels(5L, 6, 3) |> ignore
        "a table of no generations",
        "generations is 0; allowed: 1 to 10000000; remedy: ask for fewer generations.",
        fun () -> TheoryTables.FullySynthetic([| 1.0 |], 5, 0) |> ignore
        "a negative count",
        "counts[1] is -1; allowed: 0 or more; remedy: give how often each token occurs in the real data.",
        fun () -> SubsetSum.Lambda1 [| 3; -1 |] |> ignore
        "no counts",
        "sum of counts is 0; allowed: 1 to 2147483647; remedy: give the counts of at least one and of not more real tokens than that.",
        fun () -> DeviationLaw.PartiallySynthetic([| 0; 0 |], 3L) |> ignore
        "more of a token than real tokens",
        "count is 4; allowed: 0 to 3; remedy: a token occurs at most as often as there are real tokens.",
        fun () -> OneTokenChain(4, 3, 2, true) |> ignore
        "a quantile of 1",
        "probability is 1; allowed: above 0 and below 1; remedy: ask for a quantile such as 0.5.",
        fun () -> FullySyntheticLaw([| 1.0 |], 5).CollapseTimeQuantile 1.0 |> ignore
        "a lambda_1 above 1/4",
        "lambda1 is 0.3; allowed: 0 to 0.25; remedy: p(A)(1 - p(A)) is never above 1/4.",
        fun () -> DeviationBounds.Theorem4(10L, 10L, 5, 0.3) |> ignore
        "no contexts",
        "groups is 0; allowed: 1 or more; remedy: give at least one context.",
        fun () -> ManyContexts [||] |> ignore
    ]

let private edges =
    testList
        "edge cases"
        [
            test "n = 1: collapsed in generation 1" {
                let law = FullySyntheticLaw([| 0.5; 0.5 |], 1)
                Expect.equal law.ExpectedCollapseTime 1.0 "E[T]"
                Expect.equal law.CollapseTimeVariance 0.0 "Var T"
                Expect.equal ((law.CollapseProbabilities 3)[1]) 1.0 "rho_1"
                Expect.equal (law.CollapseTimeQuantile 0.999) 1 "quantile"
            }
            test "support 1: collapsed in generation 1, nothing lost, nothing deviates" {
                let law = FullySyntheticLaw([| 0.0; 1.0 |], 1000)
                Expect.equal law.ExpectedCollapseTime 1.0 "E[T]"
                Expect.equal (law.TokenLossProbabilities 5) [| 1.0; 0.0 |] "losses"
                Expect.equal (law.ExpectedFirstExtinctionTime()) (Nullable infinity) "never an extinction"
                Expect.equal (law.GenerationsUntilSupport 0.5) (Nullable()) "never half a token"
                let plan = Planner.MaxSamples([| 0.0; 1.0 |], 10L, 0.01)
                Expect.equal plan.Exact.Kind AnswerKind.Unbounded "any n"
                Expect.equal plan.Sharp.Kind AnswerKind.Unbounded "any n"
            }
            test "more support than samples: the first extinction is in generation 1" {
                let law = FullySyntheticLaw(uniform 52, 10)
                Expect.equal (law.ExpectedFirstExtinctionTime()) (Nullable 1.0) "E[F]"
            }
            test "m = 1" {
                let table = TheoryTables.FullySynthetic([| 0.5; 0.3; 0.2 |], 4, 1)
                let p = [| 0.5; 0.3; 0.2 |]
                let row = table.Generations[0]
                near 1e-14 row.CollapseProbability.Exact.Value (Array.sumBy (fun x -> x ** 4.0) p) "rho_1"
                near 1e-14 row.Support.Value (Array.sumBy (fun x -> 1.0 - (1.0 - x) ** 4.0) p) "support"
                Expect.equal row.L1FromFirst.Exact (Nullable 0.0) "p^(1) is p^(1)"
            }
            test "a nearly certain token keeps its digits" {
                let e = 1e-13
                let law = FullySyntheticLaw([| 1.0 - e; e |], 20)
                // 1 - rho_1 = 20 e to first order.
                close 8.0 ((law.SurvivalProbabilities 1)[1]) (20.0 * e) "1 - rho_1"
                Expect.isGreaterThan law.CollapseTimeVariance 0.0 "Var T"
            }
            test "too large for the exact law: null, and the sharp bound stands" {
                let law = DeviationLaw.PartiallySynthetic(uniform 50, 1000000000L, 1000000L)
                Expect.isNull (law.Exact 3) "exact"
                Expect.isFalse (law.Sharp(Nullable 3)).Vacuous "sharp"
                let table = TheoryTables.PartiallySynthetic(uniform 50, 1000000000L, 1000000L, 3)
                Expect.isTrue table.ExactDeviationTooLarge "it says so"
                Expect.equal table.Generations[2].L1FromFirst.Exact (Nullable()) "null"
            }
            test "an unbounded n is unbounded by the bounds too" {
                let plan = Planner.MaxSamples(paperPrior, 100L, 0.35)
                Expect.equal plan.Sharp.Kind AnswerKind.Unbounded "sharp: v <= 1/(2N + 1)"
                Expect.equal plan.TwoMoment.Kind AnswerKind.Unbounded "two-moment"
                Expect.equal plan.Exact.Kind AnswerKind.Unbounded "exact"
            }
        ]

[<Tests>]
let tests =
    testList
        "theory input"
        [
            testList "refusals" [ for name, text, action in refused -> test name { refuses text action } ]
            edges
        ]
