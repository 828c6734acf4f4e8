/// What a corpus refuses to read, and how reading reports and stops.
module Collapse.Tests.CorpusInputTests

open System
open System.Diagnostics
open System.IO
open System.Threading
open Expecto
open Collapse.Corpora
open Collapse.Tests.Texts

// ---- what is refused, and how it is told

let private corpusOf text tokenizer order =
    withText text (fun path -> refusal (fun () -> Corpus.Read(path, tokenizer, order)), path)

let private refusalTests =
    [
        test "an unknown tokenizer" {
            Expect.equal
                (refusal (fun () -> Corpus.Read("none.txt", "Words", 1)))
                "--tokenizer Words: must be one of chars, words, cl100k, o200k; choose one of these names"
                "before the file is looked for"
        }
        test "a negative order" {
            Expect.equal
                (refusal (fun () -> Corpus.Read("none.txt", "chars", -1)))
                "--order -1: must be 0 or more; choose the number of tokens in a context"
                "before the file is looked for"
        }
        test "an order without a follower" {
            for order in [ 3; 9; Int32.MaxValue ] do
                Expect.equal
                    (fst (corpusOf "abc" "chars" order))
                    $"--order {order}: must lie in 0 to 2 (the corpus has 3 tokens); choose a smaller order or a longer corpus"
                    ""

            withText "abc" (fun path ->
                Expect.equal (Corpus.Read(path, "chars", 2).TransitionCount) 1L "the largest order has one")
        }
        test "a missing file" {
            inFolder (fun folder ->
                let path = Path.Combine(folder, "none.txt")

                Expect.equal
                    (refusal (fun () -> Corpus.Read(path, "chars", 1)))
                    $"--corpus {path}: must be a file, and there is none of this name; check the path, which starts from {Environment.CurrentDirectory} unless it is absolute"
                    "")
        }
        test "a folder" {
            inFolder (fun folder ->
                Expect.equal
                    (refusal (fun () -> Corpus.Read(folder, "chars", 1)))
                    $"--corpus {folder}: must be a file, and is a folder; name one text file"
                    "")
        }
        test "an empty file" {
            let message, path = corpusOf "" "chars" 0
            Expect.equal message $"--corpus {path}: must contain text, and is empty; name a file with text" ""
        }
        test "a file without tokens" {
            for text, tokenizer in [ " \n\t", "words"; "\uFEFF", "chars" ] do
                let message, path = corpusOf text tokenizer 0

                Expect.equal
                    message
                    $"--corpus {path}: must contain tokens, and has none with the tokenizer {tokenizer}; name a file with text"
                    ""
        }
        test "a file that cannot be read" {
            // A process' own memory: the file opens, and there is nothing at its start.
            let path = "/proc/self/mem"

            if not (File.Exists path) then
                skiptest "no file on this system that opens and cannot be read"

            let message = refusal (fun () -> Corpus.Read(path, "chars", 1))
            Expect.stringStarts message $"--corpus {path}: must be readable, and is not (" ""
            Expect.stringEnds message "); check the file and its permissions" ""
        }
        test "too many tokens" {
            withText "abcdefghij" (fun path ->
                let limits = ReadLimits(3, 8, Corpus.MostContexts)

                Expect.equal
                    (refusal (fun () -> Corpus.ReadWithin(path, "chars", 1, limits, null, CancellationToken.None)))
                    $"--corpus {path}: must have at most 8 tokens, and has more with the tokenizer chars; use a part of the text, or a tokenizer with longer tokens"
                    "")
        }
        test "too many contexts" {
            withText "abcdefghij" (fun path ->
                let limits = ReadLimits(3, Corpus.MostTokens, 4)

                Expect.equal
                    (refusal (fun () -> Corpus.ReadWithin(path, "chars", 1, limits, null, CancellationToken.None)))
                    "--order 1: must give at most 4 contexts, and gives more; choose a smaller order or a shorter corpus"
                    "")
        }
        property "bytes that are not UTF-8, by their offset" (fun (Text before) (Text after) reading ->
            // A lone continuation, an impossible byte, an overlong form, a surrogate, above U+10FFFF, cut short.
            for invalid in
                [
                    [| 0x80uy |]
                    [| 0xFFuy |]
                    [| 0xC0uy; 0x80uy |]
                    [| 0xEDuy; 0xA0uy; 0x80uy |]
                    [| 0xF4uy; 0x90uy; 0x80uy; 0x80uy |]
                    [| 0xE2uy; 0x82uy |]
                    [| 0xF0uy; 0x9Fuy; 0x98uy |]
                ] do
                let before = utf8.GetBytes before

                withBytes (Array.concat [ before; invalid; utf8.GetBytes after ]) (fun path ->
                    Expect.equal
                        (refusal (fun () -> read path "chars" 0 reading.BlockBytes))
                        $"--corpus {path}: must be UTF-8, and the bytes from offset {before.Length} (counted from 0) are not; convert the file to UTF-8, or remove these bytes"
                        $"%A{invalid}"))
        test "a held-out text that cannot serve" {
            withText "abcabc" (fun path ->
                let corpus = Corpus.Read(path, "chars", 2)

                let refused text =
                    withBytes text (fun path -> refusal (fun () -> corpus.ReadHeldOut path), path)

                let message, path = refused "ab"B

                Expect.equal
                    message
                    $"--heldout {path}: must have at least 3 tokens (the order is 2), and has 2; name a longer text or choose a smaller order"
                    "too short"

                let message, path = refused ""B

                Expect.equal
                    message
                    $"--heldout {path}: must contain text, and is empty; name a file with text"
                    "empty"

                let message, path = refused [| 97uy; 98uy; 99uy; 0xFFuy |]

                Expect.equal
                    message
                    $"--heldout {path}: must be UTF-8, and the bytes from offset 3 (counted from 0) are not; convert the file to UTF-8, or remove these bytes"
                    "not UTF-8")
        }
        test "contexts and tokens that do not exist" {
            withText "abcabc" (fun path ->
                let corpus = Corpus.Read(path, "chars", 1)

                for number in [ -1; 3 ] do
                    let refused (action: unit -> unit) =
                        Expect.throwsT<ArgumentOutOfRangeException> action $"{number}"

                    refused (fun () -> corpus.SampleCount number |> ignore)
                    refused (fun () -> corpus.FollowersOf(number).Length |> ignore)
                    refused (fun () -> corpus.ContextText number |> ignore)
                    refused (fun () -> corpus.TokenText number |> ignore))
        }
    ]

// ---- while a file is read

/// Keeps every report, and does something at each.
let private reports (action: CorpusProgress -> unit) =
    let kept = ResizeArray<CorpusProgress>()

    kept,
    { new IProgress<CorpusProgress> with
        member _.Report progress =
            kept.Add progress
            action progress
    }

let private readingTests =
    [
        test "reports every block, and at the end all bytes and tokens" {
            withText "The same words, the same words.\n" (fun path ->
                let kept, progress = reports ignore

                let corpus =
                    Corpus.ReadWithin(path, "o200k", 1, limits 10, progress, CancellationToken.None)

                let bytes = [ for report in kept -> report.BytesRead ]
                Expect.equal bytes [ 10L; 20L; 30L; 32L; 32L ] "bytes"
                Expect.allEqual [ for report in kept -> report.TotalBytes ] (Nullable 32L) "of the file's length"
                let tokens = [ for report in kept -> report.TokenCount ]
                Expect.equal tokens (List.sort tokens) "tokens never decrease"
                Expect.equal (List.last tokens) corpus.TokenCount "and are all there at the end"
                Expect.equal corpus.ByteCount 32L "length of the file")
        }
        test "stops when asked to" {
            withText (String('x', 1000)) (fun path ->
                use cancellation = new CancellationTokenSource()

                let kept, progress =
                    reports (fun report ->
                        if report.BytesRead >= 300L then
                            cancellation.Cancel())

                Expect.throwsT<OperationCanceledException>
                    (fun () ->
                        Corpus.ReadWithin(path, "chars", 1, limits 100, progress, cancellation.Token)
                        |> ignore)
                    "cancelled"

                Expect.equal kept.Count 3 "no block is read after that")
        }
        test "reads a pipe, whose length is not known" {
            if not (OperatingSystem.IsLinux() || OperatingSystem.IsMacOS()) then
                skiptest "no named pipes in the file system"

            inFolder (fun folder ->
                let path = Path.Combine(folder, "pipe")

                use maker = Process.Start("mkfifo", [ path ])
                maker.WaitForExit()
                Expect.equal maker.ExitCode 0 "mkfifo"

                let writer = Tasks.Task.Run(fun () -> File.WriteAllText(path, "to be or not to be"))
                let kept, progress = reports ignore
                let corpus = Corpus.Read(path, "words", 1, progress)
                writer.Wait()
                Expect.equal corpus.TokenCount 6L "tokens"
                Expect.allEqual [ for report in kept -> report.TotalBytes ] (Nullable()) "no length")
        }
    ]

[<Tests>]
let tests =
    testList "corpus input" [ testList "refuses" refusalTests; testList "reading" readingTests ]
