// Figure 4 of the paper: the partially synthetic scenario from truths of different sum of squares S0, from
// nearly uniform to one dominant token. The flatter the truth, the more of it N real tokens fail to hold.
//
//     dotnet fsi build.fsx build
//     dotnet fsi scripts/figure4.fsx [--quick]
#load "load.fsx"

open Collapse.Scripting
open Load

let seed = 1UL
let real = 100
let samples = 100
let sumsOfSquares = [ 0.02; 0.1; 0.3; 0.6 ]
let contexts = size 200 5_000
let generations = size 20 100

let runs =
    [
        for s0 in sumsOfSquares ->
            $"S<sub>0</sub> = {s0}",
            Prior.power 600 52 s0
            |> Scenario.partiallySynthetic (real = real, samples = samples)
            |> Scenario.withContexts contexts
            |> Scenario.withGenerations generations
            |> Scenario.withTraced 15
            |> Scenario.withSeed seed
            |> Simulation.run
    ]

for _, run in runs do
    printfn $"{run}\n"

[
    Figure.compare Quantity.SumOfSquares runs
    |> Figure.withTheory
    |> Figure.withHeading "means level, as (9) says; single contexts wander"
    Figure.compare Quantity.L1FromFirst runs
    |> Figure.withTheory
    |> Figure.withHeading "deviation, with its sharp bounds"
]
|> Figure.row $"Partially synthetic, N = {real}, n = {samples}: σ<sub>m</sub> and deviation by S<sub>0</sub>"
|> keep "figure4"
