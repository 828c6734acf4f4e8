/// Contexts that several groups train together: whatever the number of groups, the results of all other engines.
module Collapse.Tests.PartsTests

open Expecto
open Collapse.Engines.Gpu
open Collapse.Kernels
open Collapse.Model
open Collapse.Running
open Collapse.Tests.Runs

/// Few threads: the accelerator of ILGPU that also checks every index.
let private onCpu groups partTokens job =
    runOn (PropertyTests.kernelInParts groups partTokens).Value job

let private expectParts what groups partTokens job =
    let expected = reference job
    expectSame $"{what}: {groups} groups" expected (onCpu groups partTokens job)
    expected

let private numberTests =
    [
        for groups in [ 7; 12; 50 ] do
            test $"three contexts on {groups} groups" {
                // 50 groups, and 41 tokens are six blocks of eight half words: most parts have none.
                for n in [ 41; 64 ] do
                    let job = job Scenario.PartiallySynthetic (prior "zipf:30:1.0") 3 n 4 31UL
                    expectParts $"n = {n}" groups 1 { job with Trace = 3 } |> ignore
            }
        test "sizes about the least" {
            for n in [ 31; 32; 33 ] do
                expectParts $"n = {n}" 9 8 (job (Scenario.RecentModels 2) (prior "uniform:9") 2 n 4 32UL)
                |> ignore
        }
        test "large contexts beside small ones" {
            for scenario in [ Scenario.FullySynthetic; Scenario.PartiallySynthetic ] do
                let job =
                    { onCorpus scenario None 3 33UL with
                        Trace = 1000
                    }

                let outcome = expectParts "a corpus" 60 20 job

                let sizes =
                    [|
                        for table in outcome.Tables do
                            yield! Array.map2 (+) table.Samples table.Real
                    |]
                    |> Array.sortDescending

                let kinds =
                    [
                        for c in LaunchClass.General(sizes, KernelChoice(2, 10, KernelLimits(0, 60, 20)), 1000) ->
                            c.Kind
                    ]

                Expect.equal kinds [ KernelKind.Parts; KernelKind.General ] "both kinds are there"
        }
    ]

let private leavingTests =
    [
        test "contexts leave at different generations, in several launches" {
            let job = collapseJob Scenario.FullySynthetic (prior "uniform:52") 4 40 34UL
            let outcome = expectParts "until collapse" 12 10 { job with Trace = 4 }

            let times =
                outcome.Tables |> List.collect (fun table -> List.ofArray table.CollapseTime)

            Expect.hasLength (List.distinct times) 4 "each at its own"
            Expect.isGreaterThan (List.max times) DeviceBatch.MostGenerations "no launch holds them all"
        }
        test "contexts leave where nothing is reported" {
            for sparse in [ ReportGrid.Geometric 2; ReportGrid.At [ 1; 40 ] ] do
                let job =
                    { collapseJob Scenario.FullySynthetic (prior "uniform:5") 5 33 35UL with
                        ReportAt = sparse
                        Trace = 5
                    }

                let outcome = expectParts "until collapse" 20 8 job

                let times =
                    outcome.Tables |> List.collect (fun table -> List.ofArray table.CollapseTime)

                Expect.isTrue
                    (times |> List.exists (fun t -> not (outcome.Result.Generation.Contains t)))
                    "the row is made of one token"
        }
        test "the same with held-out text" {
            let job =
                { onCorpus Scenario.FullySynthetic (Some 16) 1 36UL with
                    Generations = None
                    UntilCollapse = true
                    ReportAt = ReportGrid.Geometric 1
                    Trace = 1000
                }

            expectParts "a corpus" 200 4 job |> ignore
        }
        test "a context that collapses and recovers does not leave" {
            // Real tokens come back in generation 30, and are not all one.
            let schedule =
                custom "one comes back" (fun m -> if m = 1 || m = 30 then [ 0, 9 ] else [ m - 1, 9 ])

            let job =
                { job schedule (prior "uniform:3") 4 9 40 37UL with
                    Trace = 4
                }

            let outcome = expectParts "fresh tokens" 12 2 job
            Expect.isGreaterThan outcome.Result.CollapsedFraction[28] 0.0 "some have collapsed"
            Expect.equal outcome.Result.CollapsedFraction[29] 0.0 "and recovered"
        }
        test "neighbours that hold different tokens" {
            // Odd and even generations know nothing of each other.
            let twoLines = custom "two lines" (fun m -> [ (if m <= 2 then 0 else m - 2), 4 ])

            let job =
                { job twoLines (prior "uniform:3") 6 4 40 39UL with
                    Trace = 6
                }

            expectParts "two lines" 18 1 job |> ignore
        }
        test "kept tokens that are all one let a context leave" {
            let schedule = custom "kept" (fun m -> [ 0, 2; (if m = 1 then 0 else m - 1), 6 ])

            for job in
                [
                    job schedule (prior "power:5:2:0.5") 6 8 12 38UL
                    { job Scenario.PartiallySynthetic (prior "power:5:2:0.5") 6 8 12 38UL with
                        Real = Some 2
                    }
                ] do
                expectParts "kept" 24 2 { job with Trace = 6 } |> ignore
        }
    ]

[<Tests>]
let tests =
    testList "several groups a context" [ yield! numberTests; yield! leavingTests ]
