// What models that are not trained to the end, share parameters, or are sampled at a temperature do to collapse. The
// paper's model is the closed form: its only error is statistical. A softmax model that stops early, or whose contexts
// share W through Gaussian vectors of D numbers, has a functional error as well: it differs from its training set. Each
// generation's step p^(m) - p^(m-1) is the sum of the two, D_m/n - q_m and p^(m) - D_m/n, with q_m the law that the
// training set was drawn from.
//
//     dotnet fsi build.fsx build
//     dotnet fsi scripts/softmax.fsx [--quick]
#load "load.fsx"

open Collapse.Scripting
open Load

let seed = 1UL
let samples = 100
let contexts = size 30 200
let generations = size 6 40

let closed =
    Prior.zipf 200 1.0
    |> Scenario.fullySynthetic (samples = samples)
    |> Scenario.withContexts contexts
    |> Scenario.withGenerations generations
    |> Scenario.withSeed seed

let early steps =
    closed |> Scenario.withRefit (Refit.gradient steps 3.0)

let shared dimension =
    closed
    |> Scenario.withRefit (Refit.newton 1e-3)
    |> Scenario.withEmbedding (Embedding.gaussian dimension)

let at (temperature: float) =
    closed |> Scenario.withTemperature temperature

// ---- how each of them changes the sum of squares

let run name scenario =
    let run = Simulation.run scenario
    printfn $"{name}: {run}\n"
    name, run

// A digest says which runs are behind a figure.
let byTemperature =
    [ 0.8; 0.9; 1.1; 1.25 ]
    |> List.map (fun temperature -> temperature, run $"T = {temperature}" (at temperature))

let bySteps =
    size [ 100; 1_000 ] [ 100; 300; 1_000; 3_000; 10_000 ]
    |> List.map (fun steps -> float steps, run $"{steps:N0} steps" (early steps))

let byDimension =
    size [ 4; 16 ] [ 8; 16; 32; 64; 128 ]
    |> List.map (fun dimension -> float dimension, run $"D = {dimension}" (shared dimension))

let plain = run "closed form" closed

let panel heading quantity runs =
    Figure.compare quantity (plain :: List.map snd runs)
    |> Figure.withHeading heading

[
    panel "gradient descent, rate 3" Quantity.SumOfSquares bySteps
    panel $"{contexts} contexts share D dimensions" Quantity.SumOfSquares byDimension
    panel "closed form, sampled at temperature T" Quantity.SumOfSquares byTemperature
]
|> List.map Figure.withLogY
|> Figure.row $"Collapse of softmax models: zipf over 200 tokens, n = {samples}"
|> keep "softmax"

// ---- where the deviation comes from

let errors title runs =
    let along quantity =
        [ for x, (_, run) in runs -> x, Run.at generations quantity run ]

    Figure.ofCurves
        title
        $"at generation {generations} (L1 distance)"
        [
            Figure.curve Look.Strong 0 "deviation from the truth" (along Quantity.L1FromTruth)
            Figure.curve Look.Strong 1 "functional error of a generation" (along Quantity.FunctionalError)
            Figure.curve Look.Strong 2 "statistical error of a generation" (along Quantity.StatisticalError)
        ]
    |> Figure.withLogX
    |> Figure.withYRange 0.0 2.0

[
    errors "steps of gradient descent" bySteps
    |> Figure.withHeading "early stopping"
    errors "dimension D" byDimension
    |> Figure.withHeading $"{contexts} contexts share D dimensions"
]
|> Figure.row "Statistical and functional error"
|> keep "softmax-errors"
