module Collapse.Tests.CorpusTests

open System
open System.Collections.Generic
open System.IO
open System.Threading
open Expecto
open Collapse.Corpora
open Collapse.Tests.Texts

// ---- what a corpus holds

let private contextsOf (corpus: Corpus) =
    [
        for j in 0 .. corpus.ContextCount - 1 -> corpus.FollowersOf(j).ToArray() |> List.ofArray
    ]

let private corpusProperties =
    [
        property "holds the n-gram table of the whole text" (fun (Text text) (TokenizerName tokenizer) reading ->
            // A first U+FEFF would be a byte order mark.
            let text = text.TrimStart '\uFEFF'
            let names = tokenNames tokenizer text
            let tokens = numbered names
            let order = reading.Order

            withText text (fun path ->
                if tokens.Length <= order then
                    refusal (fun () -> read path tokenizer order reading.BlockBytes) |> ignore
                else
                    let corpus = read path tokenizer order reading.BlockBytes
                    let expected = table order tokens
                    let sizes = [ for _, followers in expected -> followers.Length ]
                    Expect.equal corpus.TokenCount (int64 tokens.Length) "T"
                    Expect.equal corpus.VocabularySize (Array.distinct tokens).Length "s"
                    Expect.equal corpus.ContextCount expected.Length "c"
                    Expect.equal (contextsOf corpus) (List.map snd expected) "the followers of every context"
                    Expect.equal [ for j in 0 .. corpus.ContextCount - 1 -> corpus.SampleCount j ] sizes "N_j"

                    Expect.equal
                        (corpus.Offsets.ToArray())
                        (sizes |> List.scan (fun sum n -> sum + int64 n) 0L |> Array.ofList)
                        "the rows' offsets"

                    Expect.equal
                        (corpus.Followers.ToArray() |> List.ofArray)
                        (List.collect snd expected)
                        "the rows, one after another"

                    Expect.equal corpus.TransitionCount (int64 (tokens.Length - order)) "T - order transitions"
                    Expect.equal (List.sum sizes) (tokens.Length - order) "the sum of N_j"

                    if tokenizer = "chars" || tokenizer = "words" then
                        let separator = if tokenizer = "words" then " " else ""
                        let names = Array.ofList names

                        Expect.equal
                            [ for j in 0 .. corpus.ContextCount - 1 -> corpus.ContextText j ]
                            [
                                for first, _ in expected -> String.Join(separator, names[first .. first + order - 1])
                            ]
                            "the contexts' texts"

                        Expect.equal
                            [ for token in 0 .. corpus.VocabularySize - 1 -> corpus.TokenText token ]
                            (names |> Array.distinct |> List.ofArray)
                            "the tokens' texts"))
        property "skips a byte order mark" (fun (Text text) (TokenizerName tokenizer) reading ->
            let text = "x" + text + "y z"

            let read path =
                read path tokenizer 1 reading.BlockBytes |> contextsOf

            Expect.equal (withText ("\uFEFF" + text) read) (withText text read) "with a mark and without")
        property
            "counts every held-out transition once"
            (fun (Text text) (Text heldOut) (TokenizerName tokenizer) reading ->
                let order = reading.Order
                let text = "a b " + text + " 1 2.\n"
                let heldOut = "1 2 " + heldOut + " a b.\n"
                let names, heldOutNames = tokenNames tokenizer text, tokenNames tokenizer heldOut
                let ids = numbered names
                let idOf = Map.ofSeq (Seq.zip names ids)

                let idsHeldOut =
                    [|
                        for name in heldOutNames -> Map.tryFind name idOf |> Option.defaultValue -1
                    |]

                let numberOf =
                    Map.ofList
                        [
                            for j, (first, _) in List.indexed (table order ids) -> ids[first .. first + order - 1], j
                        ]

                let transitions =
                    [
                        for i in 0 .. idsHeldOut.Length - order - 1 ->
                            Map.tryFind idsHeldOut[i .. i + order - 1] numberOf, idsHeldOut[i + order]
                    ]

                let known =
                    [
                        for context, token in transitions do
                            match context with
                            | Some j when token >= 0 -> j, token
                            | _ -> ()
                    ]

                let counts =
                    withText text (fun path ->
                        let corpus = read path tokenizer order reading.BlockBytes

                        withText heldOut (fun path ->
                            corpus.ReadHeldOutWithin(path, limits reading.BlockBytes, null, CancellationToken.None)))

                let offsets = counts.Offsets.ToArray()

                Expect.equal
                    [
                        for j in 0 .. offsets.Length - 2 do
                            for entry in int offsets[j] .. int offsets[j + 1] - 1 ->
                                (j, counts.Tokens.Span[entry]), counts.Counts.Span[entry]
                    ]
                    (known |> List.countBy id |> List.sort)
                    "the counts, by context and token"

                Expect.equal offsets.Length (numberOf.Count + 1) "one row for every context"
                Expect.equal counts.TransitionCount (int64 transitions.Length) "all transitions"
                Expect.equal counts.KnownCount (int64 known.Length) "known ones"

                Expect.equal
                    counts.UnknownContextCount
                    (transitions |> List.filter (fst >> Option.isNone) |> List.length |> int64)
                    "unknown contexts"

                Expect.equal
                    counts.UnknownTokenCount
                    (transitions
                     |> List.filter (fun (context, token) -> context.IsSome && token < 0)
                     |> List.length
                     |> int64)
                    "unknown tokens")
        test "finds every transition of its own text" {
            withText "to be, or not to be: that is the question\n" (fun path ->
                for tokenizer in Tokenizers.Names do
                    let corpus = Corpus.Read(path, tokenizer, 2)
                    let counts = corpus.ReadHeldOut path
                    Expect.equal counts.KnownCount corpus.TransitionCount $"{tokenizer}: all are known"
                    Expect.equal counts.Path path "the file")
        }
        test "keeps apart what the table must grow for" {
            // 300,000 letters out of 26 in orders 3 and 5: 17,576 contexts and almost 300,000.
            let random = Random 7
            let text = String(Array.init 300_000 (fun _ -> char (int 'a' + random.Next 26)))

            withText text (fun path ->
                for order in [ 3; 5 ] do
                    let expected = table order (tokenNames "chars" text |> numbered)
                    let corpus = Corpus.Read(path, "chars", order)
                    Expect.equal corpus.ContextCount expected.Length "c"
                    Expect.isTrue (contextsOf corpus = List.map snd expected) "the followers of every context")
        }
        test "keeps apart n-grams of one hash" {
            // Pairs of tokens until two of them share all 32 bits: about 6 such among 230,000.
            let random = Random 11
            let seen = Dictionary<uint32, int[]>()

            let collisions =
                [|
                    for _ in 1..230_000 do
                        let pair = [| random.Next 200_000; random.Next 200_000 |]
                        let hash = RollingHash.Mix(RollingHash.Of pair)

                        match seen.TryGetValue hash with
                        | true, other when Seq.length (Seq.distinct (Seq.append other pair)) = 4 -> other, pair
                        | _ -> seen[hash] <- pair
                |]

            Expect.isNonEmpty collisions "some pairs share a hash"

            for one, other in collisions do
                let numbers = ResizeArray()
                NGramIndex(2).Extend(ReadOnlySpan(Array.concat [ one; other; one; other ]), numbers)
                Expect.equal (List.ofSeq numbers) [ 0; 1; 2; 3; 0; 1 ] "each n-gram has its own number"
        }
    ]

// ---- a real text, where the checkout has it

let private shakespeare =
    let rec find (folder: DirectoryInfo | null) =
        match folder with
        | null -> None
        | folder ->
            let path = Path.Combine(folder.FullName, "shared", "data", "tinyshakespeare.txt")
            if File.Exists path then Some path else find folder.Parent

    find (DirectoryInfo AppContext.BaseDirectory)

let private realTextTests =
    [
        for tokenizer, order, tokens, vocabulary, contexts in
            [ "chars", 4, 1_115_394L, 65, 50_712; "o200k", 1, 297_606L, 12_733, 12_733 ] ->
            test $"tinyshakespeare: {tokenizer}, order {order}" {
                match shakespeare with
                | None -> skiptest "shared/data/tinyshakespeare.txt is not beside this checkout"
                | Some path ->
                    let corpus = Corpus.Read(path, tokenizer, order)
                    Expect.equal corpus.TokenCount tokens "T"
                    Expect.equal corpus.VocabularySize vocabulary "s"
                    Expect.equal corpus.ContextCount contexts "c"
                    let sum = List.sumBy (corpus.SampleCount >> int64) [ 0 .. contexts - 1 ]
                    Expect.equal sum (tokens - int64 order) "the sum of N_j"
                    let largest = List.maxBy corpus.SampleCount [ 0 .. contexts - 1 ]

                    if tokenizer = "chars" then
                        Expect.equal (corpus.ContextText largest) " the" "the most frequent context"
                        Expect.equal (corpus.SampleCount largest) 8684 "and its N_j"
            }
    ]

[<Tests>]
let tests = testList "corpus" (corpusProperties @ realTextTests)
