// Figure 1 of the paper: next-token laws over three tokens, trained on their own output. 81 contexts start all
// over the simplex (the middles of the 81 small triangles that nine cuts of each side leave) and learn from
// n = 1,000 tokens of their predecessor. In 40 generations they drift a little: 1 - S_m falls by (1 - 1/n)^40, four
// parts in a hundred. What they drift to is seen in the second figure: time runs as m/n, so n = 100 shows in
// 400 generations what n = 1,000 would show in 4,000. First an edge is met, where a token is lost for good, and in
// the end every context sits in a corner.
//
//     dotnet fsi build.fsx build
//     dotnet fsi scripts/figure1.fsx [--quick]
#load "load.fsx"

open Collapse.Scripting
open Load

let seed = 1UL
let cuts = 9
let samples = size 100 1_000
let shown = [ 0..10..40 ]
let fewerSamples = size 20 100
let laterShown = [ 0; size 5 25; size 20 100; size 40 200; size 80 400 ]

let laws =
    [
        for i in 0 .. cuts - 1 do
            for j in 0 .. cuts - 1 - i do
                let law a b =
                    [ a / float cuts; b / float cuts; 1.0 - (a + b) / float cuts ]

                law (float i + 1.0 / 3.0) (float j + 1.0 / 3.0)

                if i + j < cuts - 1 then
                    law (float i + 2.0 / 3.0) (float j + 2.0 / 3.0)
    ]

/// Trains all contexts and shows them, as points (p_1, p_2, p_3), in some generations; 0 is the truth.
let drift (samples: int) (shown: int list) =
    let points = dict [ for m in shown -> m, ResizeArray<float * float>() ]

    for law in laws do
        points[0].Add(law[0], law[1])

    let run =
        Prior.rows laws
        |> Scenario.fullySynthetic (samples = samples)
        |> Scenario.withGenerations (List.last shown)
        |> Scenario.withSeed seed
        |> Simulation.observe (fun model ->
            if points.ContainsKey model.Generation then
                points[model.Generation].Add(model.Probability 0, model.Probability 1))

    printfn $"{run}\n"

    // A context that has collapsed leaves the work: from then on it stands in its corner.
    for m in shown do
        for context in 0 .. laws.Length - 1 do
            let time = run.CollapseTimes[context]

            let isCorner token =
                if run.Tokens[context] = token then 1.0 else 0.0

            if time > 0 && time < m then
                points[m].Add(isCorner 0, isCorner 1)

    [
        for m in shown -> Figure.simplex points[m] |> Figure.withHeading $"generation {m}"
    ]
    |> Figure.row $"{laws.Length} contexts over three tokens, fully synthetic, n = {samples:N0}"

drift samples shown |> keep "figure1"
drift fewerSamples laterShown |> keep "figure1-later"
