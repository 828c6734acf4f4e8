namespace Collapse.Theory;

/// <summary>The largest inputs that the exact laws take, and the work they may do before they give way to a bound.</summary>
public static class Limits
{
    /// <summary>Largest n of the ancestral chain: 4,194,304. Time grows as n^1.5 (about 1 s at n = 100,000).</summary>
    public const int ChainSamples = 1 << 22;

    /// <summary>Largest number of generations in a table: 10,000,000.</summary>
    public const int Generations = 10_000_000;

    /// <summary>Largest n and N of a bound: 2^40.</summary>
    public const long Tokens = 1L << 40;

    /// <summary>Largest N, and n when fully synthetic, of which the law of one token's count in the real data is tabulated: 1,048,576. Above it the sharp bound uses Jensen's inequality.</summary>
    public const int AveragedReal = 1 << 20;

    /// <summary>Multiply-adds that one exact deviation may cost by default: 10^10 by a generous estimate, a few seconds on one core.</summary>
    public const long DefaultWork = 10_000_000_000;
}
