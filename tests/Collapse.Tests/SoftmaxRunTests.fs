/// Runs of softmax models: the engine against a plain simulation, and what must not matter to it.
module Collapse.Tests.SoftmaxRunTests

open System
open System.Collections.Concurrent
open System.Collections.Generic
open System.Threading
open Expecto
open Collapse.Corpora
open Collapse.Engines
open Collapse.Engines.Cpu
open Collapse.Model
open Collapse.Results
open Collapse.Running
open Collapse.Softmax
open Collapse.Softmax.Refit
open Collapse.Softmax.Sampling
open Collapse.Tests.Runs
open Collapse.Tests.Texts

let private softmax threads (width: VectorWidth) job =
    use engine = new SoftmaxEngine(Nullable threads, Nullable width)
    run engine job

let private widest = CpuEngine.Widths[CpuEngine.Widths.Count - 1]

let private engine job = softmax 2 widest job

let private classifier refit embedding temperature (topK: int option) topP =
    Classifier(
        Refit = RefitMethod.Parse refit,
        Embedding = ContextEmbedding.Parse embedding,
        Decoding = SamplingRule(temperature, Option.toNullable topK, topP)
    )

let private classifiers =
    [
        "closed", classifier "closed" "onehot" 1.0 None 1.0
        "closed, T = 0.7", classifier "closed" "onehot" 0.7 None 1.0
        "smoothed, top-p", classifier "smoothed:0.3" "onehot" 1.3 None 0.8
        "gradient, top-k", classifier "gradient:30:2:0.5" "onehot" 1.0 (Some 3) 1.0
        "newton with a penalty",
        Classifier(Refit = RefitMethod.Parse "newton:1e-4", L2 = 0.02, Embedding = ContextEmbedding.OneHot)
        "gaussian gradient", classifier "gradient:40:3" "gaussian:3" 0.8 (Some 6) 0.95
        "gaussian newton", classifier "newton:1e-2" "gaussian:2" 1.0 None 1.0
    ]

let private schedules =
    let zipf = prior "zipf:9:1.1"

    [
        "fully-synthetic", job Scenario.FullySynthetic zipf 4 15 4 3UL
        "partially-synthetic", job Scenario.PartiallySynthetic zipf 3 11 4 4UL
        "recent-models", job (Scenario.RecentModels 3) (prior "dirichlet:7:0.5") 3 14 5 5UL
        "random-models", job Scenario.RandomModels (prior "dirichlet:6:1") 3 12 5 6UL
        "custom",
        job (custom "custom" (fun m -> [ 0, 4; m - 1, (if m = 1 then 9 else 6); max 0 (m - 3), 5 ])) zipf 3 1 6 7UL
        "fully-synthetic on a corpus", onCorpus Scenario.FullySynthetic (Some 6) 3 8UL
        "random-models on a corpus", onCorpus Scenario.RandomModels None 4 9UL
        "partially-synthetic on a corpus", onCorpus Scenario.PartiallySynthetic None 3 10UL
    ]

/// Means and extremes over contexts are those of the rows, of which every context has one in every generation.
let private expectMeans (rows: TraceRow list) (result: RunResult) =
    for m, rows in rows |> List.groupBy (fun row -> row.Generation) do
        Expect.equal result.Contexts[m - 1] (int64 rows.Length) $"contexts at {m}"

        for series in result.Series do
            let values =
                rows
                |> List.map (fun row -> row.Values[int series.Observable])
                |> List.filter (Double.IsNaN >> not)

            if not values.IsEmpty then
                let place = $"{Observables.NameOf series.Observable} at {m}"
                Expect.floatClose Accuracy.high series.Mean[m - 1] (List.average values) $"mean {place}"
                Expect.floatClose Accuracy.high series.Maximum[m - 1] (List.max values) $"largest {place}"
                Expect.floatClose Accuracy.high series.Minimum[m - 1] (List.min values) $"smallest {place}"

let private plainTests =
    [
        for schedule, job in schedules do
            for kind, classifier in classifiers do
                test $"{schedule}, {kind}: every context at every generation is that of a plain simulation" {
                    let job =
                        { job with
                            Classifier = classifier
                            Trace = 1_000
                        }

                    let outcome = engine job
                    let expected, truths = SoftmaxSimulator.simulate job
                    let rows = List.ofSeq outcome.Result.Trace
                    Expect.equal rows.Length (expected.Length * expected.Head.Length) "every one"

                    let drawn =
                        Seq.sum
                            [
                                for row in rows ->
                                    let plan = outcome.Result.Plan
                                    let samples, real = plan.SamplesOf row.Context, plan.RealOf row.Context
                                    plan.Schedule.DrawnSize(row.Generation, samples, real)
                            ]

                    Expect.equal outcome.Result.Draws drawn "kept tokens are not drawn"

                    for row in rows do
                        let context = int row.Context
                        let now = expected[row.Generation - 1][context]
                        let truth = truths |> Option.map (fun laws -> laws[context])
                        let values = SoftmaxSimulator.observe truth (List.item context expected.Head) now
                        let place = $"context {context} at {row.Generation}"
                        Expect.equal row.Size now.Tokens.Length place
                        let modal = now.Law[row.Token]
                        Expect.isTrue (modal > Array.max now.Law - 1e-12) place

                        for o in 0 .. row.Values.Count - 1 do
                            let found = row.Values[o]

                            // Embedded laws are those of float32 logits that are added up in another order.
                            if not (Double.IsNaN(values[o]) && Double.IsNaN found) then
                                Expect.isLessThan
                                    (abs (found - values[o]))
                                    2e-9
                                    $"{Observables.NameOf(enum<Observable> o)} of {place}: {found}, {values[o]}"

                    expectMeans rows outcome.Result
                }
    ]

// ---- what must not matter

let private traced job = { job with Trace = 1_000 }

let private sameTests =
    [
        for kind, classifier in classifiers do
            test $"{kind}: threads, vector widths and chunks change nothing" {
                for _, job in schedules do
                    let job =
                        traced
                            { job with
                                Classifier = classifier
                                Contexts = job.Contexts |> Option.map ((*) 7)
                            }

                    let expected = softmax 1 VectorWidth.Bits128 job

                    for width in CpuEngine.Widths do
                        expectSame $"{width}" expected (softmax 3 width job)

                    if not classifier.Embedding.IsShared then
                        expectSame "chunks" expected (softmax 2 widest { job with Chunk = Some 5 })
            }
        test "training sets of the first generation are those of every engine, so that its digest is too" {
            for _, job in schedules do
                let first = { job with Generations = Some 1 }

                // A window is at most the number of generations; and contexts of a corpus that hold one token leave the
                // work of the other engines, which their digest tells.
                if not job.Scenario.Window.HasValue && job.Corpus.IsNone then
                    let softmax =
                        engine
                            { first with
                                Classifier = snd classifiers[3]
                            }

                    Expect.equal softmax.Result.Digest (cpu first).Result.Digest job.Scenario.Name
        }
        test "until collapse, contexts leave at the collapse that they have anyway" {
            let job =
                { job Scenario.FullySynthetic (prior "zipf:5:1") 40 6 30 11UL with
                    Classifier = snd classifiers[1]
                }

            let all = engine job

            for chunk in [ None; Some 7 ] do
                let until =
                    engine
                        { job with
                            UntilCollapse = true
                            Chunk = chunk
                        }

                let times (outcome: Outcome) =
                    [
                        for table in outcome.Tables do
                            yield! table.CollapseTime
                    ]

                Expect.sequenceEqual (times until) (times all) "collapse times"
                Expect.isGreaterThan (times all |> List.filter (fun t -> t > 1)).Length 20 "there are some"

                let generations =
                    times all |> List.sumBy (fun time -> if time = 0 then 30 else time)

                Expect.equal until.Result.Draws (6L * int64 generations) "and cost nothing afterwards"
                Expect.equal until.Progress.Settled until.Result.Plan.Draws "but all is settled"

                for table in until.Tables do
                    for row in 0 .. table.Count - 1 do
                        Expect.equal (table.IsCollapsed row) (table.CollapseTime[row] > 0) "and stay collapsed"
        }
        test "a training set of one token is a collapse, though the model keeps others" {
            let weights = Collapse.Priors.PriorParser.FromWeights [ 1.0; 0.0; 0.0 ]

            let outcome =
                engine
                    { job Scenario.FullySynthetic weights 3 10 1 12UL with
                        Classifier = snd classifiers[2]
                    }

            Expect.equal outcome.Tables.Head.CollapseTime [| 1; 1; 1 |] "collapsed"
            Expect.equal outcome.Result.CollapsedFraction[0] 1.0 "all"
            Expect.isTrue (outcome.Tables.Head.IsCollapsed 0) "each"
            // (10 + 0.3)/(10 + 3·0.3)
            Expect.floatClose
                Accuracy.high
                outcome.Result[Observable.MaxProbability].Mean[0]
                (10.3 / 10.9)
                "and yet not certain"
        }
    ]

// ---- errors, held-out text, progress, interruption

let private partTests =
    [
        test "a step's two errors bound how far the model goes" {
            let job =
                traced
                    { job Scenario.FullySynthetic (prior "zipf:30:1") 10 25 8 13UL with
                        Classifier = classifier "gradient:60:5" "onehot" 1.0 None 1.0
                    }

            for _, rows in (engine job).Result.Trace |> Seq.groupBy _.Context do
                let value (o: Observable) (row: TraceRow) = row.Values[int o]
                let mutable sum = 0.0

                for row in rows do
                    sum <-
                        sum
                        + value Observable.StatisticalError row
                        + value Observable.FunctionalError row

                    // p^(m) - p^(0) is the sum of the differences whose lengths these are.
                    Expect.isLessThanOrEqual (value Observable.L1FromTruth row) (sum + 1e-12) "triangle"
        }
        test "held-out text has a finite cross-entropy under a smoothed model" {
            let lambda = 0.25

            let job =
                { onCorpus Scenario.FullySynthetic None 1 1UL with
                    Classifier = classifier $"smoothed:{lambda}" "onehot" 1.0 None 1.0
                }

            let corpus, heldOut = job.Corpus.Value, job.HeldOut.Value

            let logs =
                [
                    for j in 0 .. corpus.ContextCount - 1 do
                        let followers = corpus.FollowersOf(j).ToArray()

                        for i in int heldOut.Offsets.Span[j] .. int heldOut.Offsets.Span[j + 1] - 1 do
                            let count = followers |> Array.filter ((=) heldOut.Tokens.Span[i]) |> Array.length

                            let p =
                                (float count + lambda)
                                / (float followers.Length + lambda * float corpus.VocabularySize)

                            float heldOut.Counts.Span[i], -log p
                ]

            let known = logs |> List.sumBy fst
            let found = (engine job).Result.HeldOut |> nonNull
            Expect.isTrue (logs |> List.exists (fun (_, l) -> l > 2.0)) "some were never seen"

            Expect.floatClose
                Accuracy.high
                found.CoveredCrossEntropy[0]
                (List.sumBy (fun (h, l) -> h * l) logs / known)
                ""

            Expect.floatClose Accuracy.high found.Unseen[0] (1.0 - known / float heldOut.TransitionCount) "unknown ones"
            Expect.equal found.CrossEntropy[0] infinity "which no model can know"
        }
        test "held-out text of known words only has a cross-entropy in every generation" {
            withText (text 5 2_000) (fun path ->
                let corpus = Corpus.Read(path, "chars", 1)

                let job =
                    { onCorpus Scenario.FullySynthetic None 6 1UL with
                        Corpus = Some corpus
                        HeldOut = Some(withText (text 6 500) corpus.ReadHeldOut)
                        Classifier = classifier "gradient:20:4" "gaussian:4" 1.0 None 1.0
                    }

                let found = (engine job).Result.HeldOut |> nonNull
                Expect.isTrue (found.CrossEntropy |> Seq.forall Double.IsFinite) "finite"
                Expect.isTrue (found.Unseen |> Seq.forall ((=) 0.0)) "nothing is impossible")
        }
        for name, classifier, least in
            [
                "steps of a shared model", classifier "gradient:50:1" "gaussian:2" 1.0 None 1.0, 3 * 50
                "the gradient of a shared model", classifier "newton:1e-3" "gaussian:2" 1.0 None 1.0, 3 * 5
                "blocks of contexts", classifier "gradient:50:1" "onehot" 1.0 None 1.0, 3 * 4
            ] do
            test $"progress moves with {name}" {
                let job =
                    { job Scenario.FullySynthetic (prior "zipf:50:1") 300 1_000 3 14UL with
                        Classifier = classifier
                    }

                let plan = Planner.Plan(settings job)
                let calls = ConcurrentQueue<struct (int64 * int64)>()

                let chunk =
                    Chunk(plan, 0L, 300, ConcurrentBag(), (fun draws settled -> calls.Enqueue(struct (draws, settled))))

                use engine = new SoftmaxEngine(2)
                engine.Train(plan, chunk, CancellationToken.None)
                let moves = [ for struct (_, settled) in calls -> settled ]
                Expect.equal (List.sum moves) plan.Draws "ends where the plan does"
                Expect.isTrue (moves |> List.forall (fun move -> move >= 0L)) "never goes back"
                Expect.isGreaterThan (moves |> List.filter (fun move -> move > 0L)).Length least "often"
            }
        for embedding in [ "onehot"; "gaussian:4" ] do
            test $"an interrupted run keeps the generations that are done, {embedding}" {
                let job =
                    { job Scenario.FullySynthetic (prior "zipf:400:1") 100 200 1_000_000 15UL with
                        Classifier = classifier "gradient:20:1" embedding 1.0 None 1.0
                        ReportAt = ReportGrid.At [ 1; 2; 3 ]
                    }

                use engine = new SoftmaxEngine(2)
                let simulation = Simulation.Prepare(settings job, engine)
                use source = new CancellationTokenSource()

                // Ends it when the third generation has been drawn.
                let watcher =
                    Thread(fun () ->
                        while simulation.Progress.Draws < 3L * 100L * 200L do
                            Thread.Sleep 1

                        source.Cancel())

                watcher.Start()
                let result = simulation.Run(null, source.Token)
                watcher.Join()
                Expect.equal result.Status RunStatus.Interrupted "said so"
                Expect.equal (result.TrainedContexts()) 100L "all were trained"
                Expect.isGreaterThanOrEqual result.Generation.Length 2 "the first two are there"
                Expect.isLessThan result.Generations 1_000_000 "and it ended early"
            }
        test "a refit that diverges names generation and context" {
            // Of one token the first step makes it certain; of two nearly equal ones the steps swing ever wider.
            let rows =
                Collapse.Priors.PriorParser.FromRows
                    [
                        for j in 0..9 ->
                            ResizeArray(if j < 7 then [ 1.0; 0.0 ] else [ 1.0; 1.0 ]) :> IReadOnlyList<float>
                    ]

            let message =
                let job =
                    { job Scenario.FullySynthetic rows 10 100_000 2 1UL with
                        Classifier = classifier "gradient:12:100000" "onehot" 1.0 None 1.0
                        Chunk = Some 3
                    }

                try
                    engine job |> ignore
                    "no error"
                with :? RefitDivergedException as e ->
                    e.Message

            Expect.stringStarts message "--refit gradient:12:100000: diverged in generation 1, context 7, loss " ""
            Expect.stringEnds message "choose a RATE below 4" ""
        }
    ]

[<Tests>]
let tests =
    testList
        "softmax runs"
        [
            testList "are the plain simulation" plainTests
            testList "do not depend on how they are made" sameTests
            testList "parts" partTests
        ]
