/// Data for the tests of the softmax refit, and the matrices that they compare.
module Collapse.Tests.RefitSupport

#nowarn "3391" // arrays convert to spans

open System
open MathNet.Numerics.LinearAlgebra
open Collapse.Softmax.Refit

/// Rows of counts from lists of (token, count).
let rows (s: int) (data: (int * int) list list) =
    let offsets = data |> List.scan (fun sum row -> sum + int64 row.Length) 0L
    let cells = List.concat data
    CountRows(s, Array.ofList offsets, [| for token, _ in cells -> token |], [| for _, count in cells -> count |])

/// n tokens a context, drawn from a law that falls like 1/i; sizes n, n + step, n + 2 step, ….
let sample seed contexts s n step =
    let random = Random(seed: int)

    rows
        s
        [
            for j in 0 .. contexts - 1 ->
                [
                    for _ in 1 .. n + j * step -> (int (float s ** random.NextDouble()) - 1 + 3 * j) % s
                ]
                |> List.countBy id
                |> List.sort
        ]

let identity (c: int) = Matrix<float>.Build.DenseIdentity c

let embeddingOf (e: Embedding) =
    Matrix<float>.Build.Dense(e.Contexts, e.Dimension, (fun j k -> float (e[j][k])))

/// The identity as an embedding of c contexts.
let ownDimensions c =
    let values = Array.init (c * c) (fun i -> if i / c = i % c then 1.0f else 0.0f)
    Embedding.FromValues(c, ReadOnlySpan values)

let zeros (rows: int) (columns: int) =
    Matrix<float>.Build.Dense(rows, columns)

/// W of a one-hot model: a row of logits per context.
let oneHotWeights (model: OneHotModel) =
    let row j =
        let logits = Array.zeroCreate<float> model.Vocabulary
        model.WriteLogits(j, logits)
        logits

    Matrix<float>.Build.DenseOfRowArrays(Array.init model.Contexts row)

let weightsOf (model: EmbeddedModel) =
    let values = Array.zeroCreate<float32>(model.Embedding.Dimension * model.Vocabulary)
    model.WriteWeights values
    values

let embeddedWeights (model: EmbeddedModel) =
    Matrix<float>.Build.DenseOfRowMajor(model.Embedding.Dimension, model.Vocabulary, Array.map float (weightsOf model))

let probabilities (model: OneHotModel) j =
    let p = Array.zeroCreate<float> model.Vocabulary
    model.WriteProbabilities(j, p)
    p

/// Half the sum of absolute differences.
let totalVariation p q =
    Array.fold2 (fun sum a b -> sum + abs (a - b)) 0.0 p q / 2.0

let largestDifference (a: Matrix<float>) (b: Matrix<float>) =
    (a - b).PointwiseAbs().Enumerate() |> Seq.max

let options l2 weighting =
    RefitOptions(L2 = l2, Weighting = weighting)

let plain = options 0.0 ContextWeighting.PerContext

let gradient steps rate momentum =
    RefitMethod.Gradient(steps, rate, momentum)

let newton tolerance = RefitMethod.Newton(tolerance, 1000)

let oneHot counts (method: RefitMethod) options =
    let struct (model, report) = OneHotRefit.Train(counts, method, options)
    model, report

let embedded counts (embedding: Embedding) (method: RefitMethod) options =
    let struct (model, report) = EmbeddedRefit.Train(counts, embedding, method, options)
    model, report

let losses (report: RefitReport) =
    [ for step in report.History -> step.Loss ]

/// Never rises, but by rounding once it has come to rest.
let falls (values: float list) =
    List.pairwise values |> List.forall (fun (a, b) -> b <= a + 1e-14)

/// Settings that must not matter to any comparison: penalties, weightings, sizes that differ by context.
let settings =
    [
        for l2 in [ 0.0; 0.03 ] do
            for weighting in [ ContextWeighting.PerContext; ContextWeighting.PerToken ] do
                $"L2 = {l2}, {weighting}", options l2 weighting
    ]


/// Three contexts of different sizes over six tokens.
let small = sample 3 3 6 20 11

let smallEmbedding = Embedding.Gaussian(5UL, 0u, 3, 2)

/// Many contexts, odd sizes, more than one tile of columns that all differ, and a class of tokens never seen.
let wide =
    let random = Random 21

    rows
        1400
        [
            for j in 0..28 ->
                [
                    for token in 0..1399 do
                        if token % 10 <> 3 && random.NextDouble() < 0.3 then
                            token, random.Next(1, 5)
                ]
        ]

let wideEmbedding = Embedding.Gaussian(1UL, 0u, 29, 11)
