module Collapse.Tests.ScriptTests

open System
open System.Diagnostics
open System.IO
open Expecto

/// The folder `scripts` of the repository that holds the test program.
let private scripts =
    let rec find (folder: DirectoryInfo | null) =
        match folder with
        | null -> failtest "no folder 'scripts' above the test program"
        | folder when Directory.Exists(Path.Combine(folder.FullName, "scripts")) ->
            Path.Combine(folder.FullName, "scripts")
        | folder -> find folder.Parent

    find (DirectoryInfo AppContext.BaseDirectory)

let private run (script: string) =
    let info = ProcessStartInfo("dotnet", [ "fsi"; script ], UseShellExecute = false)
    info.RedirectStandardOutput <- true
    info.RedirectStandardError <- true

    match Process.Start info with
    | null -> failtest "dotnet did not start"
    | child ->
        use child = child
        let errors = child.StandardError.ReadToEndAsync()
        let output = child.StandardOutput.ReadToEnd()
        child.WaitForExit()
        child.ExitCode, output, errors.Result

[<Tests>]
let tests =
    testList
        "scripts"
        [
            for script in Directory.GetFiles(scripts, "*.fsx") do
                let name = Path.GetFileName script

                if name <> "load.fsx" then
                    test $"{name} runs in F# Interactive" {
                        let exitCode, output, errors = run script
                        Expect.equal exitCode 0 errors
                        Expect.isMatch output "digests? [0-9a-f]{16}" "a script ends with what it found"
                    }
        ]
