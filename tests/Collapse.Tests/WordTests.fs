/// A first battery on the words that runs use up; `dotnet fsi build.fsx battery` is the long one.
module Collapse.Tests.WordTests

open System
open System.Numerics
open Expecto
open MathNet.Numerics
open MathNet.Numerics.Distributions
open Collapse.Tests.WordStreams

/// 2^19 words a stream: 2^24 bits.
let private count = 1 <<< 19

// Eight tests of eight streams at 1e-9 each: a false alarm once in 15 million changes of the seed, which is fixed.
let private alpha = 1e-9

/// The tail of chi-squared on both sides: too even is as wrong as too uneven.
let private chiSquared (expected: float[]) (found: float[]) =
    let statistic =
        Array.fold2 (fun sum e f -> sum + (f - e) * (f - e) / e) 0.0 expected found

    let freedom = float (expected.Length - 1)
    let upper = SpecialFunctions.GammaUpperRegularized(freedom / 2.0, statistic / 2.0)
    2.0 * min upper (1.0 - upper)

let private normal z = SpecialFunctions.Erfc(abs z / sqrt 2.0)

/// Chi-squared of equally likely cells.
let private even cells (numbers: seq<int>) =
    let found = Array.zeroCreate<float> cells

    for number in numbers do
        found[number] <- found[number] + 1.0

    chiSquared (Array.create cells (Array.sum found / float cells)) found

/// The rank of a 32 × 32 matrix over the field of two elements.
let private rank (rows: uint32[]) =
    let rows = Array.copy rows
    let mutable rank = 0

    for bit in 0..31 do
        match Array.tryFindIndex (fun row -> (row >>> bit) &&& 1u = 1u) rows[rank..] with
        | None -> ()
        | Some i ->
            let pivot = rows[rank + i]
            rows[rank + i] <- rows[rank]
            rows[rank] <- pivot

            for j in rank + 1 .. 31 do
                if (rows[j] >>> bit) &&& 1u = 1u then
                    rows[j] <- rows[j] ^^^ pivot

            rank <- rank + 1

    rank

/// Probability of rank 32 - d: 2^(-d²) Π_{i=0}^{31-d} (1 - 2^(i-32))² / (1 - 2^(i-32+d)) (Marsaglia and Tsay, 1985).
let private rankProbability d =
    let product =
        Seq.fold
            (fun p i -> p * (1.0 - 2.0 ** float (i - 32)) ** 2.0 / (1.0 - 2.0 ** float (i - 32 + d)))
            1.0
            [ 0 .. 31 - d ]

    2.0 ** float (-d * d) * product

/// Named tests of a sequence of words; each gives a p-value.
let private tests: (string * (uint32[] -> float)) list =
    [
        "ones",
        fun words ->
            let ones = words |> Array.sumBy BitOperations.PopCount
            let bits = 32.0 * float words.Length
            normal ((float ones - bits / 2.0) / sqrt (bits / 4.0))
        "each bit of a word",
        fun words ->
            Array.init 32 (fun bit ->
                let ones = words |> Array.sumBy (fun w -> int (w >>> bit &&& 1u))
                (2.0 * float ones - float words.Length) ** 2.0 / float words.Length)
            |> Array.sum
            |> fun statistic -> SpecialFunctions.GammaUpperRegularized(16.0, statistic / 2.0)
        "bytes",
        fun words ->
            even
                256
                (seq {
                    for w in words do
                        for shift in [ 0; 8; 16; 24 ] -> int (w >>> shift &&& 0xFFu)
                })
        "high halves of neighbours",
        fun words ->
            even
                65_536
                (seq { for i in 0..2 .. words.Length - 2 -> int (words[i] >>> 24 <<< 8 ||| (words[i + 1] >>> 24)) })
        "low halves of words one block apart",
        fun words ->
            even
                65_536
                (seq {
                    for i in 0 .. words.Length / 8 - 1 do
                        for j in 0..3 -> int ((words[8 * i + j] &&& 0xFFu) <<< 8 ||| (words[8 * i + j + 4] &&& 0xFFu))
                })
        "equal bits of words one piece apart",
        fun words ->
            // Pieces have 16, 32 or 56 words: 112 blocks are a whole number of each.
            let lag = 224

            let equal =
                Seq.init (words.Length - lag) (fun i -> 32 - BitOperations.PopCount(words[i] ^^^ words[i + lag]))
                |> Seq.sum

            let bits = 32.0 * float (words.Length - lag)
            normal ((float equal - bits / 2.0) / sqrt (bits / 4.0))
        "ranks of 32 × 32 matrices",
        fun words ->
            let expected =
                [|
                    rankProbability 0
                    rankProbability 1
                    1.0 - rankProbability 0 - rankProbability 1
                |]

            let found = Array.zeroCreate<float> 3

            for matrix in Array.chunkBySize 32 words do
                let lost = min 2 (32 - rank matrix)
                found[lost] <- found[lost] + 1.0

            chiSquared (expected |> Array.map (fun p -> p * Array.sum found)) found
        "birthday spacings",
        fun words ->
            // 512 birthdays in a year of 2^24 days: equal spacings are Poisson with mean 512³ / 2^26 = 2.
            let groups = words |> Array.map (fun w -> w >>> 8) |> Array.chunkBySize 512

            let repeats =
                groups
                |> Array.sumBy (fun days ->
                    let spacings = Array.sort days |> Array.pairwise |> Array.map (fun (a, b) -> b - a)
                    spacings.Length - (Array.distinct spacings).Length)

            // The mean of 2 is low by up to 1 in a hundred in so short a year: the test allows for it.
            let mean = 2.0 * float groups.Length
            let excess = max 0.0 (abs (float repeats - mean) - 0.02 * mean)
            normal (excess / sqrt mean)
    ]

/// The rate of false alarms of all tests here together.
let falseAlarms =
    alpha * float (tests.Length * (all |> List.filter _.IsHonest |> List.length))

let private pValues (stream: WordStream) =
    let words = take count stream
    [ for name, test in tests -> name, test words ]

[<Tests>]
let battery =
    testList
        "words"
        [
            for stream in all do
                if stream.IsHonest then
                    test $"{stream.Name} look random" {
                        for name, p in pValues stream do
                            Expect.isGreaterThan p alpha $"{stream.Order}: {name}"
                    }
                else
                    test $"{stream.Name} is rejected" {
                        let rejecting = pValues stream |> List.filter (fun (_, p) -> p < alpha)
                        Expect.isNonEmpty rejecting $"{stream.Order}: by some test"
                    }
            test "the streams are those of the plain definition" {
                let plain (stream: Collapse.Kernels.DrawStream) =
                    [|
                        for b in 0u .. 7u do
                            let block = stream.Block(b, 0u)
                            yield! [ block.X0; block.X1; block.X2; block.X3 ]
                    |]

                let stream name =
                    all |> List.find (fun stream -> stream.Name = name) |> take 96

                let index = Collapse.Kernels.DrawPurpose.Index

                let at seed context generation segment =
                    Collapse.Kernels.DrawStream(seed, context, generation, segment, index)

                Expect.equal (stream "generations").[64..] (plain (at 1UL 0u 3u 0u)) "the third generation"
                Expect.equal (stream "contexts").[64..] (plain (at 1UL 2u 2u 0u)) "the third context"
                Expect.equal (stream "seeds").[64..] (plain (at 2UL 0u 2u 0u)) "the third seed"
                Expect.equal (stream "segments").[64..] (plain (at 1UL 0u 1u 2u)) "the third segment"

                let bytes =
                    plain (at 1UL 0u 1u 0u)
                    |> Array.collect (fun w -> [| w >>> 8 &&& 0xFFu; w >>> 24 |])

                let first =
                    (stream "generations-indices").[..15] |> Array.collect BitConverter.GetBytes

                Expect.equal first (Array.map byte bytes) "indices under 256"
            }
        ]
