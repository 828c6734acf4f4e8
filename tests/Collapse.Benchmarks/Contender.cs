using Collapse.Results;

namespace Collapse.Benchmarks;

/// <summary>One timed run of one contender.</summary>
/// <param name="Seconds">Wall-clock time.</param>
/// <param name="ContextGenerations">
/// The work done: contexts times the job's generations, or the generations until each context collapsed.
/// </param>
internal sealed record Measurement(double Seconds, double ContextGenerations)
{
    /// <summary>Draws, where they are known.</summary>
    public double? Draws { get; init; }

    /// <summary>The share of its threads' time that the process did not work.</summary>
    public double? IdleShare { get; init; }

    /// <summary>What a run of an engine found; null for others.</summary>
    public RunResult? Result { get; init; }

    /// <summary>What a peer found; null for others.</summary>
    public PeerAnswer? Answer { get; init; }
}

/// <summary>What kind of program does the work.</summary>
internal enum ContenderKind
{
    /// <summary>One of this project's engines.</summary>
    Engine,

    /// <summary>The same random words, added up.</summary>
    Ceiling,

    /// <summary>What a user would otherwise write.</summary>
    Peer,
}

/// <summary>Something that does a job, or a stated part of it.</summary>
internal interface IContender
{
    /// <summary>Engine, ceiling or peer.</summary>
    ContenderKind Kind { get; }

    /// <summary>The engine or the peer.</summary>
    string Name { get; }

    /// <summary>A peer's form, or what it leaves out.</summary>
    string Form { get; }

    /// <summary>Where it runs.</summary>
    string Device { get; }

    /// <summary>The part of the job that it does: 1 for all of it.</summary>
    double Fraction { get; }

    /// <summary>Gets everything ready that is not to be timed.</summary>
    void Prepare();

    /// <summary>Does the work once.</summary>
    /// <param name="repeat">The number of the run: peers take it as their seed.</param>
    /// <exception cref="AbsentException">It cannot be done here.</exception>
    Measurement Run(int repeat);
}

/// <summary>A contender that is not there, or cannot do a job.</summary>
internal sealed class AbsentException(string reason) : Exception(reason);
