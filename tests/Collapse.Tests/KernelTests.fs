/// Every kernel compiles for CUDA, on machines that have none.
module Collapse.Tests.KernelTests

open System
open System.Reflection
open System.Text.RegularExpressions
open Expecto
open ILGPU
open ILGPU.Backends.EntryPoints
open ILGPU.Backends.PTX
open ILGPU.Runtime
open ILGPU.Runtime.CPU
open ILGPU.Runtime.Cuda
open Collapse.Kernels
open Collapse.Engines.Gpu
open Collapse.Tests.PtxLoops

let private isIndex (t: Type) =
    List.contains t [ typeof<Index1D>; typeof<Index2D>; typeof<Index3D> ]

/// A kernel is a public static method without a result whose parameters are plain values.
let private kernels =
    [
        for kind in typeof<ContextKernel>.Assembly.GetExportedTypes() do
            for method in kind.GetMethods(BindingFlags.Public ||| BindingFlags.Static ||| BindingFlags.DeclaredOnly) do
                let parameters = method.GetParameters()

                if
                    method.ReturnType = typeof<Void>
                    && parameters.Length > 0
                    && parameters |> Array.forall (fun p -> p.ParameterType.IsValueType)
                then
                    method
    ]

let private nameOf (method: MethodInfo) =
    let kind = nonNull method.DeclaringType
    $"{kind.Name}.{method.Name}"

/// With the target that stands in the assembly: ILGPU 1.5.3 writes sm_80 for all later architectures, whose
/// drivers take it.
let private architectures =
    [
        CudaArchitecture.SM_70, "sm_70"
        CudaArchitecture.SM_80, "sm_80"
        CudaArchitecture.SM_90, "sm_80"
    ]

let private compile (architecture: CudaArchitecture) (method: MethodInfo) =
    use context =
        Context.Create(fun builder -> builder.Math(MathMode.Default) |> ignore)

    SoftmaxFma.Register context

    use backend =
        new PTXBackend(context, architecture, CudaInstructionSet.ISA_80, Unchecked.defaultof<NvvmAPI>)

    let entry =
        if isIndex (method.GetParameters()[0]).ParameterType then
            EntryPointDescription.FromImplicitlyGroupedKernel method
        else
            EntryPointDescription.FromExplicitlyGroupedKernel method

    let specialization = KernelSpecialization.Empty

    match backend.Compile(&entry, &specialization) with
    | :? PTXCompiledKernel as kernel -> kernel.PTXAssembly
    | other -> failtest $"not PTX but {other.GetType().Name}"

/// What floating point a kernel may have.
type private Arithmetic =
    /// None: the same integers on every engine.
    | Integers
    /// Weights of logits: in single precision, of operations that are rounded once and that no compiler may fuse with
    /// another, so that they too are the same on every engine.
    | ExactWeights
    /// Single precision: what it computes agrees within a tolerance.
    | SinglePrecision
    /// Double precision, of operations that are rounded once and never fused, as the host does them.
    | ExactValues

let private arithmeticOf name =
    match name with
    | "SoftmaxSamplingKernel.Sample" -> ExactWeights
    | "RowSumsKernel.Add" -> ExactValues
    | "SoftmaxRefitKernel.Accumulate"
    | "SoftmaxRefitKernel.Normalise" -> SinglePrecision
    | _ -> Integers

/// Single-precision instructions that have one result on every device: none of them a product alone, which could be
/// fused with the sum that follows.
let private exact =
    Regex @"^\s*(@\S+\s+)?(fma\.rn|sub|add|neg|ld(\.\w+)*|st(\.\w+)*|mov|selp|setp\.\w+|cvt\.rzi\.\w+)\.f32\b"

/// Double-precision instructions that have one result on every device. A product stands alone only because no sum
/// follows it: what is added up are integers.
let private exactValue =
    Regex
        @"^\s*(@\S+\s+)?(div\.rn|rcp\.rn|mul|ld(\.\w+)*|st(\.\w+)*|mov|selp|setp\.\w+|cvt(\.\w+)*)\.f64\b|cvt\.rzi\.s64\.f64|cvt\.rn\.f64\.\w+"

/// What only declares.
let private declaration = Regex @"^\s*(\.reg|\.param|\.visible \.func)\b"

let private isAllowed arithmetic (line: string) =
    match arithmetic with
    | Integers -> false
    | ExactWeights -> exact.IsMatch line || declaration.IsMatch line
    | SinglePrecision -> not (Regex.IsMatch(line, @"\.f(16|64)\b"))
    | ExactValues ->
        not (Regex.IsMatch(line, @"\.f(16|32)\b"))
        && (exactValue.IsMatch line || declaration.IsMatch line)

/// What must not stand in device code.
let private unwanted arithmetic (ptx: string) =
    [
        for line in ptx.Split '\n' do
            if Regex.IsMatch(line, @"\.f(16|32|64)\b") && not (isAllowed arithmetic line) then
                $"floating point: {line.Trim()}"
        if Regex.IsMatch(ptx, "vprintf|__assertfail") then
            "printf or assert"
        if Regex.IsMatch(ptx, @"\bcall\b[^;]*MultiplyAdd") then
            "a call in the place of an instruction"
    ]

/// The most instructions for one store of a loop, by the stores of its longest way round: a draw stores its token,
/// in LaneKernel its count too. Eight draws come from a block's half words, four from its words, one from what is
/// left of a segment, from the truth or from a mixture. They only go down: who needs fewer writes the number here
/// and in docs/benchmarks.md.
let private mostPerStore =
    [
        "ContextKernel.Advance", [ 1, 636.0; 4, 94.5; 8, 56.75 ]
        "LaneKernel.Advance", [ 16, 30.9375 ]
        "PartsKernel.Draw", [ 1, 638.0; 4, 94.5; 8, 56.75 ]
        "SharedSetKernel.Advance", [ 1, 321.0; 4, 52.0; 8, 34.0 ]
    ]

/// The most instructions of a whole kernel, however often they run.
let private mostInstructions =
    [
        "ContextKernel.Advance", 4056
        "CountsKernel.Advance", 2424
        "LaneKernel.Advance", 2476
        "LaneKernel.AdvanceFixed", 2474
        "PartsKernel.Draw", 3471
        "PartsKernel.Finish", 1004
        "PartsKernel.Sum", 781
        "PhiloxProbeKernel.Generate", 88
        "PhiloxSumKernel.Sum", 115
        "RowSumsKernel.Add", 908
        "SoftmaxRefitKernel.Accumulate", 243
        "SoftmaxRefitKernel.Normalise", 318
        "SharedSetKernel.Advance", 2671
        "SharedSetKernel.AdvanceFixed", 2669
        "SoftmaxSamplingKernel.Sample", 1588
    ]

let private kernelOf name =
    kernels
    |> List.find (fun method -> nameOf method = name)
    |> compile CudaArchitecture.SM_90

let private instructionTests =
    [
        for name, ceilings in mostPerStore do
            test $"a draw of {name} takes no more instructions than it did" {
                // A loop around drawing loops has no way round without them.
                let loops =
                    drawLoops (kernelOf name)
                    |> List.filter (fun loop -> loop.Instructions > 0)
                    |> List.groupBy _.Draws

                Expect.equal (List.map fst loops) (List.map fst ceilings) "the loops, by what they store"

                for (_, loops), (stores, most) in List.zip loops ceilings do
                    let found = loops |> List.map _.PerDraw |> List.max
                    // Ten rounds of Philox alone are more than a hundred instructions a block.
                    Expect.isGreaterThan found (100.0 / float stores) "the rounds are counted"
                    Expect.isLessThanOrEqual found most $"instructions a store, {stores} to a way round"
            }
        for name, most in mostInstructions do
            test $"{name} has no more instructions than it had" {
                let found = instructionCounts (kernelOf name) |> Map.values |> Seq.sum
                Expect.isGreaterThan found 50 "they are counted"
                Expect.isLessThanOrEqual found most "in all"
            }
        test "every kernel's instructions have a ceiling" {
            Expect.equal (kernels |> List.map nameOf |> List.sort) (List.map fst mostInstructions |> List.sort) ""
        }
        test "a loop's longest way round is counted, rounds ten times, redraws not at all" {
            let text redraw store =
                $"""
                .visible .entry Kernel_Planted()
                {{
                .reg .pred %%p<5>;
                mov.b32 %%r1, 0;
                L_draw:
                setp.lt.s32 %%p1, %%r1, %%r2;
                @%%p1 bra L_rounds;
                ret;
                L_rounds:
                mul.lo.s64 %%rd1, %%rd2, 3528531795;
                add.s32 %%r5, %%r5, 1;
                setp.lt.s32 %%p2, %%r5, 10;
                @%%p2 bra L_rounds;
                {redraw}
                L_store:
                {store}
                add.s32 %%r1, %%r1, 1;
                bra L_draw;
                }}
                """

            let redraw =
                "@%p3 bra L_store;\nL_attempt:\nadd.s32 %r8, %r8, 1;\nL_again:\nmul.lo.s64 %rd1, %rd2, 3528531795;\nadd.s32 %r7, %r7, 1;\n@%p4 bra L_again;\nadd.s32 %r8, %r8, 1;\n@%p4 bra L_attempt;"

            let store = "st.b32 [%rd3], %r1;"
            let counted redraw store = drawLoops (text redraw store)
            // Two and the branch, ten times four, the store with its step and the way back.
            Expect.equal (counted "" store) [ { Draws = 1; Instructions = 2 + 40 + 3 } ] "plain"

            Expect.equal
                (counted redraw store)
                [
                    {
                        Draws = 1
                        Instructions = 2 + 40 + 1 + 3
                    }
                ]
                "only the test for it"

            Expect.equal
                (counted "" $"{store}\n{store}\nxor.b32 %%r1, %%r1, %%r1;")
                [ { Draws = 2; Instructions = 2 + 40 + 5 } ]
                "one store and one instruction more"

            Expect.isEmpty (counted "" "") "nothing is drawn"
        }
    ]

/// Of a device that runs 100 groups.
let private limits = KernelLimits(48 * 1024, 100, 2048)

[<Tests>]
let tests =
    testList
        "kernels"
        [
            test "are all known" {
                Expect.equal
                    (kernels |> List.map nameOf |> List.sort)
                    [
                        "ContextKernel.Advance"
                        "CountsKernel.Advance"
                        "LaneKernel.Advance"
                        "LaneKernel.AdvanceFixed"
                        "PartsKernel.Draw"
                        "PartsKernel.Finish"
                        "PartsKernel.Sum"
                        "PhiloxProbeKernel.Generate"
                        "PhiloxSumKernel.Sum"
                        "RowSumsKernel.Add"
                        "SharedSetKernel.Advance"
                        "SharedSetKernel.AdvanceFixed"
                        "SoftmaxRefitKernel.Accumulate"
                        "SoftmaxRefitKernel.Normalise"
                        "SoftmaxSamplingKernel.Sample"
                    ]
                    "a new kernel is found by its signature; write it down here"
            }
            for method in kernels do
                for architecture, target in architectures do
                    test $"{nameOf method} compiles for {architecture}" {
                        let ptx = compile architecture method

                        for part in [ $".target {target}"; $".entry Kernel_{method.Name}" ] do
                            Expect.isTrue (ptx.Contains part) $"the assembly has {part}"

                        Expect.equal
                            (unwanted (arithmeticOf (nameOf method)) ptx)
                            []
                            "only the arithmetic it may have, and no calls that devices would not have"
                    }
            test "a method that no device can run does not compile" {
                let console = typeof<Console>.GetMethod("WriteLine", [| typeof<int> |]) |> nonNull

                Expect.throws (fun () -> compile CudaArchitecture.SM_80 console |> ignore) "it prints"
            }
            test "floating point and printf are found where they stand" {
                for line in [ "add.rn.f32 %f1, %f2, %f3;"; "fma.rn.f32 %f1, %f2, %f3, %f4;" ] do
                    Expect.equal (unwanted Integers line) [ $"floating point: {line}" ] "integers only"
                    Expect.isEmpty (unwanted SinglePrecision line) "single precision"

                for line in [ "mul.f32 %f1, %f2, %f3;"; "ex2.approx.f32 %f1, %f2;" ] do
                    Expect.equal (unwanted ExactWeights line) [ $"floating point: {line}" ] "not exact"

                Expect.isEmpty (unwanted ExactWeights "\tfma.rn.f32\t%f1, %f2, %f3, %f4;") "exact"

                Expect.isEmpty (unwanted ExactValues "\tdiv.rn.f64\t%fd1, %fd2, %fd3;") "exact"

                for arithmetic in [ Integers; ExactWeights; SinglePrecision; ExactValues ] do
                    let line = "add.f64 %fd1, %fd2, %fd3;"
                    Expect.equal (unwanted arithmetic line) [ $"floating point: {line}" ] "no double precision"
                    Expect.equal (unwanted arithmetic "call (%r1), vprintf, (%rd1, %rd2);") [ "printf or assert" ] ""

                    Expect.equal
                        (unwanted arithmetic "call (r),\nMultiplyAdd_7, (a, b, c);")
                        [ "a call in the place of an instruction" ]
                        ""

                    Expect.isEmpty (unwanted arithmetic "mul.wide.u32 %rd1, %r2, %r3;") ""
            }
            test "sizes decide which kernel trains a context" {
                let kinds slots vocabulary sizes =
                    let choice = KernelChoice(slots, vocabulary, limits)
                    sizes |> List.map choice.Of

                Expect.equal
                    (kinds 2 1000 [ 1; 128; 129; 1000; 10_000; 12_000 ])
                    [
                        KernelKind.Lane
                        KernelKind.Lane
                        KernelKind.SharedSet
                        KernelKind.SharedSet
                        KernelKind.SharedSet
                        KernelKind.General
                    ]
                    "a chain"

                Expect.equal
                    (kinds 2 200_000 [ 3_000; 10_000 ])
                    [ KernelKind.SharedSet; KernelKind.General ]
                    "a large vocabulary needs more numbers"

                Expect.equal (kinds 4 1000 [ 10; 3_000 ]) [ KernelKind.SharedSet; KernelKind.SharedSet ] "a window of 3"
                Expect.equal (kinds 501 1000 [ 1000 ]) [ KernelKind.General ] "all models"
            }
            test "launches hold contexts alike in size, the largest first, each once" {
                let sizes = [| 5; 3000; 40_000; 7; 128; 129; 5; 900 |]
                let order = LaunchClass.Order sizes
                Expect.sequenceEqual order [ 2; 1; 7; 5; 4; 3; 0; 6 ] "equal sizes as they came"
                Expect.sequenceEqual sizes [ 40_000; 3000; 900; 129; 128; 7; 5; 5 ] "sorted along"

                let classes = LaunchClass.Split(sizes, KernelChoice(2, 1000, limits), 1)

                Expect.equal
                    [ for c in classes -> c.Kind, c.Start, c.End, c.LargestSet ]
                    [
                        KernelKind.Parts, 0, 1, 40_000
                        KernelKind.SharedSet, 1, 2, 3000
                        KernelKind.SharedSet, 2, 3, 900
                        KernelKind.SharedSet, 3, 4, 129
                        KernelKind.Lane, 4, 5, 128
                        KernelKind.Lane, 5, 8, 7
                    ]
                    ""
            }
            test "few large contexts have several groups each, the others one" {
                let choice = KernelChoice(2, 1000, limits)

                Expect.equal
                    [
                        for contexts, tokens in
                            [
                                10, 100_000
                                1, 100_000
                                40, 100_000
                                51, 100_000
                                200, 100_000
                                1, 8_192
                                1, 8_191
                            ] -> choice.Parts(contexts, tokens)
                    ]
                    [ 10; 48; 2; 1; 1; 4; 1 ]
                    "groups a context"

                let general mostTables sizes =
                    [
                        for c in LaunchClass.General(sizes, choice, mostTables) -> c.Kind, c.Start, c.End, c.LargestSet
                    ]

                let sizes = [| 40_000; 20_000; 8_192; 8_191; 1 |]

                Expect.equal
                    (general 3 sizes)
                    [ KernelKind.Parts, 0, 3, 40_000; KernelKind.General, 3, 5, 8_191 ]
                    "ragged"

                Expect.equal (general 2 sizes) [ KernelKind.General, 0, 5, 40_000 ] "no room for the counts of all"
                Expect.equal (general 3 sizes[..2]) [ KernelKind.Parts, 0, 3, 40_000 ] "none is small"
                Expect.equal (general 3 sizes[3..]) [ KernelKind.General, 0, 2, 8_191 ] "none is large"

                Expect.equal
                    (general 100 (Array.create 51 40_000))
                    [ KernelKind.General, 0, 51, 40_000 ]
                    "groups have work without that"

                Expect.equal
                    [
                        for c in LaunchClass.Split([| 40_000; 9_000; 9_000 |], choice, 3) -> c.Kind, c.End
                    ]
                    [ KernelKind.Parts, 1; KernelKind.SharedSet, 3 ]
                    "what fits into shared memory stays there"
            }
            test "a processor runs a group a core" {
                use context =
                    Context.Create(fun builder -> builder.CPU(CPUDevice(4, 4, 3)) |> ignore)

                use accelerator = context.GetCPUDevice(0).CreateAccelerator context
                Expect.equal (KernelLimits.For accelerator).Groups 3 ""
            }
            testList "instructions" instructionTests
        ]
