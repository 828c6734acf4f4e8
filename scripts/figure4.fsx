// Figure 4 of the paper: the partially synthetic scenario from truths of different sum of squares S_0, from nearly
// uniform (484 tokens) to a few dominant ones (16). Left: how far S_m rises above S_1, which is little beside S_1
// itself: by (9) the rise is 1 - S_0 times one and the same curve, so the flatter the truth the more diversity goes.
// Right: the deviation from the first model, which is largest for flat truths too, with its sharp bounds.
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
            $"S<sub>0</sub> = {s0}",
            Prior.power 600 support s0
            |> Scenario.partiallySynthetic (real = real, samples = samples)
            |> Scenario.withContexts contexts
            |> Scenario.withGenerations generations
            |> Scenario.withSeed seed
            |> Simulation.run
    ]

for _, run in runs do
    printfn $"{run}\n"

let rises =
    let fromFirst (values: float[]) =
        values |> Array.map (fun v -> v - values[0])

    [
        for i, (name, run) in List.indexed runs do
            Figure.curve
                Look.Strong
                i
                name
                (Seq.zip (run.Generations |> Seq.map float) (fromFirst run[Quantity.SumOfSquares]))

        for _, run in runs do
            for known in Theory.curves Quantity.SumOfSquares generations run.Scenario do
                Figure.curve
                    Look.Exact
                    0
                    "S<sub>m</sub> − S<sub>1</sub>, exact, (9)"
                    (Seq.zip (known.Generations |> Seq.map float) (fromFirst known.Values))
    ]

[
    Figure.ofCurves "generation m" "rise of the sum of squares, S<sub>m</sub> − S<sub>1</sub>" rises
    |> Figure.withHeading "S<sub>m</sub> − S<sub>1</sub>, simulated and by (9)"
    Figure.compare Quantity.L1FromFirst runs
    |> Figure.withTheory
    |> Figure.withHeading "deviation, with its sharp bounds"
]
|> Figure.row $"Partially synthetic, N = {real}, n = {samples}: sum of squares and deviation by S<sub>0</sub>"
|> keep "figure4"
