// How much synthetic data is safe? The largest n that keeps the expected deviation from the first model within
// a tolerance, for every generation, against the number N of real tokens kept: by the paper's (11) and Theorem 4,
// by the sharp bound, and by the exact law. The sharp curve ends on the right where any n is allowed, the exact one
// where looking at every n would take too long ("unknown" in the table).
//
//     dotnet fsi build.fsx build
//     dotnet fsi scripts/plan.fsx [--quick]
#load "load.fsx"

open System
open Collapse.Scripting
open Collapse.Theory
open Load

let tolerance = 0.1
let prior = Prior.power 600 52 0.1

// Multiply-adds that one exact answer may cost.
let work = size 20_000_000L 1_000_000_000L

let reals =
    size
        [ 30L; 100L; 300L; 100_000L ]
        [
            20L
            30L
            50L
            70L
            100L
            150L
            200L
            250L
            300L
            400L
            500L
            600L
            700L
            1_000L
            10_000L
            30_000L
            100_000L
            1_000_000L
            10_000_000L
        ]

let law = Prior.law 0UL 0 prior

let plans =
    [
        for real in reals -> (real, Planner.MaxSamples(law, real, tolerance, Nullable(), work))
    ]

let text (answer: PlanAnswer) =
    match answer.Kind with
    | AnswerKind.Finite -> $"{answer.Tokens.Value:N0}"
    | kind -> $"{kind}".ToLowerInvariant()

printfn $"planned for a deviation of at most {tolerance} in every generation\n"
printfn "         N         (11)    Theorem 4        sharp        exact"

for real, plan in plans do
    printfn
        $"%10s{real.ToString()} %12s{text plan.Equation11} %12s{text plan.Theorem4} %12s{text plan.Sharp} %12s{text plan.Exact}"

let points (answer: Plan -> PlanAnswer) =
    [
        for real, plan in plans do
            let found = answer plan

            // 0 has no place on a logarithmic axis: there the method allows no synthetic token at all.
            if found.Kind = AnswerKind.Finite && found.Tokens.Value > 0L then
                float real, float found.Tokens.Value
    ]

Figure.ofCurves
    "real tokens kept N"
    "largest sample size n (tokens)"
    [
        for look, colour, name, answer in
            [
                Look.Points, 0, "exact", (fun (plan: Plan) -> plan.Exact)
                Look.Exact, 0, "exact", _.Exact
                Look.Sharp, -1, "sharp bound", _.Sharp
                Look.Paper, -1, "Theorem 4", _.Theorem4
                Look.Paper, 1, "(11)", _.Equation11
            ] do
            match points answer with
            | [] -> ()
            | some -> Figure.curve look colour name some
    ]
|> Figure.withLogX
|> Figure.withLogY
|> Figure.withTitle $"Largest n with a mean deviation of at most {tolerance} in every generation"
|> Figure.withSubtitle
    "the paper's prior; the exact curve ends where an answer costs too much, the sharp one where any n is allowed"
|> keep "plan"
