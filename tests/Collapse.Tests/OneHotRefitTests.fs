/// The refit of one-hot contexts against the readable reference, finite differences, Math.NET and closed forms.
module Collapse.Tests.OneHotRefitTests

#nowarn "3391" // arrays convert to spans

open System
open System.Threading
open Expecto
open MathNet.Numerics.LinearAlgebra
open MathNet.Numerics.Optimization
open Collapse.Softmax.Refit
open Collapse.Tests.RefitSupport

// ---- the reference itself

let private someWeights (d: int) (s: int) =
    let random = Random 17
    Matrix<float>.Build.Dense(d, s, (fun _ _ -> 2.0 * random.NextDouble() - 1.0))

let private references =
    [
        for name, options in settings do
            test $"the reference's gradient is that of its loss, {name}" {
                let reference = ReferenceRefit(small, embeddingOf smallEmbedding, options)
                let w = someWeights 2 6
                let found = reference.Gradient w
                let h = 1e-5

                for k in 0..1 do
                    for i in 0..5 do
                        let at x =
                            let moved = w.Clone()
                            moved[k, i] <- moved[k, i] + x
                            reference.Loss moved

                        // Central differences: h²/6 of the third derivative and 1e-16/h of rounding.
                        Expect.isLessThan (abs ((at h - at -h) / (2.0 * h) - found[k, i])) 1e-8 $"entry {k}, {i}"
            }
        test "loss by tokens is the cross-entropy of the training tokens" {
            let w = someWeights 2 6

            let reference =
                ReferenceRefit(small, embeddingOf smallEmbedding, options 0.0 ContextWeighting.PerToken)

            let sum =
                Seq.sum
                    [
                        for j in 0..2 do
                            let p = reference.Probabilities(w, j)
                            let counts = small.Counts(j).ToArray()

                            for i, token in Seq.indexed (small.Tokens(j).ToArray()) do
                                -float counts[i] * log p[token]
                    ]

            Expect.floatClose Accuracy.high (reference.Loss w / 3.0) (sum / float small.Total) "mean over tokens"
        }
    ]

// ---- training

let private closedForms =
    [
        test "closed is eq. 2, and a token that does not occur has logit minus infinity" {
            let model, report = oneHot small (RefitMethod.Closed()) plain
            let reference = ReferenceRefit(small, identity 3, plain)

            for j in 0..2 do
                Expect.isLessThan (totalVariation (probabilities model j) (reference.Target j)) 1e-15 $"context {j}"

            Expect.equal (model.SharedLogit 0) -infinity "never drawn"
            Expect.equal (model.Logit(0, small.Tokens(0)[0])) (log (float (small.Counts(0)[0]))) "log count"
            Expect.equal report.Outcome RefitOutcome.ClosedForm ""
        }
        test "smoothed adds lambda to every count, and its limits are eq. 2 and uniform" {
            let reference = ReferenceRefit(small, identity 3, plain)

            let distance lambda (law: int -> float[]) =
                let model, _ = oneHot small (RefitMethod.Smoothed lambda) plain
                List.max [ for j in 0..2 -> totalVariation (probabilities model j) (law j) ]

            for lambda in [ 1e-9; 0.5; 3.0; 1e9 ] do
                Expect.isLessThan (distance lambda (fun j -> reference.Smoothed(j, lambda))) 1e-14 $"{lambda}"

            Expect.isLessThan (distance 1e-9 reference.Target) 1e-8 "eq. 2"
            Expect.isLessThan (distance 1e9 (fun _ -> Array.create 6 (1.0 / 6.0))) 1e-7 "uniform"
            Expect.isGreaterThan (distance 0.5 reference.Target) 1e-3 "neither in between"
        }
    ]

let private iterative =
    [
        for name, options in settings do
            for rate, momentum in [ 1.0, 0.0; 0.7, 0.9 ] do
                test $"classes give what dense logits give, rate {rate}, momentum {momentum}, {name}" {
                    let counts = sample 5 4 90 40 13
                    let method = gradient 60 rate momentum
                    let model, report = oneHot counts method options
                    let reference = ReferenceRefit(counts, identity 4, options)
                    let expected = reference.Descend(method, zeros 4 90)
                    Expect.isLessThan (largestDifference (oneHotWeights model) expected) 1e-12 "W"
                    let last = report.History[60]
                    Expect.floatClose Accuracy.veryHigh last.Loss (reference.Loss expected / 4.0) "loss"

                    let norm =
                        reference.Gradient(expected).FrobeniusNorm()
                        / sqrt (4.0 * reference.LargestEigenvalue())

                    Expect.floatClose Accuracy.high last.GradientNorm norm "norm"
                }
        test "gradient descent converges to eq. 2" {
            // Logits of tokens that do not occur fall like the logarithm of the step, their probability like 1/step.
            let counts =
                rows 8 [ [ 0, 5; 3, 2; 4, 1 ]; [ 1, 1 ]; [ for i in 0..7 -> i, i + 1 ] ]

            let model, _ = oneHot counts (gradient 2_000_000 3.0 0.0) plain
            let reference = ReferenceRefit(counts, identity 3, plain)

            for j in 0..2 do
                Expect.isLessThan (totalVariation (probabilities model j) (reference.Target j)) 1e-6 $"context {j}"

            let early, _ = oneHot counts (gradient 2_000 3.0 0.0) plain
            Expect.isGreaterThan (totalVariation (probabilities early 0) (reference.Target 0)) 1e-6 "not so soon"
        }
        test "Newton converges to eq. 2 in a few steps, also at s = 50,000" {
            for s, n in [ 6, 20; 90, 40; 50_000, 1000 ] do
                let counts = sample 11 5 s n 7
                let model, report = oneHot counts (newton 1e-10) plain
                let reference = ReferenceRefit(counts, identity 5, plain)

                for j in 0..4 do
                    Expect.isLessThan (totalVariation (probabilities model j) (reference.Target j)) 1e-6 $"s = {s}, {j}"

                Expect.equal report.Outcome RefitOutcome.Converged ""
                Expect.isTrue (falls (losses report)) "every step lowers the loss"
                Expect.isLessThan report.History.Count 80 "steps"
        }
        test "Newton ends at the step limit and says so" {
            let _, report = oneHot small (RefitMethod.Newton(1e-10, 3)) plain
            Expect.equal report.Outcome RefitOutcome.StepLimit ""
            Expect.equal (report.Unconverged, report.History.Count) (3, 4) "contexts, and the start with 3 steps"
        }
        test "Newton's optimum is stationary, and the one that Math.NET's BFGS finds" {
            for _, options in settings |> List.filter (fun (_, options) -> options.L2 > 0.0) do
                let model, _ = oneHot small (newton 1e-12) options
                let reference = ReferenceRefit(small, identity 3, options)
                let w = oneHotWeights model
                Expect.isLessThan (reference.Gradient(w).FrobeniusNorm()) 1e-11 "stationary"

                let matrix (x: Vector<float>) =
                    Matrix<float>.Build.DenseOfRowMajor(3, 6, x)

                let vector (w: Matrix<float>) =
                    Vector<float>.Build.Dense(w.ToRowMajorArray())

                let objective =
                    ObjectiveFunction.Gradient(
                        Func<_, _>(fun x -> reference.Loss(matrix x)),
                        Func<_, _>(fun x -> vector (reference.Gradient(matrix x)))
                    )

                let found =
                    BfgsMinimizer(1e-9, 1e-9, 1e-9, 1000).FindMinimum(objective, vector (zeros 3 6))

                Expect.isLessThan (largestDifference w (matrix found.MinimizingPoint)) 1e-6 "one optimum"
        }
        test "a penalty is stationary at vocabulary size" {
            let counts = sample 2 3 50_000 1000 0

            let model, report =
                oneHot counts (newton 1e-12) (options 1e-4 ContextWeighting.PerContext)

            Expect.equal report.Outcome RefitOutcome.Converged ""
            // Eleven; 68 where the direction misses its part along the probabilities.
            Expect.isLessThan report.History.Count 20 "in the end every step doubles the digits"

            for j in 0..2 do
                let z = Array.zeroCreate<float> 50_000
                model.WriteLogits(j, z)
                let p = probabilities model j
                let q = Array.zeroCreate<float> 50_000

                for i in 0 .. counts.Tokens(j).Length - 1 do
                    q[counts.Tokens(j)[i]] <- float (counts.Counts(j)[i]) / 1000.0

                let norm =
                    Seq.sum [ for i in 0..49_999 -> (p[i] - q[i] + 1e-4 * z[i]) ** 2.0 ] |> sqrt

                Expect.isLessThan norm 2e-12 "from dense logits"
        }
        test "the limits of the penalty: eq. 2, and no learning" {
            let reference = ReferenceRefit(small, identity 3, plain)

            let distance l2 (law: int -> float[]) =
                let model, _ = oneHot small (newton 1e-12) (options l2 ContextWeighting.PerContext)
                List.max [ for j in 0..2 -> totalVariation (probabilities model j) (law j) ]

            Expect.isLessThan (distance 1e-9 reference.Target) 1e-6 "eq. 2"
            Expect.isLessThan (distance 1e6 (fun _ -> Array.create 6 (1.0 / 6.0))) 1e-6 "uniform"
            Expect.isGreaterThan (distance 1e-2 reference.Target) 1e-3 "neither in between"
        }
        test "the loss falls at every step below the safe rate" {
            for name, options in settings do
                let safe = 4.0 / (1.0 + 2.0 * options.L2)

                for rate in [ 0.1; 1.0; 0.99 * safe ] do
                    let _, report = oneHot (sample 9 7 40 30 3) (gradient 200 rate 0.0) options
                    Expect.isTrue (falls (losses report)) $"rate {rate}, {name}"

            let twoTokens = rows 2 [ [ 0, 1; 1, 1 ] ]
            let start, _ = oneHot (rows 2 [ [ 0, 3; 1, 2 ] ]) (newton 1e-9) plain


            // At p = 1/2 the curvature is 1/2: the distance grows by a tenth at each step.
            Expect.throwsT<RefitDivergedException>
                (fun () -> OneHotRefit.Train(twoTokens, gradient 4 4.2 0.0, plain, start) |> ignore)
                "and not above it"
        }
        test "training goes on where it stopped" {
            let counts = sample 4 6 50 30 5

            for name, options in settings do
                let whole, _ = oneHot counts (gradient 30 1.0 0.0) options
                let half, _ = oneHot counts (gradient 15 1.0 0.0) options

                let struct (joined, _) =
                    OneHotRefit.Train(counts, gradient 15 1.0 0.0, options, half)

                Expect.isLessThan (largestDifference (oneHotWeights whole) (oneHotWeights joined)) 1e-13 name

            // From the model of other counts: tokens that one has seen and the other has not.
            let before, _ = oneHot (sample 8 6 50 30 5) (gradient 15 1.0 0.0) plain
            let struct (after, _) = OneHotRefit.Train(counts, gradient 7 1.0 0.5, plain, before)
            let reference = ReferenceRefit(counts, identity 6, plain)
            let expected = reference.Descend(gradient 7 1.0 0.5, oneHotWeights before)
            Expect.isLessThan (largestDifference (oneHotWeights after) expected) 1e-13 "from another generation"
        }
        test "threads do not change a bit" {
            let counts = sample 6 300 200 40 1

            for method: RefitMethod in [ gradient 20 1.0 0.5 :> RefitMethod; newton 1e-8 ] do
                let run threads =
                    let reports = ResizeArray<RefitProgress>()

                    let progress =
                        { new IProgress<RefitProgress> with
                            member _.Report value = reports.Add value
                        }

                    let struct (model, report) =
                        OneHotRefit.Train(counts, method, RefitOptions(Threads = threads), progress = progress)

                    (oneHotWeights model).ToRowMajorArray(), List.ofSeq report.History, List.ofSeq reports

                let w, history, reports = run 1
                Expect.equal (run 3) (w, history, reports) "logits, history and progress"
                Expect.equal [ for r in reports -> r.Contexts ] [ 64; 128; 192; 256; 300 ] "blocks of contexts"
                Expect.equal (List.last reports).Last (List.last history) "the last report is the whole"
        }
        test "cancellation" {
            let counts = sample 6 300 200 40 1

            for threads in [ 1; 2 ] do
                use source = new CancellationTokenSource()

                let progress =
                    { new IProgress<RefitProgress> with
                        member _.Report _ = source.Cancel()
                    }

                Expect.throwsT<OperationCanceledException>
                    (fun () ->
                        OneHotRefit.Train(
                            counts,
                            newton 1e-8,
                            RefitOptions(Threads = threads),
                            progress = progress,
                            cancellation = source.Token
                        )
                        |> ignore)
                    $"{threads} threads"
        }
    ]

[<Tests>]
let tests =
    testList
        "refit one-hot"
        [
            testList "reference" references
            testList "closed forms" closedForms
            testList "by steps" iterative
        ]
