/// Runs of softmax models once more, from the documentation alone and with no thought for speed: dense laws, tokens in
/// lists, one context after the other. Of the product it has the refits and the plain sampler, which have tests of
/// their own.
module Collapse.Tests.SoftmaxSimulator

#nowarn "3391" // arrays convert to spans

open System
open Collapse.Kernels
open Collapse.Model
open Collapse.Priors
open Collapse.Softmax
open Collapse.Softmax.Refit
open Collapse.Softmax.Sampling
open Collapse.Tests.Runs

/// One generation of one context.
type Observed =
    {
        Tokens: int[]
        /// The law p^(m) of the model.
        Law: float[]
        /// The law that the tokens were drawn from.
        DrawnFrom: float[]
    }

/// The float32 logits of a context, as they are sampled.
type private Logits = int -> float32[]

let private softmax (temperature: float) (logits: float[]) =
    let largest = Array.max logits
    let weights = logits |> Array.map (fun l -> exp ((l - largest) / temperature))
    let sum = Array.sum weights
    weights |> Array.map (fun w -> w / sum)

let private countRows s (sets: int[][]) =
    RefitSupport.rows s [ for set in sets -> set |> Array.countBy id |> Array.sort |> List.ofArray ]

let private options (classifier: Classifier) =
    RefitOptions(L2 = classifier.L2, Threads = 1)

/// A model: its law p in double precision, and the logits that tokens are drawn with.
let private train (classifier: Classifier) seed s (sets: int[][]) : (int -> float[]) * Logits =
    let counts = countRows s sets

    if not classifier.Embedding.IsShared then
        let model, _ = RefitSupport.oneHot counts classifier.Refit (options classifier)

        let exact j =
            let logits = Array.zeroCreate<float> s
            model.WriteLogits(j, logits)
            logits

        exact, exact >> Array.map float32
    else
        let dimension = classifier.Embedding.Dimension.Value
        let embedding = Embedding.Gaussian(seed, 0u, sets.Length, dimension)

        let model, _ =
            RefitSupport.embedded counts embedding classifier.Refit (options classifier)

        let w = RefitSupport.weightsOf model

        let logits j =
            Array.init s (fun i ->
                (0.0f, [| 0 .. dimension - 1 |])
                ||> Array.fold (fun sum k -> MathF.FusedMultiplyAdd(embedding[j][k], w[k * s + i], sum)))

        logits >> Array.map float, logits

let private decoded (rule: SamplingRule) (exact: float[]) (logits: float32[]) =
    let kept = ReferenceLogitSampler.Kept(logits, rule) |> Set.ofArray

    let p =
        softmax rule.Temperature exact
        |> Array.mapi (fun i p -> if kept.Contains i then p else 0.0)

    p |> Array.map (fun x -> x / Array.sum p)

let private empirical s (tokens: int[]) =
    let p = Array.zeroCreate s

    for token in tokens do
        p[token] <- p[token] + 1.0 / float tokens.Length

    p

let private mixture (parts: (float * float[]) list) =
    let total = parts |> List.sumBy fst

    parts
    |> List.map (fun (weight, law) -> law |> Array.map (fun p -> weight / total * p))
    |> List.reduce (Array.map2 (+))

/// Every generation of every context of a job: outer index the generation from 0, inner the context.
let simulate (job: Job) =
    let last = job.Generations.Value
    let schedule = Schedule.Create(job.Scenario, last, job.Corpus.IsSome)
    let classifier = job.Classifier
    let rule = classifier.Decoding

    let contexts, s =
        match job.Corpus, job.Prior with
        | Some corpus, _ -> corpus.ContextCount, corpus.VocabularySize
        | _, Some prior -> job.Contexts.Value, prior.VocabularySize
        | _ -> failwith "neither a prior nor a corpus"

    let stream context m segment purpose =
        DrawStream(job.Seed, uint32 context, uint32 m, uint32 segment, purpose)

    let truths =
        job.Prior
        |> Option.map (fun prior ->
            [|
                for context in 0 .. contexts - 1 ->
                    let weights = Array.zeroCreate prior.VocabularySize
                    prior.WriteWeights(job.Seed, uint32 context, Span weights)
                    TruthTable.Create(ReadOnlySpan weights), weights |> Array.map (fun w -> w / Array.sum weights)
            |])

    let kept =
        [|
            for context in 0 .. contexts - 1 ->
                match job.Corpus, truths with
                | Some corpus, _ -> corpus.FollowersOf(context).ToArray()
                | _, Some truths ->
                    let stream = stream context 0 0 DrawPurpose.Truth
                    Array.init (defaultArg job.Real 0) (fun d -> (fst truths[context]).Draw(&stream, uint32 d))
                | _ -> [||]
        |]

    let samples context =
        match job.Samples, job.Corpus with
        | None, Some corpus -> corpus.SampleCount context
        | samples, _ -> defaultArg samples 0

    let real context =
        match truths with
        | Some truths -> snd truths[context]
        | None -> empirical s kept[context]

    let fresh context m segment purpose d =
        match truths with
        | Some truths ->
            let stream = stream context m segment DrawPurpose.Truth
            (fst truths[context]).Draw(&stream, uint32 d)
        | None ->
            let stream = stream context m segment purpose
            let bound = uint32 kept[context].Length

            let place =
                if purpose = DrawPurpose.Index then
                    UniformIndex.Draw(&stream, uint32 d, bound)
                else
                    UniformIndex.DrawWord(&stream, uint32 d, bound)

            kept[context][int place]

    // Models by generation from 1.
    let models = ResizeArray<(int -> float[]) * Logits>()

    let fromModel context m segment t count =
        let logits = snd models[t - 1] context
        let streams = LogitStreams(job.Seed, uint32 m, uint32 segment, uint32 context)

        let drawn =
            ReferenceLogitSampler.Sample(LogitMatrix(logits, s), ReadOnlyMemory [| count |], rule, streams)

        Array.zip (drawn.TokensOf(0).ToArray()) (drawn.CountsOf(0).ToArray())
        |> Array.collect (fun (token, count) -> Array.replicate count token)

    let lawOf context t =
        let exact, logits = models[t - 1]
        decoded rule (exact context) (logits context)

    let segmentSet context m s' (segment: Segment) =
        let n = segment.Size(samples context, kept[context].Length)

        match segment.Kind with
        | SegmentKind.KeepReal ->
            let law = if m = 1 then real context else empirical s kept[context]
            kept[context], (float kept[context].Length, law)
        | SegmentKind.FreshReal -> Array.init n (fresh context m s' DrawPurpose.Index), (float n, real context)
        | SegmentKind.Model -> fromModel context m s' (m - segment.Lag) n, (float n, lawOf context (m - segment.Lag))
        | _ ->
            let sources = stream context m s' DrawPurpose.MixtureSource

            let picks =
                [
                    for d in 0 .. n - 1 -> d, int (UniformIndex.Draw(&sources, uint32 d, uint32 m))
                ]

            let tokens =
                [|
                    for d, t in picks do
                        if t = 0 then
                            fresh context m s' DrawPurpose.MixtureIndex d

                    for t in 1 .. m - 1 do
                        match picks |> List.filter (fun (_, u) -> u = t) |> List.length with
                        | 0 -> ()
                        | count -> yield! fromModel context m t t count
                |]

            let laws = (1.0, real context) :: [ for t in 1 .. m - 1 -> 1.0, lawOf context t ]

            tokens, (float n, mixture laws)

    [
        for m in 1..last ->
            let recipe = schedule.Recipes[schedule.RecipeNumber m]

            let sets =
                [|
                    for context in 0 .. contexts - 1 ->
                        let parts = recipe |> Seq.mapi (segmentSet context m) |> List.ofSeq
                        Array.collect fst (Array.ofList parts), mixture (List.map snd parts)
                |]

            models.Add(train classifier job.Seed s (Array.map fst sets))

            [
                for context in 0 .. contexts - 1 ->
                    {
                        Tokens = fst sets[context]
                        Law = softmax 1.0 (fst models[m - 1] context)
                        DrawnFrom = snd sets[context]
                    }
            ]
    ],
    truths |> Option.map (Array.map snd)

let private distance (a: float[]) (b: float[]) =
    Array.fold2 (fun sum x y -> sum + abs (x - y)) 0.0 a b

/// The ten observables of a context at a generation, from their definitions.
let observe (truth: float[] option) (first: Observed) (now: Observed) =
    let p = now.Law
    let data = empirical p.Length now.Tokens

    let lost law =
        Array.fold2 (fun sum q p -> if p = 0.0 then sum + q else sum) 0.0 law p

    [|
        p |> Array.sumBy (fun x -> x * x)
        Array.max p
        float (p |> Array.filter (fun x -> x > 0.0)).Length
        -(p |> Array.sumBy (fun x -> if x > 0.0 then x * log x else 0.0))
        distance p first.Law
        match truth with
        | Some truth -> distance p truth
        | None -> nan
        lost (defaultArg truth first.Law)
        float (Array.distinct now.Tokens).Length
        distance data now.DrawnFrom
        distance p data
    |]
