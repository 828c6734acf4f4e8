// Figure 1 of the paper: next-token laws over three tokens, trained on their own output. 81 contexts start
// anywhere in the simplex (one law each, drawn uniformly) and learn from n = 1,000 tokens of their
// predecessor; generation by generation they drift, the first ones to the edges, where a token is lost. In the
// end (about 2,000 generations) every one sits in a corner.
//
//     dotnet fsi build.fsx build
//     dotnet fsi scripts/figure1.fsx [--quick]
#load "load.fsx"

open Collapse.Scripting
open Load

let seed = 1UL
let contexts = 81
let samples = size 100 1_000
let shown = [ 0..10..40 ]

let prior = Prior.dirichlet 3 1.0

// The models themselves, token by token: p_1 and p_2 of every context in the generations shown.
let points =
    System.Collections.Generic.Dictionary<int, ResizeArray<float * float>>()

for m in shown do
    points[m] <- ResizeArray()

for context in 0 .. contexts - 1 do
    let law = Prior.law seed context prior
    points[0].Add(law[0], law[1])

let run =
    prior
    |> Scenario.fullySynthetic (samples = samples)
    |> Scenario.withContexts contexts
    |> Scenario.withGenerations (List.last shown)
    |> Scenario.withSeed seed
    |> Simulation.observe (fun model ->
        if List.contains model.Generation shown then
            points[model.Generation].Add(model.Probability 0, model.Probability 1))

printfn $"{run}\n"

// A context that has collapsed leaves the work: from then on it stands in its corner.
for m in shown do
    for context in 0 .. contexts - 1 do
        let time = run.CollapseTimes[context]

        if time > 0 && time < m then
            points[m]
                .Add((if run.Tokens[context] = 0 then 1.0 else 0.0), (if run.Tokens[context] = 1 then 1.0 else 0.0))

[
    for m in shown -> Figure.simplex points[m] |> Figure.withHeading $"generation {m}"
]
|> Figure.row $"{contexts} contexts over three tokens, fully synthetic, n = {samples:N0}"
|> keep "figure1"
