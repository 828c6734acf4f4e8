/// Priors: their laws, and what is refused.
module Collapse.Tests.PriorTests

open System
open System.IO
open Expecto
open MathNet.Numerics.Distributions
open Collapse.Priors
open Collapse.Tests.Texts

/// A bound on the rate of false alarms of the nine means of Dirichlet laws.
let falseAlarms = 2.0 * 9.0 * 1e-8

let private parse (specification: string) = PriorParser.Parse specification

let private law specification = (parse specification).Probabilities()

let private weightsFile (content: string) body =
    inFolder (fun folder ->
        let path = Path.Combine(folder, "weights.csv")
        File.WriteAllText(path, content)
        body path)

let private readFile content =
    weightsFile content (fun path -> parse $"file:{path}")

/// The refusal of a weights file, its path left out.
let private fileRefusal content =
    weightsFile content (fun path -> (refusal (fun () -> parse $"file:{path}")).Replace($"--prior file:{path}: ", ""))

let private laws =
    [
        test "uniform" {
            Expect.sequenceEqual (law "uniform:52") (Array.create 52 (1.0 / 52.0)) "52 tokens"
            Expect.sequenceEqual (law "uniform:1") [ 1.0 ] "one token"
        }
        test "zipf" {
            let p = law "zipf:3000:1.1"
            Expect.hasLength p 3000 ""
            Expect.floatClose Accuracy.veryHigh (Array.sum p) 1.0 "a law"

            for i in [ 2; 10; 3000 ] do
                Expect.floatClose Accuracy.high (p[0] / p[i - 1]) (float i ** 1.1) $"token {i}"

            Expect.sequenceEqual (law "zipf:7:0") (law "uniform:7") "exponent 0 is uniform"
        }
        test "power has the sum of squares asked for" {
            for s, support, s0 in
                [
                    600, 52, 0.1
                    600, 52, 1.0 / 52.0
                    600, 600, 0.5
                    10, 2, 0.999999
                    200_000, 200_000, 0.001
                    5, 1, 1.0
                ] do
                let p = law $"power:{s}:{support}:{s0:R}"
                let found = p |> Array.sumBy (fun x -> x * x)
                Expect.isLessThan (abs (found - s0)) 1e-12 $"{s}:{support}:{s0}"
                Expect.equal (p |> Array.filter (fun x -> x > 0.0) |> Array.length) support "support"

            // A power law: ln p against ln i is one straight line.
            let p = law "power:600:52:0.1"
            let exponent i = log (p[0] / p[i - 1]) / log (float i)
            Expect.floatClose Accuracy.high (exponent 52) (exponent 2) "one exponent"
        }
        test "dirichlet differs by context and seed, and is the same each time" {
            let prior = parse "dirichlet:40:0.2"
            let draw seed context = prior.Probabilities(seed, context)
            Expect.sequenceEqual (draw 7UL 3u) (draw 7UL 3u) "reproducible"
            Expect.notEqual (draw 7UL 3u) (draw 7UL 4u) "another context"
            Expect.notEqual (draw 7UL 3u) (draw 8UL 3u) "another seed"
            Expect.isTrue prior.DiffersByContext ""
            Expect.isFalse prior.Contexts.HasValue "any number of contexts"
        }
        test "dirichlet has its mean and its second moment" {
            // E p_i = 1/s and E Σ p_i² = (alpha + 1)/(s alpha + 1). 40,000 laws; two-sided z at alpha = 1e-8 each,
            // 3·3 checks. Sums of 40,000 bounded numbers are normal that far but for a factor below 2.
            let critical = -Normal.InvCDF(0.0, 1.0, 0.5e-8)

            let z expected (values: float[]) =
                let struct (mean, sd) =
                    MathNet.Numerics.Statistics.ArrayStatistics.MeanStandardDeviation values

                (mean - expected) / (sd / sqrt (float values.Length))

            for s, alpha in [ 5, 0.2; 5, 1.0; 3, 30.0 ] do
                let prior = parse $"dirichlet:{s}:{alpha}"
                let laws = [| for c in 0u .. 39_999u -> prior.Probabilities(1UL, c) |]

                for i in [ 0; s - 1 ] do
                    let found = z (1.0 / float s) (laws |> Array.map (fun p -> p[i]))
                    Expect.isLessThan (abs found) critical $"mean of token {i} of {s}, alpha = {alpha}"

                let squares = laws |> Array.map (Array.sumBy (fun x -> x * x))
                let expected = (alpha + 1.0) / (float s * alpha + 1.0)
                Expect.isLessThan (abs (z expected squares)) critical $"sum of squares of {s}, alpha = {alpha}"
                let wrong = (1.1 * alpha + 1.0) / (float s * 1.1 * alpha + 1.0)
                Expect.isGreaterThan (abs (z wrong squares)) critical "a tenth more alpha is rejected"
        }
        test "dirichlet is a law at the ends of its range" {
            for alpha in [ "0.0001"; "0.001"; "1000000000" ] do
                let prior = parse $"dirichlet:600:{alpha}"

                for context in 0u .. 199u do
                    let p = prior.Probabilities(1UL, context)
                    Expect.isTrue (p |> Array.forall (fun x -> Double.IsFinite x && x >= 0.0)) "finite"
                    Expect.floatClose Accuracy.high (Array.sum p) 1.0 "adds up"
        }
        test "one weight a line" {
            let prior = readFile "# weights\n1\n\n  3 \n0\n"
            Expect.sequenceEqual (prior.Probabilities()) [ 0.25; 0.75; 0.0 ] ""
            Expect.isFalse prior.DiffersByContext "one law"
            Expect.isFalse prior.Contexts.HasValue "for any number of contexts"
        }
        test "one row of weights is one law" {
            let prior = readFile "1, 2;1\n"
            Expect.sequenceEqual (prior.Probabilities()) [ 0.25; 0.5; 0.25 ] ""
            Expect.isFalse prior.DiffersByContext "one law"
        }
        test "a row of weights per context" {
            let prior = readFile "1 3\r\n# a remark\r\n1\t1\r\n2;0\r\n"
            Expect.isTrue prior.DiffersByContext "three laws"
            Expect.equal prior.Contexts (Nullable 3) "of three contexts"
            Expect.sequenceEqual (prior.Probabilities(0UL, 0u)) [ 0.25; 0.75 ] "first"
            Expect.sequenceEqual (prior.Probabilities(0UL, 1u)) [ 0.5; 0.5 ] "second"
            Expect.sequenceEqual (prior.Probabilities(0UL, 2u)) [ 1.0; 0.0 ] "third"
        }
        test "weights from code" {
            Expect.sequenceEqual ((PriorParser.FromWeights [ 1.0; 3.0 ]).Probabilities()) [ 0.25; 0.75 ] ""
        }
        test "rows from code, one per context" {
            let prior = PriorParser.FromRows [| [| 1.0; 3.0 |]; [| 2.0; 0.0 |] |]
            Expect.equal prior.Contexts (Nullable 2) "of two contexts"
            Expect.sequenceEqual (prior.Probabilities(0UL, 0u)) [ 0.25; 0.75 ] "first"
            Expect.sequenceEqual (prior.Probabilities(0UL, 1u)) [ 1.0; 0.0 ] "second"

            for rows, expected in
                [
                    [||], "--prior rows:0:0: must hold at least one row of weights; give one row per context"
                    [| [| 1.0; 2.0 |]; [| 1.0 |] |],
                    "--prior rows:2:2: row 2 has 1 weights, must have 2 as row 1; give every row one weight per token"
                    [| [| 0.0; 0.0 |] |],
                    "--prior rows:1:2: row 1 add up to 0, must be positive and finite; give at least one positive weight"
                ] do
                let refused () =
                    PriorParser.FromRows(rows |> Array.map (fun row -> row :> Collections.Generic.IReadOnlyList<float>))
                    |> ignore

                Expect.throwsC refused (fun error -> Expect.equal error.Message expected "")
        }
    ]

let private forms =
    "must be uniform:S, zipf:S:EXPONENT, power:S:SUPPORT:S0, dirichlet:S:ALPHA or file:PATH; spell the prior in one of these forms"

let private refusals =
    [
        for specification, expected in
            [
                "", forms
                "unifrom:5", forms
                "Uniform:5", forms
                "uniform", forms
                "uniform:5:1", forms
                "zipf:5", forms
                "power:5:5", forms
                "uniform:0", "S must be a whole number in 1 to 2147483647; change S"
                "uniform:-3", "S must be a whole number in 1 to 2147483647; change S"
                "uniform:1e3", "S must be a whole number in 1 to 2147483647; change S"
                "uniform:2147483648", "S must be a whole number in 1 to 2147483647; change S"
                "zipf:10:-1", "EXPONENT must lie in 0 to 20; change EXPONENT"
                "zipf:10:NaN", "EXPONENT must lie in 0 to 20; change EXPONENT"
                "zipf:10:21", "EXPONENT must lie in 0 to 20; change EXPONENT"
                "power:10:11:0.5", "SUPPORT must be a whole number in 1 to 10; change SUPPORT"
                "power:10:0:0.5", "SUPPORT must be a whole number in 1 to 10; change SUPPORT"
                "power:10:4:0.2", "S0 must lie in 0.25 to 1; change S0"
                "power:10:4:1.1", "S0 must lie in 0.25 to 1; change S0"
                "power:10:4:1",
                "S0 must lie in 1/SUPPORT to 0.999999; a sum of squares of 1 is one token: choose uniform:1"
                "dirichlet:10:0", "ALPHA must lie in 0.0001 to 1E+09; change ALPHA"
                "dirichlet:10:Infinity", "ALPHA must lie in 0.0001 to 1E+09; change ALPHA"
            ] do
            test $"'{specification}'" {
                Expect.equal (refusal (fun () -> parse specification)) $"--prior {specification}: {expected}" ""
            }
        for name, content, expected in
            [
                "a negative weight",
                "1\n-2\n",
                "weight 2 of the weights is -2, must be finite and not negative; mend that weight"
                "a weight that is no number",
                "1\nNaN\n",
                "weight 2 of the weights is NaN, must be finite and not negative; mend that weight"
                "an infinite weight",
                "1\n1e999\n",
                "weight 2 of the weights is Infinity, must be finite and not negative; mend that weight"
                "weights that are all zero",
                "0\n0\n",
                "the weights add up to 0, must be positive and finite; give at least one positive weight"
                "a row that is all zero",
                "1 0\n0 0\n",
                "row 2 add up to 0, must be positive and finite; give at least one positive weight"
                "weights whose sum overflows",
                "1e308\n1e308\n",
                "the weights add up to Infinity, must be positive and finite; give at least one positive weight"
                "a word",
                "1\n# two\ntwo\n",
                "line 3 holds 'two', must be a number; write weights as decimal numbers with a point"
                "separators alone",
                "1\n;\n",
                "line 2 holds separators only, must hold a number; write weights as decimal numbers with a point"
                "rows of different length",
                "1 2 3\n1 2\n",
                "row 2 has 2 weights, the longest 3; give every context as many weights, zeros included"
                "an empty file", "", "must hold at least one weight; write one weight a line"
                "remarks alone", "# 1\n\n", "must hold at least one weight; write one weight a line"
            ] do
            test $"a file with {name}" { Expect.equal (fileRefusal content) expected "" }
        test "a file that is not there" {
            inFolder (fun folder ->
                let path = Path.Combine(folder, "none.csv")
                let message = refusal (fun () -> parse $"file:{path}")
                Expect.stringStarts message $"--prior file:{path}: must name a file that can be read (" ""
                Expect.stringEnds message "; check the path" "")
        }
        test "a folder, and no path at all" {
            inFolder (fun folder ->
                for specification in [ $"file:{folder}"; "file:" ] do
                    let message = refusal (fun () -> parse specification)
                    Expect.stringStarts message $"--prior {specification}: must name a file that can be read (" "")
        }
        test "weights from code" {
            Expect.equal
                (refusal (fun () -> PriorParser.FromWeights [ 1.0; nan ]))
                "--prior weights:2: weight 2 of weights is NaN, must be finite and not negative; mend that weight"
                ""

            Expect.equal
                (refusal (fun () -> PriorParser.FromWeights []))
                "--prior weights:0: weights add up to 0, must be positive and finite; give at least one positive weight"
                ""
        }
    ]

[<Tests>]
let tests =
    testList "priors" [ testList "are laws" laws; testList "are refused" refusals ]
