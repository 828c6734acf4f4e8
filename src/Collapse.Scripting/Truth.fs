namespace Collapse.Scripting

open System
open Collapse.Corpora
open Collapse.Priors

/// <summary>Where real tokens come from: a law p^(0), or a text.</summary>
[<RequireQualifiedAccess; CustomEquality; NoComparison>]
type Truth =
    /// <summary>A law p^(0), the same for all contexts or one for each.</summary>
    | Prior of Collapse.Priors.Prior
    /// <summary>A corpus: every n-gram is a context, what follows it is its real data. Held-out counts, or none.</summary>
    | Corpus of corpus: Corpus * heldOut: HeldOutCounts option

    /// <summary>One line about the truth.</summary>
    override truth.ToString() =
        match truth with
        | Prior prior ->
            let laws =
                if prior.DiffersByContext then
                    ", one law per context"
                else
                    ""

            $"prior {prior.Specification}: {prior.VocabularySize:N0} tokens{laws}"
        | Corpus(corpus, heldOut) ->
            let beside =
                match heldOut with
                | Some counts -> $"; {counts.TransitionCount:N0} held-out transitions"
                | None -> ""

            let contexts =
                if corpus.ContextCount = 1 then
                    "1 context"
                else
                    $"{corpus.ContextCount:N0} contexts"

            $"corpus {IO.Path.GetFileName corpus.Path}: {corpus.TokenCount:N0} tokens ({corpus.Tokenizer}), "
            + $"{contexts} of order {corpus.Order}, vocabulary {corpus.VocabularySize:N0}{beside}"

    /// <summary>Two truths are equal when they are the same object.</summary>
    override truth.Equals other =
        match truth, other with
        | Prior a, (:? Truth as other) ->
            match other with
            | Prior b -> Object.ReferenceEquals(a, b)
            | Corpus _ -> false
        | Corpus(a, _), (:? Truth as other) ->
            match other with
            | Corpus(b, _) -> Object.ReferenceEquals(a, b)
            | Prior _ -> false
        | _ -> false

    /// <summary>Goes with the equality of objects.</summary>
    override truth.GetHashCode() =
        match truth with
        | Prior prior -> Runtime.CompilerServices.RuntimeHelpers.GetHashCode prior
        | Corpus(corpus, _) -> Runtime.CompilerServices.RuntimeHelpers.GetHashCode corpus

/// <summary>Laws p^(0).</summary>
[<RequireQualifiedAccess>]
module Prior =
    /// <summary>The prior of a specification as on the command line: "zipf:200000:1.0", "file:weights.txt".</summary>
    /// <exception cref="T:Collapse.InvalidInputException">The specification is not valid.</exception>
    let parse (specification: string) =
        Truth.Prior(PriorParser.Parse specification)

    // "R" gives all digits: nothing is lost on the way through the specification.
    let private real (value: float) =
        value.ToString("R", Globalization.CultureInfo.InvariantCulture)

    /// <summary>All of s tokens equally likely.</summary>
    let uniform (vocabulary: int) = parse $"uniform:{vocabulary}"

    /// <summary>p_i proportional to i^-exponent over s tokens.</summary>
    let zipf (vocabulary: int) (exponent: float) =
        parse $"zipf:{vocabulary}:{real exponent}"

    /// <summary>The prior of the paper's figures: of s tokens the first are in use, p_i proportional to i^-a, with a such that the sum of squares is S_0.</summary>
    let power (vocabulary: int) (support: int) (sumOfSquares: float) =
        parse $"power:{vocabulary}:{support}:{real sumOfSquares}"

    /// <summary>Every context has a law of its own, drawn from the symmetric Dirichlet distribution.</summary>
    let dirichlet (vocabulary: int) (alpha: float) =
        parse $"dirichlet:{vocabulary}:{real alpha}"

    /// <summary>Weights of any sum, one for each token.</summary>
    let weights (weights: seq<float>) =
        Truth.Prior(PriorParser.FromWeights(Array.ofSeq weights))

    /// <summary>Weights of any sum, one row for each context, all of one length.</summary>
    /// <exception cref="T:Collapse.InvalidInputException">The rows differ in length, or a weight is not valid.</exception>
    let rows (rows: seq<#seq<float>>) =
        Truth.Prior(
            PriorParser.FromRows
                [|
                    for row in rows -> Array.ofSeq row :> System.Collections.Generic.IReadOnlyList<float>
                |]
        )

    /// <summary>Weights from a file: one a line, or one row of weights per context.</summary>
    let file (path: string) = parse $"file:{path}"

    /// <summary>The probabilities of one context under a seed.</summary>
    /// <exception cref="T:System.ArgumentException">The truth is a corpus.</exception>
    let law (seed: uint64) (context: int) truth =
        match truth with
        | Truth.Prior prior -> prior.Probabilities(seed, uint32 context)
        | Truth.Corpus _ -> invalidArg (nameof truth) "a corpus has no law p^(0): its own tokens are the real data"

/// <summary>Texts as real data.</summary>
[<RequireQualifiedAccess>]
module Corpus =
    /// <summary>Reads a UTF-8 text; every n-gram of length <paramref name="order"/> becomes a context.</summary>
    /// <param name="tokenizer">"words", "chars", "cl100k" or "o200k".</param>
    /// <param name="order">Tokens in a context, from 0.</param>
    /// <param name="path">The file.</param>
    /// <exception cref="T:Collapse.InvalidInputException">The file or a parameter is not valid.</exception>
    let read (tokenizer: string) (order: int) (path: string) =
        Truth.Corpus(Corpus.Read(path, tokenizer, order), None)

    /// <summary>Adds a text that no model is trained on, for cross-entropies by generation.</summary>
    /// <exception cref="T:System.ArgumentException">The truth is a prior.</exception>
    let withHeldOut (path: string) truth =
        match truth with
        | Truth.Corpus(corpus, _) -> Truth.Corpus(corpus, Some(corpus.ReadHeldOut path))
        | Truth.Prior _ -> invalidArg (nameof truth) "a prior has no held-out text; start from Corpus.read"
