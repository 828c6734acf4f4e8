/// The product's own engines.
[<RequireQualifiedAccess>]
module Collapse.Verification.Product

open System
open System.Collections.Concurrent
open System.Collections.Generic
open System.IO
open Collapse.Corpora
open Collapse.Engines
open Collapse.Engines.Cpu
open Collapse.Kernels
open Collapse.Model
open Collapse.Priors
open Collapse.Results
open Collapse.Running
open Collapse.Softmax
open Collapse.Softmax.Sampling

let private texts = ConcurrentDictionary<Text, Corpus>()

let private readText (text: Text) =
    texts.GetOrAdd(
        text,
        fun text ->
            let path = Path.GetTempFileName()

            try
                File.WriteAllText(path, text.Letters)
                Corpus.Read(path, "chars", text.Order)
            finally
                File.Delete path
    )

/// What RunSettings say of an experiment, with a classifier.
let private settingsWith classifier (job: Experiment) =
    let scenario =
        match job.Training with
        | Training.FullySynthetic -> Scenario.FullySynthetic
        | Training.PartiallySynthetic _ -> Scenario.PartiallySynthetic
        | Training.RecentModels window -> Scenario.RecentModels window
        | Training.RandomModels -> Scenario.RandomModels
        | Training.Custom(name, schedule) ->
            Scenario.Custom(name, fun m -> schedule m |> Seq.map (fun (t, k) -> struct (t, k)))

    let nullableIf condition value =
        if condition then Nullable value else Nullable()

    let isPrior = job.Text.IsNone

    RunSettings(
        Scenario = scenario,
        Prior = ((if isPrior then Some(PriorParser.Parse job.Prior) else None) |> Option.toObj),
        Corpus = (job.Text |> Option.map readText |> Option.toObj),
        Contexts = nullableIf isPrior (int64 job.Contexts),
        Samples = nullableIf (scenario.UsesSamples && job.Samples > 0) job.Samples,
        Real = (if isPrior then Option.toNullable job.Real else Nullable()),
        Generations = Nullable job.Generations,
        UntilCollapse = job.UntilCollapse,
        Seed = job.Seed,
        Classifier = classifier
    )

/// What RunSettings say of an experiment.
let settings job = settingsWith Classifier.ClosedForm job

let private measureWith (engine: IEngine) (job: Experiment) (settings: RunSettings) =
    let tables = List<ContextTable>()

    let result = Simulation.Prepare(settings, engine).Run(fun table -> tables.Add table)

    let column pick =
        [| for table in tables -> pick table |] |> Array.concat

    let at m = result.Generation.IndexOf m

    {
        Series =
            fun observable m ->
                let series = result[observable]
                series.Mean[at m], series.StandardDeviation[at m]
        Collapsed = fun m -> int (round (result.CollapsedFraction[at m] * float job.Contexts))
        CollapseTimes = column (fun table -> table.CollapseTime)
        Tokens = column (fun table -> table.Token)
        Last = fun observable -> column (fun table -> table.Values[int observable])
    }

let private measure (job: Experiment) =
    use engine = new CpuEngine(Nullable 1)
    measureWith engine job (settings job)

let private softmax =
    {
        Sample =
            fun logits rule count seed ->
                let sampled =
                    LogitSampler(Nullable 1)
                        .Sample(
                            LogitMatrix(ReadOnlyMemory logits, logits.Length),
                            ReadOnlyMemory [| count |],
                            rule,
                            LogitStreams seed
                        )

                let counts = Array.zeroCreate<int64> logits.Length

                for i in 0 .. sampled.Tokens.Length - 1 do
                    counts[sampled.Tokens.Span[i]] <- int64 sampled.Counts.Span[i]

                counts
        Train =
            fun classifier job ->
                use engine = new SoftmaxEngine(Nullable 1)
                measureWith engine job (settingsWith classifier job)
    }

let private models (job: Experiment) (see: TrainedModel -> unit) =
    use engine = new ReferenceEngine(Action<TrainedModel> see)
    Simulation.Prepare(settings job, engine).Run() |> ignore

let private words seed context generation segment purpose count =
    let stream = DrawStream(seed, context, generation, segment, purpose)

    [|
        for block in 0u .. uint32 ((count + 3) / 4) - 1u do
            let words = stream.Block(block, 0u)
            words.X0
            words.X1
            words.X2
            words.X3
    |]
    |> Array.truncate count

/// Means from the CPU engine, whole models from the reference engine: both give the same integers (engine tests).
/// The counters are the plain simulator's, which gives the same models from the same words (model/plain-twin).
let world =
    {
        Name = "product"
        Measure = measure
        Models = models
        Words = words
        Counters = PlainSimulator.counters PlainSimulator.right
        Softmax = softmax
        Theory = Theory.product
    }
