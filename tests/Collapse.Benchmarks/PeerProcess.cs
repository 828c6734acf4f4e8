using System.Diagnostics;
using System.Text.Json;

namespace Collapse.Benchmarks;

/// <summary>A run that a peer is asked for; peers/protocol.py reads it.</summary>
internal sealed record PeerRequest
{
    public required string Method { get; init; }
    public required string Scenario { get; init; }
    public required int Vocabulary { get; init; }
    public string? Weights { get; init; }
    public string? Followers { get; init; }
    public string? Offsets { get; init; }
    public required long Contexts { get; init; }
    public int Every { get; init; } = 1;
    public required int Samples { get; init; }
    public required int Real { get; init; }
    public required int Generations { get; init; }
    public required bool UntilCollapse { get; init; }
    public required bool Observe { get; init; }
    public IReadOnlyList<int>? Reported { get; init; }
    public required long Seed { get; init; }
}

/// <summary>What a peer's run took and found.</summary>
internal sealed record PeerAnswer
{
    public double Seconds { get; init; }
    public long Contexts { get; init; }
    public double ContextGenerations { get; init; }
    public long Collapsed { get; init; }
    public double? CollapseTime { get; init; }
    public int? Generation { get; init; }
    public double? SumOfSquares { get; init; }
    public double? MaxProbability { get; init; }
    public double? Support { get; init; }
    public double? Entropy { get; init; }
    public double? L1FromFirst { get; init; }
    public double? CollapsedFraction { get; init; }
    public string? Unsupported { get; init; }
}

/// <summary>Who a peer is.</summary>
internal sealed record PeerIdentity
{
    public string Peer { get; init; } = "";
    public string Version { get; init; } = "";
    public string Device { get; init; } = "";
    public string? Absent { get; init; }
}

/// <summary>A peer: a program that stays, so that its imports and tables are made once.</summary>
internal sealed class PeerProcess : IDisposable
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    private readonly Process _process;

    private PeerProcess(Process process, PeerIdentity identity)
    {
        _process = process;
        Identity = identity;
    }

    /// <summary>What the peer says of itself.</summary>
    public PeerIdentity Identity { get; }

    /// <summary>Starts a peer and hears who it is.</summary>
    /// <exception cref="AbsentException">It cannot be started, or says that it is absent.</exception>
    public static PeerProcess Start(string program, params string[] arguments)
    {
        var info = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // No byte code beside the sources.
        info.Environment["PYTHONDONTWRITEBYTECODE"] = "1";
        Process process;
        try
        {
            process = Process.Start(info) ?? throw new AbsentException($"{program} does not start");
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new AbsentException(e.Message);
        }

        process.ErrorDataReceived += (_, line) => Trace.WriteLine(line.Data);
        process.BeginErrorReadLine();
        string? greeting = process.StandardOutput.ReadLine();
        PeerIdentity? identity = greeting is null ? null : JsonSerializer.Deserialize<PeerIdentity>(greeting, Json);
        if (identity is null || identity.Absent is not null)
        {
            process.WaitForExit();
            process.Dispose();
            throw new AbsentException(identity?.Absent ?? $"{program} ended without a word");
        }

        return new PeerProcess(process, identity);
    }

    /// <summary>Lets the peer do a run.</summary>
    /// <exception cref="AbsentException">It has no way to do it, or it died.</exception>
    public PeerAnswer Ask(PeerRequest request)
    {
        string? line = null;
        try
        {
            _process.StandardInput.WriteLine(JsonSerializer.Serialize(request, Json));
            _process.StandardInput.Flush();
            line = _process.StandardOutput.ReadLine();
        }
        catch (IOException)
        {
            // Its end is what the next line says.
        }

        PeerAnswer answer =
            (line is null ? null : JsonSerializer.Deserialize<PeerAnswer>(line, Json))
            ?? throw new AbsentException("the peer's process has ended");
        return answer.Unsupported is null ? answer : throw new AbsentException(answer.Unsupported);
    }

    public void Dispose()
    {
        try
        {
            _process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It has gone already.
        }

        _process.WaitForExit(5_000);
        _process.Dispose();
    }
}
