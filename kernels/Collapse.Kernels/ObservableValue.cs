namespace Collapse.Kernels;

/// <summary>
/// The observables of a row as numbers, and these as whole numbers of a small unit: the only floating point in
/// a run. Each is a conversion, multiplications and divisions, which IEEE 754 rounds in one way only, so that a
/// device gives the same bits as the host.
/// </summary>
public static class ObservableValue
{
    /// <summary>Binary places of an entropy in fixed point.</summary>
    public const int EntropyBits = 57;

    /// <summary>Binary places of a probability or an L1 distance in fixed point.</summary>
    public const int ProbabilityBits = 60;

    /// <summary>Σ p_i² from Σ c_i² and n.</summary>
    public static double SumOfSquares(long squares, int size) => squares / ((double)size * size);

    /// <summary>max p_i from max c_i and n.</summary>
    public static double MaxProbability(int largest, int size) => largest / (double)size;

    /// <summary>-Σ p_i ln p_i from n ln n - Σ c_i ln c_i in units of <paramref name="logUnit"/>; 0 where one token has all.</summary>
    public static double Entropy(long logs, int largest, int size, double logUnit) =>
        largest == size ? 0 : logs * logUnit / size;

    /// <summary>Σ |p_i^(m) - p_i^(1)| from Σ |c_i·n_1 - f_i·n|.</summary>
    public static double L1FromFirst(long distance, int size, int firstSize) => distance / ((double)size * firstSize);

    /// <summary>Σ |p_i^(m) - p_i^(0)| from Σ |c_i·Q - n·q_i|, with <paramref name="truthUnit"/> = 1/Q.</summary>
    public static double L1FromTruth(long distance, int size, double truthUnit) => distance / (double)size * truthUnit;

    /// <summary>The unseen mass from its units and their size: 1/Q, or 1/n_1 for a corpus.</summary>
    public static double UnseenMass(long mass, double unit) => mass * unit;

    /// <summary>A value in units of 2^-bits, rounded down.</summary>
    /// <param name="value">From 0; below 2^63 units.</param>
    /// <param name="unitsInOne">2^bits.</param>
    public static long ToFixed(double value, double unitsInOne) => (long)(value * unitsInOne);
}
