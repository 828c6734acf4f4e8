/// That nothing random is used twice: contexts, generations, purposes, seeds; and that the plain simulator, whose
/// random words can be watched, is the product.
module Collapse.Verification.IndependenceChecks

open System.Collections.Generic
open System.Numerics
open Collapse.Engines
open Collapse.Kernels
open Collapse.Results

let private alpha = 1e-8

let private experiment training prior samples contexts generations seed =
    { Experiment.Of(training, prior, samples, contexts, generations, seed) with
        At = [ generations ]
        Observables = [ Observable.SumOfSquares ]
    }

let private again (job: Experiment) finding = { finding with Again = job.Command }

let private evidence findings =
    {
        Findings = findings
        Figures = fun () -> []
        Notes = []
    }

let private scenarios =
    [
        Training.FullySynthetic
        Training.PartiallySynthetic 10
        Training.RecentModels 3
        Training.RandomModels
    ]

let private last (world: World) job =
    (world.Measure job).Last Observable.SumOfSquares

let private contexts =
    {
        Name = "independence/contexts"
        Claim = "Contexts are independent of their neighbours."
        Source = "counter word 2 is the context; docs/model.md"
        Alpha = alpha
        Measure = "correlation of σ_m of contexts 1, 2, 3, 16 and 256 apart"
        Notices = 0.1
        Run =
            fun world effort seed ->
                evidence
                    [
                        for i, training in List.indexed scenarios do
                            let job =
                                experiment training "zipf:50:1.0" 20 (effort.Of 10_000) 6 (seed + uint64 i)

                            let sigma = last world job

                            for lag in [ 1; 2; 3; 16; 256 ] do
                                Compare.correlation
                                    $"σ_6 of contexts {lag} apart, {training.Name}"
                                    sigma[.. sigma.Length - 1 - lag]
                                    sigma[lag..]
                                |> again job
                    ]
    }

let private seeds =
    {
        Name = "independence/seeds"
        Claim = "Runs with adjacent seeds are independent, context by context."
        Source = "the seed is the Philox key; docs/model.md"
        Alpha = alpha
        Measure = "correlation of σ_m of one context under two seeds"
        Notices = 0.1
        Run =
            fun world effort seed ->
                evidence
                    [
                        for training in scenarios do
                            let job =
                                experiment training "zipf:50:1.0" 20 (effort.Of 10_000) 6 (seed &&& ~~~1UL)

                            let sigma = last world job

                            for name, distance in [ "1", 1UL; "2", 2UL; "2^32", 1UL <<< 32 ] do
                                let other = last world { job with Seed = job.Seed + distance }

                                Compare.correlation $"σ_6 under seeds {name} apart, {training.Name}" sigma other
                                |> again job
                    ]
    }

/// A token's share is a martingale: its steps have mean 0 whatever came before, so that the product of two steps, or of
/// a step and what it started from, has mean 0.
let private generations =
    {
        Name = "independence/generations"
        Claim = "What a token gains in one generation says nothing of what it gains in the next."
        Source = "p^(m) is a martingale (fully synthetic); counter word 1 is the generation"
        Alpha = alpha
        Measure = "mean product of two steps of a count, in units of n p (1 - p)"
        Notices = 0.15
        Run =
            fun world effort seed ->
                let n = 20

                let job =
                    experiment Training.FullySynthetic "zipf:5:0.5" n (effort.Of 20_000) 4 seed

                let p = job.Probabilities

                let counts =
                    Array.init 5 (fun _ -> Array.init job.Contexts (fun _ -> Array.zeroCreate<int> 5))

                let mutable known: TrainedModel option = None

                let write m (model: TrainedModel) =
                    for pair in model.Counts do
                        counts[m].[int model.Context].[pair.Key] <- pair.Value

                let finish () =
                    match known with
                    | Some model ->
                        for m in model.Generation + 1 .. 4 do
                            write m model
                    | None -> ()

                world.Models job (fun model ->
                    if model.Generation = 1 then
                        finish ()

                    write model.Generation model
                    known <- Some model)

                finish ()

                evidence
                    [
                        for token in [ 0; 2; 4 ] do
                            let expected = float n * p[token]
                            let unit = expected * (1.0 - p[token])

                            let count m c =
                                if m = 0 then expected else float (counts[m].[c].[token])

                            let step m c = count m c - count (m - 1) c

                            for m, l in [ 1, 2; 2, 3; 3, 4; 1, 3; 2, 4; 1, 4 ] do
                                Array.init job.Contexts (fun c -> step m c * step l c)
                                |> Compare.sampleOn unit $"steps {m} and {l} of token {token}" 0.0
                                |> again job
                    ]
    }

/// Bits of two streams that differ in one part of their address agree half of the time, and their words are
/// uncorrelated.
let private streams =
    {
        Name = "independence/streams"
        Claim =
            "Streams that differ by one in context, generation, segment, purpose or seed are independent, and so are the words of one stream."
        Source = "Philox4x32-10; docs/model.md, Randomness"
        Alpha = alpha
        Measure = "shift of the probability that two bits agree, or correlation of words"
        Notices = 0.05
        Run =
            fun world effort seed ->
                let count = effort.Of 40_000

                let stream (s: uint64, c: uint32, m: uint32, g: uint32, u: uint32) = world.Words s c m g u count

                let compare name (x: uint32[]) (y: uint32[]) =
                    let agree =
                        Array.map2 (fun (a: uint32) b -> int64 (32 - BitOperations.PopCount(a ^^^ b))) x y
                        |> Array.sum

                    [
                        Compare.fraction $"agreeing bits, {name}" 0.5 agree (32L * int64 x.Length)
                        Compare.correlation $"words, {name}" (Array.map float x) (Array.map float y)
                    ]

                evidence
                    [
                        for c, m, g, u in
                            [
                                0u, 1u, 0u, DrawPurpose.Truth
                                12u, 7u, 0u, DrawPurpose.Index
                                8u, 4u, 2u, DrawPurpose.MixtureSource
                            ] do
                            let s = seed &&& ~~~1UL
                            let here = stream (s, c, m, g, u)
                            let at = $"context {c}, generation {m}, segment {g}, purpose {u}"
                            yield! compare $"next context, {at}" here (stream (s, c + 1u, m, g, u))
                            yield! compare $"next generation, {at}" here (stream (s, c, m + 1u, g, u))
                            yield! compare $"next segment, {at}" here (stream (s, c, m, g + 1u, u))
                            yield! compare $"next purpose, {at}" here (stream (s, c, m, g, u + 1u))
                            yield! compare $"next seed, {at}" here (stream (s + 1UL, c, m, g, u))
                            yield! compare $"context and generation swapped, {at}" here (stream (s, m, c + 100u, g, u))
                            yield! compare $"the next word, {at}" here[.. count - 2] here[1..]
                            yield! compare $"the next block, {at}" here[.. count - 5] here[4..]
                    ]
    }

let private counters =
    {
        Name = "independence/counters"
        Claim = "No two uses of randomness in a run share a Philox counter."
        Source = "docs/model.md, Randomness; enumerated"
        Alpha = 0.0
        Measure = "none: a single shared counter is enough"
        Notices = 0.0
        Run =
            fun world effort seed ->
                evidence
                    [
                        for training, n, contexts in
                            [
                                Training.FullySynthetic, 650, 60
                                Training.PartiallySynthetic 40, 50, 200
                                Training.RecentModels 4, 80, 200
                                Training.RandomModels, 40, 100
                                Training.Custom("mixed", (fun m -> [ 0, 5; m - 1, 9; max 0 (m - 3), 7 ])), 21, 200
                            ] do
                            let job = experiment training "zipf:50:1.0" n (effort.Of contexts) 20 seed
                            let uses = Dictionary<Counter, Purpose>()
                            let mutable shared = None
                            let mutable rejected = 0

                            world.Counters job (fun purpose counter ->
                                if purpose.Attempt > 0u then
                                    rejected <- rejected + 1

                                match uses.TryGetValue counter with
                                | true, other when other <> purpose -> shared <- Some(other, purpose)
                                | true, _ -> ()
                                | false, _ -> uses[counter] <- purpose)

                            let text =
                                match shared with
                                | Some(a, b) -> $"one counter for {a} and {b}"
                                | None -> $"{uses.Count:N0} counters, {rejected:N0} uses after a rejection"

                            Compare.exact $"{training.Name}, n = {n}" (int64 uses.Count) text shared.IsNone
                            |> again job
                    ]
    }

let private twin =
    {
        Name = "model/plain-twin"
        Claim = "The product's models are those of a plain simulator written from docs/model.md, count for count."
        Source = "docs/model.md; PlainSimulator"
        Alpha = 0.0
        Measure = "none: a single count is enough"
        Notices = 0.0
        Run =
            fun world effort seed ->
                let plain = PlainSimulator.world "plain" PlainSimulator.right

                evidence
                    [
                        for training, prior, n in
                            [
                                Training.FullySynthetic, "power:600:52:0.1", 650
                                Training.FullySynthetic, "zipf:200000:1.65", 3_000
                                Training.PartiallySynthetic 37, "zipf:50:1.0", 21
                                Training.PartiallySynthetic 1_000, "uniform:7", 443
                                Training.RecentModels 4, "zipf:50:1.0", 82
                                Training.RandomModels, "zipf:50:1.0", 33
                                Training.Custom("mixed", (fun m -> [ 0, 5; m - 1, 9; max 0 (m - 3), 7 ])),
                                "zipf:50:1.0",
                                21
                            ] do
                            // The reference engine looks at all 200,000 tokens in every generation.
                            let contexts = if n = 3_000 then 2 else effort.Of 20
                            let job = experiment training prior n contexts 15 seed
                            let expected = Dictionary<struct (int64 * int), TrainedModel>()
                            plain.Models job (fun model -> expected[struct (model.Context, model.Generation)] <- model)
                            let mutable compared, different = 0L, 0L

                            world.Models job (fun model ->
                                let other = expected[struct (model.Context, model.Generation)]
                                compared <- compared + 1L

                                let same =
                                    model.Size = other.Size
                                    && model.Counts.Count = other.Counts.Count
                                    && Seq.forall
                                        (fun (pair: KeyValuePair<int, int>) ->
                                            match other.Counts.TryGetValue pair.Key with
                                            | true, count -> count = pair.Value
                                            | _ -> false)
                                        model.Counts

                                if not same then
                                    different <- different + 1L)

                            Compare.exact
                                $"{training.Name}, {prior}, n = {n}"
                                compared
                                $"{different} of {compared} models differ"
                                (compared > 0L && different = 0L)
                            |> again job
                    ]
    }

let all = [ contexts; seeds; generations; streams; counters; twin ]
