/// Simulated quantities against every bound of the theory, on parameters drawn at random. A bound is checked only where
/// it says more than the trivial one, and every bound must have been checked somewhere.
///
/// Each p-value is one-sided and free of approximations: exact binomial tails for fractions (Clopper and Pearson), the
/// empirical Bernstein bound for means of bounded values. It is the smallest α at which the one-sided confidence limit
/// of the simulated quantity lies beyond the bound.
module Collapse.Verification.BoundChecks

open System
open MathNet.Numerics
open Collapse.Priors
open Collapse.Results
open Collapse.Scripting
open Collapse.Theory

let private alpha = 1e-8

// ---- parameters at random

let private oneOf (random: Random) (items: 'a list) = items[random.Next items.Length]

/// Priors of s tokens of many shapes, as the command line spells them.
let private randomPrior (random: Random) s =
    match random.Next 3 with
    | 0 -> $"uniform:{s}"
    | 1 -> sprintf "zipf:%d:%.1f" s (0.2 + 1.8 * random.NextDouble())
    | _ ->
        let support = random.Next(2, s + 1)
        // Between 1/support and 1.
        let least = 1.0 / float support
        sprintf "power:%d:%d:%.3f" s support (least + (0.05 + 0.6 * random.NextDouble()) * (1.0 - least))

let private experiment training prior samples contexts generations seed observable =
    { Experiment.Of(training, prior, samples, contexts, generations, seed) with
        Observables = [ observable ]
    }

let private setting (job: Experiment) window m =
    {
        Law = job.Probabilities
        Real = defaultArg job.Real 0
        Samples = job.Samples
        Window = window
        Generation = m
        Together = 1
        Level = 0.0
    }

/// What the command line says of the same parameters.
let private again (job: Experiment) finding =
    let theory =
        match job.Training with
        | Training.FullySynthetic
        | Training.PartiallySynthetic _ -> "; " + job.Command.Replace("collapse run", "collapse theory")
        | _ -> ""

    { finding with
        Again = job.Command + theory
    }

// ---- verdicts: None where the bound is vacuous

type private Comparison =
    {
        Finding: Finding
        Bound: float
        Simulated: float
    }

/// A mean of values on [0, range] below an upper bound (side = 1) or above a lower one (side = -1).
let private meanWithin side label range (bound: Bound) mean deviation count (job: Experiment) =
    if bound.Vacuous then
        None
    else
        let variance = deviation * deviation

        let finding =
            {
                Label = $"{label}, {job.Sizes}"
                Size = int64 count
                Statistic = $"simulated {mean:R}, bound {bound.Value:R}"
                P = Compare.bernstein range (side * (mean - bound.Value)) variance count
                Sees = fun alpha -> Compare.bernsteinDistance range variance count alpha / range
                Again = ""
            }

        Some
            {
                Finding = again job finding
                Bound = bound.Value
                Simulated = mean
            }

/// k of n contexts, whose probability is bounded.
let private fractionWithin side label (bound: Bound) (k: int) (n: int) (job: Experiment) =
    if bound.Vacuous then
        None
    else
        let tail = if side > 0.0 then Compare.atMost else Compare.atLeast

        let finding =
            {
                Label = $"{label}, {job.Sizes}"
                Size = int64 n
                Statistic = $"simulated {k} of {n} = {float k / float n:R}, bound {bound.Value:R}"
                P = tail (int64 k) (int64 n) bound.Value
                // Hoeffding, for any probability.
                Sees =
                    fun alpha ->
                        sqrt (log (1.0 / alpha) / (2.0 * float n))
                        + sqrt (log (1.0 / (1.0 - Compare.power)) / (2.0 * float n))
                Again = ""
            }

        Some
            {
                Finding = again job finding
                Bound = bound.Value
                Simulated = float k / float n
            }

/// All comparisons of a bound: the vacuous ones are counted, and at least one must be of use.
let private evidence names (comparisons: (string * Comparison option) list) =
    let counted =
        [
            for name in names do
                let mine = comparisons |> List.filter (fun (other, _) -> other = name)
                let useful = mine |> List.filter (snd >> Option.isSome) |> List.length
                name, useful, mine.Length - useful
        ]

    {
        Findings =
            [
                yield! comparisons |> List.choose snd |> List.map _.Finding
                for name, useful, vacuous in counted do
                    Compare.exact
                        $"{name}: some comparisons are not vacuous"
                        (int64 useful)
                        $"{useful} checked, {vacuous} vacuous"
                        (useful > 0)
            ]
        Figures =
            fun () ->
                let points =
                    [
                        for name in names do
                            name,
                            [
                                for other, comparison in comparisons do
                                    match comparison with
                                    | Some it when other = name -> it.Bound, it.Simulated
                                    | _ -> ()
                            ]
                    ]
                    |> List.filter (fun (_, all) -> not all.IsEmpty)

                let largest =
                    points |> List.collect snd |> List.map (fun (x, y) -> max x y) |> List.max

                [
                    Figure.ofCurves
                        "bound"
                        "simulated"
                        [
                            for i, (name, all) in List.indexed points do
                                Figure.curve Look.Points i name all
                            Figure.curve Look.Exact 0 "equality" [ 0.0, 0.0; largest, largest ]
                        ]
                    |> Figure.withTitle "simulated against bound"
                ]
        Notes =
            [
                for name, useful, vacuous in counted -> $"{name}: {useful} checked, {vacuous} vacuous"
            ]
    }

/// A check that makes one experiment after the other with parameters of its own.
let private check name claim source notices names run =
    {
        Name = $"bounds/{name}"
        Claim = claim
        Source = source
        Alpha = alpha
        Measure = "distance beyond the bound, relative to the quantity's range"
        Notices = notices
        Run =
            fun world (effort: Effort) seed ->
                // More settings as well as more contexts.
                let settings = 12.0 * sqrt effort.Scale |> int |> max 4
                let random = Random(int (seed % 2147483647UL))

                [
                    for i in 1..settings do
                        yield! run world effort random (seed + uint64 i)
                ]
                |> evidence names
    }

/// Contexts of one setting: settings grow in number too.
let private contexts (effort: Effort) = int (4_000.0 * sqrt effort.Scale)

// ---- total collapse

let private equation7 =
    check
        "equation-7"
        "The fraction of collapsed contexts lies between the bounds (7)."
        "(7)"
        0.1
        [ "(7) lower"; "(7) upper" ]
        (fun world effort random seed ->
            let n = random.Next(2, 30)

            let job =
                experiment
                    Training.FullySynthetic
                    (randomPrior random (random.Next(2, 40)))
                    n
                    (contexts effort)
                    (8 * n)
                    seed
                    Observable.SumOfSquares

            let at = [ 1; max 1 (n / 2); n; 3 * n; 8 * n ]
            let measured = world.Measure { job with At = at }

            [
                for m in at do
                    for name, side in [ "(7) lower", -1.0; "(7) upper", 1.0 ] do
                        let bound = world.Theory.Bound name (setting job 1 m)

                        name, fractionWithin side $"{name} at m = {m}" bound (measured.Collapsed m) job.Contexts job
            ])

let private equation8 =
    check
        "equation-8"
        "The mean collapse time lies between the bounds (8)."
        "(8); T is cut at 40 n, beyond which (7) leaves less than n² e^-40 of its mean"
        0.03
        [ "(8) lower"; "(8) upper" ]
        (fun world effort random seed ->
            let n = random.Next(2, 20)

            let job =
                { experiment
                      Training.FullySynthetic
                      (randomPrior random (random.Next(2, 40)))
                      n
                      (contexts effort)
                      (60 * n)
                      seed
                      Observable.SumOfSquares with
                    UntilCollapse = true
                }

            let cut = 40.0 * float n

            let times =
                (world.Measure job).CollapseTimes |> Array.map (fun t -> min cut (float t))

            let mean, variance =
                Statistics.ArrayStatistics.Mean times, Statistics.ArrayStatistics.Variance times

            [
                for name, side in [ "(8) lower", -1.0; "(8) upper", 1.0 ] ->
                    name,
                    meanWithin
                        side
                        name
                        cut
                        (world.Theory.Bound name (setting job 1 1))
                        mean
                        (sqrt variance)
                        times.Length
                        job
            ])

// ---- deviation from the first model

/// Mean L1 distances to the first model at some generations.
let private deviations (world: World) (job: Experiment) window names =
    let job =
        { job with
            At = [ 2; 5; job.Generations ]
        }

    let measured = world.Measure job

    // n of N + n tokens can differ, and no more.
    let range =
        match job.Real with
        | Some real -> 2.0 * float job.Samples / float (real + job.Samples)
        | None -> 2.0

    [
        for m in job.At do
            let mean, deviation = measured.Series Observable.L1FromFirst m

            for name in names do
                name,
                meanWithin
                    1.0
                    $"{name} at m = {m}"
                    range
                    (world.Theory.Bound name (setting job window m))
                    mean
                    deviation
                    job.Contexts
                    job
    ]

let private theorems =
    let names = [ "Theorem 3"; "Theorem 4" ]

    let raw =
        check
            "theorems-3-and-4"
            "The mean L1 distance to the first model stays below Theorems 3 and 4."
            "Theorems 3 and 4; few tokens, one to three synthetic ones, and many real ones, as elsewhere both exceed 2"
            0.1
            names
            (fun world effort random seed ->
                // Few tokens and much real data at first, then what people use.
                let s, n, real =
                    if random.Next 3 > 0 then
                        random.Next(2, 8), random.Next(1, 4), int (20.0 * 60.0 ** random.NextDouble())
                    else
                        random.Next(20, 60), random.Next(5, 30), random.Next(20, 200)

                let job =
                    experiment
                        (Training.PartiallySynthetic real)
                        (randomPrior random s)
                        n
                        (contexts effort)
                        10
                        seed
                        Observable.L1FromFirst

                deviations world job 1 names)

    { raw with
        Run =
            fun world effort seed ->
                let found = raw.Run world effort seed

                // The smallest N, a power of 2, at which Theorem 3 says anything.
                let needed s n =
                    Seq.initInfinite (fun k -> 1L <<< k)
                    |> Seq.takeWhile (fun real -> real <= (1L <<< 40))
                    |> Seq.tryFind (fun real -> not (DeviationBounds.Theorem3(real, n, s)).Vacuous)
                    |> Option.map (fun real -> $"N = {real:N0}")
                    |> Option.defaultValue "more than 2^40 real tokens"

                { found with
                    Notes =
                        found.Notes
                        @ [
                            for s, n in [ 4, 1; 52, 1; 600, 10; 600, 50; 200_000, 10; 200_000, 100 ] ->
                                $"Theorem 3 first says something at s = {s:N0}, n = {n}: {needed s n} (powers of two)"
                        ]
                }
    }

let private sharp =
    let names = [ "sharp"; "two-moment" ]

    check
        "sharp-and-two-moment"
        "The mean L1 distance to the first model stays below the sharp and the two-moment bound, with real data kept and without."
        "docs/theory.md, Sharp bound"
        0.1
        names
        (fun world effort random seed ->
            let n = random.Next(1, 40)

            let training =
                if random.Next 2 = 0 then
                    Training.FullySynthetic
                else
                    Training.PartiallySynthetic(random.Next(1, 80))

            let job =
                experiment
                    training
                    (randomPrior random (random.Next(2, 40)))
                    n
                    (contexts effort)
                    15
                    seed
                    Observable.L1FromFirst

            deviations world job 1 names)

let private scheduleSharp =
    let recent, mixed = "recent-models sharp", "random-models sharp"

    check
        "schedules-sharp"
        "The mean L1 distance to the first model stays below the sharp bound of recent-models and random-models."
        "ScheduleMoments.SharpFromFirst; docs/theory.md, Schedules"
        0.1
        [ recent; mixed ]
        (fun world effort random seed ->
            let window = random.Next(1, 6)

            let training, name =
                if random.Next 2 = 0 then
                    Training.RecentModels window, recent
                else
                    Training.RandomModels, mixed

            let job =
                experiment
                    training
                    (randomPrior random (random.Next(2, 40)))
                    (random.Next(window, 50))
                    (contexts effort)
                    15
                    seed
                    Observable.L1FromFirst

            deviations world job window [ name ])

// ---- first extinction, many contexts

let private extinction =
    let names = [ "first extinction lower", -1.0; "first extinction upper", 1.0 ]

    check
        "first-extinction"
        "The fraction of contexts that lack some token of the truth lies between the bounds on the first extinction."
        "FullySyntheticLaw.FirstExtinctionBounds: negative association below, the union bound above"
        0.1
        (List.map fst names)
        (fun world effort random seed ->
            // Few tokens and many draws, so that nothing need be lost at once.
            let job =
                experiment
                    Training.FullySynthetic
                    (randomPrior random (random.Next(2, 6)))
                    (random.Next(15, 60))
                    (contexts effort)
                    (random.Next(1, 8))
                    seed
                    Observable.Support

            let support = job.Probabilities |> Array.filter (fun p -> p > 0.0) |> Array.length

            let lacking =
                (world.Measure job).Last Observable.Support
                |> Array.filter (fun left -> left < float support)
                |> Array.length

            [
                for name, side in names ->
                    name,
                    fractionWithin
                        side
                        $"{name} at m = {job.Generations}"
                        (world.Theory.Bound name (setting job 1 job.Generations))
                        lacking
                        job.Contexts
                        job
            ])

let private manyContexts =
    let together = 5

    check
        "many-contexts"
        "For five contexts at a time: the largest deviation, the probability that it reaches a level, and the probability that all have collapsed keep their bounds."
        "ManyContexts; docs/theory.md, Many contexts"
        0.2
        [
            "largest deviation"
            "deviation probability"
            "all collapsed lower"
            "all collapsed upper"
        ]
        (fun world effort random seed ->
            let prior, n, m =
                randomPrior random (random.Next(2, 20)), random.Next(2, 20), random.Next(2, 120)

            let real =
                if random.Next 2 = 0 then
                    0
                else
                    int (3.0 * 100.0 ** random.NextDouble())

            let training =
                if real = 0 then
                    Training.FullySynthetic
                else
                    Training.PartiallySynthetic real

            let job =
                experiment training prior n (2 * contexts effort) m seed Observable.L1FromFirst

            let groups (values: float[]) =
                Array.chunkBySize together values |> Array.filter (fun g -> g.Length = together)

            let job =
                { job with
                    Observables = [ Observable.L1FromFirst; Observable.MaxProbability ]
                }

            let measured = world.Measure job
            let largest = groups (measured.Last Observable.L1FromFirst) |> Array.map Array.max
            let count = largest.Length

            let at =
                { setting job 1 m with
                    Together = together
                }

            // Below the bound on the mean that on the probability is vacuous; far above it, or from 2 on, none is reached.
            let level =
                (Theory.product.Bound "largest deviation" at).Value
                * (1.01 + 0.3 * random.NextDouble())
                |> min 1.95

            let bound name =
                world.Theory.Bound name { at with Level = level }

            let mean, variance =
                Statistics.ArrayStatistics.Mean largest, Statistics.ArrayStatistics.Variance largest

            [
                "largest deviation",
                meanWithin
                    1.0
                    $"largest deviation of {together} at m = {m}"
                    (if real = 0 then 2.0 else 2.0 * float n / float (real + n))
                    (bound "largest deviation")
                    mean
                    (sqrt variance)
                    count
                    job

                "deviation probability",
                fractionWithin
                    1.0
                    $"one of {together} deviates by {level:F3} at m = {m}"
                    (bound "deviation probability")
                    (largest |> Array.filter (fun d -> d >= level) |> Array.length)
                    count
                    job

                if real = 0 then
                    let collapsed =
                        groups (measured.Last Observable.MaxProbability)
                        |> Array.filter (Array.forall (fun x -> x = 1.0))
                        |> Array.length

                    for name, side in [ "all collapsed lower", -1.0; "all collapsed upper", 1.0 ] do
                        name, fractionWithin side $"{name} of {together} at m = {m}" (bound name) collapsed count job
            ])

let private lambda =
    check
        "lambda-1"
        "The mean of λ_1 over real data stays below its bound, which Theorem 4 rests on."
        "SubsetSum.ExpectedLambda1UpperBound"
        0.2
        [ "λ_1" ]
        (fun world effort random seed ->
            let real = random.Next(2, 60)

            // A token of at least a third: elsewhere the bound is 1/4 or next to it.
            let prior =
                oneOf
                    random
                    [
                        "zipf:5:1.5"
                        "power:20:10:0.4"
                        "zipf:12:2.0"
                        "power:6:4:0.7"
                        "zipf:3:1.0"
                    ]

            let job =
                experiment Training.FullySynthetic prior real (contexts effort / 2) 1 seed Observable.SumOfSquares

            let values = ResizeArray<float>()
            world.Models job (fun model -> values.Add(SubsetSum.Lambda1(Array.ofSeq model.Counts.Values)))
            let values = values.ToArray()

            [
                "λ_1",
                meanWithin
                    1.0
                    "λ_1"
                    0.25
                    (world.Theory.Bound "λ_1" { setting job 1 1 with Real = real })
                    (Statistics.ArrayStatistics.Mean values)
                    (Statistics.ArrayStatistics.StandardDeviation values)
                    values.Length
                    job
            ])

// ---- the planner

let private planner =
    // The methods of the paper say something of few tokens and much real data, where the sharper ones allow everything;
    // these are put to the test where their answers are finite.
    let ofPaper, sharper =
        [ "(11)"; "Theorem 3"; "Theorem 4" ], [ "sharp"; "two-moment"; "exact" ]

    let last = 12

    check
        "planner"
        "With as many synthetic tokens as any method of the planner allows, the mean deviation stays within the tolerance."
        "(11), Theorems 3 and 4, sharp, two-moment and exact answers of Planner.MaxSamples"
        0.1
        (ofPaper @ sharper)
        (fun world effort random seed ->
            let compare index names s real tolerance =
                let prior = randomPrior random s
                let p = (PriorParser.Parse prior).Probabilities()

                [
                    for i, (name, answer) in List.indexed (world.Theory.MaxSamples p real tolerance last) do
                        if List.contains name names then
                            let n =
                                match answer.Kind with
                                | AnswerKind.Finite -> int (min 400L answer.Tokens.Value)
                                | AnswerKind.Unbounded -> 400
                                | _ -> 0

                            if n = 0 then
                                name, None
                            else
                                let job =
                                    experiment
                                        (Training.PartiallySynthetic real)
                                        prior
                                        n
                                        (contexts effort)
                                        last
                                        (seed + uint64 (index + i) * 1000UL)
                                        Observable.L1FromFirst

                                let mean, deviation = (world.Measure job).Series Observable.L1FromFirst last

                                name,
                                meanWithin
                                    1.0
                                    $"tolerance {tolerance} by {name}"
                                    // n of N + n tokens can differ, and no more.
                                    (2.0 * float n / float (real + n))
                                    (Bound(tolerance, tolerance >= 2.0))
                                    mean
                                    deviation
                                    job.Contexts
                                    job
                ]

            let rounded (x: float) = Math.Round(x, 3)

            [
                // (11) allows a token from N ε of about 12 s on, and never with fewer than four tokens.
                yield!
                    compare
                        0
                        ofPaper
                        (random.Next(4, 7))
                        (random.Next(100, 600))
                        (rounded (0.3 + 0.5 * random.NextDouble()))
                yield!
                    compare
                        6
                        sharper
                        (random.Next(5, 40))
                        (random.Next(8, 60))
                        (rounded (0.1 + 0.25 * random.NextDouble()))
            ])

let private paperPlan =
    {
        Name = "bounds/paper-plan"
        Claim =
            "At N = 100 and tolerance 0.1 on the paper's prior, the exact plan's n keeps the tolerance and n + 1 does not."
        Source = "Planner.MaxSamples at generation 12; DeviationLaw.Exact"
        Alpha = alpha
        Measure = "relative shift of a mean"
        Notices = 0.03
        Run =
            fun world effort seed ->
                let prior, real, tolerance, m = "power:600:52:0.1", 100, 0.1, 12
                let p = (PriorParser.Parse prior).Probabilities()
                let answers = world.Theory.MaxSamples p real tolerance m |> dict
                let n = int answers["exact"].Tokens.Value

                let rows =
                    [
                        for i, n in [ 0, n; 1, n + 1 ] do
                            let job =
                                experiment
                                    (Training.PartiallySynthetic real)
                                    prior
                                    n
                                    (effort.Of 10_000)
                                    m
                                    (seed + uint64 i)
                                    Observable.L1FromFirst

                            let exact = (world.Theory.Deviation p real n m)[m - 1]
                            let mean, deviation = (world.Measure job).Series Observable.L1FromFirst m

                            exact, again job (Compare.mean $"deviation, {job.Sizes}" exact mean deviation job.Contexts)
                    ]

                {
                    Findings =
                        List.map snd rows
                        @ [
                            Compare.exact
                                "tolerance between the two"
                                1L
                                $"{fst rows[0]:R} <= {tolerance} < {fst rows[1]:R}"
                                (fst rows[0] <= tolerance && tolerance < fst rows[1])
                            Compare.exact
                                "the paper allows nothing"
                                1L
                                "(11) gives 0"
                                (answers["(11)"].Tokens = Nullable 0L)
                        ]
                    Figures = fun () -> []
                    Notes = [ $"n = {n}" ]
                }
    }

let all =
    [
        equation7
        equation8
        theorems
        sharp
        scheduleSharp
        extinction
        manyContexts
        lambda
        planner
        paperPlan
    ]
