// Mutation testing: `dotnet fsi build.fsx mutate [-- FILTER]`. Makes each change of Collapse.Tests/Mutations.fs to one C#
// source, compiles the mutated assemblies into a copy of the test program, and runs tests until one fails.
#load "Collapse.Tests/Mutations.fs"

open System
open System.Collections.Generic
open System.Diagnostics
open System.IO
open System.Text.Json
open Collapse.Tests.Mutations

let root = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, ".."))
let at path = Path.Combine(root, path)
let built = at "tests/Collapse.Tests/bin/Release/net10.0"

// Below the root, where the tests look for it, and ignored by git.
let scratch = at "artifacts/mutants"
let program = Path.Combine(scratch, "tests")

// The tests of what is mutated that take seconds.
let everything =
    [
        "randomness"
        "words"
        "results and plans"
        "priors"
        "properties"
        "engines"
        "run folder"
        "softmax runs"
        "softmax laws"
    ]

/// Runs `dotnet`; the exit code and standard output, or None where it had to be stopped.
let dotnet (folder: string) (limit: TimeSpan) (arguments: string list) =
    let info =
        ProcessStartInfo("dotnet", arguments, WorkingDirectory = folder, RedirectStandardOutput = true)

    info.RedirectStandardError <- true
    // Compiled kernels of mutants are of no use to anyone else.
    info.Environment["POCL_CACHE_DIR"] <- Path.Combine(scratch, "pocl")

    match Process.Start info with
    | null -> failwith "dotnet did not start"
    | child ->
        use child = child
        let output = child.StandardOutput.ReadToEndAsync()
        child.StandardError.ReadToEndAsync() |> ignore

        if child.WaitForExit limit then
            Some(child.ExitCode, output.Result)
        else
            child.Kill(entireProcessTree = true)
            child.WaitForExit()
            None

/// The project and the arguments with which its build calls the C# compiler.
type Compilation =
    {
        Folder: string
        Assembly: string
        Arguments: string list
    }

let query (project: string) (items: string list) =
    let arguments =
        [
            "msbuild"
            at project
            "-target:Compile"
            "-property:Configuration=Release"
            "-property:ProvideCommandLineArgs=true"
            "-property:SkipCompilerExecution=true"
            "-property:BuildProjectReferences=false"
            // An input that is not there makes the target run although everything is built.
            "-property:NonExistentFile=none/none"
        ]

    match dotnet root (TimeSpan.FromMinutes 5.0) (arguments @ items) with
    | Some(0, output) -> output
    | other -> failwith $"msbuild did not say how to compile {project}: {other}"

let compilation (project: string) =
    let json =
        JsonDocument.Parse(query project [ "-getItem:CscCommandLineArgs" ]).RootElement

    // Nothing but the code: no analysis, no files beside the assembly, and warnings are no errors.
    let dropped =
        [
            "/analyzer"
            "/doc"
            "/warnaserror"
            "/out"
            "/refout"
            "/noconfig"
            "/debug"
            "/embed"
        ]

    {
        Folder = at project |> Path.GetDirectoryName |> string
        Assembly = Path.GetFileNameWithoutExtension project + ".dll"
        Arguments =
            [
                for item in json.GetProperty("Items").GetProperty("CscCommandLineArgs").EnumerateArray() do
                    let argument = string (item.GetProperty("Identity").GetString())

                    if not (dropped |> List.exists argument.StartsWith) then
                        argument
            ]
    }

let kernels = compilation "kernels/Collapse.Kernels/Collapse.Kernels.csproj"
let core = compilation "src/Collapse/Collapse.csproj"

let compiler =
    let path =
        (query "src/Collapse/Collapse.csproj" [ "-getProperty:RoslynTargetsPath" ]).Trim()

    Path.Combine(path, "bincore", "csc.dll")

/// Compiles a project into the copy of the test program, with some arguments replaced; whether it compiles.
let compile (project: Compilation) (replaced: (string -> string option)) =
    let response = Path.Combine(scratch, "csc.rsp")
    let output = Path.Combine(program, project.Assembly)

    let arguments =
        [
            for argument in project.Arguments do
                replaced argument |> Option.defaultValue argument
            $"/out:{output}"
        ]

    File.WriteAllLines(response, arguments)

    // /shared: one warm compiler for all mutants; it ends by itself.
    match
        dotnet
            project.Folder
            (TimeSpan.FromMinutes 5.0)
            [ compiler; "/noconfig"; "/shared"; "/keepalive:30"; $"@{response}" ]
    with
    | Some(0, _) -> true
    | _ -> false

let isKernel (mutant: Mutant) = mutant.File.StartsWith "kernels/"

/// Compiles the mutant; the core too where only a kernel changed, as it holds copies of the kernels' constants.
let compileMutant (mutant: Mutant) =
    let project = if isKernel mutant then kernels else core
    let source = Path.Combine(scratch, "mutant.cs")

    File.WriteAllText(
        source,
        (File.ReadAllText(at mutant.File)).ReplaceLineEndings("\n").Replace(mutant.Original, mutant.Replacement)
    )

    let original =
        Path.GetRelativePath(project.Folder, at mutant.File).Replace('\\', '/')

    let inSource (argument: string) =
        if argument.Replace('\\', '/') = original then
            Some source
        else
            None

    let againstMutant (argument: string) =
        if argument.StartsWith "/reference:" && argument.EndsWith kernels.Assembly then
            Some $"/reference:{Path.Combine(program, kernels.Assembly)}"
        else
            None

    if not (List.exists (fun argument -> (inSource argument).IsSome) project.Arguments) then
        failwith $"{mutant.File} is not compiled"

    compile project inSource
    && (not (isKernel mutant) || compile core againstMutant)

let restoreOriginals () =
    for project in [ kernels; core ] do
        File.Copy(Path.Combine(built, project.Assembly), Path.Combine(program, project.Assembly), true)

type Verdict =
    | Killed of by: string
    | Survived
    | NotCompiled

let testUntilFailure (limit: TimeSpan) (lists: string list) =
    let lists = String.Join(',', lists)

    match dotnet program limit [ Path.Combine(program, "Collapse.Tests.dll"); "--until-failure"; lists ] with
    | Some(0, _) -> Survived
    | None -> Killed $"no end within {limit.TotalMinutes:F0} minutes"
    | Some(exitCode, output) ->
        let marker = "first failure: "

        output.Split '\n'
        |> Array.tryPick (fun line ->
            match line.IndexOf marker with
            | -1 -> None
            | i -> Some(line.Substring(i + marker.Length).Trim()))
        |> Option.defaultValue $"exit code {exitCode}"
        |> Killed

let judge (limit: TimeSpan) (mutant: Mutant) =
    restoreOriginals ()

    if not (compileMutant mutant) then
        NotCompiled
    else
        match testUntilFailure limit mutant.Lists with
        | Survived -> testUntilFailure limit (List.except mutant.Lists everything)
        | verdict -> verdict

let describe (mutant: Mutant) =
    let line (text: string) = text.Replace("\n", "↵")
    $"{mutant.File}: {line mutant.Original} -> {line mutant.Replacement}"

let rec copy (source: string) (target: string) =
    Directory.CreateDirectory target |> ignore

    for file in Directory.GetFiles source do
        File.Copy(file, Path.Combine(target, Path.GetFileName file), true)

    for folder in Directory.GetDirectories source do
        copy folder (Path.Combine(target, Path.GetFileName folder))

let filters = fsi.CommandLineArgs |> Array.skip 1 |> Array.filter ((<>) "--")

let chosen =
    all
    |> List.filter (fun mutant ->
        Array.isEmpty filters
        || filters
           |> Array.exists (fun (filter: string) -> (describe mutant).Contains filter))

let total = Stopwatch.StartNew()

if Directory.Exists scratch then
    Directory.Delete(scratch, true)

copy built program

// What is not mutated must pass when it is compiled this way, or every mutant would seem killed.
if not (compile kernels (fun _ -> None) && compile core (fun _ -> None)) then
    failwith "the unchanged sources do not compile"

let unchanged = Stopwatch.StartNew()

match testUntilFailure (TimeSpan.FromMinutes 30.0) everything with
| Survived -> printfn $"unchanged: all tests pass ({unchanged.Elapsed.TotalSeconds:F0} s)"
| other -> failwith $"the tests fail without a mutant: {other}"

// A mutant that takes five times as long has lost its way; on a busy machine even that needs its time.
let limit = max (TimeSpan.FromMinutes 3.0) (5.0 * unchanged.Elapsed)

let verdicts = List<Mutant * Verdict>()

for i, mutant in List.indexed chosen do
    let watch = Stopwatch.StartNew()
    let verdict = judge limit mutant
    verdicts.Add((mutant, verdict))

    let text =
        match verdict, mutant.Excuse with
        | Killed by, None -> $"killed by {by}"
        | Killed by, Some _ -> $"KILLED, THOUGH EXCUSED, by {by}"
        | Survived, Some _ -> "survived, excused"
        | Survived, None -> "SURVIVED"
        | NotCompiled, _ -> "DOES NOT COMPILE"

    printfn $"{i + 1}/{chosen.Length} {watch.Elapsed.TotalSeconds:F0} s  {describe mutant}\n    {text}"

Directory.Delete(scratch, true)

let number choose =
    verdicts |> Seq.filter choose |> Seq.length

let bad =
    number (function
        | mutant, Killed _ -> mutant.Excuse.IsSome
        | mutant, Survived -> mutant.Excuse.IsNone
        | _, NotCompiled -> true)

let killedOnes =
    number (function
        | _, Killed _ -> true
        | _ -> false)

let survivors =
    number (function
        | _, Survived -> true
        | _ -> false)

printfn
    $"{chosen.Length} mutants: {killedOnes} killed, {survivors} survived, {bad} not as the table says; {total.Elapsed.TotalMinutes:F0} minutes"

exit (if bad = 0 && chosen.Length > 0 then 0 else 1)
