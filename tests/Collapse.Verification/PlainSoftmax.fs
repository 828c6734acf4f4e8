/// Softmax models once more, from docs/softmax.md alone, in parts that the planted defects replace one by one: dense laws
/// in double precision, one context after the other, random numbers of their own.
module Collapse.Verification.PlainSoftmax

open System
open Collapse.Results
open Collapse.Softmax
open Collapse.Softmax.Refit
open Collapse.Softmax.Sampling

/// The parts of the simulator; `right` has the right ones.
[<NoEquality; NoComparison>]
type Parts =
    {
        /// The law of a row of logits, token by token.
        Law: SamplingRule -> float[] -> float[]
        /// The map of numbers in [0, 1) to tokens of a law.
        Map: float[] -> (float -> int)
        /// The model of a training set: λ, counts, their sum.
        Smooth: float -> int[] -> int -> float[]
        /// Statistical and functional error: the law drawn from, the training set's shares, the model.
        Errors: float[] -> float[] -> float[] -> float * float
    }

/// Σ |a_i - b_i|.
let distance (a: float[]) (b: float[]) =
    Array.fold2 (fun sum x y -> sum + abs (x - y)) 0.0 a b

/// The number of tokens that a rule keeps, of weights from the largest to the smallest: k, the weights of the k first.
let keeps (rule: SamplingRule) =
    let most = rule.TopK |> Option.ofNullable |> Option.defaultValue Int32.MaxValue

    fun (sorted: float[]) ->
        let sorted = Array.truncate most sorted
        let enough = rule.TopP * Array.sum sorted

        if rule.TopP >= 1.0 then
            sorted.Length
        else
            let mutable count, mass = 0, 0.0

            while mass < enough do
                mass <- mass + sorted[count]
                count <- count + 1

            max 1 count

/// The law after temperature and a choice of how many of the most probable tokens stay; of equal ones the lower first.
let lawKeeping count (rule: SamplingRule) (logits: float[]) =
    let largest = Array.max logits

    let weights =
        logits |> Array.map (fun l -> Math.Exp((l - largest) / rule.Temperature))

    if not rule.TopK.HasValue && rule.TopP >= 1.0 then
        let sum = Array.sum weights
        weights |> Array.map (fun w -> w / sum)
    else
        let order = Array.init weights.Length id |> Array.sortBy (fun i -> -logits[i], i)

        let kept =
            Array.truncate (count rule (order |> Array.map (Array.get weights))) order

        let sum = kept |> Array.sumBy (Array.get weights)
        let law = Array.zeroCreate weights.Length

        for token in kept do
            law[token] <- weights[token] / sum

        law

/// The inverse of the distribution function, in double precision: off by some 1e-16.
let private inverse (law: float[]) =
    let ends = Array.scan (+) 0.0 law |> Array.skip 1

    fun u ->
        let found = Array.BinarySearch(ends, u * ends[ends.Length - 1])
        // Where a number meets an end exactly, tokens of probability 0 may have the same end.
        let mutable token = if found < 0 then ~~~found else found + 1

        while token < law.Length - 1 && law[token] = 0.0 do
            token <- token + 1

        token

let right =
    {
        Law = lawKeeping keeps
        Map = inverse
        Smooth =
            fun lambda counts n ->
                counts
                |> Array.map (fun c -> (float c + lambda) / (float n + lambda * float counts.Length))
        Errors = fun drawnFrom shares model -> distance shares drawnFrom, distance model shares
    }

// ---- running

/// Numbers in [0, 1) of 53 bits (SplitMix64, Steele, Lea and Flood 2014).
type private Numbers(seed: uint64) =
    let mutable state = seed * 0xD1342543DE82EF95UL + 1UL

    member _.Next() =
        state <- state + 0x9E3779B97F4A7C15UL
        let z = (state ^^^ (state >>> 30)) * 0xBF58476D1CE4E5B9UL
        let z = (z ^^^ (z >>> 27)) * 0x94D049BB133111EBUL
        float ((z ^^^ (z >>> 31)) >>> 11) / 9007199254740992.0

let private sample (parts: Parts) (logits: float32[]) rule count seed =
    let numbers = Numbers seed
    let map = parts.Map(parts.Law rule (logits |> Array.map float))
    let counts = Array.zeroCreate<int64> logits.Length

    for _ in 1..count do
        let token = map (numbers.Next())
        counts[token] <- counts[token] + 1L

    counts

/// One generation of one context.
type private Step =
    {
        Model: float[]
        Statistical: float
        Functional: float
        IsCollapsed: bool
    }

let private contextOf (parts: Parts) (classifier: Classifier) (job: Experiment) (truth: float[]) (numbers: Numbers) =
    let s = truth.Length

    let lambda =
        match classifier.Refit with
        | :? RefitMethod.Smoothed as smoothed -> smoothed.Lambda
        | :? RefitMethod.Closed -> 0.0
        | other -> invalidArg (nameof classifier) $"the plain simulator has no {other}"

    let drawn map count =
        let counts = Array.zeroCreate<int> s

        for _ in 1..count do
            let token = map (numbers.Next())
            counts[token] <- counts[token] + 1

        counts

    let decoded model =
        parts.Law classifier.Decoding (model |> Array.map Math.Log)

    let truthMap = parts.Map truth
    let models = ResizeArray<float[]>()

    // The real tokens that stay, the counts of all that is drawn beside them, the law of each of those draws.
    let parted m =
        match job.Training with
        | Training.FullySynthetic when m = 1 -> Array.zeroCreate s, drawn truthMap job.Samples, truth
        | Training.FullySynthetic ->
            let law = decoded models[m - 2]
            Array.zeroCreate s, drawn (parts.Map law) job.Samples, law
        | Training.RandomModels ->
            let laws = Array.append [| truth |] (models |> Seq.map decoded |> Array.ofSeq)

            let maps = Array.map parts.Map laws
            let counts = Array.zeroCreate<int> s

            for _ in 1 .. job.Samples do
                let source = int (numbers.Next() * float m)
                let token = maps[source](numbers.Next())
                counts[token] <- counts[token] + 1

            let mean = Array.init s (fun i -> laws |> Array.averageBy (fun law -> law[i]))
            Array.zeroCreate s, counts, mean
        | training -> invalidArg (nameof job) $"the plain simulator of softmax models has no {training.Name}"

    let mutable kept: int[] option = None

    [|
        for m in 1 .. job.Generations do
            let real, synthetic, law =
                match job.Training with
                | Training.PartiallySynthetic size ->
                    match kept with
                    | None ->
                        let counts = drawn truthMap size
                        kept <- Some counts
                        counts, Array.zeroCreate s, truth
                    | Some counts ->
                        let law = decoded models[m - 2]
                        counts, drawn (parts.Map law) job.Samples, law
                | _ -> parted m

            let counts = Array.map2 (+) real synthetic
            let size = Array.sum counts
            let shares = counts |> Array.map (fun c -> float c / float size)

            let realSize = float (Array.sum real)

            // Real tokens are their own law once they are drawn.
            let drawnFrom =
                if m = 1 then
                    truth
                else
                    Array.map2 (fun (r: int) q -> (float r + (float size - realSize) * q) / float size) real law

            let model = parts.Smooth lambda counts size
            models.Add model
            let statistical, functional = parts.Errors drawnFrom shares model

            {
                Model = model
                Statistical = statistical
                Functional = functional
                IsCollapsed = Array.max counts = size
            }
    |]

let private train (parts: Parts) (classifier: Classifier) (job: Experiment) =
    let truth = job.Probabilities

    let contexts =
        Array.init job.Contexts (fun context ->
            contextOf parts classifier job truth (Numbers(job.Seed * 1_000_003UL + uint64 context)))

    let value observable (step: Step) =
        match observable with
        | Observable.SumOfSquares -> ExactLaws.sumOfSquares step.Model
        | Observable.L1FromTruth -> distance step.Model truth
        | Observable.StatisticalError -> step.Statistical
        | Observable.FunctionalError -> step.Functional
        | other -> invalidArg (nameof observable) $"the plain simulator of softmax models has no {other}"

    let column observable m =
        contexts |> Array.map (fun steps -> value observable steps[m - 1])

    {
        Series =
            fun observable m ->
                let values = column observable m
                let mean = Array.average values

                mean,
                sqrt (
                    Array.sumBy (fun v -> (v - mean) ** 2.0) values
                    / float (max 1 (values.Length - 1))
                )
        Collapsed =
            fun m ->
                // Plain sampling from a closed form stays collapsed; a smoothed model is not asked.
                contexts |> Array.filter (fun steps -> steps[m - 1].IsCollapsed) |> Array.length
        CollapseTimes = [||]
        Tokens = [||]
        Last = fun observable -> column observable job.Generations
    }

/// The plain simulator with these parts.
let softmax parts =
    {
        Sample = sample parts
        Train = train parts
    }
