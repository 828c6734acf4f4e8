// Figure 6 of the paper: learning from more than the last model, one column each. Windows of K recent models slow
// collapse down, K = 1 is fully synthetic; picking a random earlier model for every token stops it. Above: sums of
// squares over 500 generations with their exact mean. Middle: the deviation from the first model. Below: when the
// contexts collapsed, where they did.
//
//     dotnet fsi build.fsx build
//     dotnet fsi scripts/figure6.fsx [--quick]
#load "load.fsx"

open Collapse.Scripting
open Load

let seed = 1UL
let samples = 60
let windows = [ 1; 2; 5; 10 ]
let contexts = size 50 5_000
let generations = size 200 500

let run schedule =
    Prior.power 600 52 0.1
    |> schedule
    |> Scenario.withContexts contexts
    |> Scenario.withGenerations generations
    |> Scenario.withTraced 5
    |> Scenario.withSeed seed
    |> Simulation.run

let runs =
    [
        for window in windows do
            $"window K = {window}", run (Scenario.recentModels (window = window, samples = samples))

        "random-models", run (Scenario.randomModels (samples = samples))
    ]

for _, result in runs do
    printfn $"{result}\n"

/// One quantity in every column, at one height.
let rowOf quantity =
    runs
    |> List.map (snd >> Figure.trajectories quantity >> Figure.withTheory)
    |> Figure.withSameYRange

let histograms =
    runs
    |> List.map (fun (_, result) ->
        Figure.collapseTimes [ ("histogram of T", result) ]
        |> Figure.withXRange 0.0 (float generations))

[ rowOf Quantity.SumOfSquares; rowOf Quantity.L1FromFirst; histograms ]
|> Figure.grid $"Learning from several earlier models, n = {samples}" (List.map fst runs)
|> keep "figure6"
