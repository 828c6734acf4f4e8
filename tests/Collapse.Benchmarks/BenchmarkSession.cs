using System.Globalization;
using Collapse.Results;
using Collapse.Running;

namespace Collapse.Benchmarks;

/// <summary>Does the jobs of a request, one after the other, the contenders of each in turn.</summary>
internal sealed class BenchmarkSession(BenchmarkRequest request, Action<string> tell)
{
    private readonly List<Missing> _absent = [];
    private readonly List<JobResult> _jobs = [];
    private readonly TargetList _targets = new();

    /// <summary>Seconds after which a contender begins no further run of a job.</summary>
    private TimeSpan Budget =>
        TimeSpan.FromSeconds(
            request.Scale switch
            {
                Scale.Full => 12,
                Scale.Quick => 1.5,
                _ => 0.5,
            }
        );

    public BenchmarkResults Run()
    {
        DateTimeOffset started = DateTimeOffset.Now;
        double load = LoadAverage();
        DirectoryInfo files = Directory.CreateTempSubdirectory("collapse-bench");
        try
        {
            using var peers = new PeerCatalog(request);
            _absent.AddRange(peers.Absent.Select(a => new Missing(a.Name, a.Reason)));
            string? corpus = FindCorpus();
            foreach (Workload workload in Workloads.Create(request.Jobs, request.Scale, corpus))
            {
                Do(workload, peers, files);
            }
        }
        finally
        {
            files.Delete(recursive: true);
        }

        return new BenchmarkResults
        {
            Started = started,
            Version = RunProvenance.Version,
            Machine = MachineInfo.Current,
            Scale = request.Scale.ToString(),
            LoadBefore = load,
            Jobs = _jobs,
            Targets = _targets.All,
            Absent = _absent,
        };
    }

    private void Do(Workload workload, PeerCatalog peers, DirectoryInfo files)
    {
        List<IContender> contenders = [];
        foreach (string engine in request.Engines)
        {
            AddEngine(contenders, workload, engine);
        }

        foreach ((string name, PeerProcess process) in peers.Present)
        {
            contenders.AddRange(
                PeerCatalog.PartsOf(name, workload).Select(part => new PeerContender(process, workload, part, files))
            );
        }

        try
        {
            IReadOnlyList<Standing> standings = Rotation.Run(
                contenders,
                request.Repeats,
                Budget,
                what => tell($"{workload.Name}: {what}")
            );
            _jobs.Add(Describe(workload, standings));
            if (request.Scale != Scale.Tiny)
            {
                _targets.Judge(workload, standings);
            }
        }
        finally
        {
            foreach (IDisposable contender in contenders.OfType<IDisposable>())
            {
                contender.Dispose();
            }
        }
    }

    private void AddEngine(List<IContender> contenders, Workload workload, string engine)
    {
        int cores = Environment.ProcessorCount;
        int[] threads = engine == "cpu" && workload.IsScaled && cores > 1 ? [cores, 1] : [cores];
        foreach (int count in threads)
        {
            EngineContender contender;
            try
            {
                contender = new EngineContender(workload, engine, count);
            }
            catch (InvalidInputException e)
            {
                if (_absent.All(a => a.Name != engine))
                {
                    _absent.Add(new Missing(engine, e.Message));
                }

                return;
            }

            contenders.Add(contender);
            if (workload.HasCounts && count == cores)
            {
                contenders.Add(new EngineContender(workload, engine, count, Sampler.Counts));
            }

            if (contender.Name == "cpu")
            {
                contenders.Add(new CpuCeilingContender(contender, count));
            }
            else if (contender.Name != "reference")
            {
                contenders.Add(new DeviceCeilingContender(contender));
            }
        }
    }

    private static JobResult Describe(Workload workload, IReadOnlyList<Standing> standings)
    {
        Standing? first = standings.FirstOrDefault(s => s.Contender.Kind == ContenderKind.Engine && s.Runs.Count > 0);
        return new JobResult(workload.Name, workload.Title, [.. standings.Select(s => Describe(s, first))]);
    }

    private static ContenderResult Describe(Standing standing, Standing? first)
    {
        IContender contender = standing.Contender;
        Measurement? last = standing.Runs.Count > 0 ? standing.Runs[^1] : null;
        RunResult? expected = first?.Runs[^1].Result;
        return new ContenderResult
        {
            Kind = contender.Kind.ToString(),
            Name = contender.Name,
            Form = contender.Form,
            Device = contender.Device,
            Fraction = contender.Fraction,
            Seconds = [.. standing.Runs.Select(run => run.Seconds)],
            MedianSeconds = Finite(standing.Median),
            NanosecondsPerContextGeneration = Finite(1e9 * standing.Cost),
            DrawsPerSecond = Finite(standing.MedianOf(run => run.Draws / run.Seconds ?? double.NaN)),
            CostOverFirst = first is null ? null : Finite(standing.Cost / first.Cost),
            StandardErrorsApart =
                expected is not null && last?.Answer is { } answer ? Agreement.Distance(answer, expected) : null,
            Digest = last?.Result?.Digest,
            IdleShare = last?.IdleShare is null ? null : Finite(standing.MedianOf(run => run.IdleShare!.Value)),
            Absent = standing.Absent,
        };
    }

    private static double? Finite(double value) => double.IsFinite(value) ? value : null;

    private string? FindCorpus()
    {
        string? path = request.Corpus ?? Beside("shared/data/tinyshakespeare.txt");
        bool isWanted = request.Jobs.Count == 0 || request.Jobs.Any(j => j.StartsWith('E'));
        if (isWanted && path is null)
        {
            _absent.Add(
                new Missing(
                    "E",
                    "shared/data/tinyshakespeare.txt is not beside the repository; name a text with --corpus"
                )
            );
        }

        return path;
    }

    /// <summary>A file beside the repository, or beside any folder above the program.</summary>
    private static string? Beside(string file)
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string path = Path.Combine(folder.FullName, file);
            if (File.Exists(path))
            {
                return path;
            }
        }

        return null;
    }

    /// <summary>How busy the machine was with other things, in runnable processes; NaN where it does not tell.</summary>
    private static double LoadAverage() =>
        File.Exists("/proc/loadavg")
            ? double.Parse(File.ReadAllText("/proc/loadavg").Split(' ')[0], CultureInfo.InvariantCulture)
            : double.NaN;
}
