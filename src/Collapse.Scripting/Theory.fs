namespace Collapse.Scripting

open Collapse.Theory

/// <summary>Where a theoretical value comes from.</summary>
[<RequireQualifiedAccess>]
type Source =
    /// <summary>Exact: a closed form or the law of a chain (docs/theory.md).</summary>
    | Exact
    /// <summary>The sharp bound on the deviation (docs/theory.md).</summary>
    | Sharp
    /// <summary>The paper's theorems and inequalities; left out of figures where they are vacuous.</summary>
    | Paper

/// <summary>One theoretical value by generation.</summary>
type TheoryCurve =
    {
        /// <summary>Name with the paper's number, in HTML.</summary>
        Name: string
        /// <summary>Where it comes from.</summary>
        Source: Source
        /// <summary>m.</summary>
        Generations: int[]
        /// <summary>Its values.</summary>
        Values: float[]
    }

    /// <summary>One line: its first and its last value, of a bound those that say something.</summary>
    override curve.ToString() =
        let said =
            Array.zip curve.Generations curve.Values
            |> Array.filter (fun (_, value) -> not (System.Double.IsNaN value))

        let text (generation: int, value: float) =
            let number = value.ToString("G5", System.Globalization.CultureInfo.InvariantCulture)
            $"{number} at m = {generation}"

        let name = curve.Name.Replace("<sub>", "_").Replace("</sub>", "")

        match said with
        | [||] -> $"{name}: says nothing"
        | [| alone |] -> $"{name}: {text alone}"
        | _ -> $"{name}: {text said[0]} to {text (Array.last said)}"

/// <summary>What theory says of a scenario.</summary>
[<RequireQualifiedAccess>]
module Theory =
    // Multiply-adds that exact deviations may cost: a few seconds.
    let private work = 3_000_000_000L

    let private unknown (scenario: Scenario) =
        invalidArg
            (nameof scenario)
            $"of '{scenario.Schedule.Name}' from {scenario.Truth} nothing is known in closed form; lay theory over a scenario of the paper with one law for all contexts and closed refits"

    /// <summary>Everything that theory says of one context of a scenario, generation by generation.</summary>
    /// <param name="generations">The last generation of the table.</param>
    /// <exception cref="T:System.ArgumentException">Nothing is known: a custom schedule, or contexts that differ.</exception>
    let table (generations: int) (scenario: Scenario) =
        match scenario.Truth, scenario.Samples with
        | Truth.Prior prior, Some n when not prior.DiffersByContext && scenario.Classifier.IsClosedForm ->
            let law = prior.Probabilities()

            match scenario.Schedule.Name, scenario.Real, Option.ofNullable scenario.Schedule.Window with
            | "fully-synthetic", _, _ -> TheoryTables.FullySynthetic(law, n, generations, work)
            | "partially-synthetic", Some real, _ ->
                TheoryTables.PartiallySynthetic(law, real, int64 n, generations, work)
            | "recent-models", _, Some window -> TheoryTables.RecentModels(law, int64 n, window, generations)
            | "random-models", _, _ -> TheoryTables.RandomModels(law, int64 n, generations)
            | _ -> unknown scenario
        | _ -> unknown scenario

    // A record with a row for each generation would fill the screen of F# Interactive: the first and the last tell.
    let internal format (table: TheoryTable) =
        let number (value: float) =
            value.ToString("G5", System.Globalization.CultureInfo.InvariantCulture)

        let known (value: System.Nullable<float>) =
            if value.HasValue then number value.Value else "unknown"

        let row (row: GenerationTheory) =
            $"m = {row.Generation}: S_m = {number row.SumOfSquares}, support {known row.Support}, "
            + $"rho_m = {known row.CollapseProbability.Exact}, deviation {known row.L1FromFirst.Exact}"

        let rows = table.Generations

        String.concat
            "\n"
            [
                $"theory of {rows.Count:N0} generations, E[T] = {known table.ExpectedCollapseTime.Exact}"
                row rows[0]
                if rows.Count > 1 then
                    row rows[rows.Count - 1]
            ]

    let private isVacuous (bound: Bound) = bound.Vacuous

    let private said (bound: Bound) =
        if bound.Vacuous then nan else bound.Value

    /// <summary>
    /// The theoretical values of a quantity under a scenario, by generation; empty where none is known. A bound is NaN
    /// in generations of which it says nothing, and left out where it never says anything.
    /// </summary>
    let curves (quantity: Quantity) (generations: int) (scenario: Scenario) =
        let rows = (table generations scenario).Generations

        let curve name source (value: GenerationTheory -> float option) =
            let known = [| for row in rows -> row.Generation, value row |]

            if known |> Array.forall (snd >> Option.isSome) then
                [
                    {
                        Name = name
                        Source = source
                        Generations = Array.map fst known
                        Values = known |> Array.map (snd >> Option.get)
                    }
                ]
            else
                []

        let exact name value =
            curve name Source.Exact (value >> Option.ofNullable)

        let bound name source (value: GenerationTheory -> System.Nullable<Bound>) =
            if rows |> Seq.forall (value >> Option.ofNullable >> Option.forall isVacuous) then
                []
            else
                curve name source (value >> Option.ofNullable >> Option.map said)

        match quantity with
        | Quantity.SumOfSquares ->
            let name =
                match scenario.Schedule.Name with
                | "fully-synthetic" -> "S<sub>m</sub>, exact, (6)"
                | "partially-synthetic" -> "S<sub>m</sub>, exact, (9)"
                | _ -> "S<sub>m</sub>, exact"

            curve name Source.Exact (fun row -> Some row.SumOfSquares)
        | Quantity.Support -> exact "support, exact" _.Support
        | Quantity.CollapsedFraction ->
            exact "ρ<sub>m</sub>, exact" _.CollapseProbability.Exact
            @ bound "(7) below" Source.Paper _.CollapseProbability.LowerBound
            @ bound "(7) above" Source.Paper _.CollapseProbability.UpperBound
        | Quantity.L1FromFirst ->
            exact "deviation, exact" _.L1FromFirst.Exact
            @ bound "sharp bound" Source.Sharp _.L1FromFirst.Sharp
            @ bound "Theorem 3" Source.Paper _.L1FromFirst.Theorem3
            @ bound "Theorem 4" Source.Paper _.L1FromFirst.Theorem4
        | Quantity.MaxProbability
        | Quantity.Entropy
        | Quantity.L1FromTruth
        | Quantity.UnseenMass
        | Quantity.TrainingSupport
        | Quantity.StatisticalError
        | Quantity.FunctionalError
        | Quantity.HeldOutUnseen
        | Quantity.HeldOutCrossEntropy -> []

    /// <summary>E[T]: the exact value and the paper's bounds (8).</summary>
    /// <exception cref="T:System.ArgumentException">The scenario is not fully synthetic from one law with given n.</exception>
    let collapseTime (scenario: Scenario) =
        match scenario.Truth, scenario.Samples, scenario.Schedule.Name with
        | Truth.Prior prior, Some n, "fully-synthetic" when
            not prior.DiffersByContext && scenario.Classifier.IsClosedForm
            ->
            let law = prior.Probabilities()
            let struct (lower, upper) = CollapseTimeBounds.ExpectedCollapseTime(law, int64 n)

            {|
                Exact = FullySyntheticLaw(law, n).ExpectedCollapseTime
                LowerBound = lower.Value
                UpperBound = upper.Value
            |}
        | _ -> unknown scenario
