// The one place with references. Every script starts with `#load "load.fsx"`, after `dotnet fsi build.fsx build`.
#I "../src/Collapse.Scripting/bin/Release/net10.0"
#r "Collapse.dll"
#r "Collapse.Kernels.dll"
#r "Collapse.Theory.dll"
#r "Collapse.Scripting.dll"
#r "Deedle.dll"
#r "DynamicObj.dll"
#r "Giraffe.ViewEngine.dll"
#r "ILGPU.dll"
#r "MathNet.Numerics.dll"
#r "Newtonsoft.Json.dll"
#r "Plotly.NET.dll"

#load "../src/Collapse.Scripting/Collapse.Scripting.fsx"

open Collapse.Scripting

/// `--quick` on the command line: small sizes, for a first look and for the tests.
let quick = fsi.CommandLineArgs |> Array.contains "--quick"

/// The size for a quick look, or the full one.
let size small full = if quick then small else full

/// Writes a figure into the folder `figures` of the repository, or into `COLLAPSE_FIGURES`, and says where.
let keep name figure =
    let folder =
        match System.Environment.GetEnvironmentVariable "COLLAPSE_FIGURES" with
        | null
        | "" -> System.IO.Path.Combine(__SOURCE_DIRECTORY__, "..", "figures")
        | folder -> folder

    printfn "figure: %s" (Figure.save (System.IO.Path.Combine(folder, name + ".html")) figure)
