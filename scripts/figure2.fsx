// Figure 2 of the paper: the time T until one token is left against the sample size n, for three priors of
// different sum of squares S0, 100 runs each. The paper's (8) brackets E[T] between about n and n²; the exact
// law (docs/theory.md, "The ancestral chain") says about 2n, and the means agree with it.
//
//     dotnet fsi build.fsx build
//     dotnet fsi scripts/figure2.fsx [--quick]
#load "load.fsx"

open Collapse.Scripting
open Load

let seed = 1UL
let runs = 100

let sizes =
    size [ 5; 10; 20; 40 ] [ 5; 10; 20; 30; 40; 50; 60; 80; 100; 150; 200; 300; 400 ]

let priors =
    [
        "S<sub>0</sub> = 1/52 (uniform)", Prior.power 600 52 (1.0 / 52.0)
        "S<sub>0</sub> = 0.1", Prior.power 600 52 0.1
        "S<sub>0</sub> = 0.5", Prior.power 600 52 0.5
    ]

let scenario prior n =
    prior
    |> Scenario.fullySynthetic (samples = n)
    |> Scenario.withContexts runs
    |> Scenario.untilCollapse

printfn "prior                    n    mean T   standard error   exact E[T]   (8) below   (8) above     z"

let panels, scores, digests =
    [
        for i, (name, prior) in List.indexed priors do
            let plain = name.Replace("<sub>0</sub>", "_0")

            let rows =
                [
                    for k, n in List.indexed sizes do
                        // Every point has a seed of its own: its error is independent of the others'.
                        let own = seed + uint64 (1000 * i + k)
                        let run = scenario prior n |> Scenario.withSeed own |> Simulation.run
                        let time = Run.meanCollapseTime run
                        let mean, error = time.Mean, time.StandardError
                        let theory = Theory.collapseTime run.Scenario
                        let z = (mean - theory.Exact) / error

                        printfn
                            $"%-20s{plain} %5d{n} %9.1f{mean} %16.2f{error} %12.1f{theory.Exact} %11.1f{theory.LowerBound} %11.1f{theory.UpperBound} %5.2f{z}"

                        float n, run, mean, error, theory, z
                ]

            let along value =
                rows
                |> List.map (fun (n, _, mean, error, theory, _) -> n, value (mean, error, theory))

            let single =
                rows
                |> Seq.collect (fun (n, run, _, _, _, _) -> run.CollapseTimes |> Seq.map (fun t -> n, float t))

            let means =
                Figure.curve Look.Points i "mean of 100 runs" (along (fun (mean, _, _) -> mean))

            let figure =
                Figure.ofCurves
                    "sample size n (tokens)"
                    "collapse time T (generations)"
                    [
                        Figure.curve Look.Dots i "single runs" single
                        { means with
                            Errors = rows |> List.map (fun (_, _, _, error, _, _) -> error) |> Array.ofList
                        }
                        Figure.curve Look.Exact 0 "E[T] exact" (along (fun (_, _, theory) -> theory.Exact))
                        Figure.curve
                            Look.Paper
                            -1
                            "(8) below and above"
                            (along (fun (_, _, theory) -> theory.LowerBound))
                        Figure.curve
                            Look.Paper
                            -1
                            "(8) below and above"
                            (along (fun (_, _, theory) -> theory.UpperBound))
                    ]
                |> Figure.withLogX
                |> Figure.withLogY
                |> Figure.withYRange 0.7 2e5
                |> Figure.withHeading name

            figure,
            rows |> List.map (fun (_, _, _, _, _, z) -> abs z),
            rows |> List.map (fun (_, run, _, _, _, _) -> run.Digest)
    ]
    |> List.unzip3

let worst = scores |> List.concat |> List.max
let count = scores |> List.sumBy List.length
printfn $"\nlargest distance from the exact law: %.2f{worst} standard errors, of {count} means"
printfn $"digest {digests |> List.concat |> List.last}"

panels
|> Figure.row "Total collapse: time against sample size, fully synthetic"
|> keep "figure2"
