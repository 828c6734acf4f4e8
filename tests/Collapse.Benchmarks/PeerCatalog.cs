namespace Collapse.Benchmarks;

/// <summary>The peers that are asked for: those that answer, and why the others are absent.</summary>
internal sealed class PeerCatalog : IDisposable
{
    private readonly List<(string Name, PeerProcess Process)> _present = [];
    private readonly List<(string Name, string Reason)> _absent = [];

    /// <summary>Names on the command line.</summary>
    public static IReadOnlyList<string> Names { get; } = ["numpy", "cupy", "torch"];

    /// <summary>Starts the peers.</summary>
    public PeerCatalog(BenchmarkRequest request)
    {
        foreach (string name in request.Peers)
        {
            if (name == "torch")
            {
                Start("libtorch", () => Libtorch(request.Libtorch));
            }

            Start(name, () => Python(request.Python, name));
        }
    }

    /// <summary>The peers that answered.</summary>
    public IReadOnlyList<(string Name, PeerProcess Process)> Present => _present;

    /// <summary>The others, each with the reason.</summary>
    public IReadOnlyList<(string Name, string Reason)> Absent => _absent;

    /// <summary>A peer's part of a job.</summary>
    public static IReadOnlyList<PeerPart> PartsOf(string peer, Workload workload) =>
        peer is "numpy" or "cupy" ? workload.Numpy : workload.Torch;

    public void Dispose()
    {
        foreach ((_, PeerProcess process) in _present)
        {
            process.Dispose();
        }
    }

    private void Start(string name, Func<PeerProcess> start)
    {
        try
        {
            _present.Add((name, start()));
        }
        catch (AbsentException e)
        {
            _absent.Add((name, e.Message));
        }
    }

    private static PeerProcess Libtorch(string? program) =>
        program is null
            ? throw new AbsentException("not built; `dotnet fsi build.fsx bench` builds it")
            : PeerProcess.Start("dotnet", program);

    /// <summary>The first Python that has what the peer needs.</summary>
    private static PeerProcess Python(string? program, string peer)
    {
        string folder = Path.Combine(AppContext.BaseDirectory, "peers");
        string[] script =
            peer == "torch"
                ? [Path.Combine(folder, "torch_peer.py")]
                : [Path.Combine(folder, "array_peer.py"), "--library", peer];
        var reasons = new List<string>();
        foreach (string python in program is null ? ["python3", "/usr/bin/python3", "python"] : new[] { program })
        {
            try
            {
                return PeerProcess.Start(python, script);
            }
            catch (AbsentException e)
            {
                reasons.Add($"{python}: {e.Message}");
            }
        }

        throw new AbsentException(string.Join("; ", reasons));
    }
}
