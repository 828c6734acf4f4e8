using System.Text.Json;
using Collapse.Corpora;
using Collapse.Results;
using Collapse.Results.Files;
using Collapse.Running;
using Collapse.Theory;

namespace Collapse.Cli;

/// <summary>The answer of <c>collapse theory</c> as one JSON object; undefined, unknown and infinite is null.</summary>
internal static class TheoryJson
{
    public static string Serialize(RunSettings settings, ContextsTheory theory) =>
        JsonNumbers.Object(
            indented: false,
            json =>
            {
                WriteQuestion(json, settings, theory);
                TheoryTable means = theory.Means;
                json.WriteObject(
                    "expectedCollapseTime",
                    () =>
                    {
                        WriteBracket(json, means.ExpectedCollapseTime);
                        json.WriteReal("sd", means.CollapseTimeStandardDeviation);
                        json.WriteBoolean("infinite", means.ExpectedCollapseTime.Exact is double.PositiveInfinity);
                    }
                );
                json.WriteObject(
                    "lastCollapse",
                    theory.LastCollapse is not LastCollapseLaw last
                        ? null
                        : () =>
                        {
                            json.WriteReal("mean", last.Expectation);
                            json.WriteWhole("median", last.Quantile(0.5));
                            json.WriteWhole("quantile99", last.Quantile(0.99));
                        }
                );
                WriteLeftOut(json, theory);
                json.WriteStartArray("generations");
                foreach (GenerationTheory generation in means.Generations)
                {
                    WriteGeneration(json, generation, theory);
                }

                json.WriteEndArray();
            }
        );

    private static void WriteQuestion(Utf8JsonWriter json, RunSettings settings, ContextsTheory theory)
    {
        json.WriteString("scenario", settings.Scenario.Name);
        json.WriteWhole("window", settings.Scenario.Window);
        json.WriteString("prior", settings.Prior?.Specification);
        json.WriteObject("corpus", settings.Corpus is Corpus corpus ? () => RunJson.WriteCorpus(json, corpus) : null);
        json.WriteNumber("contexts", theory.Contexts);
        RunJson.WriteSamples(json, settings);
        json.WriteWhole("real", settings.Real);
        json.WriteNumber("seed", settings.Seed);
    }

    private static void WriteLeftOut(Utf8JsonWriter json, ContextsTheory theory)
    {
        json.WriteStartArray("leftOut");
        if (theory.Means.ExactDeviationTooLarge)
        {
            json.WriteStringValue("l1FromFirst.exact");
        }

        if (theory.ExactCollapseTooLarge)
        {
            json.WriteStringValue("expectedCollapseTime.exact");
            json.WriteStringValue("collapseProbability.exact");
            json.WriteStringValue("support");
        }

        if (theory.LastCollapseTooLarge)
        {
            json.WriteStringValue("lastCollapse");
        }

        json.WriteEndArray();
    }

    private static void WriteGeneration(Utf8JsonWriter json, GenerationTheory row, ContextsTheory theory)
    {
        json.WriteStartObject();
        json.WriteNumber("generation", row.Generation);
        json.WriteReal("sumOfSquares", row.SumOfSquares);
        json.WriteObject(
            "collapseProbability",
            () =>
            {
                WriteBracket(json, row.CollapseProbability);
                WriteVacuous(
                    json,
                    ("lowerBound", row.CollapseProbability.LowerBound),
                    ("upperBound", row.CollapseProbability.UpperBound)
                );
            }
        );
        if (theory.Contexts > 1)
        {
            json.WriteReal("collapsedContexts", row.CollapseProbability.Exact * theory.Contexts);
            json.WriteReal("allCollapsedProbability", theory.LastCollapse?.Probability(row.Generation));
        }

        json.WriteReal("support", row.Support);
        json.WriteObject("l1FromFirst", () => WriteDeviation(json, row.L1FromFirst));
        json.WriteEndObject();
    }

    /// <summary>The members of a deviation, exact and bounded.</summary>
    internal static void WriteDeviation(Utf8JsonWriter json, DeviationValues values)
    {
        json.WriteReal("exact", values.Exact);
        json.WriteReal("sharp", values.Sharp?.Value);
        json.WriteReal("twoMoment", values.TwoMoment?.Value);
        json.WriteReal("theorem3", values.Theorem3?.Value);
        json.WriteReal("theorem4", values.Theorem4?.Value);
        WriteVacuous(
            json,
            ("sharp", values.Sharp),
            ("twoMoment", values.TwoMoment),
            ("theorem3", values.Theorem3),
            ("theorem4", values.Theorem4)
        );
    }

    private static void WriteBracket(Utf8JsonWriter json, BracketedValue value)
    {
        json.WriteReal("exact", value.Exact);
        json.WriteReal("lowerBound", value.LowerBound?.Value);
        json.WriteReal("upperBound", value.UpperBound?.Value);
    }

    private static void WriteVacuous(Utf8JsonWriter json, params ReadOnlySpan<(string Name, Bound? Bound)> bounds)
    {
        json.WriteStartArray("vacuous");
        foreach ((string name, Bound? bound) in bounds)
        {
            if (bound is { Vacuous: true })
            {
                json.WriteStringValue(name);
            }
        }

        json.WriteEndArray();
    }
}
