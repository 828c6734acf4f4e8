// Figure 3 of the paper: N = 100 real tokens stay in every training set, beside n tokens of the predecessor.
// Left: the sum of squares settles, and (9) gives its mean S_m. Right: the deviation from the first model, with
// its exact mean and the sharp bound; the paper's Theorems 3 and 4 are far above 2 here and say nothing.
//
//     dotnet fsi build.fsx build
//     dotnet fsi scripts/figure3.fsx [--quick]
#load "load.fsx"

open Collapse.Scripting
open Load

let seed = 1UL
let real = 100
let sizes = [ 10; 100; 1_000 ]
let contexts = size 100 1_000
let generations = size 20 100

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

[ Quantity.SumOfSquares; Quantity.L1FromFirst ]
|> List.map (fun quantity -> Figure.compare quantity runs |> Figure.withTheory)
|> Figure.row $"Partially synthetic, N = {real}: σ<sub>m</sub> and deviation by sample size n"
|> keep "figure3"
