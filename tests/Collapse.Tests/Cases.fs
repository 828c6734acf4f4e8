/// Random small runs of every kind, and how a failing one becomes smaller.
module Collapse.Tests.Cases

open System
open FsCheck.FSharp
open Collapse.Corpora
open Collapse.Model
open Collapse.Priors
open Collapse.Running
open Collapse.Tests.Texts
open Collapse.Tests.Runs

/// What is true, or the data that stand for it.
type Law =
    /// Whole weights, the same for every context.
    | Weights of int list
    /// Whole weights, one row a context.
    | Rows of int list list
    /// A specification of the command line.
    | Named of string
    /// A text over the letters a to e: every n-gram of this order is a context.
    | Letters of order: int * text: string

/// A scenario; a custom one gives (t, n_t) for each generation.
[<RequireQualifiedAccess>]
type Kind =
    | Fully
    | Partially
    | Recent of window: int
    | Random
    | Custom of (int * int) list list

/// A run. Of no account are Real but in partially-synthetic with a prior, Samples in a custom schedule, and Contexts on
/// a text or with rows.
type Case =
    {
        Law: Law
        Kind: Kind
        /// None for as many as each context of a text has.
        Samples: int option
        Real: int
        Contexts: int
        Generations: int
        Seed: uint64
    }

// ---- runs

let scenario =
    function
    | Kind.Fully -> Scenario.FullySynthetic
    | Kind.Partially -> Scenario.PartiallySynthetic
    | Kind.Recent window -> Scenario.RecentModels window
    | Kind.Random -> Scenario.RandomModels
    | Kind.Custom schedule -> custom "custom" (fun m -> schedule[m - 1])

let private rowsPrior (rows: int list list) =
    WeightsPrior("rows", [| for row in rows -> [| for w in row -> float w |] |]) :> Prior

let readText (order: int) text =
    withText text (fun path -> Corpus.Read(path, "chars", order))

/// A case as a run in which every context is traced.
let jobOf (case: Case) =
    let corpus =
        match case.Law with
        | Letters(order, text) -> Some(readText order text)
        | _ -> None

    let prior =
        match case.Law with
        | Weights weights -> Some(PriorParser.FromWeights [ for w in weights -> float w ])
        | Rows rows -> Some(rowsPrior rows)
        | Named specification -> Some(prior specification)
        | Letters _ -> None

    {
        Scenario = scenario case.Kind
        Prior = prior
        Corpus = corpus
        HeldOut =
            corpus
            |> Option.map (fun corpus -> withText "abcdefedcbaabcabcaabbccx" corpus.ReadHeldOut)
        Contexts =
            match case.Law with
            | Letters _ -> None
            | Rows rows -> Some rows.Length
            | _ -> Some case.Contexts
        Samples = case.Samples
        Real =
            if case.Kind = Kind.Partially && corpus.IsNone then
                Some case.Real
            else
                None
        Generations = Some case.Generations
        UntilCollapse = false
        Seed = case.Seed
        Trace = 1_000
        Chunk = None
        Classifier = Collapse.Softmax.Classifier.ClosedForm
        Sampler = Sampler.Tokens
        ReportAt = ReportGrid.Standard
    }

// ---- which of them can run

let private isText =
    function
    | Letters _ -> true
    | _ -> false

let private fits (case: Case) =
    let lawFits =
        match case.Law with
        | Weights weights -> List.exists (fun w -> w > 0) weights
        | Rows rows ->
            rows.Length > 1
            && rows
               |> List.forall (fun row -> row.Length = rows.Head.Length && List.exists (fun w -> w > 0) row)
        | Named _ -> true
        | Letters(order, text) -> text.Length > order

    let kindFits =
        match case.Kind with
        | Kind.Recent window ->
            window <= case.Generations
            && case.Samples |> Option.exists (fun samples -> window <= samples)
        | Kind.Custom schedule ->
            schedule.Length >= case.Generations
            && schedule |> List.forall (List.isEmpty >> not)
            && case.Samples.IsSome
        | _ -> true

    lawFits && kindFits && (isText case.Law || case.Samples.IsSome)

// ---- generators

/// Small sizes, and always some of the smallest.
let private size most =
    Gen.frequency [ 1, Gen.constant 1; 1, Gen.constant 2; 4, Gen.choose (1, most) ]

let private weights length =
    Gen.listOfLength length (Gen.choose (0, 3))
    |> Gen.map (fun weights ->
        // At least one token can occur.
        if List.forall ((=) 0) weights then
            1 :: List.tail weights
        else
            weights)

let private laws =
    Gen.frequency
        [
            4, size 7 |> Gen.bind weights |> Gen.map Weights
            1,
            gen {
                let! s = size 5
                let! contexts = Gen.choose (2, 5)
                let! rows = Gen.listOfLength contexts (weights s)
                return Rows rows
            }
            2,
            Gen.elements
                [
                    "uniform:1"
                    "uniform:9"
                    "zipf:40:1.2"
                    "power:30:6:0.3"
                    "dirichlet:5:0.3"
                    "dirichlet:1:2"
                ]
            |> Gen.map Named
            3,
            gen {
                let! order = Gen.choose (0, 2)
                let! letters = Gen.choose (1, 5)
                let! length = Gen.choose (order + 1, 60)
                let! text = Gen.listOfLength length (Gen.elements (List.take letters [ 'a' .. 'e' ]))
                return Letters(order, String(Array.ofList text))
            }
        ]

/// Several sources, models long past among them; in some schedules real tokens only at first, in others now and then.
let private schedules generations =
    gen {
        let! lastReal = Gen.elements [ 1; 2; 4; generations ]
        let! lookback = Gen.elements [ 1; 2; 5 ]

        let source m =
            gen {
                let! t =
                    if m <= lastReal then
                        Gen.choose (0, m - 1)
                    else
                        Gen.choose (max 1 (m - lookback), m - 1)

                let! count = Gen.choose (1, 5)
                return t, count
            }

        return!
            [
                for m in 1..generations -> Gen.choose (1, 3) |> Gen.bind (fun k -> Gen.listOfLength k (source m))
            ]
            |> Gen.sequenceToList
    }

let private kinds generations samples =
    Gen.frequency
        [
            2, Gen.constant Kind.Fully
            2, Gen.constant Kind.Partially
            2, Gen.choose (1, min generations samples) |> Gen.map Kind.Recent
            2, Gen.constant Kind.Random
            3, schedules generations |> Gen.map Kind.Custom
        ]

let private seeds =
    Gen.oneof
        [
            Gen.elements [ 0UL; 1UL; 1UL <<< 32; UInt64.MaxValue ]
            Gen.choose64 (0L, Int64.MaxValue) |> Gen.map uint64
        ]

let private anyCase =
    gen {
        let! law = laws
        let! generations = size 20
        let! samples = size 14
        let! kind = kinds generations samples
        let! matched = Gen.elements [ true; false ]
        let! real = size 9
        let! contexts = size 5
        let! seed = seeds

        let matches =
            match kind with
            | Kind.Recent _
            | Kind.Custom _ -> false
            | _ -> matched && isText law

        return
            {
                Law = law
                Kind = kind
                Samples = if matches then None else Some samples
                Real = real
                Contexts = contexts
                Generations = generations
                Seed = seed
            }
    }

// ---- smaller cases

let private below n =
    [ 1; n / 2; n - 1 ]
    |> List.filter (fun smaller -> smaller >= 1 && smaller < n)
    |> List.distinct

let private without (items: 'a list) =
    [ for i in 0 .. items.Length - 1 -> List.removeAt i items ]

let private smallerLaws =
    function
    | Weights weights ->
        [
            for fewer in without weights do
                Weights fewer
            for i, w in List.indexed weights do
                if w > 1 then
                    Weights(List.updateAt i 1 weights)
        ]
    | Rows rows ->
        [
            for fewer in without rows do
                Rows fewer
            for row in rows do
                Weights row
        ]
    | Named _ -> [ Weights [ 1 ]; Weights [ 1; 1 ] ]
    | Letters(order, text) ->
        [
            if order > 0 then
                Letters(order - 1, text)
            if text.Length > 1 then
                Letters(order, text.Substring(0, text.Length / 2))
                Letters(order, text.Substring(text.Length / 2))
            for i in 0 .. text.Length - 1 do
                Letters(order, text.Remove(i, 1))
        ]

let private smallerKinds =
    function
    | Kind.Fully -> []
    | Kind.Partially
    | Kind.Random -> [ Kind.Fully ]
    | Kind.Recent window -> Kind.Fully :: List.map Kind.Recent (below window)
    | Kind.Custom schedule ->
        [
            Kind.Fully
            for m, sources in List.indexed schedule do
                for fewer in without sources do
                    Kind.Custom(List.updateAt m fewer schedule)

                for i, (t, count) in List.indexed sources do
                    if count > 1 then
                        Kind.Custom(List.updateAt m (List.updateAt i (t, 1) sources) schedule)
        ]

let private smaller (case: Case) =
    seq {
        for generations in below case.Generations do
            match case.Kind with
            | Kind.Custom schedule ->
                { case with
                    Generations = generations
                    Kind = Kind.Custom(List.take generations schedule)
                }
            | _ -> { case with Generations = generations }

        for contexts in below case.Contexts do
            { case with Contexts = contexts }

        for kind in smallerKinds case.Kind do
            { case with Kind = kind }

        for law in smallerLaws case.Law do
            { case with Law = law }

        match case.Samples with
        | Some samples ->
            for fewer in below samples do
                { case with Samples = Some fewer }
        | None -> ()

        for real in below case.Real do
            { case with Real = real }

        if case.Seed > 1UL then
            { case with Seed = 1UL }
    }
    |> Seq.filter fits

/// Registers the generator and the shrinker of cases.
type CaseGenerators =
    static member Case() =
        Arb.fromGenShrink (anyCase |> Gen.filter fits, smaller)

/// A property of so many random cases, the same in every run.
let forCases name count (check: Case -> unit) =
    Expecto.ExpectoFsCheck.testPropertyWithConfig (Replay.cases count [ typeof<CaseGenerators> ]) name check
