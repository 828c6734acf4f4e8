/// What holds exactly in every run, whatever was drawn: random cases, no statistics.
module Collapse.Tests.PropertyTests

open System
open System.Collections.Generic
open System.Collections.Immutable
open System.IO
open System.Text.Json
open Expecto
open FsCheck.FSharp
open ILGPU
open ILGPU.Runtime.CPU
open Collapse.Engines
open Collapse.Engines.Cpu
open Collapse.Engines.Gpu
open Collapse.Kernels
open Collapse.Model
open Collapse.Priors
open Collapse.Results
open Collapse.Running
open Collapse.Tests.Texts
open Collapse.Tests.Runs
open Collapse.Tests.Cases

/// Every model that the reference trains, by context and generation, with the run's result.
let private modelsOf (job: Job) =
    let models = Dictionary<struct (int64 * int), TrainedModel>()

    use engine =
        new ReferenceEngine(fun model -> models.Add(struct (model.Context, model.Generation), model))

    let outcome = run engine job
    outcome, models

let private tokensOf (model: TrainedModel) = Set.ofSeq model.Counts.Keys

// ---- counts and sources

/// The sources of generation m, from the definition of the scenario and not from its schedule: t with n_t, t = 0 being
/// real tokens, and no number where a draw chooses among several.
let private sourcesOf (case: Case) isCorpus (n: int) (real: int) m =
    match case.Kind with
    | _ when m = 1 && isCorpus -> [ 0, real ]
    | Kind.Fully -> [ m - 1, n ]
    | Kind.Partially when m = 1 -> [ 0, real ]
    | Kind.Partially -> [ 0, real; m - 1, n ]
    | Kind.Recent window -> [ for t in max 0 (m - window) .. m - 1 -> t, n / window ]
    | Kind.Random -> [ for t in 0 .. m - 1 -> t, (if t = 0 then n else 0) ]
    | Kind.Custom schedule -> schedule[m - 1]

let private sourceTests =
    [
        forCases "counts add up to n, and no token appears that no source had" 300 (fun case ->
            let job = jobOf case
            let outcome, models = modelsOf job
            let plan = outcome.Result.Plan

            let truth context =
                match job.Corpus with
                | Some corpus -> Set.ofArray (corpus.FollowersOf(int context).ToArray())
                | None ->
                    job.Prior.Value.Probabilities(job.Seed, uint32 context)
                    |> Seq.indexed
                    |> Seq.filter (fun (_, p) -> p > 0.0)
                    |> Seq.map fst
                    |> Set.ofSeq

            Expect.isGreaterThanOrEqual models.Count (int plan.Contexts) "every context was trained"

            for model in models.Values do
                let c, m = model.Context, model.Generation

                let sources =
                    sourcesOf case job.Corpus.IsSome (plan.SamplesOf c) (plan.RealOf c) m
                    |> List.filter (fun (_, count) -> count > 0 || case.Kind = Kind.Random)

                Expect.equal (Seq.sum model.Counts.Values) (List.sumBy snd sources) $"n of {c} at {m}"
                Expect.equal model.Size (List.sumBy snd sources) $"the size of {c} at {m}"
                Expect.isGreaterThanOrEqual (Seq.min model.Counts.Values) 1 $"counts of {c} at {m}"

                let allowed =
                    sources
                    |> List.map (fun (t, _) -> if t = 0 then truth c else tokensOf models[struct (c, t)])
                    |> Set.unionMany

                Expect.isTrue (Set.isSubset (tokensOf model) allowed) $"tokens of {c} at {m}")
        forCases "fully-synthetic: tokens never return, and a collapsed context stays as it is" 150 (fun case ->
            let case = { case with Kind = Kind.Fully }
            let outcome, models = modelsOf (jobOf case)

            for model in models.Values do
                match models.TryGetValue(struct (model.Context, model.Generation - 1)) with
                | true, before when model.Generation > 1 ->
                    Expect.isTrue (Set.isSubset (tokensOf model) (tokensOf before)) "tokens"
                    Expect.isGreaterThan before.Counts.Count 1 "a collapsed context has left the work"
                | _ -> ()

            let result = outcome.Result

            for m in 1 .. result.Generations - 1 do
                let support = result[Observable.Support]
                Expect.isLessThanOrEqual support.Maximum[m] support.Maximum[m - 1] "the largest support"
                Expect.isLessThanOrEqual support.Minimum[m] support.Minimum[m - 1] "the smallest support"
                Expect.isLessThanOrEqual support.Mean[m] support.Mean[m - 1] "the mean support"

                Expect.isGreaterThanOrEqual
                    result.CollapsedFraction[m]
                    result.CollapsedFraction[m - 1]
                    "the collapsed fraction"

            for table in outcome.Tables do
                for c in 0 .. table.Count - 1 do
                    if table.CollapseTime[c] > 0 then
                        let last = models[struct (table.FirstContext + int64 c, table.CollapseTime[c])]
                        Expect.equal (List.ofSeq last.Counts.Keys) [ table.Token[c] ] "the token that is left"
                        Expect.equal table.LastGeneration[c] table.CollapseTime[c] "it left at once")
    ]

// ---- what a context's result does not depend on

/// The kernel on ILGPU's own accelerator, which needs no driver: few threads a group, one group at a time.
let private kernelWith (device: CPUDevice) batchBytes (limits: KernelLimits Nullable) : Lazy<IEngine> =
    lazy
        (let context = Context.Create(fun builder -> builder.CPU device |> ignore)

         new IlgpuEngine("ilgpu", context, context.GetCPUDevice 0, batchBytes, limits) :> IEngine)

let internal kernelOnCpu = kernelWith (CPUDevice(4, 4, 1)) infinity (Nullable())

/// The same where device memory has no room for a second context.
let internal kernelInPieces = kernelWith (CPUDevice(4, 4, 1)) 1.0 (Nullable())

/// The same where nothing fits into shared memory, and so many groups share contexts of four such parts or more.
let internal kernelInParts groups partTokens =
    kernelWith (CPUDevice(3, 1, 1)) infinity (Nullable(KernelLimits(0, groups, partTokens)))

let private kernelOfManyParts = kernelInParts 20 1

/// What is known of one context: its rows of the trace and of the table.
let private contextFacts (outcome: Outcome) context =
    let table =
        outcome.Tables
        |> List.find (fun table ->
            context >= table.FirstContext
            && context < table.FirstContext + int64 table.Count)

    let i = int (context - table.FirstContext)
    let bits = Seq.map BitConverter.DoubleToInt64Bits >> List.ofSeq

    [
        for row in outcome.Result.Trace do
            if row.Context = context then
                row.Generation, row.Size, row.Token, bits row.Values
    ],
    (table.Samples[i], table.Real[i], table.LastGeneration[i], table.CollapseTime[i], table.Token[i]),
    bits [ for column in table.Values -> column[i] ]

/// The case with more contexts beside its own.
let private withMore (case: Case) =
    match case.Law with
    | Rows rows ->
        { case with
            Law = Rows(rows @ List.rev rows)
        }
    | _ ->
        { case with
            Contexts = case.Contexts + 7
        }

let private independenceTests =
    [
        forCases "a context knows nothing of those beside it, of chunks and of threads" 80 (fun case ->
            let job = jobOf case
            let alone = cpu job
            let contexts = alone.Result.Plan.Contexts

            // The contexts of a text are all there are: for them only chunks and threads differ.
            let beside = jobOf (withMore case)

            for i, width in Seq.indexed CpuEngine.Widths do
                use engine = new CpuEngine(1 + i, width)
                let other = run engine { beside with Chunk = Some(1 + i) }

                for context in 0L .. contexts - 1L do
                    Expect.equal
                        (contextFacts other context)
                        (contextFacts alone context)
                        $"context {context}, {int width} bits")
        forCases "every engine gives one result" 30 (fun case ->
            for untilCollapse in [ false; true ] do
                let job =
                    { jobOf case with
                        UntilCollapse = untilCollapse
                    }

                let expected = reference job

                for i, width in Seq.indexed CpuEngine.Widths do
                    use engine = new CpuEngine(2, width)
                    expectSame $"cpu, {int width} bits" expected (run engine { job with Chunk = Some(2 + i) })

                expectSame "the kernel in ILGPU's accelerator" expected (runOn kernelOnCpu.Value job)
                expectSame "the kernel, a context at a time" expected (runOn kernelInPieces.Value job)
                expectSame "several groups a context" expected (runOn kernelOfManyParts.Value job)

                for name, device in devices.Value do
                    match device with
                    | Ok engine -> expectSame name expected (runOn engine { job with Chunk = Some 2 })
                    | Error _ -> ())
    ]

// ---- longer runs

let private prefixTests =
    [
        // There is no resuming: that a run to G and H more generations equals a run to G + H means that the shorter
        // run is the beginning of the longer one.
        forCases "a run to G is the beginning of a run to G + H" 150 (fun case ->
            let long = jobOf case

            for generations in List.distinct [ 1; (case.Generations + 1) / 2 ] do
                let fits =
                    match case.Kind with
                    | Kind.Recent window -> window <= generations
                    | _ -> true

                if fits then
                    let short =
                        { long with
                            Generations = Some generations
                        }

                    let long, longModels = modelsOf long
                    let short, shortModels = modelsOf short

                    for model in shortModels.Values do
                        let c, m = model.Context, model.Generation
                        let same = longModels[struct (c, m)]

                        let counts (model: TrainedModel) =
                            model.Counts |> Seq.map _.Deconstruct() |> Set.ofSeq

                        Expect.equal (counts same) (counts model) $"context {c} at {m}"

                    // A context that has left in the shorter run holds what the longer one still draws.
                    for model in longModels.Values do
                        if model.Generation <= generations then
                            let last =
                                Seq.initInfinite (fun i -> model.Generation - i)
                                |> Seq.find (fun m -> shortModels.ContainsKey(struct (model.Context, m)))

                            let before = shortModels[struct (model.Context, last)]

                            if last < model.Generation then
                                Expect.equal (tokensOf model) (tokensOf before) "it had left"
                                Expect.equal before.Counts.Count 1 "as it had collapsed"

                    // The units of logarithms and of the truth follow the largest training set of the whole run.
                    if short.Result.Plan.LargestSet = long.Result.Plan.LargestSet then
                        let take (values: ImmutableArray<float>) =
                            [ for i in 0 .. generations - 1 -> BitConverter.DoubleToInt64Bits values[i] ]

                        for o in 0 .. Observables.Count - 1 do
                            let a, b = short.Result.Series[o], long.Result.Series[o]
                            Expect.equal (take b.Mean) (take a.Mean) $"mean {Observables.Names[o]}"

                            Expect.equal
                                (take b.StandardDeviation)
                                (take a.StandardDeviation)
                                $"deviation of {Observables.Names[o]}"

                            for q in 0 .. a.Quantiles.Length - 1 do
                                Expect.equal
                                    (take b.Quantiles[q])
                                    (take a.Quantiles[q])
                                    $"quantile {q} of {Observables.Names[o]}"

                        Expect.equal
                            (take long.Result.CollapsedFraction)
                            (take short.Result.CollapsedFraction)
                            "collapsed fraction")
    ]

// ---- chosen reports

/// Which generations are reported.
[<RequireQualifiedAccess>]
type Reporting =
    | Standard
    | Geometric of perDecade: int
    /// In any order; those beyond the run are left out.
    | Listed of int list

let private gridOf generations =
    function
    | Reporting.Standard -> ReportGrid.Standard
    | Reporting.Geometric perDecade -> ReportGrid.Geometric perDecade
    | Reporting.Listed list ->
        match list |> List.filter (fun m -> m <= generations) |> List.distinct |> List.sort with
        | [] -> ReportGrid.At [ generations ]
        | list -> ReportGrid.At list

type private ReportingGenerators =
    static member Reporting() =
        Gen.frequency
            [
                1, Gen.constant Reporting.Standard
                2, Gen.choose (1, 12) |> Gen.map Reporting.Geometric
                4, Gen.nonEmptyListOf (Gen.choose (1, 20)) |> Gen.map Reporting.Listed
            ]
        |> Arb.fromGen

/// What a result says of its row i.
let private rowFacts (result: RunResult) i =
    [
        int64 result.Contexts[i]
        yield!
            [
                result.CollapsedFraction[i]
                for series in result.Series do
                    series.Mean[i]
                    series.StandardDeviation[i]
                    series.Minimum[i]
                    series.Maximum[i]
                    series.TokenWeightedMean[i]

                    for quantile in series.Quantiles do
                        quantile[i]
                match result.HeldOut with
                | null -> ()
                | heldOut ->
                    heldOut.CrossEntropy[i]
                    heldOut.CoveredCrossEntropy[i]
                    heldOut.Unseen[i]
            ]
            |> List.map BitConverter.DoubleToInt64Bits
    ]

/// The facts that no choice of reports may move.
let private unmoved =
    [
        "draws"
        "generations"
        "collapse times"
        "samples"
        "real"
        "last generation"
        "collapse time"
        "token"
        for name in Observables.Names do
            $"last {name}"
    ]

/// A run with chosen reports against the same run with all of them.
let private expectReported (job: Job) (full: Outcome) (sparse: Outcome) =
    let every, some = full.Result, sparse.Result

    let moved =
        differences full sparse |> List.filter (fun name -> List.contains name unmoved)

    Expect.isEmpty moved "what no choice of reports moves"
    let last = every.Generation[every.Generation.Length - 1]

    let expected =
        // A run until collapse ends with the first reported generation at which all have left.
        let grid = List.ofSeq (job.ReportAt.For some.Plan.LastGeneration)

        match List.tryFindIndex (fun m -> m >= last) grid with
        | Some i when job.UntilCollapse && every.CollapseTimes.Censored = 0L ->
            // The last generation that it might have taken is no result, unless it was asked for or there is no other.
            if i > 0 && i = grid.Length - 1 && not (job.ReportAt.Lists grid[i]) then
                List.take i grid
            else
                List.take (i + 1) grid
        | _ -> grid

    Expect.equal (List.ofSeq some.Generation) expected "the generations reported"

    for i, m in Seq.indexed some.Generation do
        Expect.equal (rowFacts some i) (rowFacts every (min m last - 1)) $"generation {m}"

    let lastOf =
        dict
            [
                for table in sparse.Tables do
                    for c in 0 .. table.Count - 1 do
                        table.FirstContext + int64 c, table.LastGeneration[c]
            ]

    let rows (result: RunResult) =
        [
            for row in result.Trace do
                if
                    Seq.contains row.Generation some.Generation
                    || row.Generation = lastOf[row.Context]
                then
                    row.Context,
                    row.Generation,
                    row.Size,
                    row.Token,
                    [ for v in row.Values -> BitConverter.DoubleToInt64Bits v ]
        ]

    Expect.hasLength (rows some) some.Trace.Length "no other rows are traced"
    Expect.equal (rows some) (rows every) "traces"

let private reportTests =
    [
        testPropertyWithConfig
            (Replay.cases 40 [ typeof<CaseGenerators>; typeof<ReportingGenerators> ])
            "a reported generation is what it is where all are reported, on every engine"
            (fun (case: Case) (reporting: Reporting) untilCollapse ->
                let full =
                    { jobOf case with
                        UntilCollapse = untilCollapse
                    }

                let sparse =
                    { full with
                        ReportAt = gridOf case.Generations reporting
                    }

                let all = reference full
                let chosen = reference sparse
                expectReported sparse all chosen

                for i, width in Seq.indexed CpuEngine.Widths do
                    for shortest in [ Nullable(); Nullable 2 ] do
                        use engine = new CpuEngine(2, width, shortest)
                        let outcome = run engine { sparse with Chunk = Some(2 + i) }
                        expectSame $"cpu, {int width} bits, jumps from {shortest}" chosen outcome

                expectSame "the kernel in ILGPU's accelerator" chosen (runOn kernelOnCpu.Value sparse)
                expectSame "several groups a context" chosen (runOn kernelOfManyParts.Value sparse)

                for name, device in devices.Value do
                    match device with
                    | Ok engine -> expectSame name chosen (runOn engine { sparse with Chunk = Some 2 })
                    | Error _ -> ())
    ]

// ---- other names

/// Which letter each letter becomes.
type Renaming = Renaming of char list

type private RenamingGenerators =
    static member Renaming() =
        Gen.shuffle [| 'a' .. 'e' |]
        |> Gen.map (List.ofArray >> Renaming)
        |> Arb.fromGen

    static member Permuted() =
        gen {
            let! s = Gen.choose (1, 12)
            let! weights = Gen.listOfLength s (Gen.choose (0, 1000))
            let! places = Gen.shuffle [| 0..s |]
            return weights, List.ofArray places
        }
        |> Arb.fromGen

let private renamingTests =
    [
        // Draws from a training set are indices into it, so on a text new names change nothing but the names.
        testPropertyWithConfig
            (Replay.cases 100 [ typeof<CaseGenerators>; typeof<RenamingGenerators> ])
            "renaming the letters of a text renames the tokens of the result and changes nothing else"
            (fun (case: Case) (Renaming names) ->
                match case.Law with
                | Letters(order, text) ->
                    let rename (text: string) =
                        text |> String.map (fun c -> names[int c - int 'a'])

                    let one = { jobOf case with HeldOut = None }

                    let two =
                        { one with
                            Corpus = Some(readText order (rename text))
                        }

                    let first, second = cpu one, cpu two
                    Expect.isEmpty (differences first second) "numbers"

                    for a, b in List.zip first.Tables second.Tables do
                        for c in 0 .. a.Count - 1 do
                            Expect.equal
                                (two.Corpus.Value.TokenText b.Token[c])
                                (rename (one.Corpus.Value.TokenText a.Token[c]))
                                "tokens"

                            Expect.equal
                                (two.Corpus.Value.ContextText c)
                                (rename (one.Corpus.Value.ContextText c))
                                "contexts"
                | _ -> ())
        // Draws from a truth go through alias columns, which another order of tokens arranges anew: here the law is
        // permuted, not each draw. One weight above all others takes the remainder, wherever it stands.
        testPropertyWithConfig
            (Replay.cases 300 [ typeof<RenamingGenerators> ])
            "permuted weights give the permuted law, exactly"
            (fun (weights: int list, places: int list) ->
                let weights = Array.ofList (5_000 :: weights)
                let moved = Array.zeroCreate<float> weights.Length

                for i, place in List.indexed places do
                    moved[place] <- float weights[i]

                let law (weights: float[]) =
                    (TruthTable.Create(ReadOnlySpan weights)).Weights

                let here, there = law (Array.map float weights), law moved

                for i, place in List.indexed places do
                    Expect.equal there[place] here[i] $"token {i} at {place}")
    ]

// ---- the closed-form refit

/// The cross-entropy of a training set under the softmax of logits: the loss that training minimises, token by token.
let private loss (logits: Dictionary<int, float>) (set: int[]) =
    let sum = logits.Values |> Seq.sumBy exp
    set |> Array.averageBy (fun token -> log sum - logits[token])

let private refitTests =
    [
        forCases "the closed-form refit is the minimum of the cross-entropy" 100 (fun case ->
            let job = jobOf { case with Contexts = 1 }
            let outcome, models = modelsOf job
            let sets, _ = simulate job 0
            let random = System.Random(int case.Generations)

            for m, set in List.indexed sets |> List.map (fun (i, set) -> i + 1, set) do
                match models.TryGetValue(struct (0L, m)) with
                | true, model ->
                    let tokens = Array.distinct set
                    let p = dict [ for token in tokens -> token, model.Probability token ]

                    let fitted = Dictionary<int, float>()

                    for token in tokens do
                        fitted[token] <- log p[token]

                    let least = loss fitted set

                    // Its value is the entropy that the engine reports.
                    for row in outcome.Result.Trace do
                        if row.Context = 0L && row.Generation = m then
                            Expect.floatClose Accuracy.high row.Values[int Observable.Entropy] least "entropy"

                    // The gradient vanishes: the model's mean of each logit's indicator is the data's.
                    for token in tokens do
                        let moved by =
                            let logits = Dictionary fitted
                            logits[token] <- logits[token] + by
                            loss logits set

                        let slope = (moved 1e-4 - moved -1e-4) / 2e-4
                        Expect.isLessThan (abs slope) 1e-7 $"slope along token {token} at {m}"

                    // Any other law on the simplex costs more, by Pinsker's inequality at least half its squared L1
                    // distance; a law that lets a token go that the data have costs infinitely much.
                    for _ in 1..5 do
                        let spread = Array.init tokens.Length (fun _ -> -log(1.0 - random.NextDouble()))
                        let outside = if random.Next 2 = 0 then 0.0 else random.NextDouble()
                        let total = Array.sum spread * (1.0 + outside)
                        let step = 10.0 ** (-4.0 * random.NextDouble())

                        let q =
                            [|
                                for token, s in Array.zip tokens spread ->
                                    token, (1.0 - step) * p[token] + step * s / total
                            |]
                            |> dict

                        let cost = -(set |> Array.averageBy (fun token -> log q[token]))

                        let distance =
                            1.0 - Seq.sum q.Values + (tokens |> Array.sumBy (fun t -> abs (q[t] - p[t])))

                        if cost < least + distance * distance / 2.0 - 1e-13 then
                            failtest $"at {m} the law {List.ofSeq q} costs {cost:R}, the refit {least:R}"

                    Expect.equal (model.Probability -1) 0.0 "a token that was not drawn"
                | _ -> ())
    ]

// ---- corner sizes

let private cornerTests =
    [
        test "training sets, windows and real data of the smallest and of the awkward sizes" {
            let sizes = [ 1; 2; 3; 65_535; 65_536; 65_537 ]

            let kinds n =
                [
                    Kind.Fully
                    Kind.Partially
                    Kind.Random
                    if n >= 3 then
                        // The window is longer than the history of the first generations.
                        Kind.Recent 3
                    Kind.Custom [ [ 0, n ]; [ 1, n ]; [ 1, 1; 2, n; 0, 2 ] ]
                ]

            for n in sizes do
                for kind in kinds n do
                    for law in [ Weights [ 1 ]; Weights [ 1; 0; 5 ] ] do
                        let job =
                            jobOf
                                {
                                    Law = law
                                    Kind = kind
                                    Samples = Some n
                                    Real = 1
                                    Contexts = 1
                                    Generations = 3
                                    Seed = uint64 n
                                }

                        let expected = reference job
                        let sets, truth = simulate job 0

                        for row in expected.Result.Trace do
                            let plain = observe sets[0] truth sets[row.Generation - 1]

                            for o in 0 .. Observables.Count - 1 do
                                let error = abs (row.Values[o] - plain[o])

                                if not (error < 1e-9) then
                                    failtest
                                        $"{kind}, n = {n}: {Observables.Names[o]} is {row.Values[o]:R}, not {plain[o]:R}"

                        for width in CpuEngine.Widths do
                            use engine = new CpuEngine(1, width)
                            expectSame $"{kind}, n = {n}, {int width} bits" expected (run engine job)

                        for name, device in devices.Value do
                            match device with
                            | Ok engine -> expectSame $"{kind}, n = {n}, {name}" expected (runOn engine job)
                            | Error _ -> ()
        }
    ]

// ---- files

let private numbers (json: JsonElement) =
    [
        for element in json.EnumerateArray() ->
            if element.ValueKind = JsonValueKind.Null then
                None
            else
                Some(BitConverter.DoubleToInt64Bits(element.GetDouble()))
    ]

let private expected (values: float seq) =
    [
        for v in values ->
            if Double.IsFinite v then
                Some(BitConverter.DoubleToInt64Bits v)
            else
                None
    ]

let private fileTests =
    [
        forCases "JSON gives back every number of a result, bit for bit" 100 (fun case ->
            let result = (cpu (jobOf case)).Result
            let json = JsonDocument.Parse(RunJson.Serialize result).RootElement

            let get (path: string) =
                (json, path.Split '.') ||> Array.fold (fun j name -> j.GetProperty name)

            Expect.equal ((get "seed").GetUInt64()) case.Seed "seed"
            Expect.equal ((get "digest").GetString()) result.Digest "digest"
            Expect.equal ((get "draws").GetInt64()) result.Draws "draws"
            Expect.equal ((get "contexts").GetInt64()) result.Plan.Contexts "contexts"
            Expect.equal ((get "generations").GetInt32()) result.Generations "generations"
            Expect.equal (numbers (get "series.generation")) (expected (Seq.map float result.Generation)) "generation"
            Expect.equal (numbers (get "series.collapsedFraction")) (expected result.CollapsedFraction) "collapsed"
            Expect.equal ((get "collapseTime.count").GetInt64()) result.CollapseTimes.Count "count"
            Expect.equal ((get "collapseTime.censored").GetInt64()) result.CollapseTimes.Censored "censored"

            for o in 0 .. Observables.Count - 1 do
                let name = Observables.Names[o]
                Expect.equal (numbers (get $"series.{name}")) (expected result.Series[o].Mean) name

                if result.Plan.IsCorpus then
                    Expect.equal
                        (numbers (get $"seriesTokenWeighted.{name}"))
                        (expected result.Series[o].TokenWeightedMean)
                        name

            match result.HeldOut with
            | null -> ()
            | heldOut ->
                Expect.equal (numbers (get "heldOut.series.crossEntropy")) (expected heldOut.CrossEntropy) "held-out"

                Expect.equal
                    (numbers (get "heldOut.series.coveredCrossEntropy"))
                    (expected heldOut.CoveredCrossEntropy)
                    "held-out"

                Expect.equal (numbers (get "heldOut.series.unseen")) (expected heldOut.Unseen) "held-out")
        forCases "Parquet gives back every number of a run, bit for bit" 12 (fun case ->
            inFolder (fun folder ->
                let job = jobOf case
                RunFolderTests.expectTables (Path.Combine(folder, "run")) (settings { job with Chunk = Some 2 })))
    ]

[<Tests>]
let tests =
    testList
        "properties"
        [
            testList "sources" sourceTests
            testList "independence" independenceTests
            testList "longer runs" prefixTests
            testList "chosen reports" reportTests
            testList "names" renamingTests
            testList "refit" refitTests
            testList "corner sizes" cornerTests
            testList "files" fileTests
        ]
