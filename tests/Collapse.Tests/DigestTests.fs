/// A digest is a contract (docs/model.md): the same settings give it on every engine and in every version. These are
/// written down; a change that moves one of them changes results, or what the digest says of them.
module Collapse.Tests.DigestTests

open System
open Expecto
open Collapse.Engines.Cpu
open Collapse.Kernels
open Collapse.Model
open Collapse.Priors
open Collapse.Running
open Collapse.Tests.Runs

/// Whole weights: no floating-point function of the operating system has a part in them.
let private law = lazy (PriorParser.FromWeights [ 5.0; 0.0; 3.0; 1.0; 1.0; 7.0 ])

let private uniform = lazy (prior "uniform:9")

let private irregular =
    custom "irregular" (fun m ->
        if m % 3 = 1 then
            [ 0, 2; max 0 (m - 2), 5 ]
        else
            [ m - 1, 6; max 0 (m - 4), 1 ])

let private written: (string * (unit -> Job) * string) list =
    [
        "fully-synthetic", (fun () -> job Scenario.FullySynthetic law.Value 7 12 9 1UL), "0c616baeb24b344d"
        "partially-synthetic",
        (fun () ->
            { job Scenario.PartiallySynthetic law.Value 7 12 9 2UL with
                Real = Some 5
            }),
        "c515688416d5137a"
        "recent-models 3", (fun () -> job (Scenario.RecentModels 3) law.Value 7 12 9 3UL), "037506c1370dfa04"
        "random-models", (fun () -> job Scenario.RandomModels law.Value 7 12 9 4UL), "317c88dd150f6b47"
        "a custom schedule", (fun () -> job irregular law.Value 7 12 9 5UL), "dd1b45905ada6650"
        "a seed of 64 bits",
        (fun () -> job Scenario.FullySynthetic uniform.Value 3 1_000 4 0xFEDCBA9876543210UL),
        "cf13560f70c4ac4b"
        "32-bit indices", (fun () -> job Scenario.FullySynthetic uniform.Value 2 70_000 3 6UL), "9a7c466c487c547e"
        "until collapse", (fun () -> collapseJob Scenario.FullySynthetic law.Value 11 8 7UL), "ee87942d0b3dce13"
        "until collapse, chosen reports",
        (fun () ->
            { collapseJob Scenario.FullySynthetic law.Value 11 40 8UL with
                ReportAt = ReportGrid.At [ 2; 50 ]
            }),
        "02b6a9fb2f7c92c9"
        "counts in place of tokens",
        (fun () ->
            { job Scenario.FullySynthetic law.Value 7 1_500 40 11UL with
                Sampler = Sampler.Counts
            }),
        "4c6c5bf603d0d6f7"
        "counts in place of tokens, until collapse",
        (fun () ->
            { collapseJob Scenario.FullySynthetic law.Value 11 60 12UL with
                Sampler = Sampler.Counts
            }),
        "389001bcbee0425a"
        "a corpus", (fun () -> onCorpus Scenario.FullySynthetic None 6 9UL), "33b83e00efd3d505"
        "a corpus whose real tokens come back",
        (fun () -> onCorpus (custom "again" (fun m -> if m % 5 = 0 then [ 0, 4 ] else [ m - 1, 3 ])) None 24 13UL),
        "d0144229faac3149"
        "a corpus, until collapse",
        (fun () ->
            { onCorpus Scenario.FullySynthetic (Some 9) 1 10UL with
                Generations = None
                UntilCollapse = true
            }),
        "2d92c23c254316f8"
    ]

[<Tests>]
let tests =
    testList
        "digests"
        [
            for name, job, digest in written do
                test name {
                    Expect.equal (reference (job ())).Result.Digest digest "the reference"

                    for width in CpuEngine.Widths do
                        use engine = new CpuEngine(1, width)
                        Expect.equal (run engine (job ())).Result.Digest digest $"cpu, {int width} bits"

                    for name, device in devices.Value do
                        match device with
                        | Ok engine -> Expect.equal (runOn engine (job ())).Result.Digest digest name
                        | Error _ -> ()
                }
            test "the mixer is SplitMix64's" {
                // The first outputs of the generator with seed 0, as its authors' program prints them: state k times the
                // golden ratio.
                for k, expected in
                    [
                        1UL, 0xE220A8397B1DCDAFUL
                        2UL, 0x6E789E6AA1B965F4UL
                        3UL, 0x06C45D188009454FUL
                    ] do
                    Expect.equal (CountsHash.Mix(k * 0x9E3779B97F4A7C15UL)) expected $"output {k}"
            }
            test "a share tells tokens and counts apart" {
                Expect.equal (CountsHash.Share(3, 5)) (CountsHash.Mix((3UL <<< 32) ||| 5UL)) "the token above the count"
                Expect.notEqual (CountsHash.Share(3, 5)) (CountsHash.Share(5, 3)) "not the other way round"
            }
        ]
