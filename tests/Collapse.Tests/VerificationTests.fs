/// The catalogue of statistical checks (tests/Collapse.Verification) at its small effort with a fixed seed, the planted
/// defects that it must reject, and what the catalogue promises of itself.
module Collapse.Tests.VerificationTests

open System
open System.Collections.Concurrent
open System.IO
open Expecto
open Collapse.Engines.Cpu
open Collapse.Model
open Collapse.Results
open Collapse.Running
open Collapse.Theory
open Collapse.Verification
open Collapse.Tests.Repository
open Collapse.Tests.Runs

let private seed = 1UL

let private verdicts = ConcurrentDictionary<string, Lazy<Verdict>>()

let private verdict (check: Check) =
    verdicts.GetOrAdd(check.Name, (fun _ -> lazy (Check.run Product.world Effort.small seed check))).Value

let private checks =
    [
        for check in Catalogue.checks ->
            test check.Name {
                let verdict = verdict check
                Expect.isEmpty verdict.Complaints check.Claim
                Expect.isTrue verdict.Passed "something was looked at"

                Expect.isLessThanOrEqual
                    verdict.Sees
                    check.Notices
                    $"a defect of {check.Notices} is seen ({check.Measure})"
            }
    ]

// ---- jumps: a path of the CPU engine that only sparse reports take

/// The false-alarm rate of the means below, and the number of the means.
let private jumpAlpha, private jumpMeans = 5e-8, 5

let private jumps =
    test "jumps keep to the law: uniform over 52, n = 400, 20,000 contexts" {
        let generations = [ 1; 100; 316; 1_000 ]

        let failures n =
            let job =
                { collapseJob Scenario.FullySynthetic (prior "uniform:52") 20_000 n 112UL with
                    ReportAt = ReportGrid.At generations
                }

            use engine = new CpuEngine()
            let result = (run engine job).Result
            Expect.isLessThan (3L * engine.Lookups) result.Draws "most is jumped over"
            let times = result.CollapseTimes
            let squares = result[Observable.SumOfSquares]
            let count = int times.Count

            [
                Compare.mean "E T" 789.5451284246817 times.Mean times.StandardDeviation count

                for i, m in List.indexed generations do
                    Compare.mean
                        $"S_{m}"
                        (1.0 - (1.0 - 1.0 / 400.0) ** float m * (1.0 - 1.0 / 52.0))
                        squares.Mean[i]
                        squares.StandardDeviation[i]
                        count
            ]
            |> List.filter (fun it -> it.P < jumpAlpha / float jumpMeans)

        Expect.isEmpty (failures 400 |> List.map _.Statistic) "as the closed forms say"
        Expect.hasLength (failures 370) jumpMeans "each of the five sees n - 30"
    }

// ---- the catalogue

let private catalogue =
    [
        test "cries wolf in less than one seed of a million" {
            let others =
                jumpAlpha
                + WordTests.falseAlarms
                + PriorTests.falseAlarms
                + LogitSamplingTests.falseAlarms

            Expect.isLessThanOrEqual (Catalogue.alpha + others) Catalogue.budget "the whole suite's false-alarm rates"
        }
        test "has no name twice" {
            let names = Catalogue.checks |> List.map _.Name
            Expect.equal (List.distinct names) names ""
        }
        test "fails a check that looks at nothing, and one with an undefined p-value" {
            let check = Catalogue.checks.Head

            let of' findings =
                {
                    Check = check
                    World = ""
                    Seed = 1UL
                    Evidence =
                        {
                            Findings = findings
                            Figures = fun () -> []
                            Notes = []
                        }
                    Elapsed = TimeSpan.Zero
                }

            Expect.isFalse (of' []).Passed "nothing"
            Expect.isNonEmpty (of' []).Complaints "nothing is a complaint"

            let undefined =
                { Compare.exact "" 1L "" true with
                    P = nan
                }

            Expect.isFalse (of' [ undefined ]).Passed "undefined"
            Expect.isTrue (of' [ Compare.exact "" 1L "" true ]).Passed "a fact"
        }
        test "stands in docs/verification.md, with the planted defects" {
            let document = File.ReadAllText(Path.Combine(root, "docs", "verification.md"))
            // `dotnet fsi build.fsx verify -- --tables` prints both.
            Expect.stringContains document (Report.table ()) "the checks"
            Expect.stringContains document (Report.defects ()) "the planted defects"
        }
    ]

// ---- p-values of known cases

let private pValues =
    [
        test "a mean at the quantiles of the normal law" {
            for z, p in [ 1.959963984540054, 0.05; 5.730728868235920, 1e-8; 0.0, 1.0 ] do
                let finding = Compare.mean "" 1.0 (1.0 + z / 100.0) 1.0 10_000
                Expect.floatClose Accuracy.medium finding.P p $"z = {z}"
        }
        test "a fraction's p-value is twice the exact tail" {
            // P(X <= 1) of Binomial(10, 1/2) is 11/1024, P(X >= 10) is 1/1024.
            Expect.floatClose Accuracy.high (Compare.fraction "" 0.5 1L 10L).P (22.0 / 1024.0) "below"
            Expect.floatClose Accuracy.high (Compare.fraction "" 0.5 10L 10L).P (2.0 / 1024.0) "above"
            Expect.equal (Compare.fraction "" 0.5 5L 10L).P 1.0 "in the middle"
        }
        test "chi-squared at its quantiles, and impossible cells" {
            Expect.floatClose Accuracy.medium (Compare.chiSquared "" 1L 1 3.841458820694124).P 0.05 "1"
            Expect.floatClose Accuracy.medium (Compare.chiSquared "" 1L 10 18.307038053275146).P 0.05 "10"
            Expect.equal (Compare.frequencies "" [| 0.5; 0.0; 0.5 |] [| 500L; 1L; 499L |]).P 0.0 "impossible"
            Expect.equal (Compare.frequencies "" [| 0.5; 0.5 |] [| 500L; 500L |]).P 1.0 "as expected"
        }
        test "the distance of a distribution function is looked for at both ends of a jump" {
            // One value, 3, against a law on 3 and 4 with 0.9 and 0.1.
            let cdf m =
                if m < 3 then 0.0
                elif m = 3 then 0.9
                else 1.0

            let finding = Compare.distribution "" cdf (Array.create 1000 3)
            Expect.floatClose Accuracy.medium finding.P (2.0 * exp (-2.0 * 1000.0 * 0.01)) "0.1 above"
            // All values 10 against a law that is over by 5.
            Expect.isLessThan
                (Compare.distribution "" (fun m -> if m < 5 then 0.0 else 1.0) (Array.create 100 10)).P
                1e-80
                "below"
        }
        test "the empirical Bernstein bound solves its own equation" {
            for distance, variance, count in [ 0.1, 0.05, 4_000; 0.5, 0.0, 1_000 ] do
                let p = Compare.bernstein 2.0 distance variance count
                let l = log (2.0 / p)

                let reach =
                    sqrt (2.0 * variance * l / float count) + 14.0 * l / (3.0 * float (count - 1))

                Expect.floatClose Accuracy.high reach distance "the bound reaches as far as the distance"

            Expect.equal (Compare.bernstein 2.0 -0.1 0.05 4_000) 1.0 "on the right side"
        }
        test "what is seen is seen" {
            // A shift of the size stated is found in 99 of 100 cases: with its mean shifted by it, the median p-value
            // lies far below α, and at the shift less 2.33 standard errors exactly at α.
            let alpha = 1e-8
            let finding = Compare.mean "" 1.0 1.0 1.0 10_000
            let shift = finding.Sees alpha - 2.3263478740408408 / 100.0
            Expect.floatClose Accuracy.medium (Compare.mean "" 1.0 (1.0 + shift) 1.0 10_000).P alpha ""
        }
    ]

// ---- the exact laws that simulations are held against

let private laws =
    [
        test "second moments are (6) where the schedule is" {
            let moments = ExactLaws.secondMoments 0.1 30 (fun m -> [ m - 1, 20 ])

            for m in 1..30 do
                Expect.floatClose Accuracy.high moments[m, m] (1.0 - 0.95 ** float m * 0.9) $"generation {m}"
                Expect.floatClose Accuracy.high (Theory.product.Equation6 0.1 20 m) moments[m, m] "(6)"
        }
        test "the theory library's recursions are the second moments" {
            for window, n in [ 1, 12; 2, 20; 3, 20; 7, 50 ] do
                let schedule m =
                    [ for t in max 0 (m - window) .. m - 1 -> t, n / window ]

                let moments = ExactLaws.secondMoments 0.1 40 schedule

                for m in 1..40 do
                    Expect.floatClose
                        Accuracy.high
                        (ScheduleRecursions.RecentModels(n, window, m).SumOfSquares(0.1, m))
                        moments[m, m]
                        $"window {window}, m = {m}"
        }
        test "(9) begins at 1/N + (1 - 1/N) S_0, and is the chain of one token" {
            for real, n in [ 10, 20; 1, 5; 4, 8 ] do
                let p = [| 0.5; 0.3; 0.2 |]
                let chain = ExactLaws.tokenChain true real n 8

                for m in 1..8 do
                    let expected = ExactLaws.expectedSum chain p m (fun _ _ y -> y * y)
                    Expect.floatClose Accuracy.high (Theory.product.Equation9 0.38 real n m) expected $"m = {m}"

                let first = 1.0 / float real + (1.0 - 1.0 / float real) * 0.38
                Expect.floatClose Accuracy.high (Theory.product.Equation9 0.38 real n 1) first "m = 1"
        }
        test "the theory library's deviations and collapse are those of the plain laws" {
            let p = [| 0.4; 0.3; 0.2; 0.1 |]

            for real, n in [ 0, 9; 5, 7 ] do
                let first = if real = 0 then n else real
                let chain = ExactLaws.tokenChain (real > 0) first n 10
                let exact = Theory.product.Deviation p real n 10

                for m in 1..10 do
                    let expected = ExactLaws.expectedSum chain p m (fun _ x y -> abs (y - x))
                    Expect.isLessThan (abs (exact[m - 1] - expected)) 1e-12 $"m = {m}"

            let plain = ExactLaws.collapsed p 12 60
            let rho = Theory.product.Collapsed p 12 60

            for m in 0..60 do
                Expect.isLessThan (abs (rho[m] - plain[m])) 1e-12 $"rho_{m}"
        }
        test "a window of one model is fully synthetic, to the digest" {
            let run scenario =
                (cpu (job scenario (prior "zipf:3000:1.1") 50 100 20 102UL)).Result.Digest

            Expect.equal (run (Scenario.RecentModels 1)) (run Scenario.FullySynthetic) ""
        }
    ]

// ---- planted defects

let private planted =
    [
        test "are named once each, and by checks of the catalogue" {
            let names = Defects.all |> List.map _.Name
            Expect.equal (List.distinct names) names "names"

            for defect in Defects.all do
                Expect.contains (Catalogue.checks |> List.map _.Name) defect.RejectedBy defect.Name
        }
        for defect in Defects.all do
            test $"{defect.RejectedBy} rejects: {defect.Name}" {
                let verdict = Defects.judge seed defect
                Expect.isFalse verdict.Passed "the defect is rejected"
            }

        for name in Defects.all |> List.map _.RejectedBy |> List.distinct do
            test $"{name} accepts the plain simulator with the right parts" {
                Expect.isEmpty (Defects.judgeRight seed name).Complaints "no defect, no complaint"
            }
    ]

// ---- the program behind `verify`

let private options folder filter =
    { Program.defaults with
        Filter = filter
        Effort = Effort.small
        Out = folder
    }

let private verify world filter =
    let folder = (Directory.CreateTempSubdirectory "collapse-verification").FullName
    use out = new StringWriter()

    let exitCode =
        Program.run out world (options folder filter) (Catalogue.matching filter)

    exitCode, string out, File.ReadAllText(Path.Combine(folder, "verification.html"))

let private program =
    [
        test "passes the product, and its page draws every chart without a script error" {
            let exitCode, output, page = verify Product.world "fully-synthetic/count-law"
            Expect.equal exitCode 0 "all passed"

            Expect.stringContains
                output
                "1 checks passed, 0 failed; 1 planted defects rejected, 0 missed"
                "the last line"

            Expect.isFalse (page.Contains "FAILED") "no failure on the page"

            if (Collapse.Scripting.Chromium.tryFind ()).IsNone then
                skiptest "no Chromium on this machine (Debian: apt-get install chromium)"

            let watch =
                "<head><script>window.failures = []; window.onerror = t => window.failures.push(t);</script>"

            let report =
                """<script>document.body.id = `${window.failures.length} failures, ${document.querySelectorAll('.js-plotly-plot').length} charts, ${document.querySelectorAll('.cartesianlayer .trace').length > 9 ? 'curves' : 'no curves'}`;</script></body>"""

            let dom =
                Collapse.Scripting.Chromium.dumpDom (page.Replace("<head>", watch).Replace("</body>", report))

            // One of all p-values, and nine laws in pairs.
            Expect.stringContains dom "<body id=\"0 failures, 6 charts, curves\">" "the page was drawn"
        }
        test "fails a defective world with exit code 1, and prints what makes it again" {
            let defect =
                Defects.all
                |> List.find (fun it -> it.Name = "the last token of a law is never drawn")

            let exitCode, output, page = verify defect.World "fully-synthetic/count-law"
            Expect.equal exitCode 1 "a failure"
            Expect.stringContains output "FAILED  fully-synthetic/count-law" "by name"
            Expect.stringContains output "again: collapse run --prior zipf:6:1.0" "with a command"
            Expect.stringContains output "again: dotnet fsi build.fsx verify -- --effort small --seed 1" "and the whole"
            Expect.stringContains page "FAILED" "on the page"
        }
        test "understands its options" {
            let parse args = Program.parse Program.defaults args

            match
                parse
                    [
                        "--filter"
                        "truth"
                        "--seed"
                        "7"
                        "--effort"
                        "small"
                        "--out"
                        "x"
                        "--no-defects"
                    ]
            with
            | Ok it ->
                Expect.equal
                    (it.Filter, it.Seed, it.Effort, it.Out, it.Defects)
                    ("truth", 7UL, Effort.small, "x", false)
                    ""
            | Error message -> failtest message

            for args in [ [ "--seed"; "x" ]; [ "--effort"; "huge" ]; [ "--filter" ]; [ "truth" ] ] do
                Expect.isError (parse args) $"{args}"

            Expect.equal (Program.main [| "--seed"; "-1" |]) 2 "bad input"
            Expect.equal (Program.main [| "--filter"; "no such check" |]) 2 "nothing to run"

            match parse [ "--fresh-seed" ], parse [ "--fresh-seed" ] with
            | Ok a, Ok b -> Expect.notEqual a.Seed b.Seed "fresh"
            | _ -> failtest "--fresh-seed"
        }
    ]

[<Tests>]
let tests =
    testList
        "verification"
        [
            testList "catalogue" catalogue
            testList "p-values" pValues
            testList "exact laws" laws
            testList "checks" checks
            jumps
            testList "planted defects" planted
            testList "program" program
        ]
