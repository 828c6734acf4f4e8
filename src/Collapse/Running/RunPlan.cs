using System.Collections.Immutable;
using Collapse.Corpora;
using Collapse.Kernels;
using Collapse.Model;
using Collapse.Priors;
using Collapse.Results;

namespace Collapse.Running;

/// <summary>
/// A run whose settings have been checked, with everything that engines read: sizes per context, the schedule,
/// the shared truth, the units of the fixed-point observables, and the reported generations.
/// </summary>
public sealed class RunPlan
{
    // Built by whichever worker needs it first, once.
    private readonly Lazy<ContextTruth> _sharedTruth;

    internal RunPlan(RunSettings settings, Schedule schedule, int lastGeneration, long largestSet, long totalDraws)
    {
        Settings = settings;
        _sharedTruth = new(() => ContextTruth.Create(settings.Prior!, Seed, 0, TruthScale));
        Schedule = schedule;
        LastGeneration = lastGeneration;
        LargestSet = (int)largestSet;
        Draws = totalDraws;
        Report = settings.ReportAt.For(lastGeneration);
        IsPerContext = settings.Prior?.DiffersByContext ?? false;
        Contexts = settings.Corpus?.ContextCount ?? settings.Contexts ?? settings.Prior!.Contexts ?? 1;
        Vocabulary = settings.Corpus?.VocabularySize ?? settings.Prior!.VocabularySize;
        HasSharedTruth = settings.Prior is not null && !IsPerContext;
        long largestHeldOut = settings.HeldOut is null ? 0 : settings.HeldOut.TransitionCount;
        LogBits = LogTable.BitsFor(Math.Max(largestSet, largestHeldOut));
        if (IsSoftmax)
        {
            // ln p is not the logarithm of a count there: it may be as low as -2^20.
            LogBits = Math.Min(LogBits, 40 - (int)Math.Ceiling(Math.Log2(Math.Max(largestHeldOut, 2))));
        }

        Logs = LogTable.Create(Math.Max(LogTable.LengthFor(largestSet), 3), LogBits);
        TruthScale = 1L << (61 - (int)Math.Ceiling(Math.Log2(Math.Max(largestSet, 2))));
        if (settings.Sampler == Sampler.Counts && lastGeneration >= CountRule.FirstGeneration)
        {
            FirstCountedGeneration = CountRule.FirstGeneration;
            HalfBinomials = HalfBinomial.CreateTables(largestSet);
        }
    }

    /// <summary>The settings the plan was made from.</summary>
    public RunSettings Settings { get; }

    /// <summary>The recipes of all generations.</summary>
    public Schedule Schedule { get; }

    /// <summary>Number of contexts c.</summary>
    public long Contexts { get; }

    /// <summary>Vocabulary size s.</summary>
    public int Vocabulary { get; }

    /// <summary>Last generation G.</summary>
    public int LastGeneration { get; }

    /// <summary>Tokens of the largest training set of any context and generation.</summary>
    public int LargestSet { get; }

    /// <summary>Tokens in all training sets of all contexts if none leaves early; capped at 2^63 - 1.</summary>
    public long Draws { get; }

    /// <summary>The reported generations, ascending.</summary>
    public ImmutableArray<int> Report { get; }

    /// <summary>Binary places of the fixed-point logarithms.</summary>
    public int LogBits { get; }

    /// <summary>ln 0 (as 0), ln 1, … in units of 2^-<see cref="LogBits"/>.</summary>
    public long[] Logs { get; }

    /// <summary>Q: probabilities of an explicit truth are compared in units of 1/Q, a power of two with n·Q ≤ 2^61.</summary>
    public long TruthScale { get; }

    /// <summary>The first generation whose counts are drawn in place of tokens; 2^31 - 1 where there is none.</summary>
    public int FirstCountedGeneration { get; } = int.MaxValue;

    /// <summary>The tables of <see cref="HalfBinomial"/>; empty where none is needed.</summary>
    internal ulong[] HalfBinomials { get; } = [];

    /// <summary>Whether the truth is one explicit law for all contexts.</summary>
    public bool HasSharedTruth { get; }

    /// <summary>Whether each context has an explicit law of its own.</summary>
    public bool IsPerContext { get; }

    /// <summary>Whether models are softmax models, not tables of counts (<see cref="Softmax.Classifier.IsClosedForm"/>).</summary>
    public bool IsSoftmax => !Settings.Classifier.IsClosedForm;

    /// <summary>The number of observables: the first so many of <see cref="Results.Observable"/>.</summary>
    internal int ObservableCount => IsSoftmax ? Observables.SoftmaxCount : Observables.Count;

    /// <summary>Whether real data is a corpus.</summary>
    public bool IsCorpus => Settings.Corpus is not null;

    /// <summary>The corpus; only where <see cref="IsCorpus"/>.</summary>
    public Corpus Corpus => Settings.Corpus!;

    /// <summary>The seed.</summary>
    public ulong Seed => Settings.Seed;

    /// <summary>The shared truth with its units, built on first use.</summary>
    internal ContextTruth SharedTruth => _sharedTruth.Value;

    /// <summary>The truth of one context.</summary>
    internal ContextTruth TruthOf(long context) =>
        IsPerContext ? ContextTruth.Create(Settings.Prior!, Seed, (uint)context, TruthScale) : SharedTruth;

    /// <summary>Index of a generation in <see cref="Report"/>, or -1.</summary>
    public int ReportIndex(int generation) =>
        Report.Length == LastGeneration ? generation - 1 : Math.Max(-1, Report.BinarySearch(generation));

    /// <summary>The sample size n of a context; 0 where a custom schedule brings its own numbers.</summary>
    public int SamplesOf(long context) => Settings.Samples ?? (IsCorpus ? Corpus.SampleCount((int)context) : 0);

    /// <summary>The number of real tokens N of a context; 0 where none are kept.</summary>
    public int RealOf(long context) => IsCorpus ? Corpus.SampleCount((int)context) : Settings.Real ?? 0;
}

/// <summary>An explicit truth ready to draw from and to compare with.</summary>
/// <param name="Table">The alias columns.</param>
/// <param name="Units">The law in units of 1/<see cref="RunPlan.TruthScale"/>.</param>
internal sealed record ContextTruth(TruthTable Table, long[] Units)
{
    public static ContextTruth Create(Prior prior, ulong seed, uint context, long scale)
    {
        var weights = new double[prior.VocabularySize];
        prior.WriteWeights(seed, context, weights);
        TruthTable table = TruthTable.Create(weights);
        return new ContextTruth(table, table.Units(scale));
    }
}
