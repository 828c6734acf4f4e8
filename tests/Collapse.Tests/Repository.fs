/// Where the tests find the repository.
module Collapse.Tests.Repository

open System
open System.IO
open Expecto

/// The repository's root: the nearest folder above the test program that holds the solution.
let root =
    let rec find (folder: DirectoryInfo | null) =
        match folder with
        | null -> failtest "Collapse.sln not found above the test program"
        | folder when File.Exists(Path.Combine(folder.FullName, "Collapse.sln")) -> folder.FullName
        | folder -> find folder.Parent

    find (DirectoryInfo AppContext.BaseDirectory)
