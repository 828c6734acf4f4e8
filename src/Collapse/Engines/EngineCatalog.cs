using System.Globalization;
using System.Runtime.InteropServices;
using Collapse.Engines.Cpu;
using Collapse.Engines.Gpu;
using Collapse.Kernels;
using Collapse.Running;
using Collapse.Softmax;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;

namespace Collapse.Engines;

/// <summary>An engine that could do a run, or the reason why it cannot.</summary>
/// <param name="Name">As on the command line: "cpu", "reference", "cuda:0", "opencl:0".</param>
/// <param name="Device">The device, in words; empty where there is none.</param>
/// <param name="MemoryBytes">The device's own memory, or null where it uses main memory.</param>
/// <param name="Usable">Whether a run can use it.</param>
/// <param name="Reason">Why not, or null.</param>
public sealed record EngineInfo(string Name, string Device, long? MemoryBytes, bool Usable, string? Reason);

/// <summary>Finds engines and creates them by name.</summary>
public static class EngineCatalog
{
    private static readonly Lock Search = new();

    private const string Forms = "must be auto, cpu, reference, cuda, cuda:I, opencl or opencl:I";

    /// <summary>All engines, usable ones and others; kinds without a device appear once, with the reason.</summary>
    public static IReadOnlyList<EngineInfo> List()
    {
        using var cpu = new CpuEngine();
        using Context context = CreateContext();
        return
        [
            new EngineInfo(cpu.Name, cpu.Device, null, true, null),
            new EngineInfo("reference", "plain scalar code, one thread, for checking", null, true, null),
            .. Describe("cuda", Devices(context, "cuda"), CudaMissing()),
            .. Describe("opencl", Devices(context, "opencl"), OpenClMissing()),
        ];
    }

    /// <summary>Creates an engine.</summary>
    /// <param name="specification">
    /// <c>auto</c> (the first CUDA device, otherwise the CPU) · <c>cpu</c> · <c>reference</c> · <c>cuda[:i]</c> ·
    /// <c>opencl[:i]</c> with i from 0.
    /// </param>
    /// <param name="threads">Worker threads of the CPU engine; null for one per core.</param>
    /// <param name="classifier">
    /// What it is to train; null for the closed form. Softmax models are trained on the CPU, which <c>auto</c> then takes.
    /// </param>
    /// <exception cref="InvalidInputException">
    /// The name is unknown, the device is absent or cannot be used, or it cannot train the classifier.
    /// </exception>
    public static IEngine Create(string specification, int? threads = null, Classifier? classifier = null)
    {
        ArgumentNullException.ThrowIfNull(specification);
        if (threads is < 1 or > 1024)
        {
            throw new InvalidInputException(
                "--threads",
                threads.Value.ToString(CultureInfo.InvariantCulture),
                "must lie in 1 to 1,024",
                "choose the number of threads"
            );
        }

        string[] parts = specification.Split(':');
        int number = 0;
        bool isNumbered =
            parts.Length == 2 && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out number);
        bool isSoftmax = classifier is { IsClosedForm: false };
        return (parts[0], parts.Length == 1 || isNumbered) switch
        {
            ("auto" or "cpu", true) when parts.Length == 1 && isSoftmax => new SoftmaxEngine(threads),
            ("reference" or "cuda" or "opencl", true) when isSoftmax => throw ClassifierRules.Refuse(
                specification,
                classifier!
            ),
            ("auto", true) when parts.Length == 1 => CreateBest(threads),
            ("cpu", true) when parts.Length == 1 => new CpuEngine(threads),
            ("reference", true) when parts.Length == 1 => new ReferenceEngine(),
            ("cuda", true) => CreateDevice(specification, "cuda", number, CudaMissing()),
            ("opencl", true) => CreateDevice(specification, "opencl", number, OpenClMissing()),
            _ => throw new InvalidInputException(
                "--engine",
                specification,
                Forms,
                "run 'collapse devices' to see what is there"
            ),
        };
    }

    // OpenCL is not chosen unasked: on most machines its device is the CPU, which the CPU engine uses better.
    // Without a driver no context is made: that takes longer than a small run.
    private static IEngine CreateBest(int? threads) =>
        HasCudaDriver() && List().Any(e => e.Name == "cuda:0" && e.Usable)
            ? CreateDevice("auto", "cuda", 0, CudaMissing())
            : new CpuEngine(threads);

    private static IlgpuEngine CreateDevice(string specification, string kind, int number, string missing)
    {
        Context context = CreateContext();
        List<Device> devices = Devices(context, kind);
        string? reason =
            devices.Count == 0 ? missing
            : number >= devices.Count
                ? string.Create(
                    CultureInfo.InvariantCulture,
                    $"there {(devices.Count == 1 ? "is 1 device" : $"are {devices.Count} devices")} of this kind, numbered from 0"
                )
            : WhyUnusable(devices[number]);
        if (reason is null)
        {
            return new IlgpuEngine(number == 0 ? kind : specification, context, devices[number]);
        }

        context.Dispose();
        throw new InvalidInputException(
            "--engine",
            specification,
            $"must name a device that is present ({reason})",
            "run 'collapse devices' to see what is there, or use --engine cpu"
        );
    }

    // One at a time: OpenCL's loader finds no device while another thread looks for them.
    internal static Context CreateContext()
    {
        lock (Search)
        {
            Context context = Context.Create(builder => builder.Cuda().OpenCL(_ => true));
            SoftmaxFma.Register(context);
            return context;
        }
    }

    private static List<Device> Devices(Context context, string kind)
    {
        var devices = new List<Device>();
        foreach (Device device in context)
        {
            if (kind == "cuda" ? device is CudaDevice : device is CLDevice)
            {
                devices.Add(device);
            }
        }

        return devices;
    }

    private static IEnumerable<EngineInfo> Describe(string kind, IEnumerable<Device> devices, string missing)
    {
        int number = 0;
        foreach (Device device in devices)
        {
            string? reason = WhyUnusable(device);
            string name = string.Create(CultureInfo.InvariantCulture, $"{kind}:{number++}");
            yield return new EngineInfo(name, device.Name.Trim(), device.MemorySize, reason is null, reason);
        }

        if (number == 0)
        {
            yield return new EngineInfo(kind, "", null, false, missing);
        }
    }

    private static string? WhyUnusable(Device device) =>
        device switch
        {
            CLDevice { Capabilities.GenericAddressSpace: false } =>
                "the device has no generic address space, which the kernels need (OpenCL 2.0 or later with that feature)",
            CLDevice { Capabilities.Int64_Atomics: false } =>
                "the device has no 64-bit atomic operations, which the kernels need",
            CLDevice { Capabilities.Float64: false } =>
                "the device has no double precision, in which the kernels add up observables",
            _ => null,
        };

    private static bool HasCudaDriver() => CanLoad("libcuda.so.1", "libcuda.so", "nvcuda.dll");

    private static string CudaMissing() =>
        HasCudaDriver()
            ? "the NVIDIA driver finds no CUDA device"
            : "no NVIDIA driver is installed (libcuda was not found)";

    private static string OpenClMissing() =>
        CanLoad("libOpenCL.so.1", "libOpenCL.so", "OpenCL.dll", "/System/Library/Frameworks/OpenCL.framework/OpenCL")
            ? "the OpenCL loader finds no device; install one, such as PoCL 5 or later for the CPU"
            : "no OpenCL loader is installed (libOpenCL was not found)";

    private static bool CanLoad(params string[] names)
    {
        foreach (string name in names)
        {
            if (NativeLibrary.TryLoad(name, out nint handle))
            {
                NativeLibrary.Free(handle);
                return true;
            }
        }

        return false;
    }
}
