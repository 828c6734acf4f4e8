/// The page that `verify` writes, and the table of docs/verification.md.
[<RequireQualifiedAccess>]
module Collapse.Verification.Report

open System
open System.Net
open Collapse.Scripting
open Plotly.NET

/// A number as people write it: 1e-8, 0.05.
let short (x: float) =
    if x = 0.0 then "0"
    elif x < 1e-3 then (x.ToString "0.#e-0")
    else x.ToString "0.####"

let private text (s: string) = WebUtility.HtmlEncode s |> string

/// The catalogue as a table in Markdown: docs/verification.md holds it, and a test compares.
let table () =
    let cell (s: string) = s.Replace("|", "\\|")

    let row (check: Check) =
        let power =
            if check.Alpha = 0.0 then
                "exact"
            else
                $"{short check.Notices} ({check.Measure})"

        $"| `{check.Name}` | {cell check.Claim} | {cell check.Source} | {short check.Alpha} | {cell power} |"

    [
        "| check | claim | held against | α | notices with probability 0.99 |"
        "| --- | --- | --- | --- | --- |"
        for check in Catalogue.checks do
            row check
    ]
    |> String.concat "\n"

/// The planted defects as a table in Markdown.
let defects () =
    [
        "| defect | rejected by |"
        "| --- | --- |"
        for defect in Defects.all do
            $"| {defect.Name} | `{defect.RejectedBy}` |"
    ]
    |> String.concat "\n"

// ---- the page

let private style =
    """
body { font-family: Arial, Helvetica, sans-serif; font-size: 14px; color: #333333; margin: 2em; max-width: 1250px; }
table { border-collapse: collapse; margin: 0.6em 0; }
th, td { border-bottom: 1px solid #dddddd; padding: 3px 10px 3px 0; text-align: left; vertical-align: top; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.pass { color: #009E73; font-weight: bold; } .fail { color: #D55E00; font-weight: bold; }
code { font-size: 12px; } h2 { margin-top: 2em; border-top: 2px solid #333333; padding-top: 0.6em; }
summary { cursor: pointer; }
"""

/// plotly.js as Plotly.NET puts it into a page of its own.
let private library =
    lazy
        (let page =
            Figure.ofCurves "" "" [ Figure.curve Look.Points 0 "" [ 0.0, 0.0 ] ]
            |> Figure.toHtml

         let start = page.IndexOf "<script"
         page.Substring(start, page.IndexOf("</script>", start) + "</script>".Length - start))

let private chart figure =
    GenericChart.toChartHTML (Figure.toChart figure)

let private pass passed =
    if passed then
        "<span class=\"pass\">passed</span>"
    else
        "<span class=\"fail\">FAILED</span>"

let private anchor (check: Check) = check.Name.Replace('/', '-')

let private summary (verdict: Verdict) =
    let check = verdict.Check
    let number (s: string) = $"<td class=\"number\">{s}</td>"

    String.concat
        ""
        [
            $"<tr><td><a href=\"#{anchor check}\">{text check.Name}</a></td><td>{pass verdict.Passed}</td>"
            number (string verdict.Evidence.Findings.Length)
            number (verdict.Size.ToString "N0")
            number (
                if check.Alpha = 0.0 then
                    "exact"
                else
                    short verdict.SmallestP
            )
            number (short verdict.Level)
            number (short check.Alpha)
            $"<td>{short verdict.Sees} ({text check.Measure})</td>"
            number (verdict.Elapsed.TotalSeconds.ToString "0.0")
            "</tr>"
        ]

let private findings (verdict: Verdict) =
    String.concat
        "\n"
        [
            "<table><tr><th>comparison</th><th>result</th><th>p-value</th><th></th></tr>"
            for it in verdict.Evidence.Findings do
                let again =
                    if verdict.IsAgainst it && it.Again <> "" then
                        $"<br><code>{text it.Again}</code>"
                    else
                        ""

                $"<tr><td>{text it.Label}</td><td>{text it.Statistic}{again}</td><td class=\"number\">{short it.P}</td><td>{pass (not (verdict.IsAgainst it))}</td></tr>"
            "</table>"
        ]

/// The check's own pictures; else its p-values in order, over the level that each is held to.
let private figures (verdict: Verdict) =
    match verdict.Evidence.Figures() with
    | [] when verdict.Check.Alpha > 0.0 ->
        let n = verdict.Evidence.Findings.Length

        let points =
            verdict.Evidence.Findings
            |> List.mapi (fun i it -> float (i + 1), max 1e-12 it.P)

        [
            Figure.ofCurves
                "comparison"
                "p-value (at least 1e-12)"
                [
                    Figure.curve Look.Points 0 "p-value" points
                    Figure.curve Look.Sharp 0 "level" [ 1.0, verdict.Level; float n, verdict.Level ]
                ]
            |> Figure.withLogY
            |> Figure.withTitle "p-values"
        ]
    | figures -> figures

let private section (verdict: Verdict) =
    let check = verdict.Check

    String.concat
        "\n"
        [
            $"<h2 id=\"{anchor check}\">{text check.Name} {pass verdict.Passed}</h2>"
            $"<p>{text check.Claim}<br>Held against: {text check.Source}.</p>"
            for note in verdict.Evidence.Notes do
                $"<p>{text note}</p>"
            let opened = if verdict.Passed then "" else " open"
            $"<details{opened}><summary>{verdict.Evidence.Findings.Length} comparisons at {short verdict.Level} each</summary>{findings verdict}</details>"

            // Two side by side: the page stays short.
            for pair in figures verdict |> List.chunkBySize 2 do
                match pair with
                // A panel alone has no heading.
                | [ figure ] -> chart figure
                | pair ->
                    pair
                    |> List.map (fun figure -> Figure.withHeading figure.Title figure)
                    |> Figure.row ""
                    |> chart
        ]

let private isChance (verdict: Verdict) =
    verdict.Check.Alpha > 0.0 && not (verdict.Check.Name.StartsWith "bounds/")

/// The page, with everything in it.
let page
    (effort: Effort)
    (seed: uint64)
    (elapsed: TimeSpan)
    (verdicts: Verdict list)
    (planted: (Defects.Defect * Verdict) list)
    =
    let passed = verdicts |> List.filter _.Passed |> List.length
    let comparisons = verdicts |> List.sumBy _.Evidence.Findings.Length
    let alpha = verdicts |> List.sumBy _.Check.Alpha

    let pValues =
        verdicts
        |> List.filter isChance
        |> List.collect _.Evidence.Findings
        |> List.map _.P

    String.concat
        "\n"
        [
            "<!DOCTYPE html>"
            $"<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Verification of Collapse</title><style>{style}</style>"
            library.Value
            "</head><body>"
            "<h1>Verification of Collapse</h1>"
            $"<p>{pass (passed = verdicts.Length)}: {passed} of {verdicts.Length} checks, {comparisons:N0} comparisons; effort {text effort.Name}, seed {seed}, {elapsed.TotalSeconds:F0} s, {DateTime.UtcNow:u}.<br>"
            $"In a product without faults any of these checks fails with probability at most {short alpha}. What each check looks at is in docs/verification.md.</p>"
            "<table><tr><th>check</th><th></th><th>comparisons</th><th>largest n</th><th>smallest p</th><th>level each</th><th>α</th><th>sees with probability 0.99</th><th>s</th></tr>"
            for verdict in verdicts do
                summary verdict
            "</table>"
            if pValues.Length > 5 then
                chart (
                    Picture.quantiles "p-values of all comparisons by chance" pValues
                    |> Figure.withSubtitle
                        "Comparisons of one run depend on each other, so that points may stray together."
                )
            if not planted.IsEmpty then
                "<h2>Planted defects</h2><p>Deliberately wrong parts, and the check that rejects each.</p>"
                "<table><tr><th>defect</th><th>check</th><th></th><th>smallest p</th></tr>"

                for defect, verdict in planted do
                    let seen =
                        if verdict.Passed then
                            "<span class=\"fail\">MISSED</span>"
                        else
                            "<span class=\"pass\">rejected</span>"

                    $"<tr><td>{text defect.Name}</td><td>{text defect.RejectedBy}</td><td>{seen}</td><td class=\"number\">{short verdict.SmallestP}</td></tr>"

                "</table>"
            for verdict in verdicts do
                section verdict
            "</body></html>"
        ]
