/// What the refit refuses, and how it says that it diverged.
module Collapse.Tests.RefitInputTests

#nowarn "3391" // arrays convert to spans

open System
open Expecto
open Collapse.Softmax.Refit
open Collapse.Tests.RefitSupport
open Collapse.Tests.Texts

let private refused (counts: unit -> CountRows) = refusal counts

let private divergence (action: unit -> 'a) =
    try
        action () |> ignore
        failtest "it did not diverge"
    with :? RefitDivergedException as e ->
        e

let private refusals =
    [
        test "methods are read and written" {
            for text, method in
                [
                    "closed", (RefitMethod.Closed() :> RefitMethod)
                    "smoothed:0.5", RefitMethod.Smoothed 0.5
                    "gradient:50:1", gradient 50 1.0 0.0
                    "gradient:50:0.25:0.9", gradient 50 0.25 0.9
                    "newton:1E-06", newton 1e-6
                ] do
                Expect.equal (RefitMethod.Parse text) method text
                Expect.equal (string method) text "and back"

            Expect.equal (RefitMethod.Parse "gradient:50:1.0") (gradient 50 1.0 0.0) "as the command line gives it"
        }
        for text, message in
            [
                "exact",
                "must be closed, smoothed:LAMBDA, gradient:STEPS:RATE, gradient:STEPS:RATE:MOMENTUM or newton:TOL; spell the refit in one of these forms"
                "gradient:50",
                "must be closed, smoothed:LAMBDA, gradient:STEPS:RATE, gradient:STEPS:RATE:MOMENTUM or newton:TOL; spell the refit in one of these forms"
                "smoothed:0", "LAMBDA must lie above 0 to 1e9; use closed for 0"
                "smoothed:x", "LAMBDA must be a number; change LAMBDA"
                "gradient:0:1", "STEPS must be a whole number in 1 to 10,000,000; change STEPS"
                "gradient:1.5:1", "STEPS must be a whole number in 1 to 10,000,000; change STEPS"
                "gradient:50:-1", "RATE must lie above 0 to 1e9; 1 is a good rate"
                "gradient:50:NaN", "RATE must lie above 0 to 1e9; 1 is a good rate"
                "gradient:50:1:1", "MOMENTUM must lie in 0 to 0.9999; leave it out for none"
                "newton:0", "TOL must lie in 1e-12 to 1; it is the gradient norm to reach"
            ] do
            test $"--refit {text} is refused" {
                Expect.equal (refusal (fun () -> RefitMethod.Parse text)) $"--refit {text}: {message}" ""
            }
        test "counts that are no rows of counts are refused" {
            let expect message offsets tokens counts =
                Expect.equal (refused (fun () -> CountRows(5, offsets, tokens, counts))) message ""

            Expect.equal
                (refused (fun () -> CountRows(0, [| 0L; 0L |], [||], [||])))
                "vocabulary 0: must be at least 1; give the number of tokens s"
                ""

            expect
                "offsets 2: must start at 0 and end at the number of entries; give c + 1 offsets for c contexts"
                [| 0L; 2L |]
                [| 1 |]
                [| 1 |]

            expect "counts 2: must be as many as tokens, 1; give one a token" [| 0L; 1L |] [| 1 |] [| 1; 1 |]

            expect
                "context 1: must have training tokens; leave out contexts without any"
                [| 0L; 1L; 1L; 2L |]
                [| 1; 1 |]
                [| 1; 1 |]

            for tokens in [ [| 2; 2 |]; [| 2; 1 |]; [| 2; 5 |]; [| 2; -1 |] ] do
                expect
                    $"token {tokens[1]}: must lie in 0 to 4 and ascend within context 0; sort each row and add up the counts of equal tokens"
                    [| 0L; 2L |]
                    tokens
                    [| 1; 1 |]

            expect "count 0: must be at least 1; leave out tokens that do not occur" [| 0L; 1L |] [| 1 |] [| 0 |]
        }
        test "options, starts and embeddings that do not fit are refused" {
            let expect message action =
                Expect.equal (refusal action) message ""

            let train options start =
                OneHotRefit.Train(small, newton 1e-3, options, start)

            expect "--l2 -1: must lie in 0 to 1e6; 0 is no penalty" (fun () ->
                train (options -1.0 ContextWeighting.PerContext) null)

            expect "--l2 NaN: must lie in 0 to 1e6; 0 is no penalty" (fun () ->
                train (options nan ContextWeighting.PerContext) null)

            expect "--threads 0: must lie in 1 to 1,024; choose the number of threads" (fun () ->
                train (RefitOptions(Threads = 0)) null)

            let other, _ = oneHot (sample 1 2 6 9 0) (newton 1e-3) plain

            expect
                "start 2 x 6: must have the contexts and tokens of the counts, 3 x 6; start from a model of the same contexts"
                (fun () -> train plain other)

            let closed, _ = oneHot small (RefitMethod.Closed()) plain

            expect
                "start context 0: must have finite logits; start from a model that was trained by steps or smoothed"
                (fun () -> train plain closed)

            expect
                "--refit closed: must be gradient:STEPS:RATE or newton:TOL where contexts are embedded; the closed forms need --embedding onehot"
                (fun () -> embedded small smallEmbedding (RefitMethod.Closed()) plain)

            expect "embedding 29 contexts: must have as many as the counts, 3; give a vector per context" (fun () ->
                embedded small wideEmbedding (newton 1e-3) plain)

            let wrong, _ = embedded wide wideEmbedding (gradient 1 1.0 0.0) plain

            expect
                "start 11 x 1400: must be D x s, 2 x 6; start from a model of the same dimension and vocabulary"
                (fun () -> EmbeddedRefit.Train(small, smallEmbedding, newton 1e-3, plain, wrong))

            expect "--embedding 0: must lie in 1 to 4,096; choose the dimension D" (fun () ->
                Embedding.Gaussian(1UL, 0u, 3, 0))

            for values in [ [| 1.0f; 2.0f; 3.0f |]; [| 0.0f; 0.0f |]; [| 1.0f; nanf |] ] do
                expect
                    $"embedding {values.Length}: must be finite numbers, not all 0, as many as a multiple of D = 2; give D numbers per context"
                    (fun () -> Embedding.FromValues(2, ReadOnlySpan values))
        }
        test "divergence is said, with the context, the rate and a rate that is safe" {
            let counts = rows 5 [ [ 0, 4 ]; [ 1, 3; 2, 2; 3, 1 ]; [ 0, 1; 1, 1 ] ]
            let e = divergence (fun () -> oneHot counts (gradient 50 1000.0 0.0) plain)
            Expect.equal (e.Context, e.SafeRate) (Nullable 1L, 4.0) "the first that diverges"
            Expect.isGreaterThan e.Loss e.StartLoss "the loss"
            Expect.stringStarts e.Message "--refit gradient:50:1000: diverged in context 1, loss " ""
            Expect.stringEnds e.Message $" at step {e.Step} after 1.609 at the start; choose a RATE below 4" ""
            Expect.equal e.Step 10 "ten steps above the start"
            let short = divergence (fun () -> oneHot counts (gradient 3 1000.0 0.0) plain)
            Expect.equal short.Step 3 "or the last"
            let penalised = options 1.5 ContextWeighting.PerContext
            Expect.equal (divergence (fun () -> oneHot counts (gradient 50 1000.0 0.0) penalised)).SafeRate 1.0 "L2"
        }
        test "divergence is said where contexts are embedded" {
            let e =
                divergence (fun () -> embedded wide wideEmbedding (gradient 50 1e5 0.0) plain)

            Expect.isFalse e.Context.HasValue "all of them"
            Expect.stringStarts e.Message "--refit gradient:50:100000: diverged, loss " ""
            Expect.stringEnds e.Message "at the start; choose a RATE below 4" ""

            let endless =
                divergence (fun () -> embedded wide wideEmbedding (gradient 50 1e9 0.9) plain)

            Expect.isFalse (endless.Loss <= endless.StartLoss) "perhaps not a number"
        }
    ]

[<Tests>]
let tests = testList "refit input" refusals
