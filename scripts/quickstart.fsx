// How fast does a model forget that learns only from its predecessor? The paper's prior (600 tokens, 52 of
// them in use, sum of squares 0.1), many contexts side by side, n = 50 tokens a generation.
//
//     dotnet fsi build.fsx build
//     dotnet fsi scripts/quickstart.fsx [--quick]
#load "load.fsx"

open Collapse.Scripting
open Load

let run =
    Prior.power 600 52 0.1
    |> Scenario.fullySynthetic (samples = 50)
    |> Scenario.withContexts (size 1_000 10_000)
    |> Scenario.withGenerations 100
    |> Scenario.withTraced 30
    |> Simulation.run

printfn $"{run}\n"
Run.print run

run
|> Figure.trajectories Quantity.SumOfSquares
|> Figure.withTheory
|> keep "quickstart"
