// A model of real size: a million contexts over a vocabulary of 200,000 tokens, each trained on its own output.
// Work grows with the tokens drawn, not with the vocabulary, so this takes a minute on a few cores.
//
//     dotnet fsi build.fsx build
//     dotnet fsi scripts/massive.fsx [--quick]
#load "load.fsx"

open Collapse.Scripting
open Load

let seed = 1UL
let vocabulary = size 20_000 200_000
let contexts = size 5_000 1_000_000
let samples = 40
let generations = size 20 50

let run =
    Prior.zipf vocabulary 1.0
    |> Scenario.fullySynthetic (samples = samples)
    |> Scenario.withContexts contexts
    |> Scenario.withGenerations generations
    |> Scenario.withTraced 20
    |> Scenario.withSeed seed
    |> Simulation.run

printfn $"{run}\n"

[ Quantity.SumOfSquares; Quantity.Support; Quantity.CollapsedFraction ]
|> List.map (fun quantity ->
    Figure.compare quantity [ ($"{contexts:N0} contexts", run) ]
    |> Figure.withTheoryOf [ Source.Exact ])
|> Figure.row $"{contexts:N0} contexts, {vocabulary:N0} tokens, n = {samples}"
|> keep "massive"
