// The one build script: `dotnet fsi build.fsx TARGET [-- ARGS]`. Needs nothing but the .NET 10 SDK.
open System
open System.Diagnostics
open System.IO
open System.Security.Cryptography

/// What `demo` runs: the paper's prior, trained on its own output until every context has collapsed.
let demoCommand =
    "run --prior power:600:52:0.1 --scenario fully-synthetic --samples 50 --contexts 10000 --until-collapse"

let root = __SOURCE_DIRECTORY__
let at path = Path.Combine(root, path)

let commandLine = at "src/Collapse.Cli/bin/Release/net10.0/Collapse.Cli.dll"

let testProgram = at "tests/Collapse.Tests/bin/Release/net10.0/Collapse.Tests.dll"

let verification =
    at "tests/Collapse.Verification/bin/Release/net10.0/Collapse.Verification.dll"

// ---- running programs: a target stops at the first exit code that is not 0, and that code is the script's

exception Failed of exitCode: int

let fail (message: string) =
    eprintfn "%s" message
    raise (Failed 1)

let start (program: string) (arguments: string list) redirect =
    let info = ProcessStartInfo(program, arguments, UseShellExecute = false)
    info.RedirectStandardOutput <- redirect

    match Process.Start info with
    | null -> fail $"{program} did not start"
    | child -> child

let check exitCode =
    if exitCode <> 0 then
        raise (Failed exitCode)

let dotnet arguments =
    use child = start "dotnet" arguments false
    child.WaitForExit()
    check child.ExitCode

let capture arguments =
    use child = start "dotnet" arguments true
    let output = child.StandardOutput.ReadToEnd()
    child.WaitForExit()
    child.ExitCode, output

/// Keeps standard output for the program that runs next; a failure shows its output on standard error.
let quietly arguments =
    let exitCode, output = capture arguments

    if exitCode <> 0 then
        eprintf "%s" output

    check exitCode

let words (text: string) = text.Split ' ' |> List.ofArray

// ---- packages

let sourceVariable = "NUGET_SOURCE"

/// The feed that paket.dependencies leaves open: the first enabled one of the user's own NuGet configuration.
let feed =
    lazy
        (match Environment.GetEnvironmentVariable sourceVariable with
         | null
         | "" ->
             let exitCode, output = capture (words "nuget list source --format Short")
             check exitCode

             output.Split('\n', StringSplitOptions.TrimEntries)
             |> Array.filter _.StartsWith('E')
             |> Array.map (fun line -> line.Substring(line.IndexOf ' ' + 1))
             |> Array.tryFind (fun address -> address.StartsWith "http" && address.EndsWith ".json")
             |> Option.defaultWith (fun () ->
                 fail
                     $"No enabled NuGet v3 feed is configured. See `dotnet nuget list source`, or set {sourceVariable}.")
         | address -> address)

let useFeed () =
    Environment.SetEnvironmentVariable(sourceVariable, feed.Value)

/// What Paket last restored is what paket.lock asks for: it keeps the hash of that file.
let isRestored () =
    let restored = at "paket-files/paket.restore.cached"

    File.Exists(at ".paket/Paket.Restore.targets")
    && File.Exists restored
    && (File.ReadAllText restored).Contains(Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(at "paket.lock"))))

let restore run =
    useFeed ()
    run (words "tool restore")
    run (words "paket restore")

let lock () =
    useFeed ()
    dotnet (words "tool restore")
    let file = at "paket.lock"

    // Some feeds do not tell what a package depends on: Paket then reads it from the packages that the pass
    // before brought onto this machine. So resolve until nothing changes.
    let rec resolve before =
        dotnet (words "paket update")
        let after = File.ReadAllText file

        if after <> before then
            resolve after

    resolve ""
    File.WriteAllText(file, (File.ReadAllText file).Replace(feed.Value, $"%%{sourceVariable}%%"))
    restore dotnet

// ---- targets

let build run project =
    useFeed ()

    if not (isRestored ()) then
        eprintfn "Restoring packages, then building: a few minutes the first time."
        restore run

    run
        [
            "build"
            at project
            "--configuration"
            "Release"
            "--nologo"
            "--verbosity"
            "minimal"
        ]

let test arguments =
    build dotnet "Collapse.sln"
    dotnet (testProgram :: arguments)

let mutate arguments =
    build dotnet "Collapse.sln"
    dotnet ("fsi" :: at "tests/mutate.fsx" :: arguments)

let battery arguments =
    build dotnet "tests/Collapse.Tests"
    dotnet ("fsi" :: at "tests/battery.fsx" :: arguments)

let verify arguments =
    build quietly "tests/Collapse.Verification"
    dotnet (verification :: arguments)

let demo () =
    eprintfn "Building the command line."
    build quietly "src/Collapse.Cli"
    printfn "\n> collapse %s\n" demoCommand
    dotnet (commandLine :: words demoCommand)

let figures () =
    build quietly "src/Collapse.Scripting"

    for script in Directory.GetFiles(at "scripts", "*.fsx") |> Array.sort do
        let name = Path.GetFileName script

        if name <> "load.fsx" then
            printfn "\n> scripts/%s" name
            dotnet [ "fsi"; script ]

let run arguments =
    build quietly "src/Collapse.Cli"
    dotnet (commandLine :: arguments)

let benchmarks =
    at "tests/Collapse.Benchmarks/bin/Release/net10.0/Collapse.Benchmarks.dll"

/// libtorch is a program with packages of its own, 600 MB, so that nothing else has to fetch them. Where it
/// cannot be built the benchmark says that it is absent.
let libtorchPeer () =
    let folder = at "tests/Collapse.Benchmarks/peers/libtorch"
    let project = Path.Combine(folder, "Collapse.LibtorchPeer.csproj")
    let program = Path.Combine(folder, "bin/Release/net10.0/Collapse.LibtorchPeer.dll")

    let quietlyIn (folder: string) arguments =
        let info =
            ProcessStartInfo(
                "dotnet",
                (arguments: string list),
                WorkingDirectory = folder,
                RedirectStandardOutput = true
            )

        match Process.Start info with
        | null -> 1
        | child ->
            use child = child
            let output = child.StandardOutput.ReadToEnd()
            child.WaitForExit()

            if child.ExitCode <> 0 then
                eprintf "%s" output

            child.ExitCode

    if
        quietlyIn folder (words "paket restore") = 0
        && quietlyIn folder [ "build"; project; "--configuration"; "Release"; "--nologo" ] = 0
    then
        [ "--libtorch"; program ]
    else
        eprintfn "libtorch could not be built; its place in the tables says so."
        []

/// Sampling from logits beside torch.multinomial, in the process that has libtorch.
let benchSampling arguments =
    build quietly "src/Collapse"

    match libtorchPeer () with
    | [ _; program ] -> dotnet (program :: arguments)
    | _ -> raise (Failed 1)

let benchJobs (arguments: string list) =
    build quietly "tests/Collapse.Benchmarks"

    let namesPeers =
        arguments
        |> List.pairwise
        |> List.tryPick (fun (name, value) -> if name = "--peers" then Some value else None)

    let isTimed =
        not (
            arguments
            |> List.exists (fun a -> List.contains a [ "--micro"; "--list"; "--help"; "-h"; "-?" ])
        )

    let libtorch =
        match namesPeers with
        | Some peers when not (peers.Split ',' |> Array.contains "torch") -> []
        | _ -> if isTimed then libtorchPeer () else []

    dotnet (benchmarks :: arguments @ libtorch)

let bench arguments =
    match arguments with
    | "--sampling" :: _ -> benchSampling arguments
    | _ -> benchJobs arguments

let format arguments =
    dotnet (words "tool restore --verbosity quiet")

    let fsharp =
        [ at "build.fsx"; at "tests" ]
        @ List.filter Directory.Exists [ at "scripts"; at "src" ]

    match arguments with
    | [] ->
        dotnet [ "csharpier"; "format"; root ]
        dotnet ("fantomas" :: fsharp)
    | [ "--check" ] ->
        dotnet [ "csharpier"; "check"; root ]
        dotnet ("fantomas" :: "--check" :: fsharp)
    | _ -> fail "format takes --check or nothing"

let pack () =
    build dotnet "Collapse.sln"

    dotnet
        [
            "pack"
            at "Collapse.sln"
            "--configuration"
            "Release"
            "--no-build"
            "--nologo"
        ]

/// What runs where there is no SDK and no network: programs with their runtime, and a script that runs them.
let bundle () =
    useFeed ()

    if not (isRestored ()) then
        restore dotnet

    let folder = at "artifacts/bundle/collapse"
    let app = Path.Combine(folder, "app")

    if Directory.Exists folder then
        Directory.Delete(folder, true)

    for project in [ "tests/Collapse.Tests"; "tests/Collapse.Benchmarks"; "src/Collapse.Cli" ] do
        dotnet
            [
                "publish"
                at project
                "--configuration"
                "Release"
                "--runtime"
                "linux-x64"
                "--self-contained"
                "--nologo"
                "--verbosity"
                "quiet"
                "--output"
                app
            ]

    // DuckDB's library is as large as all the rest, and its tests are left out; neither is debugging there.
    for pattern in [ "libduckdb.so"; "*.pdb"; "Collapse*.xml" ] do
        for file in Directory.GetFiles(app, pattern) do
            File.Delete file

    // The test program looks for the repository above it.
    for room in [ "kernels"; "src"; "tests"; "scripts"; "docs" ] do
        Directory.CreateDirectory(Path.Combine(folder, room)) |> ignore

    let copy (source: string) (target: string) =
        File.Copy(source, Path.Combine(folder, target), true)

    for file in [ "Collapse.sln"; "README.md"; "paket.dependencies"; "paket.lock" ] do
        copy (at file) file

    for file in Directory.GetFiles(at "scripts", "*.fsx") do
        copy file (Path.Combine("scripts", Path.GetFileName file))

    copy (at "tests/bundle-run.sh") "run.sh"

    // The text of job E, where it lies beside the repository.
    let text = at "../shared/data/tinyshakespeare.txt"

    if File.Exists text then
        Directory.CreateDirectory(Path.Combine(folder, "shared/data")) |> ignore
        copy text "shared/data/tinyshakespeare.txt"

    let archive = at "artifacts/bundle/collapse-linux-x64.tar.xz"

    use tar =
        start
            "tar"
            [
                "--create"
                "--xz"
                "--file"
                archive
                "--directory"
                at "artifacts/bundle"
                "collapse"
            ]
            false

    tar.WaitForExit()
    check tar.ExitCode
    printfn "%s: %.1f MB" archive (float (FileInfo archive).Length / 1e6)

let clean () =
    let rooms =
        [ "kernels"; "src"; "tests" ] |> List.map at |> List.filter Directory.Exists

    for folder in rooms |> Seq.collect Directory.GetDirectories do
        for output in [ "bin"; "obj" ] |> List.map (fun name -> Path.Combine(folder, name)) do
            if Directory.Exists output then
                Directory.Delete(output, true)

    if Directory.Exists(at "artifacts") then
        Directory.Delete(at "artifacts", true)

let targets: (string * string * (string list -> unit)) list =
    let alone action =
        function
        | [] -> action ()
        | arguments -> fail $"""this target takes no arguments: {String.concat " " arguments}"""

    [
        "restore", "tools and packages", alone (fun () -> restore dotnet)
        "build", "everything, Release", alone (fun () -> build dotnet "Collapse.sln")
        "test", "build, then all tests; -- ARGS go to the test program", test
        "mutate", "every mutant of the code against the tests; mutate -- TEXT only some", mutate
        "battery", "dieharder on the random words of runs; battery -- STREAM only some", battery
        "verify", "every statistical claim at full effort, with a report; -- --help lists the options", verify
        "demo", "build, then the main job on the paper's prior", alone demo
        "run", "the command line: run -- ARGS", run
        "bench", "timings beside NumPy and PyTorch: bench -- --help", bench
        "figures", "every script in full, into the folder figures", alone figures
        "format", "C# and F# sources; --check only looks", format
        "lock", "resolve paket.dependencies anew into paket.lock", alone lock
        "pack", "NuGet packages and the collapse tool, into artifacts/packages", alone pack
        "bundle", "linux-x64 without SDK or network, into artifacts/bundle", alone bundle
        "clean", "delete build output", alone clean
    ]

let usage () =
    printfn "dotnet fsi build.fsx TARGET [-- ARGS]\n"

    for name, purpose, _ in targets do
        printfn "  %-8s %s" name purpose

// Ctrl-C is for the program that runs; its exit code then is this script's.
Console.CancelKeyPress.Add(fun e -> e.Cancel <- true)

let exitCode =
    match List.ofArray fsi.CommandLineArgs |> List.tail with
    | [] ->
        usage ()
        0
    | name :: rest ->
        // F# Interactive keeps the first `--` for itself; other versions may pass it on.
        let arguments =
            match rest with
            | "--" :: arguments -> arguments
            | arguments -> arguments

        match targets |> List.tryFind (fun (target, _, _) -> target = name) with
        | None ->
            eprintfn "Unknown target '%s'.\n" name
            usage ()
            2
        | Some(_, _, action) ->
            try
                action arguments
                0
            with Failed exitCode ->
                exitCode

exit exitCode
