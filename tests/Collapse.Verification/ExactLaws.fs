/// Exact expectations from first principles, with plain arithmetic: nothing here is shared with src/Collapse.Theory,
/// nor with any simulator.
[<RequireQualifiedAccess>]
module Collapse.Verification.ExactLaws

open MathNet.Numerics.Distributions

/// Σ p_i².
let sumOfSquares (p: float[]) = p |> Array.sumBy (fun x -> x * x)

/// P(k) of a binomial law.
let binomial n p k =
    if p <= 0.0 then (if k = 0 then 1.0 else 0.0)
    elif p >= 1.0 then (if k = n then 1.0 else 0.0)
    else Binomial.PMF(p, n, k)

// ---- second moments of any schedule of eq. 5

/// E Σ p_i^(t) p_i^(u) for all generations: two tokens of one training set are one draw with probability 1/n, else
/// two draws, each from its own source; draws of different generations only meet through their sources.
let secondMoments s0 last (schedule: int -> (int * int) list) =
    let moment = Array2D.zeroCreate (last + 1) (last + 1)
    moment[0, 0] <- s0

    for m in 1..last do
        let sources = schedule m
        let n = float (List.sumBy snd sources)

        for u in 0 .. m - 1 do
            let value = sources |> List.sumBy (fun (t, k) -> float k / n * moment[t, u])
            moment[m, u] <- value
            moment[u, m] <- value

        let pairs =
            [
                for i, (t, k) in List.indexed sources do
                    for j, (u, l) in List.indexed sources do
                        if i = j then
                            float k * (1.0 + float (k - 1) * moment[t, t])
                        else
                            float k * float l * moment[t, u]
            ]

        moment[m, m] <- List.sum pairs / (n * n)

    moment

// ---- the count of one token

/// The law of one token's count: its count f in the first training set, and its count in generation m given f.
type TokenChain =
    {
        /// Size of the first training set.
        First: int
        /// Size of all later ones.
        Later: int
        /// For each generation from 1: rows f, columns the count.
        Given: float[][][]
    }

/// The chain c' = kept + Binomial(n, c/size), from 0 … first to the last generation. Fully synthetic: nothing kept,
/// first = n. Partially synthetic: the f real ones of N = first are kept.
let tokenChain keeps first n last =
    let later = if keeps then first + n else n

    let rows =
        [|
            for f in 0..first ->
                let kept = if keeps then f else 0

                let step (law: float[]) =
                    let next = Array.zeroCreate (later + 1)

                    law
                    |> Array.iteri (fun c weight ->
                        if weight > 0.0 then
                            // The law before is over counts of the set before: first or later tokens.
                            let p = float c / float (law.Length - 1)

                            for x in 0..n do
                                next[kept + x] <- next[kept + x] + weight * binomial n p x)

                    next

                Seq.unfold
                    (fun law -> Some(law, step law))
                    (Array.init (first + 1) (fun c -> if c = f then 1.0 else 0.0))
                |> Seq.take last
                |> Array.ofSeq
        |]

    {
        First = first
        Later = later
        Given = [| for m in 0 .. last - 1 -> rows |> Array.map (fun row -> row[m]) |]
    }

/// E Σ_i g(p_i, x, y) over tokens of law p: x = the token's share of the first training set, y = that of generation m.
let expectedSum (chain: TokenChain) (p: float[]) m (g: float -> float -> float -> float) =
    p
    |> Array.countBy id
    |> Array.sumBy (fun (q, tokens) ->
        let size = if m = 1 then chain.First else chain.Later
        let mutable sum = 0.0

        for f in 0 .. chain.First do
            let weight = binomial chain.First q f

            if weight > 1e-18 then
                let row = chain.Given[m - 1][f]

                for c in 0 .. row.Length - 1 do
                    if row[c] > 0.0 then
                        sum <- sum + weight * row[c] * g q (float f / float chain.First) (float c / float size)

        float tokens * sum)

/// The law of one token's count in generation m.
let countLaw (chain: TokenChain) p m =
    let size = if m = 1 then chain.First else chain.Later
    let law = Array.zeroCreate (size + 1)

    for f in 0 .. chain.First do
        let weight = binomial chain.First p f
        chain.Given[m - 1][f] |> Array.iteri (fun c x -> law[c] <- law[c] + weight * x)

    law

// ---- ancestors

/// The law of the number of ancestors A_m: A_1 = n, A_{m+1} the number of distinct bins hit by A_m balls in n bins.
let ancestors n last =
    let bins = float n

    // Distinct bins hit by a balls, ball by ball.
    let hits =
        Array.init (n + 1) (fun a ->
            Seq.init a id
            |> Seq.fold
                (fun (hit: float[]) _ ->
                    Array.init (n + 1) (fun k ->
                        hit[k] * float k / bins
                        + (if k > 0 then
                               hit[k - 1] * (bins - float (k - 1)) / bins
                           else
                               0.0)))
                (Array.init (n + 1) (fun k -> if k = 0 then 1.0 else 0.0)))

    let next (law: float[]) =
        Array.init (n + 1) (fun k -> Seq.sum (seq { for a in 1..n -> law[a] * hits[a][k] }))

    Seq.unfold (fun law -> Some(law, next law)) (Array.init (n + 1) (fun a -> if a = n then 1.0 else 0.0))
    |> Seq.take last
    |> Array.ofSeq

/// rho_m = P(T <= m) for m = 0 … last: the ancestors' tokens are A_m independent draws from p.
let collapsed (p: float[]) n last =
    let same = Array.init (n + 1) (fun a -> p |> Array.sumBy (fun p -> p ** float a))

    let chances =
        ancestors n last
        |> Array.map (fun law -> Seq.sum (seq { for a in 1..n -> law[a] * same[a] }))

    Array.append [| 0.0 |] chances
