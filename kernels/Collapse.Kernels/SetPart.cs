namespace Collapse.Kernels;

/// <summary>
/// One of several groups' share of what is counted from 0: a range whose ends are multiples of 8, so that no block
/// of random numbers is made twice. A part can be empty.
/// </summary>
internal readonly struct SetPart
{
    private readonly int _number;
    private readonly int _parts;

    /// <summary>One part of <paramref name="parts"/>.</summary>
    /// <param name="number">0 to <paramref name="parts"/> - 1.</param>
    /// <param name="parts">At least 1.</param>
    public SetPart(int number, int parts)
    {
        _number = number;
        _parts = parts;
    }

    /// <summary>The only part.</summary>
    public static SetPart Whole => new(0, 1);

    /// <summary>Where the part of <paramref name="count"/> begins.</summary>
    public int First(int count) => _parts == 1 ? 0 : End(_number, count);

    /// <summary>One past where it ends.</summary>
    public int End(int count) => _parts == 1 ? count : Math.Min(End(_number + 1, count), count);

    private int End(int parts, int count) => (int)((count + 7L) / 8 * parts / _parts) * 8;
}
