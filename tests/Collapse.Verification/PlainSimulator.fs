/// The model once more, from docs/model.md alone, in parts that can be replaced one by one: by the planted defects,
/// and by a reader of random words that keeps a list of what it was asked for.
module Collapse.Verification.PlainSimulator

open System
open System.Collections.Generic
open Collapse.Engines
open Collapse.Kernels
open Collapse.Priors
open Collapse.Results

/// Where the tokens of a segment come from.
[<RequireQualifiedAccess>]
type Source =
    | Kept
    | Truth
    | Model of int
    /// t uniform on first … m - 1.
    | Mixture of first: int

/// A stream of random words: seed, and the purpose of its first block.
[<Struct>]
type Stream = { Seed: uint64; Start: Purpose }

/// The parts of the simulator; `right` has the right ones.
[<NoEquality; NoComparison>]
type Parts =
    {
        /// Seed and purpose to the counter of a block of four words.
        Counter: uint64 -> Purpose -> Counter
        /// The training set of generation m, in order: schedule, n, m.
        Segments: Training -> int -> int -> (Source * int) list
        /// So many indices under a bound, in lanes as narrow as the bound allows.
        Indices: Parts -> Stream -> int -> int -> int[]
        /// One index from 32-bit lanes: stream, draw, bound.
        WordIndex: Parts -> Stream -> int -> int -> int
        /// So many tokens of a law.
        Tokens: Parts -> float[] -> Stream -> int -> int[]
        /// The real tokens of a context that are drawn from, of the rows of a text.
        Row: int[][] -> int -> int[]
        /// The order in which a set is kept.
        Arrange: int[] -> int[]
        /// An observable of a set: the first set's shares, the law, the counts and their sum.
        Observe: Observable -> IDictionary<int, float> -> float[] -> IReadOnlyDictionary<int, int> -> int -> float
        /// T as reported, from the first generation with one token.
        CollapseTime: int -> int
        /// The token reported, from the counts.
        Survivor: IReadOnlyDictionary<int, int> -> int
    }

// ---- random bits

let private word (block: PhiloxBlock) i =
    match i with
    | 0 -> block.X0
    | 1 -> block.X1
    | 2 -> block.X2
    | _ -> block.X3

let private counter seed (purpose: Purpose) =
    {
        C0 = purpose.Block
        C1 = purpose.Generation
        C2 = purpose.Context
        C3 = (purpose.Attempt <<< 24) ||| (purpose.Segment <<< 4) ||| purpose.Use
        Key = seed
    }

let private block (parts: Parts) (at: Stream) block attempt =
    let counter =
        parts.Counter
            at.Seed
            { at.Start with
                Block = block
                Attempt = attempt
            }

    Philox.Generate(counter.C0, counter.C1, counter.C2, counter.C3, uint32 counter.Key, uint32 (counter.Key >>> 32))

/// The first accepted word of a rejected draw's own blocks.
let private redraw (parts: Parts) at draw (bound: uint32) =
    let rejected = uint32 ((1UL <<< 32) % uint64 bound)
    let mutable attempt, place, index = 1u, 0, ValueNone

    while index.IsNone do
        let product =
            uint64 (word (block parts at (uint32 draw) attempt) place) * uint64 bound

        if uint32 product >= rejected then
            index <- ValueSome(int (product >>> 32))

        place <- (place + 1) % 4

        if place = 0 then
            attempt <- attempt + 1u

    index.Value

let private wordIndex (parts: Parts) at draw bound =
    let product =
        uint64 (word (block parts at (uint32 draw / 4u) 0u) (draw % 4)) * uint64 bound

    if product % (1UL <<< 32) >= (1UL <<< 32) % uint64 bound then
        int (product >>> 32)
    else
        redraw parts at draw (uint32 bound)

let private indices (parts: Parts) at count bound =
    if bound <= 65_536 && 65_536 % bound <= 655 then
        let mutable words = Unchecked.defaultof<PhiloxBlock>

        Array.init count (fun d ->
            if d % 8 = 0 then
                words <- block parts at (uint32 (d / 8)) 0u

            let lane = (word words (d % 8 / 2) >>> (16 * (d % 2))) &&& 0xFFFFu
            let product = lane * uint32 bound

            if product % 65_536u >= 65_536u % uint32 bound then
                int (product / 65_536u)
            else
                redraw parts at d (uint32 bound))
    else
        Array.init count (fun d -> wordIndex parts at d bound)

/// Tables of the laws in use: the alias columns are the product's, what is done with them is not.
let private tables =
    Runtime.CompilerServices.ConditionalWeakTable<float[], TruthTable>()

let private tokens (parts: Parts) (law: float[]) at count =
    let table = tables.GetValue(law, fun law -> TruthTable.Create(ReadOnlySpan law))
    let s = uint64 law.Length
    let rejected = (UInt64.MaxValue % s + 1UL) % s

    let lane (words: PhiloxBlock) half =
        uint64 (word words (2 * half)) ||| (uint64 (word words (2 * half + 1)) <<< 32)

    Array.init count (fun d ->
        let mutable column = 0UL
        let mutable place = 0UL
        column <- Math.BigMul(lane (block parts at (uint32 (d / 2)) 0u) (d % 2), s, &place)
        let mutable attempt, half = 1u, 0

        while place < rejected do
            column <- Math.BigMul(lane (block parts at (uint32 d) attempt) half, s, &place)
            attempt <- attempt + uint32 half
            half <- 1 - half

        if place < table.Thresholds[int column] then
            int column
        else
            table.Aliases[int column])

// ---- training sets

let private segments training n m =
    match training with
    | Training.FullySynthetic -> [ (if m = 1 then Source.Truth else Source.Model(m - 1)), n ]
    | Training.PartiallySynthetic real -> (Source.Kept, real) :: (if m = 1 then [] else [ Source.Model(m - 1), n ])
    | Training.RecentModels window ->
        [
            for t in max 0 (m - window) .. m - 1 -> (if t = 0 then Source.Truth else Source.Model t), n / window
        ]
    | Training.RandomModels -> [ Source.Mixture 0, n ]
    | Training.Custom(_, schedule) ->
        [
            for t, k in schedule m do
                if k > 0 then
                    (if t = 0 then Source.Truth else Source.Model t), k
        ]

/// The followers of each n-gram of a text, in the text's order; n-grams and letters are numbered as they come.
let private rowsOf (text: Text) =
    let number (keys: 'a seq) =
        keys |> Seq.distinct |> Seq.indexed |> Seq.map (fun (i, key) -> key, i) |> dict

    let letters = number text.Letters
    let grams = text.Letters |> Seq.windowed text.Order |> Seq.map String |> Array.ofSeq
    let followed = Array.truncate (text.Letters.Length - text.Order) grams
    let contexts = number followed
    let rows = Array.init contexts.Count (fun _ -> List<int>())

    for i in 0 .. followed.Length - 1 do
        rows[contexts[followed[i]]].Add letters[text.Letters[i + text.Order]]

    rows |> Array.map _.ToArray()

// ---- observables

let private share (shares: IDictionary<int, float>) token =
    match shares.TryGetValue token with
    | true, x -> x
    | _ -> 0.0

let private observe
    observable
    (first: IDictionary<int, float>)
    (law: float[])
    (counts: IReadOnlyDictionary<int, int>)
    size
    =
    let p c = float c / float size

    match observable with
    | Observable.SumOfSquares -> counts.Values |> Seq.sumBy (fun c -> p c * p c)
    | Observable.MaxProbability -> p (Seq.max counts.Values)
    | Observable.Support -> float counts.Count
    | Observable.Entropy -> -(counts.Values |> Seq.sumBy (fun c -> p c * log (p c)))
    | Observable.L1FromFirst ->
        let mutable sum = 0.0

        for pair in counts do
            sum <- sum + abs (p pair.Value - share first pair.Key)

        for pair in first do
            if not (counts.ContainsKey pair.Key) then
                sum <- sum + pair.Value

        sum
    | Observable.L1FromTruth ->
        // All of the law, less what is met.
        counts
        |> Seq.fold (fun sum pair -> sum + abs (p pair.Value - law[pair.Key]) - law[pair.Key]) 1.0
    | _ -> counts.Keys |> Seq.fold (fun sum token -> sum - law[token]) 1.0

let private survivor (counts: IReadOnlyDictionary<int, int>) =
    let mutable token, most = -1, 0

    for pair in counts do
        if pair.Value > most || pair.Value = most && pair.Key < token then
            token <- pair.Key
            most <- pair.Value

    token

/// The parts as docs/model.md has them.
let right =
    {
        Counter = counter
        Segments = segments
        Indices = indices
        WordIndex = wordIndex
        Tokens = tokens
        Row = Array.get
        Arrange = id
        Observe = observe
        CollapseTime = id
        Survivor = survivor
    }

// ---- running

let private stream seed context generation segment purpose =
    {
        Seed = seed
        Start =
            {
                Context = context
                Generation = generation
                Segment = segment
                Use = purpose
                Block = 0u
                Attempt = 0u
            }
    }

let private tally (counts: Dictionary<int, int>) key =
    match counts.TryGetValue key with
    | true, count -> counts[key] <- count + 1
    | _ -> counts[key] <- 1

/// The models of one context, until the last or, if asked for, the first collapse; seen are those that somebody looks
/// at, and all with one token left.
let private train (parts: Parts) (job: Experiment) law (rows: int[][]) looks context (see: TrainedModel -> bool) =
    let at m segment purpose =
        stream job.Seed (uint32 context) (uint32 m) (uint32 segment) purpose

    let isText = rows.Length > 0

    let kept =
        match job.Real with
        | _ when isText -> rows[context]
        | Some real -> parts.Tokens parts law (at 0 0 DrawPurpose.Truth) real
        | None -> [||]

    let samples =
        if isText && job.Samples = 0 then
            kept.Length
        else
            job.Samples

    /// Draws from a set: indices into it.
    let pick (set: int[]) m s count =
        parts.Indices parts (at m s DrawPurpose.Index) count set.Length
        |> Array.map (fun i -> set[i])

    let models = List<int[]>()
    let mutable goesOn = true
    let mutable m = 1

    while goesOn && m <= job.Generations do
        let segments =
            // A text is generation 1 of every scenario.
            if isText && m = 1 then
                [ Source.Kept, kept.Length ]
            else
                parts.Segments job.Training samples m

        let set =
            segments
            |> List.mapi (fun s (source, count) ->
                match source with
                | Source.Kept -> kept
                | Source.Truth when isText -> pick (parts.Row rows context) m s count
                | Source.Truth -> parts.Tokens parts law (at m s DrawPurpose.Truth) count
                | Source.Model t -> pick models[t - 1] m s count
                | Source.Mixture first ->
                    let sources =
                        parts.Indices parts (at m s DrawPurpose.MixtureSource) count (m - first)

                    sources
                    |> Array.mapi (fun d t ->
                        if t + first = 0 && not isText then
                            // Draw d of the truth's own stream.
                            (parts.Tokens parts law (at m s DrawPurpose.Truth) (d + 1))[d]
                        else
                            let set =
                                if t + first = 0 then
                                    parts.Row rows context
                                else
                                    models[t + first - 1]

                            set[parts.WordIndex parts (at m s DrawPurpose.MixtureIndex) d set.Length]))
            |> Array.concat

        let set = parts.Arrange set
        models.Add set

        // Only what may still be read is kept.
        match job.Training with
        | Training.FullySynthetic
        | Training.PartiallySynthetic _ when m > 2 -> models[m - 3] <- [||]
        | _ -> ()

        // Counting takes longer than drawing.
        if looks m || Array.forall ((=) set[0]) set then
            let counts = Dictionary<int, int>()

            for token in set do
                tally counts token

            goesOn <- see (TrainedModel(int64 context, m, set.Length, counts))

        m <- m + 1

let private models parts looks (job: Experiment) (see: TrainedModel -> unit) =
    let law, rows, contexts =
        match job.Text with
        | Some text ->
            let rows = rowsOf text
            [||], rows, rows.Length
        | None -> job.Probabilities, [||], job.Contexts

    for context in 0 .. contexts - 1 do
        train parts job law rows looks context (fun model ->
            see model
            not (job.UntilCollapse && model.Counts.Count = 1))

let private measure parts (job: Experiment) =
    let law = job.Probabilities
    let at = HashSet(job.At)
    let isReported m = at.Count = 0 || at.Contains m

    let looks m =
        isReported m || m = 1 || m = job.Generations

    let sums = Dictionary<struct (Observable * int), float * float>()
    let collapsed = Dictionary<int, int>()
    let times = Array.zeroCreate job.Contexts
    let survivors = Array.zeroCreate job.Contexts

    let last =
        job.Observables |> List.map (fun o -> o, Array.zeroCreate job.Contexts) |> dict

    let mutable first = Dictionary<int, float>()

    // Welford's recursion would be safer; the values lie within a few orders of magnitude, and sums of squares do.
    let add observable m value =
        let key = struct (observable, m)
        let sum, squares = sums.GetValueOrDefault(key, (0.0, 0.0))
        sums[key] <- (sum + value, squares + value * value)

    models parts looks job (fun model ->
        let context = int model.Context

        if model.Generation = 1 then
            first <- Dictionary()

            for pair in model.Counts do
                first[pair.Key] <- float pair.Value / float model.Size

        let value observable =
            parts.Observe observable first law model.Counts model.Size

        if isReported model.Generation then
            for observable in job.Observables do
                add observable model.Generation (value observable)

        if model.Counts.Count = 1 then
            tally collapsed model.Generation

            if times[context] = 0 then
                times[context] <- parts.CollapseTime model.Generation

        if
            model.Generation = job.Generations
            || job.UntilCollapse && model.Counts.Count = 1
        then
            survivors[context] <- parts.Survivor model.Counts

            for observable in job.Observables do
                last[observable][context] <- value observable)

    let c = float job.Contexts

    {
        Series =
            fun observable m ->
                let sum, squares = sums[struct (observable, m)]
                sum / c, sqrt (max 0.0 ((squares - sum * sum / c) / (c - 1.0)))
        Collapsed =
            fun m ->
                match collapsed.TryGetValue m with
                | true, k -> k
                | _ -> 0
        CollapseTimes = times
        Tokens = survivors
        Last = fun observable -> last[observable]
    }

let private words (parts: Parts) seed context generation segment purpose count =
    let at = stream seed context generation segment purpose
    Array.init count (fun i -> word (block parts at (uint32 (i / 4)) 0u) (i % 4))

/// Every counter that a run asks for.
let counters parts (job: Experiment) (see: Purpose -> Counter -> unit) =
    let watched =
        { parts with
            Counter =
                fun seed purpose ->
                    let counter = parts.Counter seed purpose
                    see purpose counter
                    counter
        }

    models watched (fun _ -> false) job ignore

/// The plain simulator with these parts, and the product's theory.
let world name parts =
    {
        Name = name
        Measure = measure parts
        Models = models parts (fun _ -> true)
        Words = words parts
        Counters = counters parts
        Softmax = PlainSoftmax.softmax PlainSoftmax.right
        Theory = Theory.product
    }
