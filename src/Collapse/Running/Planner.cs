using System.Globalization;
using Collapse.Model;

namespace Collapse.Running;

/// <summary>Checks settings, alone and in combination, and lays out the run. All refusals come from here, before any work.</summary>
public static class Planner
{
    /// <summary>Makes the plan of a run.</summary>
    /// <param name="settings">The settings.</param>
    /// <exception cref="InvalidInputException">A value is out of range, or values contradict each other.</exception>
    public static RunPlan Plan(RunSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        CheckSource(settings);
        CheckSizes(settings);
        CheckReports(settings);
        ClassifierRules.Check(settings);
        int last = LastGeneration(settings);
        Schedule schedule = Schedule.Create(settings.Scenario, last, settings.Corpus is not null);
        CheckSampler(settings, schedule);
        (long largest, long draws) = Measure(settings, schedule);
        return new RunPlan(settings, schedule, last, largest, draws);
    }

    private static void CheckSource(RunSettings settings)
    {
        if ((settings.Prior is null) == (settings.Corpus is null))
        {
            throw new InvalidInputException(
                settings.Prior is null ? "--prior" : "--corpus",
                settings.Prior is null ? "(missing)" : "(given beside --prior)",
                "exactly one of --prior and --corpus must be given",
                "name the truth once: a prior such as zipf:200000:1.0, or a corpus file"
            );
        }

        if (settings.Corpus is not null)
        {
            Refuse(
                settings.Contexts is not null,
                "--contexts",
                settings.Contexts,
                "does not apply to a corpus, whose contexts are its n-grams"
            );
            Refuse(
                settings.Real is not null,
                "--real",
                settings.Real,
                "does not apply to a corpus, whose own tokens are the real data"
            );
            return;
        }

        Refuse(settings.HeldOut is not null, "--heldout", "(given)", "needs a corpus");
        Require(
            settings.Samples is not null || !settings.Scenario.UsesSamples,
            "--samples",
            "matched",
            "needs a corpus: only there has each context its own amount of real data",
            "give a number"
        );
        if (settings.Scenario.KeepsReal)
        {
            Require(
                settings.Real is not null,
                "--real",
                "(missing)",
                $"is required by {settings.Scenario.Name} with a prior",
                "give --real N, the number of real tokens kept in every training set"
            );
        }
        else
        {
            Refuse(
                settings.Real is not null,
                "--real",
                settings.Real,
                $"does not apply to {settings.Scenario.Name}, which keeps no real tokens"
            );
        }

        if (settings.Prior!.Contexts is int rows && settings.Contexts is long c && c != rows)
        {
            throw new InvalidInputException(
                "--contexts",
                Text(c),
                $"must be {Text(rows)}, the rows of the weights file",
                "leave it out or correct it"
            );
        }
    }

    private static void CheckSizes(RunSettings settings)
    {
        ParameterRange.Contexts.Check(settings.Contexts);
        ParameterRange.Samples.Check(settings.Samples);
        ParameterRange.Real.Check(settings.Real);
        (settings.UntilCollapse ? ParameterRange.MaxGenerations : ParameterRange.Generations).Check(
            settings.Generations
        );
        ParameterRange.Trace.Check(settings.Trace);
        ParameterRange.Threads.Check(settings.Threads);
        ParameterRange.Chunk.Check(settings.Chunk);
        int? window = settings.Scenario.Window;
        if (window is int k && settings.Samples is int n && n < k)
        {
            throw new InvalidInputException(
                "--samples",
                Text(n),
                $"must be at least the window {Text(k)}, so that each model gives a token",
                "raise --samples or lower --window"
            );
        }

        if (!settings.UntilCollapse && window is int w && settings.Generations is int g && w > g)
        {
            throw new InvalidInputException(
                "--window",
                Text(w),
                $"must be at most the number of generations {Text(g)}",
                "lower --window or raise --generations"
            );
        }
    }

    private static void CheckReports(RunSettings settings)
    {
        if (settings.ReportAt.Farthest is int farthest && settings.Generations is int last && farthest > last)
        {
            throw new InvalidInputException(
                "--report-at",
                Text(farthest),
                $"must be at most the last generation {Text(last)}",
                $"leave it out, or raise {(settings.UntilCollapse ? "--max-generations" : "--generations")}"
            );
        }
    }

    private static void CheckSampler(RunSettings settings, Schedule schedule)
    {
        if (settings.Sampler == Sampler.Tokens)
        {
            return;
        }

        Require(
            settings.Classifier.IsClosedForm,
            "--sampler",
            settings.Sampler.Name(),
            $"needs the closed-form refit, and models are trained by {settings.Classifier.Refit}",
            "leave it out"
        );
        Require(
            schedule.IsChain || schedule.Generations == 1,
            "--sampler",
            settings.Sampler.Name(),
            $"needs a schedule that draws each generation from the one before and nothing else, and {settings.Scenario.Name} does not",
            "leave it out, or choose fully-synthetic"
        );
    }

    private static int LastGeneration(RunSettings settings)
    {
        if (settings.Generations is int generations)
        {
            return generations;
        }

        if (!settings.UntilCollapse)
        {
            throw new InvalidInputException(
                "--generations",
                "(missing)",
                "one of --generations and --until-collapse must be given",
                "give --generations G, or --until-collapse"
            );
        }

        ClassifierRules.CheckUntilCollapse(settings);
        if (!settings.Scenario.IsCollapseCertain)
        {
            throw new InvalidInputException(
                "--max-generations",
                "(missing)",
                $"is required with --until-collapse by {settings.Scenario.Name}, where collapse is not certain",
                "give --max-generations G"
            );
        }

        // Fully synthetic, (6) gives P(T > 100 n) < n e^-100. A window of K models slows forgetting by the square
        // of the mean lag (K + 1)/2, as a seed bank does (Kaj, Krone and Lascoux, J. Appl. Probab. 38, 2001).
        double largest = Math.Max(settings.Samples ?? LargestContext(settings), 100);
        double lag = ((settings.Scenario.Window ?? 1) + 1) / 2.0;
        return (int)Math.Min(100 * largest * lag * lag, ParameterRange.Generations.Highest);
    }

    private static long LargestContext(RunSettings settings) =>
        Enumerable.Range(0, settings.Corpus!.ContextCount).Max(settings.Corpus.SampleCount);

    private static (long Largest, long Draws) Measure(RunSettings settings, Schedule schedule)
    {
        long largest = 0;
        double draws = 0;
        foreach ((int samples, int real, long contexts) in Sizes(settings))
        {
            if (schedule.SmallestSet(samples, real) < 1)
            {
                throw new InvalidInputException(
                    "--samples",
                    settings.Samples is null ? "matched" : Text(samples),
                    $"leaves a training set of {settings.Scenario.Name} empty in a context with {Text(samples)} samples",
                    settings.Scenario.Window is null
                        ? "raise --samples"
                        : "give --samples a number of at least the window"
                );
            }

            largest = Math.Max(largest, schedule.LargestSet(samples, real));
            draws += (double)contexts * schedule.TotalSize(samples, real);
        }

        if (largest > int.MaxValue)
        {
            throw new InvalidInputException(
                "--samples",
                Text(largest),
                "a training set must have at most 2,147,483,647 tokens, or its sum of squares would overflow 64 bits",
                "lower --samples or --real"
            );
        }

        return (largest, draws < 9e18 ? (long)draws : long.MaxValue);
    }

    /// <summary>The distinct pairs (n, N) with the number of contexts that have them.</summary>
    private static IEnumerable<(int Samples, int Real, long Contexts)> Sizes(RunSettings settings) =>
        settings.Corpus is { } corpus
            ? Enumerable
                .Range(0, corpus.ContextCount)
                .GroupBy(corpus.SampleCount)
                .Select(g => (settings.Samples ?? g.Key, g.Key, (long)g.Count()))
            : [(settings.Samples ?? 0, settings.Real ?? 0, settings.Contexts ?? settings.Prior!.Contexts ?? 1)];

    private static void Refuse(bool given, string parameter, object? value, string why) =>
        Require(!given, parameter, string.Create(CultureInfo.InvariantCulture, $"{value}"), why, "leave it out");

    private static void Require(bool holds, string parameter, string value, string allowed, string remedy)
    {
        if (!holds)
        {
            throw new InvalidInputException(parameter, value, allowed, remedy);
        }
    }

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);
}
