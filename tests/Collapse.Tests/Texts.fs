/// Texts for the tests of corpora: files, random texts, and what tokens and contexts mean, plainly and slowly.
module Collapse.Tests.Texts

open System
open System.Collections.Generic
open System.Globalization
open System.IO
open System.Text
open System.Threading
open Expecto
open FsCheck.FSharp
open Microsoft.ML.Tokenizers
open Collapse
open Collapse.Corpora

// ---- files of a test's own

let utf8 = UTF8Encoding(encoderShouldEmitUTF8Identifier = false)

/// Gives a test a new folder, which is removed afterwards.
let inFolder (body: string -> 'a) =
    let folder = Directory.CreateTempSubdirectory "collapse-corpus-"

    try
        body folder.FullName
    finally
        folder.Delete(recursive = true)

/// Gives a test a file with these bytes.
let withBytes (bytes: byte[]) body =
    inFolder (fun folder ->
        let path = Path.Combine(folder, "text.txt")
        File.WriteAllBytes(path, bytes)
        body path)

let withText (text: string) body = withBytes (utf8.GetBytes text) body

let limits blockBytes =
    ReadLimits(blockBytes, Corpus.MostTokens, Corpus.MostContexts)

let read path tokenizer order blockBytes =
    Corpus.ReadWithin(path, tokenizer, order, limits blockBytes, null, CancellationToken.None)

/// The text of the refusal that an action must end with.
let refusal (action: unit -> 'a) =
    try
        action () |> ignore
        failtest "nothing was refused"
    with :? InvalidInputException as e ->
        e.Message

// ---- plain, slow meanings

let runes (text: string) =
    [ for rune in text.EnumerateRunes() -> rune ]

let isWordRune (rune: Rune) =
    match Rune.GetUnicodeCategory rune with
    | UnicodeCategory.UppercaseLetter
    | UnicodeCategory.LowercaseLetter
    | UnicodeCategory.TitlecaseLetter
    | UnicodeCategory.ModifierLetter
    | UnicodeCategory.OtherLetter
    | UnicodeCategory.NonSpacingMark
    | UnicodeCategory.SpacingCombiningMark
    | UnicodeCategory.EnclosingMark
    | UnicodeCategory.DecimalDigitNumber
    | UnicodeCategory.LetterNumber
    | UnicodeCategory.OtherNumber -> true
    | _ -> false

let isApostrophe (rune: Rune) =
    rune.Value = int '\'' || rune.Value = 0x2019

/// The words of a text, from the definition in WordTokenizer's documentation.
let rec words (word: string) (rest: Rune list) =
    let finished = if word = "" then [] else [ word ]

    match rest with
    | [] -> finished
    | rune :: rest when isWordRune rune -> words (word + string rune) rest
    | apostrophe :: next :: rest when word <> "" && isApostrophe apostrophe && isWordRune next ->
        words (word + string apostrophe + string next) rest
    | space :: rest when Rune.IsWhiteSpace space -> finished @ words "" rest
    | mark :: rest -> finished @ [ string mark ] @ words "" rest

let cl100k = lazy (TiktokenTokenizer.CreateForEncoding "cl100k_base")
let o200k = lazy (TiktokenTokenizer.CreateForEncoding "o200k_base")

/// The tokens of a whole text, each as a name: its text, or for byte pairs its rank.
let tokenNames tokenizer (text: string) =
    match tokenizer with
    | "chars" -> runes text |> List.map string
    | "words" -> words "" (runes text)
    | "cl100k" -> cl100k.Value.EncodeToIds text |> Seq.map string |> List.ofSeq
    | "o200k" -> o200k.Value.EncodeToIds text |> Seq.map string |> List.ofSeq
    | other -> failtest $"no such tokenizer: {other}"

/// Numbers names in order of first appearance.
let numbered (names: string list) =
    let number = Dictionary<string, int>()

    [|
        for name in names ->
            match number.TryGetValue name with
            | true, known -> known
            | _ ->
                number.Add(name, number.Count)
                number.Count - 1
    |]

/// Every n-gram with its followers, in order of first appearance.
let table order (tokens: int[]) =
    let rows = Dictionary<string, int * ResizeArray<int>>()
    let ordered = ResizeArray<int * ResizeArray<int>>()

    for i in 0 .. tokens.Length - order - 1 do
        let key = String.Join(',', tokens[i .. i + order - 1])

        if not (rows.ContainsKey key) then
            rows.Add(key, (i, ResizeArray()))
            ordered.Add rows[key]

        (snd rows[key]).Add tokens[i + order]

    [ for first, followers in ordered -> first, List.ofSeq followers ]

// ---- random texts

/// A text made to hit the edges of tokenizers and of blocks: case, contractions, line ends, white space of
/// several kinds, slashes, marks, characters of one to four bytes, names of special tokens.
type Text = Text of string

/// A tokenizer's name.
type TokenizerName = TokenizerName of string

/// A small order and a block size in bytes.
type Reading = { Order: int; BlockBytes: int }

type Generators =
    static member Text() =
        let atoms =
            "a b B S s re ll 'S 's ' ’ / 1 23 é e\u0301 ß 日 本 😀 𐌰 _ - . ! ... ;\n// */\n/** <|endoftext|> \u200B \uFEFF ,"
                .Split(' ')

        let spaces =
            [| " "; " "; "  "; "\n"; "\n\n"; "\r\n"; "\r"; "\t"; "\u00A0"; "\u2028" |]

        let without i (text: Rune list) =
            List.removeAt i text |> List.map string |> String.concat "" |> Text

        Arb.fromGenShrink (
            Gen.oneof [ Gen.elements atoms; Gen.elements spaces ]
            |> Gen.listOf
            |> Gen.resize 40
            |> Gen.map (String.concat "" >> Text),
            fun (Text text) ->
                let text = runes text
                seq { for i in 0 .. text.Length - 1 -> without i text }
        )

    static member TokenizerName() =
        Gen.elements Tokenizers.Names |> Gen.map TokenizerName |> Arb.fromGen

    static member Reading() =
        gen {
            let! order = Gen.choose (0, 4)
            let! blockBytes = Gen.choose (1, 9)

            return
                {
                    Order = order
                    BlockBytes = blockBytes
                }
        }
        |> Arb.fromGen

let property name body =
    testPropertyWithConfig (Replay.cases 300 [ typeof<Generators> ]) name body
