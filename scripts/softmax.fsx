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

let run name scenario =
    let run = Simulation.run scenario
    printfn $"{name}: {run}\n"
    name, run

let plain = run "closed form, T = 1" closed

let bySteps =
    [
        for steps in size [ 30; 300 ] [ 30; 100; 1_000 ] -> run $"{steps:N0} steps" (early steps)
    ]

let byDimension =
    [
        for dimension in size [ 4; 16 ] [ 8; 32; 128 ] -> run $"D = {dimension}" (shared dimension)
    ]

let byTemperature =
    [
        for temperature in [ 0.8; 0.9; 1.1 ] -> run $"T = {temperature}" (at temperature)
    ]

// ---- how each of them changes the sum of squares

let panel heading runs =
    Figure.compare Quantity.SumOfSquares (plain :: runs)
    |> Figure.withHeading heading
    |> Figure.withLogY
    |> Figure.withYRange 0.005 1.2

[
    panel "gradient descent, rate 3, stopped early" bySteps
    panel $"{contexts} contexts share D dimensions" byDimension
    panel "closed form, sampled at temperature T" byTemperature
]
|> Figure.row $"How refit, embedding and temperature change collapse: zipf over 200 tokens, n = {samples}"
|> keep "softmax"

// ---- which error a generation's step is made of

[
    for quantity, heading in
        [
            Quantity.L1FromTruth, "deviation from the truth"
            Quantity.FunctionalError, "what training misses of its tokens"
            Quantity.StatisticalError, "what the tokens miss of their law"
        ] do
        Figure.compare quantity (bySteps @ byDimension)
        |> Figure.withHeading heading
        |> Figure.withYRange 0.0 2.0
]
|> Figure.row "The deviation of softmax models, and the functional and statistical error of each generation"
|> keep "softmax-errors"
