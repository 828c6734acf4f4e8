/// Every claim that is put to the test with random numbers, once; the test suite and `verify` both read this list.
[<RequireQualifiedAccess>]
module Collapse.Verification.Catalogue

/// The probability of any failure at all in one pass through the catalogue of a product without faults.
let budget = 1e-6

let checks: Check list =
    MomentChecks.all
    @ CorpusChecks.all
    @ LawChecks.all
    @ DrawChecks.all
    @ SoftmaxChecks.all
    @ IndependenceChecks.all
    @ BoundChecks.all

/// The checks whose name contains a text.
let matching (text: string) =
    checks
    |> List.filter (fun check -> check.Name.Contains(text, System.StringComparison.OrdinalIgnoreCase))

let find name =
    checks |> List.find (fun check -> check.Name = name)

/// The sum of all false-alarm rates.
let alpha = checks |> List.sumBy _.Alpha
