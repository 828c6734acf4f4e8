// Which words die first? A text is split into a part to learn from and a held-out part. Left: the words of the
// text alone (order 0), a new text of the same length written by each generation from the one before; rare words
// go first, and the exact law says how fast. Middle and right: every word is a context (order 1), and the
// held-out text meets more and more transitions that the model has forgotten.
//
//     dotnet fsi build.fsx build
//     dotnet fsi scripts/corpus.fsx [TEXT] [--quick]
//
// Without TEXT it reads this project's own documents.
#load "load.fsx"

open System.IO
open Collapse.Scripting
open Collapse.Theory
open Load

let seed = 1UL
let generations = size 20 100

let bands =
    [
        "once", 1, 1
        "2 to 4 times", 2, 4
        "5 to 19 times", 5, 19
        "20 times or more", 20, System.Int32.MaxValue
    ]

let files =
    match
        fsi.CommandLineArgs
        |> List.ofArray
        |> List.tail
        |> List.filter (fun a -> not (a.StartsWith "--"))
    with
    | [] ->
        [ "README.md"; "docs/model.md"; "docs/theory.md" ]
        |> List.map (fun file -> Path.Combine(__SOURCE_DIRECTORY__, "..", file))
    | given -> given

// Every tenth line is held out.
let folder = Directory.CreateTempSubdirectory "collapse-corpus"
let lines = files |> List.collect (File.ReadLines >> List.ofSeq) |> List.indexed

let learned, heldOut =
    Path.Combine(folder.FullName, "text.txt"), Path.Combine(folder.FullName, "held-out.txt")

File.WriteAllLines(learned, lines |> List.filter (fun (i, _) -> i % 10 <> 9) |> List.map snd)
File.WriteAllLines(heldOut, lines |> List.filter (fun (i, _) -> i % 10 = 9) |> List.map snd)

// ---- words alone: which are still alive

let words = Corpus.read "words" 0 learned
let alive = System.Collections.Generic.Dictionary<int * string, int>()
let first = System.Collections.Generic.Dictionary<int, int>()

let unigram =
    words
    |> Scenario.fullySynthetic ()
    |> Scenario.withGenerations generations
    |> Scenario.withSeed seed
    |> Simulation.observe (fun model ->
        if model.Generation = 1 then
            for word in model.Counts do
                first[word.Key] <- word.Value

        for name, low, high in bands do
            alive[(model.Generation, name)] <-
                model.Counts.Keys
                |> Seq.filter (fun word -> first[word] >= low && first[word] <= high)
                |> Seq.length)

printfn $"{unigram}\n"

let inBand low high =
    first |> Seq.filter (fun word -> word.Value >= low && word.Value <= high)

let total = Seq.sum first.Values

// The first model is the text itself: generation m is generation m - 1 of a context whose truth is the text.
let law =
    let probabilities = Array.zeroCreate first.Count

    for word in first do
        probabilities[word.Key] <- float word.Value / float total

    FullySyntheticLaw(probabilities, total)

let checkpoints =
    [ 2; 3; 4; 5; 6; 8; 10; 12; 15; 20; 27; 35; 46; 60; 78; 100 ]
    |> List.filter (fun m -> m <= generations)

let losses = [ for m in checkpoints -> (m, law.TokenLossProbabilities(m - 1)) ]

let survival =
    [ for name, low, high in bands -> name, inBand low high |> Array.ofSeq ]
    |> List.filter (fun (_, band) -> band.Length > 0)

for name, band in survival do
    printfn $"words seen %-17s{name} %6d{band.Length}, in generation {generations} %6d{alive[(generations, name)]}"

let share (band: _[]) value = value / float band.Length

let simulated =
    [
        for i, (name, band) in List.indexed survival ->
            [ for m in 1..generations -> float m, share band (float alive[(m, name)]) ]
            |> Figure.curve Look.Strong i $"seen {name}"
    ]

let exact =
    [
        for _, band in survival ->
            (1.0, 1.0)
            :: [
                for m, lost in losses -> float m, share band (band |> Array.sumBy (fun word -> 1.0 - lost[word.Key]))
            ]
            |> Figure.curve Look.Exact 0 "exact law"
    ]

// ---- every word a context: what a held-out text meets

let bigram =
    Corpus.read "words" 1 learned
    |> Corpus.withHeldOut heldOut
    |> Scenario.fullySynthetic ()
    |> Scenario.withGenerations generations
    |> Scenario.withSeed seed
    |> Simulation.run

printfn $"\n{bigram}\n"
folder.Delete true

[
    Figure.ofCurves "generation m" "words still alive (fraction)" (simulated @ exact)
    |> Figure.withHeading "the words, by how often the text has them"

    for quantity in [ Quantity.HeldOutUnseen; Quantity.HeldOutCrossEntropy ] do
        let points = Seq.zip (bigram.Generations |> Seq.map float) bigram[quantity]

        Figure.ofCurves "generation m" quantity.Title [ Figure.curve Look.Strong bands.Length "held-out text" points ]
        |> Figure.withHeading "every word a context"
]
|> List.map Figure.withLogX
|> Figure.row "A text rewritten from itself, generation after generation"
|> keep "corpus"
