namespace Collapse.Kernels;

/// <summary>
/// <see cref="Philox"/> for the inner loops of kernels, its rounds one after the other: ILGPU 1.5.3 leaves a loop
/// rolled. The same words as <see cref="Philox.Generate"/>. A 64-bit product of two zero-extended words is left to
/// the driver's assembler, which sees that the high halves are 0: inline assembly with mul.wide.u32 would pass its
/// result through local memory.
/// </summary>
internal static class DevicePhilox
{
    /// <summary>The block of a stream: <see cref="DrawStream.Block"/> at attempt 0.</summary>
    public static PhiloxBlock Block(in DrawStream stream, uint block) =>
        Generate(block, stream.Generation, stream.Context, stream.Tag, stream.Key0, stream.Key1);

    private static PhiloxBlock Generate(uint c0, uint c1, uint c2, uint c3, uint key0, uint key1)
    {
        var x = new PhiloxBlock(c0, c1, c2, c3);
        x = Round(x, key0, key1);
        x = Round(x, key0 + Philox.Weyl0, key1 + Philox.Weyl1);
        x = Round(x, key0 + unchecked(2 * Philox.Weyl0), key1 + unchecked(2 * Philox.Weyl1));
        x = Round(x, key0 + unchecked(3 * Philox.Weyl0), key1 + unchecked(3 * Philox.Weyl1));
        x = Round(x, key0 + unchecked(4 * Philox.Weyl0), key1 + unchecked(4 * Philox.Weyl1));
        x = Round(x, key0 + unchecked(5 * Philox.Weyl0), key1 + unchecked(5 * Philox.Weyl1));
        x = Round(x, key0 + unchecked(6 * Philox.Weyl0), key1 + unchecked(6 * Philox.Weyl1));
        x = Round(x, key0 + unchecked(7 * Philox.Weyl0), key1 + unchecked(7 * Philox.Weyl1));
        x = Round(x, key0 + unchecked(8 * Philox.Weyl0), key1 + unchecked(8 * Philox.Weyl1));
        return Round(x, key0 + unchecked(9 * Philox.Weyl0), key1 + unchecked(9 * Philox.Weyl1));
    }

    private static PhiloxBlock Round(PhiloxBlock x, uint key0, uint key1)
    {
        ulong product0 = (ulong)Philox.Multiplier0 * x.X0;
        ulong product1 = (ulong)Philox.Multiplier1 * x.X2;
        return new PhiloxBlock(
            (uint)(product1 >> 32) ^ x.X1 ^ key0,
            (uint)product1,
            (uint)(product0 >> 32) ^ x.X3 ^ key1,
            (uint)product0
        );
    }
}
