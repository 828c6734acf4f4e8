// Any schedule of eq. 5 is a function from the generation to its sources (t, n_t). Here every tenth
// generation gets 50 fresh real tokens beside the 500 its predecessor wrote: how much does that buy?
//
//     dotnet fsi build.fsx build
//     dotnet fsi scripts/custom-schedule.fsx [--quick]
#load "load.fsx"

open Collapse.Scripting
open Load

let seed = 1UL
let generations = size 40 200
let contexts = size 100 1_000

let alone m = [ (m - 1, 500) ]

let refreshed m =
    if m > 1 && m % 10 = 0 then
        [ m - 1, 500; 0, 50 ]
    else
        [ (m - 1, 500) ]

let run name schedule =
    Prior.zipf 10_000 1.0
    |> Scenario.custom name schedule
    |> Scenario.withContexts contexts
    |> Scenario.withGenerations generations
    |> Scenario.withSeed seed
    |> Simulation.run

let runs =
    [
        "no fresh tokens", run "alone" alone
        "50 fresh tokens every tenth generation", run "refreshed" refreshed
    ]

for name, result in runs do
    printfn $"{name}\n{result}\n"

[ Quantity.Support; Quantity.UnseenMass ]
|> List.map (fun quantity -> Figure.compare quantity runs)
|> Figure.row "Fresh real tokens now and then"
|> keep "custom-schedule"
