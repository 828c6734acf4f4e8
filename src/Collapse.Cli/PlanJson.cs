using System.Text.Json;
using Collapse.Results.Files;
using Collapse.Theory;

namespace Collapse.Cli;

/// <summary>
/// The answer of <c>collapse plan</c> as one JSON object. What was not asked is null, and so is an answer that is
/// not a number; whether that is "any number" or "not known" is in the object's <c>kind</c>.
/// </summary>
internal static class PlanJson
{
    public static string Serialize(PlanResult result) =>
        JsonNumbers.Object(
            indented: false,
            json =>
            {
                PlanRequest request = result.Request;
                json.WriteString("scenario", result.AsksForHalfSupport ? "fully-synthetic" : "partially-synthetic");
                json.WriteString("prior", request.Prior);
                json.WriteWhole("real", request.Real);
                json.WriteWhole("samples", request.Samples);
                json.WriteReal("tolerance", request.Tolerance);
                json.WriteWhole("generations", request.Generation);
                WritePlan(json, "maxSamples", result.MaxSamples);
                WritePlan(json, "minReal", result.MinReal);
                json.WriteObject(
                    "deviation",
                    result.Deviation is DeviationValues values ? () => TheoryJson.WriteDeviation(json, values) : null
                );
                json.WriteWhole("halfSupportGeneration", result.HalfSupport);
            }
        );

    private static void WritePlan(Utf8JsonWriter json, string name, Plan? plan) =>
        json.WriteObject(
            name,
            plan is null
                ? null
                : () =>
                {
                    (string Method, PlanAnswer Answer)[] answers =
                    [
                        ("equation11", plan.Equation11),
                        ("theorem3", plan.Theorem3),
                        ("theorem4", plan.Theorem4),
                        ("sharp", plan.Sharp),
                        ("twoMoment", plan.TwoMoment),
                        ("exact", plan.Exact),
                    ];
                    foreach ((string method, PlanAnswer answer) in answers)
                    {
                        json.WriteWhole(method, answer.Tokens);
                    }

                    json.WriteBoolean("exactIsComplete", plan.ExactIsComplete);
                    json.WriteObject(
                        "kind",
                        () =>
                        {
                            foreach ((string method, PlanAnswer answer) in answers)
                            {
                                json.WriteString(method, Kind(answer.Kind));
                            }
                        }
                    );
                }
        );

    private static string Kind(AnswerKind kind) =>
        kind switch
        {
            AnswerKind.Finite => "finite",
            AnswerKind.Unbounded => "unbounded",
            _ => "unknown",
        };
}
