/// The random words of runs, in the order in which a run uses them up, for tests of randomness.
module Collapse.Tests.WordStreams

#nowarn "3391" // arrays convert to spans

open System
open System.IO
open System.Runtime.InteropServices
open System.Threading
open Collapse.Engines.Cpu
open Collapse.Kernels

/// A sequence of words, in pieces of equal length.
type WordStream =
    {
        Name: string
        /// What follows upon what.
        Order: string
        /// False for the planted defects.
        IsHonest: bool
        /// Words in a piece.
        Length: int
        /// Writes a piece, by its number from 0.
        Fill: int64 -> ArraySegment<uint32> -> unit
    }

/// Small training sets: in a run the next generation, context or seed then follows soon.
let private blocks = 8

let private buffers =
    new ThreadLocal<uint64[]>(fun () -> Array.zeroCreate (64 + RandomLanes<Lanes128>.Padding))

/// The lanes of the seed used last: few streams in a row have another.
let private lanes = new ThreadLocal<(uint64 * RandomLanes<Lanes128>) option>()

let private lanesOf (stream: DrawStream) =
    let seed = uint64 stream.Key0 ||| (uint64 stream.Key1 <<< 32)

    match lanes.Value with
    | Some(known, random) when known = seed -> random
    | _ ->
        let random = RandomLanes<Lanes128> seed
        lanes.Value <- Some(seed, random)
        random

/// The words of a stream's first blocks, as the CPU engine computes them.
let private raw (stream: DrawStream) count (target: ArraySegment<uint32>) =
    let buffer = buffers.Value
    (lanesOf stream).Fill(&stream, count, Span buffer)
    MemoryMarshal.Cast<uint64, uint32>(Span(buffer, 0, 2 * count)).CopyTo(target.AsSpan())

/// The indices under 256 of the same blocks, a byte each: the upper halves of the 16-bit lanes.
let private mapped (stream: DrawStream) count (target: ArraySegment<uint32>) =
    let draws = 8 * count
    let buffer = buffers.Value
    (lanesOf stream).FillIndices(&stream, 256u, draws, Span buffer)
    let halves = MemoryMarshal.Cast<uint64, uint16>(Span buffer)
    let bytes = MemoryMarshal.AsBytes(target.AsSpan())

    for i in 0 .. draws - 1 do
        bytes[i] <- byte halves[i]

/// Philox with fewer rounds than it needs.
let private fewRounds rounds (stream: DrawStream) count (target: ArraySegment<uint32>) =
    for b in 0 .. count - 1 do
        let mutable c0, c1, c2, c3 = uint32 b, stream.Generation, stream.Context, stream.Tag

        let mutable k0, k1 = stream.Key0, stream.Key1

        for _ in 1..rounds do
            let product0 = uint64 Philox.Multiplier0 * uint64 c0
            let product1 = uint64 Philox.Multiplier1 * uint64 c2
            c0 <- uint32 (product1 >>> 32) ^^^ c1 ^^^ k0
            c1 <- uint32 product1
            c2 <- uint32 (product0 >>> 32) ^^^ c3 ^^^ k1
            c3 <- uint32 product0
            k0 <- k0 + Philox.Weyl0
            k1 <- k1 + Philox.Weyl1

        [| c0; c1; c2; c3 |].CopyTo(target.AsSpan(4 * b))

let private index seed context generation segment =
    DrawStream(seed, context, generation, segment, DrawPurpose.Index)

/// The addresses of the pieces, each of the first blocks of one stream.
let private orders: (string * string * (int64 -> DrawStream)) list =
    [
        "generations", "one context, generation after generation", (fun i -> index 1UL 0u (uint32 i + 1u) 0u)
        "contexts", "one generation, context after context", (fun i -> index 1UL (uint32 i) 2u 0u)
        "seeds", "one context and generation, seed after seed", (fun i -> index (uint64 i) 0u 2u 0u)
        "segments",
        "one context, the four segments of each generation in turn",
        (fun i -> index 1UL 0u (uint32 (i / 4L) + 1u) (uint32 (i % 4L)))
    ]

/// As random-models uses them: per generation the sources of 16 draws, their indices, and their tokens from the truth.
let private mixture (i: int64) (target: ArraySegment<uint32>) =
    let stream purpose =
        DrawStream(1UL, 0u, uint32 i + 1u, 0u, purpose)

    raw (stream DrawPurpose.MixtureSource) 2 (target.Slice(0, 8))
    raw (stream DrawPurpose.MixtureIndex) 4 (target.Slice(8, 16))
    raw (stream DrawPurpose.Truth) 8 (target.Slice(24, 32))

/// Every stream, the planted defects last.
let all =
    [
        for name, order, address in orders do
            {
                Name = name
                Order = order
                IsHonest = true
                Length = 4 * blocks
                Fill = fun i target -> raw (address i) blocks target
            }
        {
            Name = "purposes"
            Order = "one context of random-models: sources, indices and tokens of each generation"
            IsHonest = true
            Length = 56
            Fill = mixture
        }
        for name, order, address in List.take 3 orders do
            {
                Name = $"{name}-indices"
                Order = $"{order}; as indices under 256"
                IsHonest = true
                Length = 2 * blocks
                Fill = fun i target -> mapped (address i) blocks target
            }
        {
            Name = "defect-weyl"
            Order = "multiples of an odd constant"
            IsHonest = false
            Length = 1024
            Fill =
                fun i target ->
                    (Array.init 1024 (fun j -> (uint32 i * 1024u + uint32 j) * Philox.Weyl0)).CopyTo(target.AsSpan())
        }
        {
            Name = "defect-two-rounds"
            Order = "generations, Philox with 2 rounds instead of 10"
            IsHonest = false
            Length = 4 * blocks
            Fill = fun i target -> fewRounds 2 (index 1UL 0u (uint32 i + 1u) 0u) blocks target
        }
        {
            Name = "defect-one-counter"
            Order = "contexts, with the context left out of the counter's low 8 bits"
            IsHonest = false
            Length = 4 * blocks
            Fill = fun i target -> raw (index 1UL (uint32 (i >>> 8)) 2u 0u) blocks target
        }
    ]

/// The first words of a stream.
let take count (stream: WordStream) =
    let words =
        Array.zeroCreate<uint32>((count + stream.Length - 1) / stream.Length * stream.Length)

    for piece in 0 .. words.Length / stream.Length - 1 do
        stream.Fill (int64 piece) (ArraySegment(words, piece * stream.Length, stream.Length))

    Array.truncate count words

/// Writes a stream as raw words, without end, until its reader has gone.
let write (out: Stream) (stream: WordStream) =
    let pieces = max 1 (16_384 / stream.Length)
    let words = Array.zeroCreate<uint32>(pieces * stream.Length)

    try
        for chunk in Seq.initInfinite int64 do
            for piece in 0 .. pieces - 1 do
                stream.Fill
                    (chunk * int64 pieces + int64 piece)
                    (ArraySegment(words, piece * stream.Length, stream.Length))

            out.Write(MemoryMarshal.AsBytes(ReadOnlySpan words))
    with :? IOException ->
        ()
