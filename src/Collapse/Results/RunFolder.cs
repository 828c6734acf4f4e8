using System.Text;
using Collapse.Results.Files;

namespace Collapse.Results;

/// <summary>
/// The folder of a run: <c>run.json</c>, <c>contexts.parquet</c>, <c>generations.parquet</c> and
/// <c>trace.parquet</c>. Files are written under a temporary name and renamed when they are whole. Every table
/// carries the run's parameters, engine and digest as JSON in its footer, under the key "collapse".
/// </summary>
public sealed class RunFolder
{
    private const string Parameter = "--out";

    private readonly RunProvenance _provenance;
    private readonly ContextsFile _contexts;
    private bool _hasContexts;

    private RunFolder(string path, RunProvenance provenance)
    {
        Path = path;
        _provenance = provenance;
        _contexts = new ContextsFile(path, provenance.Plan);
    }

    /// <summary>The folder's full path.</summary>
    public string Path { get; }

    /// <summary>Refuses a path at which no run folder can be created, and writes nothing.</summary>
    /// <param name="path">The folder to be.</param>
    /// <exception cref="InvalidInputException">"--out": something is there, or the folder could not be written.</exception>
    public static void RequireNew(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        string full = FullPath(path);
        if (System.IO.Path.Exists(full))
        {
            throw Exists(path);
        }

        string? parent = System.IO.Path.GetDirectoryName(full);
        while (parent is not null && !System.IO.Path.Exists(parent))
        {
            parent = System.IO.Path.GetDirectoryName(parent);
        }

        parent ??= full;
        try
        {
            // The file is gone before anyone sees it; only the system knows whether a file may be written.
            string probe = System.IO.Path.Combine(parent, $".collapse-{Guid.NewGuid():N}");
            new FileStream(
                probe,
                FileMode.CreateNew,
                FileAccess.Write,
                FileShare.None,
                1,
                FileOptions.DeleteOnClose
            ).Dispose();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            string reason =
                File.Exists(parent) ? $"{parent} is a file"
                : e is UnauthorizedAccessException ? $"no permission to write in {parent}"
                : $"no file can be written in {parent}";
            throw Unwritable(path, reason);
        }
    }

    /// <summary>Creates the folder of a run that is about to start.</summary>
    /// <param name="path">The folder, which must not exist; folders above it are created.</param>
    /// <param name="provenance">What is run.</param>
    /// <exception cref="InvalidInputException">"--out": something is there, or the folder cannot be written.</exception>
    public static RunFolder Create(string path, RunProvenance provenance)
    {
        ArgumentNullException.ThrowIfNull(provenance);
        RequireNew(path);
        string full = FullPath(path);
        try
        {
            Directory.CreateDirectory(full);
            return new RunFolder(full, provenance);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unwritable(path, e.Message);
        }
    }

    /// <summary>Adds the contexts of a chunk; give this to <see cref="Running.Simulation.Run"/>.</summary>
    /// <param name="table">The contexts.</param>
    /// <exception cref="IOException">They could not be written; what was written before is kept.</exception>
    public void Add(ContextTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        _contexts.Add(table);
    }

    /// <summary>Writes the results of a run that is complete or was interrupted.</summary>
    /// <param name="result">The results.</param>
    /// <exception cref="IOException">They could not be written.</exception>
    public void Complete(RunResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        string status = result.Status == RunStatus.Complete ? "complete" : "interrupted";
        string description = RunRecord.Describe(_provenance, status, null, result);
        CompleteContexts(description);
        GenerationsFile.Write(Path, result, description);
        TraceFile.Write(Path, result, description);
        WriteRecord(RunRecord.Write(_provenance, status, null, result));
    }

    /// <summary>Ends the folder of a run that failed: contexts that are done are kept, and run.json says why.</summary>
    /// <param name="message">Why it failed, in one line.</param>
    /// <exception cref="IOException">Not even this could be written.</exception>
    public void Fail(string message)
    {
        const string Status = "failed";
        try
        {
            if (!_hasContexts)
            {
                CompleteContexts(RunRecord.Describe(_provenance, Status, message, null));
            }
        }
        finally
        {
            WriteRecord(RunRecord.Write(_provenance, Status, message, null));
        }
    }

    private static string FullPath(string path) =>
        path.Length > 0
            ? System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(path))
            : throw new InvalidInputException(
                Parameter,
                "''",
                "must name a folder",
                "give a path that does not exist yet"
            );

    private static InvalidInputException Exists(string path) =>
        new(
            Parameter,
            path,
            "must not exist yet: a run folder is never overwritten",
            "name a new folder, or move this one away"
        );

    private static InvalidInputException Unwritable(string path, string reason) =>
        new(
            Parameter,
            path,
            $"must be a folder that can be created, and cannot: {reason}",
            "name a folder in a place you can write to"
        );

    private void CompleteContexts(string description)
    {
        _contexts.Complete(description);
        _hasContexts = true;
    }

    private void WriteRecord(string json)
    {
        string final = System.IO.Path.Combine(Path, "run.json");
        string partial = System.IO.Path.Combine(Path, ".run.json.partial");
        using (FileStream file = new(partial, FileMode.Create))
        {
            file.Write(Encoding.UTF8.GetBytes(json + "\n"));
            file.Flush(flushToDisk: true);
        }

        File.Move(partial, final);
    }
}
