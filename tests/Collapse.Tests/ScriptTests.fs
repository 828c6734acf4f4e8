module Collapse.Tests.ScriptTests

open System
open System.Diagnostics
open System.Globalization
open System.IO
open System.Text.Json
open System.Text.RegularExpressions
open Collapse.Scripting
open Expecto
open Collapse.Tests.Repository

let private scripts = Path.Combine(root, "scripts")

let private figures =
    lazy (Directory.CreateTempSubdirectory "collapse-figures").FullName

/// Runs `dotnet` with these arguments in a folder.
let private dotnet (folder: string) (arguments: string list) =
    let info =
        ProcessStartInfo("dotnet", arguments, UseShellExecute = false, WorkingDirectory = folder)

    info.RedirectStandardOutput <- true
    info.RedirectStandardError <- true
    info.Environment["COLLAPSE_FIGURES"] <- figures.Value

    match Process.Start info with
    | null -> failtest "dotnet did not start"
    | child ->
        use child = child
        let errors = child.StandardError.ReadToEndAsync()
        let output = child.StandardOutput.ReadToEnd()
        child.WaitForExit()
        child.ExitCode, output, errors.Result

let private run (script: string) =
    dotnet scripts [ "fsi"; script; "--quick" ]

/// The F# blocks of a document, as one script.
let private blocks (document: string) =
    [
        for found in
            Regex.Matches(document, "^```fsharp\n(.*?)^```", RegexOptions.Multiline ||| RegexOptions.Singleline) ->
            found.Groups[1].Value
    ]

/// Runs a document's F# blocks in an empty folder, `load.fsx` and README.md named by their full paths.
let private runDocument (name: string) =
    let document = File.ReadAllText(Path.Combine(root, name))
    let code = String.concat "\n" (blocks document)
    let folder = (Directory.CreateTempSubdirectory "collapse-document").FullName
    let script = Path.Combine(folder, "document.fsx")
    let load = Path.Combine(scripts, "load.fsx").Replace('\\', '/')
    let readme = Path.Combine(root, "README.md").Replace('\\', '/')

    File.WriteAllText(
        script,
        code.Replace("load.fsx", load).Replace("scripts/" + load, load).Replace("../README.md", readme)
    )

    let result = dotnet folder [ "fsi"; "--quiet"; script ]
    result, Directory.GetFiles(folder, "*.html", SearchOption.AllDirectories)

let private pages (output: string) =
    [
        for found in Regex.Matches(output, "^figure: (.+)$", RegexOptions.Multiline) -> found.Groups[1].Value.Trim()
    ]

// Plotly sets zero-width spaces around what is raised or lowered.
let private plain (html: string) =
    (nonNull (Net.WebUtility.HtmlDecode(Regex.Replace(html, "<[^>]*>", "")))).Replace("\u200b", "").Trim()

/// The texts that a page's figure is made of, read as UTF-8: title, headings, axes, and legend.
let private textsGiven (html: string) =
    let json (name: string) =
        let found = Regex.Match(html, $"var {name} = (.*);$", RegexOptions.Multiline)
        JsonDocument.Parse(found.Groups[1].Value).RootElement

    let rec under (node: JsonElement) =
        [
            match node.ValueKind with
            | JsonValueKind.Object ->
                for it in node.EnumerateObject() do
                    if it.NameEquals "text" then
                        string it.Value
                    else
                        yield! under it.Value
            | JsonValueKind.Array ->
                for it in node.EnumerateArray() do
                    yield! under it
            | _ -> ()
        ]

    let layout = json "layout"

    [
        yield! under layout

        if layout.GetProperty("showlegend").GetBoolean() then
            for curve in json("data").EnumerateArray() do
                if curve.GetProperty("showlegend").GetBoolean() then
                    string (curve.GetProperty "name")
    ]
    |> List.map plain
    |> List.filter (fun text -> text <> "")

/// What a page holds once the browser has run it: script errors, curves given, curves drawn, texts shown.
let private opened (page: string) =
    let watch =
        "<head><script>window.failures = []; window.onerror = text => { window.failures.push(String(text)); };</script>"

    let report =
        """<script>
const plot = document.querySelector('.js-plotly-plot');
const text = document.createElement('pre');
text.id = 'report';
text.textContent = JSON.stringify({
    failures: window.failures,
    charset: document.characterSet,
    given: plot ? plot.data.length : 0,
    empty: plot ? plot.data.filter(d => !(d.x || d.a || []).length).length : 0,
    drawn: document.querySelectorAll('.cartesianlayer .trace, .ternarylayer .trace').length,
    texts: [...document.querySelectorAll('svg text')].map(t => t.textContent) });
document.body.append(text);</script></body>"""

    let html = File.ReadAllText page

    let dom =
        Chromium.dumpDom (html.Replace("<head>", watch).Replace("</body>", report))

    let found =
        Regex.Match(dom, "<pre id=\"report\">(.*?)</pre>", RegexOptions.Singleline)

    Expect.isTrue found.Success $"{page} was run to its end"

    JsonDocument.Parse(nonNull (Net.WebUtility.HtmlDecode found.Groups[1].Value)).RootElement

let private expectWhole (page: string) =
    let report = opened page
    let count (name: string) = report.GetProperty(name).GetInt32()
    Expect.equal (report.GetProperty("failures").GetArrayLength()) 0 $"no script error: {report}"

    Expect.equal
        (report.GetProperty("charset").GetString())
        "UTF-8"
        "a page says how it is written, so that σ and − are read"

    Expect.isGreaterThan (count "given") 0 "there are curves"
    Expect.equal (count "empty") 0 "every curve has points"
    Expect.equal (count "drawn") (count "given") "every curve is drawn"

    let shown =
        set
            [
                for text in report.GetProperty("texts").EnumerateArray() -> plain (string text)
            ]

    let given = textsGiven (File.ReadAllText page)
    Expect.isNonEmpty given "the figure has texts"
    Expect.isEmpty (given |> List.filter (shown.Contains >> not)) "every text is shown as it was given"

/// A page that is not whole in one way.
let private broken (change: string -> string) =
    let figure =
        Figure.ofCurves "x" "σ<sub>m</sub>²" [ Figure.curve Look.Strong 0 "line" [ (1.0, 1.0); (2.0, 2.0) ] ]

    let page = Path.Combine(figures.Value, "broken.html")
    File.WriteAllText(page, change (Figure.toHtml figure))
    page

let private browserTest name body =
    test name {
        if (Chromium.tryFind ()).IsNone then
            skiptest "no Chromium on this machine (Debian: apt-get install chromium)"

        body ()
    }

/// Nothing that a page would fetch: no script, style, image or font by address.
let private fetches =
    Regex("<(script|link|img|iframe)[^>]+(src|href)=", RegexOptions.IgnoreCase)

[<Tests>]
let tests =
    testSequenced
    <| testList
        "scripts"
        [
            browserTest
                "the browser's check passes a whole page and rejects script errors, missing curves and garbled texts"
                (fun () ->
                    expectWhole (broken id)

                    for before, after in
                        [
                            "charset=\"utf-8\"", "charset=\"windows-1252\""
                            "Plotly.newPlot(", "Plotly.noSuchFunction("
                            "\"type\":\"scatter\",\"name\"", "\"visible\":false,\"name\""
                            "[1.0,2.0]", "[]"
                        ] do
                        let page = broken (fun html -> html.Replace(before, after))

                        Expect.throws (fun () -> expectWhole page) $"{after} is noticed")

            for name, figures in [ "docs/scripting.md", 4; "README.md", 1 ] do
                test $"the code of {name} runs as it stands" {
                    let (exitCode, output, errors), pages = runDocument name
                    Expect.equal exitCode 0 $"{output}\n{errors}"
                    Expect.equal pages.Length figures "its figures are there"
                }

            for script in Directory.GetFiles(scripts, "*.fsx") |> Array.sort do
                let name = Path.GetFileName script
                let result = lazy run script

                if name <> "load.fsx" then
                    test $"{name} runs in F# Interactive" {
                        let exitCode, output, errors = result.Value
                        Expect.equal exitCode 0 $"{output}\n{errors}"
                        Expect.isFalse (Regex.IsMatch(output + errors, @"\b(warning|info) FS\d")) $"{output}\n{errors}"
                        Expect.isNonEmpty (pages output) "a script says where its figures lie"
                        Expect.isMatch output "digest [0-9a-f]{16}|planned" "a script shows what it found"

                        for page in pages output do
                            let html = File.ReadAllText page
                            Expect.isFalse (fetches.IsMatch html) $"{page} needs no network"

                            // Browsers look for it in the first 1,024 bytes.
                            Expect.stringContains
                                (html.Substring(0, 1_000))
                                "<head><meta charset=\"utf-8\">"
                                $"{page} says how it is written"
                    }

                    browserTest $"{name}'s figures show every curve in a browser" (fun () ->
                        let _, output, _ = result.Value

                        for page in pages output do
                            expectWhole page)

                // 12 means of 100 runs against the exact law: 4.9 standard errors, 1e-6 each if normal; the
                // seed is fixed, so a run that passed passes again.
                if name = "figure2.fsx" then
                    test "figure2.fsx's means agree with the exact law" {
                        let _, output, _ = result.Value

                        let found =
                            Regex.Match(output, "largest distance from the exact law: ([0-9.]+) standard errors, of 12")

                        Expect.isTrue found.Success "the largest distance is printed"
                        let distance = Double.Parse(found.Groups[1].Value, CultureInfo.InvariantCulture)
                        Expect.isLessThan distance 4.9 "within the Monte Carlo error"
                    }
        ]
