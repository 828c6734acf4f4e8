/// The refit of embedded contexts against the readable reference, and the embeddings.
module Collapse.Tests.EmbeddedRefitTests

#nowarn "3391" // arrays convert to spans

open System
open System.Threading
open Expecto
open MathNet.Numerics.Distributions
open MathNet.Numerics.LinearAlgebra
open Collapse.Engines.Cpu
open Collapse.Kernels
open Collapse.Softmax.Refit
open Collapse.Tests.RefitSupport

let private allWidths =
    [
        for width in CpuEngine.Widths do
            for threads in [ 1; 3 ] do
                RefitOptions(Width = width, Threads = threads)
    ]

let private embeddedTests =
    [
        for name, options in settings do
            test $"tiles give what dense matrices give, {name}" {
                let method = gradient 12 1.5 0.5
                let model, report = embedded wide wideEmbedding method options
                let reference = ReferenceRefit(wide, embeddingOf wideEmbedding, options)
                let expected = reference.Descend(method, zeros 11 1400)
                Expect.isLessThan (largestDifference (embeddedWeights model) expected) 2e-6 "W, of up to 1"
                Expect.isGreaterThan (expected.PointwiseAbs().Enumerate() |> Seq.max) 0.05 "which has moved"
                let last = report.History[12]
                Expect.floatClose Accuracy.medium last.Loss (reference.Loss expected / 29.0) "loss"

                let norm =
                    reference.Gradient(expected).FrobeniusNorm()
                    / sqrt (29.0 * reference.LargestEigenvalue())

                Expect.isLessThan (abs (last.GradientNorm / norm - 1.0)) 1e-4 "norm"
            }
        test "logits are Wᵀ e" {
            let model, _ = embedded wide wideEmbedding (gradient 3 1.0 0.0) plain
            let z = Array.zeroCreate<float> 1400
            model.WriteLogits(7, z)
            let expected = (embeddingOf wideEmbedding * embeddedWeights model).Row(7).ToArray()
            Expect.isLessThan (Array.map2 (fun a b -> abs (a - b)) z expected |> Array.max) 1e-12 ""
        }
        test "threads and vector widths do not change a bit" {
            for method: RefitMethod in [ gradient 4 1.0 0.9 :> RefitMethod; RefitMethod.Newton(1e-12, 4) ] do
                let run options =
                    let model, report = embedded wide wideEmbedding method options
                    weightsOf model, List.ofSeq report.History

                let first = run allWidths[0]

                for options in List.tail allWidths do
                    Expect.equal (run options) first $"{options}"
        }
        test "with as many dimensions as contexts, one-hot, it is the one-hot refit" {
            let counts = sample 12 20 300 50 9

            let e = ownDimensions 20

            for name, options in settings do
                for method in [ gradient 40 1.0 0.0; gradient 20 0.5 0.9 ] do
                    let a, first = oneHot counts method options
                    let b, second = embedded counts e method options
                    Expect.isLessThan (largestDifference (oneHotWeights a) (embeddedWeights b)) 1e-5 $"{method}, {name}"

                    for x, y in Seq.zip first.History second.History do
                        Expect.isLessThan (abs (x.Loss - y.Loss)) 1e-5 "loss"
                        Expect.isLessThan (abs (x.GradientNorm - y.GradientNorm)) 1e-6 "norm"
        }
        test "L-BFGS finds the optimum" {
            let counts = sample 14 9 12 40 3
            let e = Embedding.Gaussian(2UL, 0u, 9, 3)

            for name, options in settings |> List.filter (fun (_, options) -> options.L2 > 0.0) do
                let model, report = embedded counts e (newton 1e-5) options
                let reference = ReferenceRefit(counts, embeddingOf e, options)
                let optimum = reference.Minimise 1e-11
                Expect.isLessThan (reference.Gradient(optimum).FrobeniusNorm()) 1e-10 "the reference's is one"
                Expect.equal report.Outcome RefitOutcome.Converged name
                Expect.isLessThan (largestDifference (embeddedWeights model) optimum) 1e-3 name

                let excess = (Seq.last report.History).Loss - reference.Loss optimum / 9.0
                Expect.isLessThan (abs excess) 1e-6 "loss"
        }
        test "L-BFGS finds eq. 2 where each context has its own dimension" {
            let counts = sample 15 6 30 50 0

            let e = ownDimensions 6

            let model, report = embedded counts e (newton 2e-6) plain
            let reference = ReferenceRefit(counts, identity 6, plain)
            Expect.equal report.Outcome RefitOutcome.Converged ""

            for j in 0..5 do
                let p = reference.Probabilities(embeddedWeights model, j)
                Expect.isLessThan (totalVariation p (reference.Target j)) 2e-5 $"context {j}"
        }
        test "L-BFGS takes far fewer steps than gradient descent, and each lowers the loss" {
            let method = newton 1e-4
            let _, quick = embedded wide wideEmbedding method plain
            let _, slow = embedded wide wideEmbedding (gradient 400 3.0 0.0) plain
            Expect.equal quick.Outcome RefitOutcome.Converged ""
            Expect.isLessThan quick.History.Count 200 "steps"
            let slack = 2e-6 * quick.History[0].Loss
            Expect.isTrue (List.pairwise (losses quick) |> List.forall (fun (a, b) -> b < a + slack)) "falls"
            Expect.isLessThan (Seq.last quick.History).Loss ((Seq.last slow.History).Loss + slack) "and lower"
        }
        test "a tolerance that float32 cannot reach ends with what it can" {
            let model, report = embedded wide wideEmbedding (newton 1e-12) plain
            Expect.equal report.Outcome RefitOutcome.PrecisionLimit ""
            Expect.isLessThan (Seq.last report.History).GradientNorm 1e-5 "and is near the optimum"
            Expect.isTrue (weightsOf model |> Array.forall Single.IsFinite) ""
        }
        test "losses at logits of ±1e4" {
            let counts = sample 16 3 40 30 0
            let e = Embedding.FromValues(1, ReadOnlySpan [| 1.0f; -1.0f; 0.5f |])

            let objective =
                EmbeddedObjective(counts, e, TokenClasses.Find(counts, null), plain, CancellationToken.None)

            let classes = TokenClasses.Find(counts, null)
            let w = AlignedFloats(objective.Shape.Length)
            let g = AlignedFloats(objective.Shape.Length)

            for column in 0 .. classes.Count - 1 do
                w.Span[objective.Shape.Index(0, column)] <- if column % 2 = 0 then 1e4f else -1e4f

            let dense =
                Matrix<float>.Build.Dense(1, 40, (fun _ i -> if classes.ClassOf[i] % 2 = 0 then 1e4 else -1e4))

            let reference = ReferenceRefit(counts, embeddingOf e, plain)
            let found = objective.Evaluate(w, g)
            Expect.isLessThan (abs (found / reference.Loss dense - 1.0)) 1e-6 "loss"

            let expected = reference.Gradient dense

            for i in 0..39 do
                let entry = float (g.Span[objective.Shape.Index(0, classes.ClassOf[i])])
                Expect.isLessThan (abs (entry - expected[0, i])) 1e-6 $"gradient of token {i}"
        }
        test "training goes on where it stopped" {
            let whole, _ = embedded wide wideEmbedding (gradient 6 1.0 0.0) plain
            let half, _ = embedded wide wideEmbedding (gradient 3 1.0 0.0) plain

            let struct (joined, _) =
                EmbeddedRefit.Train(wide, wideEmbedding, gradient 3 1.0 0.0, plain, half)

            Expect.sequenceEqual (weightsOf joined) (weightsOf whole) "bit for bit"
            let other = sample 30 29 1400 200 0

            let struct (after, _) =
                EmbeddedRefit.Train(other, wideEmbedding, gradient 3 1.0 0.0, plain, half)

            let reference = ReferenceRefit(other, embeddingOf wideEmbedding, plain)
            let expected = reference.Descend(gradient 3 1.0 0.0, embeddedWeights half)
            Expect.isLessThan (largestDifference (embeddedWeights after) expected) 1e-6 "from another generation"
        }
        test "tokens with equal columns are one class" {
            let counts = rows 9 [ [ 1, 2; 4, 2; 5, 1; 7, 3 ]; [ 1, 1; 4, 1; 5, 2; 8, 3 ] ]
            let classes = TokenClasses.Find(counts, null)
            Expect.sequenceEqual (classes.ClassOf.ToArray()) [ 0; 1; 0; 0; 1; 2; 0; 3; 4 ] "classes"
            Expect.sequenceEqual classes.Multiplicity [ 4; 2; 1; 1; 1 ] "tokens of each"
            Expect.sequenceEqual classes.First [ 0; 1; 5; 7; 8 ] "the first of each"
        }
        test "progress and cancellation" {
            let steps = ResizeArray<int>()
            use source = new CancellationTokenSource()

            let progress =
                { new IProgress<RefitProgress> with
                    member _.Report value =
                        steps.Add value.Last.Step

                        if value.Last.Step = 2 then
                            source.Cancel()
                }

            Expect.throwsT<OperationCanceledException>
                (fun () ->
                    EmbeddedRefit.Train(
                        wide,
                        wideEmbedding,
                        gradient 50 1.0 0.0,
                        progress = progress,
                        cancellation = source.Token
                    )
                    |> ignore)
                "cancelled"

            Expect.sequenceEqual steps [ 0; 1; 2 ] "every step until then"
        }
    ]

// ---- Gaussian embeddings

let private embeddings =
    [
        test "a Gaussian embedding is the documented function of its counter" {
            let stream = DrawStream(77UL, 5u, 0u, 0u, DrawPurpose.Embedding)

            let block = stream.Block(1u, 0u)
            let e = Embedding.Gaussian(77UL, 3u, 4, 9)

            let expected x =
                float32 (Normal.InvCDF(0.0, 1.0, (float x + 0.5) / 4294967296.0) / 3.0)

            Expect.sequenceEqual
                (e[2].Slice(4, 4).ToArray())
                [ expected block.X0; expected block.X1; expected block.X2; expected block.X3 ]
                "entries 4 to 7 of context 5"
        }
        test "it does not depend on how many contexts there are" {
            let all = Embedding.Gaussian(9UL, 0u, 20, 7)
            let part = Embedding.Gaussian(9UL, 13u, 3, 7)

            for j in 0..2 do
                Expect.sequenceEqual (part[j].ToArray()) (all[13 + j].ToArray()) $"context {13 + j}"

            Expect.notEqual (all[0].ToArray()) (all[1].ToArray()) "contexts differ"
            let otherSeed = Embedding.Gaussian(8UL, 0u, 1, 7)
            Expect.notEqual (otherSeed[0].ToArray()) (all[0].ToArray()) "seeds differ"
        }
        test "its entries are normal with variance 1/D" {
            // 160,000 entries; Kolmogorov-Smirnov: P(sqrt n·D > x) < 2 e^(-2x²), so 1e-8 at x = 3.092.
            let critical = sqrt (log (2.0 / 1e-8) / 2.0)

            let statistic (law: Normal) =
                let e = Embedding.Gaussian(123UL, 0u, 2500, 64)

                let x =
                    Array.sort
                        [|
                            for j in 0..2499 do
                                for v in e[j].ToArray() -> float v
                        |]

                let n = float x.Length

                let distance =
                    x
                    |> Array.mapi (fun i v ->
                        let f = law.CumulativeDistribution v
                        max (f - float i / n) (float (i + 1) / n - f))
                    |> Array.max

                sqrt n * distance

            Expect.isLessThan (statistic (Normal(0.0, 1.0 / 8.0))) critical "N(0, 1/64)"
            Expect.isGreaterThan (statistic (Normal(0.0, 1.04 / 8.0))) critical "4% more is rejected"
        }
    ]

[<Tests>]
let tests =
    testList "refit embedded" [ testList "training" embeddedTests; testList "embeddings" embeddings ]
