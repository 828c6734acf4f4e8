// How fast does a model forget that learns only from its predecessor? The paper's prior (600 tokens, 52 of
// them in use, sum of squares 0.1), 10,000 contexts side by side, n = 50 tokens a generation.
//
//     dotnet fsi build.fsx build
//     dotnet fsi scripts/quickstart.fsx
#load "load.fsx"

open Collapse.Engines.Cpu
open Collapse.Model
open Collapse.Priors
open Collapse.Results
open Collapse.Running

let samples = 50

let settings =
    RunSettings(
        Scenario = Scenario.FullySynthetic,
        Prior = PriorParser.Parse "power:600:52:0.1",
        Contexts = 10_000L,
        Samples = samples,
        Generations = 100,
        Seed = 1UL
    )

let result =
    use engine = new CpuEngine()
    Simulation.Prepare(settings, engine).Run()

let sumOfSquares = result[Observable.SumOfSquares].Mean
let support = result[Observable.Support].Mean

printfn "generation   sum of squares   eq. (6)   support   collapsed"

for i in 0 .. result.Generation.Length - 1 do
    let m = result.Generation[i]

    if m = 1 || m % 10 = 0 then
        let exact = 1.0 - (1.0 - 1.0 / float samples) ** float m * (1.0 - 0.1)

        printfn
            $"%10d{m}   %14.4f{sumOfSquares[i]}   %7.4f{exact}   %7.2f{support[i]}   %8.2f{100.0 * result.CollapsedFraction[i]}%%"

printfn $"digest {result.Digest}"
