// Figure 4 of the paper: the partially synthetic scenario from truths of different sum of squares S_0, one column
// each, from nearly uniform (484 tokens) to a few dominant ones (16). Above: the truth itself, its tokens sorted.
// Middle: single contexts, their mean S_m and (9). S_m rises little above S_1: by (9) the rise is 1 - S_0 times one
// and the same curve, so the flatter the truth the more diversity goes. Below: the deviation from the first model,
// which is largest for flat truths too, with its sharp bounds.
//
//     dotnet fsi build.fsx build
//     dotnet fsi scripts/figure4.fsx [--quick]
#load "load.fsx"

open Collapse.Scripting
open Load

let seed = 1UL
let real = 100
let samples = 100
// S_0 and the number of tokens in use.
let truths = [ 0.01, 484; 0.1, 52; 0.5, 22; 0.7, 16 ]
let contexts = size 200 40_000
let generations = size 20 50

let runs =
    [
        for s0, support in truths ->
            Prior.power 600 support s0
            |> Scenario.partiallySynthetic (real = real, samples = samples)
            |> Scenario.withContexts contexts
            |> Scenario.withGenerations generations
            |> Scenario.withTraced 15
            |> Scenario.withSeed seed
            |> Simulation.run
    ]

for run in runs do
    printfn $"{run}\n"

/// The truth of a run, its tokens sorted from the most probable down to the last in use.
let truthOf run =
    let sorted =
        Prior.law seed 0 run.Scenario.Truth
        |> Array.sortDescending
        |> Array.filter (fun p -> p > 0.0)

    [
        Figure.curve Look.Points 1 "truth p<sup>(0)</sup>" (sorted |> Seq.mapi (fun i p -> float (i + 1), p))
    ]
    |> Figure.ofCurves "token, by rank" "probability p<sub>i</sub>"

[
    runs |> List.map truthOf
    for quantity in [ Quantity.SumOfSquares; Quantity.L1FromFirst ] do
        runs |> List.map (Figure.trajectories quantity >> Figure.withTheory)
]
|> Figure.grid
    $"Partially synthetic, N = {real}, n = {samples}"
    [ for s0, support in truths -> $"S<sub>0</sub> = {s0}, {support} tokens" ]
|> keep "figure4"
