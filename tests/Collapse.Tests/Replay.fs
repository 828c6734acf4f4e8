/// Random tests that take the same cases every time.
module Collapse.Tests.Replay

open System
open Expecto

/// With this variable set every property takes cases of its own; a failure prints the seed that brings it back.
let private fresh = "COLLAPSE_FRESH_CASES"

/// So many cases from these generators, the same ones in every run.
let cases count (generators: Type list) =
    { FsCheckConfig.defaultConfig with
        maxTest = count
        arbitrary = generators
        replay =
            match Environment.GetEnvironmentVariable fresh with
            | null
            | "" -> Some(240405090UL, 4405090241UL, None)
            | _ -> None
    }
