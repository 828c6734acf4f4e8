// Any schedule of eq. 5 is a function from the generation to its sources (t, n_t). Here every tenth
// generation gets 50 fresh real tokens beside the 500 its predecessor wrote: how much does that buy?
//
//     dotnet fsi build.fsx build
//     dotnet fsi scripts/custom-schedule.fsx
#load "load.fsx"

open Collapse.Engines.Cpu
open Collapse.Model
open Collapse.Priors
open Collapse.Results
open Collapse.Running

let generations = 200

let schedule refresh =
    fun m ->
        [
            if m = 1 then
                struct (0, 500)
            else
                struct (m - 1, 500)

                if refresh && m % 10 = 0 then
                    struct (0, 50)
        ]
        |> Seq.ofList

let run name refresh =
    let settings =
        RunSettings(
            Scenario = Scenario.Custom(name, schedule refresh),
            Prior = PriorParser.Parse "zipf:10000:1.0",
            Contexts = 1_000L,
            Generations = generations,
            Seed = 1UL
        )

    use engine = new CpuEngine()
    Simulation.Prepare(settings, engine).Run()

let alone = run "no fresh tokens" false
let refreshed = run "50 fresh tokens every tenth generation" true

printfn "generation   support alone   support refreshed   unseen alone   unseen refreshed"

for m in [ 1; 10; 20; 50; 100; 200 ] do
    let value (result: RunResult) (observable: Observable) = result[observable].Mean[m - 1]

    printfn
        $"%10d{m}   %13.1f{value alone Observable.Support}   %17.1f{value refreshed Observable.Support}   %12.3f{value alone Observable.UnseenMass}   %16.3f{value refreshed Observable.UnseenMass}"

printfn $"digests {alone.Digest} {refreshed.Digest}"
