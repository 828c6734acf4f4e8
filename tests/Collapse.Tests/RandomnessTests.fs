/// Random bits, and every map from them to numbers: Philox, uniform indices, draws from a truth.
module Collapse.Tests.RandomnessTests

#nowarn "3391" // arrays convert to spans

open System
open System.IO
open System.Numerics
open Expecto
open FsCheck.FSharp
open ILGPU
open ILGPU.Runtime
open ILGPU.Runtime.CPU
open ILGPU.Runtime.Cuda
open ILGPU.Runtime.OpenCL
open Collapse.Engines
open Collapse.Engines.Cpu
open Collapse.Kernels
open Collapse.Model
open Collapse.Priors
open Collapse.Tests

// ---- Philox4x32-10

type private KnownAnswer =
    {
        Counter: uint32[]
        Key: uint32[]
        Words: uint32[]
    }

let private knownAnswers =
    [
        for line in File.ReadLines(Path.Combine(AppContext.BaseDirectory, "data", "philox4x32-10.kat")) do
            if not (line.StartsWith '#') then
                let words = line.Split ' ' |> Array.map (fun word -> Convert.ToUInt32(word, 16))

                {
                    Counter = words[..3]
                    Key = words[4..5]
                    Words = words[6..]
                }
    ]

let private words (block: PhiloxBlock) =
    [| block.X0; block.X1; block.X2; block.X3 |]

let private generate (counter: uint32[]) (key: uint32[]) =
    words (Philox.Generate(counter[0], counter[1], counter[2], counter[3], key[0], key[1]))

/// The lanes of one vector width, behind functions of one type.
type private Lanes =
    {
        Name: string
        Fill: DrawStream -> int -> uint64[]
        Indices: DrawStream -> uint32 -> int -> uint64[]
        WordIndices: DrawStream -> uint32 -> int -> uint64[]
        /// For all 65,536 lanes under a bound: the indices, and which are rejected.
        MapEveryHalfWord: uint32 -> uint16[] * bool[]
        /// The same for these words.
        MapWords: uint32[] -> uint32 -> uint32[] * bool[]
    }

let private lanesOf<'T when 'T: unmanaged and 'T :> IPhiloxLanes<'T>> name =
    let room lanes =
        Array.zeroCreate<uint64>(lanes + RandomLanes<'T>.Padding)

    let lanes (stream: DrawStream) =
        RandomLanes<'T>(uint64 stream.Key0 ||| (uint64 stream.Key1 <<< 32))

    {
        Name = name
        Fill =
            fun stream blocks ->
                let buffer = room (2 * blocks)
                (lanes stream).Fill(&stream, blocks, Span buffer)
                buffer
        Indices =
            fun stream bound count ->
                let buffer = room ((count + 1) / 2)
                (lanes stream).FillIndices(&stream, bound, count, Span buffer)
                buffer
        WordIndices =
            fun stream bound count ->
                let buffer = room ((count + 1) / 2)
                (lanes stream).FillWordIndices(&stream, bound, count, Span buffer)
                buffer
        MapEveryHalfWord =
            fun bound ->
                let lanes = Array.init 0x10000 uint16
                let rejected = Array.zeroCreate<bool> lanes.Length
                let length = 4 * 'T.Blocks
                let list = Array.zeroCreate<uint16> length
                let threshold = uint16 (UniformIndex.Threshold16 bound)

                for i in 0..length .. lanes.Length - 1 do
                    let count = 'T.MapHalfWords(&lanes[i], uint16 bound, threshold, uint16 i, &list[0])

                    for j in 0 .. count - 1 do
                        rejected[int list[j]] <- true

                lanes, rejected
        MapWords =
            fun words bound ->
                let length = 2 * 'T.Blocks
                let lanes = Array.append words (Array.zeroCreate (length - words.Length % length))
                let rejected = Array.zeroCreate<bool> lanes.Length

                for i in 0..length .. lanes.Length - 1 do
                    let mask = 'T.MapWords(&lanes[i], bound, UniformIndex.Threshold32 bound)

                    for j in 0 .. length - 1 do
                        rejected[i + j] <- (mask >>> j) &&& 1UL = 1UL

                lanes, rejected
    }

let private widths =
    [
        for width in CpuEngine.Widths do
            match width with
            | VectorWidth.Bits512 -> lanesOf<Lanes512> "512 bits"
            | VectorWidth.Bits256 -> lanesOf<Lanes256> "256 bits"
            | _ -> lanesOf<Lanes128> "128 bits"
    ]

let private word (lanes: uint64[]) i =
    uint32 (lanes[i / 2] >>> (32 * (i % 2)))

let private half (lanes: uint64[]) i =
    uint32 (lanes[i / 4] >>> (16 * (i % 4))) &&& 0xFFFFu

let private purposes =
    [
        DrawPurpose.Truth
        DrawPurpose.Index
        DrawPurpose.MixtureSource
        DrawPurpose.MixtureIndex
        DrawPurpose.Prior
        DrawPurpose.Embedding
        DrawPurpose.Counts
    ]

let private streams =
    let random = Random 7

    [
        for i in 1..12 ->
            DrawStream(
                uint64 (random.NextInt64()) <<< (i % 2),
                uint32 (random.NextInt64(1L <<< 32)),
                uint32 (random.NextInt64(1L <<< 32)),
                uint32 (random.Next DrawStream.MaxSegments),
                purposes[i % purposes.Length]
            )
    ]

/// The words that a kernel of one device computes from the known counters and keys.
let private probe (context: Context) (device: Device) =
    use accelerator = device.CreateAccelerator context

    let kernel =
        accelerator.LoadAutoGroupedStreamKernel<Index1D, ArrayView<uint32>, ArrayView<uint32>>(
            Action<_, _, _>(fun index inputs outputs -> PhiloxProbeKernel.Generate(index, inputs, outputs))
        )

    let inputs =
        knownAnswers
        |> List.map (fun known -> Array.append known.Counter known.Key)
        |> Array.concat

    use source = accelerator.Allocate1D inputs

    use target =
        accelerator.Allocate1D<uint32>(int64 (knownAnswers.Length * PhiloxProbeKernel.OutputWords))

    kernel.Invoke(Index1D knownAnswers.Length, source.View, target.View)
    accelerator.Synchronize()
    // ILGPU frees a kernel that nothing holds, even while its launcher is at work.
    GC.KeepAlive kernel
    target.GetAsArray1D()

/// Runs the probe on a device of a kind; the reason why not, where there is none.
let private probeOn (kind: string) =
    match
        EngineCatalog.List()
        |> Seq.tryFind (fun engine -> engine.Name = $"{kind}:0" && engine.Usable)
    with
    | None ->
        let reasons =
            [
                for engine in EngineCatalog.List() do
                    if engine.Name.StartsWith kind then
                        engine.Reason
            ]

        Error(String.Join("; ", reasons))
    | Some _ ->
        use context = EngineCatalog.CreateContext()

        let device =
            context.Devices
            |> Seq.find (fun device ->
                if kind = "cuda" then
                    device :? CudaDevice
                else
                    device :? CLDevice)

        Ok(probe context device)

let private philoxTests =
    [
        test "has its three known answers" {
            Expect.hasLength knownAnswers 3 "all are read"

            for known in knownAnswers do
                Expect.equal (generate known.Counter known.Key) known.Words ""
        }
        test "serves each purpose under its documented number" {
            // Read at run time: a constant of the source is the one that the compiler saw.
            Expect.equal
                [
                    for field in typeof<DrawPurpose>.GetFields() |> Array.sortBy _.MetadataToken ->
                        field.Name, unbox<uint32>(field.GetRawConstantValue())
                ]
                [
                    "Truth", 1u
                    "Index", 2u
                    "MixtureSource", 3u
                    "MixtureIndex", 4u
                    "Prior", 5u
                    "Logits", 6u
                    "LogitRest", 7u
                    "Embedding", 8u
                    "Counts", 9u
                ]
                ""
        }
        test "stands at the documented address" {
            for known in knownAnswers do
                let c, k = known.Counter, known.Key

                let stream =
                    DrawStream(
                        uint64 k[0] ||| (uint64 k[1] <<< 32),
                        c[2],
                        c[1],
                        (c[3] >>> 4) &&& 0xFFFFFu,
                        c[3] &&& 0xFu
                    )

                Expect.equal (words (stream.Block(c[0], c[3] >>> 24))) known.Words "word by word"
        }
        for lanes in widths do
            test $"is the same in vectors of {lanes.Name}" {
                // A vector starts at block 0, so of the known answers only the first can be met in place...
                let zero = lanes.Fill (DrawStream(0UL, 0u, 0u, 0u, 0u)) 1
                Expect.equal [| for i in 0..3 -> word zero i |] knownAnswers[0].Words "the first known answer"

                // ... and the two others through the scalar code, which has them, at the same key and words 1 to 3.
                for known in knownAnswers do
                    let c, k = known.Counter, known.Key

                    let stream =
                        DrawStream(uint64 k[0] ||| (uint64 k[1] <<< 32), c[2], c[1], c[3] >>> 4, c[3] &&& 0xFu)

                    for blocks in [ 1; 2; 7; 8; 9; 443 ] do
                        let filled = lanes.Fill stream blocks

                        for b in 0 .. blocks - 1 do
                            let expected = generate [| uint32 b; c[1]; c[2]; c[3] |] k
                            Expect.equal [| for i in 0..3 -> word filled (4 * b + i) |] expected $"block {b}"
            }
        test "has its known answers in a kernel in ILGPU's accelerator on the CPU" {
            use context = Context.Create(fun builder -> builder.CPU() |> ignore)

            Expect.equal (probe context (context.GetCPUDevice 0)) (knownAnswers |> List.map _.Words |> Array.concat) ""
        }
        for kind in [ "opencl"; "cuda" ] do
            test $"has its known answers in a kernel on {kind}" {
                match probeOn kind with
                | Ok found ->
                    let expected = knownAnswers |> List.map _.Words |> Array.concat
                    Expect.equal found expected ""
                | Error reason -> skiptest reason
            }
    ]

// ---- uniform indices

let private bounds =
    [
        1u
        2u
        3u
        10u
        100u
        // 3·2^k: lane times bound is a multiple of 2^k, and now and then exactly the threshold.
        384u
        443u
        655u
        656u
        1000u
        4095u
        4096u
        65535u
        65536u
        65537u
        1_000_003u
        0x40000001u
        0x60000000u
        0x7FFFFFFFu
    ]

/// For how many 16-bit lanes each index stands, the rejected ones left out.
let private shares map (bound: uint32) =
    let share = Array.zeroCreate<int>(int bound)

    for lane in 0u .. 0xFFFFu do
        match map lane bound with
        | ValueSome index -> share[int index] <- share[int index] + 1
        | ValueNone -> ()

    share

let private multiplyShift (lane: uint32) (bound: uint32) =
    let product = lane * bound

    if product &&& 0xFFFFu >= UniformIndex.Threshold16 bound then
        ValueSome(product >>> 16)
    else
        ValueNone

let private isUniform map bound =
    shares map bound |> Array.forall ((=) (0x10000 / int bound))

let private halfWordBounds =
    [
        for bound in 1u .. 70_000u do
            if UniformIndex.UsesHalfWords bound then
                bound
    ]

let private uniformTests =
    [
        test "half words are used where at most 655 of 65,536 lanes are lost" {
            for bound in 1u .. 70_000u do
                let lost = if bound > 0x10000u then 0x10000u else 0x10000u % bound
                Expect.equal (UniformIndex.UsesHalfWords bound) (lost <= 655u) $"bound {bound}"

            Expect.isFalse (UniformIndex.UsesHalfWords 0x7FFFFFFFu) "not beyond"
        }
        test "every index has exactly as many 16-bit lanes as any other" {
            Expect.isGreaterThan halfWordBounds.Length 1_000 "many bounds"

            for bound in halfWordBounds do
                Expect.isTrue (isUniform multiplyShift bound) $"bound {bound}"
        }
        test "modulo, a lost last index and missing rejection are not uniform" {
            let modulo (lane: uint32) bound = ValueSome(lane % bound)

            let lastIndexLost (lane: uint32) bound =
                multiplyShift lane (max 1u (bound - 1u))

            let noRejection (lane: uint32) bound = ValueSome((lane * bound) >>> 16)

            for bound in [ 3u; 10u; 100u; 443u; 655u ] |> List.filter UniformIndex.UsesHalfWords do
                for defect in [ modulo; lastIndexLost; noRejection ] do
                    Expect.isFalse (isUniform defect bound) $"bound {bound}"
        }
        test "the plain draw takes the lanes in order" {
            let stream = streams[0]

            for bound in [ 100u; 384u; 655u; 65535u; 65536u ] do
                Expect.isTrue (UniformIndex.UsesHalfWords bound) "half words"

                for draw in 0u .. 999u do
                    let block = words (stream.Block(draw / 8u, 0u))
                    let lane = block[int (draw % 8u / 2u)] >>> (16 * int (draw % 2u)) &&& 0xFFFFu

                    match multiplyShift lane bound with
                    | ValueSome index -> Expect.equal (UniformIndex.Draw(&stream, draw, bound)) index "accepted"
                    | ValueNone ->
                        Expect.equal
                            (UniformIndex.Draw(&stream, draw, bound))
                            (UniformIndex.Redraw(&stream, draw, bound))
                            "rejected"

            for bound in [ 65537u; 1_000_003u; 0x40000001u; 0x60000000u; 0x7FFFFFFFu ] do
                for draw in 0u .. 999u do
                    let lane = (words (stream.Block(draw / 4u, 0u)))[int (draw % 4u)]
                    let product = uint64 lane * uint64 bound
                    let rejected = product % (1UL <<< 32) < (1UL <<< 32) % uint64 bound

                    let expected =
                        if rejected then
                            UniformIndex.Redraw(&stream, draw, bound)
                        else
                            uint32 (product >>> 32)

                    Expect.equal (UniformIndex.Draw(&stream, draw, bound)) expected "32-bit lane"
        }
        test "a redraw lies below its bound and takes the first accepted word of its own blocks" {
            for stream in streams do
                for bound in bounds do
                    for draw in [ 0u; 1u; 5u; 0xFFFFFFFFu ] do
                        let accepted =
                            seq {
                                for attempt in 1u .. 255u do
                                    for word in words (stream.Block(draw, attempt)) do
                                        let product = uint64 word * uint64 bound

                                        if product % (1UL <<< 32) >= (1UL <<< 32) % uint64 bound then
                                            uint32 (product >>> 32)
                            }

                        let index = UniformIndex.Redraw(&stream, draw, bound)
                        Expect.isLessThan index bound "in range"
                        Expect.equal index (Seq.head accepted) "the first accepted one"
        }
        for lanes in widths do
            test $"vectors of {lanes.Name} map every 16-bit word under every bound" {
                for bound in halfWordBounds do
                    if bound < 0x10000u then
                        let found, rejected = lanes.MapEveryHalfWord bound

                        for lane in 0u .. 0xFFFFu do
                            match multiplyShift lane bound with
                            | ValueSome index ->
                                if rejected[int lane] || uint32 found[int lane] <> index then
                                    failtest $"lane {lane} below {bound}"
                            | ValueNone ->
                                if not rejected[int lane] then
                                    failtest $"lane {lane} below {bound} is not rejected"
            }

            test $"vectors of {lanes.Name} map the 32-bit words at both ends of each index" {
                for bound in bounds do
                    // The first and the last words of the first, some middle and the last indices, and the neighbours.
                    let edges =
                        [|
                            for index in List.distinct [ 0u; 1u; bound / 3u; bound / 2u; bound - 1u; bound ] do
                                let first = ((uint64 index <<< 32) + uint64 bound - 1UL) / uint64 bound

                                for word in [ first - 2UL; first - 1UL; first; first + 1UL; first + 2UL ] do
                                    uint32 word
                        |]

                    let found, rejected = lanes.MapWords edges bound

                    for i, word in Array.indexed edges do
                        let product = uint64 word * uint64 bound
                        let isRejected = product % (1UL <<< 32) < (1UL <<< 32) % uint64 bound
                        Expect.equal rejected[i] isRejected $"word {word} below {bound}"
                        Expect.equal found[i] (uint32 (product >>> 32)) $"word {word} below {bound}"
            }

            test $"vectors of {lanes.Name} give the same indices" {
                for i, stream in List.indexed streams do
                    for count in [ 0; 1; 3; 31; 33; 443; (if i = 0 then 10_000 else 1_001) ] do
                        for bound in bounds do
                            let found = lanes.Indices stream bound count
                            let at = if UniformIndex.UsesHalfWords bound then half else word

                            for d in 0 .. count - 1 do
                                let expected = UniformIndex.Draw(&stream, uint32 d, bound)

                                if at found d <> expected then
                                    failtest $"draw {d} of {count} below {bound}: {at found d}, not {expected}"

                            let found = lanes.WordIndices stream bound count

                            for d in 0 .. count - 1 do
                                let expected = UniformIndex.DrawWord(&stream, uint32 d, bound)

                                if word found d <> expected then
                                    failtest $"word {d} of {count} below {bound}: {word found d}, not {expected}"
            }

            test $"vectors of {lanes.Name} give the same 64-bit lanes" {
                for stream in streams do
                    for count in [ 1; 2; 443; 10_000 ] do
                        let found = lanes.Fill stream ((count + 1) / 2)

                        for d in 0 .. count - 1 do
                            if found[d] <> TruthDraw.Lane(&stream, uint32 d) then
                                failtest $"lane {d} of {count}"
            }
    ]

// ---- draws from an explicit truth

/// The integer weight that the columns really give each token: places from 2^64 mod s up to the threshold are
/// the column's own, one in s of them for each accepted lane.
let private weightsOf (table: TruthTable) =
    let s = bigint table.Columns
    let perColumn = BigInteger.Pow(2I, 64) / s
    let rejected = BigInteger.Pow(2I, 64) % s
    let weights = Array.create table.Columns 0I

    for i in 0 .. table.Columns - 1 do
        let own =
            if table.Aliases[i] = i then
                perColumn
            else
                let places = bigint table.Thresholds[i] - rejected
                Expect.equal (places % s) 0I "a threshold stands between two accepted lanes"
                places / s

        weights[i] <- weights[i] + own
        weights[table.Aliases[i]] <- weights[table.Aliases[i]] + perColumn - own

    weights

/// The weights that miss their law. The relative error of a weight is at most (s + 2)·2^-53 from adding up s
/// probabilities and from the division, and two units; the largest weight takes what the others leave, at most s
/// times as much.
let private missed (probabilities: float[]) (weights: bigint[]) =
    let s = probabilities.Length
    let total = float (Array.sum weights)
    let sum = probabilities |> Array.sort |> Array.sum
    let largest = Array.max weights

    [
        for i in 0 .. s - 1 do
            let exact = probabilities[i] / sum * total
            let error = abs (float weights[i] - exact)
            let allowed = 2.0 + float (s + 2) * 2.0 ** -53.0 * exact

            if error > (if weights[i] = largest then float s * allowed else allowed) then
                $"weight {i} is {weights[i]}, the law says {exact}"
            elif (probabilities[i] > 0.0) <> (weights[i] > 0I) then
                $"weight {i} is {weights[i]}, the probability {probabilities[i]}"
    ]

/// The columns give exactly the weights, and these are the law.
let private checkTable (probabilities: float[]) =
    let table = TruthTable.Create probabilities
    let weights = [| for w in table.Weights -> BigInteger.Parse(string w) |]
    let perColumn = BigInteger.Pow(2I, 64) / bigint probabilities.Length

    Expect.equal
        (Array.sum weights)
        (bigint probabilities.Length * perColumn)
        "the weights add up to s times the units of a column"

    Expect.sequenceEqual (weightsOf table) weights "the columns give exactly the weights"
    Expect.equal table.Support (probabilities |> Array.filter (fun p -> p > 0.0) |> Array.length) "support"
    Expect.isEmpty (missed probabilities weights) "the weights are the law"

type private WeightGenerators =
    static member Weights() =
        gen {
            let! s = Gen.elements [ 1; 2; 3; 52; 1000 ]

            let weight =
                Gen.frequency
                    [
                        1, Gen.constant 0.0
                        4, Gen.choose (1, 1000) |> Gen.map float
                        2, Gen.choose (-300, 300) |> Gen.map (fun e -> 10.0 ** float e)
                        1, Gen.choose (-308, -300) |> Gen.map (fun e -> 10.0 ** float e)
                    ]

            let! weights = Gen.arrayOfLength s weight
            let! sure = Gen.choose (0, s - 1)
            return Array.mapi (fun i w -> if i = sure then max w 1e-3 else w) weights
        }
        |> Arb.fromGen

let private truthTests =
    [
        testPropertyWithConfig
            (Replay.cases 300 [ typeof<WeightGenerators> ])
            "a table's columns are its law"
            checkTable
        test "a table of 200,000 tokens is its law" {
            checkTable ((PriorParser.Parse "zipf:200000:1.0").Probabilities())
            checkTable (Array.create 200_000 1.0)
        }
        test "probabilities far below the last bit of their sum count in it" {
            // 3/2 + k·2^-54: added one by one the small ones leave 3/2 as it is, and 1/2 gets too much by 7e-12.
            let k = 200_000
            let p = Array.append [| 1.0; 0.5 |] (Array.create k (2.0 ** -54.0))
            let weight = BigInteger.Parse(string (TruthTable.Create p).Weights[1])
            let s = bigint p.Length
            let total = s * (BigInteger.Pow(2I, 64) / s)

            let exact =
                total * BigInteger.Pow(2I, 53) / (3I * BigInteger.Pow(2I, 53) + bigint k)

            Expect.isLessThan (abs (float (weight - exact))) (float exact * 2.0 ** -50.0) "to the last bits"
        }
        test "thresholds in single precision miss the law" {
            let p = (PriorParser.Parse "zipf:200000:1.0").Probabilities()
            let cumulative = p |> Array.map float32 |> Array.scan (+) 0.0f

            let weights =
                cumulative
                |> Array.pairwise
                |> Array.map (fun (low, high) -> BigInteger((float high - float low) * 2.0 ** 64.0))

            Expect.isNonEmpty (missed p weights) "as many programs draw"
        }
        test "the column and the place are the high and the low word of lane times s" {
            let random = Random 3

            for columns in [ 1u; 2u; 3u; 52u; 200_000u; 0x7FFFFFFFu ] do
                Expect.equal (bigint (TruthDraw.Threshold columns)) (BigInteger.Pow(2I, 64) % bigint columns) ""

                for lane in
                    [
                        0UL
                        1UL
                        UInt64.MaxValue
                        yield! List.init 500 (fun _ -> uint64 (random.NextInt64()) * 2UL + 1UL)
                    ] do
                    let mutable place = 0UL
                    let column = TruthDraw.Column(lane, columns, &place)
                    let product = bigint lane * bigint columns
                    Expect.equal (bigint column) (product >>> 64) "column"
                    Expect.equal (bigint place) (product % BigInteger.Pow(2I, 64)) "place"
        }
        test "a draw reads its table at the column and the place" {
            let table = TruthTable.Create(ReadOnlySpan [| 0.0; 1.0; 1e-300; 5.0; 0.25 |])
            let stream = streams[3]

            for draw in 0u .. 2_000u do
                let mutable place = 0UL
                let mutable column = TruthDraw.Column(TruthDraw.Lane(&stream, draw), 5u, &place)

                if place < TruthDraw.Threshold 5u then
                    column <- TruthDraw.Redraw(&stream, draw, 5u, &place)

                let expected =
                    if place < table.Thresholds[column] then
                        column
                    else
                        table.Aliases[column]

                let token = table.Draw(&stream, draw)
                Expect.equal token expected ""
                Expect.notEqual token 0 "never a token without probability"
        }
        test "a redrawn lane is the first of the draw's own block" {
            // A redraw is rejected in its turn with probability below 2^-33: here none is.
            for stream in streams do
                for columns in [ 3u; 52u; 200_000u; 0x7FFFFFFFu ] do
                    for draw in [ 0u; 1u; 7u; 0xFFFFFFFFu ] do
                        let block = stream.Block(draw, 1u)
                        let mutable expectedPlace = 0UL
                        let mutable place = 0UL

                        let expected =
                            TruthDraw.Column(uint64 block.X0 ||| (uint64 block.X1 <<< 32), columns, &expectedPlace)

                        Expect.isGreaterThanOrEqual expectedPlace (TruthDraw.Threshold columns) "accepted"
                        Expect.equal (TruthDraw.Redraw(&stream, draw, columns, &place)) expected "column"
                        Expect.equal place expectedPlace "place"
        }
        test "a place at the very threshold belongs to the alias" {
            // With two columns and the weights x and 2^64 - x the first threshold is 2x: the place of the lane x. The
            // lane must have few enough bits for a double.
            let stream = DrawStream(1UL, 0u, 1u, 0u, DrawPurpose.Truth)

            let isSuited lane =
                lane < (1UL <<< 63) && lane % 2048UL = 0UL

            let draw =
                Seq.initInfinite uint32
                |> Seq.find (fun draw -> isSuited (TruthDraw.Lane(&stream, draw)))

            let lane = TruthDraw.Lane(&stream, draw)
            let weights = [| float lane; float (0UL - lane) |]
            let table = TruthTable.Create(ReadOnlySpan weights)
            let mutable place = 0UL
            Expect.equal (TruthDraw.Column(lane, 2u, &place)) 0 "the first column"
            Expect.equal place table.Thresholds[0] "at its threshold"
            Expect.equal (table.Draw(&stream, draw)) 1 "the alias"

            // The same draw in every engine: it is the last of generation 1.
            let job =
                Runs.job Scenario.FullySynthetic (PriorParser.FromWeights weights) 1 (int draw + 1) 2 1UL

            let expected = Runs.reference { job with Trace = 1 }
            let sets, _ = Runs.simulate job 0
            Expect.equal (Array.last sets[0]) 1 "the plain simulation"

            for width in CpuEngine.Widths do
                use engine = new CpuEngine(1, width)
                Runs.expectSame $"{int width} bits" expected (Runs.run engine { job with Trace = 1 })

            for name, device in Runs.devices.Value do
                match device with
                | Ok engine -> Runs.expectSame name expected (Runs.runOn engine { job with Trace = 1 })
                | Error _ -> ()
        }
        test "the units of a law add up to the scale" {
            for scale in [ 1L; 1000L; 1L <<< 30; 1L <<< 60 ] do
                for prior in [ "zipf:3000:1.1"; "uniform:7"; "power:600:52:0.1" ] do
                    let p = (PriorParser.Parse prior).Probabilities()
                    let units = (TruthTable.Create p).Units scale
                    Expect.equal (Array.sum units) scale "all"

                    if scale > 1_000_000L then
                        for i in 0 .. p.Length - 1 do
                            let error = abs (float units[i] - p[i] * float scale)
                            Expect.isLessThanOrEqual error (float p.Length + 1e-12 * float scale) $"token {i}"
        }
    ]

[<Tests>]
let tests =
    testList
        "randomness"
        [
            testList "philox" philoxTests
            testList "uniform index" uniformTests
            testList "truth" truthTests
        ]
