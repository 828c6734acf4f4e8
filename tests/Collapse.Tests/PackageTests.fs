/// The packages as a stranger meets them: an empty folder, a local feed, F# Interactive.
module Collapse.Tests.PackageTests

open System
open System.Diagnostics
open System.IO
open Expecto
open Collapse.Tests.Repository

let private dotnetReading (input: string) (folder: string) (arguments: string list) =
    let info =
        ProcessStartInfo(
            "dotnet",
            arguments,
            UseShellExecute = false,
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true
        )

    match Process.Start info with
    | null -> failtest "dotnet did not start"
    | child ->
        use child = child
        child.StandardInput.Write input
        child.StandardInput.Close()
        let errors = child.StandardError.ReadToEndAsync()
        let output = child.StandardOutput.ReadToEnd()
        child.WaitForExit()
        Expect.equal child.ExitCode 0 $"dotnet {arguments}\n{output}\n{errors.Result}"
        output

let private dotnet = dotnetReading ""

let private script version =
    $"""#r "nuget: Collapse.Scripting, {version}"
open Collapse.Scripting

let run =
    Prior.power 600 52 0.1
    |> Scenario.fullySynthetic (samples = 50)
    |> Scenario.withContexts 20
    |> Simulation.run

run |> Figure.trajectories Quantity.SumOfSquares |> Figure.withTheory |> Figure.save "figure.html" |> ignore
printfn "rows: %%d, digest: %%s" (Run.frame run).RowCount run.Digest
"""

/// NuGet keeps every package it has seen; a version of its own makes sure that this build is the one tested.
let private forget (version: string) =
    let cache =
        match Environment.GetEnvironmentVariable "NUGET_PACKAGES" with
        | null
        | "" -> Path.Combine(Environment.GetFolderPath Environment.SpecialFolder.UserProfile, ".nuget", "packages")
        | folder -> folder

    for package in [ "collapse"; "collapse.kernels"; "collapse.theory"; "collapse.scripting" ] do
        let folder = Path.Combine(cache, package, version)

        if Directory.Exists folder then
            Directory.Delete(folder, true)

[<Tests>]
let tests =
    testList
        "packages"
        [
            test "#r \"nuget: Collapse.Scripting\" works from a local feed in an empty folder" {
                let folder = (Directory.CreateTempSubdirectory "collapse-package").FullName
                let feed = Path.Combine(folder, "feed")

                let version =
                    $"0.0.{DateTime.UtcNow.Ticks / TimeSpan.TicksPerSecond % 2_000_000_000L}"

                try
                    for project in
                        [
                            "kernels/Collapse.Kernels"
                            "src/Collapse"
                            "src/Collapse.Theory"
                            "src/Collapse.Scripting"
                        ] do
                        dotnet
                            root
                            [
                                "pack"
                                project
                                "--configuration"
                                "Release"
                                "--no-build"
                                "--nologo"
                                $"-p:Version={version}"
                                "--output"
                                feed
                            ]
                        |> ignore

                    File.WriteAllText(
                        Path.Combine(folder, "nuget.config"),
                        $"""<configuration><packageSources><add key="local" value="{feed}" /></packageSources></configuration>"""
                    )

                    File.WriteAllText(Path.Combine(folder, "try.fsx"), script version)
                    let output = dotnet folder [ "fsi"; "try.fsx" ]
                    Expect.isMatch output "rows: 100, digest: [0-9a-f]{16}" "it runs"
                    Expect.isTrue (File.Exists(Path.Combine(folder, "figure.html"))) "it draws"

                    // As typed, where values are shown.
                    let shown = dotnetReading (script version + ";;\nrun;;\n#quit;;\n") folder [ "fsi" ]

                    Expect.stringContains
                        shown
                        "Run =\n  fully-synthetic (n = 50, contexts = 20, "
                        "the printers are there"
                finally
                    forget version
                    Directory.Delete(folder, true)
            }
        ]
