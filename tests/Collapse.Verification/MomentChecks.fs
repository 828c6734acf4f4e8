/// Means over contexts of every observable, and of every token, against exact expectations.
module Collapse.Verification.MomentChecks

open System
open Collapse.Results

/// The false-alarm rate of a check.
let private alpha = 1e-8

let private experiment training prior samples contexts generations seed =
    { Experiment.Of(training, prior, samples, contexts, generations, seed) with
        Observables = [ Observable.SumOfSquares ]
    }

/// Means of an observable over contexts at some generations against their expectations.
let private compare (world: World) observable at (expected: int -> float) (job: Experiment) =
    let job =
        { job with
            At = at
            Observables = [ observable ]
        }

    let measured = world.Measure job

    [
        for m in at do
            let mean, deviation = measured.Series observable m

            let finding =
                Compare.mean $"{observable} at m = {m}, {job.Sizes}" (expected m) mean deviation job.Contexts

            m, mean, deviation / sqrt (float job.Contexts), expected m, { finding with Again = job.Command }
    ]

let private evidence title yTitle rows =
    {
        Findings = rows |> List.collect (snd >> List.map (fun (_, _, _, _, finding) -> finding))
        Figures =
            fun () ->
                [
                    for name, points in rows do
                        points
                        |> List.map (fun (m, mean, error, expected, _) -> float m, mean, error, expected)
                        |> Picture.means $"{title}: {name}" yTitle
                    Picture.zStrip
                        $"{title}: distances"
                        "generation m"
                        [
                            for name, points in rows ->
                                name,
                                points
                                |> List.map (fun (m, mean, error, expected, _) ->
                                    float m, (if error = 0.0 then 0.0 else (mean - expected) / error))
                        ]
                ]
        Notes = []
    }

let private meanShift = "relative shift of a mean"

// ---- S_m

let private sumOfSquares name claim source notices jobs at expected =
    {
        Name = $"{name}/sum-of-squares"
        Claim = claim
        Source = source
        Alpha = alpha
        Measure = meanShift
        Notices = notices
        Run =
            fun world effort seed ->
                [
                    for i, job in List.indexed (jobs effort) do
                        let job: Experiment = { job with Seed = seed + uint64 i }
                        let s0 = ExactLaws.sumOfSquares job.Probabilities
                        job.Sizes, compare world Observable.SumOfSquares at (expected world s0 job) job
                ]
                |> evidence $"S_m of {name}" "S<sub>m</sub>"
    }

let private early = [ 1; 2; 5; 10; 20 ]

let private irregular m =
    match m with
    | 1 -> [ 0, 25 ]
    | m when m % 4 = 0 -> [ 0, 3; m - 1, 12; 1, 2 ]
    | m -> [ m - 1, 10; max 0 (m - 3), 9 ]

let private recent window n m =
    [ for t in max 0 (m - window) .. m - 1 -> t, n / window ]

let private windows = [ 2, 20; 3, 20; 7, 50 ]

/// N, n, prior.
let private kept =
    [
        10, 6, "power:600:52:0.1"
        4, 8, "uniform:52"
        12, 4, "zipf:300:1.1"
        10, 20, "power:600:52:0.1"
    ]

let private sumsOfSquares =
    [
        sumOfSquares
            "fully-synthetic"
            "The mean sum of squares is (6)."
            "(6); 1 - S_m = (1 - 1/n)^m (1 - S_0)"
            0.03
            (fun (effort: Effort) ->
                [
                    for prior, n in [ "uniform:52", 20; "power:600:52:0.1", 31; "zipf:300:1.1", 40 ] ->
                        experiment Training.FullySynthetic prior n (effort.Of 40_000) 20 0UL
                ])
            early
            (fun world s0 job m -> world.Theory.Equation6 s0 job.Samples m)
        sumOfSquares
            "partially-synthetic"
            "The mean sum of squares is (9), with a plus before its last term."
            "(9), sign mended: S_1 = 1/N + (1 - 1/N) S_0"
            0.03
            (fun effort ->
                [
                    for real, n, prior in kept ->
                        experiment (Training.PartiallySynthetic real) prior n (effort.Of 40_000) 20 0UL
                ])
            [ 1; 2; 3; 5; 10; 20 ]
            (fun world s0 job m -> world.Theory.Equation9 s0 job.Real.Value job.Samples m)
        sumOfSquares
            "recent-models"
            "The mean sum of squares follows the recursion of second moments, for windows of 2, 3 and 7 models."
            "ScheduleRecursions; docs/theory.md, Schedules"
            0.03
            (fun effort ->
                [
                    for window, n in windows ->
                        experiment (Training.RecentModels window) "power:600:52:0.1" n (effort.Of 40_000) 30 0UL
                ])
            [ 1; 2; 3; 7; 15; 30 ]
            (fun world s0 job ->
                let window =
                    match job.Training with
                    | Training.RecentModels window -> window
                    | _ -> 1

                let all = world.Theory.RecentModels s0 job.Samples window job.Generations
                fun m -> all[m])
        sumOfSquares
            "random-models"
            "The mean sum of squares follows the product over generations."
            "1 - S_m = (1 - S_0)(1 - 1/n) prod (1 - 1/(n g^2)), derived in docs/theory.md"
            0.03
            (fun effort ->
                [
                    experiment Training.RandomModels "power:600:52:0.1" 20 (effort.Of 40_000) 30 0UL
                ])
            [ 1; 2; 3; 7; 15; 30 ]
            (fun world s0 job ->
                let all = world.Theory.RandomModels s0 job.Samples job.Generations
                fun m -> all[m])
        sumOfSquares
            "custom"
            "A schedule that mixes fresh real tokens, the last model and older ones has its second moments."
            "second moments of eq. 5 from first principles (ExactLaws.secondMoments)"
            0.03
            (fun effort ->
                [
                    experiment
                        (Training.Custom("irregular", irregular))
                        "power:600:52:0.1"
                        20
                        (effort.Of 40_000)
                        30
                        0UL
                ])
            [ 1; 2; 3; 7; 15; 30 ]
            (fun _ s0 job ->
                let moments = ExactLaws.secondMoments s0 job.Generations irregular
                fun m -> moments[m, m])
    ]

// ---- every observable that is a sum over tokens

let private quantities =
    [
        "support", "support", Observable.Support, fun (_: float) (_: float) (y: float) -> if y > 0.0 then 1.0 else 0.0
        "entropy", "entropy (nats)", Observable.Entropy, (fun _ _ y -> if y > 0.0 then -y * log y else 0.0)
        "l1-from-first", "L1 distance to p<sup>(1)</sup>", Observable.L1FromFirst, (fun _ x y -> abs (y - x))
        "l1-from-truth", "L1 distance to p<sup>(0)</sup>", Observable.L1FromTruth, (fun p _ y -> abs (y - p))
        "unseen-mass", "unseen mass", Observable.UnseenMass, (fun p _ y -> if y = 0.0 then p else 0.0)
    ]

let private additive =
    [
        for name, training, sizes in
            [
                "fully-synthetic",
                (fun _ -> Training.FullySynthetic),
                [ "zipf:40:1.0", 0, 10; "power:600:52:0.1", 0, 12; "zipf:300:1.1", 0, 15 ]
                "partially-synthetic",
                Training.PartiallySynthetic,
                [ "zipf:40:1.0", 8, 8; "power:600:52:0.1", 10, 15; "zipf:300:1.1", 15, 5 ]
            ] do
            for quantity, title, observable, summand in quantities do
                {
                    Name = $"{name}/{quantity}"
                    Claim = $"The mean {quantity} is the exact one."
                    Source = "the Markov chain of one token's count (ExactLaws.tokenChain), summed over tokens"
                    Alpha = alpha
                    Measure = meanShift
                    Notices = 0.08
                    Run =
                        fun world effort seed ->
                            let at =
                                match observable with
                                // 0 at generation 1, and there is nothing to compare.
                                | Observable.L1FromFirst -> [ 2; 3; 5; 10; 20 ]
                                | _ -> [ 1; 2; 5; 10; 20 ]

                            [
                                for i, (prior, real, n) in List.indexed sizes do
                                    let job = experiment (training real) prior n (effort.Of 40_000) 20 (seed + uint64 i)

                                    let chain =
                                        if real = 0 then
                                            ExactLaws.tokenChain false n n 20
                                        else
                                            ExactLaws.tokenChain true real n 20

                                    let p = job.Probabilities

                                    job.Sizes,
                                    compare world observable at (fun m -> ExactLaws.expectedSum chain p m summand) job
                            ]
                            |> evidence $"{quantity} of {name}" title
                }
    ]

/// E||p^(m) - p^(1)||_1 once more, by the theory library's own exact law.
let private deviations =
    [
        for name, sizes in
            [
                "fully-synthetic", [ "power:600:52:0.1", 0, 50; "uniform:52", 0, 30 ]
                "partially-synthetic",
                [
                    "power:600:52:0.1", 100, 10
                    "power:600:52:0.1", 50, 80
                    "zipf:300:1.1", 20, 20
                ]
            ] ->
            {
                Name = $"{name}/deviation-law"
                Claim = "The mean L1 distance to the first model is that of the theory library's exact law."
                Source = "DeviationLaw.Exact; docs/theory.md, one token's chain"
                Alpha = alpha
                Measure = meanShift
                Notices = 0.02
                Run =
                    fun world effort seed ->
                        [
                            for i, (prior, real, n) in List.indexed sizes do
                                let training =
                                    if real = 0 then
                                        Training.FullySynthetic
                                    else
                                        Training.PartiallySynthetic real

                                let job = experiment training prior n (effort.Of 20_000) 12 (seed + uint64 i)
                                let exact = world.Theory.Deviation job.Probabilities real n 12

                                job.Sizes,
                                compare world Observable.L1FromFirst [ 2; 3; 6; 12 ] (fun m -> exact[m - 1]) job
                        ]
                        |> evidence $"L1 from p(1), {name}" "L1 distance to p<sup>(1)</sup>"
            }
    ]

/// max p_i of two tokens: the larger of c and n - c.
let private largest =
    {
        Name = "fully-synthetic/max-probability"
        Claim = "With two tokens the mean largest probability is that of the exact law of the count."
        Source = "the Markov chain of one token's count"
        Alpha = alpha
        Measure = meanShift
        Notices = 0.02
        Run =
            fun world effort seed ->
                [
                    for i, n in List.indexed [ 7; 24 ] do
                        let job =
                            experiment Training.FullySynthetic "zipf:2:0.7" n (effort.Of 40_000) 20 (seed + uint64 i)

                        let chain = ExactLaws.tokenChain false n n 20

                        let expected m =
                            ExactLaws.countLaw chain job.Probabilities[0] m
                            |> Array.mapi (fun c chance -> chance * float (max c (n - c)) / float n)
                            |> Array.sum

                        job.Sizes, compare world Observable.MaxProbability [ 1; 2; 5; 10; 20 ] expected job
                ]
                |> evidence "largest probability" "max p<sub>i</sub>"
    }

// ---- unbiasedness

/// E p_i^(m) = p_i for all tokens at once. As Cov(p_i, p_j) = c (p_i [i = j] - p_i p_j) with one c for every schedule
/// of fresh draws (docs/theory.md), Σ_i (mean_i - p_i)²/(p_i c/C) over C contexts is Hotelling's T² with the exact
/// covariance: chi-squared with one degree of freedom less than there are tokens. Tokens are pooled until C p/c is
/// 100, the effective number of independent draws behind a cell.
let private unbiased name training prior n impurity =
    {
        Name = $"{name}/unbiased"
        Claim = "E p^(m) = p, token by token and for all tokens at once."
        Source = "eq. 5; each model is an average of draws from unbiased models"
        Alpha = alpha
        Measure =
            "Cohen's w, √(Σ (bias of p_i)²/p_i) in units of √c, c = Var p_i/(p_i (1 - p_i)); for one token its √(p_i)-th part"
        Notices = 0.2
        Run =
            fun world effort seed ->
                let at = [ 1; 2; 3; 6; 12 ]
                let last = List.last at
                let job = experiment training prior n (effort.Of 8_000) last seed
                let p = job.Probabilities
                let s0 = ExactLaws.sumOfSquares p
                let sums = Array.init (last + 1) (fun _ -> Array.zeroCreate<float> p.Length)

                // The engines stop telling of a context that cannot change: its last model stands for the rest.
                let mutable known: Collapse.Engines.TrainedModel option = None

                let add m (model: Collapse.Engines.TrainedModel) =
                    for pair in model.Counts do
                        sums[m][pair.Key] <- sums[m][pair.Key] + float pair.Value / float model.Size

                let finish () =
                    match known with
                    | Some model ->
                        for m in model.Generation + 1 .. last do
                            add m model
                    | None -> ()

                world.Models job (fun model ->
                    if model.Generation = 1 then
                        finish ()

                    add model.Generation model
                    known <- Some model)

                finish ()
                let contexts = float job.Contexts

                let rows =
                    [
                        for m in at do
                            // 1 - S_m = (1 - c)(1 - S_0).
                            let c = 1.0 - impurity world s0 job m / (1.0 - s0)
                            let effective = contexts / c
                            let means = sums[m] |> Array.map (fun sum -> sum / contexts)

                            let cells = Compare.pool 100.0 effective p means

                            let statistic =
                                cells |> Array.sumBy (fun (p, x) -> (x - p) ** 2.0 / p) |> (*) effective

                            let label = $"m = {m}, {job.Sizes}"

                            m,
                            cells,
                            effective,
                            [
                                { Compare.chiSquared
                                      $"all tokens at {label}"
                                      (int64 effective)
                                      (cells.Length - 1)
                                      statistic with
                                    Again = job.Command
                                }
                                for i, (p, x) in Array.indexed cells do
                                    { Compare.meanOn
                                          (sqrt p)
                                          $"cell {i} of tokens at {label}"
                                          p
                                          x
                                          (sqrt (p * (1.0 - p)))
                                          (int effective) with
                                        Again = job.Command
                                    }
                            ]
                    ]

                {
                    Findings = rows |> List.collect (fun (_, _, _, findings) -> findings)
                    Figures =
                        fun () ->
                            [
                                Picture.zStrip
                                    $"E p of {name}, {job.Sizes}"
                                    "token, rare ones pooled"
                                    [
                                        for m, cells, effective, _ in rows ->
                                            $"m = {m}",
                                            [
                                                for i, (p, x) in List.indexed (List.ofArray cells) ->
                                                    float i, (x - p) / sqrt (p * (1.0 - p) / effective)
                                            ]
                                    ]
                            ]
                    Notes = []
                }
    }

let private means =
    [
        unbiased "fully-synthetic" Training.FullySynthetic "zipf:20:1.0" 12 (fun _ s0 job m ->
            (1.0 - 1.0 / float job.Samples) ** float m * (1.0 - s0))
        unbiased "partially-synthetic" (Training.PartiallySynthetic 6) "zipf:20:1.0" 9 (fun world s0 job m ->
            1.0 - world.Theory.Equation9 s0 6 job.Samples m)
        unbiased "recent-models" (Training.RecentModels 3) "zipf:20:1.0" 12 (fun _ s0 job m ->
            1.0 - (ExactLaws.secondMoments s0 m (recent 3 job.Samples))[m, m])
        unbiased "random-models" Training.RandomModels "zipf:20:1.0" 12 (fun world s0 job m ->
            1.0 - (world.Theory.RandomModels s0 job.Samples m)[m])
        unbiased "custom" (Training.Custom("irregular", irregular)) "zipf:20:1.0" 12 (fun _ s0 _ m ->
            1.0 - (ExactLaws.secondMoments s0 m irregular)[m, m])
    ]

let all = sumsOfSquares @ additive @ deviations @ [ largest ] @ means
