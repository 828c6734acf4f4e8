using System.Reflection;
using ILGPU;
using ILGPU.Backends.OpenCL;
using ILGPU.Backends.PTX;
using ILGPU.IR;
using ILGPU.IR.Intrinsics;

namespace Collapse.Kernels;

/// <summary>
/// The fused multiply-add of single precision, a·b + c rounded once, in host and device code. ILGPU 1.5.3 has
/// none, and a product and a sum that stand apart may or may not be fused by the device's own compiler: only an
/// explicit one gives the same bits everywhere.
/// </summary>
public static class SoftmaxFma
{
    /// <summary>a·b + c, rounded once.</summary>
    [IntrinsicImplementation]
    public static float MultiplyAdd(float a, float b, float c) => MathF.FusedMultiplyAdd(a, b, c);

    /// <summary>
    /// Makes kernels that call <see cref="MultiplyAdd"/> compile in a context. Devices look at what is registered when
    /// their accelerator is created: call it before.
    /// </summary>
    /// <param name="context">The context.</param>
    public static void Register(Context context)
    {
        ArgumentNullException.ThrowIfNull(context);
        MethodInfo method = typeof(SoftmaxFma).GetMethod(nameof(MultiplyAdd))!;
        IntrinsicImplementationManager manager = context.GetIntrinsicManager();
        manager.RegisterMethod(method, new PTXIntrinsic(GenerateCodeOf(nameof(GeneratePtx)), Mode));
        manager.RegisterMethod(method, new CLIntrinsic(GenerateCodeOf(nameof(GenerateOpenCl)), Mode));
    }

    private const IntrinsicImplementationMode Mode = IntrinsicImplementationMode.GenerateCode;

    private static MethodInfo GenerateCodeOf(string name) =>
        typeof(SoftmaxFma).GetMethod(name, BindingFlags.NonPublic | BindingFlags.Static)!;

    private static void GeneratePtx(PTXBackend backend, PTXCodeGenerator generator, Value value)
    {
        var a = generator.LoadPrimitive(value[0]);
        var b = generator.LoadPrimitive(value[1]);
        var c = generator.LoadPrimitive(value[2]);
        var target = generator.AllocateHardware(value);
        using PTXCodeGenerator.CommandEmitter command = generator.BeginCommand("fma.rn.f32");
        command.AppendArgument(target);
        command.AppendArgument(a);
        command.AppendArgument(b);
        command.AppendArgument(c);
    }

    private static void GenerateOpenCl(CLBackend backend, CLCodeGenerator generator, Value value)
    {
        var a = generator.Load(value[0]);
        var b = generator.Load(value[1]);
        var c = generator.Load(value[2]);
        var target = generator.Allocate(value);
        using CLCodeGenerator.StatementEmitter statement = generator.BeginStatement(target, "fma");
        statement.BeginArguments();
        statement.AppendArgument(a);
        statement.AppendArgument(b);
        statement.AppendArgument(c);
        statement.EndArguments();
    }
}
