module Collapse.Tests.RepositoryTests

open System
open System.IO
open System.Text.Json
open Expecto
open Collapse.Tests.Repository

let private read file =
    File.ReadAllText(Path.Combine(root, file))

let private projects =
    [
        for room in [ "kernels"; "src"; "tests" ] do
            for folder in Directory.GetDirectories(Path.Combine(root, room)) do
                yield! Directory.GetFiles(folder, "*.??proj")
    ]

/// Paket shortens 5.0.0 to 5.0.
let private normal (version: string) =
    let parts = version.Split '.'
    String.concat "." (Array.append parts (Array.replicate (max 0 (3 - parts.Length)) "0"))

/// What the last restore of a project really took, with everything that the packages brought along.
let private resolved (project: string) =
    let folder = Path.GetDirectoryName project |> nonNull

    use assets =
        JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "obj", "project.assets.json")))

    [
        for library in assets.RootElement.GetProperty("libraries").EnumerateObject() do
            if library.Value.GetProperty("type").GetString() = "package" then
                match library.Name.Split '/' with
                | [| name; version |] -> name.ToLowerInvariant(), normal version
                | _ -> failtest $"'{library.Name}' is not NAME/VERSION"
    ]

[<Tests>]
let tests =
    testList
        "repository"
        [
            testList
                "names no package feed's address"
                [
                    for folder, file in
                        List.allPairs
                            [ ""; "tests/Collapse.Benchmarks/peers/libtorch/" ]
                            [ "paket.dependencies"; "paket.lock" ] ->
                        test $"{folder}{file}" {
                            let text = read (folder + file)
                            Expect.stringContains text "%NUGET_SOURCE%" "the feed is a variable"
                            Expect.isFalse (text.Contains "://") "no address; `dotnet fsi build.fsx lock` removes it"
                        }
                ]
            test "holds the projects that the solution lists" {
                let solution = (read "Collapse.sln").Replace('\\', '/')
                Expect.isNonEmpty projects "projects were found"

                for project in projects do
                    let path = Path.GetRelativePath(root, project).Replace('\\', '/')
                    Expect.stringContains solution $"\"{path}\"" "every project is built with the solution"
            }
            test "locks every package that a project uses" {
                let locked =
                    (read "paket.lock").Split '\n'
                    |> Array.map _.Trim().Split([| ' '; '('; ')' |], StringSplitOptions.RemoveEmptyEntries)
                    |> Array.choose (function
                        | [| name; version |] when Char.IsDigit version[0] ->
                            Some(name.ToLowerInvariant(), normal version)
                        | _ -> None)
                    |> Set.ofArray

                for project in projects do
                    for package in resolved project do
                        Expect.contains locked package "`dotnet fsi build.fsx lock` was run"
            }
            test "takes every package from Paket" {
                for project in projects do
                    let name = Path.GetFileName project
                    Expect.isFalse ((read project).Contains "PackageReference") $"{name} uses paket.references"
            }
        ]
