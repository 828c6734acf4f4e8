/// Laws that runs of softmax models keep: the closed form's, limits of the refits, and a smoothed model's mean.
/// Bounds are Hoeffding's for means of independent contexts in [0, 1], with alpha = 1e-9 each; seeds are fixed.
module Collapse.Tests.SoftmaxLawTests

open System
open Expecto
open Collapse.Model
open Collapse.Priors
open Collapse.Results
open Collapse.Softmax
open Collapse.Softmax.Refit
open Collapse.Softmax.Sampling
open Collapse.Tests.Runs

let private alpha = 1e-9

/// A mean of c independent numbers in [0, 1] is farther from its expectation with probability alpha at most.
let private room contexts =
    sqrt (log (2.0 / alpha) / (2.0 * float contexts))

let private engine job =
    use engine = new SoftmaxEngine()
    run engine job

let private withRefit refit (job: Job) =
    { job with
        Classifier = Classifier(Refit = RefitMethod.Parse refit)
    }

let private atTemperature (temperature: float) (job: Job) =
    { job with
        Classifier = Classifier(Decoding = SamplingRule temperature)
    }

let private mean (observable: Observable) (outcome: Outcome) =
    Array.ofSeq outcome.Result[observable].Mean

// ---- the closed form

let private contexts = 20_000

/// S_m = 1 - (1 - 1/n)^m (1 - S_0), (6).
let private farFrom6 (n: int) (s0: float) (outcome: Outcome) =
    mean Observable.SumOfSquares outcome
    |> Array.mapi (fun i value ->
        let exact = 1.0 - (1.0 - 1.0 / float n) ** float (i + 1) * (1.0 - s0)
        abs (value - exact))
    |> Array.max

/// Prop. 1: the share of contexts that collapse to each token is its probability. The law is 4/7, 2/7, 1/7.
let private weights = PriorParser.FromWeights [ 4.0; 2.0; 1.0 ]

let private farFromProp1 (outcome: Outcome) =
    let tokens =
        [
            for table in outcome.Tables do
                yield! table.Token
        ]

    Expect.equal outcome.Result.CollapsedFraction[outcome.Result.CollapsedFraction.Length - 1] 1.0 "all collapsed"

    [ 4.0 / 7.0; 2.0 / 7.0; 1.0 / 7.0 ]
    |> List.mapi (fun token p ->
        let share = float (tokens |> List.filter ((=) token)).Length / float tokens.Length

        abs (share - p))
    |> List.max

let private untilCollapse =
    { job Scenario.FullySynthetic weights contexts 5 1 21UL with
        Generations = Some 400
        UntilCollapse = true
    }

let private closedTests =
    let zipf = job Scenario.FullySynthetic (prior "zipf:20:1") contexts 12 10 20UL
    let s0 = Seq.sum [ for p in (prior "zipf:20:1").Probabilities() -> p * p ]

    [
        test "closed refits and plain sampling keep (6), and a temperature of 0.9 does not" {
            Expect.isLessThan (farFrom6 12 s0 (engine zipf)) (room contexts) "the closed form"

            let warmer = engine (atTemperature 0.9 zipf)
            Expect.isGreaterThan (farFrom6 12 s0 warmer) (room contexts) "the defect is seen"
        }
        test "closed refits and plain sampling keep Prop. 1, and a temperature of 0.8 does not" {
            Expect.isLessThan (farFromProp1 (engine untilCollapse)) (room contexts) "the closed form"
            Expect.isGreaterThan (farFromProp1 (engine (atTemperature 0.8 untilCollapse))) (room contexts) "the defect"
        }
        test "collapse times are those of the other engines in distribution" {
            let share (outcome: Outcome) m = outcome.Result.CollapsedFraction[m - 1]

            let softmax, plain = engine zipf, cpu { zipf with Seed = 22UL }

            for m in 1..10 do
                Expect.isLessThan (abs (share softmax m - share plain m)) (2.0 * room contexts) $"rho_{m}"
        }
        for name, job in
            [
                "partially-synthetic", job Scenario.PartiallySynthetic (prior "zipf:20:1") contexts 12 6 23UL
                "recent-models", job (Scenario.RecentModels 3) (prior "zipf:20:1") contexts 12 6 24UL
                "random-models", job Scenario.RandomModels (prior "zipf:20:1") contexts 12 6 25UL
            ] do
            test $"closed refits give the means of the other engines, {name}" {
                let softmax, plain = engine job, cpu { job with Seed = job.Seed + 100UL }

                for observable, largest in
                    [
                        Observable.SumOfSquares, 1.0
                        Observable.MaxProbability, 1.0
                        Observable.Support, 20.0
                        Observable.Entropy, log 20.0
                        Observable.L1FromFirst, 2.0
                        Observable.L1FromTruth, 2.0
                        Observable.UnseenMass, 1.0
                    ] do
                    (mean observable softmax, mean observable plain)
                    ||> Array.iteri2 (fun i a b ->
                        Expect.isLessThan (abs (a - b) / largest) (2.0 * room contexts) $"{observable} at {i + 1}")
            }
    ]

// ---- limits of the refits

let private small = job Scenario.FullySynthetic (prior "zipf:40:1") 30 30 6 26UL

/// The largest difference of the means of two runs.
let private apart a b =
    [
        for observable in
            [
                Observable.SumOfSquares
                Observable.MaxProbability
                Observable.Entropy
                Observable.L1FromFirst
            ] do
            yield! Array.map2 (fun x y -> abs (x - y)) (mean observable a) (mean observable b)
    ]
    |> List.max

let private limitTests =
    [
        test "newton to the end is the closed form, down to the digest" {
            let closed = engine small
            let newton = engine (withRefit "newton:1e-9" small)
            Expect.equal newton.Result.Digest closed.Result.Digest "the same training sets"
            Expect.isLessThan (apart newton closed) 1e-6 "the same laws"

            let functional = mean Observable.FunctionalError newton

            Expect.isTrue
                (functional |> Array.forall (fun e -> e > 0.0 && e < 1e-7))
                $"no functional error: %A{functional}"
        }
        test "gradient descent comes near the closed form with its steps" {
            let closed = engine small

            let errors =
                [
                    for steps in [ 20; 200; 2_000; 20_000 ] -> engine (withRefit $"gradient:{steps}:1:0.9" small)
                ]

            let functional =
                errors |> List.map (fun run -> (mean Observable.FunctionalError run)[0])

            Expect.equal (List.sortDescending functional) functional "ever nearer to the data"
            Expect.isLessThan (List.last functional) 2e-3 "in the end"
            Expect.isGreaterThan (List.head functional) 0.2 "not at once"
            Expect.isLessThan (apart (List.last errors) closed) 0.05 "and to the closed form"
        }
        test "as many generic dimensions as contexts are one-hot contexts" {
            // E is invertible: any logits can be had, and the optimum is that of each context.
            let tiny = job Scenario.FullySynthetic (prior "uniform:6") 5 60 4 27UL

            let withDimension d =
                engine
                    { tiny with
                        Classifier =
                            Classifier(
                                Refit = RefitMethod.Newton(1e-4, 20_000),
                                Embedding = ContextEmbedding.Gaussian d
                            )
                    }

            let closed, full, half = engine tiny, withDimension 5, withDimension 2

            let worst run =
                mean Observable.FunctionalError run |> Array.max

            Expect.isLessThan (worst full) 2e-3 "no functional error"
            Expect.isGreaterThan (worst half) 0.1 "which fewer dimensions have"
            Expect.isLessThan (apart full closed) 0.05 "and the laws of the closed form"
        }
        test "smoothed by little is closed, by much uniform" {
            let closed = engine small
            Expect.isLessThan (apart (engine (withRefit "smoothed:1e-9" small)) closed) 1e-6 "by little"

            let uniform = mean Observable.SumOfSquares (engine (withRefit "smoothed:1e6" small))
            Expect.isTrue (uniform |> Array.forall (fun v -> abs (v - 1.0 / 40.0) < 1e-6)) "by much"
        }
        test "the most probable token alone is drawn with top-k 1, at a low temperature and a small top-p" {
            for rule in
                [
                    SamplingRule(1.0, Nullable 1)
                    SamplingRule(1e-6)
                    SamplingRule(1.0, Nullable(), 1e-9)
                ] do
                let run =
                    engine
                        { job Scenario.FullySynthetic (prior "zipf:40:2") 30 25 2 28UL with
                            Classifier = Classifier(Decoding = rule)
                        }

                // Ties are the lower token's with top-k and top-p, and shared at a low temperature.
                Expect.isGreaterThan run.Result.CollapsedFraction[1] 0.8 $"{rule}"
                Expect.equal run.Result.CollapsedFraction[0] 0.0 "the real tokens are not touched"
        }
    ]

// ---- a smoothed model's mean

/// E p^(m) = (n E p^(m-1) + λ)/(n + λ s): draws are unbiased, and smoothing is linear. With a truth of one token its
/// probability is 1 - ‖p^(m) - p^(0)‖_1/2.
let private farFromSmoothed n s (lambda: float) (outcome: Outcome) =
    let mutable expected = 1.0

    mean Observable.L1FromTruth outcome
    |> Array.map (fun distance ->
        expected <- (float n * expected + lambda) / (float n + lambda * float s)

        abs (1.0 - distance / 2.0 - expected))
    |> Array.max

let private smoothedTests =
    [
        for n, lambda in [ 10, 0.5; 40, 0.1 ] do
            test $"the mean of a smoothed model follows its recursion, n = {n}, lambda = {lambda}" {
                let one = PriorParser.FromWeights [ for i in 0..11 -> if i = 0 then 1.0 else 0.0 ]

                let job =
                    job Scenario.FullySynthetic one contexts n 12 (29UL + uint64 n)
                    |> withRefit $"smoothed:{lambda}"

                Expect.isLessThan (farFromSmoothed n 12 lambda (engine job)) (room contexts) "the recursion"

                let biased =
                    { job with
                        Classifier = Classifier(Refit = RefitMethod.Smoothed lambda, Decoding = SamplingRule(0.9))
                    }

                Expect.isGreaterThan (farFromSmoothed n 12 lambda (engine biased)) (room contexts) "the defect is seen"
            }
    ]

[<Tests>]
let tests =
    testList
        "softmax laws"
        [
            testList "of the closed form" closedTests
            testList "in the limit" limitTests
            testList "of a smoothed model" smoothedTests
        ]
