// Figure 3 of the paper: N = 100 real tokens stay in every training set, beside n tokens of the predecessor, one
// column for each n. Above: single contexts wander and none collapses; their mean S_m lies on (9). It moves by a
// twentieth only, which is the paper's point: from S_1 = 1/N + (1 - 1/N) S_0 it cannot rise far while real
// tokens stay. All runs have one seed and so the same real tokens: their small distance from (9) is one and the
// same. Below: the deviation from the first model, with its exact mean and the sharp bound; the paper's Theorems 3
// and 4 are far above 2 here and say nothing.
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
            Prior.power 600 52 0.1
            |> Scenario.partiallySynthetic (real = real, samples = n)
            |> Scenario.withContexts contexts
            |> Scenario.withGenerations generations
            |> Scenario.withTraced 15
            |> Scenario.withSeed seed
            |> Simulation.run
    ]

for run in runs do
    printfn $"{run}\n"

/// One quantity in every column, at one height.
let rowOf quantity =
    runs
    |> List.map (Figure.trajectories quantity >> Figure.withTheory)
    |> Figure.withSameYRange

[ rowOf Quantity.SumOfSquares; rowOf Quantity.L1FromFirst ]
|> Figure.grid $"Partially synthetic, N = {real}" [ for n in sizes -> $"n = {n:N0}" ]
|> keep "figure3"
