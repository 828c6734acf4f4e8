/// The refit's kernels against the readable reference, on the devices there are.
module Collapse.Tests.RefitKernelTests

#nowarn "3391" // arrays convert to spans

open System
open Expecto
open ILGPU
open ILGPU.Runtime
open ILGPU.Runtime.Cuda
open ILGPU.Runtime.OpenCL
open MathNet.Numerics.LinearAlgebra
open Collapse.Engines
open Collapse.Kernels
open Collapse.Softmax.Refit
open Collapse.Tests.ExpLanesTests
open Collapse.Tests.RefitSupport

/// Normalisers and gradient of one evaluation on a device of a kind, from zeros; why not, where there is none.
let private onDevice (kind: string) (counts: CountRows) (embedding: Embedding) (w: Matrix<float>) =
    let engines =
        EngineCatalog.List() |> Seq.filter _.Name.StartsWith(kind) |> List.ofSeq

    match
        engines
        |> List.tryFind (fun engine -> engine.Name = $"{kind}:0" && engine.Usable)
    with
    | None -> Error(String.Join("; ", [ for engine in engines -> engine.Reason ]))
    | Some _ ->
        use context =
            Context.Create(fun builder -> builder.Cuda().OpenCL(fun _ -> true) |> ignore)

        let device =
            context.Devices
            |> Seq.find (fun device ->
                if kind = "cuda" then
                    device :? CudaDevice
                else
                    device :? CLDevice)

        use accelerator = device.CreateAccelerator context
        let launch = SoftmaxRefitKernelLauncher.Create accelerator
        let c, d, s = counts.Contexts, embedding.Dimension, counts.Vocabulary

        let floats (values: seq<float>) =
            values |> Seq.map float32 |> Array.ofSeq

        use embeddings =
            accelerator.Allocate1D
                [|
                    for j in 0 .. c - 1 do
                        yield! embedding[j].ToArray()
                |]

        use weights = accelerator.Allocate1D(floats (w.ToRowMajorArray()))
        use multiplicity = accelerator.Allocate1D(Array.create s 1.0f)
        use contextWeights = accelerator.Allocate1D(Array.create c 1.0f)
        use max = accelerator.Allocate1D(Array.create c 0.0f)
        use sum = accelerator.Allocate1D(Array.create c 0.0f)
        use gradient = accelerator.Allocate1D(Array.create (d * s) 0.0f)

        let batch =
            SoftmaxRefitBatch(
                Embeddings = embeddings.View,
                Weights = weights.View,
                Multiplicity = multiplicity.View,
                ContextWeights = contextWeights.View,
                Max = max.View,
                Sum = sum.View,
                Gradient = gradient.View
            )

        launch.Invoke(accelerator.DefaultStream, SoftmaxRefitSettings(c, d, s), batch)
        accelerator.Synchronize()

        let tooLong =
            try
                launch.Invoke(accelerator.DefaultStream, SoftmaxRefitSettings(c, d, s + 1), batch)
                ""
            with :? ArgumentException as e ->
                e.Message

        // ILGPU frees a kernel that nothing holds, even while its launcher is at work.
        GC.KeepAlive launch

        let logSums =
            Array.map2 (fun m x -> float m + log (float x)) (max.GetAsArray1D()) (sum.GetAsArray1D())

        Ok(logSums, Array.map float (gradient.GetAsArray1D()), tooLong)

let private devices =
    [
        for kind in [ "opencl"; "cuda" ] do
            test $"the gradient on {kind} is the reference's" {
                let random = Random 4
                // Logits of some ±30: probabilities from 1 down to where float32 gives 0.
                let w =
                    Matrix<float>
                        .Build.Dense(11, 1400, (fun _ _ -> float (float32 (20.0 * random.NextDouble() - 10.0))))

                match onDevice kind wide wideEmbedding w with
                | Error reason -> skiptest reason
                | Ok(logSums, gradient, tooLong) ->
                    let reference = ReferenceRefit(wide, embeddingOf wideEmbedding, plain)
                    let expected = Matrix<float>.Build.Dense(11, 1400)

                    for j in 0..28 do
                        let z = (embeddingOf wideEmbedding).Row(j) * w
                        let largest = z.Maximum()
                        let logSum = largest + log (Seq.sum [ for x in z -> Math.Exp(x - largest) ])
                        // Logits are sums of 11 products of up to 10.
                        Expect.isLessThan (abs (logSums[j] - logSum)) 1e-5 $"normaliser of context {j}"
                        let p = reference.Probabilities(w, j)

                        for k in 0..10 do
                            for i in 0..1399 do
                                expected[k, i] <- expected[k, i] + float (wideEmbedding[j][k]) * p[i]

                    let worst =
                        Seq.map2 (fun a b -> abs (a - b)) gradient (expected.ToRowMajorArray())
                        |> Seq.max

                    Expect.isLessThan worst 1e-5 "gradient, of up to 1"
                    Expect.isGreaterThan (expected.PointwiseAbs().Enumerate() |> Seq.max) 0.3 "which is not small"

                    Expect.equal
                        tooLong
                        "Weights holds 15400 elements, the batch needs 15411; allocate more"
                        "sizes are checked before the launch"
            }
        test "the device's e^x is within two units in the last place" {
            let x = arguments |> Array.filter (fun x -> x <= 0.0f)

            let worst =
                x |> Array.map (fun x -> unitsOff x (SoftmaxRefitKernel.Exp x)) |> Array.max

            Expect.isLessThan worst 2.0 $"{x.Length} arguments"
            Expect.equal (SoftmaxRefitKernel.Exp -infinityf) 0.0f "0 at minus infinity"
        }
    ]

[<Tests>]
let tests =
    // Alone: ILGPU can miss an OpenCL device while another test looks for devices.
    testSequenced (testList "refit kernels" devices)
