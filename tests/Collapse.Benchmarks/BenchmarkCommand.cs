using System.CommandLine;
using System.Globalization;
using BenchmarkDotNet.Running;
using Collapse.Benchmarks.Micro;

namespace Collapse.Benchmarks;

/// <summary>The command line of the benchmarks.</summary>
internal static class BenchmarkCommand
{
    private const int BadInput = 2;

    private static readonly Option<string> Jobs = Text("--jobs", "A,B", "Jobs, by letter [default: all]");
    private static readonly Option<string> Repeats = Text(
        "--repeats",
        "R",
        "Runs of each contender, fewer where they take long, 1 to 1,000 [default: 5]"
    );
    private static readonly Option<string> Engines = Text(
        "--engines",
        "E,F",
        "Engines as 'collapse run --engine' names them [default: cpu,opencl,cuda]"
    );
    private static readonly Option<string> Peers = Text(
        "--peers",
        "P,Q",
        "numpy, cupy, torch, or none [default: numpy,cupy,torch]"
    );
    private static readonly Option<string> ScaleOption = Text(
        "--scale",
        "SCALE",
        "full (25 minutes), quick (two), tiny [default: quick]"
    );
    private static readonly Option<string> Json = Text("--json", "FILE", "Also write the results as JSON");
    private static readonly Option<string> Corpus = Text(
        "--corpus",
        "FILE",
        "The text of job E [default: shared/data/tinyshakespeare.txt beside the repository]"
    );
    private static readonly Option<string> Python = Text(
        "--python",
        "PROGRAM",
        "A Python with NumPy or PyTorch [default: the first that has it]"
    );
    private static readonly Option<string> Libtorch = Text("--libtorch", "FILE", "The built libtorch peer");
    private static readonly Option<bool> List = new("--list") { Description = "List the jobs, engines and peers" };
    private static readonly Option<bool> MicroOption = new("--micro")
    {
        Description = "Single kernels with BenchmarkDotNet; its filter may follow",
    };
    private static readonly Argument<string[]> Filter = new("filter")
    {
        Description = "With --micro: names of benchmarks, such as *Philox*",
        Arity = ArgumentArity.ZeroOrMore,
    };

    /// <summary>Runs the benchmarks.</summary>
    /// <returns>0; 1 where a peer did not sample the same law; 2 for bad input.</returns>
    public static int Invoke(IReadOnlyList<string> args, TextWriter output, TextWriter error)
    {
        var root = new RootCommand("Times the engines of Collapse beside what a user would otherwise write.")
        {
            Jobs,
            Repeats,
            Engines,
            Peers,
            ScaleOption,
            Json,
            Corpus,
            Python,
            Libtorch,
            List,
            MicroOption,
            Filter,
        };
        root.SetAction(parsed => Act(parsed, output, error));
        try
        {
            return root.Parse(args)
                .Invoke(
                    new InvocationConfiguration
                    {
                        EnableDefaultExceptionHandler = false,
                        Output = output,
                        Error = error,
                    }
                );
        }
        catch (InvalidInputException e)
        {
            error.WriteLine($"bench: {e.Message}");
            return BadInput;
        }
    }

    private static int Act(ParseResult parsed, TextWriter output, TextWriter error)
    {
        if (parsed.GetValue(MicroOption))
        {
            string[] filter = parsed.GetValue(Filter) is { Length: > 0 } names ? names : ["*"];
            BenchmarkSwitcher
                .FromAssembly(typeof(MicroConfig).Assembly)
                .Run(["--filter", .. filter], new MicroConfig());
            return 0;
        }

        if (parsed.GetValue(List))
        {
            foreach ((string job, string title) in Workloads.Titles)
            {
                output.WriteLine($"{job}  {title}");
            }

            output.WriteLine($"peers: {string.Join(", ", PeerCatalog.Names)}");
            output.WriteLine(
                $"engines: {string.Join(", ", Collapse.Engines.EngineCatalog.List().Where(e => e.Usable).Select(e => e.Name))}"
            );
            return 0;
        }

        BenchmarkRequest request = Read(parsed);
        BenchmarkResults results = new BenchmarkSession(request, error.WriteLine).Run();
        BenchmarkReport.Show(results, output);
        if (request.Json is not null)
        {
            File.WriteAllText(request.Json, BenchmarkReport.Json(results) + "\n");
        }

        return results.IsValid ? 0 : 1;
    }

    private static BenchmarkRequest Read(ParseResult parsed)
    {
        string scale = parsed.GetValue(ScaleOption) ?? "quick";
        if (!Enum.TryParse(scale, ignoreCase: true, out Scale parsedScale) || char.IsDigit(scale[0]))
        {
            throw new InvalidInputException("--scale", scale, "must be full, quick or tiny", "choose one of these");
        }

        string repeats = parsed.GetValue(Repeats) ?? "5";
        if (
            !int.TryParse(repeats, NumberStyles.None, CultureInfo.InvariantCulture, out int count)
            || count is < 1 or > 1000
        )
        {
            throw new InvalidInputException("--repeats", repeats, "must lie in 1 to 1,000", "choose a number of runs");
        }

        IReadOnlyList<string> jobs = Names(parsed.GetValue(Jobs)?.ToUpperInvariant() ?? "");
        foreach (string job in jobs)
        {
            if (Workloads.Titles.All(t => !job.StartsWith(t.Job, StringComparison.Ordinal)))
            {
                throw new InvalidInputException("--jobs", job, "must be one of A to G", "see --list");
            }
        }

        IReadOnlyList<string> peers = Names(parsed.GetValue(Peers) ?? "numpy,cupy,torch");
        foreach (string peer in peers.Where(p => !PeerCatalog.Names.Contains(p)))
        {
            throw new InvalidInputException("--peers", peer, "must be numpy, cupy, torch or none", "see --list");
        }

        return new BenchmarkRequest
        {
            Jobs = jobs,
            Engines = Names(parsed.GetValue(Engines) ?? "cpu,opencl,cuda"),
            Peers = peers,
            Scale = parsedScale,
            Repeats = count,
            Corpus = parsed.GetValue(Corpus),
            Python = parsed.GetValue(Python),
            Libtorch = parsed.GetValue(Libtorch),
            Json = parsed.GetValue(Json),
        };
    }

    private static string[] Names(string list) =>
        list == "none" ? [] : list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private static Option<string> Text(string name, string value, string description) =>
        new(name) { HelpName = value, Description = description };
}
