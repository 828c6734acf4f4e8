using System.Globalization;
using Collapse.Theory;

namespace Collapse.Cli;

/// <summary>What people read of <c>collapse plan</c>: the question, the methods side by side, and what it means.</summary>
internal static class PlanReport
{
    public static void Show(Screen screen, PlanResult result)
    {
        TextWriter output = screen.Output;
        output.WriteLine();
        Figures.WriteWrapped(output, Question(result));
        output.Flush();
        bool vacuous = false;
        if (!result.AsksForHalfSupport)
        {
            vacuous = Methods(result).Write(screen.OutputConsole, [0]);
        }

        if (vacuous)
        {
            output.WriteLine(" (in parentheses): says nothing, as an L1 distance never exceeds 2.");
        }

        output.WriteLine();
        foreach (string sentence in PlanSentences.Of(result))
        {
            Figures.WriteWrapped(output, sentence);
        }

        output.Flush();
    }

    private static string Question(PlanResult result)
    {
        PlanRequest request = result.Request;
        List<string> parts = [result.AsksForHalfSupport ? "fully-synthetic" : "partially-synthetic", request.Prior];
        if (request.Real is int real)
        {
            parts.Add($"N = {Figures.Whole(real)} real");
        }

        if (request.Samples is int samples)
        {
            parts.Add($"n = {Figures.Whole(samples)}");
        }

        if (request.Tolerance is double tolerance)
        {
            parts.Add($"tolerance {tolerance.ToString(CultureInfo.InvariantCulture)}");
        }

        if (!result.AsksForHalfSupport)
        {
            parts.Add(request.Generation is int m ? $"to generation {Figures.Whole(m)}" : "all generations");
        }

        return string.Join(" · ", parts);
    }

    private static BoundTable Methods(PlanResult result)
    {
        var table = new BoundTable();
        if (result.Deviation is DeviationValues values)
        {
            table.Add("", _ => new("L1 from first, at most"));
            table.Add(" paper's\nTheorem 3", _ => BoundTable.Bounded(values.Theorem3));
            table.Add(" paper's\nTheorem 4", _ => BoundTable.Bounded(values.Theorem4));
            table.Add("\n  sharp", _ => BoundTable.Bounded(values.Sharp));
            table.Add(" two-\nmoment", _ => BoundTable.Bounded(values.TwoMoment));
            table.Add("exact\nlaw", _ => BoundTable.Exact(values.Exact));
            return table;
        }

        Plan plan = result.MaxSamples ?? result.MinReal!;
        table.Add("", _ => new(result.MinReal is null ? "largest n" : "smallest N"));
        foreach (
            (string header, PlanAnswer answer) in new[]
            {
                ("paper's\n(11)", plan.Equation11),
                (" paper's\nTheorem 3", plan.Theorem3),
                (" paper's\nTheorem 4", plan.Theorem4),
                ("\n  sharp", plan.Sharp),
                (" two-\nmoment", plan.TwoMoment),
                ("exact\nlaw", plan.Exact),
            }
        )
        {
            table.Add(header, _ => new(Answer(answer)));
        }

        return table;
    }

    private static string Answer(PlanAnswer answer) =>
        answer.Kind switch
        {
            AnswerKind.Finite when answer.Tokens >= 10_000_000 => Figures.Brief(answer.Tokens!.Value),
            AnswerKind.Finite => Figures.Whole(answer.Tokens!.Value),
            AnswerKind.Unbounded => "any",
            _ => "-",
        };
}
