/// An entry of the catalogue, how it is run, and what its pictures have in common.
namespace Collapse.Verification

open System
open System.Diagnostics
open MathNet.Numerics.Distributions
open Collapse.Scripting

/// How large the samples are. The catalogue is written for the small effort of the default test suite.
type Effort =
    {
        Name: string
        /// Sample sizes, relative to the small effort's.
        Scale: float
    }

    /// So many contexts, draws or pairs of the small effort.
    member effort.Of(contexts: int) = int (effort.Scale * float contexts)

[<RequireQualifiedAccess>]
module Effort =
    let small = { Name = "small"; Scale = 1.0 }
    let full = { Name = "full"; Scale = 16.0 }

/// What a check found.
[<NoEquality; NoComparison>]
type Evidence =
    {
        Findings: Finding list
        /// Pictures of simulated against expected; made only for a report.
        Figures: unit -> Figure list
        /// Facts that a reader of the report should know.
        Notes: string list
    }

/// One claim and how it is put to the test.
[<NoEquality; NoComparison>]
type Check =
    {
        /// scenario/quantity.
        Name: string
        /// In one sentence.
        Claim: string
        /// Equation, theorem or derivation.
        Source: string
        /// The probability of a failure where the claim holds, for all findings together; 0 where nothing is random.
        Alpha: float
        /// What a defect is measured in.
        Measure: string
        /// At the small effort every finding sees a defect of this size with probability 0.99.
        Notices: float
        Run: World -> Effort -> uint64 -> Evidence
    }

/// A check that was run.
[<NoEquality; NoComparison>]
type Verdict =
    {
        Check: Check
        World: string
        Seed: uint64
        Evidence: Evidence
        Elapsed: TimeSpan
    }

    /// The significance level of each finding.
    member verdict.Level = verdict.Check.Alpha / float verdict.Evidence.Findings.Length

    member verdict.IsAgainst(finding: Finding) =
        finding.P = 0.0 || not (finding.P >= verdict.Level)

    member verdict.Failures = verdict.Evidence.Findings |> List.filter verdict.IsAgainst

    /// Nothing looked at is no success.
    member verdict.Passed =
        verdict.Failures.IsEmpty && not verdict.Evidence.Findings.IsEmpty

    member verdict.SmallestP = verdict.Evidence.Findings |> List.map _.P |> List.min

    /// The smallest defect that every finding sees; 0 where nothing is random.
    member verdict.Sees =
        if verdict.Check.Alpha = 0.0 then
            0.0
        else
            verdict.Evidence.Findings
            |> List.map (fun it -> it.Sees verdict.Level)
            |> List.max

    member verdict.Size = verdict.Evidence.Findings |> List.map _.Size |> List.max

    /// One line for each failure, with what makes it again.
    member verdict.Complaints =
        [
            if verdict.Evidence.Findings.IsEmpty then
                $"{verdict.Check.Name}: nothing was looked at"
            for it in verdict.Failures do
                let again = if it.Again = "" then "" else $"; again: {it.Again}"

                $"{verdict.Check.Name}: {it.Label}: {it.Statistic}, p = %.3g{it.P} below %.3g{verdict.Level} (seed {verdict.Seed}){again}"
        ]

[<RequireQualifiedAccess>]
module Check =
    /// FNV-1a of the name, so that no two checks share random numbers.
    let private mix (name: string) =
        name
        |> Seq.fold (fun hash c -> (hash ^^^ uint64 c) * 0x100000001B3UL) 0xCBF29CE484222325UL

    /// The check's own seed of a run's seed, below 2^62 so that neighbours of it exist.
    let seed (run: uint64) (check: Check) = (mix check.Name + run) >>> 2

    let run world effort seedOfRun (check: Check) =
        let own = seed seedOfRun check
        let clock = Stopwatch.StartNew()
        let evidence = check.Run world effort own

        {
            Check = check
            World = world.Name
            Seed = seedOfRun
            Evidence = evidence
            Elapsed = clock.Elapsed
        }

/// Pictures in the house style of Collapse.Scripting.
[<RequireQualifiedAccess>]
module Picture =
    let private band = 3.0

    /// Distances from the expectation in standard errors, with a band of three.
    let zStrip title xTitle (points: (string * (float * float) list) list) =
        let along = points |> List.collect snd |> List.map fst
        let low, high = List.min along, List.max along

        Figure.ofCurves
            xTitle
            "standard errors from the expectation"
            [
                for i, (name, all) in List.indexed points do
                    Figure.curve Look.Points i name all
                for side in [ -band; band ] do
                    Figure.curve Look.Sharp 0 "three standard errors" [ low, side; high, side ]
            ]
        |> Figure.withTitle title

    /// Observed shares of cells with their standard errors, over the expected ones.
    let law title xTitle (cells: (float * float * int64) list) =
        let n = cells |> List.sumBy (fun (_, _, k) -> k) |> float

        let observed =
            Figure.curve Look.Points 0 "observed" (cells |> List.map (fun (x, _, k) -> x, float k / n))

        Figure.ofCurves
            xTitle
            "probability"
            [
                { observed with
                    Errors = [| for _, p, _ in cells -> band * sqrt (p * (1.0 - p) / n) |]
                }
                Figure.curve Look.Exact 0 "exact" (cells |> List.map (fun (x, p, _) -> x, p))
            ]
        |> Figure.withTitle title
        |> Figure.withSubtitle "bars: three standard errors"

    /// Means with three standard errors over what is expected.
    let means title yTitle (points: (float * float * float * float) list) =
        let observed =
            Figure.curve Look.Points 0 "simulated" (points |> List.map (fun (x, mean, _, _) -> x, mean))

        Figure.ofCurves
            "generation m"
            yTitle
            [
                { observed with
                    Errors = [| for _, _, error, _ in points -> band * error |]
                }
                Figure.curve Look.Exact 0 "expected" (points |> List.map (fun (x, _, _, expected) -> x, expected))
            ]
        |> Figure.withTitle title
        |> Figure.withSubtitle "bars: three standard errors"

    /// Ordered p-values against those of chance alone.
    let quantiles title (pValues: float list) =
        let sorted = pValues |> List.filter (fun p -> p > 0.0 && p < 1.0) |> List.sort
        let n = sorted.Length
        let expected i = (float i + 0.5) / float n

        // The i-th smallest of n uniform values is Beta(i, n + 1 - i).
        let edge share i =
            Beta.InvCDF(float (i + 1), float (n - i), share)

        let curve look name value =
            Figure.curve look 0 name [ for i in 0 .. n - 1 -> expected i, value i ]

        Figure.ofCurves
            "expected p-value"
            "p-value"
            [
                curve Look.Points "all findings of chance" (fun i -> sorted[i])
                curve Look.Exact "uniform" expected
                curve Look.Sharp "99.9 % each" (edge 0.0005)
                curve Look.Sharp "99.9 % each" (edge 0.9995)
            ]
        |> Figure.withTitle title
        |> Figure.withLogX
        |> Figure.withLogY
