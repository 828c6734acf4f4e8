namespace Collapse.Scripting

open System
open System.Diagnostics
open System.Threading.Tasks
open Collapse.Engines
open Collapse.Results
open Spectre.Console

type internal CoreSimulation = Collapse.Running.Simulation

/// <summary>A device that could do a run, or the reason why it cannot.</summary>
type Device =
    {
        /// <summary>The name for <c>Scenario.withEngine</c>.</summary>
        Engine: string
        /// <summary>The device, in words.</summary>
        Name: string
        /// <summary>Why it cannot be used; none where it can.</summary>
        Reason: string option
    }

    /// <summary>One line.</summary>
    override device.ToString() =
        match device.Reason with
        | None -> $"{device.Engine}: {device.Name}"
        | Some reason -> $"{device.Engine}: not usable, {reason}"

/// <summary>What this machine can run on.</summary>
[<RequireQualifiedAccess>]
module Devices =
    /// <summary>All devices, usable ones and others.</summary>
    let list () =
        [
            for engine in EngineCatalog.List() ->
                {
                    Engine = engine.Name
                    Name = engine.Device
                    Reason = Option.ofObj engine.Reason
                }
        ]

/// <summary>A bar on a terminal; otherwise a line now and then, and nothing of what is soon done.</summary>
module internal Progress =
    let private barAfter = 200
    let private lineEvery = 10_000

    let private isDone (milliseconds: int) (task: Task) =
        Task.WaitAny([| task |], milliseconds) = 0

    let private percent fraction = (100.0 * fraction).ToString "0"

    let private bar (console: IAnsiConsole) (title: string) fraction task =
        console
            .Progress()
            .AutoClear(true)
            .Columns(TaskDescriptionColumn(), ProgressBarColumn(), PercentageColumn(), RemainingTimeColumn())
            .Start(fun context ->
                let bar = context.AddTask(Markup.Escape title, maxValue = 1.0)

                while not (isDone 100 task) do
                    bar.Value <- fraction ())

    let watch title fraction (work: unit -> 'result) =
        let task = Task.Run work

        if Console.IsErrorRedirected then
            while not (isDone lineEvery task) do
                eprintfn "%s: %s%%" title (percent (fraction ()))
        elif not (isDone barAfter task) then
            let console =
                AnsiConsole.Create(AnsiConsoleSettings(Out = AnsiConsoleOutput Console.Error))

            bar console title fraction task

        task.GetAwaiter().GetResult()

/// <summary>Runs scenarios.</summary>
[<RequireQualifiedAccess>]
module Simulation =
    // Looking for devices takes a moment: once is enough.
    let private best =
        lazy
            (if Devices.list () |> List.exists (fun d -> d.Engine = "cuda:0" && d.Reason.IsNone) then
                 "cuda:0"
             else
                 "cpu")

    let private runOn (engine: IEngine) scenario =
        let settings = Scenario.toSettings scenario
        let simulation = CoreSimulation.Prepare(settings, engine)
        let contexts = int simulation.Plan.Contexts
        let times, tokens = Array.zeroCreate contexts, Array.zeroCreate contexts

        let keep (table: ContextTable) =
            table.CollapseTime.CopyTo(times, int table.FirstContext)
            table.Token.CopyTo(tokens, int table.FirstContext)

        let fraction () =
            float simulation.Progress.Settled / float (max 1L simulation.Plan.Draws)
            |> min 1.0

        let result =
            Progress.watch scenario.Schedule.Name fraction (fun () -> simulation.Run keep)

        {
            Scenario = scenario
            Result = result
            CollapseTimes = times
            Tokens = tokens
        }

    /// <summary>Runs a scenario and shows how far it is.</summary>
    /// <exception cref="T:Collapse.InvalidInputException">The scenario is not valid or does not fit into memory.</exception>
    /// <exception cref="T:Collapse.Softmax.Refit.RefitDivergedException">A refit by steps diverged.</exception>
    let run (scenario: Scenario) =
        let name =
            if scenario.Engine = "auto" && not scenario.Classifier.IsClosedForm then
                "cpu"
            elif scenario.Engine = "auto" then
                best.Value
            else
                scenario.Engine

        use engine =
            EngineCatalog.Create(name, Option.toNullable scenario.Threads, scenario.Classifier)

        runOn engine scenario

    /// <summary>
    /// Runs a scenario on the reference engine and shows every model of every context to a function. The results
    /// are the same integers, digest for digest; a million draws take about a second. Models must be closed forms.
    /// </summary>
    /// <exception cref="T:Collapse.InvalidInputException">The scenario is not valid.</exception>
    let observe (look: TrainedModel -> unit) (scenario: Scenario) =
        use engine = new ReferenceEngine(look)
        runOn engine { scenario with Engine = engine.Name }
