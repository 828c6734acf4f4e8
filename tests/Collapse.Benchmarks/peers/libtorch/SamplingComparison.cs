using System.Diagnostics;
using System.Globalization;
using Collapse.Softmax.Sampling;
using static TorchSharp.torch;

namespace Collapse.LibtorchPeer;

/// <summary>
/// Sampling from logits beside torch.multinomial, in one process and turn by turn, so that whatever else the machine
/// does meets both. libtorch gives the tokens in the order drawn; LogitSampler sorts and counts them.
/// </summary>
internal static class SamplingComparison
{
    private const int WarmUp = 5;
    private const double Deviation = 2;

    /// <summary>Rows c, tokens s, draws n.</summary>
    private static readonly (int Rows, int Tokens, int Samples)[] Shapes =
    [
        (200, 50_000, 1),
        (200, 50_000, 100),
        (200, 50_000, 1_000),
        (50, 200_000, 1_000),
        (20, 200_000, 100_000),
        (2_000, 1_000, 1_000),
    ];

    /// <summary>Prints a table of medians over rounds.</summary>
    /// <param name="rounds">Rounds of all contenders.</param>
    public static void Run(int rounds)
    {
        using var noGradients = no_grad();
        Console.WriteLine($"libtorch {__version__}; logits normal, deviation {Deviation}; {rounds} rounds");
        Console.WriteLine("microseconds of processor time a row: median (least); times: libtorch's median over ours");
        foreach (int threads in Environment.ProcessorCount > 1 ? new[] { 1, Environment.ProcessorCount } : [1])
        {
            set_num_threads(threads);
            foreach ((int rows, int tokens, int samples) in Shapes)
            {
                Compare(rows, tokens, samples, threads, rounds);
            }
        }
    }

    private static void Compare(int rows, int tokens, int samples, int threads, int rounds)
    {
        var random = new Random(5);
        float[] values = new float[rows * tokens];
        for (int i = 0; i < values.Length; i++)
        {
            double radius = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble()));
            values[i] = (float)(Deviation * radius * Math.Cos(2 * Math.PI * random.NextDouble()));
        }

        int[] sizes = new int[rows];
        Array.Fill(sizes, samples);
        var sampler = new LogitSampler(threads);
        var matrix = new LogitMatrix(values, tokens);
        var rule = new SamplingRule();
        using Tensor logits = tensor(values).reshape(rows, tokens);
        using Tensor laws = logits.softmax(1);
        (string Name, Action<int> Draw)[] contenders =
        [
            ("LogitSampler", round => sampler.Sample(matrix, sizes, rule, new LogitStreams((ulong)round))),
            (
                "softmax, multinomial",
                _ =>
                {
                    using Tensor p = logits.softmax(1);
                    using Tensor drawn = multinomial(p, samples, replacement: true);
                }
            ),
            (
                "the same row by row",
                _ =>
                {
                    for (int row = 0; row < rows; row++)
                    {
                        using Tensor l = logits[row];
                        using Tensor p = l.softmax(0);
                        using Tensor drawn = multinomial(p, samples, replacement: true);
                    }
                }
            ),
            (
                "multinomial alone",
                _ =>
                {
                    using Tensor drawn = multinomial(laws, samples, replacement: true);
                }
            ),
        ];
        List<double>[] wall = [.. contenders.Select(_ => new List<double>())];
        List<double>[] processor = [.. contenders.Select(_ => new List<double>())];
        for (int round = 0; round < WarmUp + rounds; round++)
        {
            for (int i = 0; i < contenders.Length; i++)
            {
                TimeSpan before = Environment.CpuUsage.TotalTime;
                var watch = Stopwatch.StartNew();
                contenders[i].Draw(round);
                if (round >= WarmUp)
                {
                    wall[i].Add(watch.Elapsed.TotalMicroseconds / rows);
                    processor[i].Add((Environment.CpuUsage.TotalTime - before).TotalMicroseconds / rows);
                }
            }
        }

        Say($"\nc = {rows:N0}, s = {tokens:N0}, n = {samples:N0}, {threads} threads");
        for (int i = 0; i < contenders.Length; i++)
        {
            double ratio = Median(processor[i]) / Median(processor[0]);
            double ofWall = Median(wall[i]) / Median(wall[0]);
            Say(
                $"  {contenders[i].Name, -22}{Median(processor[i]), 9:F1} ({processor[i].Min(), 0:F1})   {ratio, 5:F1} times; wall {Median(wall[i]), 8:F1}, {ofWall, 5:F1} times"
            );
        }
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    private static void Say(FormattableString line) => Console.WriteLine(line.ToString(CultureInfo.InvariantCulture));
}
