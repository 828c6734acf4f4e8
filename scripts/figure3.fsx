// Figure 3 of the paper: N = 100 real tokens stay in every training set, beside n tokens of the predecessor.
// Left: single contexts wander and none collapses. Middle: their mean S_m settles where (9) says. It moves by a
// twentieth only, which is the paper's point: from S_1 = 1/N + (1 - 1/N) S_0 it cannot rise far while real
// tokens stay; the axis is narrowed to show it. All runs have one seed and so the same real tokens: their small
// distance from (9) is one and the same. Right: the deviation from the first model, with its exact mean and
// the sharp bound; the paper's Theorems 3 and 4 are far above 2 here and say nothing.
//
//     dotnet fsi build.fsx build
//     dotnet fsi scripts/figure3.fsx [--quick]
#load "load.fsx"

open Collapse.Scripting
open Load

let seed = 1UL
let real = 100
let sizes = [ 1; 10; 100; 500 ]
let contexts = size 200 20_000
let generations = size 20 50

let runs =
    [
        for n in sizes ->
            $"n = {n:N0}",
            Prior.power 600 52 0.1
            |> Scenario.partiallySynthetic (real = real, samples = n)
            |> Scenario.withContexts contexts
            |> Scenario.withGenerations generations
            |> Scenario.withTraced 15
            |> Scenario.withSeed seed
            |> Simulation.run
    ]

for _, run in runs do
    printfn $"{run}\n"

// The same means without the single contexts: (9) is told from S_1 to its limit, with room on both sides.
let means =
    let values = runs |> Seq.collect (fun (_, run) -> run[Quantity.SumOfSquares])
    let room = 0.25 * (Seq.max values - Seq.min values)

    Figure.compare Quantity.SumOfSquares runs
    |> Figure.withoutTrajectories
    |> Figure.withTheory
    |> Figure.withYRange (Seq.min values - room) (Seq.max values + room)

[
    Figure.compare Quantity.SumOfSquares runs
    |> Figure.withHeading "single contexts and means"
    means |> Figure.withHeading "S<sub>m</sub>, the means, and (9)"
    Figure.compare Quantity.L1FromFirst runs
    |> Figure.withTheory
    |> Figure.withHeading "deviation"
]
|> Figure.row $"Partially synthetic, N = {real}: σ<sub>m</sub> and deviation by sample size n"
|> keep "figure3"
