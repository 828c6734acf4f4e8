namespace Collapse.Scripting

open System
open System.Diagnostics
open System.IO
open System.Text.RegularExpressions
open Plotly.NET
open Plotly.NET.LayoutObjects

/// <summary>How a curve looks.</summary>
[<RequireQualifiedAccess>]
type Look =
    /// <summary>Thin and pale: single contexts.</summary>
    | Pale
    /// <summary>Strong: a mean over contexts.</summary>
    | Strong
    /// <summary>Dashed and dark: an exact value.</summary>
    | Exact
    /// <summary>Dotted and dark: a sharp bound.</summary>
    | Sharp
    /// <summary>Dashed and dotted, dark: a bound of the paper.</summary>
    | Paper
    /// <summary>Points, with error bars where there are errors.</summary>
    | Points
    /// <summary>Small and pale points: single contexts.</summary>
    | Dots
    /// <summary>A histogram of x; y is not looked at.</summary>
    | Histogram
    /// <summary>The name, written at the points; not in the legend.</summary>
    | Words

/// <summary>One curve, cloud of points or histogram of a figure.</summary>
type Curve =
    {
        /// <summary>Its name in the legend, in HTML; curves of one name share an entry.</summary>
        Name: string
        /// <summary>Horizontal values; in a simplex p_1.</summary>
        X: float[]
        /// <summary>Vertical values, NaN for a gap; in a simplex p_2.</summary>
        Y: float[]
        /// <summary>Half the length of each error bar; empty for none.</summary>
        Errors: float[]
        /// <summary>How it looks.</summary>
        Look: Look
        /// <summary>A number from 0 of the palette; exact values are always dark, and a bound of colour -1 too.</summary>
        Colour: int
    }

    /// <summary>One line about the curve.</summary>
    override curve.ToString() =
        let points = if curve.X.Length = 1 then "point" else "points"
        $"curve '{curve.Name}': {curve.X.Length:N0} {points}, {(string curve.Look).ToLowerInvariant()}"

/// <summary>An axis.</summary>
type Axis =
    {
        /// <summary>Name and unit, in HTML.</summary>
        Title: string
        /// <summary>Whether it is logarithmic.</summary>
        Log: bool
        /// <summary>From and to, in the axis' own values; none to fit the data.</summary>
        Range: (float * float) option
    }

/// <summary>One pair of axes, or one simplex.</summary>
[<NoEquality; NoComparison>]
type Panel =
    {
        /// <summary>A heading, or an empty text.</summary>
        Heading: string
        /// <summary>The horizontal axis.</summary>
        Horizontal: Axis
        /// <summary>The vertical axis.</summary>
        Vertical: Axis
        /// <summary>What is drawn, from back to front.</summary>
        Curves: Curve list
        /// <summary>Whether the curves are points (p_1, p_2, p_3) of the probability simplex.</summary>
        IsSimplex: bool
        /// <summary>The quantity, name and run behind the curves, for theory to be laid over.</summary>
        Runs: (Quantity * string * Run) list
    }

/// <summary>A figure in the house style: described here, drawn by Plotly.NET.</summary>
[<NoEquality; NoComparison>]
type Figure =
    {
        /// <summary>The title, in HTML.</summary>
        Title: string
        /// <summary>A smaller line below, in HTML.</summary>
        Subtitle: string
        /// <summary>Row by row, each row from left to right.</summary>
        Panels: Panel list
        /// <summary>Panels in a row; with as many as there are panels they stand side by side.</summary>
        Columns: int
    }

    /// <summary>One line about the figure.</summary>
    override figure.ToString() =
        let count number (thing: string) =
            if number = 1 then $"1 {thing}" else $"{number} {thing}s"

        let title = if figure.Title = "" then "" else $" '{figure.Title}'"
        let curves = figure.Panels |> List.sumBy _.Curves.Length

        $"""figure{title}: {count figure.Panels.Length "panel"}, {count curves "curve"}; see Figure.show and Figure.save"""

/// <summary>Turns descriptions into Plotly charts.</summary>
module internal Drawing =
    // Okabe and Ito's palette: told apart with every common colour blindness. Theory is dark grey.
    let private palette =
        [| "#0072B2"; "#D55E00"; "#009E73"; "#CC79A7"; "#E69F00"; "#56B4E9" |]

    let private theoryColour = "#333333"

    // Pixels. Three panels with a legend, five simplices and five columns fit beside each other on a screen of 1,440.
    let private panelWidth, simplexWidth, aloneWidth = 400, 265, 640
    let private frameWidth = 110
    let private height, simplexHeight = 480, 370
    let private gridWidth (columns: int) = min 300 (1290 / columns)
    // Three rows stay below 1,000.
    let private gridHeight (rows: int) = if rows > 2 then 240 else 270
    let private gridHead, gridFoot = 100, 140
    let private fontSize = 14.0

    let private colour (curve: Curve) =
        // An exact value lies on its mean, where only another colour shows it; a bound lies apart, and is told from
        // the bounds of other runs by the colour of its own.
        match curve.Look with
        | Look.Exact -> theoryColour
        | Look.Sharp
        | Look.Paper when curve.Colour < 0 -> theoryColour
        | _ -> palette[curve.Colour % palette.Length]

    let private line width dash opacity legend (curve: Curve) =
        Chart.Scatter(
            curve.X,
            curve.Y,
            StyleParam.Mode.Lines,
            Name = curve.Name,
            ShowLegend = legend,
            Opacity = opacity,
            LineColor = Color.fromString (colour curve),
            LineWidth = width,
            LineDash = dash,
            UseDefaults = false
        )

    let private points size opacity legend (curve: Curve) =
        Chart.Point(
            curve.X,
            curve.Y,
            Name = curve.Name,
            ShowLegend = legend,
            Marker = TraceObjects.Marker.init (Color = Color.fromString (colour curve), Size = size, Opacity = opacity),
            UseDefaults = false
        )
        |> if Array.isEmpty curve.Errors then
               id
           else
               Chart.withYErrorStyle (Visible = true, Array = curve.Errors, Color = Color.fromString (colour curve))

    // One bin width for all histograms of a panel: their heights can be compared.
    let private bins (curves: Curve list) =
        let values =
            curves
            |> Seq.filter (fun curve -> curve.Look = Look.Histogram)
            |> Seq.collect _.X
            |> Array.ofSeq

        if values.Length = 0 then
            0.0, 0.0, 1.0
        else
            let low, high = Array.min values, Array.max values
            low, high + 1.0, max 1.0 (ceil ((high - low) / 40.0))

    let private histogram (low, high, width) legend (curve: Curve) =
        Chart.Histogram(
            X = curve.X,
            Name = curve.Name,
            ShowLegend = legend,
            XBins = TraceObjects.Bins.init (Start = low, End = high, Size = width),
            // An outline on a faint ground: where histograms overlap, each stays to be seen.
            Marker =
                TraceObjects.Marker.init (
                    Color = Color.fromString (colour curve + "30"),
                    Outline = Line.init (Color = Color.fromString (colour curve), Width = 1.5)
                ),
            UseDefaults = false
        )

    let private words (curve: Curve) =
        Chart.Scatter(
            curve.X,
            curve.Y,
            StyleParam.Mode.Text,
            Name = curve.Name,
            Text = curve.Name,
            ShowLegend = false,
            UseDefaults = false
        )

    let private simplexPoints legend (curve: Curve) =
        let third = Array.map2 (fun a b -> 1.0 - a - b) curve.X curve.Y

        Chart.PointTernary(
            Array.zip3 curve.X curve.Y third,
            Name = curve.Name,
            ShowLegend = legend,
            Marker = TraceObjects.Marker.init (Color = Color.fromString (colour curve), Size = 6, Opacity = 0.8),
            UseDefaults = false
        )

    let private draw isSimplex bins legend (curve: Curve) =
        let chart =
            if isSimplex then
                simplexPoints legend curve
            else
                match curve.Look with
                | Look.Pale -> line 1.0 StyleParam.DrawingStyle.Solid 0.25 legend curve
                | Look.Strong -> line 3.0 StyleParam.DrawingStyle.Solid 1.0 legend curve
                | Look.Exact -> line 2.0 StyleParam.DrawingStyle.Dash 1.0 legend curve
                | Look.Sharp -> line 2.0 StyleParam.DrawingStyle.Dot 1.0 legend curve
                | Look.Paper -> line 2.0 StyleParam.DrawingStyle.DashDot 1.0 legend curve
                | Look.Points -> points 8 1.0 legend curve
                | Look.Dots -> points 4 0.25 legend curve
                | Look.Histogram -> histogram bins legend curve
                | Look.Words -> words curve

        chart |> Chart.withTraceInfo (LegendGroup = curve.Name)

    // At a logarithmic axis powers of ten are written; 2 and 5 beside them up to two decades; what Plotly finds within one.
    let private tick (curves: Curve list) (values: Curve -> float[]) (axis: Axis) : IConvertible option =
        let low, high =
            match axis.Range with
            | Some range -> range
            | None ->
                let shown =
                    curves |> Seq.collect values |> Seq.filter (fun v -> v > 0.0) |> Array.ofSeq

                if shown.Length = 0 then
                    1.0, 1.0
                else
                    Array.min shown, Array.max shown

        if not axis.Log then None
        elif high > 100.0 * low then Some 1
        elif high > 10.0 * low then Some "D2"
        else None

    let private axisTitle (text: string) =
        Title.init (Text = text, Font = Font.init (Size = fontSize), Standoff = 8)

    let private axis curves values (axis: Axis) =
        let range =
            match axis.Range with
            | Some(low, high) when axis.Log -> Some(StyleParam.Range.ofMinMax (log10 low, log10 high))
            | Some(low, high) -> Some(StyleParam.Range.ofMinMax (low, high))
            | None -> None

        LinearAxis.init (
            Title = axisTitle axis.Title,
            AxisType =
                (if axis.Log then
                     StyleParam.AxisType.Log
                 else
                     StyleParam.AxisType.Linear),
            ?Range = range,
            ?DTick = tick curves values axis,
            ShowLine = true,
            LineColor = Color.fromString "#333333",
            Mirror = StyleParam.Mirror.True,
            Ticks = StyleParam.TickOptions.Outside,
            ShowGrid = true,
            GridColor = Color.fromString "#EEEEEE",
            ZeroLine = false,
            ExponentFormat = StyleParam.ExponentFormat.Power
        )

    let private ternary domain =
        let side (name: string) =
            LinearAxis.init (
                Title = Title.init (Text = name),
                GridColor = Color.fromString "#EEEEEE",
                ShowTickLabels = false,
                LineColor = Color.fromString "#333333"
            )

        Ternary.init (
            Domain = domain,
            Sum = 1.0,
            AAxis = side "p<sub>1</sub>",
            BAxis = side "p<sub>2</sub>",
            CAxis = side "p<sub>3</sub>",
            BGColor = Color.fromString "white"
        )

    // Pixels of the legend: the sample of the line, and some eight for each character of the longest entry.
    let private legendWidth (names: seq<string>) =
        let characters (name: string) =
            Regex.Replace(name, "<[^>]*>", "").Length

        if Seq.length names > 1 then
            70 + 8 * (names |> Seq.map characters |> Seq.max)
        else
            0

    let private panel isNew (panel: Panel) =
        let legend (curve: Curve) =
            curve.Look <> Look.Words && isNew curve.Name

        let chart =
            panel.Curves
            |> List.map (fun curve -> draw panel.IsSimplex (bins panel.Curves) (legend curve) curve)
            |> Chart.combine

        if panel.IsSimplex then
            chart
        else
            chart
            |> Chart.withXAxis (axis panel.Curves _.X panel.Horizontal)
            |> Chart.withYAxis (axis panel.Curves _.Y panel.Vertical)

    let private title (figure: Figure) =
        if figure.Subtitle = "" then
            figure.Title
        else
            $"{figure.Title}<br><span style='font-size:13px'>{figure.Subtitle}</span>"

    let private heading (text: string) x =
        Annotation.init (
            Text = text,
            X = x,
            Y = 1.02,
            XRef = "paper",
            YRef = "paper",
            ShowArrow = false,
            XAnchor = StyleParam.XAnchorPosition.Center,
            YAnchor = StyleParam.YAnchorPosition.Bottom
        )

    // Chart.Grid lays all simplices into one place: here each gets its own.
    let private simplexRow (panels: (Panel * GenericChart) list) =
        let share = 1.0 / float panels.Length

        [
            for i, (panel, chart) in List.indexed panels do
                let left = float i * share
                let right = left + 0.78 * share

                chart
                |> GenericChart.mapTrace (fun trace ->
                    trace.SetProperty("subplot", StyleParam.SubPlotId.Ternary(i + 1) |> StyleParam.SubPlotId.toString)
                    // Points on the edges, where a token is lost, are drawn whole.
                    trace.SetProperty("cliponaxis", false)
                    trace)
                |> Chart.withTernary (
                    ternary (
                        Domain.init (
                            X = StyleParam.Range.ofMinMax (left, right),
                            Y = StyleParam.Range.ofMinMax (0.0, 0.88)
                        )
                    ),
                    Id = i + 1
                )
                |> Chart.withAnnotations [ heading panel.Heading ((left + right) / 2.0) ]
        ]
        |> Chart.combine

    // What is above or to the left is not said again: a heading, the title of an axis.
    let private shared columns (panels: Panel list) =
        let at = Array.ofList panels

        [
            for i, panel in List.indexed panels do
                let repeats text (other: Panel option) =
                    other |> Option.exists (fun it -> text it = text panel)

                let left = if i % columns > 0 then Some at[i - 1] else None

                let once text other =
                    if repeats text other then "" else text panel

                { panel with
                    Heading = once _.Heading (Array.tryItem (i - columns) at)
                    Vertical.Title = once _.Vertical.Title left
                    Horizontal.Title = once _.Horizontal.Title (Array.tryItem (i + columns) at)
                }
        ]

    let private grid columns (panels: Panel list) charts =
        charts
        |> Chart.Grid(
            nRows = (panels.Length + columns - 1) / columns,
            nCols = columns,
            SubPlotTitles = (panels |> List.map _.Heading),
            Pattern = StyleParam.LayoutGridPattern.Independent,
            XGap = 0.22,
            YGap = 0.24
        )

    /// The chart, with the whole of plotly.js in its page.
    let chart (figure: Figure) =
        let seen = Collections.Generic.HashSet<string>()
        let isGrid = figure.Columns < figure.Panels.Length

        let described =
            if isGrid then
                shared figure.Columns figure.Panels
            else
                figure.Panels

        let panels = described |> List.map (fun it -> it, panel seen.Add it)

        let arranged, width, height =
            match panels with
            | many when many |> List.forall (fun (panel, _) -> panel.IsSimplex) ->
                simplexRow many, simplexWidth * many.Length + 60, simplexHeight
            | [ _, alone ] -> alone, aloneWidth + legendWidth seen, height
            | many when isGrid ->
                let rows = (many.Length + figure.Columns - 1) / figure.Columns

                many |> List.map snd |> grid figure.Columns described,
                gridWidth figure.Columns * figure.Columns + frameWidth,
                gridHeight rows * rows + gridHead + gridFoot
            | many ->
                many
                |> List.map snd
                |> Chart.Grid(
                    nRows = 1,
                    nCols = many.Length,
                    SubPlotTitles = (figure.Panels |> List.map _.Heading),
                    Pattern = StyleParam.LayoutGridPattern.Independent,
                    XGap = 0.24
                ),
                panelWidth * many.Length + legendWidth seen,
                height

        arranged
        |> Chart.withLayout (
            Layout.init (
                Title = Title.init (Text = title figure, X = 0.02, XAnchor = StyleParam.XAnchorPosition.Left),
                Font = Font.init (Family = StyleParam.FontFamily.Custom "Arial, Helvetica, sans-serif", Size = fontSize),
                Margin = Margin.init (Left = 80, Right = 30, Top = gridHead, Bottom = (if isGrid then gridFoot else 70)),
                PaperBGColor = Color.fromString "white",
                PlotBGColor = Color.fromString "white",
                BarMode = StyleParam.BarMode.Overlay,
                ShowLegend = (seen.Count > 1),
                Width = width,
                Height = height
            )
        )
        |> Chart.withLegend (
            if isGrid then
                // Below, where it takes no width from the columns.
                Legend.init (
                    Orientation = StyleParam.Orientation.Horizontal,
                    X = 0.5,
                    XAnchor = StyleParam.XAnchorPosition.Center,
                    Y = -95.0 / float (height - gridHead - gridFoot),
                    YAnchor = StyleParam.YAnchorPosition.Top
                )
            else
                Legend.init (TraceGroupGap = 2)
        )
        |> Chart.withConfigStyle (Responsive = false, Displaylogo = false)
        |> Chart.withDisplayOptions (
            DisplayOptions.init (
                DocumentTitle = figure.Title,
                DocumentCharset = "utf-8",
                PlotlyJSReference = PlotlyJSReference.Full
            )
        )

/// <summary>Makes and keeps figures.</summary>
[<RequireQualifiedAccess>]
module Figure =
    let private noAxis =
        {
            Title = ""
            Log = false
            Range = None
        }

    let private generation = { noAxis with Title = "generation m" }

    let private floats (values: int[]) = Array.map float values

    /// <summary>A figure of any curves.</summary>
    let ofCurves (xTitle: string) (yTitle: string) (curves: Curve list) =
        {
            Title = ""
            Subtitle = ""
            Panels =
                [
                    {
                        Heading = ""
                        Horizontal = { noAxis with Title = xTitle }
                        Vertical = { noAxis with Title = yTitle }
                        Curves = curves
                        IsSimplex = false
                        Runs = []
                    }
                ]
            Columns = 1
        }

    /// <summary>A curve without error bars.</summary>
    let curve (look: Look) (colour: int) (name: string) (points: seq<float * float>) =
        let points = Array.ofSeq points

        {
            Name = name
            X = Array.map fst points
            Y = Array.map snd points
            Errors = [||]
            Look = look
            Colour = colour
        }

    // All contexts in one curve, with gaps: thousands of lines stay quick to draw and have one legend entry.
    let private pale colour quantity run =
        match Run.trajectories quantity run with
        | [] -> []
        | all ->
            let withGap (generations, values) =
                Array.append (Array.zip (floats generations) values) [| nan, nan |]

            [ curve Look.Pale colour "single contexts" (all |> Seq.collect withGap) ]

    /// <summary>A quantity of several runs by generation: traced contexts pale, means strong.</summary>
    let compare (quantity: Quantity) (runs: (string * Run) list) =
        let figure =
            ofCurves
                generation.Title
                quantity.Title
                [
                    for i, (_, run) in List.indexed runs do
                        yield! pale i quantity run

                    for i, (name, run) in List.indexed runs do
                        curve Look.Strong i name (Seq.zip (floats run.Generations) run[quantity])
                ]

        { figure with
            Panels =
                figure.Panels
                |> List.map (fun panel ->
                    { panel with
                        Runs = runs |> List.map (fun (name, run) -> quantity, name, run)
                    })
        }

    /// <summary>A quantity of one run by generation: traced contexts pale, their mean strong.</summary>
    let trajectories (quantity: Quantity) (run: Run) =
        { compare quantity [ "mean", run ] with
            Title = run.Scenario.Title
            Subtitle = string run.Scenario.Truth
        }

    /// <summary>Leaves out the single contexts: what is left are means, and theory.</summary>
    let withoutTrajectories (figure: Figure) =
        { figure with
            Panels =
                figure.Panels
                |> List.map (fun panel ->
                    { panel with
                        Curves = panel.Curves |> List.filter (fun curve -> curve.Look <> Look.Pale)
                    })
        }

    /// <summary>Histograms of the collapse times T; words where no context has collapsed.</summary>
    let collapseTimes (runs: (string * Run) list) =
        let histograms =
            [
                for i, (name, run) in List.indexed runs do
                    match Run.collapseTimes run with
                    | [||] -> ()
                    | times -> curve Look.Histogram i name (times |> Seq.map (fun t -> float t, 0.0))
            ]

        let last =
            runs |> Seq.map (fun (_, run) -> Array.last run.Generations) |> Seq.max |> float

        // A histogram that leaves contexts out says so.
        let shares =
            [
                for _, run in runs do
                    let times = run.Result.CollapseTimes

                    if times.Count > 0L && times.Censored > 0L then
                        $"{times.Count:N0} of {times.Count + times.Censored:N0}"
            ]

        let title =
            "collapse time T (generations)"
            + (if shares.IsEmpty then
                   ""
               else
                   $"""<br>of {String.concat ", " shares} contexts""")

        if histograms.IsEmpty then
            let figure =
                ofCurves title "contexts" [ curve Look.Words 0 "no context has collapsed" [ last / 2.0, 0.5 ] ]

            { figure with
                Panels =
                    figure.Panels
                    |> List.map (fun panel ->
                        { panel with
                            Vertical =
                                { panel.Vertical with
                                    Range = Some(0.0, 1.0)
                                }
                        })
            }
        else
            ofCurves title "contexts" histograms

    /// <summary>Laws over three tokens as points of the simplex.</summary>
    let simplex (points: seq<float * float>) =
        let figure = ofCurves "" "" [ curve Look.Points 0 "contexts" points ]

        { figure with
            Panels = figure.Panels |> List.map (fun panel -> { panel with IsSimplex = true })
        }

    let private mapPanels change figure =
        { figure with
            Panels = List.map change figure.Panels
        }

    /// <summary>Lays theory over the figure's runs: dashed where exact, dotted the sharp bound, dash-dotted the paper's bounds; a bound that says nothing is left out.</summary>
    /// <exception cref="T:System.ArgumentException">Nothing is known of a run's scenario.</exception>
    let withTheoryOf (sources: Source list) (figure: Figure) =
        figure
        |> mapPanels (fun panel ->
            let theory =
                [
                    for i, (quantity, name, run) in List.indexed panel.Runs do
                        let last = Array.last run.Generations

                        for known in Theory.curves quantity last run.Scenario do
                            if List.contains known.Source sources then
                                let look =
                                    match known.Source with
                                    | Source.Exact -> Look.Exact
                                    | Source.Sharp -> Look.Sharp
                                    | Source.Paper -> Look.Paper

                                let colour = if panel.Runs.Length > 1 then i else -1

                                // Exact values are dark in every run; a bound has its run's colour, and its name too.
                                let label =
                                    if colour >= 0 && known.Source <> Source.Exact then
                                        $"{known.Name}, {name}"
                                    else
                                        known.Name

                                curve look colour label (Seq.zip (floats known.Generations) known.Values)
                ]

            { panel with
                Curves = panel.Curves @ theory
            })

    /// <summary>Lays all theory over the figure's runs: exact values, the sharp bound, the paper's bounds.</summary>
    let withTheory (figure: Figure) =
        withTheoryOf [ Source.Exact; Source.Sharp; Source.Paper ] figure

    /// <summary>Draws more curves in front.</summary>
    let withCurves (curves: Curve list) (figure: Figure) =
        figure
        |> mapPanels (fun panel ->
            { panel with
                Curves = panel.Curves @ curves
            })

    /// <summary>A title, in HTML.</summary>
    let withTitle (title: string) (figure: Figure) : Figure = { figure with Title = title }

    /// <summary>A smaller line below the title, in HTML.</summary>
    let withSubtitle (subtitle: string) (figure: Figure) = { figure with Subtitle = subtitle }

    /// <summary>A heading above each panel.</summary>
    let withHeading (heading: string) (figure: Figure) =
        figure |> mapPanels (fun panel -> { panel with Heading = heading })

    /// <summary>Logarithmic generations, sizes, …</summary>
    let withLogX (figure: Figure) =
        figure
        |> mapPanels (fun panel ->
            { panel with
                Horizontal = { panel.Horizontal with Log = true }
            })

    /// <summary>Logarithmic values.</summary>
    let withLogY (figure: Figure) =
        figure
        |> mapPanels (fun panel ->
            { panel with
                Vertical = { panel.Vertical with Log = true }
            })

    /// <summary>Values from and to, for instance the same in all panels.</summary>
    let withYRange (low: float) (high: float) (figure: Figure) =
        figure
        |> mapPanels (fun panel ->
            { panel with
                Vertical =
                    { panel.Vertical with
                        Range = Some(low, high)
                    }
            })

    /// <summary>Generations, sizes, … from and to, for instance the same in all panels.</summary>
    let withXRange (low: float) (high: float) (figure: Figure) =
        figure
        |> mapPanels (fun panel ->
            { panel with
                Horizontal =
                    { panel.Horizontal with
                        Range = Some(low, high)
                    }
            })

    /// <summary>Gives figures one range of values, from the least to the largest among them: their heights can be compared.</summary>
    let withSameYRange (figures: Figure list) =
        let values =
            figures
            |> Seq.collect _.Panels
            |> Seq.collect _.Curves
            |> Seq.collect _.Y
            |> Seq.filter Double.IsFinite
            |> Array.ofSeq

        if values.Length = 0 then
            figures
        else
            let low, high = Array.min values, Array.max values
            let room = 0.05 * (high - low)
            figures |> List.map (withYRange (low - room) (high + room))

    /// <summary>Figures side by side as one.</summary>
    let row (title: string) (figures: Figure list) =
        let panels = figures |> List.collect _.Panels

        {
            Title = title
            Subtitle = ""
            Panels = panels
            Columns = panels.Length
        }

    /// <summary>Rows of figures as one, each of one panel; titles that neighbours share are written once.</summary>
    /// <param name="title">The title, in HTML.</param>
    /// <param name="columns">What stands above each column, in HTML.</param>
    /// <param name="rows">As many figures in each row as there are columns.</param>
    /// <exception cref="T:System.ArgumentException">A row has more or fewer panels than there are columns.</exception>
    let grid (title: string) (columns: string list) (rows: Figure list list) =
        for i, figures in List.indexed rows do
            let panels = figures |> List.sumBy _.Panels.Length

            if panels <> columns.Length then
                invalidArg
                    (nameof rows)
                    $"row {i + 1} has {panels} panels below {columns.Length} columns: give each row one panel for each column"

        { row
              title
              [
                  for figures in rows do
                      yield! List.map2 withHeading columns figures
              ] with
            Columns = columns.Length
        }

    /// <summary>The Plotly.NET chart, for whatever is not here.</summary>
    let toChart (figure: Figure) = Drawing.chart figure

    /// <summary>A page with everything in it: it needs no network.</summary>
    let toHtml (figure: Figure) =
        let page = GenericChart.toEmbeddedHTML (toChart figure)
        let encoding = "<meta charset=\"utf-8\">"
        // Browsers look for the encoding in the first kilobyte; Plotly.NET writes it behind all of plotly.js.
        let first = page.IndexOf("<head>", StringComparison.Ordinal) + "<head>".Length
        page.Replace(encoding, "").Insert(first, encoding)

    /// <summary>Writes the figure and gives its full path back: a page (.html), or an image (.png, .svg), which needs Chromium.</summary>
    /// <exception cref="T:System.ArgumentException">The path ends in something else.</exception>
    /// <exception cref="T:System.IO.FileNotFoundException">An image was asked for and there is no Chromium.</exception>
    /// <exception cref="T:System.IO.IOException">The program that is named as Chromium does not start or is another one.</exception>
    let save (path: string) (figure: Figure) =
        let html = toHtml figure

        let content =
            match (nonNull (Path.GetExtension path)).ToLowerInvariant() with
            | ".html" -> Text.Encoding.UTF8.GetBytes html
            | ".png" -> Chromium.image "png" html
            | ".svg" -> Chromium.image "svg" html
            | other -> invalidArg (nameof path) $"'{other}': a figure is saved as .html, .png or .svg"

        let full = Path.GetFullPath path
        Directory.CreateDirectory(nonNull (Path.GetDirectoryName full)) |> ignore
        File.WriteAllBytes(full, content)
        full

    /// <summary>Opens the figure's page in the web browser.</summary>
    let show (figure: Figure) =
        let folder = Directory.CreateTempSubdirectory "collapse-figure"
        let page = save (Path.Combine(folder.FullName, "figure.html")) figure
        Process.Start(ProcessStartInfo(page, UseShellExecute = true)) |> ignore
