using Collapse.Running;
using Collapse.Theory;
using Spectre.Console;

namespace Collapse.Cli;

/// <summary>What people read of <c>collapse theory</c>: the question, a dozen generations, a summary, what was left out.</summary>
internal static class TheoryReport
{
    public static void Show(Screen screen, RunSettings settings, ContextsTheory theory)
    {
        TextWriter output = screen.Output;
        output.WriteLine();
        foreach (string line in ModelTitle.Lines(settings, settings.Prior is { DiffersByContext: true }))
        {
            Figures.WriteWrapped(output, line);
        }

        output.Flush();
        IReadOnlyList<GenerationTheory> rows = theory.Means.Generations;
        var table = new BoundTable();
        AddColumns(table, rows, settings.Scenario.KeepsReal);
        IReadOnlyList<int> shown = TrajectoryTable.Choose([.. rows.Select(r => r.Generation)]);
        bool vacuous = table.Write(screen.OutputConsole, shown);
        if (theory.Contexts > 1)
        {
            output.WriteLine(" Means over contexts.");
        }

        if (vacuous)
        {
            output.WriteLine(" (in parentheses): says nothing, as the trivial bound is at least as good.");
        }

        output.WriteLine();
        foreach ((string label, string text) in Summary(settings, theory))
        {
            output.WriteLine($" {label, -14} {text}");
        }

        foreach (string note in Notes(theory))
        {
            Figures.WriteWrapped(output, note);
        }

        output.Flush();
    }

    private static void AddColumns(BoundTable table, IReadOnlyList<GenerationTheory> rows, bool keepsReal)
    {
        table.Add("gener-\nation", i => new BoundTable.Cell(Figures.Whole(rows[i].Generation)));
        table.Add("sum of\nsquares", i => BoundTable.Exact(rows[i].SumOfSquares));
        if (!keepsReal)
        {
            table.Add("collap-\nsed", i => BoundTable.Exact(rows[i].CollapseProbability.Exact));
            table.Add("at least\n(7)", i => BoundTable.Bounded(rows[i].CollapseProbability.LowerBound));
            table.Add("at most\n(7)", i => BoundTable.Bounded(rows[i].CollapseProbability.UpperBound));
        }

        table.Add("\nsupport", i => new BoundTable.Cell(rows[i].Support is double s ? Figures.Mean(s) : "-"));
        table.Add("L1 from\nfirst", i => BoundTable.Exact(rows[i].L1FromFirst.Exact));
        table.Add("two-\nmoment", i => BoundTable.Bounded(rows[i].L1FromFirst.TwoMoment));
        table.Add("\nsharp", i => BoundTable.Bounded(rows[i].L1FromFirst.Sharp));
        if (keepsReal)
        {
            table.Add("Theorem\n3", i => BoundTable.Bounded(rows[i].L1FromFirst.Theorem3));
            table.Add("Theorem\n4", i => BoundTable.Bounded(rows[i].L1FromFirst.Theorem4));
        }
    }

    private static IEnumerable<(string Label, string Text)> Summary(RunSettings settings, ContextsTheory theory)
    {
        yield return ("contexts", Figures.Whole(theory.Contexts));
        yield return ("collapse time", CollapseTime(theory.Means));
        if (theory.Means.ExpectedCollapseTime is { LowerBound: Bound lower, UpperBound: Bound upper })
        {
            yield return ("paper's (8)", $"{Figures.Mean(lower.Value)} to {Figures.Mean(upper.Value)}");
        }

        if (theory.LastCollapse is LastCollapseLaw last)
        {
            yield return (
                "last collapse",
                $"{Figures.Mean(last.Expectation)} on average, median {Figures.Whole(last.Quantile(0.5))}, "
                    + $"99% by {Figures.Whole(last.Quantile(0.99))}"
            );
        }

        if (
            settings.Scenario.KeepsReal
            && theory.Means.Generations[0].CollapseProbability.Exact is double single and > 0
        )
        {
            yield return ("one token only", $"with probability {Figures.Real(single)}, from the start");
        }
    }

    private static string CollapseTime(TheoryTable means) =>
        means.ExpectedCollapseTime.Exact switch
        {
            null => "not known exactly",
            double.PositiveInfinity => "infinite: the real tokens stay",
            double mean when means.CollapseTimeStandardDeviation is double sd =>
                $"{Figures.Mean(mean)} ± {Figures.Mean(sd)} (sd)",
            double mean => Figures.Mean(mean),
        };

    private static IEnumerable<string> Notes(ContextsTheory theory)
    {
        if (theory.Means.ExactDeviationTooLarge)
        {
            yield return "The exact L1 distance from the first model is left out: it would take too much work. "
                + "The two-moment bound is above it, usually by a third or less.";
        }

        if (theory.ExactCollapseTooLarge)
        {
            yield return "Exact laws of collapse and support are left out: a context has more than "
                + $"{Figures.Whole(Limits.ChainSamples)} samples.";
        }

        if (theory.LastCollapseTooLarge)
        {
            yield return "The last collapse is left out: too many contexts with laws of their own, or too many samples.";
        }
    }
}
