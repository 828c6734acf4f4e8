/// `collapse theory` and `collapse plan`: what they print is what the library computes, of the contexts that are meant.
module Collapse.Tests.TheoryCommandTests

open System
open System.Diagnostics
open System.IO
open System.Text.Json
open Collapse.Cli
open Collapse.Corpora
open Collapse.Priors
open Collapse.Theory
open Expecto
open Collapse.Tests.Texts
open Collapse.Tests.Invocation
open Collapse.Tests.TheorySupport

/// Standard output of a command that succeeds. A busy machine may see lines of progress on standard error.
let private succeed args =
    let outcome = invoke args
    Expect.equal outcome.ExitCode 0 outcome.Error
    outcome.Output

let private json args =
    JsonDocument.Parse(succeed (args @ [ "--json" ])).RootElement

/// The element at a path of members and indices, such as "generations.49.support".
let private at (path: string) (json: JsonElement) =
    (json, path.Split '.')
    ||> Array.fold (fun json part ->
        match Int32.TryParse part with
        | true, index -> json[index]
        | _ -> json.GetProperty part)

let private number path json = (at path json).GetDouble()

let private isNull path json =
    (at path json).ValueKind = JsonValueKind.Null

let private members path json =
    [ for m in (at path json).EnumerateObject() -> m.Name ]

let private strings path json =
    [ for s in (at path json).EnumerateArray() -> s.GetString() |> nonNull ]

let private paper = "--prior power:600:52:0.1"

// ---- theory of one law

let private oneLaw =
    [
        test "the reference values of a uniform law over 52 tokens" {
            for n, time in [ 10, 18.308534952430268; 50, 97.0099081579253; 400, 789.5451284246817 ] do
                let json =
                    json (words $"theory --scenario fully-synthetic --prior uniform:52 --samples {n} --generations 200")

                close 12.0 (number "expectedCollapseTime.exact" json) time $"E[T] at n = {n}"

                if n = 50 then
                    close 12.0 (number "generations.49.collapseProbability.exact" json) 0.15578283498411968 "rho_50"
                    close 12.0 (number "generations.99.collapseProbability.exact" json) 0.6320926876023202 "rho_100"
                    // (8) of the paper.
                    close 12.0 (number "expectedCollapseTime.lowerBound" json) 50.0 "lower bound"

                    close
                        12.0
                        (number "expectedCollapseTime.upperBound" json)
                        (1.0 + 51.0 / 52.0 * 50.0 * 49.0)
                        "upper bound"
        }
        test "the JSON has these members" {
            let json = json (words $"theory {paper} --samples 20 --generations 3")

            for path, expected in
                [
                    "expectedCollapseTime", [ "exact"; "lowerBound"; "upperBound"; "sd"; "infinite" ]
                    "generations.2",
                    [
                        "generation"
                        "sumOfSquares"
                        "collapseProbability"
                        "support"
                        "l1FromFirst"
                    ]
                    "generations.2.collapseProbability", [ "exact"; "lowerBound"; "upperBound"; "vacuous" ]
                    "generations.2.l1FromFirst", [ "exact"; "sharp"; "twoMoment"; "theorem3"; "theorem4"; "vacuous" ]
                ] do
                Expect.equal (members path json) expected path

            Expect.equal ((at "generations" json).GetArrayLength()) 3 "generations"
            Expect.equal (strings "generations.2.collapseProbability.vacuous" json) [ "lowerBound" ] "vacuous"
            Expect.isTrue (isNull "generations.2.l1FromFirst.theorem3" json) "Theorem 3 does not apply"
            Expect.isTrue (isNull "lastCollapse" json) "one context"
        }
        test "partially synthetic: the library's table, the paper's bounds flagged as vacuous, an infinite time null" {
            let json =
                json (words $"theory --scenario partially-synthetic {paper} --samples 10 --real 100 --generations 30")

            let table = TheoryTables.PartiallySynthetic(paperPrior, 100L, 10L, 30)

            for row in table.Generations do
                let at = $"generations.{row.Generation - 1}"
                close 9.0 (number $"{at}.sumOfSquares" json) row.SumOfSquares "S_m"
                near 1e-10 (number $"{at}.l1FromFirst.exact" json) row.L1FromFirst.Exact.Value "exact"
                near 1e-10 (number $"{at}.l1FromFirst.sharp" json) row.L1FromFirst.Sharp.Value.Value "sharp"
                close 9.0 (number $"{at}.l1FromFirst.theorem3" json) row.L1FromFirst.Theorem3.Value.Value "Theorem 3"
                close 9.0 (number $"{at}.l1FromFirst.theorem4" json) row.L1FromFirst.Theorem4.Value.Value "Theorem 4"
                Expect.equal (strings $"{at}.l1FromFirst.vacuous" json) [ "theorem3"; "theorem4" ] "vacuous"

            Expect.isTrue (isNull "expectedCollapseTime.exact" json) "infinite"
            Expect.isTrue ((at "expectedCollapseTime.infinite" json).GetBoolean()) "and said to be"
        }
        test "what is not known of a schedule is null" {
            let json =
                json (words $"theory --scenario recent-models --window 3 {paper} --samples 20 --generations 9")

            let table = TheoryTables.RecentModels(paperPrior, 20L, 3, 9)
            close 12.0 (number "generations.8.sumOfSquares" json) table.Generations[8].SumOfSquares "S_9"

            close
                12.0
                (number "generations.8.l1FromFirst.sharp" json)
                table.Generations[8].L1FromFirst.Sharp.Value.Value
                "sharp"

            for path in
                [
                    "expectedCollapseTime.exact"
                    "generations.8.support"
                    "generations.8.collapseProbability.exact"
                    "generations.8.l1FromFirst.exact"
                ] do
                Expect.isTrue (isNull path json) path

            Expect.isFalse ((at "expectedCollapseTime.infinite" json).GetBoolean()) "unknown is not infinite"
        }
        test "many samples are within reach, and what was left out is named" {
            let json =
                json (words "theory --prior uniform:52 --samples 100000 --generations 200")

            // The large-n limit, -2 n sum (1 - p) ln(1 - p), is within a few parts in n.
            let limit = -2.0 * 1e5 * 52.0 * (51.0 / 52.0) * log (51.0 / 52.0)
            let time = number "expectedCollapseTime.exact" json
            Expect.isLessThan (abs (time / limit - 1.0)) 1e-4 $"{time} near {limit}"
            Expect.equal (strings "leftOut" json) [ "l1FromFirst.exact" ] "left out"
        }
        test "more samples than the exact laws take leave the bounds" {
            let json =
                json (words "theory --prior uniform:52 --samples 2000000000 --generations 2")

            Expect.isTrue (isNull "generations.1.collapseProbability.exact" json) "rho"
            Expect.isFalse (isNull "generations.1.collapseProbability.upperBound" json) "(7)"
            Expect.contains (strings "leftOut" json) "expectedCollapseTime.exact" "named"
        }
    ]

// ---- many contexts, against the mean of what the library says of each

let private text =
    "the cat sat on the mat and the dog sat on the cat; a rat ran to the hat that the cat had"

/// The counts of each context of a text's 1-grams, from the text itself.
let private contextCounts (text: string) =
    Seq.pairwise text
    |> Seq.groupBy fst
    |> Seq.map (fun (_, pairs) -> pairs |> Seq.countBy snd |> Seq.map snd |> Array.ofSeq)
    |> Array.ofSeq

let private mean (tables: TheoryTable[]) (value: TheoryTable -> float) = tables |> Array.averageBy value

/// The JSON's rows are the means of the tables, exact values and bounds.
let private isMeanOf (tables: TheoryTable[]) json =
    let last = tables[0].Generations.Count

    for m in 0 .. last - 1 do
        let compare path (value: GenerationTheory -> float) =
            near 1e-10 (number $"generations.{m}.{path}" json) (mean tables (fun t -> value t.Generations[m])) path

        let row = tables[0].Generations[m]
        compare "sumOfSquares" _.SumOfSquares
        compare "l1FromFirst.sharp" _.L1FromFirst.Sharp.Value.Value

        if row.L1FromFirst.Exact.HasValue then
            compare "l1FromFirst.exact" _.L1FromFirst.Exact.Value
            compare "l1FromFirst.twoMoment" _.L1FromFirst.TwoMoment.Value.Value

        if row.CollapseProbability.Exact.HasValue then
            compare "collapseProbability.exact" _.CollapseProbability.Exact.Value
            compare "support" _.Support.Value

        if row.CollapseProbability.LowerBound.HasValue then
            compare "collapseProbability.lowerBound" _.CollapseProbability.LowerBound.Value.Value
            compare "collapseProbability.upperBound" _.CollapseProbability.UpperBound.Value.Value

let private manyContexts =
    let corpus more =
        withText text (fun path -> json ([ "theory"; "--corpus"; path; "--generations"; "12" ] @ words more))

    let all = contextCounts text

    let probabilities (counts: int[]) =
        counts |> Array.map (fun c -> float c / float (Array.sum counts))

    [
        for name, more, samples in [ "matched", "", Array.sum; "of one size", "--samples 7", (fun _ -> 7) ] do
            test $"fully synthetic over a text, samples {name}" {
                let json = corpus more

                let tables =
                    all
                    |> Array.map (fun counts -> TheoryTables.FullySynthetic(counts, samples counts, 12))

                Expect.equal (number "contexts" json) (float all.Length) "contexts"
                isMeanOf tables json

                near
                    1e-9
                    (number "expectedCollapseTime.exact" json)
                    (mean tables _.ExpectedCollapseTime.Exact.Value)
                    "E[T]"

                let second (t: TheoryTable) =
                    t.CollapseTimeStandardDeviation.Value ** 2.0
                    + t.ExpectedCollapseTime.Exact.Value ** 2.0

                let deviation =
                    sqrt (mean tables second - mean tables _.ExpectedCollapseTime.Exact.Value ** 2.0)

                near 1e-7 (number "expectedCollapseTime.sd" json) deviation "sd of a context chosen at random"

                // P(all collapsed by m) is the product, context by context.
                for m in [ 1; 5; 12 ] do
                    let product =
                        (1.0, tables)
                        ||> Array.fold (fun product t -> product * t.Generations[m - 1].CollapseProbability.Exact.Value)

                    near 1e-12 (number $"generations.{m - 1}.allCollapsedProbability" json) product "all collapsed"

                    near
                        1e-10
                        (number $"generations.{m - 1}.collapsedContexts" json)
                        (float all.Length
                         * mean tables (fun t -> t.Generations[m - 1].CollapseProbability.Exact.Value))
                        "collapsed contexts"

                // The mean of the last collapse, summed here over m from each context's own law.
                let survivals =
                    all
                    |> Array.filter (fun counts -> counts.Length > 1)
                    |> Array.map (fun counts ->
                        FullySyntheticLaw(probabilities counts, samples counts).SurvivalProbabilities 2000)

                // One generation passes before the first model that is trained on a model.
                let expected =
                    1.0
                    + List.sum
                        [
                            for m in 0..2000 ->
                                1.0 - (survivals |> Array.fold (fun product s -> product * (1.0 - s[m])) 1.0)
                        ]

                near 1e-8 (number "lastCollapse.mean" json) expected "last collapse"
            }
        test "partially synthetic over a text" {
            let json = corpus "--scenario partially-synthetic"
            // The paper's s is the number of tokens of the whole text.
            let vocabulary = Seq.distinct text |> Seq.length

            let tables =
                all
                |> Array.map (fun counts ->
                    let padded = Array.append counts (Array.zeroCreate (vocabulary - counts.Length))

                    TheoryTables.PartiallySynthetic(padded, int64 (Array.sum counts), 12))

            isMeanOf tables json

            let theorem (value: DeviationValues -> float) =
                mean tables (fun t -> value t.Generations[0].L1FromFirst)

            close 9.0 (number "generations.0.l1FromFirst.theorem3" json) (theorem _.Theorem3.Value.Value) "Theorem 3"
            close 9.0 (number "generations.0.l1FromFirst.theorem4" json) (theorem _.Theorem4.Value.Value) "Theorem 4"
            Expect.isTrue (isNull "lastCollapse" json) "contexts need not collapse"
        }
        test "recent-models and random-models over a text" {
            let recent counts =
                TheoryTables.RecentModels(probabilities counts, 7L, 3, 12, true)

            isMeanOf (Array.map recent all) (corpus "--scenario recent-models --window 3 --samples 7")

            let random (counts: int[]) =
                TheoryTables.RandomModels(probabilities counts, int64 (Array.sum counts), 12, true)

            isMeanOf (Array.map random all) (corpus "--scenario random-models")
        }
        test "one law per context, by seed" {
            let json =
                json (words "theory --prior dirichlet:20:0.3 --contexts 9 --samples 11 --generations 6 --seed 5")

            let prior = PriorParser.Parse "dirichlet:20:0.3"

            let tables =
                Array.init 9 (fun j -> TheoryTables.FullySynthetic(prior.Probabilities(5UL, uint32 j), 11, 6))

            isMeanOf tables json
            near 1e-9 (number "expectedCollapseTime.exact" json) (mean tables _.ExpectedCollapseTime.Exact.Value) "E[T]"
        }
        test "many contexts of one law: the last collapse" {
            let json =
                json (words $"theory {paper} --contexts 10000 --samples 50 --generations 5")

            let contexts = ManyContexts [| ContextGroup(paperPrior, 50, 10000L) |]
            close 9.0 (number "lastCollapse.mean" json) (contexts.ExpectedLastCollapse()) "mean"
            Expect.equal (number "lastCollapse.median" json) (float (contexts.LastCollapseQuantile 0.5)) "median"
        }
        test "a text whose contexts all have one follower has collapsed from the start" {
            withText "abcd" (fun path ->
                let json = json [ "theory"; "--corpus"; path; "--generations"; "2" ]
                Expect.equal (number "expectedCollapseTime.exact" json) 1.0 "E[T]"
                Expect.equal (number "lastCollapse.mean" json) 1.0 "last collapse"
                Expect.equal (number "generations.0.collapseProbability.exact" json) 1.0 "collapsed"
                Expect.equal (number "generations.1.l1FromFirst.exact" json) 0.0 "no drift")
        }
    ]

// ---- plan

let private methods =
    [ "equation11"; "theorem3"; "theorem4"; "sharp"; "twoMoment"; "exact" ]

let private plans =
    [
        test "the largest n by every method, and how far each answer goes" {
            let json = json (words $"plan --real 100 --tolerance 0.1 {paper}")

            for name, expected in List.zip methods [ 0.0; 0.0; 0.0; 5.0; 9.0; 10.0 ] do
                Expect.equal (number $"maxSamples.{name}" json) expected name
                Expect.equal ((at $"maxSamples.kind.{name}" json).GetString()) "finite" name

            for other in [ "minReal"; "deviation"; "halfSupportGeneration"; "generations" ] do
                Expect.isTrue (isNull other json) other
        }
        test "any number and no answer are both null, and told apart" {
            let json = json (words $"plan --real 100 --tolerance 0.35 {paper}")
            Expect.isTrue (isNull "maxSamples.exact" json) "any"
            Expect.equal ((at "maxSamples.kind.exact" json).GetString()) "unbounded" "any"

            let json =
                JsonDocument.Parse(succeed (words $"plan --real 100000 --tolerance 0.01 {paper} --json")).RootElement

            Expect.isTrue (isNull "maxSamples.exact" json) "too much work"
            Expect.equal ((at "maxSamples.kind.exact" json).GetString()) "unknown" "too much work"
            Expect.isGreaterThan (number "maxSamples.sharp" json) 0.0 "the bound answers"
        }
        test "the inverse questions" {
            let least = json (words $"plan --samples 10 --tolerance 0.1 {paper}")
            let expected = Planner.MinReal(paperPrior, 10L, 0.1)
            Expect.equal (number "minReal.exact" least) (float expected.Exact.Tokens.Value) "smallest N"
            let drift = json (words $"plan --samples 50 --real 100 --generations 10 {paper}")
            let values = Planner.Tolerance(paperPrior, 100L, 50L, Nullable 10)
            near 1e-12 (number "deviation.exact" drift) values.Exact.Value "eps"
            Expect.equal (strings "deviation.vacuous" drift) [ "theorem3"; "theorem4" ] "vacuous"
            let half = json (words $"plan --samples 400 {paper}")
            let law = FullySyntheticLaw(paperPrior, 400)

            Expect.equal
                (number "halfSupportGeneration" half)
                (float (law.GenerationsUntilSupport 0.5).Value)
                "half of the support"

            let support = law.ExpectedSupport 100
            let m = int (number "halfSupportGeneration" half)
            Expect.isTrue (support[m] <= 26.0 && support[m - 1] > 26.0) "and no earlier"
        }
        test "the plan holds in the simulator at n, and fails at n + 1" {
            // 50,000 contexts and generation 8, where the drift is within 1e-6 of its limit. The mean of L1 distances is
            // compared with the exact one at 4.9 standard errors, normal, two-sided: false-alarm rate 1e-6 each; the
            // standard error is the sample's own. 0.0967 at n = 10 and more than 0.1 at n = 11 lie dozens of standard
            // errors from each other.
            let generation, contexts = 8, 50000

            let plan =
                json (words $"plan --real 100 --tolerance 0.1 --generations {generation} {paper}")

            let n = int (number "maxSamples.exact" plan)

            let simulated n =
                inFolder (fun folder ->
                    let path = Path.Combine(folder, "run")

                    words
                        $"run --scenario partially-synthetic {paper} --real 100 --samples {n} --contexts {contexts} --generations {generation} --out"
                    @ [ path ]
                    |> succeed
                    |> ignore

                    let row =
                        DuckDb.query
                            $"select l1FromFirst_mean, l1FromFirst_sd from '{path}/generations.parquet' where generation = {generation}"
                        |> List.exactlyOne
                        |> List.map Convert.ToDouble

                    row[0], row[1] / sqrt (float contexts))

            let exact n =
                json (words $"plan --real 100 --samples {n} --generations {generation} {paper}")
                |> number "deviation.exact"

            let agrees (mean, error) expected = abs (mean - expected) <= 4.9 * error

            let within, beyond = simulated n, simulated (n + 1)
            Expect.isTrue (agrees within (exact n)) $"{within} at {n}, exact {exact n}"
            Expect.isTrue (agrees beyond (exact (n + 1))) $"{beyond} at {n + 1}, exact {exact (n + 1)}"
            Expect.isFalse (agrees within (exact (n + 1))) "a plan off by one is seen"
            Expect.isLessThan (fst within + 4.9 * snd within) 0.1 "within the tolerance at n"
            Expect.isGreaterThan (fst beyond - 4.9 * snd beyond) 0.1 "beyond it at n + 1"
        }
    ]

// ---- what people read

let private shown =
    [
        test "tables fit into 80 columns, with bounds that say nothing in parentheses" {
            for args in
                [
                    $"theory {paper} --samples 50 --generations 100000"
                    $"theory {paper} --samples 50 --generations 40 --contexts 1000000"
                    $"theory {paper} --scenario partially-synthetic --samples 50 --real 100 --generations 40"
                    $"theory {paper} --scenario random-models --samples 50 --generations 40"
                    $"plan {paper} --real 100 --tolerance 0.1"
                    $"plan {paper} --real 100 --tolerance 0.35"
                    $"plan {paper} --real 100000 --tolerance 0.01"
                    $"plan {paper} --samples 100000 --tolerance 0.01"
                    $"plan {paper} --samples 100 --real 100 --generations 7"
                    $"plan {paper} --samples 1000"
                ] do
                for line in (succeed (words args)).ReplaceLineEndings("\n").Split '\n' do
                    Expect.isLessThanOrEqual line.Length 80 $"{args}: {line}"
        }
        test "about a dozen generations of many, vacuous bounds marked and explained" {
            let output =
                succeed (words "theory --prior uniform:52 --samples 50 --generations 200")

            Expect.isMatch output @"(?m)^ +200 +0\.9828 +0\.9500 +0\.1375 " "last row, a bound that says something"
            Expect.stringContains output "(-47.1)" "a bound that says nothing"
            Expect.stringContains output "(in parentheses): says nothing" "footnote"
            Expect.stringContains output "97.01 ± 53.22 (sd)" "collapse time"
            Expect.isLessThan (output.Split('\n').Length) 30 "short"
        }
        test "a plan says what it means" {
            let sentence args =
                (succeed (words $"plan {paper} {args}")).ReplaceLineEndings(" ").Replace("  ", " ")

            for args, expected in
                [
                    "--real 100 --tolerance 0.1",
                    "At most 10 synthetic tokens per generation keep the expected L1 deviation from p^(1) within 0.1 for ever, while 100 real tokens stay in every training set. The paper's (11) allows none."
                    "--real 100 --tolerance 0.35", "Any number of synthetic tokens per generation keeps"
                    "--real 100 --tolerance 0.1 --generations 5", "within 0.1 up to generation 5,"
                    "--real 100000 --tolerance 0.01",
                    "(by the two-moment bound: the exact law would take too much work)"
                    "--samples 10 --tolerance 0.1", "97 real tokens in every training set keep"
                    "--samples 10 --real 100", "in the long run is 0.0967"
                    "--samples 400", "half of the tokens of p are expected to be lost by generation"
                ] do
                Expect.stringContains (sentence args) expected args
        }
        test "help of both has its own examples" {
            for command in [ "theory"; "plan" ] do
                let help = succeed [ command; "--help" ]
                Expect.stringContains help $"    collapse {command} " "its examples"
                Expect.isFalse (help.Contains "collapse run ") "no others"
        }
    ]

// ---- what is refused, and interruption

let private refused (line: string) (message: string) =
    test line {
        let outcome = invoke (words line)

        Expect.equal
            (outcome.ExitCode, outcome.Error.TrimEnd(), outcome.Output)
            (2, $"collapse: {message}", "")
            "one line"
    }

let private badInput =
    [
        refused
            $"theory {paper} --samples 5"
            "--generations (missing): is required; give --generations G, the last generation of the table"
        refused
            $"theory {paper} --samples 5 --generations 1000001"
            "--generations 1000001: must lie in 1 to 1,000,000; choose the last generation"
        refused
            $"theory {paper} --generations 5"
            "--samples (missing): is required with --prior; give --samples N, the tokens that each model gives the next generation"
        refused
            $"theory {paper} --scenario partially-synthetic --samples 5 --generations 5"
            "--real (missing): is required by partially-synthetic with a prior; give --real N, the number of real tokens kept in every training set"
        refused
            $"theory {paper} --scenario recent-models --window 5000 --samples 10000 --generations 9000"
            "--window 5000: must lie in 1 to 4,096; give the number of most recent models that each generation learns from"
        refused
            "theory --prior dirichlet:1000000:1 --contexts 201 --samples 5 --generations 2"
            "--contexts 201: must lie in 1 to 200 where each context has a law over 1,000,000 tokens of its own; ask for fewer contexts"
        refused
            $"theory {paper} --samples 5 --generations 5 --until-collapse"
            "option --until-collapse: must be an option of 'collapse theory'; see 'collapse theory --help'"
        refused
            "plan --real 5 --tolerance 0.1"
            "--prior (missing): is required; name the truth: a prior such as zipf:200000:1.0"
        refused
            $"plan {paper} --tolerance 0.1"
            "--real (missing): at least one of --real and --samples must be given; give --real N --tolerance EPS to ask how many synthetic tokens are allowed"
        refused
            $"plan {paper} --real 5"
            "--tolerance (missing): is required with --real alone; give --tolerance EPS, an L1 distance such as 0.1, or --samples N"
        refused
            $"plan {paper} --real 5 --samples 5 --tolerance 0.1"
            "--tolerance 0.1: does not go with both --real and --samples, which say how far the models drift; leave one of the three out: it is what the plan finds"
        for tolerance in [ "0"; "-1"; "2.1"; "nan"; "much" ] do
            refused
                $"plan {paper} --real 5 --tolerance {tolerance}"
                $"--tolerance {tolerance}: must be a number above 0 and at most 2; choose an L1 distance such as 0.1"
        refused
            $"plan {paper} --samples 5 --generations 3"
            "--generations 3: does not go with --samples alone, which asks for a generation; leave it out, or add --tolerance EPS"
        refused
            $"plan {paper} --samples 5000000"
            "--samples 5000000: must be at most 4,194,304 to find when half the support is lost; lower --samples"
        refused
            "plan --prior dirichlet:10:1 --real 5 --tolerance 0.1"
            "--prior dirichlet:10:1: must be one law: a plan is made for one context, and here each has its own; give one of the laws, or use 'collapse theory' for the means over contexts"
    ]

let private interruption =
    test "Ctrl-C ends a long computation at once" {
        if OperatingSystem.IsWindows() then
            skiptest "Windows has no kill"

        let program = typeof<Figures>.Assembly.Location

        let info =
            ProcessStartInfo(
                "dotnet",
                program
                :: words "theory --prior uniform:52 --samples 4000000 --generations 100000",
                RedirectStandardOutput = true,
                RedirectStandardError = true
            )

        // In processor time, which a busy machine does not change. The whole computation takes half a minute.
        use child = Process.Start info |> nonNull
        let mutable used = TimeSpan.Zero

        let waitWhile condition =
            while condition () && not (child.WaitForExit 20) do
                child.Refresh()

                try
                    used <- child.TotalProcessorTime
                with
                | :? InvalidOperationException
                | :? ComponentModel.Win32Exception -> ()

        waitWhile (fun () -> used < TimeSpan.FromSeconds 2.0)
        let before = used
        use kill = Process.Start("kill", [ "-INT"; string child.Id ])
        waitWhile (fun () -> true)
        let said = child.StandardError.ReadToEnd().TrimEnd().Split '\n' |> Array.last
        Expect.equal (child.ExitCode, said) (130, "collapse: interrupted") "said"
        Expect.equal (child.StandardOutput.ReadToEnd()) "" "nothing else"
        Expect.isLessThan (used - before) (TimeSpan.FromSeconds 5.0) "at once"
    }

[<Tests>]
let tests =
    testList
        "theory commands"
        [
            testList "one law" oneLaw
            testList "many contexts" manyContexts
            testList "plan" plans
            testList "report" shown
            testList "bad input" badInput
            interruption
        ]
