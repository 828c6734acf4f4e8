/// The F# layer: what a pipeline asks of the core, and what comes back.
module Collapse.Tests.ScriptingTests

open System
open System.IO
open System.Text.RegularExpressions
open Collapse.Engines
open Collapse.Scripting
open Expecto

let private scenario =
    Prior.power 600 52 0.1
    |> Scenario.fullySynthetic (samples = 30)
    |> Scenario.withContexts 40
    |> Scenario.withGenerations 50
    |> Scenario.withTraced 5

let private throwsArgument (part: string) (action: unit -> unit) =
    let error = Expect.throwsC action id
    Expect.stringContains error.Message part "the message helps"

[<Tests>]
let tests =
    testList
        "scripting"
        [
            test "every pipeline becomes the settings it reads like" {
                let settings =
                    Prior.zipf 1000 1.0
                    |> Scenario.partiallySynthetic (real = 7, samples = 9)
                    |> Scenario.withContexts 11
                    |> Scenario.untilCollapseWithin 13
                    |> Scenario.withSeed 17UL
                    |> Scenario.withTraced 3
                    |> Scenario.withThreads 2
                    |> Scenario.toSettings

                Expect.equal settings.Scenario.Name "partially-synthetic" "scenario"
                Expect.equal (nonNull settings.Prior).Specification "zipf:1000:1" "prior"
                Expect.equal settings.Real (Nullable 7) "N"
                Expect.equal settings.Samples (Nullable 9) "n"
                Expect.equal settings.Contexts (Nullable 11L) "contexts"
                Expect.equal settings.Generations (Nullable 13) "generations"
                Expect.isTrue settings.UntilCollapse "until collapse"
                Expect.equal settings.Seed 17UL "seed"
                Expect.equal settings.Trace 3 "traced"
                Expect.equal settings.Threads (Nullable 2) "threads"
            }
            test "a pipeline says which generations are reported" {
                let run = scenario |> Scenario.withReportsAt [ 1; 7; 20 ] |> Simulation.run

                Expect.equal run.Generations [| 1; 7; 20; 50 |] "those, and the last"

                Expect.equal
                    (Run.at 20 Quantity.Support run)
                    (Run.at 20 Quantity.Support (Simulation.run scenario))
                    "what every generation's report says of them"

                let run = scenario |> Scenario.withReportsPerDecade 2 |> Simulation.run
                Expect.equal run.Generations [| 1; 3; 10; 32; 50 |] "two a decade, and the last"
                throwsArgument "ascending" (fun () -> scenario |> Scenario.withReportsAt [ 2; 1 ] |> ignore)
                throwsArgument "at least one" (fun () -> scenario |> Scenario.withReportsAt [] |> ignore)
            }
            test "a custom schedule that says the same gives the same digest" {
                let custom =
                    Prior.power 600 52 0.1
                    |> Scenario.custom "mine" (fun m -> [ (m - 1, 30) ])
                    |> Scenario.withContexts 40
                    |> Scenario.withGenerations 50
                    |> Simulation.run

                let named = Simulation.run { scenario with Traced = 0 }
                Expect.equal custom[Quantity.SumOfSquares] named[Quantity.SumOfSquares] "one model, two spellings"
            }
            test "a softmax model is a few more lines of the pipeline" {
                let softmax =
                    scenario
                    |> Scenario.withGenerations 4
                    |> Scenario.withTemperature 0.9
                    |> Scenario.withTopP 0.95
                    |> Scenario.withTopK 40
                    |> Scenario.withRefit (Refit.gradientWithMomentum 20 1.5 0.25)
                    |> Scenario.withL2 0.125
                    |> Scenario.withEmbedding (Embedding.gaussian 6)

                let classifier = (Scenario.toSettings softmax).Classifier
                Expect.equal (string classifier.Refit) "gradient:20:1.5:0.25" "refit"
                Expect.equal (string classifier.Embedding) "gaussian:6" "embedding"
                Expect.equal classifier.L2 0.125 "penalty"
                let rule = classifier.Decoding
                Expect.equal (rule.Temperature, rule.TopK, rule.TopP) (0.9, Nullable 40, 0.95) "decoding"

                Expect.stringContains
                    (string softmax)
                    "refit gradient:20:1.5:0.25, L2 = 0.125, gaussian:6 contexts, T = 0.9, top-k 40, top-p 0.95, generations = 4"
                    "it says so"

                let run = Simulation.run softmax
                Expect.equal run.Result.Engine "cpu" "auto takes the cpu"

                for quantity in
                    [
                        Quantity.TrainingSupport
                        Quantity.StatisticalError
                        Quantity.FunctionalError
                    ] do
                    Expect.equal run[quantity].Length 4 $"{quantity}"
                    Expect.isTrue (run[quantity] |> Array.forall (fun v -> v > 0.0)) $"{quantity}"
                    Expect.equal (Run.trajectories quantity run).Length 5 "of single contexts too"

                Expect.isFalse scenario.Classifier.Embedding.IsShared "the scenario before is as it was"

                for name, refit in
                    [
                        "closed", Refit.closed
                        "smoothed:0.5", Refit.smoothed 0.5
                        "gradient:3:2", Refit.gradient 3 2.0
                        "newton:0.001", Refit.newton 1e-3
                    ] do
                    let changed = scenario |> Scenario.withRefit refit
                    Expect.equal (string (Scenario.toSettings changed).Classifier.Refit) name name
                    Expect.isFalse (Scenario.withEmbedding Embedding.oneHot changed).Classifier.Embedding.IsShared name
            }
            test "observed models are the run's own" {
                let models = ResizeArray<TrainedModel>()
                let run = scenario |> Simulation.observe models.Add
                Expect.equal run.Digest (Simulation.run scenario).Digest "the reference engine's digest is everyone's"

                for model in models do
                    Expect.equal (Seq.sum model.Counts.Values) model.Size "counts add up"

                let first = models |> Seq.filter (fun model -> model.Generation = 1)

                let support = first |> Seq.averageBy (fun model -> float model.Counts.Count)
                Expect.floatClose Accuracy.high (Run.at 1 Quantity.Support run) support "support of generation 1"
            }
            test "rows, frame, trajectories and collapse times tell the same" {
                let run = Simulation.run scenario
                let rows = Run.rows run
                Expect.equal (rows |> List.map _.Generation) [ 1..50 ] "all generations"
                let frame = Run.frame run
                Expect.equal frame.RowCount 50 "one row each"
                Expect.equal (frame["Support"].[50]) rows[49].Support "by generation"
                let lines = Run.trajectories Quantity.Support run
                Expect.equal lines.Length 5 "traced contexts"
                let collapsed = Run.collapseTimes run
                Expect.equal collapsed.Length (int run.Result.CollapseTimes.Count) "count"

                Expect.floatClose
                    Accuracy.high
                    (float collapsed.Length / 40.0)
                    rows[49].CollapsedFraction
                    "fraction at the end"
            }
            test "theory is laid over by name, what is vacuous is not" {
                let partial =
                    Prior.power 600 52 0.1 |> Scenario.partiallySynthetic (real = 100, samples = 10)

                let names quantity =
                    Theory.curves quantity 20 partial |> List.map _.Name

                Expect.equal (names Quantity.SumOfSquares) [ "S<sub>m</sub>, exact, (9)" ] "closed form"

                Expect.equal
                    (names Quantity.L1FromFirst)
                    [ "deviation, exact"; "sharp bound" ]
                    "Theorems 3 and 4 exceed 2"

                Expect.isEmpty (names Quantity.Entropy) "nothing known"

                let figure =
                    partial
                    |> Scenario.withGenerations 20
                    |> Simulation.run
                    |> Figure.trajectories Quantity.L1FromFirst
                    |> Figure.withTheory

                Expect.equal
                    (figure.Panels[0].Curves |> List.map _.Look)
                    [ Look.Strong; Look.Exact; Look.Sharp ]
                    "looks"
            }
            test "a bound is laid over where it says something, and there only" {
                let long =
                    Prior.power 600 52 0.1
                    |> Scenario.recentModels (window = 5, samples = 60)
                    |> Scenario.withContexts 10
                    |> Scenario.withGenerations 100

                let sharp =
                    Theory.curves Quantity.L1FromFirst 100 long
                    |> List.find (fun curve -> curve.Source = Source.Sharp)

                let table = (Theory.table 100 long).Generations

                for row, value in Seq.zip table sharp.Values do
                    let bound = row.L1FromFirst.Sharp.Value

                    if bound.Value >= 2.0 then
                        Expect.isTrue (Double.IsNaN value) $"no distance exceeds 2, m = {row.Generation}"
                    else
                        Expect.equal value bound.Value $"m = {row.Generation}"

                Expect.isTrue (Double.IsNaN sharp.Values[99]) "nothing at the end"
                Expect.isLessThan sharp.Values[9] 2.0 "something before"
                let last = sharp.Values |> Array.findIndexBack Double.IsFinite
                Expect.stringEnds (string sharp) $" at m = {last + 1}" "and the line about it ends there"
            }
            test "a mean collapse time and a histogram say over how many contexts of how many they are" {
                let run = scenario |> Simulation.run
                let time = Run.meanCollapseTime run
                Expect.equal (time.Collapsed, time.Contexts) (26L, 40L) "contexts"
                let times = Run.collapseTimes run |> Array.map float
                Expect.floatClose Accuracy.high time.Mean (Array.average times) "mean of the collapsed"

                let variance =
                    Array.sumBy (fun t -> (t - time.Mean) ** 2.0) times / float (times.Length - 1)

                Expect.floatClose
                    Accuracy.high
                    time.StandardError
                    (sqrt (variance / float times.Length))
                    "standard error"

                let title run =
                    (Figure.collapseTimes [ ("T", run) ]).Panels[0].Horizontal.Title

                Expect.equal (title run) "collapse time T (generations)<br>of 26 of 40 contexts" "some"

                let all = scenario |> Scenario.untilCollapse |> Simulation.run
                Expect.equal (title all) "collapse time T (generations)" "all"
                Expect.stringContains (string all) "collapsed: 40 of 40 contexts, mean T = " "all are"

                let none = scenario |> Scenario.withGenerations 1 |> Simulation.run
                Expect.equal (title none) "collapse time T (generations)" "none"
                Expect.isTrue (Double.IsNaN (Run.meanCollapseTime none).Mean) "no mean"
            }
            test "bounds of several runs are told apart by the run's name, exact values are not" {
                let run n =
                    Prior.power 600 52 0.1
                    |> Scenario.partiallySynthetic (real = 100, samples = n)
                    |> Scenario.withContexts 10
                    |> Scenario.withGenerations 5
                    |> Simulation.run

                let figure =
                    Figure.compare Quantity.L1FromFirst [ for n in [ 10; 20 ] -> $"n = {n}", run n ]
                    |> Figure.withTheory

                Expect.equal
                    (figure.Panels[0].Curves |> List.map _.Name)
                    [
                        "n = 10"
                        "n = 20"
                        "deviation, exact"
                        "sharp bound, n = 10"
                        "deviation, exact"
                        "sharp bound, n = 20"
                    ]
                    "names in the legend"
            }
            test "runs, priors, scenarios, devices, figures and tables print in these words" {
                let lines (text: string) =
                    Regex.Replace(text, @"in [0-9.]+ s \([0-9.,]+ M", "in # s (# M").Split '\n'
                    |> List.ofArray

                let settings = "fully-synthetic (n = 30, contexts = 40, generations = 50, seed = 1)"

                // The first model is not among the reported ones.
                let run =
                    scenario
                    |> Scenario.withEngine "cpu"
                    |> Scenario.withReportsAt [ 10; 30 ]
                    |> Simulation.run

                Expect.equal
                    (lines (Printed.run run))
                    [
                        settings + " from prior power:600:52:0.1: 600 tokens"
                        "  m = 10: S_m = 0.3723, support 4.5, entropy 1.200 nats"
                        "  m = 50: S_m = 0.8419, support 1.4, entropy 0.235 nats"
                        "  collapsed: 26 of 40 contexts, mean T over these only = 32.46 (sd 9.47)"
                        "  46,320 draws in # s (# M draws/s, cpu), digest 5803aa30e39a8e7f"
                    ]
                    "a run"

                let once =
                    scenario
                    |> Scenario.withEngine "cpu"
                    |> Scenario.withGenerations 1
                    |> Simulation.run

                Expect.equal
                    (lines (string once)).[1..]
                    [
                        "m = 1: S_m = 0.1389, support 14.9, entropy 2.360 nats"
                        "no context has collapsed"
                        "1,200 draws in # s (# M draws/s, cpu), digest 24a3a8d0ee28f60c"
                    ]
                    "one generation is told once"

                Expect.equal (string (Prior.uniform 5)) "prior uniform:5: 5 tokens" "one law"

                Expect.equal
                    (string (Prior.dirichlet 1_000 0.5))
                    "prior dirichlet:1000:0.5: 1,000 tokens, one law per context"
                    "many laws"

                let device reason =
                    string
                        {
                            Engine = "cuda:0"
                            Name = "sixteen lanes"
                            Reason = reason
                        }

                Expect.equal (device None) "cuda:0: sixteen lanes" "a device"
                Expect.equal (device (Some "no driver")) "cuda:0: not usable, no driver" "a missing one"

                Expect.equal
                    (string (Figure.trajectories Quantity.Support run |> Figure.withTheory))
                    $"figure '{settings}': 1 panel, 3 curves; see Figure.show and Figure.save"
                    "a figure"

                Expect.equal
                    (string (Figure.row "" (List.replicate 2 (Figure.collapseTimes [ "a", run ]))))
                    "figure: 2 panels, 2 curves; see Figure.show and Figure.save"
                    "without a title"

                Expect.equal
                    (lines (Printed.theory (Theory.table 50 scenario)))
                    [
                        "theory of 50 generations, E[T] = 54.947"
                        "  m = 1: S_m = 0.13, support 15.267, rho_m = 2.7258E-18, deviation 0"
                        "  m = 50: S_m = 0.83477, support 1.4905, rho_m = 0.54711, deviation 1.6464"
                    ]
                    "a table of theory"

                Expect.equal
                    (Theory.curves Quantity.CollapsedFraction 50 scenario |> List.map string)
                    [
                        "ρ_m, exact: 2.7258E-18 at m = 1 to 0.54711 at m = 50"
                        "(7) above: 0.11294 at m = 1 to 0.83153 at m = 50"
                    ]
                    "theory's curves, a vacuous bound left out"

                Expect.equal
                    (string (Figure.curve Look.Dots 0 "here" [ (1.0, 2.0) ]))
                    "curve 'here': 1 point, dots"
                    "a curve"

                let frame = Run.frame run

                Expect.equal
                    (lines (Printed.frame frame) |> List.map _.TrimEnd())
                    [
                        "      SumOfSquares MaxProbability Support Entropy L1FromFirst L1FromTruth UnseenMass CollapsedFraction"
                        "  10 -> 0.37228      0.49167        4.525   1.1997  1.1533      1.3768      0.63804    0"
                        "  30 -> 0.71894      0.78583        1.95    0.44843 1.5683      1.6777      0.81782    0.3"
                        "  50 -> 0.84194      0.86917        1.4     0.23492 1.655       1.7399      0.86677    0.65"
                    ]
                    "a frame, with five digits"

                Expect.equal (frame["Entropy"].[10]) run[Quantity.Entropy].[0] "which keeps them all"
            }
            test "what cannot be is refused with its remedy" {
                throwsArgument
                    "generation 51 is not among the 50 reported ones, from 1 to 50: see Scenario.withGenerations"
                    (fun () -> Simulation.run scenario |> Run.at 51 Quantity.Support |> ignore)

                throwsArgument "one law for all contexts" (fun () ->
                    Theory.table 5 (Prior.dirichlet 3 1.0 |> Scenario.fullySynthetic (samples = 5))
                    |> ignore)

                throwsArgument "Scenario.withRefit" (fun () ->
                    (Simulation.run scenario).[Quantity.FunctionalError] |> ignore)

                Expect.isEmpty (Run.trajectories Quantity.FunctionalError (Simulation.run scenario)) "none there"
                let early = scenario |> Scenario.withRefit (Refit.gradient 5 1.0)
                throwsArgument "closed refits" (fun () -> Theory.table 5 early |> ignore)
                throwsArgument "closed refits" (fun () -> Theory.collapseTime early |> ignore)
                throwsArgument "--engine reference" (fun () -> Simulation.observe ignore early |> ignore)

                throwsArgument "--embedding onehot" (fun () ->
                    scenario
                    |> Scenario.withEmbedding (Embedding.gaussian 3)
                    |> Simulation.run
                    |> ignore)

                throwsArgument "Corpus.withHeldOut" (fun () ->
                    (Simulation.run scenario).[Quantity.HeldOutUnseen] |> ignore)

                throwsArgument ".html, .png or .svg" (fun () ->
                    Simulation.run scenario
                    |> Figure.trajectories Quantity.Support
                    |> Figure.save "x.pdf"
                    |> ignore)
            }
            test "images need a browser: a wrong one is named, with who names it, what is wrong and the remedy" {
                let folder = (Directory.CreateTempSubdirectory "collapse-browsers").FullName

                let program name (text: string) mode =
                    let path = Path.Combine(folder, name)
                    File.WriteAllText(path, text)

                    if not (OperatingSystem.IsWindows()) then
                        File.SetUnixFileMode(path, mode)

                    path

                let run = UnixFileMode.UserRead ||| UnixFileMode.UserExecute
                let figure = Figure.ofCurves "x" "y" [ Figure.curve Look.Strong 0 "" [ 1.0, 1.0 ] ]

                let message () =
                    let error =
                        Expect.throwsC (fun () -> figure |> Figure.save (Path.Combine(folder, "x.png")) |> ignore) id

                    Expect.stringContains error.Message "Debian: apt-get install chromium" "the remedy"
                    Expect.stringContains error.Message "Figure.save with .html" "what works without"
                    error.Message

                let before, variable = Chromium.path, "COLLAPSE_CHROMIUM"
                let variableBefore = Environment.GetEnvironmentVariable variable

                try
                    for path, wrong in
                        [
                            "/nowhere/chromium", "names '/nowhere/chromium', and there is no such file."
                            folder, $"names '{folder}', which is a folder."

                            if not (OperatingSystem.IsWindows()) then
                                let mute = program "mute" "" UnixFileMode.UserRead
                                mute, $"names '{mute}', which does not start: "
                                let other = program "other" "#!/bin/sh\necho no such option >&2\nexit 3\n" run
                                other, $"names '{other}', which ended with exit code 3: no such option."
                                let idle = program "idle" "#!/bin/sh\n" run
                                idle, $"names '{idle}', which opened no page."
                                let echo = program "echo" "#!/bin/sh\necho \"$@\"\n" run
                                echo, $"names '{echo}', which drew no image."
                        ] do
                        Chromium.path <- Some path
                        Expect.stringStarts (message ()) ("Chromium.path " + wrong) "by Chromium.path"
                        Chromium.path <- None
                        Environment.SetEnvironmentVariable(variable, path)

                        Expect.stringStarts
                            (message ())
                            ("The environment variable COLLAPSE_CHROMIUM " + wrong)
                            "by the environment variable"

                    Environment.SetEnvironmentVariable(variable, null)
                    let folders = Environment.GetEnvironmentVariable "PATH"

                    try
                        Environment.SetEnvironmentVariable("PATH", folder)
                        Expect.stringStarts (message ()) "No browser was found." "none at all"
                    finally
                        Environment.SetEnvironmentVariable("PATH", folders)
                finally
                    Chromium.path <- before
                    Environment.SetEnvironmentVariable(variable, variableBefore)
                    Directory.Delete(folder, true)
            }
            test "a figure becomes a PNG and an SVG image" {
                if (Chromium.tryFind ()).IsNone then
                    skiptest "no Chromium on this machine (Debian: apt-get install chromium)"

                let figure = Simulation.run scenario |> Figure.trajectories Quantity.Support
                let folder = (Directory.CreateTempSubdirectory "collapse-images").FullName
                let png = Figure.save (Path.Combine(folder, "figure.png")) figure
                Expect.equal (File.ReadAllBytes png).[1..3] "PNG"B "a PNG file"
                let svg = File.ReadAllText(Figure.save (Path.Combine(folder, "figure.svg")) figure)
                Expect.stringStarts svg "<svg" "an SVG file"
                Expect.stringContains svg "support (tokens)" "with its axis"
                Directory.Delete(folder, true)
            }
        ]
    |> testSequenced
