/// Laws, closeness and slow, plain reference computations that the theory tests share. None uses the library.
module Collapse.Tests.TheorySupport

open System
open Expecto

let uniform s = Array.create s (1.0 / float s)

let normalise (weights: float[]) =
    let sum = Array.sum weights
    weights |> Array.map (fun w -> w / sum)

/// p_i proportional to i^-a on the first `support` of `s` tokens, a solved so that the sum of squares is `target`.
let power s support target =
    let law a =
        Array.init s (fun i -> if i < support then Math.Pow(float (i + 1), -a) else 0.0)
        |> normalise

    let rec solve low high steps =
        let a = (low + high) / 2.0

        if steps = 0 then
            law a
        elif Array.sumBy (fun p -> p * p) (law a) < target then
            solve a high (steps - 1)
        else
            solve low a (steps - 1)

    solve 0.0 20.0 200

/// The prior of the paper's figures.
let paperPrior = power 600 52 0.1

let close digits (actual: float) (expected: float) what =
    let error = abs (actual - expected)
    let allowed = 10.0 ** -digits * max 1e-300 (abs expected)

    if not (error <= allowed) then
        failtest $"{what}: {actual:R} where {expected:R} is expected, to {digits} digits"

/// Absolute closeness: for values that may be 0.
let near (tolerance: float) (actual: float) (expected: float) what =
    if not (abs (actual - expected) <= tolerance) then
        failtest $"{what}: {actual:R} where {expected:R} is expected, within {tolerance}"

let refuses text (action: unit -> unit) =
    let thrown =
        try
            action ()
            None
        with :? ArgumentException as e ->
            Some e.Message

    Expect.equal thrown (Some text) "the message"

// ---- exact enumeration over count vectors

let logFactorial =
    let table = Array.zeroCreate 2000

    for i in 1..1999 do
        table[i] <- table[i - 1] + log (float i)

    fun n -> table[n]

/// All vectors of s counts with sum n.
let rec countVectors s n =
    if s = 1 then
        [ [ n ] ]
    else
        [
            for first in 0..n do
                for rest in countVectors (s - 1) (n - first) -> first :: rest
        ]

let multinomial n (p: float[]) =
    [
        for counts in countVectors p.Length n do
            let mutable log = logFactorial n
            let mutable possible = true

            counts
            |> List.iteri (fun i c ->
                if c > 0 && p[i] = 0.0 then
                    possible <- false

                if c > 0 && p[i] > 0.0 then
                    log <- log - logFactorial c + float c * Math.Log p[i])

            if possible then
                yield counts, exp log
    ]

let toLaw (counts: int list) =
    let total = float (List.sum counts)
    counts |> List.map (fun c -> float c / total) |> Array.ofList

let l1 (p: float[]) (q: float[]) =
    Array.fold2 (fun sum a b -> sum + abs (a - b)) 0.0 p q

let sumOfSquares (p: float[]) = Array.sumBy (fun x -> x * x) p

let supportOf (p: float[]) =
    p |> Array.filter (fun x -> x > 0.0) |> Array.length

let mean (f: 'a -> float) (outcomes: ('a * float) list) =
    outcomes |> List.sumBy (fun (x, weight) -> weight * f x)

/// A result that the library leaves out where it is not known, and that is known here.
let known (value: 'a | null) : 'a =
    match value with
    | null -> failtest "the exact value is missing"
    | value -> value

/// The law of the state after one step, equal states merged.
let step (next: 'a -> ('b * float) list) (outcomes: ('a * float) list) =
    [
        for state, weight in outcomes do
            for result, chance in next state -> result, weight * chance
    ]
    |> List.groupBy fst
    |> List.map (fun (state, all) -> state, List.sumBy snd all)

/// Laws of the counts in generations 1..m of the fully synthetic scenario.
let fullySynthetic n p m =
    let rec go law left =
        law
        :: if left = 1 then
               []
           else
               go (step (toLaw >> multinomial n) law) (left - 1)

    go (multinomial n p) m

/// Laws of p^(m), m = 2..last, given the real counts.
let partiallySynthetic (real: int list) n last =
    let refit drawn = List.map2 (+) real drawn
    let next current = multinomial n (toLaw current)
    let start = next real |> List.map (fun (x, w) -> refit x, w)

    let rec go law left =
        law
        :: if left <= 2 then
               []
           else
               go (step (next >> List.map (fun (x, w) -> refit x, w)) law) (left - 1)

    go start last

// ---- fixed-point arithmetic with 300 bits: a dense reference for the ancestral chain

let scale = 300
let one = bigint 1 <<< scale
let fixedProduct (a: bigint) (b: bigint) = (a * b) >>> scale
let fixedQuotient (a: bigint) (b: bigint) = (a <<< scale) / b

let private ldexp (x: float) (e: int) = Math.ScaleB(x, e)

let toFloat (x: bigint) =
    // 53 bits at the top, the rest as a power of two.
    let bits = int (x.GetBitLength())

    if bits <= 60 then
        ldexp (float x) -scale
    else
        ldexp (float (x >>> (bits - 60))) (bits - 60 - scale)
