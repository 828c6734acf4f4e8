/// The CPU engine's vector paths against one draw, one token at a time.
module Collapse.Tests.LoopTests

open System
open Expecto
open Collapse.Engines.Cpu
open Collapse.Kernels

let private lookupTests =
    [
        for size in [ 1; 63; 64; 65; 127; 128; 129; 1000; 1024; 2047; ByteLookup.LongestSet ] do
            for count in [ 1; 64; 65; 1000 ] do
                test $"{count} draws from {size} tokens" {
                    if not ByteLookup.IsSupported then
                        skiptest "this processor does not permute bytes of two registers"

                    let random = Random(1000 * size + count)

                    let source =
                        Array.init size (fun _ -> uint16 (random.Next ByteLookup.LargestVocabulary))

                    let lookup = ByteLookup()

                    // Behind the indices of draws stands anything at all.
                    let words =
                        Array.init (count + ByteLookup.Padding) (fun i ->
                            if i < count then
                                uint32 (random.Next size)
                            else
                                UInt32.MaxValue)

                    let halves = Array.map uint16 words
                    let expected = Array.init count (fun i -> source[int words[i]])
                    let target = Array.zeroCreate<uint16>(count + ByteLookup.Padding)
                    lookup.Gather(&halves[0], ReadOnlySpan source, &target[0], count)
                    Expect.equal (Array.take count target) expected "16-bit indices"
                    Array.Clear target
                    lookup.Gather(&words[0], ReadOnlySpan source, &target[0], count)
                    Expect.equal (Array.take count target) expected "32-bit indices"
                }
    ]

let private redrawTests =
    let check name (indices: DrawStream -> uint32 -> int -> uint16[]) =
        let equal (stream: DrawStream) bound count =
            Expect.isTrue (UniformIndex.UsesHalfWords bound) $"{bound} uses 16-bit lanes"

            let expected =
                Array.init count (fun d -> uint16 (UniformIndex.Draw(&stream, uint32 d, bound)))

            Expect.equal (indices stream bound count) expected $"bound {bound}"

        testList
            name
            [
                // Bounds with the most rejections: so many wait that they are redrawn more than once on the way. More draws
                // than 16 bits number.
                test "rejected draws" {
                    for bound in [ 1000u; 1040u; 2048u; 21627u ] do
                        equal (DrawStream(77UL, 5u, 9u, 2u, DrawPurpose.Index)) bound 70_000
                }

                // One redraw in 160,000: the first and the fifteenth of a stream were searched for.
                for generation, draw in [ 15252u, 75u; 508u, 1635u ] do
                    test $"draw {draw} of generation {generation}, rejected twice" {
                        let bound = 65_000u
                        let stream = DrawStream(77UL, 5u, generation, 2u, DrawPurpose.Index)
                        let half = (stream.Block(draw / 8u, 0u)).X1 >>> 16
                        Expect.isLessThan (half * bound &&& 0xFFFFu) (UniformIndex.Threshold16 bound) "rejected"
                        let again = (stream.Block(draw, 1u)).X0
                        Expect.isLessThan (again * bound) (UniformIndex.Threshold32 bound) "rejected again"
                        equal stream bound 3_000
                    }
            ]

    let indicesOf (create: unit -> RandomLanes<'T>) (stream: DrawStream) bound count =
        let buffer = Array.zeroCreate<uint64>(count / 2 + RandomLanes<'T>.Padding)
        create().FillIndices(&stream, bound, count, Span buffer)
        Runtime.InteropServices.MemoryMarshal.Cast<uint64, uint16>(ReadOnlySpan buffer).Slice(0, count).ToArray()

    [
        for width in CpuEngine.Widths do
            match width with
            | VectorWidth.Bits512 -> check "512 bits" (indicesOf (fun () -> RandomLanes<Lanes512> 77UL))
            | VectorWidth.Bits256 -> check "256 bits" (indicesOf (fun () -> RandomLanes<Lanes256> 77UL))
            | _ -> check "128 bits" (indicesOf (fun () -> RandomLanes<Lanes128> 77UL))
    ]

let private countTests =
    [
        for vocabulary in
            [
                1
                2
                3
                4
                5
                8
                9
                17
                32
                33
                64
                65
                121
                128
                129
                BitPlaneCounter.LargestVocabulary
            ] do
            for size in [ 1; 63; 64; 511; 512; 513; 1000; 4097; BitPlaneCounter.LongestSet ] do
                test $"{size} tokens of {vocabulary} kinds" {
                    if not BitPlaneCounter.IsSupported then
                        skiptest "this processor has no 512-bit vectors"

                    let random = Random(1000 * size + vocabulary)
                    let counter = BitPlaneCounter()

                    // Twice: what the first set leaves behind must not count. The second leans to one side.
                    for pick in [ (fun () -> random.Next vocabulary); (fun () -> vocabulary - 1) ] do
                        let set = Array.init size (fun _ -> uint16 (pick ()))
                        let counts = Array.zeroCreate<int>((vocabulary + 7) / 8 * 8)
                        counter.Count(ReadOnlySpan set, vocabulary, Span counts)

                        let expected =
                            Array.init counts.Length (fun i -> set |> Array.filter ((=) (uint16 i)) |> Array.length)

                        Expect.equal counts expected "counts"
                }

        test "sets too long for planes, and of too many kinds" {
            let random = Random 84

            for size in [ 1_000; 8_192; 8_193; 15_873; 20_480; 40_000 ] do
                for vocabulary in [ 1; 5; 48; 64; 191; 192; 193; 200 ] do
                    // Every number, and then the last one.
                    let set =
                        Array.init size (fun i -> uint16 (if i < 900 then random.Next vocabulary else vocabulary - 1))

                    let counts = TokenCounter<uint16>().Count(ReadOnlySpan set, vocabulary).ToArray()
                    let expected = Array.zeroCreate vocabulary
                    set |> Array.iter (fun token -> expected[int token] <- expected[int token] + 1)
                    Expect.equal counts expected $"{size} of {vocabulary} kinds"
        }
    ]

/// Draws that are counted as they are read.
let private gatherTests =
    let check
        name
        (convert: int -> 'T)
        (gather: uint32[] * 'T[] * 'T[] * int -> unit)
        (counts: unit -> int[])
        (number: 'T -> int)
        =
        testList
            name
            [
                for vocabulary in [ 1; 5; 193; 5_000 ] do
                    test $"{vocabulary} kinds" {
                        let random = Random(85 + vocabulary)

                        for size in [ 1; 3; 4; 5; 1_000 ] do
                            let source = Array.init 700 (fun _ -> convert (random.Next vocabulary))
                            let indices = Array.init size (fun _ -> uint32 (random.Next source.Length))
                            let target = Array.zeroCreate<'T> size
                            gather (indices, source, target, vocabulary)
                            let expected = indices |> Array.map (fun i -> source[int i])
                            Expect.equal target expected "tokens"
                            let sums = Array.zeroCreate vocabulary
                            expected |> Array.iter (fun t -> sums[number t] <- sums[number t] + 1)
                            Expect.equal (counts ()) sums "counts"
                    }
            ]

    let halves = TokenCounter<uint16>()
    let words = TokenCounter<int>()

    [
        check
            "16-bit tokens"
            uint16
            (fun (indices, source, target, kinds) ->
                let indices = Array.map uint16 indices
                halves.Gather<uint16>(ReadOnlySpan indices, ReadOnlySpan source, Span target, kinds))
            (fun () -> halves.Counts.ToArray())
            int
        |> testSequenced
        check
            "32-bit tokens"
            id
            (fun (indices, source, target, kinds) ->
                words.Gather<uint32>(ReadOnlySpan indices, ReadOnlySpan source, Span target, kinds))
            (fun () -> words.Counts.ToArray())
            id
        |> testSequenced
    ]

/// A context's own numbers of its tokens, in the order of their first appearance.
let private vocabularyTests =
    [
        for s in [ 1; 31; 32; 33; 64; 65; 1_000; 200_000 ] do
            test $"numbers of {s} tokens" {
                let random = Random s
                let vocabulary = LocalVocabulary()

                // Buffers are kept from context to context: whatever stood in them must be gone.
                for expected in [ 1; 100; 16; 3_000 ] do
                    vocabulary.Clear(expected, s)
                    let seen = Collections.Generic.List<int>()

                    let number token =
                        if not (seen.Contains token) then
                            seen.Add token

                        seen.IndexOf token

                    for size in [ 40; 1; 2_000 ] do
                        let tokens = Array.init size (fun _ -> random.Next s)
                        let numbers = Array.zeroCreate<int> size
                        vocabulary.Number(ReadOnlySpan tokens, Span numbers)
                        Expect.equal numbers (Array.map number tokens) "numbers of many"
                        let one = random.Next s
                        Expect.equal (vocabulary.Number one) (number one) "number of one"
                        Expect.equal (vocabulary.Tokens.ToArray()) (seen.ToArray()) "tokens"

                    let zeros = Array.zeroCreate<int> seen.Count
                    Expect.equal (Array.truncate seen.Count vocabulary.First) zeros "first counts"
                    Expect.equal (Array.truncate seen.Count vocabulary.HeldOut) zeros "held-out counts"

                    // Row sums read vectors of eight, the last one filled up with what stands behind.
                    Expect.equal (vocabulary.First.Length % 8) 0 "whole vectors of first counts"
                    Expect.equal (vocabulary.Units.Length % 8) 0 "whole vectors of units"
                    Array.Fill(vocabulary.First, 7)
                    Array.Fill(vocabulary.HeldOut, 7)

                    for token in [ 0; s - 1; s / 2 ] do
                        Expect.equal (vocabulary.Find token) (seen.IndexOf token) "found"

                    for token in [ -1; s; Int32.MaxValue ] do
                        Expect.equal (vocabulary.Find token) -1 "unknown to all"
            }
    ]

[<Tests>]
let tests =
    testList
        "loops"
        [
            testList "look up as bytes" lookupTests
            testList "count in bit planes" countTests
            testList "count while drawing" gatherTests
            testList "local vocabulary" vocabularyTests
            testList "redraw side by side" redrawTests
        ]
