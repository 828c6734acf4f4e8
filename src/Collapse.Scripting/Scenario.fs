namespace Collapse.Scripting

open System
open Collapse.Running
open Collapse.Softmax
open Collapse.Softmax.Refit
open Collapse.Softmax.Sampling

type internal Schedules = Collapse.Model.Scenario

/// <summary>A truth, a schedule of training data, and how much of everything: a run that can be changed and asked for.</summary>
[<NoEquality; NoComparison>]
type Scenario =
    {
        /// <summary>Where real tokens come from.</summary>
        Truth: Truth
        /// <summary>Where each generation's training tokens come from (eq. 5).</summary>
        Schedule: Collapse.Model.Scenario
        /// <summary>Number of contexts c; none for one (a prior) or the text's own (a corpus).</summary>
        Contexts: int option
        /// <summary>Sample size n; none for n_j = N_j (a corpus) or where a custom schedule brings its numbers.</summary>
        Samples: int option
        /// <summary>Real tokens N that stand in every training set (partially synthetic with a prior).</summary>
        Real: int option
        /// <summary>How models are trained and sampled: eq. 2 unless changed.</summary>
        Classifier: Classifier
        /// <summary>Last generation; none until collapse.</summary>
        Generations: int option
        /// <summary>Whether each context ends with its collapse.</summary>
        UntilCollapse: bool
        /// <summary>The seed: with everything above it decides every result.</summary>
        Seed: uint64
        /// <summary>How generations are drawn: token by token unless changed.</summary>
        Sampler: Sampler
        /// <summary>The generations whose observables are reported.</summary>
        ReportAt: ReportGrid
        /// <summary>Number of contexts whose whole trajectory is kept.</summary>
        Traced: int
        /// <summary>"auto", "cpu", "cuda:0", …: no result depends on it.</summary>
        Engine: string
        /// <summary>Threads of the CPU engine; none for one per core.</summary>
        Threads: int option
    }

    static member private From(truth, schedule, samples, real) =
        {
            Truth = truth
            Schedule = schedule
            Contexts = None
            Samples = samples
            Real = real
            Classifier = Classifier.ClosedForm
            Generations = Some 100
            UntilCollapse = false
            Seed = 1UL
            Sampler = Sampler.Tokens
            ReportAt = ReportGrid.Standard
            Traced = 0
            Engine = "auto"
            Threads = None
        }

    /// <summary>Every generation learns from n tokens of its predecessor, the first from n real ones (§2.2).</summary>
    /// <param name="samples">n; leave it out with a corpus for n_j = N_j.</param>
    static member fullySynthetic(?samples: int) =
        fun truth -> Scenario.From(truth, Schedules.FullySynthetic, samples, None)

    /// <summary>The same N real tokens every time and n of the predecessor (§2.2).</summary>
    /// <param name="real">N; leave it out with a corpus, whose own tokens are kept.</param>
    /// <param name="samples">n; leave it out with a corpus for n_j = N_j.</param>
    static member partiallySynthetic(?real: int, ?samples: int) =
        fun truth -> Scenario.From(truth, Schedules.PartiallySynthetic, samples, real)

    /// <summary>⌊n/K⌋ tokens of each of the last K models (§4.2).</summary>
    /// <param name="window">K.</param>
    /// <param name="samples">n; leave it out with a corpus for n_j = N_j.</param>
    static member recentModels(window: int, ?samples: int) =
        fun truth -> Scenario.From(truth, Schedules.RecentModels window, samples, None)

    /// <summary>n tokens, each of a uniformly chosen earlier model, the truth among them (§4.2).</summary>
    /// <param name="samples">n; leave it out with a corpus for n_j = N_j.</param>
    static member randomModels(?samples: int) =
        fun truth -> Scenario.From(truth, Schedules.RandomModels, samples, None)

    /// <summary>Any schedule of eq. 5: a function from the generation m to its sources (t, n_t), t from 0 (fresh real tokens) to m - 1.</summary>
    /// <param name="name">A name for records and legends.</param>
    /// <param name="sources">The function; with a corpus, generation 1 is the corpus and is not asked for.</param>
    static member custom (name: string) (sources: int -> (int * int) list) =
        let schedule =
            Schedules.Custom(name, (fun m -> sources m |> Seq.map (fun (source, count) -> struct (source, count))))

        fun truth -> Scenario.From(truth, schedule, None, None)

    /// <summary>Trains c contexts side by side.</summary>
    static member withContexts (count: int) (scenario: Scenario) = { scenario with Contexts = Some count }

    /// <summary>Ends after generation G.</summary>
    static member withGenerations (last: int) (scenario: Scenario) =
        { scenario with
            Generations = Some last
            UntilCollapse = false
        }

    /// <summary>Ends when every context has collapsed.</summary>
    static member untilCollapse(scenario: Scenario) =
        { scenario with
            Generations = None
            UntilCollapse = true
        }

    /// <summary>Ends when every context has collapsed, and after a number of generations at the latest.</summary>
    static member untilCollapseWithin (last: int) (scenario: Scenario) =
        { scenario with
            Generations = Some last
            UntilCollapse = true
        }

    /// <summary>Trains models by steps, or smooths them: <c>Refit.gradient 50 1.0</c>.</summary>
    /// <param name="refit">One of <c>Refit</c>.</param>
    static member withRefit (refit: RefitMethod) (scenario: Scenario) =
        let it = scenario.Classifier

        { scenario with
            Classifier = Classifier(Refit = refit, L2 = it.L2, Embedding = it.Embedding, Decoding = it.Decoding)
        }

    /// <summary>Penalises the squares of the parameters; for refits by steps.</summary>
    /// <param name="l2">The penalty, 0 to 1e6.</param>
    static member withL2 (l2: float) (scenario: Scenario) =
        let it = scenario.Classifier

        { scenario with
            Classifier = Classifier(Refit = it.Refit, L2 = l2, Embedding = it.Embedding, Decoding = it.Decoding)
        }

    /// <summary>Lets contexts share parameters: <c>Embedding.gaussian 64</c>; for refits by steps.</summary>
    /// <param name="embedding">One of <c>Embedding</c>.</param>
    static member withEmbedding (embedding: ContextEmbedding) (scenario: Scenario) =
        let it = scenario.Classifier

        { scenario with
            Classifier = Classifier(Refit = it.Refit, L2 = it.L2, Embedding = embedding, Decoding = it.Decoding)
        }

    static member private WithDecoding (rule: SamplingRule) (scenario: Scenario) =
        let it = scenario.Classifier

        { scenario with
            Classifier = Classifier(Refit = it.Refit, L2 = it.L2, Embedding = it.Embedding, Decoding = rule)
        }

    /// <summary>Draws tokens with probabilities proportional to p^(1/T).</summary>
    /// <param name="temperature">T, 1e-6 to 1e6.</param>
    static member withTemperature (temperature: float) (scenario: Scenario) =
        let rule = scenario.Classifier.Decoding
        Scenario.WithDecoding (SamplingRule(temperature, rule.TopK, rule.TopP)) scenario

    /// <summary>Draws only the k most probable tokens.</summary>
    static member withTopK (k: int) (scenario: Scenario) =
        let rule = scenario.Classifier.Decoding
        Scenario.WithDecoding (SamplingRule(rule.Temperature, Nullable k, rule.TopP)) scenario

    /// <summary>Draws only the most probable tokens that together have mass p.</summary>
    static member withTopP (p: float) (scenario: Scenario) =
        let rule = scenario.Classifier.Decoding
        Scenario.WithDecoding (SamplingRule(rule.Temperature, rule.TopK, p)) scenario

    /// <summary>Another seed: another, independent run.</summary>
    static member withSeed (seed: uint64) (scenario: Scenario) = { scenario with Seed = seed }

    /// <summary>
    /// Reports these generations, in ascending order, and the last. Where each generation learns only from the one
    /// before, those between are jumped over.
    /// </summary>
    static member withReportsAt (generations: int list) (scenario: Scenario) =
        { scenario with
            ReportAt = ReportGrid.At generations
        }

    /// <summary>Reports so many generations between 1 and 10, between 10 and 100, and so on, and the last.</summary>
    static member withReportsPerDecade (count: int) (scenario: Scenario) =
        { scenario with
            ReportAt = ReportGrid.Geometric count
        }

    /// <summary>
    /// Draws only the counts of a generation, from generation 33 on: equal in distribution and much faster where few
    /// tokens are alive. For schedules that draw from the generation before and nothing else.
    /// </summary>
    static member withCountSampler(scenario: Scenario) =
        { scenario with
            Sampler = Sampler.Counts
        }

    /// <summary>Keeps the whole trajectory of the first contexts.</summary>
    static member withTraced (count: int) (scenario: Scenario) = { scenario with Traced = count }

    /// <summary>Runs on this engine: "cpu", "cuda:0", "opencl:0"; see <c>Devices.list</c>.</summary>
    static member withEngine (name: string) (scenario: Scenario) = { scenario with Engine = name }

    /// <summary>Uses so many threads of the CPU.</summary>
    static member withThreads (count: int) (scenario: Scenario) = { scenario with Threads = Some count }

    /// <summary>The settings of the core.</summary>
    static member toSettings(scenario: Scenario) =
        let prior, corpus, heldOut =
            match scenario.Truth with
            | Truth.Prior prior -> Some prior, None, None
            | Truth.Corpus(corpus, heldOut) -> None, Some corpus, heldOut

        RunSettings(
            Scenario = scenario.Schedule,
            Prior = Option.toObj prior,
            Corpus = Option.toObj corpus,
            HeldOut = Option.toObj heldOut,
            Contexts = (scenario.Contexts |> Option.map int64 |> Option.toNullable),
            Samples = Option.toNullable scenario.Samples,
            Real = Option.toNullable scenario.Real,
            Generations = Option.toNullable scenario.Generations,
            UntilCollapse = scenario.UntilCollapse,
            Classifier = scenario.Classifier,
            Seed = scenario.Seed,
            Sampler = scenario.Sampler,
            ReportAt = scenario.ReportAt,
            Trace = scenario.Traced,
            Threads = Option.toNullable scenario.Threads
        )

    /// <summary>The schedule and how much of everything, without the truth.</summary>
    member internal scenario.Title =
        let part name value =
            value |> Option.map (fun v -> $"{name} = {v:N0}") |> Option.toList

        let classifier =
            let it = scenario.Classifier

            [
                if it.Refit <> Classifier.ClosedForm.Refit then
                    $"refit {it.Refit}"
                if it.L2 > 0.0 then
                    $"L2 = {it.L2}"
                if it.Embedding.IsShared then
                    $"{it.Embedding} contexts"
                if it.Decoding.Temperature <> 1.0 then
                    $"T = {it.Decoding.Temperature}"
                if it.Decoding.TopK.HasValue then
                    $"top-k {it.Decoding.TopK}"
                if it.Decoding.TopP < 1.0 then
                    $"top-p {it.Decoding.TopP}"
            ]

        let parts =
            part "N" scenario.Real
            @ part "n" scenario.Samples
            @ (scenario.Schedule.Window |> Option.ofNullable |> part "K")
            @ part "contexts" scenario.Contexts
            @ classifier
            @ (if scenario.UntilCollapse then
                   [ "until collapse" ]
               else
                   part "generations" scenario.Generations)
            @ [ $"seed = {scenario.Seed}" ]

        $"""{scenario.Schedule.Name} ({String.concat ", " parts})"""

    /// <summary>One line about the scenario.</summary>
    override scenario.ToString() =
        $"{scenario.Title} from {scenario.Truth}"
