/// Deliberately wrong simulators and theories. Each replaces one part of a right one, and names the check of the
/// catalogue that must reject it; the right parts must pass the same checks.
module Collapse.Verification.Defects

open System
open System.Collections.Generic
open Collapse.Kernels
open Collapse.Results
open Collapse.Softmax.Sampling
open Collapse.Theory
open Collapse.Verification.PlainSimulator

/// A defect and who notices.
[<NoEquality; NoComparison>]
type Defect =
    {
        Name: string
        World: World
        /// The check that must reject it.
        RejectedBy: string
        /// The part of the small effort that is enough.
        Scale: float
    }

let private simulator name scale rejectedBy parts =
    {
        Name = name
        World = PlainSimulator.world name parts
        RejectedBy = rejectedBy
        Scale = scale
    }

let private theory name scale rejectedBy formulas =
    {
        Name = name
        World =
            { Product.world with
                Name = name
                Theory = formulas
            }
        RejectedBy = rejectedBy
        Scale = scale
    }

// ---- replacement parts

let private withCounter change =
    { right with
        Counter = fun seed purpose -> right.Counter seed (change purpose)
    }

let private withIndices indices = { right with Indices = indices }

let private withSegments segments =
    { right with
        Segments =
            fun training n m ->
                match segments training n m with
                | Some sources -> sources
                | None -> right.Segments training n m
    }

let private withObservable observable value =
    { right with
        Observe =
            fun asked first law counts size ->
                if asked = observable then
                    value (right.Observe asked) first law counts size
                else
                    right.Observe asked first law counts size
    }

/// Words of a stream by number, from the right counters.
let private wordsOf (parts: Parts) (at: Stream) =
    let world = PlainSimulator.world "words" parts

    fun count -> world.Words at.Seed at.Start.Context at.Start.Generation at.Start.Segment at.Start.Use count

/// Inverse of a distribution function kept in single precision, as many programs draw.
let private singlePrecision =
    let tables = Runtime.CompilerServices.ConditionalWeakTable<float[], float32[]>()

    fun (parts: Parts) (law: float[]) at count ->
        let cumulative =
            tables.GetValue(law, fun law -> law |> Array.map float32 |> Array.scan (+) 0.0f |> Array.skip 1)

        wordsOf parts at count
        |> Array.map (fun word ->
            let u = float32 word / 4294967296.0f * cumulative[cumulative.Length - 1]
            let found = Array.BinarySearch(cumulative, u)
            min (law.Length - 1) (if found < 0 then ~~~found else found + 1))

/// Indices that are a permutation of the set, as far as it goes.
let private withoutReplacement (parts: Parts) at count bound =
    let places = Array.init bound id
    let words = wordsOf parts at count

    Array.init count (fun d ->
        let d = d % bound
        let other = d + int (words[d] % uint32 (bound - d))
        let chosen = places[other]
        places[other] <- places[d]
        places[d] <- chosen
        chosen)

let private draw =
    [
        simulator
            "the last index of a training set is never drawn"
            0.25
            "fully-synthetic/sum-of-squares"
            (withIndices (fun parts at count bound -> right.Indices parts at count (max 1 (bound - 1))))
        simulator
            "modulo of 5-bit lanes"
            0.1
            "fully-synthetic/sum-of-squares"
            (withIndices (fun parts at count bound ->
                wordsOf parts at count |> Array.map (fun word -> int (word % 32u) % bound)))
        simulator
            "modulo of 16-bit lanes under a bound of 40,000"
            0.5
            "index/large-bound"
            (withIndices (fun parts at count bound ->
                wordsOf parts at count |> Array.map (fun word -> int (word % 65_536u) % bound)))
        simulator "draws without replacement" 0.1 "fully-synthetic/sum-of-squares" (withIndices withoutReplacement)
        simulator
            "draws without replacement, one generation at a time"
            0.25
            "fully-synthetic/transition-law"
            (withIndices withoutReplacement)
        simulator
            "two draws share a lane"
            0.1
            "fully-synthetic/sum-of-squares"
            (withIndices (fun parts at count bound ->
                let half = right.Indices parts at ((count + 1) / 2) bound
                Array.init count (fun d -> half[d / 2])))
        simulator
            "N + n - 1 in place of N + n"
            0.5
            "partially-synthetic/regression"
            (withIndices (fun parts at count bound ->
                // Only partially synthetic sets are larger than what is drawn of them.
                right.Indices parts at count (if bound > count then bound - 1 else bound)))
        simulator "cumulative sums in single precision" 1.0 "truth/rare-tokens" { right with Tokens = singlePrecision }
        simulator
            "the last token of a law is never drawn"
            0.5
            "fully-synthetic/count-law"
            { right with
                Tokens =
                    fun parts law at count ->
                        let last = law.Length - 1

                        right.Tokens parts law at count
                        |> Array.map (fun token -> if token = last then last - 1 else token)
            }
        simulator
            "systematic sampling: the indices stand in equal steps from a random start"
            0.5
            "fully-synthetic/covariance"
            { right with
                Tokens =
                    fun parts law at count ->
                        let start = (wordsOf parts at 1 |> Array.head |> float) / 4294967296.0
                        let cumulative = Array.scan (+) 0.0 law |> Array.skip 1

                        Array.init count (fun d ->
                            let u = (float d + start) / float count
                            cumulative |> Array.findIndex (fun c -> u < c || c = cumulative[law.Length - 1]))
            }
        simulator
            "tokens are drawn evenly from the support"
            1.0
            "bounds/lambda-1"
            { right with
                Tokens =
                    fun parts law at count ->
                        let even = law |> Array.map (fun p -> if p > 0.0 then 1.0 else 0.0)
                        right.Tokens parts even at count
            }
        simulator
            "the rarest token takes one draw in a hundred from the others"
            1.0
            "fully-synthetic/unbiased"
            { right with
                Tokens =
                    fun parts law at count ->
                        Array.map2
                            (fun token word -> if word % 100u = 0u then law.Length - 1 else token)
                            (right.Tokens parts law at count)
                            (wordsOf
                                parts
                                { at with
                                    Start =
                                        { at.Start with
                                            Use = DrawPurpose.Prior
                                        }
                                }
                                count)
            }
        simulator
            "a token of probability 0 is drawn now and then"
            1.0
            "truth/zero-weights"
            { right with
                Tokens =
                    fun parts law at count ->
                        // One draw in 65,536, by the high half of a word.
                        Array.map2
                            (fun token word -> if word >>> 16 = 0u then law.Length - 1 else token)
                            (right.Tokens parts law at count)
                            (wordsOf parts at count)
            }
    ]

let private counters =
    let halfGenerations (it: Purpose) =
        { it with
            Generation = (it.Generation + 1u) / 2u
        }

    [
        simulator "every two generations share a stream" 0.25 "independence/counters" (withCounter halfGenerations)
        simulator
            "every two generations share a stream, and sets are sorted"
            0.25
            "independence/generations"
            { withCounter halfGenerations with
                Arrange = Array.sort
            }
        simulator
            "all generations share a stream"
            0.1
            "fully-synthetic/sum-of-squares"
            (withCounter (fun it ->
                { it with
                    Generation = min it.Generation 2u
                }))
        simulator
            "two contexts share a stream"
            0.25
            "independence/contexts"
            (withCounter (fun it -> { it with Context = it.Context / 2u }))
        simulator
            "two contexts share a stream, seen by their counters"
            0.25
            "independence/counters"
            (withCounter (fun it -> { it with Context = it.Context / 2u }))
        simulator
            "source and index of a mixture share a stream"
            0.25
            "independence/counters"
            (withCounter (fun it ->
                { it with
                    Use =
                        if it.Use = DrawPurpose.MixtureIndex then
                            DrawPurpose.MixtureSource
                        else
                            it.Use
                }))
        simulator
            "a rejected draw reads the plain stream again"
            1.0
            "independence/counters"
            (withCounter (fun it -> { it with Attempt = 0u }))
        simulator
            "the seed loses its lowest bit"
            0.25
            "independence/seeds"
            { right with
                Counter = fun seed purpose -> right.Counter (seed &&& ~~~1UL) purpose
            }
        simulator
            "the seed loses its high word"
            0.25
            "independence/seeds"
            { right with
                Counter = fun seed purpose -> right.Counter (seed &&& 0xFFFFFFFFUL) purpose
            }
        simulator
            "segments of one generation share a stream"
            0.25
            "independence/streams"
            (withCounter (fun it -> { it with Segment = 0u }))
    ]

let private schedules =
    [
        simulator
            "the source is one generation too early"
            0.1
            "fully-synthetic/sum-of-squares"
            (withSegments (fun training n m ->
                match training with
                | Training.FullySynthetic when m > 2 -> Some [ Source.Model(m - 2), n ]
                | _ -> None))
        simulator
            "n - 1 draws per generation"
            0.25
            "fully-synthetic/sum-of-squares"
            (withSegments (fun training n m ->
                match training with
                | Training.FullySynthetic -> Some(right.Segments training (n - 1) m)
                | _ -> None))
        simulator
            "every eighth generation is trained on fresh real tokens"
            0.1
            "fully-synthetic/collapsed-fraction"
            (withSegments (fun training n m ->
                match training with
                | Training.FullySynthetic when m % 8 = 0 -> Some [ Source.Truth, n ]
                | _ -> None))
        simulator
            "real tokens are drawn anew in every generation"
            0.25
            "partially-synthetic/sum-of-squares"
            (withSegments (fun training n m ->
                match training with
                | Training.PartiallySynthetic real when m > 1 -> Some [ Source.Truth, real; Source.Model(m - 1), n ]
                | _ -> None))
        simulator
            "real tokens are forgotten after generation 1"
            1.0
            "bounds/many-contexts"
            (withSegments (fun training n m ->
                match training with
                | Training.PartiallySynthetic real when m > 1 -> Some [ Source.Model(m - 1), real + n ]
                | _ -> None))
        simulator
            "a window of one model more"
            0.25
            "recent-models/sum-of-squares"
            (withSegments (fun training n m ->
                match training with
                | Training.RecentModels window ->
                    right.Segments (Training.RecentModels(window + 1)) (n / window * (window + 1)) m
                    |> Some
                | _ -> None))
        simulator
            "random-models chooses among 1 … m - 1"
            0.25
            "random-models/sum-of-squares"
            (withSegments (fun training n m ->
                match training with
                | Training.RandomModels -> Some [ (if m = 1 then Source.Truth else Source.Mixture 1), n ]
                | _ -> None))
        simulator
            "a custom schedule moves one token to another source"
            1.0
            "custom/sum-of-squares"
            (withSegments (fun training n m ->
                match training, right.Segments training n m with
                | Training.Custom _, (a, k) :: (b, l) :: rest -> Some((a, k + 1) :: (b, l - 1) :: rest)
                | _ -> None))
        simulator
            "partially synthetic: n - 1 draws"
            0.5
            "partially-synthetic/deviation-law"
            (withSegments (fun training n m ->
                match training with
                | Training.PartiallySynthetic _ -> Some(right.Segments training (n - 1) m)
                | _ -> None))
    ]

let private rows =
    [
        simulator
            "fresh real tokens come from the next row of the text"
            0.25
            "corpus/unbiased"
            { right with
                Row = fun rows context -> rows[(context + 1) % rows.Length]
            }
        simulator
            "modulo of 5-bit lanes, on a text"
            0.25
            "corpus/unbiased"
            (withIndices (fun parts at count bound ->
                wordsOf parts at count |> Array.map (fun word -> int (word % 32u) % bound)))
    ]

let private observables =
    let counted (values: IReadOnlyDictionary<int, int>) = values.Values |> Seq.map float

    [
        simulator
            "the sum of squares with n - 1"
            0.1
            "fully-synthetic/sum-of-squares"
            (withObservable Observable.SumOfSquares (fun _ _ _ counts size ->
                counted counts
                |> Seq.sumBy (fun c -> c * (c - 1.0) / (float size * float (size - 1)))))
        simulator
            "a token seen once does not count as support"
            0.25
            "fully-synthetic/support"
            (withObservable Observable.Support (fun _ _ _ counts _ ->
                counted counts |> Seq.filter (fun c -> c > 1.0) |> Seq.length |> float))
        simulator
            "entropy in bits"
            0.25
            "fully-synthetic/entropy"
            (withObservable Observable.Entropy (fun right first law counts size ->
                right first law counts size / log 2.0))
        simulator
            "half the L1 distance"
            0.25
            "fully-synthetic/l1-from-first"
            (withObservable Observable.L1FromFirst (fun right first law counts size ->
                right first law counts size / 2.0))
        simulator
            "the distance to the truth leaves out lost tokens"
            0.25
            "fully-synthetic/l1-from-truth"
            (withObservable Observable.L1FromTruth (fun _ _ law counts size ->
                counts
                |> Seq.sumBy (fun pair -> abs (float pair.Value / float size - law[pair.Key]))))
        simulator
            "unseen mass under the first model"
            0.25
            "fully-synthetic/unseen-mass"
            (withObservable Observable.UnseenMass (fun _ first _ counts _ ->
                first
                |> Seq.sumBy (fun pair -> if counts.ContainsKey pair.Key then 0.0 else pair.Value)))
        simulator
            "the largest count less one"
            0.25
            "fully-synthetic/max-probability"
            (withObservable Observable.MaxProbability (fun right first law counts size ->
                right first law counts size - 1.0 / float size))
        simulator
            "the collapse time is off by one"
            0.25
            "fully-synthetic/collapse-time-law"
            { right with
                CollapseTime = fun m -> m + 1
            }
        simulator
            "the survivor is the token before"
            0.25
            "fully-synthetic/survivor"
            { right with
                Survivor = fun counts -> max 0 (right.Survivor counts - 1)
            }
    ]

let private formulas =
    let bound changed (change: Setting -> Bound -> Bound) =
        { Theory.product with
            Bound =
                fun name at ->
                    let value = Theory.product.Bound name at
                    if name = changed then change at value else value
        }

    let times factor (_: Setting) (bound: Bound) =
        Bound(factor * bound.Value, bound.Vacuous)

    let answer changed (change: int64 -> int64) =
        { Theory.product with
            MaxSamples =
                fun p real tolerance m ->
                    [
                        for name, answer in Theory.product.MaxSamples p real tolerance m ->
                            name,
                            (if name = changed && answer.Kind = AnswerKind.Finite then
                                 PlanAnswer(AnswerKind.Finite, Nullable(change answer.Tokens.Value))
                             else
                                 answer)
                    ]
        }

    // What is left of Theorems 3 and 4 without G_n(s).
    let withoutG (at: Setting) (bound: Bound) =
        let whole = Theory.product.Bound "Theorem 3" at
        let rest = sqrt (Math.PI * float at.Samples / 2.0) / float at.Real
        Bound(bound.Value * rest / whole.Value, bound.Vacuous)

    [
        theory
            "(9) with the minus of the printed copies"
            0.5
            "partially-synthetic/sum-of-squares"
            { Theory.product with
                Equation9 =
                    fun s0 real n m ->
                        // The last term once more, taken away twice.
                        let N, n = float real, float n
                        let a = n / (N + n)
                        let b = a * ((1.0 + 1.0 / N) * a - 1.0 / N)
                        let last = (1.0 - 1.0 / N) * s0 * a / N * b ** float (m - 1)

                        Theory.product.Equation9 s0 real (int n) m
                        - 2.0 * last / (1.0 + (1.0 + 1.0 / N) * a)
            }
        theory
            "(6) counts generations from 0"
            0.25
            "fully-synthetic/sum-of-squares"
            { Theory.product with
                Equation6 = fun s0 n m -> Theory.product.Equation6 s0 n (m - 1)
            }
        theory
            "recent-models without the covariances"
            0.5
            "recent-models/sum-of-squares"
            { Theory.product with
                RecentModels = fun s0 n _ last -> Theory.product.RecentModels s0 n 1 last
            }
        theory
            "the product of random-models with g instead of g²"
            0.25
            "random-models/sum-of-squares"
            { Theory.product with
                RandomModels =
                    fun s0 n last ->
                        [|
                            for m in 0..last ->
                                1.0
                                - (1.0 - s0)
                                  * List.fold (fun x g -> x * (1.0 - 1.0 / (float n * float g))) 1.0 [ 1..m ]
                        |]
            }
        theory
            "rho one generation late"
            0.25
            "fully-synthetic/collapse-time-law"
            { Theory.product with
                Collapsed =
                    fun p n last -> Array.append [| 0.0 |] (Theory.product.Collapsed p n last |> Array.take last)
            }
        theory
            "(7) below without its n"
            1.0
            "bounds/equation-7"
            (bound "(7) lower" (fun at _ ->
                Bound(Theory.product.Equation6 (ExactLaws.sumOfSquares at.Law) at.Samples at.Generation, false)))
        theory "(7) above is too low by a tenth" 1.0 "bounds/equation-7" (bound "(7) upper" (times 0.9))
        theory "(8) below two and a half times as high" 1.0 "bounds/equation-8" (bound "(8) lower" (times 2.5))
        theory "(8) above at a seventh" 1.0 "bounds/equation-8" (bound "(8) upper" (times (1.0 / 7.0)))
        theory "Theorem 3 without G" 1.0 "bounds/theorems-3-and-4" (bound "Theorem 3" withoutG)
        theory "Theorem 4 without G" 1.0 "bounds/theorems-3-and-4" (bound "Theorem 4" withoutG)
        theory "the sharp bound two fifths less" 1.0 "bounds/sharp-and-two-moment" (bound "sharp" (times 0.6))
        theory
            "the two-moment bound with r W in place of 2 r W"
            1.0
            "bounds/sharp-and-two-moment"
            (bound "two-moment" (times 0.5))
        theory
            "the sharp bound of recent-models halved"
            1.0
            "bounds/schedules-sharp"
            (bound "recent-models sharp" (times 0.5))
        theory
            "the sharp bound of random-models halved"
            1.0
            "bounds/schedules-sharp"
            (bound "random-models sharp" (times 0.5))
        theory
            "the first extinction's upper bound a third less"
            1.0
            "bounds/first-extinction"
            (bound "first extinction upper" (times 0.67))
        theory
            "the first extinction's lower bound a tenth more"
            1.0
            "bounds/first-extinction"
            (bound "first extinction lower" (fun _ b -> Bound(min 0.999 (1.15 * b.Value), b.Vacuous)))
        theory
            "a third of the largest deviation's bound"
            1.0
            "bounds/many-contexts"
            (bound "largest deviation" (times (1.0 / 3.0)))
        theory
            "all collapsed: the upper bound in place of the lower"
            1.0
            "bounds/many-contexts"
            (bound "all collapsed lower" (fun at _ -> Theory.product.Bound "all collapsed upper" at))
        theory
            "all collapsed: the lower bound in place of the upper"
            1.0
            "bounds/many-contexts"
            (bound "all collapsed upper" (fun at _ -> Theory.product.Bound "all collapsed lower" at))
        theory "the bound of λ_1 a third less" 1.0 "bounds/lambda-1" (bound "λ_1" (times 0.67))
        theory "the planner's exact answer doubled" 1.0 "bounds/planner" (answer "exact" (fun n -> 2L * n))
        theory "the planner's sharp answer five times as high" 1.0 "bounds/planner" (answer "sharp" (fun n -> 5L * n))
        theory
            "the planner's two-moment answer five times as high"
            1.0
            "bounds/planner"
            (answer "two-moment" (fun n -> 5L * n))
        theory
            "the planner's exact answer is one token too many"
            1.0
            "bounds/paper-plan"
            (answer "exact" (fun n -> n + 1L))
    ]

// ---- softmax models

let private softmax =
    let plant name scale rejectedBy parts =
        {
            Name = name
            World =
                { PlainSimulator.world name right with
                    Softmax = PlainSoftmax.softmax parts
                }
            RejectedBy = rejectedBy
            Scale = scale
        }

    let plain = PlainSoftmax.right

    let single (law: float[]) =
        let ends = law |> Array.map float32 |> Array.scan (+) 0.0f |> Array.skip 1

        fun (u: float) ->
            let found = Array.BinarySearch(ends, float32 u * ends[ends.Length - 1])
            min (law.Length - 1) (if found < 0 then ~~~found else found + 1)

    let cooler =
        { plain with
            Law =
                fun rule ->
                    let t = if rule.Temperature = 1.0 then 0.9 else rule.Temperature
                    plain.Law(SamplingRule(t, rule.TopK, rule.TopP))
        }

    /// As many tokens as `change` makes of the right number.
    let keeping change =
        { plain with
            Law = PlainSoftmax.lawKeeping (fun rule sorted -> change rule (PlainSoftmax.keeps rule sorted))
        }

    let offByOne step =
        keeping (fun rule count -> if rule.TopP < 1.0 then max 1 (count + step) else count)

    [
        plant "logits: cumulative sums in single precision" 1.0 "softmax/rare-tokens" { plain with Map = single }
        plant "logits: temperature 0.9 for 1" 0.25 "softmax/temperature" cooler
        plant "softmax runs: temperature 0.9 for 1" 0.25 "softmax/plain-scenario" cooler
        plant
            "top-k keeps one token more"
            0.25
            "softmax/top-k"
            (keeping (fun rule count -> if rule.TopK.HasValue then count + 1 else count))
        plant "top-p keeps one token more" 0.25 "softmax/top-p" (offByOne 1)
        plant "top-p keeps one token less" 0.25 "softmax/top-p" (offByOne -1)
        plant
            "smoothing leaves out the tokens that were not drawn"
            0.25
            "softmax/smoothed-mean"
            { plain with
                Smooth =
                    fun lambda counts n ->
                        let p =
                            plain.Smooth lambda counts n
                            |> Array.map2 (fun c q -> if c = 0 then 0.0 else q) counts

                        p |> Array.map (fun q -> q / Array.sum p)
            }
        plant
            "the functional error is taken against the law drawn from"
            0.25
            "softmax/errors"
            { plain with
                Errors =
                    fun drawnFrom shares model ->
                        fst (plain.Errors drawnFrom shares model), PlainSoftmax.distance model drawnFrom
            }
        plant
            "the statistical error is taken of the model"
            0.25
            "softmax/errors"
            { plain with
                Errors =
                    fun drawnFrom shares model ->
                        PlainSoftmax.distance model drawnFrom, snd (plain.Errors drawnFrom shares model)
            }
    ]

let all = draw @ softmax @ counters @ schedules @ rows @ observables @ formulas

let private at scale = { Name = "planted"; Scale = scale }

/// The verdict of the check that a defect names.
let judge seed (defect: Defect) =
    Check.run defect.World (at defect.Scale) seed (Catalogue.find defect.RejectedBy)

/// The right parts under a check that defects name, at the largest effort asked of it.
let judgeRight seed name =
    let scale =
        all
        |> List.filter (fun it -> it.RejectedBy = name)
        |> List.map _.Scale
        |> List.max

    Check.run (PlainSimulator.world "plain simulator" right) (at scale) seed (Catalogue.find name)
