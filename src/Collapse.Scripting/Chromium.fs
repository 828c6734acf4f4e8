namespace Collapse.Scripting

open System
open System.Diagnostics
open System.IO

/// <summary>The web browser that turns figures into images; pages need none.</summary>
[<RequireQualifiedAccess>]
module Chromium =
    let private variable = "COLLAPSE_CHROMIUM"

    let private names =
        [ "chromium"; "chromium-browser"; "google-chrome"; "chrome"; "msedge" ]

    /// <summary>The path of the program; set it where the browser is in an unusual place.</summary>
    let mutable path: string option = None

    /// <summary>The program: <c>Chromium.path</c>, the environment variable COLLAPSE_CHROMIUM, or the first one on PATH.</summary>
    let tryFind () =
        let given =
            path
            |> Option.orElse (Option.ofObj (Environment.GetEnvironmentVariable variable))

        match given with
        | Some _ -> given |> Option.filter File.Exists
        | None ->
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

    let private find () =
        match tryFind () with
        | Some program -> program
        | None ->
            raise (
                FileNotFoundException
                    $"Images need Chromium or Chrome, and none was found. Install one (Debian: apt-get install chromium), or name it by Chromium.path or the environment variable {variable}. Pages (Figure.save with .html) need no browser."
            )

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

    /// <summary>Opens a page in the browser and gives the document back as its scripts left it.</summary>
    /// <exception cref="T:System.IO.FileNotFoundException">There is no browser.</exception>
    let dumpDom (html: string) =
        let program = find ()
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

            match Process.Start info with
            | null -> raise (IOException $"{program} did not start")
            | browser ->
                use browser = browser
                let errors = browser.StandardError.ReadToEndAsync()
                let dom = browser.StandardOutput.ReadToEnd()
                browser.WaitForExit()

                if browser.ExitCode <> 0 then
                    raise (IOException $"{program} ended with {browser.ExitCode}: {errors.Result}")

                dom
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
        | -1 -> raise (IOException "the browser drew no image")
        | at ->
            let url =
                dom.Substring(at + start.Length, dom.IndexOf("</pre>", at) - at - start.Length)

            let content = url.Substring(url.IndexOf ',' + 1)

            if url.Contains ";base64," then
                Convert.FromBase64String content
            else
                Text.Encoding.UTF8.GetBytes(Uri.UnescapeDataString(content.Replace("&amp;", "&")))
