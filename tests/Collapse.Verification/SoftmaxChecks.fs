/// Softmax models: sampling from logits, smoothed refits, and the two errors.
module Collapse.Verification.SoftmaxChecks

open System
open Collapse.Results
open Collapse.Softmax
open Collapse.Softmax.Refit
open Collapse.Softmax.Sampling

/// The false-alarm rate of a check: what the other checks leave of one in a million.
let private alpha = 8e-10

let private plain = SamplingRule()

/// The law p_i ∝ exp(l_i / T) of some tokens, in their order.
let private softmax (temperature: float) (logits: float32[]) =
    let largest = float (Array.max logits)

    let weights =
        logits |> Array.map (fun l -> Math.Exp((float l - largest) / temperature))

    let sum = Array.sum weights
    weights |> Array.map (fun w -> w / sum)

let private evidence findings =
    {
        Findings = findings
        Figures = fun () -> []
        Notes = []
    }

// ---- sampling from logits

/// Draws at the small effort from the large vocabulary.
let private manyDraws = 10_000_000

/// Logits of ranks 1 … 200,000 under a power law: the last token's probability is 8e-10, its weight below a unit of 2^-28.
let private rare =
    {
        Name = "softmax/rare-tokens"
        Claim =
            "Tokens drawn from the logits of a law over 200,000 tokens, the rarest below 1e-9, have the probabilities of the softmax."
        Source = "softmax in double precision; docs/softmax.md, The draws"
        Alpha = alpha
        Measure = "Cohen's w over pools of ranks; in one pool of probability q a relative error of w/√q"
        Notices = 0.005
        Run =
            fun world effort seed ->
                let logits = Array.init 200_000 (fun i -> float32 (-1.65 * Math.Log(float (i + 1))))
                let p = softmax 1.0 logits
                let counts = world.Softmax.Sample logits plain (effort.Of manyDraws) seed
                let n = Array.sum counts

                let cells =
                    [|
                        for i in 0..99 -> i, i
                        for i in 100..100..900 -> i, i + 99
                        for i in 1_000..1_000..199_000 -> i, i + 999
                    |]

                let pooled (values: 'a[]) =
                    cells |> Array.map (fun (first, last) -> values[first..last])

                let range name first last =
                    Compare.fraction
                        $"{name}, {n:N0} draws"
                        (Array.sum p[first..last])
                        (Array.sum counts[first..last])
                        n

                evidence
                    [
                        Compare.frequencies
                            $"tokens by rank, {n:N0} draws"
                            (pooled p |> Array.map Array.sum)
                            (pooled counts |> Array.map Array.sum)
                        range "the rarest 50,000, each below 1.3e-9" 150_000 199_999
                        range "the rarest 100,000" 100_000 199_999
                        range "the first 100" 0 99
                    ]
    }

/// 200 tokens: normal quantiles in a mixed order, so that neighbours differ.
let private mixedLogits =
    Array.init 200 (fun i ->
        let place = (float ((i * 77) % 200) + 0.5) / 200.0
        float32 (1.5 * MathNet.Numerics.Distributions.Normal.InvCDF(0.0, 1.0, place)))

let private lawOf (rule: SamplingRule) kept =
    let law = softmax rule.Temperature (kept |> Array.map (Array.get mixedLogits))
    let whole = Array.zeroCreate mixedLogits.Length
    Array.iter2 (fun token p -> whole[token] <- p) kept law
    whole

/// Draws by several rules, each beside the law of the tokens that it keeps.
let private drawnBy name claim source (cases: unit -> (string * SamplingRule * int[]) list) =
    {
        Name = name
        Claim = claim
        Source = source
        Alpha = alpha
        Measure = "Cohen's w"
        Notices = 0.03
        Run =
            fun world effort seed ->
                let n = effort.Of 400_000

                evidence
                    [
                        for i, (label, rule, kept) in List.indexed (cases ()) ->
                            world.Softmax.Sample mixedLogits rule n (seed + uint64 i)
                            |> Compare.frequencies $"{label}, {n:N0} draws of 200 tokens" (lawOf rule kept)
                    ]
    }

let private temperature =
    drawnBy
        "softmax/temperature"
        "At temperature T token i is drawn with probability proportional to exp(l_i / T)."
        "softmax in double precision"
        (fun () ->
            [
                for t in [ 0.3; 0.9; 1.0; 1.1; 3.0; 1e4 ] -> $"T = {t}", SamplingRule t, [| 0..199 |]
            ])

/// Tokens from the most probable one on.
let private byProbability =
    Array.init mixedLogits.Length id |> Array.sortBy (fun i -> -mixedLogits[i])

let private topK =
    drawnBy
        "softmax/top-k"
        "Top-k leaves the k most probable tokens, renormalised, and no other is ever drawn."
        "softmax of the k largest logits, whose order is known; docs/softmax.md, Which tokens are kept"
        (fun () ->
            [
                for k, t in [ 1, 1.0; 2, 1.0; 17, 1.0; 50, 0.7; 199, 2.0; 200, 1.0 ] ->
                    $"k = {k}, T = {t}", SamplingRule(t, Nullable k), Array.truncate k byProbability
            ])

/// The fewest of the most probable tokens that hold p of the mass; the masses around p must not be too near to it.
let private shortest p (law: float[]) =
    let masses = Array.scan (+) 0.0 law
    let count = masses |> Array.findIndex (fun mass -> mass >= p)

    if masses[count] - p < 1e-6 || p - masses[count - 1] < 1e-6 then
        invalidArg (nameof p) $"{p} is too near to the mass of some tokens"

    count

let private topP =
    drawnBy
        "softmax/top-p"
        "Top-p leaves the shortest list of the most probable tokens whose mass reaches p, of what top-k and the temperature left, renormalised; no other is ever drawn."
        "softmax of the largest logits, whose masses are added up; docs/softmax.md, Which tokens are kept"
        (fun () ->
            [
                for p, k, t in
                    [
                        0.01, 200, 1.0
                        0.2, 200, 1.0
                        0.5, 200, 1.0
                        0.9, 200, 0.7
                        0.99, 200, 1.0
                        0.9, 40, 1.3
                    ] ->
                    let first = Array.truncate k byProbability
                    let law = softmax t (first |> Array.map (Array.get mixedLogits))

                    $"p = {p}, k = {k}, T = {t}",
                    SamplingRule(t, (if k = 200 then Nullable() else Nullable k), p),
                    Array.truncate (shortest p law) first
            ])

// ---- runs

let private experiment training prior samples contexts generations seed =
    Experiment.Of(training, prior, samples, contexts, generations, seed)

let private describe (job: Experiment) = $"{job.Training.Name}, {job.Sizes}"

let private again (classifier: Classifier) (job: Experiment) finding =
    let topK =
        match Option.ofNullable classifier.Decoding.TopK with
        | Some k -> $" --top-k {k}"
        | None -> ""

    { finding with
        Again = $"{job.Command} --refit {classifier.Refit}{topK}"
    }

/// The closed form with plain sampling as a softmax model: a top-k that keeps all tokens changes nothing.
let private closed = Classifier(Decoding = SamplingRule(1.0, Nullable 1_000_000))

let private smoothed lambda =
    Classifier(Refit = RefitMethod.Smoothed lambda)

/// Means of an observable at some generations against their expectations, relative to these.
let private means (world: World) classifier (job: Experiment) observable at (expected: int -> float) =
    let measured = world.Softmax.Train classifier job

    [
        for m in at do
            let mean, deviation = measured.Series observable m

            Compare.mean
                $"{observable} at m = {m}, {classifier.Refit}, {describe job}"
                (expected m)
                mean
                deviation
                job.Contexts
            |> again classifier job
    ]

let private plainScenario =
    {
        Name = "softmax/plain-scenario"
        Claim =
            "The closed form at temperature 1 is the plain scenario in distribution: S_m is that of (6), (9) and random-models, and a context collapses with probability rho_m."
        Source = "(6), (9), ScheduleMoments, FullySyntheticLaw: the formulas of the other engines"
        Alpha = alpha
        Measure = "relative shift of a mean, or shift of a probability"
        Notices = 0.05
        Run =
            fun world effort seed ->
                let at = [ 1; 2; 5; 10 ]

                let run i training prior n =
                    experiment training prior n (effort.Of 20_000) 10 (seed + uint64 i)

                let squares (job: Experiment) expected =
                    let s0 = ExactLaws.sumOfSquares job.Probabilities
                    means world closed job Observable.SumOfSquares at (expected s0)

                let collapse = run 3 Training.FullySynthetic "zipf:4:1.0" 6
                let rho = world.Theory.Collapsed collapse.Probabilities collapse.Samples 10
                let measured = world.Softmax.Train closed collapse

                evidence
                    [
                        yield!
                            squares (run 0 Training.FullySynthetic "zipf:20:1.0" 12) (fun s0 m ->
                                world.Theory.Equation6 s0 12 m)
                        yield!
                            squares (run 1 (Training.PartiallySynthetic 8) "zipf:20:1.0" 12) (fun s0 m ->
                                world.Theory.Equation9 s0 8 12 m)
                        yield!
                            squares (run 2 Training.RandomModels "zipf:20:1.0" 12) (fun s0 m ->
                                (world.Theory.RandomModels s0 12 10)[m])
                        for m in [ 2; 5; 10 ] do
                            Compare.fraction
                                $"contexts of one token at m = {m}, {describe collapse}"
                                rho[m]
                                (int64 (measured.Collapsed m))
                                (int64 collapse.Contexts)
                            |> again closed collapse
                    ]
    }

/// A truth of one token: its probability in a model is 1 - ‖p^(m) - p^(0)‖_1/2, which is linear in the model.
let private smoothedMean =
    {
        Name = "softmax/smoothed-mean"
        Claim = "The mean of a smoothed model follows E p^(m) = (n E p^(m-1) + λ)/(n + λ s)."
        Source = "draws are unbiased, and smoothing is linear; a truth of one token of s"
        Alpha = alpha
        Measure = "relative shift of a mean"
        Notices = 0.08
        Run =
            fun world effort seed ->
                evidence
                    [
                        for i, (n, lambda) in List.indexed [ 10, 0.5; 40, 0.1; 5, 0.02 ] do
                            let job =
                                experiment
                                    Training.FullySynthetic
                                    "power:12:1:1"
                                    n
                                    (effort.Of 20_000)
                                    10
                                    (seed + uint64 i)

                            let s = float job.Probabilities.Length

                            let expected =
                                Array.scan (fun p _ -> (float n * p + lambda) / (float n + lambda * s)) 1.0 [| 1..10 |]

                            yield!
                                means world (smoothed lambda) job Observable.L1FromTruth [ 2; 5; 10 ] (fun m ->
                                    2.0 * (1.0 - expected[m]))
                    ]
    }

/// E |X/n - q| of a binomial count.
let private absoluteDeviation n q =
    Seq.sum [ for k in 0..n -> ExactLaws.binomial n q k * abs (float k / float n - q) ]

/// The law of the count of one token in generation m, where a count c gives the next model the probability `model c`.
let private countLaw n q (model: int -> float) m =
    let mutable law = Array.init (n + 1) (ExactLaws.binomial n q)

    for _ in 2..m do
        law <- Array.init (n + 1) (fun k -> Seq.sum [ for c in 0..n -> law[c] * ExactLaws.binomial n (model c) k ])

    law

/// E Σ |D_m,i/n - q_i| over tokens of law p, q the model before.
let private statisticalError n (p: float[]) (model: int -> float) m =
    p
    |> Array.sumBy (fun q ->
        if m = 1 then
            absoluteDeviation n q
        else
            let law = countLaw n q model (m - 1)
            Seq.sum [ for c in 0..n -> law[c] * absoluteDeviation n (model c) ])

let private errors =
    {
        Name = "softmax/errors"
        Claim =
            "The mean statistical error is the exact one. The functional error is 0 for the closed form and λ s/n of the distance from the truth for a smoothed model of a uniform truth. The distance from the truth is at most the sum of all errors so far."
        Source =
            "the Markov chain of one token's count; p_i^(m) - 1/s = n/(n + λ s) (D_m,i/n - 1/s); the triangle inequality"
        Alpha = alpha
        Measure = "relative shift of a mean"
        Notices = 0.05
        Run =
            fun world effort seed ->
                let at = [ 1; 2; 4 ]

                let rows i prior n lambda =
                    let classifier = if lambda = 0.0 then closed else smoothed lambda

                    let job =
                        experiment Training.FullySynthetic prior n (effort.Of 20_000) 4 (seed + uint64 i)

                    let p = job.Probabilities
                    let s = float p.Length
                    let measured = world.Softmax.Train classifier job
                    let mean observable m = fst (measured.Series observable m)
                    let what = $"{classifier.Refit}, {describe job}"

                    let fact label left right holds =
                        Compare.exact label (int64 job.Contexts) $"%.12g{left} and %.12g{right}" holds
                        |> again classifier job

                    [
                        for m in at do
                            let value, deviation = measured.Series Observable.StatisticalError m

                            let expected =
                                statisticalError n p (fun c -> (float c + lambda) / (float n + lambda * s)) m

                            Compare.mean $"statistical error at m = {m}, {what}" expected value deviation job.Contexts
                            |> again classifier job

                            let far = mean Observable.L1FromTruth m
                            let functional = mean Observable.FunctionalError m

                            if lambda = 0.0 || prior.StartsWith "uniform" then
                                let share = lambda * s / float n * far

                                fact
                                    $"functional error at m = {m}, {what}"
                                    functional
                                    share
                                    (abs (functional - share) < 1e-9)

                            let all =
                                Seq.sum
                                    [
                                        for g in 1..m ->
                                            mean Observable.StatisticalError g + mean Observable.FunctionalError g
                                    ]

                            fact
                                $"distance from the truth within all errors, m = {m}, {what}"
                                far
                                all
                                (far <= all + 1e-9)
                    ]

                evidence (
                    rows 0 "zipf:8:1.0" 12 0.0
                    @ rows 1 "uniform:10" 15 0.3
                    @ rows 2 "zipf:8:1.0" 12 0.5
                )
    }

let all = [ rare; temperature; topK; topP; plainScenario; smoothedMean; errors ]
