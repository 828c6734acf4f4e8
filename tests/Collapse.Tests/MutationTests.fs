/// The table of mutants does not rot: each still says what it changes, and the document names each that is excused.
module Collapse.Tests.MutationTests

open System
open System.IO
open Expecto
open Collapse.Tests.Mutations
open Collapse.Tests.Repository

/// How often a part stands in a text, overlaps included.
let private occurrences (text: string) (part: string) =
    let rec count from found =
        match text.IndexOf(part, from, StringComparison.Ordinal) with
        | -1 -> found
        | at -> count (at + 1) (found + 1)

    count 0 0

let private read (path: string) =
    File.ReadAllText(Path.Combine(root, path)).ReplaceLineEndings "\n"

[<Tests>]
let tests =
    testList
        "mutants"
        [
            test "each original text stands once in its file" {
                for file, mutants in List.groupBy _.File all do
                    let text = read file

                    for mutant in mutants do
                        Expect.equal (occurrences text mutant.Original) 1 $"{file}: {mutant.Original}"
                        Expect.notEqual mutant.Replacement mutant.Original file
            }
            test "no mutant is there twice" {
                let changes = all |> List.map (fun m -> m.File, m.Original, m.Replacement)
                Expect.equal (List.distinct changes).Length changes.Length ""
            }
            test "docs/verification-mutations.md gives the reason for each mutant that may survive" {
                let document = read "docs/verification-mutations.md"

                for mutant in all do
                    match mutant.Excuse with
                    | None -> ()
                    | Some reason ->
                        Expect.stringContains document $"`{mutant.Original}`" mutant.File
                        Expect.stringContains document reason mutant.File
            }
        ]
