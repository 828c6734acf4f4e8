namespace Collapse.Scripting

open System
open Collapse.Results
open Deedle

/// <summary>What can be read off a run at each generation.</summary>
[<RequireQualifiedAccess>]
type Quantity =
    /// <summary>σ_m = Σ p_i², 0 to 1; its mean is S_m.</summary>
    | SumOfSquares
    /// <summary>max p_i, 0 to 1.</summary>
    | MaxProbability
    /// <summary>Tokens with p_i &gt; 0.</summary>
    | Support
    /// <summary>Entropy in nats.</summary>
    | Entropy
    /// <summary>L1 distance to the first model p^(1), 0 to 2.</summary>
    | L1FromFirst
    /// <summary>L1 distance to the truth p^(0), 0 to 2; undefined for a corpus.</summary>
    | L1FromTruth
    /// <summary>Mass of the tokens that the model has lost, 0 to 1.</summary>
    | UnseenMass
    /// <summary>Tokens that occur in the training set; of softmax models, elsewhere it is the support.</summary>
    | TrainingSupport
    /// <summary>L1 distance of the training set from the law it was drawn from, 0 to 2; of softmax models.</summary>
    | StatisticalError
    /// <summary>L1 distance of the model from its training set, 0 to 2; of softmax models, elsewhere it is 0.</summary>
    | FunctionalError
    /// <summary>Share of the contexts with max p_i = 1: the simulated rho_m.</summary>
    | CollapsedFraction
    /// <summary>Held-out transitions of probability 0, as a share.</summary>
    | HeldOutUnseen
    /// <summary>-mean ln p over the held-out transitions of positive probability, in nats.</summary>
    | HeldOutCrossEntropy

    /// <summary>The core's observable; none for what is a property of all contexts together.</summary>
    member quantity.Observable =
        match quantity with
        | SumOfSquares -> Some Observable.SumOfSquares
        | MaxProbability -> Some Observable.MaxProbability
        | Support -> Some Observable.Support
        | Entropy -> Some Observable.Entropy
        | L1FromFirst -> Some Observable.L1FromFirst
        | L1FromTruth -> Some Observable.L1FromTruth
        | UnseenMass -> Some Observable.UnseenMass
        | TrainingSupport -> Some Observable.TrainingSupport
        | StatisticalError -> Some Observable.StatisticalError
        | FunctionalError -> Some Observable.FunctionalError
        | CollapsedFraction
        | HeldOutUnseen
        | HeldOutCrossEntropy -> None

    /// <summary>The name with its symbol as in the paper and its unit, in HTML.</summary>
    member quantity.Title =
        match quantity with
        | SumOfSquares -> "sum of squares σ<sub>m</sub> = Σ p<sub>i</sub>²"
        | MaxProbability -> "largest probability max p<sub>i</sub>"
        | Support -> "support (tokens)"
        | Entropy -> "entropy (nats)"
        | L1FromFirst -> "deviation ‖p<sup>(m)</sup> − p<sup>(1)</sup>‖<sub>1</sub>"
        | L1FromTruth -> "deviation ‖p<sup>(m)</sup> − p<sup>(0)</sup>‖<sub>1</sub>"
        | UnseenMass -> "unseen mass (probability)"
        | TrainingSupport -> "support of the training set (tokens)"
        | StatisticalError -> "statistical error ‖D<sub>m</sub>/n − q<sub>m</sub>‖<sub>1</sub>"
        | FunctionalError -> "functional error ‖p<sup>(m)</sup> − D<sub>m</sub>/n‖<sub>1</sub>"
        | CollapsedFraction -> "collapsed contexts ρ<sub>m</sub> (fraction)"
        | HeldOutUnseen -> "unseen held-out transitions (fraction)"
        | HeldOutCrossEntropy -> "held-out cross-entropy, seen (nats)"

/// <summary>One generation of a run: means over its contexts.</summary>
type GenerationRow =
    {
        /// <summary>m, from 1.</summary>
        Generation: int
        /// <summary>S_m.</summary>
        SumOfSquares: float
        /// <summary>Mean of max p_i.</summary>
        MaxProbability: float
        /// <summary>Mean number of tokens.</summary>
        Support: float
        /// <summary>Mean entropy in nats.</summary>
        Entropy: float
        /// <summary>Mean L1 distance to p^(1).</summary>
        L1FromFirst: float
        /// <summary>Mean L1 distance to p^(0); NaN for a corpus.</summary>
        L1FromTruth: float
        /// <summary>Mean unseen mass.</summary>
        UnseenMass: float
        /// <summary>Share of collapsed contexts.</summary>
        CollapsedFraction: float
    }

/// <summary>What a scenario gave.</summary>
[<NoEquality; NoComparison>]
type Run =
    {
        /// <summary>The scenario.</summary>
        Scenario: Scenario
        /// <summary>All results of the core.</summary>
        Result: RunResult
        /// <summary>T for each context; 0 where it has not collapsed.</summary>
        CollapseTimes: int[]
        /// <summary>For each context the token of largest probability at the end: the one it collapsed to.</summary>
        Tokens: int[]
    }

    /// <summary>The digest of all integer results: one scenario, one digest, on every engine.</summary>
    member run.Digest = run.Result.Digest

    /// <summary>The reported generations m.</summary>
    member run.Generations = Array.ofSeq run.Result.Generation

    /// <summary>A quantity by generation: its mean over contexts, where it belongs to contexts.</summary>
    member run.Item
        with get (quantity: Quantity) =
            let heldOut (series: HeldOutSeries -> seq<float>) =
                match run.Result.HeldOut with
                | null -> invalidArg (nameof quantity) $"{quantity} needs a held-out text: see Corpus.withHeldOut"
                | held -> Array.ofSeq (series held)

            match quantity, quantity.Observable with
            | _, Some observable when int observable >= run.Result.Series.Length ->
                invalidArg (nameof quantity) $"{quantity} needs a softmax model: see Scenario.withRefit"
            | _, Some observable -> Array.ofSeq run.Result[observable].Mean
            | Quantity.HeldOutUnseen, _ -> heldOut _.Unseen
            | Quantity.HeldOutCrossEntropy, _ -> heldOut _.CoveredCrossEntropy
            | _ -> Array.ofSeq run.Result.CollapsedFraction

    /// <summary>A few lines about the run.</summary>
    override run.ToString() =
        let result = run.Result
        let speed = float result.Draws / max 1e-9 result.Elapsed.TotalSeconds / 1e6

        let rate =
            speed.ToString((if speed < 10.0 then "F1" else "N0"), Globalization.CultureInfo.InvariantCulture)

        // A mean that leaves contexts out says so: those that have not collapsed would raise it.
        let collapsed =
            let times = result.CollapseTimes

            let spread =
                if times.Count > 1L then
                    $" (sd {times.StandardDeviation:F2})"
                else
                    ""

            let which = if times.Censored > 0L then " over these only" else ""

            if times.Count = 0L then
                "no context has collapsed"
            else
                $"collapsed: {times.Count:N0} of {times.Count + times.Censored:N0} contexts, "
                + $"mean T{which} = {times.Mean:F2}{spread}"

        let row i =
            let value (observable: Observable) = result[observable].Mean[i]

            $"m = {result.Generation[i]}: S_m = {value Observable.SumOfSquares:F4}, support {value Observable.Support:F1}, "
            + $"entropy {value Observable.Entropy:F3} nats"

        String.concat
            "\n"
            [
                string run.Scenario
                row 0
                if result.Generation.Length > 1 then
                    row (result.Generation.Length - 1)
                collapsed
                $"{result.Draws:N0} draws in {result.Elapsed.TotalSeconds:F2} s ({rate} M draws/s, {result.Engine}), digest {result.Digest}"
            ]

/// <summary>Reads runs.</summary>
[<RequireQualifiedAccess>]
module Run =
    /// <summary>One record per reported generation.</summary>
    let rows (run: Run) =
        let mean quantity = run[quantity]
        let squares, largest = mean Quantity.SumOfSquares, mean Quantity.MaxProbability
        let support, entropy = mean Quantity.Support, mean Quantity.Entropy
        let first, truth = mean Quantity.L1FromFirst, mean Quantity.L1FromTruth
        let unseen, collapsed = mean Quantity.UnseenMass, mean Quantity.CollapsedFraction

        [
            for i, m in Seq.indexed run.Generations ->
                {
                    Generation = m
                    SumOfSquares = squares[i]
                    MaxProbability = largest[i]
                    Support = support[i]
                    Entropy = entropy[i]
                    L1FromFirst = first[i]
                    L1FromTruth = truth[i]
                    UnseenMass = unseen[i]
                    CollapsedFraction = collapsed[i]
                }
        ]

    /// <summary>A Deedle frame of the same, keyed by generation: it prints as a table and joins with others.</summary>
    let frame (run: Run) : Frame<int, string> =
        Frame.ofRecords (rows run) |> Frame.indexRowsInt "Generation"

    /// <summary>A frame as F# Interactive shows it: a table of numbers with five digits; the frame keeps them all.</summary>
    let internal format (frame: Frame<int, string>) =
        let short (value: float) =
            value.ToString("G5", Globalization.CultureInfo.InvariantCulture)

        (frame |> Frame.mapValues short).Format()

    /// <summary>Prints a frame as a table of numbers with five digits.</summary>
    let print (run: Run) = printfn "%s" (format (frame run))

    /// <summary>A quantity's mean at one reported generation.</summary>
    /// <exception cref="T:System.ArgumentException">That generation is not reported.</exception>
    let at (generation: int) (quantity: Quantity) (run: Run) =
        match run.Result.Generation.IndexOf generation with
        | -1 ->
            invalidArg
                (nameof generation)
                $"generation {generation} is not among the {run.Result.Generation.Length:N0} reported ones, from {run.Result.Generation[0]} to {Array.last run.Generations}: see Scenario.withGenerations and Scenario.withReportsAt"
        | i -> run[quantity][i]

    /// <summary>A quantity of each traced context: its generations and values.</summary>
    let trajectories (quantity: Quantity) (run: Run) =
        match quantity.Observable with
        | None -> []
        | Some observable when int observable >= run.Result.Series.Length -> []
        | Some observable ->
            [
                for _, rows in run.Result.Trace |> Seq.groupBy _.Context do
                    let rows = Array.ofSeq rows
                    rows |> Array.map _.Generation, rows |> Array.map (fun row -> row.Values[int observable])
            ]

    /// <summary>T of the contexts that have collapsed.</summary>
    let collapseTimes (run: Run) =
        run.CollapseTimes |> Array.filter (fun time -> time > 0)

    /// <summary>
    /// Mean T over the contexts that have collapsed, and only these: where some have not, it lies below E[T].
    /// The mean is NaN where none has collapsed, its standard error for fewer than two.
    /// </summary>
    let meanCollapseTime (run: Run) =
        let times = run.Result.CollapseTimes

        {|
            Mean = times.Mean
            StandardError = times.StandardDeviation / sqrt (float times.Count)
            Collapsed = times.Count
            Contexts = times.Count + times.Censored
        |}
