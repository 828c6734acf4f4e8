/// Runs for tests: settings, engines, what two results differ in, and a slow plain simulation of the same model.
module Collapse.Tests.Runs

open System
open System.Collections.Generic
open Expecto
open Collapse.Corpora
open Collapse.Engines
open Collapse.Engines.Cpu
open Collapse.Engines.Gpu
open Collapse.Kernels
open Collapse.Model
open Collapse.Priors
open Collapse.Results
open Collapse.Running
open Collapse.Softmax
open Collapse.Tests.Texts

// ---- settings

let prior specification = PriorParser.Parse specification

/// Any schedule as a scenario: for generation m the sources with their counts.
let custom name (schedule: int -> (int * int) list) =
    Scenario.Custom(name, fun m -> schedule m |> Seq.map (fun (source, count) -> struct (source, count)))

/// What RunSettings say, as a record that can be copied with changes.
type Job =
    {
        Scenario: Scenario
        Prior: Prior option
        Corpus: Corpus option
        HeldOut: HeldOutCounts option
        Contexts: int option
        Samples: int option
        Real: int option
        Generations: int option
        UntilCollapse: bool
        Seed: uint64
        Classifier: Classifier
        Sampler: Sampler
        ReportAt: ReportGrid
        Trace: int
        Chunk: int option
    }

let settings (job: Job) =
    RunSettings(
        Scenario = job.Scenario,
        Prior = Option.toObj job.Prior,
        Corpus = Option.toObj job.Corpus,
        HeldOut = Option.toObj job.HeldOut,
        Contexts = Option.toNullable (Option.map int64 job.Contexts),
        Samples = Option.toNullable job.Samples,
        Real = Option.toNullable job.Real,
        Generations = Option.toNullable job.Generations,
        UntilCollapse = job.UntilCollapse,
        Seed = job.Seed,
        Classifier = job.Classifier,
        Sampler = job.Sampler,
        ReportAt = job.ReportAt,
        Trace = job.Trace,
        Chunk = Option.toNullable job.Chunk
    )

/// A job on a prior.
let job scenario prior contexts samples generations seed =
    {
        Scenario = scenario
        Prior = Some prior
        Corpus = None
        HeldOut = None
        Contexts = Some contexts
        Samples = Some samples
        Real = if scenario.KeepsReal then Some 37 else None
        Generations = Some generations
        UntilCollapse = false
        Seed = seed
        Classifier = Classifier.ClosedForm
        Sampler = Sampler.Tokens
        ReportAt = ReportGrid.Standard
        Trace = 0
        Chunk = None
    }

/// A job on a prior that ends when all contexts have collapsed.
let collapseJob scenario prior contexts samples seed =
    { job scenario prior contexts samples 1 seed with
        Generations = None
        UntilCollapse = true
    }

/// A random text over few characters, most of them rare, so that contexts are ragged.
let text seed length =
    let random = Random seed

    String.init length (fun _ -> string ("abcdefghij"[int (10.0 * random.NextDouble() ** 3.0)]))

/// A small corpus of order 2 with held-out text that has unknown contexts and tokens.
let corpus =
    lazy
        (withText (text 1 3_000) (fun path ->
            let corpus = Corpus.Read(path, "chars", 2)
            let heldOut = withText (text 2 700 + "xyz") corpus.ReadHeldOut
            corpus, heldOut))

/// A job on that corpus; no samples for matched.
let onCorpus scenario (samples: int option) generations seed =
    let corpus, heldOut = corpus.Value

    {
        Scenario = scenario
        Prior = None
        Corpus = Some corpus
        HeldOut = Some heldOut
        Contexts = None
        Samples = samples
        Real = None
        Generations = Some generations
        UntilCollapse = false
        Seed = seed
        Classifier = Classifier.ClosedForm
        Sampler = Sampler.Tokens
        ReportAt = ReportGrid.Standard
        Trace = 0
        Chunk = None
    }

// ---- running

/// A result with the columns of its context table, in the order of contexts.
type Outcome =
    {
        Result: RunResult
        Progress: RunProgress
        Tables: ContextTable list
    }

let run (engine: IEngine) (job: Job) =
    let simulation = Simulation.Prepare(settings job, engine)
    let tables = ResizeArray()
    let result = simulation.Run(fun table -> tables.Add table)

    {
        Result = result
        Progress = simulation.Progress
        Tables = List.ofSeq tables
    }

let reference job =
    use engine = new ReferenceEngine()
    run engine job

let cpu job =
    use engine = new CpuEngine()
    run engine job

/// The devices of ILGPU, each created once and used by one test at a time: a name, and the engine or why not.
let devices: (string * Result<IEngine, string>) list Lazy =
    lazy
        [
            for engine in EngineCatalog.List() do
                if engine.Name.StartsWith "opencl" || engine.Name.StartsWith "cuda" then
                    if engine.Usable then
                        engine.Name, Ok(EngineCatalog.Create engine.Name)
                    else
                        engine.Name, Error(string engine.Reason)
        ]

/// The same devices where nothing fits into shared memory, and 24 groups share contexts of 100 tokens or more.
let devicesInParts: (string * IEngine) list Lazy =
    lazy
        [
            for name, device in devices.Value do
                if device.IsOk then
                    let kind = name.Split(':')[0]
                    let context = EngineCatalog.CreateContext()

                    let device =
                        context.Devices
                        |> Seq.find (fun device -> device.AcceleratorType.ToString().ToLowerInvariant() = kind)

                    $"{name}, several groups a context",
                    new IlgpuEngine(name, context, device, infinity, KernelLimits(0, 24, 25)) :> IEngine
        ]

let runOn (engine: IEngine) job = lock engine (fun () -> run engine job)

// ---- what two results differ in

let private bits (values: float seq) =
    [| for v in values -> BitConverter.DoubleToInt64Bits v |]

/// Everything in a result that no engine, thread or chunk may change, by name.
let facts (outcome: Outcome) =
    let result = outcome.Result

    let column name (pick: ContextTable -> int[]) =
        name,
        [|
            for table in outcome.Tables do
                for x in pick table -> int64 x
        |]

    [
        "digest", [| int64 (Convert.ToUInt64(result.Digest, 16)) |]
        "draws", [| result.Draws |]
        "generations", [| int64 result.Generations |]
        "generation", [| for g in result.Generation -> int64 g |]
        "contexts", Array.ofSeq result.Contexts
        "collapsed", bits result.CollapsedFraction
        "collapse times",
        [|
            yield! bits [ result.CollapseTimes.Mean; result.CollapseTimes.StandardDeviation ]
            result.CollapseTimes.Count
            result.CollapseTimes.Censored
        |]
        for series in result.Series do
            let name = string series.Observable
            $"{name} mean", bits series.Mean
            $"{name} standard deviation", bits series.StandardDeviation
            $"{name} minimum", bits series.Minimum
            $"{name} maximum", bits series.Maximum
            $"{name} quantiles", bits (Seq.concat series.Quantiles)
            $"{name} token-weighted mean", bits series.TokenWeightedMean
        match result.HeldOut with
        | null -> ()
        | heldOut ->
            "held-out", [| heldOut.Transitions |]
            "cross-entropy", bits heldOut.CrossEntropy
            "covered cross-entropy", bits heldOut.CoveredCrossEntropy
            "unseen", bits heldOut.Unseen
        "trace",
        [|
            for row in result.Trace do
                row.Context
                int64 row.Generation
                int64 row.Size
                int64 row.Token
                yield! bits row.Values
        |]
        column "samples" _.Samples
        column "real" _.Real
        column "last generation" _.LastGeneration
        column "collapse time" _.CollapseTime
        column "token" _.Token
        for o in 0 .. Observables.Count - 1 do
            $"last {Observables.Names[o]}", bits (outcome.Tables |> Seq.collect (fun table -> table.Values[o]))
    ]

/// The names of what differs between two results.
let differences expected actual =
    [
        for (name, expected), (_, actual) in List.zip (facts expected) (facts actual) do
            if expected <> actual then
                name
    ]

let expectSame what expected actual =
    if expected.Result.Series.Length = 0 || expected.Result.Generation.IsEmpty then
        failtest "nothing was compared"

    Expect.isEmpty (differences expected actual) what

// ---- the same model once more, from the documentation alone: draws, tokens, counts

/// The training sets of one context, generation by generation, with no thought for speed; also its law, where
/// the truth is explicit.
let simulate (job: Job) context =
    let last = job.Generations.Value
    let schedule = Schedule.Create(job.Scenario, last, job.Corpus.IsSome)

    let truth =
        job.Prior
        |> Option.map (fun prior ->
            let weights = Array.zeroCreate prior.VocabularySize
            prior.WriteWeights(job.Seed, uint32 context, Span weights)
            TruthTable.Create(ReadOnlySpan weights), weights |> Array.map (fun w -> w / Array.sum weights))

    let stream m segment purpose =
        DrawStream(job.Seed, uint32 context, uint32 m, uint32 segment, purpose)

    let kept =
        match job.Corpus, truth with
        | Some corpus, _ -> corpus.FollowersOf(context).ToArray()
        | _, Some(table, _) ->
            let stream = stream 0 0 DrawPurpose.Truth
            Array.init (defaultArg job.Real 0) (fun d -> table.Draw(&stream, uint32 d))
        | _ -> failtest "neither a prior nor a corpus"

    let n =
        match job.Samples, job.Corpus with
        | None, Some corpus -> corpus.SampleCount context
        | samples, _ -> defaultArg samples 0

    let models = List<int[]>()

    let pick (source: int[]) (stream: DrawStream) d =
        source[int (UniformIndex.Draw(&stream, uint32 d, uint32 source.Length))]

    for m in 1..last do
        let fresh segment d =
            match truth with
            | Some(table, _) ->
                let stream = stream m segment DrawPurpose.Truth
                table.Draw(&stream, uint32 d)
            | None -> pick kept (stream m segment DrawPurpose.Index) d

        let recipe = schedule.Recipes[schedule.RecipeNumber m]

        models.Add
            [|
                for s, segment in Seq.indexed recipe do
                    for d in 0 .. segment.Size(n, kept.Length) - 1 do
                        match segment.Kind with
                        | SegmentKind.KeepReal -> kept[d]
                        | SegmentKind.FreshReal -> fresh s d
                        | SegmentKind.Model -> pick models[m - segment.Lag - 1] (stream m s DrawPurpose.Index) d
                        | _ ->
                            let sources = stream m s DrawPurpose.MixtureSource
                            let t = int (UniformIndex.Draw(&sources, uint32 d, uint32 m))

                            if t = 0 && truth.IsSome then
                                fresh s d
                            else
                                let source = if t = 0 then kept else models[t - 1]
                                let indices = stream m s DrawPurpose.MixtureIndex
                                source[int (UniformIndex.DrawWord(&indices, uint32 d, uint32 source.Length))]
            |]

    List.ofSeq models, truth |> Option.map snd

/// The observables of a training set, from their definitions.
let observe (first: int[]) (law: float[] option) (set: int[]) =
    let laws (tokens: int[]) =
        tokens
        |> Array.countBy id
        |> Array.map (fun (token, count) -> token, float count / float tokens.Length)
        |> dict

    let of' (law: IDictionary<int, float>) token =
        match law.TryGetValue token with
        | true, p -> p
        | _ -> 0.0

    let p = laws set
    let p1 = laws first
    let tokens = Seq.append p.Keys p1.Keys |> Seq.distinct |> Array.ofSeq

    [|
        p.Values |> Seq.sumBy (fun x -> x * x)
        Seq.max p.Values
        float p.Count
        -(p.Values |> Seq.sumBy (fun x -> x * log x))
        tokens |> Array.sumBy (fun i -> abs (of' p i - of' p1 i))
        match law with
        | Some law -> law |> Seq.mapi (fun i q -> abs (of' p i - q)) |> Seq.sum
        | None -> nan
        match law with
        | Some law -> law |> Seq.mapi (fun i q -> if p.ContainsKey i then 0.0 else q) |> Seq.sum
        | None -> p1 |> Seq.sumBy (fun pair -> if p.ContainsKey pair.Key then 0.0 else pair.Value)
    |]
