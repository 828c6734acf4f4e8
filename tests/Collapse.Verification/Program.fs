/// `dotnet fsi build.fsx verify`: the catalogue at full effort, with a report.
module Collapse.Verification.Program

open System
open System.Diagnostics
open System.IO
open System.Security.Cryptography

type Options =
    {
        Help: bool
        List: bool
        Tables: bool
        Defects: bool
        Filter: string
        Effort: Effort
        Seed: uint64
        Out: string
    }

let private usage =
    """Puts every claim of docs/verification.md to the test and writes a report.

  --list          list the checks, and run none
  --filter TEXT   only the checks whose name contains TEXT
  --effort E      small (as in the test suite) or full; full where not given
  --seed N        a whole number; 1 where not given
  --fresh-seed    a seed that nobody has seen
  --no-defects    leave out the planted defects
  --out FOLDER    where the report goes; artifacts/verification where not given
  --tables        print the tables of docs/verification.md, and run no check

The exit code is 1 where a check fails or a planted defect is missed, 2 for bad input."""

let defaults =
    {
        Help = false
        List = false
        Tables = false
        Defects = true
        Filter = ""
        Effort = Effort.full
        Seed = 1UL
        Out = Path.Combine("artifacts", "verification")
    }

let rec parse options args =
    match args with
    | [] -> Ok options
    | "--list" :: rest -> parse { options with List = true } rest
    | "--help" :: rest -> parse { options with Help = true } rest
    | "--tables" :: rest -> parse { options with Tables = true } rest
    | "--no-defects" :: rest -> parse { options with Defects = false } rest
    | "--filter" :: filter :: rest -> parse { options with Filter = filter } rest
    | "--effort" :: "small" :: rest -> parse { options with Effort = Effort.small } rest
    | "--effort" :: "full" :: rest -> parse { options with Effort = Effort.full } rest
    | "--effort" :: other :: _ -> Error $"--effort '{other}' must be small or full"
    | "--out" :: folder :: rest -> parse { options with Out = folder } rest
    | "--fresh-seed" :: rest ->
        let seed = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes 8, 0) >>> 1
        parse { options with Seed = seed } rest
    | "--seed" :: seed :: rest ->
        match UInt64.TryParse seed with
        | true, seed -> parse { options with Seed = seed } rest
        | _ -> Error $"--seed '{seed}' must be a whole number from 0 to {UInt64.MaxValue}"
    | other :: _ -> Error $"'{other}' is no option, or lacks its value"

let private tell (out: TextWriter) (verdict: Verdict) =
    let word = if verdict.Passed then "passed" else "FAILED"

    let p =
        if verdict.Check.Alpha = 0.0 then
            "exact"
        else
            "p " + Report.short verdict.SmallestP

    fprintfn
        out
        "%-7s %-40s %5d comparisons  %-10s %6.1f s"
        word
        verdict.Check.Name
        verdict.Evidence.Findings.Length
        p
        verdict.Elapsed.TotalSeconds

    for complaint in verdict.Complaints do
        fprintfn out "        %s" complaint

/// Runs jobs on all cores and tells of each as it ends; the results keep the order.
let private inParallel (run: 'a -> 'b) (tell: 'b -> unit) (jobs: 'a list) =
    let told = obj ()

    jobs
    |> Array.ofList
    |> Array.Parallel.map (fun job ->
        let result = run job
        lock told (fun () -> tell result)
        result)
    |> List.ofArray

/// Runs checks and the planted defects that they must reject, writes the report, and gives the exit code.
let run (out: TextWriter) world options checks =
    let clock = Stopwatch.StartNew()
    let again = $"--effort {options.Effort.Name} --seed {options.Seed}"
    out.WriteLine $"{List.length checks} checks, {again}\n"

    let verdicts =
        checks |> inParallel (Check.run world options.Effort options.Seed) (tell out)

    let planted =
        if options.Defects then
            Defects.all
            |> List.filter (fun defect -> checks |> List.exists (fun check -> check.Name = defect.RejectedBy))
            |> inParallel (fun defect -> defect, Defects.judge options.Seed defect) (fun (defect, verdict) ->
                if verdict.Passed then
                    out.WriteLine $"MISSED  planted defect '{defect.Name}' by {defect.RejectedBy}")
        else
            []

    Directory.CreateDirectory options.Out |> ignore
    let path = Path.Combine(options.Out, "verification.html")
    File.WriteAllText(path, Report.page options.Effort options.Seed clock.Elapsed verdicts planted)

    let failed = verdicts |> List.filter (fun it -> not it.Passed) |> List.length
    let missed = planted |> List.filter (fun (_, it) -> it.Passed) |> List.length

    out.WriteLine
        $"\n{verdicts.Length - failed} checks passed, {failed} failed; {planted.Length - missed} planted defects rejected, {missed} missed; {clock.Elapsed.TotalSeconds:F0} s"

    out.WriteLine $"report: {path}"

    if failed = 0 && missed = 0 then
        0
    else
        out.WriteLine $"again: dotnet fsi build.fsx verify -- {again}"
        1

[<EntryPoint>]
let main args =
    match parse defaults (List.ofArray args) with
    | Error message ->
        eprintfn $"{message}\n\n{usage}"
        2
    | Ok options when options.Help ->
        printfn $"{usage}"
        0
    | Ok options when options.Tables ->
        printfn $"{Report.table ()}\n\n{Report.defects ()}"
        0
    | Ok options ->
        match Catalogue.matching options.Filter with
        | [] ->
            eprintfn $"no check's name contains '{options.Filter}'; --list shows them"
            2
        | checks when options.List ->
            for check in checks do
                printfn $"{check.Name, -40} {check.Claim}"

            0
        | checks -> run Console.Out Product.world options checks
