module Collapse.Tests.RunFolderTests

open System
open System.Collections.Generic
open System.IO
open System.Text.Json
open System.Threading
open System.Threading.Tasks
open Expecto
open Parquet.Schema
open Collapse
open Collapse.Corpora
open Collapse.Engines
open Collapse.Engines.Cpu
open Collapse.Model
open Collapse.Priors
open Collapse.Results
open Collapse.Results.Files
open Collapse.Running
open Collapse.Softmax
open Collapse.Softmax.Refit
open Collapse.Tests.DuckDb
open Collapse.Tests.Texts

// ---- runs and folders

let private observables = List.ofSeq Observables.Names

/// Settings of runs with a prior that differ from one another here and there.
type private Settings =
    static member WithPrior(?prior, ?scenario, ?contexts, ?samples, ?generations, ?trace, ?chunk) =
        RunSettings(
            Scenario = defaultArg scenario Scenario.FullySynthetic,
            Prior = defaultArg prior (PriorParser.Parse "zipf:30:1.0"),
            Contexts = defaultArg contexts 300L,
            Samples = defaultArg samples 12,
            Generations = defaultArg generations 25,
            Trace = defaultArg trace 3,
            Chunk = defaultArg chunk 64,
            Seed = UInt64.MaxValue
        )

let private withPrior = Settings.WithPrior()

let private text =
    "the cat \"sat\" on the mat\nand the dog, 'Rex', sat on the cat 😀 "
    + String('x', 40)

let private withCorpus path =
    let corpus = Corpus.Read(path, "chars", 2)

    RunSettings(
        Scenario = Scenario.FullySynthetic,
        Corpus = corpus,
        HeldOut = corpus.ReadHeldOut path,
        Generations = 20,
        Trace = 2
    )

/// What a run in a folder gave: its results, and the tables that came by.
type private Kept =
    {
        Folder: string
        Result: RunResult
        Tables: ContextTable list
    }

let private runWith (afterChunk: unit -> unit) (cancellation: CancellationToken) folder (settings: RunSettings) =
    use engine: IEngine =
        if settings.Classifier.IsClosedForm then
            new CpuEngine(2)
        else
            new SoftmaxEngine(2)

    let simulation = Simulation.Prepare(settings, engine)
    let runFolder = RunFolder.Create(folder, RunProvenance.Now(simulation.Plan, engine))
    let tables = List<ContextTable>()

    let take (table: ContextTable) =
        tables.Add table
        runFolder.Add table
        afterChunk ()

    let result = simulation.Run(take, cancellation)
    runFolder.Complete result

    {
        Folder = folder
        Result = result
        Tables = List.ofSeq tables
    }

let private run folder settings =
    runWith ignore CancellationToken.None folder settings

let private priorRun =
    fun body -> inFolder (fun folder -> body (run (Path.Combine(folder, "run")) withPrior))

let private corpusRun =
    fun body -> withText text (fun path -> body (run (path + ".run") (withCorpus path)))

let private jsonOf folder =
    JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "run.json"))).RootElement

// ---- tables as DuckDB sees them

let private quoted folder name =
    let path: string = Path.Combine(folder, name)
    $"""'{path.Replace("'", "''")}'"""

let private file folder name = $"read_parquet({quoted folder name})"

let private rows folder name (columns: string list) order =
    let list = columns |> List.map (fun c -> $"\"{c}\"") |> String.concat ", "
    query $"select {list} from {file folder name} order by {order}"

/// A number as a cell of a table.
let private cell (value: 'a) : obj = nonNull (box value)

let private nullable value : obj =
    if Double.IsNaN value then DBNull.Value else value

let private columnsOf folder name =
    query $"describe select * from {file folder name}"
    |> List.map (fun row -> string row[0], string row[1])

// ---- contexts, generations and traces

let private expectedContexts (settings: RunSettings) (tables: ContextTable list) : obj list list =
    [
        for table in tables do
            for i in 0 .. table.Count - 1 do
                let collapsed = table.Values[int Observable.MaxProbability][i] = 1.0

                [
                    cell (table.FirstContext + int64 i)
                    table.Samples[i]
                    table.Real[i]
                    table.LastGeneration[i]
                    if table.CollapseTime[i] > 0 then
                        table.CollapseTime[i]
                    else
                        DBNull.Value
                    if collapsed then table.Token[i] else DBNull.Value
                    table.Token[i]
                    for column in table.Values do
                        nullable column[i]
                    match settings.Corpus with
                    | null -> ()
                    | corpus ->
                        corpus.ContextText(int table.FirstContext + i)
                        corpus.TokenText table.Token[i]
                ]
    ]

let private contextColumns =
    [
        "context"
        "samples"
        "real"
        "lastGeneration"
        "collapseTime"
        "survivor"
        "token"
    ]
    @ observables

let private expectedGenerations (result: RunResult) : obj list list =
    [
        for i in 0 .. result.Generation.Length - 1 do
            [
                cell result.Generation[i]
                result.Contexts[i]
                result.CollapsedFraction[i]
                for series in result.Series do
                    nullable series.Mean[i]
                    nullable series.StandardDeviation[i]
                    nullable series.Minimum[i]
                    nullable series.Maximum[i]

                    for quantile in series.Quantiles do
                        nullable quantile[i]

                    if result.Plan.IsCorpus then
                        nullable series.TokenWeightedMean[i]
                match result.HeldOut with
                | null -> ()
                | heldOut ->
                    nullable heldOut.CrossEntropy[i]
                    nullable heldOut.CoveredCrossEntropy[i]
                    nullable heldOut.Unseen[i]
            ]
    ]

let private generationColumns isCorpus =
    [
        yield! [ "generation"; "contexts"; "collapsedFraction" ]
        for name in observables do
            for part in [ "mean"; "sd"; "min"; "max"; "q05"; "q25"; "q50"; "q75"; "q95" ] do
                $"{name}_{part}"

            if isCorpus then
                $"{name}_tokenWeightedMean"
        if isCorpus then
            yield! [ "heldOut_crossEntropy"; "heldOut_coveredCrossEntropy"; "heldOut_unseen" ]
    ]

let private expectedTrace (result: RunResult) : obj list list =
    [
        for row in result.Trace do
            [
                cell row.Context
                row.Generation
                row.Size
                row.Token
                for value in row.Values do
                    nullable value
            ]
    ]

let private traceColumns =
    [ "context"; "generation"; "trainingTokens"; "token" ] @ observables

/// Runs these settings into a new folder: an independent reader finds there what the run gave, cell by cell.
let expectTables folder (settings: RunSettings) =
    let kept = run folder settings
    let result = kept.Result

    let texts =
        if result.Plan.IsCorpus then
            [ "contextText"; "tokenText" ]
        else
            []

    Expect.equal
        (rows folder "contexts.parquet" (contextColumns @ texts) "context")
        (expectedContexts settings kept.Tables)
        "contexts"

    Expect.equal
        (rows folder "generations.parquet" (generationColumns result.Plan.IsCorpus) "generation")
        (expectedGenerations result)
        "generations"

    Expect.equal (rows folder "trace.parquet" traceColumns "context, generation") (expectedTrace result) "trace"

let private tableTests =
    [
        for name, settingsRun, texts in
            [
                "a prior", priorRun, []
                "a corpus", corpusRun, [ "contextText"; "tokenText" ]
            ] do
            test $"contexts.parquet holds what is known of each context of {name}" {
                settingsRun (fun kept ->
                    let columns = contextColumns @ texts
                    let found = rows kept.Folder "contexts.parquet" columns "context"
                    Expect.equal found (expectedContexts kept.Result.Plan.Settings kept.Tables) "row by row"
                    Expect.equal (columnsOf kept.Folder "contexts.parquet" |> List.map fst) columns "columns"
                    Expect.equal (int64 found.Length) kept.Result.Plan.Contexts "every context counted")
            }

            test $"generations.parquet holds the results of {name}" {
                settingsRun (fun kept ->
                    let columns = generationColumns (name = "a corpus")
                    let found = rows kept.Folder "generations.parquet" columns "generation"
                    Expect.equal found (expectedGenerations kept.Result) "row by row"
                    Expect.equal (columnsOf kept.Folder "generations.parquet" |> List.map fst) columns "columns")
            }

            test $"trace.parquet holds the traced contexts of {name}" {
                settingsRun (fun kept ->
                    let found = rows kept.Folder "trace.parquet" traceColumns "context, generation"
                    Expect.isNonEmpty found "something was traced"
                    Expect.equal found (expectedTrace kept.Result) "row by row")
            }
        test "all columns are plain integers, doubles and texts" {
            corpusRun (fun kept ->
                for name in [ "contexts"; "generations"; "trace" ] do
                    for column, kind in columnsOf kept.Folder $"{name}.parquet" do
                        Expect.contains [ "BIGINT"; "INTEGER"; "DOUBLE"; "VARCHAR" ] kind $"{name}.{column}")
        }
        test "a run without traces leaves a trace.parquet without rows" {
            inFolder (fun folder ->
                let kept = run (Path.Combine(folder, "run")) (Settings.WithPrior(trace = 0))
                Expect.isEmpty (rows kept.Folder "trace.parquet" traceColumns "context") "no rows, all columns")
        }
        test "contexts.parquet grows by row groups of bounded size" {
            inFolder (fun folder ->
                let settings =
                    Settings.WithPrior(contexts = 140_000L, samples = 1, generations = 1, chunk = 50_000)

                let kept = run (Path.Combine(folder, "run")) settings

                let path = quoted kept.Folder "contexts.parquet"

                let groups =
                    query $"select distinct row_group_id, row_group_num_rows from parquet_metadata({path}) order by 1"

                Expect.equal
                    (groups |> List.map (fun row -> Convert.ToInt64 row[1]))
                    [ 131_072L; 8_928L ]
                    "rows of each group")
        }
        test "every table's footer says what run it is from" {
            priorRun (fun kept ->
                for name in [ "contexts"; "generations"; "trace" ] do
                    let path = quoted kept.Folder $"{name}.parquet"

                    let description =
                        query $"select decode(value) from parquet_kv_metadata({path}) where decode(key) = 'collapse'"

                    let json = JsonDocument.Parse(string (List.head description[0])).RootElement
                    Expect.equal (json.GetProperty("digest").GetString()) kept.Result.Digest "digest"
                    Expect.equal (json.GetProperty("seed").GetUInt64()) UInt64.MaxValue "seed"
                    Expect.equal (json.GetProperty("parameters").GetProperty("samples").GetInt32()) 12 "n")
        }
    ]

// ---- the record of the run

let private members (json: JsonElement) =
    [ for m in json.EnumerateObject() -> m.Name ]

let private recordTests =
    [
        test "run.json holds the --json object and what it takes to run it again" {
            corpusRun (fun kept ->
                let json = jsonOf kept.Folder
                let printed = JsonDocument.Parse(RunJson.Serialize kept.Result).RootElement

                for name in members printed do
                    Expect.equal
                        (JsonSerializer.Serialize(json.GetProperty name))
                        (JsonSerializer.Serialize(printed.GetProperty name))
                        name

                for name in
                    [
                        "version"
                        "status"
                        "started"
                        "command"
                        "workingDirectory"
                        "parameters"
                        "machine"
                    ] do
                    Expect.contains (members json) name "more than the printed object"

                Expect.equal (json.GetProperty("status").GetString()) "complete" "status"
                let machine = json.GetProperty "machine"
                Expect.equal (machine.GetProperty("cores").GetInt32()) Environment.ProcessorCount "cores"
                Expect.isGreaterThan (machine.GetProperty("memoryBytes").GetInt64()) 0L "memory")
        }
        test "the folder holds these files and no others" {
            priorRun (fun kept ->
                Expect.equal
                    (Directory.GetFileSystemEntries kept.Folder
                     |> Array.map Path.GetFileName
                     |> Array.sort)
                    [| "contexts.parquet"; "generations.parquet"; "run.json"; "trace.parquet" |]
                    "nothing temporary is left")
        }
        test "a run that only code can make has no command" {
            let settings = Settings.WithPrior(prior = PriorParser.FromWeights [| 1.0; 2.0 |])
            Expect.isNull (CommandText.For(settings, "cpu")) "weights given in code"

            let settings =
                Settings.WithPrior(scenario = Scenario.Custom("mine", fun _ -> [ struct (0, 1) ]))

            Expect.isNull (CommandText.For(settings, "cpu")) "a schedule given in code"
        }
        test "the command quotes what a shell would take apart" {
            withBytes [| 49uy; 10uy |] (fun path ->
                let spaced = Path.Combine(Path.GetDirectoryName path |> nonNull, "it's a file")
                File.Move(path, spaced)
                let settings = Settings.WithPrior(prior = PriorParser.Parse $"file:{spaced}")
                let expected = spaced.Replace("'", @"'\''")

                Expect.stringContains
                    (CommandText.For(settings, "cpu") |> nonNull)
                    $"--prior 'file:{expected}'"
                    "quoted")
        }
    ]

// ---- runs that end early

/// A column whose rows cannot be written, as when the disk is full.
type private BrokenColumn() =
    inherit ParquetColumn(DataField<int>("broken"))
    member val IsBroken = false with get, set

    override column.WriteAsync group =
        if column.IsBroken then
            raise (IOException "No space left on device")
        else
            group.WriteAsync<int>(column.Field, ReadOnlyMemory [| 1; 2 |])

    override _.Clear() = ()

let private earlyTests =
    [
        test "an interrupted run keeps the contexts that were trained" {
            inFolder (fun folder ->
                use source = new CancellationTokenSource()

                let kept =
                    runWith source.Cancel source.Token (Path.Combine(folder, "run")) withPrior

                Expect.equal kept.Result.Status RunStatus.Interrupted "status"
                Expect.equal ((jsonOf kept.Folder).GetProperty("status").GetString()) "interrupted" "run.json"
                let found = rows kept.Folder "contexts.parquet" contextColumns "context"
                Expect.equal found (expectedContexts withPrior kept.Tables) "one chunk"
                Expect.equal (int64 found.Length) (kept.Result.TrainedContexts()) "as many as the results count"

                let found =
                    rows kept.Folder "generations.parquet" (generationColumns false) "generation"

                Expect.equal found (expectedGenerations kept.Result) "generations")
        }
        test "contexts that an interruption left untrained are not in contexts.parquet" {
            inFolder (fun folder ->
                use source = new CancellationTokenSource()
                use engine = new CpuEngine(1)
                let simulation = Simulation.Prepare(withPrior, engine)
                let path = Path.Combine(folder, "run")
                let runFolder = RunFolder.Create(path, RunProvenance.Now(simulation.Plan, engine))

                let take (table: ContextTable) =
                    table.LastGeneration[5] <- 0
                    runFolder.Add table
                    source.Cancel()

                runFolder.Complete(simulation.Run(take, source.Token))

                let found =
                    rows path "contexts.parquet" [ "context" ] "context" |> List.map List.head

                Expect.equal
                    found
                    [
                        for i in 0L .. 63L do
                            if i <> 5L then
                                cell i
                    ]
                    "all but the sixth")
        }
        test "the collapsed fraction of an interrupted run is one of the contexts behind each row" {
            let settings generations =
                Settings.WithPrior(
                    prior = PriorParser.Parse "uniform:2",
                    samples = 3,
                    contexts = 40L,
                    chunk = 20,
                    generations = generations
                )

            use source = new CancellationTokenSource()
            use cpu = new CpuEngine(1)
            let early = Planner.Plan(settings 3)

            // The second chunk is interrupted after generation 3.
            use engine =
                { new IEngine with
                    member _.Name = "early"
                    member _.Device = "none"
                    member _.ChunkCapacity _ = Int32.MaxValue
                    member _.HostBytes(_, _) = 0.0

                    member _.Train(plan, chunk, cancellation) =
                        if chunk.First = 0L then
                            cpu.Train(plan, chunk, cancellation)
                        else
                            cpu.Train(early, chunk, cancellation)
                            source.Cancel()

                    member _.Dispose() = ()
                }

            let tables = List<ContextTable>()
            let simulation = Simulation.Prepare(settings 6, engine)
            let result = simulation.Run((fun table -> tables.Add table), source.Token)

            let collapsed (table: ContextTable) =
                table.CollapseTime |> Seq.filter (fun time -> time > 0) |> Seq.length

            Expect.equal (result.Contexts[0], result.Contexts[5]) (40L, 20L + int64 (collapsed tables[1])) "contexts"
            Expect.isLessThan result.Contexts[5] 40L "some were interrupted"

            let fraction =
                float (collapsed tables[0] + collapsed tables[1]) / float result.Contexts[5]

            Expect.equal result.CollapsedFraction[5] fraction "of those that are there"
        }
        test "a failed run keeps the contexts that are done and says why" {
            inFolder (fun folder ->
                use engine = new ReferenceEngine()
                let simulation = Simulation.Prepare(withPrior, engine)
                let path = Path.Combine(folder, "run")
                let runFolder = RunFolder.Create(path, RunProvenance.Now(simulation.Plan, engine))
                let mutable chunks = 0

                let take table =
                    chunks <- chunks + 1

                    if chunks = 3 then
                        failwith "the device is gone"

                    runFolder.Add table

                let failure = Expect.throwsC (fun () -> simulation.Run take |> ignore) id
                runFolder.Fail failure.Message
                let json = jsonOf path
                Expect.equal (json.GetProperty("status").GetString()) "failed" "status"
                Expect.equal (json.GetProperty("message").GetString()) "the device is gone" "message"
                Expect.equal (json.GetProperty("digest").ValueKind) JsonValueKind.Null "no digest"
                Expect.equal (json.GetProperty("parameters").GetProperty("samples").GetInt32()) 12 "n"

                let found =
                    rows path "contexts.parquet" [ "context" ] "context" |> List.map List.head

                Expect.equal found [ for i in 0L .. 127L -> cell i ] "two chunks")
        }
        test "a row group that cannot be written costs none of those before it" {
            inFolder (fun folder ->
                let column = BrokenColumn()
                let table = ParquetTable(folder, "table.parquet", [ column :> ParquetColumn ])
                table.Flush()
                table.Flush()
                column.IsBroken <- true
                Expect.throwsT<IOException> table.Flush "the disk is full"
                column.IsBroken <- false
                table.Flush()
                table.Complete "{}"
                let found = rows folder "table.parquet" [ "broken" ] "1" |> List.map List.head
                Expect.equal found [ for value in [ 1; 1; 1; 2; 2; 2 ] -> cell value ] "three groups of two rows")
        }
        test "before it is complete a table is a whole file under a temporary name" {
            inFolder (fun folder ->
                let table =
                    ParquetTable(folder, "table.parquet", [ BrokenColumn() :> ParquetColumn ])

                table.Flush()
                Expect.isFalse (File.Exists(Path.Combine(folder, "table.parquet"))) "not there yet"
                Expect.equal (rows folder ".table.parquet.partial" [ "broken" ] "1").Length 2 "readable")
        }
    ]

// ---- folders that cannot be

let private refuse path =
    refusal (fun () -> RunFolder.RequireNew path)

let private refusalTests =
    [
        test "an existing folder or file is refused and stays as it is" {
            withText "mine" (fun path ->
                for existing in [ path; Path.GetDirectoryName path |> nonNull; "" ] do
                    if existing <> "" then
                        Expect.equal
                            (refuse existing)
                            $"--out {existing}: must not exist yet: a run folder is never overwritten; name a new folder, or move this one away"
                            "message"

                Expect.equal (File.ReadAllText path) "mine" "untouched")
        }
        test "a folder under a file is refused" {
            withText "mine" (fun path ->
                let below = Path.Combine(path, "deep", "run")

                Expect.equal
                    (refuse below)
                    $"--out {below}: must be a folder that can be created, and cannot: {path} is a file; name a folder in a place you can write to"
                    "message"

                Expect.equal (File.ReadAllText path) "mine" "untouched")
        }
        test "a folder in a place without permission is refused" {
            if not (OperatingSystem.IsLinux()) then
                skiptest "needs /proc, where not even the superuser can write"

            Expect.equal
                (refuse "/proc/run")
                "--out /proc/run: must be a folder that can be created, and cannot: no file can be written in /proc; name a folder in a place you can write to"
                "message"
        }
        test "an empty name is refused" {
            Expect.equal (refuse "") "--out '': must name a folder; give a path that does not exist yet" "message"
        }
        test "asking leaves nothing behind, and folders above are created with the run" {
            inFolder (fun folder ->
                let path = Path.Combine(folder, "new", "deep", "run")
                RunFolder.RequireNew path
                Expect.isEmpty (Directory.GetFileSystemEntries folder) "nothing"
                run path withPrior |> ignore
                Expect.isTrue (File.Exists(Path.Combine(path, "run.json"))) "written"
                Expect.isNotEmpty (refuse path) "a second run is refused")
        }
    ]

// ---- docs/run-folder.md

/// The names in the first column of the table below a heading.
let private documented heading =
    File.ReadAllLines(Path.Combine(Repository.root, "docs/run-folder.md"))
    |> Seq.skipWhile (fun line -> line <> $"## {heading}")
    |> Seq.skip 1
    |> Seq.takeWhile (fun line -> not (line.StartsWith "## "))
    |> Seq.filter (fun line -> line.StartsWith "| `")
    |> Seq.map (fun line -> line.Split('`')[1])
    |> List.ofSeq

let private documentTests =
    [
        test "every column is documented, and every documented column is written" {
            let softmax =
                RunSettings(
                    Scenario = Scenario.FullySynthetic,
                    Prior = PriorParser.Parse "zipf:9:1.0",
                    Contexts = 3L,
                    Samples = 8,
                    Generations = 3,
                    Trace = 1,
                    Classifier = Classifier(Refit = RefitMethod.Parse "smoothed:0.5")
                )

            let names = documented "Observables"

            let expand (column: string) =
                if column.StartsWith "OBSERVABLE" then
                    names |> List.map (fun name -> column.Replace("OBSERVABLE", name))
                else
                    [ column ]

            inFolder (fun folder ->
                withText text (fun path ->
                    let folders =
                        [
                            (run (Path.Combine(folder, "softmax")) softmax).Folder
                            (run (Path.Combine(folder, "corpus")) (withCorpus path)).Folder
                        ]

                    for file in [ "generations.parquet"; "contexts.parquet"; "trace.parquet" ] do
                        let written =
                            folders
                            |> List.collect (fun f -> columnsOf f file |> List.map fst)
                            |> Set.ofList

                        let said = documented file |> List.collect expand |> Set.ofList
                        // The run of softmax models is not one of a corpus.
                        let elsewhere =
                            List.skip Observables.Count names
                            |> List.map (fun name -> $"{name}_tokenWeightedMean")

                        Expect.equal written (said - Set.ofList elsewhere) file))
        }
    ]

[<Tests>]
let tests =
    testList
        "run folder"
        [
            testList "document" documentTests
            testList "tables" tableTests
            testList "record" recordTests
            testList "early ends" earlyTests
            testList "refusals" refusalTests
        ]
