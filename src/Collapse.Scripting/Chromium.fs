namespace Collapse.Scripting

open System
open System.ComponentModel
open System.Diagnostics
open System.IO

/// <summary>The web browser that turns figures into images; pages need none.</summary>
[<RequireQualifiedAccess>]
module Chromium =
    let private variable = "COLLAPSE_CHROMIUM"

    let private names =
        [ "chromium"; "chromium-browser"; "google-chrome"; "chrome"; "msedge" ]

    /// <summary>The full path of the program; set it where the browser is in an unusual place.</summary>
    let mutable path: string option = None

    /// Who names a program, and the program that is named.
    let private given () =
        match path, Option.ofObj (Environment.GetEnvironmentVariable variable) with
        | Some program, _ -> Some("Chromium.path", program)
        | None, Some "" -> None
        | None, named ->
            named
            |> Option.map (fun program -> $"The environment variable {variable}", program)

    let private onPath () =
        let folders =
            (Environment.GetEnvironmentVariable "PATH"
             |> Option.ofObj
             |> Option.defaultValue "")
                .Split
                Path.PathSeparator

        names
        |> Seq.collect (fun name ->
            folders
            |> Seq.collect (fun folder -> [ Path.Combine(folder, name); Path.Combine(folder, name + ".exe") ]))
        |> Seq.tryFind File.Exists

    /// <summary>The program: <c>Chromium.path</c>, the environment variable COLLAPSE_CHROMIUM, or the first one on PATH; none where that is not there.</summary>
    let tryFind () =
        match given () with
        | Some(_, program) -> Some program |> Option.filter File.Exists
        | None -> onPath ()

    let private remedy =
        $"Images need Chromium or Chrome: install one (Debian: apt-get install chromium), and give its full path by Chromium.path or the environment variable {variable} where it is not on PATH. Pages (Figure.save with .html) need no browser."

    /// The program, and the error where it fails in some way: who names it matters where it is the wrong one.
    let private find () =
        let failed (program: string) (way: string) =
            IOException $"{program} {way}. {remedy}"

        match given (), tryFind () with
        | Some(who, _), Some program -> program, failed $"{who} names '{program}', which"
        | None, Some program -> program, failed program
        | Some(who, program), None ->
            let reason =
                if Directory.Exists program then
                    "which is a folder"
                else
                    "and there is no such file"

            raise (FileNotFoundException $"{who} names '{program}', {reason}. {remedy}")
        | None, None -> raise (FileNotFoundException $"No browser was found. {remedy}")

    let private flags =
        [
            "--headless"
            "--no-sandbox"
            "--disable-gpu"
            "--no-first-run"
            "--disable-background-networking"
            "--disable-component-update"
            "--disable-sync"
            // Scripts may take a minute of the page's own time.
            "--virtual-time-budget=60000"
        ]

    // Pages open within seconds; a program that knows none of these flags may wait for ever.
    let private patience = TimeSpan.FromMinutes 3.0

    /// <summary>Opens a page in the browser and gives the document back as its scripts left it.</summary>
    /// <exception cref="T:System.IO.FileNotFoundException">There is no browser.</exception>
    /// <exception cref="T:System.IO.IOException">The program does not start, fails, or does not end.</exception>
    let dumpDom (html: string) =
        let program, failed = find ()
        let folder = Directory.CreateTempSubdirectory "collapse-figure"

        try
            let page = Path.Combine(folder.FullName, "page.html")
            File.WriteAllText(page, html)
            let profile = Path.Combine(folder.FullName, "profile")

            let info =
                ProcessStartInfo(
                    program,
                    flags @ [ $"--user-data-dir={profile}"; "--dump-dom"; Uri(page).AbsoluteUri ],
                    RedirectStandardOutput = true,
                    RedirectStandardError = true,
                    UseShellExecute = false
                )

            let started =
                try
                    Process.Start info
                with :? Win32Exception as error ->
                    raise (failed $"does not start: {error.Message}")

            match started with
            | null -> raise (failed "does not start")
            | browser ->
                use browser = browser
                let errors = browser.StandardError.ReadToEndAsync()
                let dom = browser.StandardOutput.ReadToEndAsync()

                if not (browser.WaitForExit patience) then
                    browser.Kill(entireProcessTree = true)
                    raise (failed $"did not open the page within {patience.TotalMinutes} minutes")

                if browser.ExitCode <> 0 then
                    raise (failed $"ended with exit code {browser.ExitCode}: {errors.Result.Trim()}")

                if dom.Result = "" then
                    raise (failed "opened no page")

                dom.Result
        finally
            try
                folder.Delete true
            with :? IOException ->
                // Its helpers may still be writing their last lines there; the system cleans up.
                ()

    /// <summary>The figure of a Plotly page as an image of a format ("png" or "svg").</summary>
    let internal image (format: string) (html: string) =
        let script =
            $"""<script>Plotly.toImage(document.querySelector('.js-plotly-plot'), {{format: '{format}', scale: 2}}).then(url => {{
                const text = document.createElement('pre'); text.id = 'image'; text.textContent = url;
                document.body.replaceChildren(text); }});</script></body>"""

        let dom = dumpDom (html.Replace("</body>", script))
        let start = "<pre id=\"image\">data:image/"

        match dom.IndexOf start with
        | -1 -> raise (snd (find ()) "drew no image")
        | at ->
            let url =
                dom.Substring(at + start.Length, dom.IndexOf("</pre>", at) - at - start.Length)

            let content = url.Substring(url.IndexOf ',' + 1)

            if url.Contains ";base64," then
                Convert.FromBase64String content
            else
                Text.Encoding.UTF8.GetBytes(Uri.UnescapeDataString(content.Replace("&amp;", "&")))
