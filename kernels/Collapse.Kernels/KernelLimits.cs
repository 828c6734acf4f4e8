using ILGPU.Runtime;
using ILGPU.Runtime.OpenCL;

namespace Collapse.Kernels;

/// <summary>What a device gives to the kernels that train contexts.</summary>
/// <param name="SharedBytes">Bytes of shared memory that a group may take.</param>
/// <param name="Groups">Groups of the largest size that are at work at a time.</param>
/// <param name="PartTokens">Tokens that a group should draw, at least, where several share a training set.</param>
public readonly record struct KernelLimits(int SharedBytes, int Groups, int PartTokens)
{
    // What CUDA gives without asking for more, which ILGPU 1.5.3 does not.
    private const int MostSharedBytes = 48 * 1024;

    // What the kernels without dynamic shared memory have: at most 32 KB, which OpenCL devices commonly give.
    private const int MostOpenClBytes = (sizeof(int) * SharedSetKernel.FixedWords) + SharedSetKernel.FixedBytes;

    // 2,048 threads, as all NVIDIA data-centre cards have; a core of a processor runs one group after the other.
    private const int GroupsPerProcessor = 8;

    // A block of eight half words for each of 256 threads: fewer would leave threads idle.
    private const int LeastPartTokens = 2048;

    /// <summary>The limits of a device.</summary>
    public static KernelLimits For(Accelerator accelerator)
    {
        ArgumentNullException.ThrowIfNull(accelerator);
        bool isOpenCl = accelerator.AcceleratorType == AcceleratorType.OpenCL;
        bool isProcessor =
            accelerator.AcceleratorType == AcceleratorType.CPU
            || accelerator is CLAccelerator { DeviceType: CLDeviceType.CL_DEVICE_TYPE_CPU };
        return new(
            Math.Min(isOpenCl ? MostOpenClBytes : MostSharedBytes, accelerator.MaxSharedMemoryPerGroup),
            Math.Max(1, accelerator.NumMultiprocessors) * (isProcessor ? 1 : GroupsPerProcessor),
            LeastPartTokens
        );
    }
}
