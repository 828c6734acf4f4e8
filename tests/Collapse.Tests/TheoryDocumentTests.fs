/// The tables of docs/theory.md are what the library computes: this file makes them and compares the text.
module Collapse.Tests.TheoryDocumentTests

open System
open System.Globalization
open System.IO
open Collapse.Theory
open Expecto
open Collapse.Tests.TheorySupport

let private format (value: float) =
    let digits =
        if abs value >= 1e4 then "0.0e0"
        elif abs value >= 100.0 then "0.0"
        else "0.0000"

    value.ToString(digits, CultureInfo.InvariantCulture)

let private bound (bound: Bound) =
    format bound.Value + (if bound.Vacuous then " (vacuous)" else "")

let private bounded (value: Nullable<Bound>) =
    if value.HasValue then bound value.Value else "-"

let private row cells = "| " + String.concat " | " cells + " |"

let private partially =
    [
        row [ "n"; "generation"; "exact"; "two-moment"; "sharp"; "Theorem 3"; "Theorem 4" ]
        row (List.replicate 7 "---")
        for n in [ 1L; 10L; 50L; 100L ] do
            for generation in [ Nullable 2; Nullable 10; Nullable() ] do
                let values = Planner.Tolerance(paperPrior, 100L, n, generation)

                row
                    [
                        string n
                        (if generation.HasValue then
                             string generation.Value
                         else
                             "all")
                        (if values.Exact.HasValue then
                             format values.Exact.Value
                         else
                             "-")
                        bounded values.TwoMoment
                        bounded values.Sharp
                        bounded values.Theorem3
                        bounded values.Theorem4
                    ]
    ]

let private fully =
    [
        row [ "n"; "quantity"; "lower bound"; "exact"; "upper bound" ]
        row (List.replicate 5 "---")
        for n in [ 10; 50; 400 ] do
            let table = TheoryTables.FullySynthetic(paperPrior, n, 100)

            let line name (value: BracketedValue) =
                row
                    [
                        string n
                        name
                        bounded value.LowerBound
                        (if value.Exact.HasValue then
                             format value.Exact.Value
                         else
                             "-")
                        bounded value.UpperBound
                    ]

            line "E[T]" table.ExpectedCollapseTime
            line "rho_50" table.Generations[49].CollapseProbability
            line "rho_100" table.Generations[99].CollapseProbability
    ]

let private plans =
    let answer (answer: PlanAnswer) =
        match answer.Kind with
        | AnswerKind.Finite -> string answer.Tokens.Value
        | AnswerKind.Unbounded -> "any"
        | _ -> "unknown"

    [
        row [ "eps"; "(11)"; "Theorem 3"; "Theorem 4"; "sharp"; "two-moment"; "exact" ]
        row (List.replicate 7 "---")
        for tolerance in [ 0.05; 0.1; 0.2; 0.35 ] do
            let plan = Planner.MaxSamples(paperPrior, 100L, tolerance)

            row
                [
                    tolerance.ToString CultureInfo.InvariantCulture
                    answer plan.Equation11
                    answer plan.Theorem3
                    answer plan.Theorem4
                    answer plan.Sharp
                    answer plan.TwoMoment
                    answer plan.Exact
                ]
    ]

let private document =
    let rec find (folder: DirectoryInfo | null) =
        match folder with
        | null -> failtest "docs/theory.md not found above the test program"
        | folder ->
            let path = Path.Combine(folder.FullName, "docs", "theory.md")

            if File.Exists path then
                File.ReadAllText path
            else
                find folder.Parent

    lazy (find (DirectoryInfo AppContext.BaseDirectory))

[<Tests>]
let tests =
    testList
        "theory document"
        [
            for name, table in [ "deviation", partially; "collapse", fully; "plan", plans ] do
                test $"docs/theory.md holds the {name} table that the library computes" {
                    let text = String.concat "\n" table
                    Expect.isTrue (document.Value.Contains(text + "\n")) $"expected in the document:\n{text}\n"
                }
        ]
