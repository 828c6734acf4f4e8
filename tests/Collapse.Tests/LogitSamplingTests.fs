/// Sampling from logits: the weights, the map from integers to tokens, and what is drawn.
///
/// Statistical checks have the false-alarm rate `alpha` each, and there are fewer than twenty; seeds are fixed.
/// Each has a planted defect beside it that it rejects with as many draws.
module Collapse.Tests.LogitSamplingTests

#nowarn "3391" // arrays convert to spans

open System
open System.Numerics
open Expecto
open ILGPU
open ILGPU.Runtime
open ILGPU.Runtime.OpenCL
open MathNet.Numerics.Distributions
open Collapse
open Collapse.Engines
open Collapse.Engines.Cpu
open Collapse.Kernels
open Collapse.Softmax.Sampling

let private alpha = 1e-8

/// A bound on the rate of false alarms of all checks here together.
let falseAlarms = 20.0 * alpha

let private never = Single.NegativeInfinity

let private memory (values: 'a[]) = ReadOnlyMemory values

let private normal (random: Random) =
    sqrt (-2.0 * log (1.0 - random.NextDouble()))
    * cos (2.0 * Math.PI * random.NextDouble())

let private normalRow seed s deviation =
    let random = Random(seed: int)
    Array.init s (fun _ -> float32 (deviation * normal random))

// ---- every vector width behind functions of one type

type private Width =
    {
        Name: string
        Width: VectorWidth
        Worker: unit -> IRowSampler
        Units: float32[] -> SoftmaxScale -> uint32[]
        Select: float32[] -> SamplingRule -> int[]
    }

let private widthOf<'L, 'R when 'L: unmanaged and 'L :> ISoftmaxLanes<'L> and 'R: unmanaged and 'R :> IPhiloxLanes<'R>>
    width
    =
    {
        Name = $"{int width} bits"
        Width = width
        Worker = fun () -> RowSampler<'L, 'R>()
        Units =
            fun differences scale ->
                let units = Array.zeroCreate<uint32> differences.Length

                for start in 0 .. 'L.Count .. differences.Length - 'L.Count do
                    let x = 'L.Load(&differences[0], unativeint start)

                    let weights = WeightLanes<'L>(0.0f, scale).Weigh x
                    'L.Store('L.Truncate weights, &units[0], unativeint start)

                units
        Select =
            fun logits rule ->
                let selection = TokenSelection<'L>()

                if selection.Select(logits, Array.max logits, rule, SoftmaxScale rule.Temperature) then
                    selection.Tokens.ToArray()
                else
                    [| 0 .. logits.Length - 1 |]
    }

let private widths =
    [
        for width in CpuEngine.Widths do
            match width with
            | VectorWidth.Bits512 -> widthOf<SoftmaxLanes512, Lanes512> width
            | VectorWidth.Bits256 -> widthOf<SoftmaxLanes256, Lanes256> width
            | _ -> widthOf<SoftmaxLanes128, Lanes128> width
    ]

// ---- weights

/// The largest error of weights against exp(x / T), in units in the last place of a single-precision number.
let private largestError temperature exactTemperature (differences: float32 seq) =
    differences
    |> Seq.map (fun x ->
        let mutable shift = 0
        let mantissa = SoftmaxWeight.Mantissa(x, SoftmaxScale temperature, &shift)
        let exact = exp (float x / exactTemperature)
        let ulp = 2.0 ** (floor (log exact / log 2.0) - 23.0)

        abs (float mantissa * 2.0 ** float (-SoftmaxWeight.UnitBits - shift) - exact)
        / ulp)
    |> Seq.max

/// Differences down to weights of 2^-120.
let private differences temperature =
    let random = Random 11
    let lowest = -120.0 * log 2.0 * temperature

    [|
        for i in 0..60_000 -> float32 (lowest * float i / 60_000.0)
        for _ in 1..60_000 -> float32 (-(10.0 ** (-8.0 * random.NextDouble())) * abs lowest)
    |]

let private weights =
    [
        for temperature in [ 1e-6; 0.1; 0.7; 1.0; 1.3; 37.0; 1e6 ] do
            test $"are exp to 1.35 units in the last place, T = {temperature}" {
                let x = differences temperature
                Expect.isLessThanOrEqual (largestError temperature temperature x) 1.35 "120,002 differences"

                Expect.isGreaterThan
                    (largestError temperature (temperature * (1.0 + 1e-8)) x)
                    1.35
                    "a temperature off by 1e-8 is seen"
            }
        test "are 1 at the largest logit and never more" {
            for temperature in [ 1e-6; 0.7; 1.0; 1e6 ] do
                let scale = SoftmaxScale temperature
                let mutable shift = 0
                Expect.equal (SoftmaxWeight.Mantissa(0.0f, scale, &shift)) (1u <<< SoftmaxWeight.UnitBits) "1"
                Expect.equal shift 0 "1"
                let mutable x = -0.0f

                for _ in 1..20_000 do
                    x <- MathF.BitDecrement x
                    let mantissa = SoftmaxWeight.Mantissa(x, scale, &shift)
                    Expect.isLessThanOrEqual (mantissa >>> shift) (1u <<< SoftmaxWeight.UnitBits) "at most 1"

                for x in Array.map float32 [| -1e-20; -1e-9; -6e-8; -0.1; -0.34657359; -0.35 |] do
                    let mantissa = SoftmaxWeight.Mantissa(x, scale, &shift)
                    Expect.isLessThanOrEqual (mantissa >>> shift) (1u <<< SoftmaxWeight.UnitBits) "at most 1"
        }
        test "end at 2^-128" {
            let mutable shift = 0

            let at x =
                SoftmaxWeight.Mantissa(x, SoftmaxScale 1.0, &shift)

            Expect.isGreaterThan (at (float32 (-128.4 * log 2.0))) 0u "above"
            Expect.equal shift SoftmaxWeight.MaxShift "the last shift"

            for x in [ float32 (-128.6 * log 2.0); -1e4f; -1e30f; Single.MinValue; never ] do
                Expect.equal (at x) 0u $"{x}"
        }
        for width in widths do
            test $"are the same in vectors of {width.Name}" {
                let more =
                    [|
                        yield! [ 0.0f; never; Single.MinValue; -1e9f; -4.2e6f; -19.4f; -20.1f; -1e-40f ]
                        for i in 0..1000 do
                            yield float32 -(exp (float i / 10.0 - 60.0))
                    |]

                for temperature in [ 1e-6; 0.7; 1.0; 1e6 ] do
                    let x = Array.append (differences temperature) more
                    let x = Array.append x (Array.create (16 - x.Length % 16) 0.0f)
                    let scale = SoftmaxScale temperature
                    let units = width.Units x scale

                    for i in 0 .. x.Length - 1 do
                        let mutable shift = 0
                        let mantissa = SoftmaxWeight.Mantissa(x[i], scale, &shift)

                        if units[i] <> SoftmaxWeight.Units(mantissa, shift) then
                            failtest $"{x[i]}: {units[i]} units, not {SoftmaxWeight.Units(mantissa, shift)}"
            }
    ]

// ---- the map from integers to tokens

/// The units of a row, token by token.
let private unitsOf (row: float32[]) temperature =
    let largest = Array.max row

    row
    |> Array.map (fun l ->
        let mutable shift = 0
        let mantissa = SoftmaxWeight.Mantissa(l - largest, SoftmaxScale temperature, &shift)
        SoftmaxWeight.Units(mantissa, shift))

/// What is wrong with a map: each token must hold the integers of its units, one behind the other in the order of
/// blocks, columns and lines. A map that is right at the first and the last integer of every token, and does not
/// go back in between, is right everywhere.
let private mapErrors (row: float32[]) (map: int64[] -> uint64 * int[]) =
    let units = unitsOf row 1.0

    let ends =
        [|
            let mutable start = 0L

            for token in ReferenceLogitSampler.Order row.Length do
                if units[token] > 0u then
                    let next = start + int64 units[token]
                    yield token, start, next - 1L
                    start <- next
        |]

    let places = ends |> Array.collect (fun (_, first, last) -> [| first; last |])
    let expected = ends |> Array.collect (fun (token, _, _) -> [| token; token |])
    let sum, tokens = map places

    [
        if sum <> (units |> Array.sumBy uint64) then
            $"the units add up to {sum}"

        match Array.zip expected tokens |> Array.tryFindIndex (fun (e, t) -> e <> t) with
        | Some i -> $"integer {places[i]} falls on token {tokens[i]}, not {expected[i]}"
        | None -> ()
    ]

/// What a worker makes of places.
let private mapOf (worker: IRowSampler) isByColumn (row: float32[]) (places: int64[]) =
    let tokens = Array.zeroCreate<int> places.Length

    let sum =
        worker.Map(ReadOnlySpan row, 1.0, isByColumn, ReadOnlySpan places, Span tokens)

    sum, tokens

let private awkwardRows =
    [
        for s in [ 1; 2; 15; 16; 17; 127; 128; 129; 2047; 2048; 2049; 33_000; 70_000 ] do
            $"{s} normal", normalRow s s 3.0
            $"{s} equal", Array.create s -5.0f
        "one among many", Array.init 40_000 (fun i -> if i = 33_333 then 1.0f else never)
        // All others lie in one cell of a guide.
        "one above many of a unit", Array.init 70_000 (fun i -> if i = 50_000 then 0.0f else -19.0f)
        "falling", Array.init 5_000 (fun i -> -0.01f * float32 i)
        "rising", Array.init 5_000 (fun i -> 0.01f * float32 i)
    ]

/// A sampler with float32 cumulative sums, as many programs have it: the token that a place falls on.
let private floatMap (row: float32[]) =
    let largest = Array.max row
    let exact = row |> Array.map (fun l -> MathF.Exp(l - largest))
    let sum = Array.sum exact
    let cumulative = exact |> Array.map (fun w -> w / sum) |> Array.scan (+) 0.0f

    fun (u: float32) ->
        let i = Array.BinarySearch(cumulative, u)
        let token = if i >= 0 then i else ~~~i - 1
        max 0 (min token (row.Length - 1))

let private maps =
    [
        for width in widths do
            for name, row in awkwardRows do
                test $"is exact, {name}, {width.Name}" {
                    let worker = width.Worker()

                    for isByColumn in [ false; true ] do
                        // Twice, with another row between: nothing is left over.
                        Expect.isEmpty (mapErrors row (mapOf worker isByColumn row)) "exact"
                        mapOf worker isByColumn (Array.create 300 0.0f) [| 0L |] |> ignore
                        Expect.isEmpty (mapErrors row (mapOf worker isByColumn row)) "exact again"
                }
        test "by cumulative sums in single precision is rejected" {
            let row = normalRow 5 70_000 3.0
            let units = unitsOf row 1.0
            let total = units |> Array.sumBy uint64
            let order = ReferenceLogitSampler.Order row.Length |> Seq.toArray
            let map = floatMap (order |> Array.map (fun token -> row[token]))

            let errors =
                mapErrors row (fun places ->
                    total, places |> Array.map (fun u -> order[map (float32 (float u / float total))]))

            Expect.isNonEmpty errors "as many programs draw"
        }
        test "one integer off is rejected" {
            let row = normalRow 6 500 1.0
            let worker = widths[0].Worker()
            let late = Array.map (fun u -> max 0L (u - 1L))

            for isByColumn in [ false; true ] do
                Expect.isNonEmpty (mapErrors row (late >> mapOf worker isByColumn row)) "off by one"
        }
        test "takes as many 64-bit lanes to each integer" {
            let random = Random 8

            for bound in
                [
                    1UL
                    3UL
                    (1UL <<< 28) + 1UL
                    (1UL <<< 28) + 200_000UL
                    (1UL <<< 59) + 12345UL
                    (1UL <<< 60) - 1UL
                ] do
                let b = bigint bound
                let threshold = bigint (SoftmaxDraw.Threshold bound)
                Expect.equal threshold (BigInteger.Pow(2I, 64) % b) "2^64 mod bound"

                let ceiling (a: bigint) = (a + b - 1I) / b

                for u in
                    [
                        0I
                        1I
                        b / 2I
                        b - 1I
                        yield! List.init 50 (fun _ -> bigint (random.NextInt64()) % b)
                    ] do
                    if u >= 0I && u < b then
                        // Lanes that map to u; their low words rise by the bound, which is above the threshold.
                        let first = ceiling (u * BigInteger.Pow(2I, 64))
                        let next = ceiling ((u + 1I) * BigInteger.Pow(2I, 64))
                        let mutable low = 0UL

                        let high = SoftmaxDraw.Multiply(uint64 first, bound, &low)
                        Expect.equal (bigint high) u "the first lane"
                        Expect.equal (bigint low) (first * b % BigInteger.Pow(2I, 64)) "its low word"
                        let rejected = if bigint low < threshold then 1I else 0I
                        Expect.equal (next - first - rejected) (BigInteger.Pow(2I, 64) / b) "as many as any other"
        }
        test "a later try's lane is the first two words of its own block" {
            // So rare that no sample shows which words they are.
            let stream = DrawStream(9UL, 3u, 4u, 0u, DrawPurpose.Logits)

            for draw, attempt, counter in
                [
                    5u, 1u, 5u
                    5u, 255u, 5u
                    7u, 256u, 7u ||| 0x8000_0000u
                    7u, 300u, 7u ||| 0x8000_0000u
                ] do
                let block = stream.Block(counter, attempt % 256u)
                let lane = uint64 block.X0 ||| (uint64 block.X1 <<< 32)
                Expect.equal (SoftmaxDraw.Lane(&stream, draw, attempt)) lane $"draw {draw}, try {attempt}"
        }
    ]

// ---- rests of weights

/// A block of random bits from a number of 128 bits.
let private blockOf (bits: bigint) =
    let word i =
        uint32 ((bits >>> (96 - 32 * i)) &&& bigint UInt32.MaxValue)

    PhiloxBlock(word 0, word 1, word 2, word 3)

let private rests =
    [
        test "are accepted as often as they say: all numbers of few bits" {
            for shift in 0..11 do
                for rest in 0u .. (1u <<< shift) - 1u do
                    let accepted =
                        Seq.init (1 <<< shift) (fun number -> blockOf (bigint number <<< (128 - shift)))
                        |> Seq.filter (fun block -> SoftmaxDraw.Accepts(rest, shift, block))
                        |> Seq.length

                    if accepted <> int rest then
                        failtest $"{accepted} of {1 <<< shift} numbers are accepted, not {rest}"
        }
        test "are accepted below, and not from, their number of bits" {
            for shift in 1..128 do
                let filler = (1I <<< (128 - shift)) - 1I

                for rest in [ 1u; 2u; 3u; 12_345_678u; (1u <<< 28) + 1u; (1u <<< 29) - 1u ] do
                    if bigint rest < (1I <<< shift) then
                        for number, expected in
                            [
                                0I, true
                                bigint rest - 1I, true
                                bigint rest, false
                                bigint rest + 1I, false
                                (1I <<< shift) - 1I, false
                            ] do
                            if number < (1I <<< shift) then
                                let accepted =
                                    SoftmaxDraw.Accepts(rest, shift, blockOf ((number <<< (128 - shift)) + filler))

                                if accepted <> expected then
                                    failtest $"{number} of {shift} bits below {rest}: {accepted}"
        }
        test "and units make up the weight" {
            let random = Random 4

            for _ in 1..10_000 do
                let x = float32 (-88.0 * random.NextDouble())
                let mutable shift = 0
                let mantissa = SoftmaxWeight.Mantissa(x, SoftmaxScale 1.0, &shift)
                let units = bigint (SoftmaxWeight.Units(mantissa, shift))
                let rest = bigint (SoftmaxWeight.Rest(mantissa, shift))
                Expect.isLessThan rest (1I <<< shift) "less than one unit"
                Expect.equal ((units <<< shift) + rest) (bigint mantissa) "all of it"
        }
    ]

// ---- samples

let private matrix (rows: float32[] list) =
    LogitMatrix(memory (Array.concat rows), rows.Head.Length)

let private plain = SamplingRule()

let private streams = LogitStreams(0x123456789ABCDEFUL, 3u, 2u, 77u)

let private sampleWith (sampler: LogitSampler) rows (sizes: int[]) rule =
    sampler.Sample(matrix rows, memory sizes, rule, streams)

let private sample rows sizes rule =
    sampleWith (LogitSampler()) rows sizes rule

let private entries (counts: SampledCounts) =
    [
        for row in 0 .. counts.Rows - 1 -> Array.zip (counts.TokensOf(row).ToArray()) (counts.CountsOf(row).ToArray())
    ]

let private dense s (counts: SampledCounts) row =
    let values = Array.zeroCreate<int> s

    for token, count in (entries counts)[row] do
        values[token] <- count

    values

let private mixedRows =
    [
        normalRow 1 3000 2.0
        normalRow 2 3000 8.0
        Array.create 3000 0.0f
        Array.init 3000 (fun i -> if i % 3 = 0 then never else float32 (i % 7))
        Array.init 3000 (fun i -> if i = 2999 then 0.0f else never)
        Array.init 3000 (fun i -> if i = 0 then 0.0f else -25.0f)
        normalRow 7 3000 1.0
    ]

/// From one draw for 16 tokens on counts are taken another way.
let private mixedSizes = [| 4000; 1; 0; 5001; 17; 2048; 180 |]

let private rules =
    [
        plain
        SamplingRule 0.5
        SamplingRule(3.0, 40)
        SamplingRule(1.0, Nullable(), 0.8)
        SamplingRule(0.9, 500, 0.95)
    ]

let private sameAsReference =
    [
        for width in widths do
            test $"vectors of {width.Name} draw what the reference draws" {
                for rule in rules do
                    let expected =
                        ReferenceLogitSampler.Sample(matrix mixedRows, memory mixedSizes, rule, streams)

                    for threads in [ 1; 2; 5 ] do
                        Expect.equal
                            (entries (sampleWith (LogitSampler(threads, width.Width)) mixedRows mixedSizes rule))
                            (entries expected)
                            $"{threads} threads, {rule}"
            }
        test "the first integers of tokens are drawn as the reference draws them" {
            // One token takes most; a draw is the first integer of another once in 2^28 / 600,000.
            let row = Array.init 600_000 (fun i -> if i = 5 then 0.0f else -18.0f)
            let units = unitsOf row 1.0
            let firsts = Collections.Generic.HashSet<uint64>()
            let mutable sum = 0UL

            for token in ReferenceLogitSampler.Order row.Length do
                firsts.Add sum |> ignore
                sum <- sum + uint64 units[token]

            let bound = sum + uint64 row.Length

            let met =
                Seq.init 20_000 (fun d ->
                    let draws = streams.Draws 0
                    let mutable low = 0UL
                    SoftmaxDraw.Multiply(SoftmaxDraw.Lane(&draws, uint32 d, 0u), bound, &low))
                |> Seq.filter firsts.Contains
                |> Seq.length

            Expect.isGreaterThan met 10 "draws of a first integer"

            let expected =
                ReferenceLogitSampler.Sample(matrix [ row ], memory [| 20_000 |], plain, streams)

            for width in widths do
                let counts = sampleWith (LogitSampler(1, width.Width)) [ row ] [| 20_000 |] plain
                Expect.equal (entries counts) (entries expected) width.Name
        }
        test "the integer behind those of all tokens belongs to none" {
            // Found by search: of a row of one token, draw 249 of this stream is it.
            let streams = LogitStreams(0x123456789ABCDEFUL, 75_154u, 2u, 77u)
            let row = [| 0.0f |]
            let sum = unitsOf row 1.0 |> Array.sumBy uint64
            let draws = streams.Draws 0
            let mutable low = 0UL
            Expect.equal (SoftmaxDraw.Multiply(SoftmaxDraw.Lane(&draws, 249u, 0u), sum + 1UL, &low)) sum "met"

            let expected =
                ReferenceLogitSampler.Sample(matrix [ row ], memory [| 250 |], plain, streams)

            Expect.equal (entries expected) [ [| 0, 250 |] ] "the reference"

            for width in widths do
                let sampler = LogitSampler(1, width.Width)
                let counts = sampler.Sample(matrix [ row ], memory [| 250 |], plain, streams)
                Expect.equal (entries counts) (entries expected) width.Name
        }
        test "draws whose first try fails are drawn as the reference draws them" {
            // One token takes most; a try falls into a slot once in 2^28 / 600,000.
            let row = Array.init 600_000 (fun i -> if i = 5 then 0.0f else -22.0f)

            let expected =
                ReferenceLogitSampler.Sample(matrix [ row ], memory [| 20_000 |], plain, streams)

            let sum = unitsOf row 1.0 |> Array.sumBy uint64
            let bound = sum + uint64 row.Length

            let failed =
                Seq.init 20_000 (fun d ->
                    let draws = streams.Draws 0
                    let mutable low = 0UL
                    SoftmaxDraw.Multiply(SoftmaxDraw.Lane(&draws, uint32 d, 0u), bound, &low) >= sum)
                |> Seq.filter id
                |> Seq.length

            Expect.isGreaterThan failed 10 "first tries that fall into slots"

            for width in widths do
                let counts = sampleWith (LogitSampler(1, width.Width)) [ row ] [| 20_000 |] plain
                Expect.equal (entries counts) (entries expected) width.Name
        }
        test "a source that computes its rows is the matrix" {
            let computed =
                { new ILogitSource with
                    member _.Rows = mixedRows.Length
                    member _.Tokens = 3000

                    member _.Row(row, buffer) =
                        mixedRows[row].AsSpan().CopyTo buffer
                        Span<float32>.op_Implicit buffer
                }

            Expect.equal
                (entries (LogitSampler(2).Sample(computed, memory mixedSizes, plain, streams)))
                (entries (sample mixedRows mixedSizes plain))
                ""
        }
        test "a row does not depend on the others" {
            let all = entries (sample mixedRows mixedSizes plain)

            for row in 0 .. mixedRows.Length - 1 do
                let alone =
                    LogitSampler(1)
                        .Sample(
                            matrix [ mixedRows[row] ],
                            memory [| mixedSizes[row] |],
                            plain,
                            LogitStreams(streams.Seed, streams.Generation, streams.Segment, 77u + uint32 row)
                        )

                Expect.equal (entries alone) [ all[row] ] $"row {row}"
        }
        test "another seed, generation, segment or context draws otherwise" {
            let row = [ normalRow 9 3000 2.0 ]

            let one (s: LogitStreams) =
                entries (LogitSampler(1).Sample(matrix row, memory [| 500 |], plain, s))

            let different =
                [
                    streams
                    LogitStreams(streams.Seed + 1UL, 3u, 2u, 77u)
                    LogitStreams(streams.Seed, 4u, 2u, 77u)
                    LogitStreams(streams.Seed, 3u, 1u, 77u)
                    LogitStreams(streams.Seed, 3u, 2u, 78u)
                ]
                |> List.map one

            Expect.equal (List.length (List.distinct different)) 5 ""
        }
    ]

let private exactCases =
    [
        test "counts add up, tokens ascend, and what cannot be drawn is not" {
            for rule in rules do
                let counts = sample mixedRows mixedSizes rule
                Expect.equal counts.Rows mixedRows.Length "rows"

                for row in 0 .. counts.Rows - 1 do
                    let tokens = counts.TokensOf(row).ToArray()
                    Expect.equal (Seq.sum (counts.CountsOf(row).ToArray())) mixedSizes[row] "sum"
                    Expect.equal tokens (tokens |> Array.distinct |> Array.sort) "ascending"

                    for token in tokens do
                        Expect.isGreaterThan (mixedRows[row][token]) never "never drawn"
        }
        test "one token" {
            Expect.equal (entries (sample [ [| -1e4f |] ] [| 12 |] plain)) [ [| 0, 12 |] ] "s = 1"
            Expect.equal (entries (sample [ [| 1e4f |] ] [| 0 |] plain)) [ [||] ] "n = 0"
        }
        test "a row of which nothing is drawn is not read" {
            Expect.equal (entries (sample [ [| nanf |]; [| 0.0f |] ] [| 0; 2 |] plain)) [ [||]; [| 0, 2 |] ] ""
        }
        test "logits of 1e4 either way are those around 0" {
            // Multiples of 2^-8, so that the shift is exact.
            let row =
                normalRow 12 4000 3.0 |> Array.map (fun l -> MathF.Round(l * 256.0f) / 256.0f)

            let row = Array.append row [| never |]
            let expected = entries (sample [ row ] [| 10_000 |] plain)

            for shift in [ 1e4f; -1e4f ] do
                Expect.equal
                    (entries (sample [ row |> Array.map (fun l -> l + shift) ] [| 10_000 |] plain))
                    expected
                    $"{shift}"

            let spread = [| 1e4f; -1e4f; 1e4f; never |]
            let counts = dense 4 (sample [ spread ] [| 1000 |] plain) 0
            Expect.equal (counts[1], counts[3], counts[0] + counts[2]) (0, 0, 1000) "no weight overflows"
            let largest = [| Single.MaxValue; Single.MinValue; never; 0.0f |]
            Expect.equal (entries (sample [ largest ] [| 50 |] plain)) [ [| 0, 50 |] ] "the largest numbers"
        }
        test "a low temperature takes the largest logit, of equal ones each" {
            let row = [| 1.0f; 3.0f; 2.9999f; 3.0f; 0.0f |]
            let counts = dense 5 (sample [ row ] [| 1000 |] (SamplingRule 1e-6)) 0
            Expect.equal (counts[0], counts[2], counts[4]) (0, 0, 0) "only the largest"
            Expect.isTrue (counts[1] > 300 && counts[3] > 300) "both of them (alpha below 1e-30)"
        }
        test "sparse rows of any length come out" {
            // Words of seen tokens with none, one and all of their bits.
            let row = Array.init 1000 (fun i -> if i < 256 || i = 900 then 0.0f else never)
            let counts = dense 1000 (sample [ row ] [| 100_000 |] plain) 0
            Expect.equal (counts |> Array.filter (fun c -> c > 0) |> Array.length) 257 "all of them"
            Expect.equal (Array.sum counts) 100_000 "sum"
        }
    ]

let private selections =
    [
        test "top-k, then top-p on what is left" {
            let row = Array.map MathF.Log [| 0.125f; 0.5f; 0.125f; 0.25f |]

            for rule, expected in
                [
                    SamplingRule(1.0, 1), [ 1 ]
                    SamplingRule(1.0, 2), [ 1; 3 ]
                    SamplingRule(1.0, 3), [ 0; 1; 3 ]
                    SamplingRule(1.0, 4), [ 0; 1; 2; 3 ]
                    SamplingRule(1.0, 99), [ 0; 1; 2; 3 ]
                    SamplingRule(1.0, Nullable(), 1e-300), [ 1 ]
                    SamplingRule(1.0, Nullable(), 0.49), [ 1 ]
                    SamplingRule(1.0, Nullable(), 0.51), [ 1; 3 ]
                    SamplingRule(1.0, Nullable(), 0.74), [ 1; 3 ]
                    SamplingRule(1.0, Nullable(), 0.76), [ 0; 1; 3 ]
                    SamplingRule(1.0, Nullable(), 0.88), [ 0; 1; 2; 3 ]
                    SamplingRule(1.0, 2, 0.66), [ 1 ]
                    SamplingRule(1.0, 2, 0.67), [ 1; 3 ]
                    // Squares of the probabilities: 16 / 22 and 20 / 22.
                    SamplingRule(0.5, Nullable(), 0.72), [ 1 ]
                    SamplingRule(0.5, Nullable(), 0.73), [ 1; 3 ]
                    SamplingRule(0.5, Nullable(), 0.92), [ 0; 1; 3 ]
                ] do
                for width in widths do
                    Expect.equal (List.ofArray (width.Select row rule)) expected $"{rule}, {width.Name}"

                Expect.equal (List.ofArray (ReferenceLogitSampler.Kept(row, rule))) expected $"{rule}, reference"
        }
        test "zeros of both signs tie" {
            let row = [| -0.0f; 0.0f; -0.0f; 0.0f |]

            for width in widths do
                Expect.equal (width.Select row (SamplingRule(1.0, 3))) [| 0; 1; 2 |] width.Name
        }
        test "top-k beyond the finite logits keeps those" {
            let row = [| never; 0.0f; never; -1.0f; never |]

            for width in widths do
                Expect.equal (width.Select row (SamplingRule(1.0, 3))) [| 1; 3 |] width.Name
                Expect.equal (width.Select row (SamplingRule(1.0, Nullable(), 0.999))) [| 1; 3 |] width.Name
        }
        for width in widths do
            test $"keep what a sort keeps, {width.Name}" {
                let random = Random 21

                for trial in 1..150 do
                    let s = [| 1; 5; 17; 100; 1000; 5000 |][random.Next 6]
                    let grid = [| 1.0; 4.0; 1e6 |][random.Next 3]
                    let deviation = [| 0.1; 3.0; 12.0 |][random.Next 3]

                    let row =
                        normalRow trial s deviation
                        |> Array.map (fun l ->
                            if random.Next 10 = 0 && s > 1 then
                                never
                            else
                                float32 (round (float l * grid) / grid))

                    row[random.Next s] <- 0.0f

                    let k =
                        if random.Next 2 = 0 then
                            Nullable()
                        else
                            Nullable(1 + random.Next(2 * s))

                    let p =
                        [| 1.0; 0.999999; 0.9; 0.5; 0.1; random.NextDouble() + 1e-9 |][random.Next 6]

                    let rule = SamplingRule([| 0.3; 1.0; 2.0 |][random.Next 3], k, min p 1.0)

                    let expected =
                        if rule.TopP = 1.0 && (not k.HasValue || k.Value >= s) then
                            [| 0 .. s - 1 |]
                        else
                            ReferenceLogitSampler.Kept(row, rule)

                    Expect.equal (width.Select row rule) expected $"trial {trial}: {s} tokens, {rule}"
            }
    ]

// ---- frequencies

/// Whether counts are what probabilities give: Pearson's chi-squared, bins of at least 100 expected.
let private frequencyVerdict (expected: float[]) (counts: int64[]) =
    let n = float (Array.sum counts)
    Expect.isGreaterThanOrEqual (Array.min expected * n) 100.0 "enough for chi-squared"

    let statistic =
        Array.map2 (fun p k -> (float k - p * n) ** 2.0 / (p * n)) expected counts
        |> Array.sum

    let limit = ChiSquared.InvCDF(float (counts.Length - 1), 1.0 - alpha)

    if statistic <= limit then
        None
    else
        Some $"chi-squared {statistic:F1}, beyond {limit:F1} (alpha {alpha})"

/// Softmax in double precision.
let private softmax (row: float32[]) =
    let largest = float (Array.max row)
    let w = row |> Array.map (fun l -> exp (float l - largest))
    let sum = Array.sum w
    w |> Array.map (fun x -> x / sum)

/// Sums over bins, one for each token.
let inline private pooled bins (bin: int[]) (values: 'a[]) =
    let sums = Array.zeroCreate bins
    Array.iteri (fun i v -> sums[bin[i]] <- sums[bin[i]] + v) values
    sums

/// 200,000 tokens of a normal law, every other one of them of probability 1e-9; in bins of the rare ones, in their
/// order, and of the others, in theirs.
let private rareRow =
    let row = normalRow 31 200_000 2.5

    let sum =
        row
        |> Array.mapi (fun i l -> if i % 2 = 0 then exp (float l) else 0.0)
        |> Array.sum

    let rare = float32 (log (1e-9 * sum))
    row |> Array.mapi (fun i l -> if i % 2 = 0 then l else rare)

let private rareBins =
    Array.init rareRow.Length (fun i -> if i % 2 = 0 then 10 + i / 2_000 else i / 20_000)

let private rareDraws = 20_000_000

let private frequencies =
    [
        test $"are softmax, 200,000 tokens, half of them of 1e-9, {rareDraws} draws" {
            let p = softmax rareRow
            Expect.isTrue (abs (p[1] - 1e-9) < 1e-12) "1e-9"
            let counts = dense rareRow.Length (sample [ rareRow ] [| rareDraws |] plain) 0
            let expected = pooled 110 rareBins p

            let verdict =
                frequencyVerdict expected (pooled 110 rareBins (Array.map int64 counts))

            Expect.equal verdict None "about 2,000 draws are rare tokens"
        }
        test "by cumulative sums in single precision are rejected" {
            let map = floatMap rareRow
            let random = Random 41
            let counts = Array.zeroCreate<int64> 110

            for _ in 1..rareDraws do
                let bin = rareBins[map (float32 (random.Next(1 <<< 24)) / 16777216.0f)]
                counts[bin] <- counts[bin] + 1L

            Expect.isSome (frequencyVerdict (pooled 110 rareBins (softmax rareRow)) counts) "as many programs draw"
        }
        test "at a temperature are softmax of the quotient" {
            let row = normalRow 32 300 2.0

            for temperature in [ 0.6; 1.7; 1e6 ] do
                let p = softmax (row |> Array.map (fun l -> float32 (float l / temperature)))
                let bin = Array.init 300 (fun i -> i / 30)

                let verdict rule =
                    let counts = dense 300 (sample [ row ] [| 300_000 |] rule) 0
                    frequencyVerdict (pooled 10 bin p) (pooled 10 bin (Array.map int64 counts))

                Expect.equal (verdict (SamplingRule temperature)) None $"T = {temperature}"
                Expect.isSome (verdict (SamplingRule(temperature / 1.2 |> min 5.0))) "another temperature is rejected"
        }
        test "after top-k are the renormalised law" {
            let row = normalRow 33 5000 1.0
            let kept = ReferenceLogitSampler.Kept(row, SamplingRule(1.0, 40))
            let p = softmax (kept |> Array.map (fun i -> row[i]))
            let counts = dense 5000 (sample [ row ] [| 100_000 |] (SamplingRule(1.0, 40))) 0
            let ofKept = kept |> Array.map (fun i -> int64 counts[i])
            Expect.equal (Array.sum ofKept) 100_000L "nothing else"
            Expect.equal (frequencyVerdict p ofKept) None "renormalised"
            Expect.isSome (frequencyVerdict (Array.create 40 (1.0 / 40.0)) ofKept) "a uniform law is rejected"
        }
        test "of more than 2^24 tokens are right where rests decide" {
            // Weights of 2^-30 are less than a unit: every one of them is drawn through its slot.
            let s = (1 <<< 24) + 5_000_000
            let row = Array.create s (float32 (-30.0 * log 2.0))
            row[s / 2] <- 0.0f

            let counts =
                LogitSampler(1).Sample(LogitMatrix(memory row, s), memory [| 1_000_000 |], plain, streams)

            let bins = 20

            let binOf token =
                int (int64 token * int64 bins / int64 s)

            let tail = exp (float row[0])
            let total = 1.0 + float (s - 1) * tail
            let found = Array.zeroCreate<int64>(bins + 1)

            for token, count in entries counts |> List.head do
                let bin = if token = s / 2 then bins else binOf token
                found[bin] <- found[bin] + int64 count

            let expected =
                [|
                    yield! Array.create bins (float (s - 1) / float bins * tail / total)
                    1.0 / total
                |]

            Expect.equal (frequencyVerdict expected found) None "about 19,900 rare draws"
            let lost = found |> Array.mapi (fun i k -> if i > 15 && i < bins then 0L else k)
            Expect.isSome (frequencyVerdict expected lost) "a cap at 2^24 is rejected"
        }
    ]

// ---- bad input

let private refused message (f: unit -> SampledCounts) =
    let found =
        try
            f () |> ignore
            "nothing"
        with :? InvalidInputException as e ->
            e.Message

    Expect.equal found message ""

let private badInput =
    [
        for bits, text in
            [
                0x7FC00000, "NaN"
                0xFFC00000, "NaN"
                0x7F800001, "NaN"
                0x7F800000, "Infinity"
            ] do
            test $"a logit of bits {bits:X}" {
                for width in widths do
                    for threads in [ 1; 3 ] do
                        for s in [ 3; 40; 3000 ] do
                            for token in [ 0; s / 2; s - 1 ] do
                                let good = normalRow 1 s 1.0
                                let bad = Array.copy good
                                bad[token] <- BitConverter.Int32BitsToSingle bits
                                bad[s - 1] <- bad[token]

                                refused
                                    $"logits {text}: row 2, token {token} must be finite, or minus infinity for a token that is never drawn; mend that logit; a refit that diverged gives such numbers"
                                    (fun () ->
                                        sampleWith
                                            (LogitSampler(threads, width.Width))
                                            [ good; good; bad; good; bad ]
                                            [| 3; 3; 3; 3; 3 |]
                                            plain)
            }
        test "a row of minus infinities" {
            refused
                "logits -Infinity: row 1 must have a finite logit, and every one is minus infinity; give at least one token a finite logit, or draw nothing from that row"
                (fun () -> sample [ [| 0.0f; 0.0f |]; [| never; never |] ] [| 1; 1 |] plain)
        }
        test "a sampler that refused goes on to work" {
            let sampler = LogitSampler 2

            Expect.throws
                (fun () ->
                    sampleWith sampler [ mixedRows[0]; Array.create 3000 nanf ] [| 9; 9 |] plain
                    |> ignore)
                "refused"

            Expect.equal
                (entries (sampleWith sampler mixedRows mixedSizes plain))
                (entries (sample mixedRows mixedSizes plain))
                "as a new one"
        }
        for temperature, text in [ 0.0, "0"; -1.0, "-1"; nan, "NaN"; 1e-7, "1E-07"; 2e6, "2000000" ] do
            test $"temperature {text}" {
                refused
                    $"--temperature {text}: must lie in 1E-06 to 1000000; choose the temperature T; --top-k 1 always takes the most probable token"
                    (fun () -> sample [ [| 0.0f |] ] [| 1 |] (SamplingRule temperature))
            }
        test "top-k 0" {
            refused
                "--top-k 0: must be at least 1; choose how many tokens are kept, or leave it out to keep all"
                (fun () -> sample [ [| 0.0f |] ] [| 1 |] (SamplingRule(1.0, 0)))
        }
        for p, text in [ 0.0, "0"; 1.1, "1.1"; nan, "NaN" ] do
            test $"top-p {text}" {
                refused
                    $"--top-p {text}: must be above 0 and at most 1; choose the mass that is kept, or leave it out to keep all"
                    (fun () -> sample [ [| 0.0f |] ] [| 1 |] (SamplingRule(1.0, Nullable(), p)))
            }
        test "sample sizes" {
            refused
                "--samples (1 sizes): there must be one for each of the 2 rows of logits; give every row its sample size, 0 for none"
                (fun () -> sample [ [| 0.0f |]; [| 0.0f |] ] [| 1 |] plain)

            refused
                "--samples -4: row 1 must have a size in 0 to 2,147,483,647; choose the number of tokens drawn from that row"
                (fun () -> sample [ [| 0.0f |]; [| 0.0f |] ] [| 1; -4 |] plain)
        }
        test "rows of different lengths" {
            refused
                "tokens 2: must divide the 5 logits into whole rows; give every row as many logits as there are tokens"
                (fun () ->
                    LogitSampler().Sample(LogitMatrix(memory (Array.zeroCreate 5), 2), memory [||], plain, streams))
        }
    ]

// ---- devices

/// An OpenCL device, or the reason why there is none.
let private onOpenCl (action: Accelerator -> unit) =
    match
        EngineCatalog.List()
        |> Seq.tryFind (fun engine -> engine.Name = "opencl:0" && engine.Usable)
    with
    | None -> skiptest "no OpenCL device"
    | Some _ ->
        use context = Context.Create(fun builder -> builder.OpenCL(fun _ -> true) |> ignore)
        SoftmaxFma.Register context
        let device = context.Devices |> Seq.find (fun device -> device :? CLDevice)
        use accelerator = device.CreateAccelerator context
        action accelerator

let private devices =
    [
        test "OpenCL draws what the vectors draw" {
            onOpenCl (fun accelerator ->
                let sampler = DeviceLogitSampler accelerator

                for temperature in [ 1.0; 0.5; 1e-6; 1e6 ] do
                    for rows, sizes in
                        [
                            mixedRows, mixedSizes
                            [ [| 3.0f |] ], [| 5 |]
                            [ normalRow 3 70_001 3.0; normalRow 4 70_001 0.5 ], [| 3000; 10_000 |]
                            // Slots: of 20,000 draws about 40 take a second try.
                            [ Array.init 600_000 (fun i -> if i = 5 then 0.0f else -22.0f) ], [| 20_000 |]
                        ] do
                        Expect.equal
                            (entries (sampler.Sample(matrix rows, memory sizes, temperature, streams)))
                            (entries (sample rows sizes (SamplingRule temperature)))
                            $"T = {temperature}, {rows.Head.Length} tokens"

                for bits, text in [ 0x7FC00000, "NaN"; 0xFFC00000, "NaN"; 0x7F800000, "Infinity" ] do
                    let value = BitConverter.Int32BitsToSingle bits

                    refused
                        $"logits {text}: row 1, token 2 must be finite, or minus infinity for a token that is never drawn; mend that logit; a refit that diverged gives such numbers"
                        (fun () ->
                            sampler.Sample(
                                matrix [ Array.zeroCreate 5; [| 0.0f; 1.0f; value; 0.0f; value |] ],
                                memory [| 1; 1 |],
                                1.0,
                                streams
                            ))

                refused
                    "logits -Infinity: row 0 must have a finite logit, and every one is minus infinity; give at least one token a finite logit, or draw nothing from that row"
                    (fun () -> sampler.Sample(matrix [ [| never |] ], memory [| 1 |], 1.0, streams)))
        }
    ]

[<Tests>]
let tests =
    testList
        "sampling from logits"
        [
            testList "weights" weights
            testList "the map" maps
            testList "rests" rests
            testList "engines" sameAsReference
            testList "exact cases" exactCases
            testList "selection" selections
            testList "frequencies" frequencies
            testList "bad input" badInput
            testList "devices" devices
        ]
