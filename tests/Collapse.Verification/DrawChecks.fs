/// Draws: from a truth with rare tokens, and of indices under large bounds.
module Collapse.Verification.DrawChecks

open System
open Collapse.Results

let private alpha = 1e-8

let private first prior samples contexts seed =
    { Experiment.Of(Training.FullySynthetic, prior, samples, contexts, 1, seed) with
        Observables = [ Observable.Support; Observable.UnseenMass ]
    }

/// How often each token was drawn, over all contexts and generations.
let private drawn (world: World) (job: Experiment) =
    let counts = Array.zeroCreate<int64> job.Probabilities.Length

    world.Models job (fun model ->
        for pair in model.Counts do
            counts[pair.Key] <- counts[pair.Key] + int64 pair.Value)

    counts

/// 200,000 tokens, the last of probability 8e-10; the ranks beyond 50,000 hold 6e-4 of the mass.
let private tail =
    {
        Name = "truth/rare-tokens"
        Claim = "Real tokens of a law over 200,000 tokens, the rarest below 1e-9, are drawn with their probabilities."
        Source = "integer weights of an alias table; docs/model.md, Randomness"
        Alpha = alpha
        Measure = "Cohen's w over pools of ranks; in one pool of probability q a relative error of w/√q"
        Notices = 0.01
        Run =
            fun world effort seed ->
                // Sets of a million: as many as the effort asks for.
                let size = min 1_000_000 (effort.Of 2_000_000)
                let job = first "zipf:200000:1.65" size (max 1 (effort.Of 2_000_000 / size)) seed
                let p = job.Probabilities
                let counts = drawn world job
                let n = Array.sum counts

                // Cells of equal width in rank, the last fifty of a thousand tokens: pooled to 100 draws each.
                let cells =
                    [|
                        for i in 0..99 -> i, i
                        for i in 100..100..900 -> i, i + 99
                        for i in 1_000..1_000..199_000 -> i, i + 999
                    |]

                let within (values: 'a[]) (from, upTo) = values[from..upTo]
                let pools = cells |> Array.map (fun cell -> Array.sum (within p cell))
                let sums = cells |> Array.map (fun cell -> Array.sum (within counts cell))

                let rare =
                    p
                    |> Array.mapi (fun i q -> if q < 2e-9 then i else -1)
                    |> Array.filter (fun i -> i >= 0)

                let mass, seen =
                    rare |> Array.sumBy (fun i -> p[i]), rare |> Array.sumBy (fun i -> counts[i])

                {
                    Findings =
                        [
                            Compare.frequencies $"tokens by rank, {n:N0} draws, {job.Prior}" pools sums
                            Compare.fraction $"all tokens below 2e-9 together, {job.Prior}" mass seen n
                            for half, range in [ "first", (100_000, 149_999); "second", (150_000, 199_999) ] do
                                Compare.fraction
                                    $"the {half} half of the rarest 100,000, {job.Prior}"
                                    (Array.sum (within p range))
                                    (Array.sum (within counts range))
                                    n
                        ]
                        |> List.map (fun finding -> { finding with Again = job.Command })
                    Figures =
                        fun () ->
                            [
                                Picture.zStrip
                                    $"draws from {job.Prior}"
                                    "pool, by rank"
                                    [
                                        $"{n:N0} draws",
                                        [
                                            for i, (q, k) in
                                                Compare.pool 100.0 (float n) pools (Array.map float sums)
                                                |> List.ofArray
                                                |> List.indexed ->
                                                float i, (k - q * float n) / sqrt (q * (1.0 - q) * float n)
                                        ]
                                    ]
                            ]
                    Notes = [ $"{seen:N0} draws of tokens below 2e-9, {mass * float n:F1} expected" ]
                }
    }

/// The CPU engine's own path through large vocabularies: how many distinct tokens n draws give.
let private distinct =
    {
        Name = "truth/distinct-tokens"
        Claim = "n draws of a law over 200,000 tokens give the expected number of distinct tokens and unseen mass."
        Source = "Σ 1 - (1 - p_i)^n and Σ p_i (1 - p_i)^n"
        Alpha = alpha
        Measure = "relative shift of a mean"
        Notices = 0.02
        Run =
            fun world effort seed ->
                let rows =
                    [
                        for i, (prior, n) in List.indexed [ "zipf:200000:1.0", 500; "zipf:200000:1.65", 500 ] do
                            let job = first prior n (effort.Of 4_000) (seed + uint64 i)
                            let p = job.Probabilities
                            let measured = world.Measure job
                            let lost q = Math.Exp(float n * Math.Log(1.0 - q))

                            for observable, expected in
                                [
                                    Observable.Support, p |> Array.sumBy (fun q -> 1.0 - lost q)
                                    Observable.UnseenMass, p |> Array.sumBy (fun q -> q * lost q)
                                ] do
                                let mean, deviation = measured.Series observable 1

                                { Compare.mean $"{observable}, {prior}, n = {n}" expected mean deviation job.Contexts with
                                    Again = job.Command
                                }
                    ]

                {
                    Findings = rows
                    Figures = fun () -> []
                    Notes = []
                }
    }

let private zero =
    {
        Name = "truth/zero-weights"
        Claim = "A token of probability 0 is never drawn, in any generation."
        Source = "integer weight 0; docs/model.md, Randomness"
        Alpha = 0.0
        Measure = "none: a single draw is enough"
        Notices = 0.0
        Run =
            fun world effort seed ->
                {
                    Findings =
                        [
                            for i, training in
                                List.indexed
                                    [
                                        Training.FullySynthetic
                                        Training.PartiallySynthetic 40
                                        Training.RandomModels
                                    ] do
                                let job =
                                    { first "power:600:52:0.1" 100 (effort.Of 1_000) (seed + uint64 i) with
                                        Training = training
                                        Generations = 5
                                    }

                                let p = job.Probabilities
                                let counts = drawn world job

                                let impossible =
                                    Array.map2 (fun q k -> if q = 0.0 then k else 0L) p counts |> Array.sum

                                { Compare.exact
                                      $"tokens of probability 0, {training.Name}"
                                      (Array.sum counts)
                                      $"{impossible} of {Array.sum counts}"
                                      (impossible = 0L) with
                                    Again = job.Command
                                }
                        ]
                    Figures = fun () -> []
                    Notes = []
                }
    }

/// Under a bound of 40,000 a 16-bit modulo takes 25,536 indices twice as often as the others: in a training set whose
/// first half is real data, the real tokens gain. (9) at N = n = 20,000 sees that.
let private largeBound =
    {
        Name = "index/large-bound"
        Claim = "Indices under a bound of 40,000 favour neither half of the training set."
        Source = "(9) at N = n = 20,000"
        Alpha = alpha
        Measure = "relative shift of the mean of σ_3 - σ_1"
        Notices = 0.2
        Run =
            fun world effort seed ->
                let job =
                    { first "uniform:1000" 20_000 (effort.Of 400) seed with
                        Training = Training.PartiallySynthetic 20_000
                        Generations = 3
                        At = []
                        Observables = [ Observable.SumOfSquares ]
                    }

                // σ_3 - σ_1 of the same context: σ_1 alone varies ten times as much.
                let growth = ResizeArray<float>()
                let mutable start = 0.0

                world.Models job (fun model ->
                    let squares = model.Counts.Values |> Seq.sumBy (fun c -> float c * float c)
                    let sigma = squares / (float model.Size * float model.Size)

                    if model.Generation = 1 then
                        start <- sigma
                    elif model.Generation = 3 then
                        growth.Add(sigma - start))

                let s m =
                    world.Theory.Equation9 0.001 20_000 20_000 m

                {
                    Findings =
                        [
                            { Compare.sampleOn
                                  (s 3 - s 1)
                                  "σ_3 - σ_1, uniform:1000, N = n = 20,000"
                                  (s 3 - s 1)
                                  (growth.ToArray()) with
                                Again = job.Command
                            }
                        ]
                    Figures = fun () -> []
                    Notes = []
                }
    }

let all = [ tail; distinct; zero; largeBound ]
