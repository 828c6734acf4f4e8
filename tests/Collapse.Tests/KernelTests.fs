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
open ILGPU.Runtime.Cuda
open Collapse.Kernels

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

/// What must not stand in device code whose results are the same on every engine.
let private unwanted (ptx: string) =
    [
        if Regex.IsMatch(ptx, @"\.f(16|32|64)\b") then
            "floating point"
        if Regex.IsMatch(ptx, "vprintf|__assertfail") then
            "printf or assert"
    ]

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
                        "PhiloxProbeKernel.Generate"
                        "PhiloxSumKernel.Sum"
                    ]
                    "a new kernel is found by its signature; write it down here"
            }
            for method in kernels do
                for architecture, target in architectures do
                    test $"{nameOf method} compiles for {architecture}" {
                        let ptx = compile architecture method

                        for part in [ $".target {target}"; $".entry Kernel_{method.Name}" ] do
                            Expect.isTrue (ptx.Contains part) $"the assembly has {part}"

                        Expect.isEmpty (unwanted ptx) "integers only, and no calls that devices would not have"
                    }
            test "a method that no device can run does not compile" {
                let console = typeof<Console>.GetMethod("WriteLine", [| typeof<int> |]) |> nonNull

                Expect.throws (fun () -> compile CudaArchitecture.SM_80 console |> ignore) "it prints"
            }
            test "floating point and printf are found where they stand" {
                Expect.equal (unwanted "add.rn.f32 %f1, %f2, %f3;") [ "floating point" ] ""
                Expect.equal (unwanted "call (%r1), vprintf, (%rd1, %rd2);") [ "printf or assert" ] ""
                Expect.isEmpty (unwanted "mul.wide.u32 %rd1, %r2, %r3;") ""
            }
        ]
