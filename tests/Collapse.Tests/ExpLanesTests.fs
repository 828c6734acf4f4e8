/// The exponential of the float32 loops.
module Collapse.Tests.ExpLanesTests

#nowarn "9" // vectors are read through pointers

open System
open Expecto
open FSharp.NativeInterop
open Collapse.Softmax

let private exp<'T when 'T: unmanaged and 'T :> IFloatLanes<'T> and 'T: struct and 'T: (new: unit -> 'T)>
    (x: float32[])
    =
    let y = Array.zeroCreate<float32> x.Length
    use source = fixed &x[0]
    use target = fixed &y[0]

    for i in 0 .. 'T.Count .. x.Length - 'T.Count do
        'T.Store(NativePtr.add target i, ExpLanes.Exp<'T>('T.Load(NativePtr.add source i)))

    y

let private widths =
    [
        "128 bits", exp<Float128>
        if Float256.IsSupported then
            "256 bits", exp<Float256>
        if Float512.IsSupported then
            "512 bits", exp<Float512>
    ]

/// A multiple of 16 numbers from the lowest with a normal e^x to 88, every 6,007th float32 of them and more.
let arguments =
    [|
        let bits (x: float32) = BitConverter.SingleToInt32Bits x

        for b in bits -1e-30f .. 6007 .. bits -87.33654f do
            BitConverter.Int32BitsToSingle b

        for b in bits 1e-30f .. 6007 .. bits 88.0f do
            BitConverter.Int32BitsToSingle b

        for k in -126 .. 126 do
            float32 (float k * log 2.0)
            float32 ((float k + 0.5) * log 2.0)
    |]
    |> Array.filter (fun x -> x >= ExpLanes.Lowest)
    |> fun x -> Array.append x (Array.zeroCreate (16 - x.Length % 16))

/// The error of y as e^x in units of the last place.
let unitsOff (x: float32) (y: float32) =
    let exact = Math.Exp(float x)
    let unit = float (MathF.BitIncrement(float32 exact)) - float (float32 exact)
    abs (float y - exact) / unit

[<Tests>]
let tests =
    testList
        "refit exponential"
        [
            for name, exp in widths do
                test $"e^x is within one unit in the last place, {name}" {
                    let worst = Array.map2 unitsOff arguments (exp arguments) |> Array.max
                    Expect.isLessThan worst 1.0 $"{arguments.Length} arguments"
                }

                test $"e^x at its ends, {name}" {
                    let special =
                        [| 0.0f; -0.0f; -infinityf; -87.34f; -1e4f; -3e38f; nanf; 1.0f |]
                        |> fun x -> Array.append x x

                    let found = exp special

                    Expect.equal
                        found[..5]
                        [| 1.0f; 1.0f; 0.0f; 0.0f; 0.0f; 0.0f |]
                        "1 at 0; 0 where it would be subnormal"

                    Expect.isTrue (Single.IsNaN found[6]) "NaN stays"
                }
            test "e^x has the same bits at every width" {
                for name, exp in List.tail widths do
                    Expect.sequenceEqual (exp arguments) (snd widths[0] arguments) name
            }
        ]
