module Collapse.Tests.TokenizerTests

open System
open Expecto
open FsCheck
open Collapse.Corpora
open Collapse.Tests.Texts

/// Feeds a text in pieces that end at these places.
let private inPieces tokenizer (text: string) (ends: int list) =
    let cutter = Tokenizers.Create tokenizer
    let tokens = ResizeArray()

    for first, last in List.pairwise (0 :: ends @ [ text.Length ]) do
        cutter.Append(text.AsSpan(first, last - first), tokens)

    cutter.Finish tokens
    List.ofSeq tokens

let private tokenTexts tokenizer (text: string) =
    let cutter = Tokenizers.Create tokenizer
    let tokens = ResizeArray()
    cutter.Append(text.AsSpan(), tokens)
    cutter.Finish tokens
    [ for token in tokens -> cutter.TextOf(ReadOnlySpan [| token |]) ]

[<Tests>]
let tests =
    testList
        "tokenizer"
        [
            property
                "gives the whole text's tokens however it is cut"
                (fun (Text text) (TokenizerName tokenizer) (cuts: PositiveInt list) ->
                    let ends = [ for PositiveInt cut in cuts -> cut % (text.Length + 1) ] |> List.sort
                    let expected = tokenNames tokenizer text |> numbered |> List.ofArray
                    Expect.equal (inPieces tokenizer text ends) expected "in random pieces"
                    Expect.equal (inPieces tokenizer text [ 0 .. text.Length ]) expected "char by char")
            test "chars: every scalar value" {
                Expect.equal (tokenTexts "chars" "a\r\né e\u0301😀") [ "a"; "\r"; "\n"; "é"; " "; "e"; "\u0301"; "😀" ] ""
            }
            test "chars: a surrogate without its partner is U+FFFD" {
                // Not as literals, where the compiler puts U+FFFD itself.
                let high, low = "😀".Substring(0, 1), "😀".Substring(1)

                for text in [ high; low; high + "x"; "x" + low; high + high + low; low + high ] do
                    let expected = runes text |> List.map string
                    Expect.equal (tokenTexts "chars" text) expected "whole"

                    Expect.equal
                        (inPieces "chars" text [ 0 .. text.Length ])
                        (expected |> numbered |> List.ofArray)
                        "char by char"
            }
            test "words: runs with inner apostrophes, single marks" {
                Expect.equal
                    (tokenTexts
                        "words"
                        "Don't you’d 'tis dogs' rock''n\r\nwell-known: 3.14, a_b… naïve 日本 x\u0301y\t\u00A0")
                    [
                        "Don't"
                        "you’d"
                        "'"
                        "tis"
                        "dogs"
                        "'"
                        "rock"
                        "'"
                        "'"
                        "n"
                        "well"
                        "-"
                        "known"
                        ":"
                        "3"
                        "."
                        "14"
                        ","
                        "a"
                        "_"
                        "b"
                        "…"
                        "naïve"
                        "日本"
                        "x\u0301y"
                    ]
                    ""
            }
            test "words: every kind of letter, mark and number" {
                for word in [ "Ab"; "ǅ"; "ʰ"; "ªא"; "e\u0301"; "का"; "1\u20E3"; "٣"; "Ⅻ"; "½"; "𐌰" ] do
                    Expect.equal (tokenTexts "words" (word + word)) [ word + word ] "one word"
            }
            test "byte pairs: no cut tears what belongs together" {
                // o200k takes slashes with the line ends before them: ";\n//" and " */\n/" hold single tokens.
                for text in
                    [
                        "x;\n// y"
                        "x */\n/** y"
                        "x.\n\n/"
                        "a\n\n  b"
                        "a \n"
                        " \n\n  x"
                        "!!\r\n\r\ny"
                        "I'LL"
                    ] do
                    for tokenizer in [ "cl100k"; "o200k" ] do
                        Expect.equal
                            (inPieces tokenizer text [ 0 .. text.Length ])
                            (tokenNames tokenizer text |> numbered |> List.ofArray)
                            $"{tokenizer}: %A{text}"
            }
            test "byte pairs: a special token stays one token in a long text" {
                // The library by itself loses it after 8192 other pieces.
                let random = Random 3

                let piece _ =
                    String(Array.init 9 (fun _ -> char (int 'a' + random.Next 26)))

                let text = String.Join(' ', Array.init 10_000 piece) + "\n<|endoftext|>\n"

                for tokenizer in [ "cl100k"; "o200k" ] do
                    let texts = tokenTexts tokenizer text
                    Expect.equal (List.item (texts.Length - 2) texts) "<|endoftext|>" tokenizer
            }
            test "byte pairs: a context shows whole characters" {
                withText "😀🐛😀🐛😀🐛 x" (fun path ->
                    let corpus = Corpus.Read(path, "o200k", 0)
                    let order = int corpus.TokenCount - 1
                    Expect.isGreaterThan order 6 "some of these characters take several tokens"
                    Expect.equal (Corpus.Read(path, "o200k", order).ContextText 0) "😀🐛😀🐛😀🐛" "")
            }
        ]
