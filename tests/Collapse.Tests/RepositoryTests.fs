module Collapse.Tests.RepositoryTests

open System
open System.IO
open Expecto

/// The repository's root: the nearest folder above the test program that holds the solution.
let private root =
    let rec find (folder: DirectoryInfo | null) =
        match folder with
        | null -> failtest "Collapse.sln not found above the test program"
        | folder when File.Exists(Path.Combine(folder.FullName, "Collapse.sln")) -> folder.FullName
        | folder -> find folder.Parent

    find (DirectoryInfo AppContext.BaseDirectory)

let private read file =
    File.ReadAllText(Path.Combine(root, file))

let private projects =
    [ for room in [ "kernels"; "src"; "tests" ] do
          for folder in Directory.GetDirectories(Path.Combine(root, room)) do
              yield! Directory.GetFiles(folder, "*.??proj") ]

[<Tests>]
let tests =
    testList
        "repository"
        [ testList
              "names no package feed's address"
              [ for file in [ "paket.dependencies"; "paket.lock" ] ->
                    test file {
                        let text = read file
                        Expect.stringContains text "%NUGET_SOURCE%" "the feed is a variable"
                        Expect.isFalse (text.Contains "://") "no address; `dotnet fsi build.fsx lock` removes it"
                    } ]
          test "holds the projects that the solution lists" {
              let solution = (read "Collapse.sln").Replace('\\', '/')
              Expect.isNonEmpty projects "projects were found"

              for project in projects do
                  let path = Path.GetRelativePath(root, project).Replace('\\', '/')
                  Expect.stringContains solution $"\"{path}\"" "every project is built with the solution"
          }
          test "takes every package from Paket" {
              for project in projects do
                  let name = Path.GetFileName project
                  Expect.isFalse ((read project).Contains "PackageReference") $"{name} uses paket.references"
          } ]
