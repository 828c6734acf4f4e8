using System.Globalization;
using Collapse.Theory;

namespace Collapse.Cli;

/// <summary>What a plan means, in words.</summary>
internal static class PlanSentences
{
    private const string ByTwoMoment = " (by the two-moment bound: the exact law would take too much work)";

    public static IEnumerable<string> Of(PlanResult result)
    {
        PlanRequest request = result.Request;
        return result switch
        {
            { MaxSamples: Plan plan } => MaxSamples(request, plan),
            { MinReal: Plan plan } => MinReal(request, plan),
            { Deviation: DeviationValues values } => Deviation(request, values),
            _ => HalfSupport(request, result.HalfSupport),
        };
    }

    private static IEnumerable<string> MaxSamples(PlanRequest request, Plan plan)
    {
        string kept = $"while {Real(request.Real)} stay in every training set";
        (PlanAnswer best, string by) = Best(plan);
        yield return best switch
        {
            { Kind: AnswerKind.Unbounded } =>
                $"Any number of synthetic tokens per generation {Keeps(request)}, {kept}{by}.",
            { Tokens: 0 } =>
                $"Not even one synthetic token per generation is certain to keep the expected L1 deviation from p^(1) within {Tolerance(request)}, {kept}{by}.",
            { Tokens: long n } =>
                $"{(by.Length > 0 ? "Up to" : "At most")} {Figures.Whole(n)} synthetic {(n == 1 ? "token" : "tokens")} per generation {(n == 1 ? Keeps(request) : Keep(request))}, {kept}{by}.",
            _ => "No method gives an answer.",
        };
        yield return plan.Equation11.Tokens switch
        {
            0 => "The paper's (11) allows none.",
            long n => $"The paper's (11) allows {Figures.Whole(n)}.",
            null => "The paper's (11) says nothing here.",
        };
        if (plan.ExactIsComplete || plan.Exact.Kind == AnswerKind.Unknown)
        {
            yield break;
        }

        yield return plan.Exact.Kind == AnswerKind.Unbounded
            ? "That rests on the limit of many synthetic tokens, which computations, not a proof, show to be the worst case."
            : "Not every smaller number was looked at by the exact law: some may deviate more.";
    }

    private static IEnumerable<string> MinReal(PlanRequest request, Plan plan)
    {
        string tokens = $"{Samples(request)} per generation";
        (PlanAnswer best, string by) = Best(plan);
        yield return best.Tokens switch
        {
            1 => $"A single real token is enough beside {tokens}{by}: it {Keeps(request)}.",
            long n =>
                $"{Figures.Whole(n)} real tokens in every training set {Keep(request)} beside {tokens}{(by.Length > 0 ? by : $"; {Figures.Whole(n - 1)} do not")}.",
            null => "No method gives an answer up to 2^40 real tokens.",
        };
    }

    private static IEnumerable<string> Deviation(PlanRequest request, DeviationValues values)
    {
        string drift = values.Exact is double exact
            ? Figures.Real(exact)
            : $"at most {Figures.Real(values.TwoMoment!.Value.Value)}{ByTwoMoment}";
        string when = request.Generation is int m ? $"in generation {Figures.Whole(m)}" : "in the long run";
        yield return $"With {Real(request.Real)} in every training set beside {Samples(request)} per generation, "
            + $"the expected L1 deviation from p^(1) {when} is {drift}; before, it is no larger.";
    }

    private static IEnumerable<string> HalfSupport(PlanRequest request, int? generation)
    {
        yield return generation is int m
            ? $"With {Samples(request)} per generation and no real data after the first, half of the tokens of p are expected to be lost by generation {Figures.Whole(m)}."
            : $"With {Samples(request)} per generation, half of the support is never lost: one token always stays.";
    }

    /// <summary>The answer to go by, and by what method where it is not the exact law.</summary>
    private static (PlanAnswer Answer, string By) Best(Plan plan) =>
        plan.Exact.Kind != AnswerKind.Unknown ? (plan.Exact, "") : (plan.TwoMoment, ByTwoMoment);

    private static string Keeps(PlanRequest request) => $"keeps {Goal(request)}";

    private static string Keep(PlanRequest request) => $"keep {Goal(request)}";

    private static string Goal(PlanRequest request) =>
        $"the expected L1 deviation from p^(1) within {Tolerance(request)} "
        + (request.Generation is int m ? $"up to generation {Figures.Whole(m)}" : "for ever");

    private static string Tolerance(PlanRequest request) =>
        request.Tolerance!.Value.ToString(CultureInfo.InvariantCulture);

    private static string Real(int? real) => real == 1 ? "1 real token" : $"{Figures.Whole(real!.Value)} real tokens";

    private static string Samples(PlanRequest request) =>
        request.Samples == 1 ? "1 synthetic token" : $"{Figures.Whole(request.Samples!.Value)} synthetic tokens";
}
