// Mutation testing: `dotnet fsi build.fsx mutate [-- [--resume] FILTER …]`. Makes each change of
// Collapse.Tests/Mutations.fs to one C# source, compiles the mutated assemblies into a copy of the test program, and
// runs tests until one fails. --resume takes over the verdicts of earlier runs on mutants whose file has not changed
// since; what survived without an excuse is always tried again. Those that may survive come last, as they take longest.
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

// Below the root, where the tests look for it, and ignored by git; one for each process, so that some can run at once.
let scratch = at $"artifacts/mutants/{Environment.ProcessId}"
let program = Path.Combine(scratch, "tests")
let unchanged = Path.Combine(scratch, "unchanged")

/// What earlier runs saw: a line for each verdict, the last one counts.
let record = at "artifacts/mutants/verdicts.tsv"

/// What stands still is stopped in the end.
let patience = TimeSpan.FromMinutes 20.0

/// Runs `dotnet`: its exit code, standard output and processor time, or None where it had to be stopped. The limit is one
/// of processor time, which a busy machine does not change.
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
        let watch = Stopwatch.StartNew()
        let mutable used = TimeSpan.Zero

        // Of a program that has ended the time is not known any more.
        while not (child.WaitForExit 100) && used < limit && watch.Elapsed < patience do
            child.Refresh()

            try
                used <- child.TotalProcessorTime
            with
            | :? InvalidOperationException
            | :? ComponentModel.Win32Exception -> ()

        if child.HasExited then
            Some(child.ExitCode, output.Result, used)
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
    | Some(0, output, _) -> output
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

/// Compiles a project into a copy of the test program, with some arguments replaced; whether it compiles.
let compile (project: Compilation) (folder: string) (replaced: (string -> string option)) =
    let response = Path.Combine(scratch, "csc.rsp")
    let output = Path.Combine(folder, project.Assembly)

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
            [ compiler; "/noconfig"; "/shared"; "/keepalive:120"; $"@{response}" ]
    with
    | Some(0, _, _) -> true
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

    compile project program inSource
    && (not (isKernel mutant) || compile core program againstMutant)

let restoreOriginals () =
    for project in [ kernels; core ] do
        File.Copy(Path.Combine(unchanged, project.Assembly), Path.Combine(program, project.Assembly), true)

type Verdict =
    | Killed of by: string
    | Survived
    | NotCompiled

/// What a test list makes of a program, and the processor time that it took.
let testUntilFailure (folder: string) (limit: TimeSpan) (list: string) =
    match dotnet folder limit [ Path.Combine(folder, "Collapse.Tests.dll"); "--until-failure"; list ] with
    | Some(0, _, used) -> Survived, used
    | None -> Killed $"no end after {limit.TotalSeconds:F0} s of processor time", limit
    | Some(exitCode, output, used) ->
        let marker = "first failure: "

        let by =
            output.Split '\n'
            |> Array.tryPick (fun line ->
                match line.IndexOf marker with
                | -1 -> None
                | i -> Some(line.Substring(i + marker.Length).Trim()))
            |> Option.defaultValue $"exit code {exitCode}"

        Killed by, used

let limits = Dictionary<string, TimeSpan>()

/// How long a mutant may take over a test list. What is not mutated must pass it, or every mutant would seem killed.
let limitOf (list: string) =
    match limits.TryGetValue list with
    | true, limit -> limit
    | _ ->
        match testUntilFailure unchanged (TimeSpan.FromMinutes 30.0) list with
        | Survived, used ->
            printfn $"unchanged: {list} passes ({used.TotalSeconds:F0} s of processor time)"
            // A mutant that takes five times as long has lost its way.
            limits[list] <- max (TimeSpan.FromMinutes 1.0) (5.0 * used)
        | other, _ -> failwith $"{list} fails without a mutant: {other}"

        limits[list]

let judge (mutant: Mutant) =
    restoreOriginals ()

    if not (compileMutant mutant) then
        NotCompiled
    else
        // One list after the other, as the first often tells and the last takes longest.
        let rec next lists =
            match lists with
            | [] -> Survived
            | list :: rest ->
                match testUntilFailure program (limitOf list) list with
                | Survived, _ -> next rest
                | verdict, _ -> verdict

        next mutant.Lists

let describe (mutant: Mutant) =
    let line (text: string) = text.Replace("\n", "↵")
    $"{mutant.File}: {line mutant.Original} -> {line mutant.Replacement}"

let rec copy (source: string) (target: string) =
    Directory.CreateDirectory target |> ignore

    for file in Directory.GetFiles source do
        File.Copy(file, Path.Combine(target, Path.GetFileName file), true)

    for folder in Directory.GetDirectories source do
        copy folder (Path.Combine(target, Path.GetFileName folder))

let options, filters =
    fsi.CommandLineArgs
    |> Array.skip 1
    |> Array.filter ((<>) "--")
    |> Array.partition _.StartsWith("--")

match options with
| [||]
| [| "--resume" |] -> ()
| _ -> failwith $"there is only --resume, not {options}"

let chosen =
    all
    |> List.filter (fun mutant ->
        Array.isEmpty filters
        || filters
           |> Array.exists (fun (filter: string) -> (describe mutant).Contains filter))
    |> List.sortBy _.Excuse.IsSome

/// What a verdict holds for: the change, and the file that it is made to.
let identity (mutant: Mutant) =
    let text =
        $"{File.ReadAllText(at mutant.File)}\000{mutant.Original}\000{mutant.Replacement}"

    text
    |> Text.Encoding.UTF8.GetBytes
    |> Security.Cryptography.SHA256.HashData
    |> Convert.ToHexString

/// Mutants that may survive: nothing new is to be seen of them.
let excuses =
    set
        [
            for mutant in all do
                if mutant.Excuse.IsSome then
                    identity mutant
        ]

let remembered =
    if options.Length > 0 && File.Exists record then
        dict
            [
                for lines in File.ReadLines record |> Seq.map _.Split('\t') |> Seq.groupBy Array.head do
                    match Seq.last (snd lines) with
                    | [| key; "killed"; by; _ |] -> key, Killed by
                    | [| key; "survived"; _; _ |] when excuses.Contains key -> key, Survived
                    | _ -> ()
            ]
    else
        dict []

let total = Stopwatch.StartNew()
copy built program
copy built unchanged

// As the mutants are compiled.
if
    not (
        compile kernels unchanged (fun _ -> None)
        && compile core unchanged (fun _ -> None)
    )
then
    failwith "the unchanged sources do not compile"

let verdicts = List<Mutant * Verdict>()

for i, mutant in List.indexed chosen do
    let watch = Stopwatch.StartNew()
    let key = identity mutant

    let verdict =
        match remembered.TryGetValue key with
        | true, verdict -> verdict
        | _ ->
            let verdict = judge mutant

            let word, by =
                match verdict with
                | Killed by -> "killed", by
                | Survived -> "survived", ""
                | NotCompiled -> "not compiled", ""

            File.AppendAllText(record, $"{key}\t{word}\t{by}\t{describe mutant}\n")
            verdict

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

let isKilled =
    function
    | _, Killed _ -> true
    | _ -> false

let isSurvivor =
    function
    | _, Survived -> true
    | _ -> false

let isBad =
    function
    | mutant, Killed _ -> mutant.Excuse.IsSome
    | mutant, Survived -> mutant.Excuse.IsNone
    | _, NotCompiled -> true

let number choose (some: seq<_>) = some |> Seq.filter choose |> Seq.length

printfn "\n| file | mutants | killed | excused |\n|---|---|---|---|"

for file, some in verdicts |> Seq.groupBy (fun (mutant, _) -> mutant.File) do
    let excused = number (fun entry -> isSurvivor entry && not (isBad entry)) some
    printfn $"| `{file}` | {Seq.length some} | {number isKilled some} | {excused} |"

let bad = number isBad verdicts

printfn
    $"\n{chosen.Length} mutants: {number isKilled verdicts} killed, {number isSurvivor verdicts} survived, {bad} not as the table says; {total.Elapsed.TotalMinutes:F0} minutes"

exit (if bad = 0 && chosen.Length > 0 then 0 else 1)
