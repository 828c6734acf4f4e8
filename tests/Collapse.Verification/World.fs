/// What a check looks at: a simulator and a theory. The product is one such world; the planted defects are others.
namespace Collapse.Verification

open System
open Collapse.Engines
open Collapse.Priors
open Collapse.Results
open Collapse.Softmax
open Collapse.Softmax.Sampling
open Collapse.Theory

/// Where training tokens come from, in the words of docs/model.md.
[<RequireQualifiedAccess; CustomEquality; NoComparison>]
type Training =
    | FullySynthetic
    /// N, the real tokens kept.
    | PartiallySynthetic of real: int
    | RecentModels of window: int
    | RandomModels
    /// For generation m the sources with their numbers of tokens.
    | Custom of name: string * (int -> (int * int) list)

    member training.Name =
        match training with
        | FullySynthetic -> "fully-synthetic"
        | PartiallySynthetic _ -> "partially-synthetic"
        | RecentModels _ -> "recent-models"
        | RandomModels -> "random-models"
        | Custom(name, _) -> name

    override training.Equals other = Object.ReferenceEquals(training, other)
    override training.GetHashCode() = training.Name.GetHashCode()

/// A text whose n-grams of an order are the contexts: the followers of each are its real tokens.
type Text = { Order: int; Letters: string }

/// A run to be made.
[<NoEquality; NoComparison>]
type Experiment =
    {
        Training: Training
        /// As on the command line.
        Prior: string
        /// The truth in place of the prior. With it Contexts is of no account, and neither is the N of Training.
        Text: Text option
        /// n; 0 for as many as each context of a text has.
        Samples: int
        Contexts: int
        /// The last generation; with UntilCollapse the most that a context may take.
        Generations: int
        UntilCollapse: bool
        Seed: uint64
        /// The generations to be looked at, all where empty.
        At: int list
        /// What is to be looked at: a plain simulator computes nothing else.
        Observables: Observable list
    }

    /// A run without a text, all of whose generations are looked at, but no observable.
    static member Of(training, prior, samples, contexts, generations, seed) =
        {
            Training = training
            Prior = prior
            Text = None
            Samples = samples
            Contexts = contexts
            Generations = generations
            UntilCollapse = false
            Seed = seed
            At = []
            Observables = []
        }

    member job.Real =
        match job.Training with
        | Training.PartiallySynthetic real -> Some real
        | _ -> None

    /// The truth and the sample sizes, for labels.
    member job.Sizes =
        let real =
            match job.Real with
            | Some real -> $"N = {real}, "
            | None -> ""

        $"{job.Prior}, {real}n = {job.Samples}"

    /// The command that makes the run again, or what to put into a script.
    member job.Command =
        let scenario =
            match job.Training with
            | Training.RecentModels window -> $"recent-models --window {window}"
            | Training.PartiallySynthetic real -> $"partially-synthetic --real {real}"
            | training -> training.Name

        let length =
            $"--generations {job.Generations}"
            + (if job.UntilCollapse then " --until-collapse" else "")

        let command =
            $"collapse run --prior {job.Prior} --scenario {scenario} --samples {job.Samples} --contexts {job.Contexts} {length} --seed {job.Seed}"

        match job.Training with
        | _ when job.Text.IsSome ->
            $"a text of %d{job.Text.Value.Letters.Length} letters (CorpusChecks) as --corpus: collapse run --tokenizer chars --order {job.Text.Value.Order} --scenario {job.Training.Name} --samples {job.Samples} {length} --seed {job.Seed}"
        | Training.Custom(name, schedule) ->
            let first = [ for m in 1..4 -> $"{m}: {schedule m}" ] |> String.concat "; "
            $"custom schedule '{name}' ({first}; ...) in place of --scenario: {command}"
        | _ -> command

    member job.Probabilities = (PriorParser.Parse job.Prior).Probabilities()

/// What a run measured.
[<NoEquality; NoComparison>]
type Measurement =
    {
        /// Mean and standard deviation over contexts at a generation.
        Series: Observable -> int -> float * float
        /// Contexts with one token left at a generation.
        Collapsed: int -> int
        /// T of each context, 0 where it did not collapse.
        CollapseTimes: int[]
        /// The token of largest probability of each context at its end.
        Tokens: int[]
        /// The last value of an observable for each context.
        Last: Observable -> float[]
    }

/// A bound's parameters.
[<NoEquality; NoComparison>]
type Setting =
    {
        /// p.
        Law: float[]
        /// N; 0 where no real tokens are kept.
        Real: int
        /// n.
        Samples: int
        /// K.
        Window: int
        /// m.
        Generation: int
        /// Contexts that are looked at together.
        Together: int
        /// The deviation that one of them reaches.
        Level: float
    }

/// The formulas under test, from src/Collapse.Theory.
[<NoEquality; NoComparison>]
type Theory =
    {
        /// (6): S_m from S_0, n, m.
        Equation6: float -> int -> int -> float
        /// (9): S_m from S_0, N, n, m.
        Equation9: float -> int -> int -> int -> float
        /// S_0, n, K, last m: S_m of recent-models for m = 0 … last.
        RecentModels: float -> int -> int -> int -> float[]
        /// S_0, n, last m: S_m of random-models.
        RandomModels: float -> int -> int -> float[]
        /// rho_m for m = 0 … last.
        Collapsed: float[] -> int -> int -> float[]
        /// E T.
        MeanCollapseTime: float[] -> int -> float
        /// Exact E||p^(m) - p^(1)||_1 for m = 1 … last, of N kept real tokens (0: fully synthetic).
        Deviation: float[] -> int -> int -> int -> float[]
        /// Every bound by its name, at a setting.
        Bound: string -> Setting -> Bound
        /// The n of each method of the planner, by its name: p, N, tolerance, m.
        MaxSamples: float[] -> int -> float -> int -> (string * PlanAnswer) list
    }

/// What one block of random words is for: everything in it that docs/model.md tells apart.
[<Struct>]
type Purpose =
    {
        Context: uint32
        Generation: uint32
        Segment: uint32
        /// One of DrawPurpose.
        Use: uint32
        /// The block, or the draw that was rejected.
        Block: uint32
        /// 0, or the number of the attempt after a rejection.
        Attempt: uint32
    }

/// A Philox counter and its key.
[<Struct>]
type Counter =
    {
        C0: uint32
        C1: uint32
        C2: uint32
        C3: uint32
        Key: uint64
    }

/// Softmax models.
[<NoEquality; NoComparison>]
type Softmax =
    {
        /// How often each token of a row of logits is drawn: logits, rule, number of draws, seed.
        Sample: float32[] -> SamplingRule -> int -> uint64 -> int64[]
        /// As World.Measure, of softmax models; Collapsed counts training sets of one token.
        Train: Classifier -> Experiment -> Measurement
    }

/// A simulator and a theory.
[<NoEquality; NoComparison>]
type World =
    {
        Name: string
        Measure: Experiment -> Measurement
        /// Shows every model of every context, context after context.
        Models: Experiment -> (TrainedModel -> unit) -> unit
        /// The 32-bit words of a stream: seed, context, generation, segment, purpose, number.
        Words: uint64 -> uint32 -> uint32 -> uint32 -> uint32 -> int -> uint32[]
        /// Every Philox counter that a run asks for: what it is asked for, and the counter with its key.
        Counters: Experiment -> (Purpose -> Counter -> unit) -> unit
        Softmax: Softmax
        Theory: Theory
    }

/// The formulas of the product.
[<RequireQualifiedAccess>]
module Theory =
    let private mean (p: float[]) real =
        SubsetSum.ExpectedLambda1UpperBound(p, int64 real)

    let private bound name (at: Setting) =
        let p, n, m = at.Law, int64 at.Samples, at.Generation

        let law () =
            if at.Real > 0 then
                DeviationLaw.PartiallySynthetic(p, int64 at.Real, n)
            else
                DeviationLaw.FullySynthetic(p, n)

        let lower (struct (low: Bound, _: Bound)) = low
        let upper (struct (_: Bound, high: Bound)) = high
        let laws () = List.init at.Together (fun _ -> law ())

        let allCollapsed () =
            ManyContexts([| ContextGroup(p, at.Samples, int64 at.Together) |]).AllCollapsedBounds m

        match name with
        | "(7) lower" -> lower (CollapseTimeBounds.CollapseProbability(p, n, m))
        | "(7) upper" -> upper (CollapseTimeBounds.CollapseProbability(p, n, m))
        | "(8) lower" -> lower (CollapseTimeBounds.ExpectedCollapseTime(p, n))
        | "(8) upper" -> upper (CollapseTimeBounds.ExpectedCollapseTime(p, n))
        | "Theorem 3" -> DeviationBounds.Theorem3(at.Real, n, p.Length)
        | "Theorem 4" -> DeviationBounds.Theorem4(at.Real, n, p.Length, mean p at.Real)
        | "sharp" -> law().Sharp(Nullable m)
        | "two-moment" -> law().TwoMoment(Nullable m)
        | "recent-models sharp" -> ScheduleRecursions.RecentModels(n, at.Window, m).SharpFromFirst(p, m)
        | "random-models sharp" -> ScheduleRecursions.RandomModels(n, m).SharpFromFirst(p, m)
        | "first extinction lower" -> lower (FullySyntheticLaw(p, at.Samples).FirstExtinctionBounds m)
        | "first extinction upper" -> upper (FullySyntheticLaw(p, at.Samples).FirstExtinctionBounds m)
        | "largest deviation" -> ManyContexts.ExpectedLargestDeviation(laws (), Nullable m)
        | "deviation probability" -> ManyContexts.DeviationProbability(laws (), at.Level, Nullable m)
        | "all collapsed lower" -> lower (allCollapsed ())
        | "all collapsed upper" -> upper (allCollapsed ())
        | "λ_1" ->
            let value = mean p at.Real
            Bound(value, value >= 0.25)
        | _ -> invalidArg (nameof name) $"'{name}' is no bound"

    let private maxSamples (p: float[]) real tolerance m =
        let plan = Planner.MaxSamples(p, int64 real, tolerance, Nullable m)

        [
            "(11)", plan.Equation11
            "Theorem 3", plan.Theorem3
            "Theorem 4", plan.Theorem4
            "sharp", plan.Sharp
            "two-moment", plan.TwoMoment
            "exact", plan.Exact
        ]

    let product =
        {
            Equation6 = fun s0 n m -> ClosedForms.FullySynthetic(s0, n, m)
            Equation9 = fun s0 real n m -> ClosedForms.PartiallySynthetic(s0, real, n, m)
            RecentModels =
                fun s0 n window last ->
                    let moments = ScheduleRecursions.RecentModels(n, window, last)
                    [| for m in 0..last -> moments.SumOfSquares(s0, m) |]
            RandomModels =
                fun s0 n last ->
                    let moments = ScheduleRecursions.RandomModels(n, last)
                    [| for m in 0..last -> moments.SumOfSquares(s0, m) |]
            Collapsed = fun p n last -> FullySyntheticLaw(p, n).CollapseProbabilities last
            MeanCollapseTime = fun p n -> FullySyntheticLaw(p, n).ExpectedCollapseTime
            Deviation =
                fun p real n last ->
                    let law =
                        if real > 0 then
                            DeviationLaw.PartiallySynthetic(p, real, n)
                        else
                            DeviationLaw.FullySynthetic(p, n)

                    match law.Exact last with
                    | null -> invalidArg (nameof n) $"no exact deviation for n = {n}"
                    | all -> all[1..]
            Bound = bound
            MaxSamples = maxSamples
        }
