using System.Globalization;
using Collapse.Engines;
using Collapse.Kernels;
using Collapse.Softmax;
using Collapse.Softmax.Refit;

namespace Collapse.Running;

/// <summary>What a run refuses of a classifier, alone and in combination with the rest of its settings.</summary>
internal static class ClassifierRules
{
    /// <summary>Refuses a classifier that is not valid, or does not go with the run.</summary>
    /// <exception cref="InvalidInputException">It is not.</exception>
    public static void Check(RunSettings settings)
    {
        Classifier classifier = settings.Classifier;
        classifier.Refit.Check();
        new RefitOptions { L2 = classifier.L2 }.Check();
        classifier.Embedding.Check();
        classifier.Decoding.Check();
        bool hasSteps = classifier.Refit is RefitMethod.Gradient or RefitMethod.Newton;
        if (classifier.L2 > 0 && !hasSteps)
        {
            throw new InvalidInputException(
                "--l2",
                classifier.L2.ToString("R", CultureInfo.InvariantCulture),
                $"needs a refit by steps, and {classifier.Refit} has none",
                "leave it out, or choose --refit gradient:STEPS:RATE or newton:TOL"
            );
        }

        if (classifier.Embedding.IsShared)
        {
            CheckShared(settings, hasSteps);
        }

        if (!classifier.IsClosedForm)
        {
            CheckMixture(settings);
        }
    }

    /// <summary>Refuses a run until collapse that need not come to an end, or whose contexts cannot leave.</summary>
    /// <exception cref="InvalidInputException">It is such a run.</exception>
    public static void CheckUntilCollapse(RunSettings settings)
    {
        if (!settings.Classifier.IsClosedForm)
        {
            throw new InvalidInputException(
                "--max-generations",
                "(missing)",
                "is required with --until-collapse where models are not the closed form: their collapse may take for ever",
                "give --max-generations G"
            );
        }
    }

    /// <summary>Refuses an engine that cannot train the classifier.</summary>
    /// <exception cref="InvalidInputException">It cannot.</exception>
    public static void CheckEngine(RunSettings settings, IEngine engine)
    {
        if (!engine.CanTrain(settings.Classifier))
        {
            throw Refuse(engine.Name, settings.Classifier);
        }
    }

    /// <summary>The refusal of an engine that trains the closed form only.</summary>
    public static InvalidInputException Refuse(string engine, Classifier classifier) =>
        new(
            "--engine",
            engine,
            $"must be auto or cpu where models are trained or sampled otherwise than in closed form (here {Describe(classifier)})",
            "leave it out: auto takes the cpu for such models"
        );

    private static string Describe(Classifier classifier) =>
        string.Join(
            ", ",
            new[]
            {
                $"--refit {classifier.Refit}",
                classifier.Embedding.IsShared ? $"--embedding {classifier.Embedding}" : "",
                classifier.Decoding == Classifier.ClosedForm.Decoding ? "" : "a temperature, top-k or top-p",
            }.Where(part => part.Length > 0)
        );

    private static void CheckShared(RunSettings settings, bool hasSteps)
    {
        if (!hasSteps)
        {
            throw new InvalidInputException(
                "--refit",
                settings.Classifier.Refit.ToString(),
                "must be gradient:STEPS:RATE or newton:TOL where contexts are embedded",
                "give one of these; the closed forms need --embedding onehot"
            );
        }

        if (settings.UntilCollapse)
        {
            throw new InvalidInputException(
                "--until-collapse",
                "(given)",
                $"does not go with --embedding {settings.Classifier.Embedding}: contexts that share parameters are trained together, and none can leave",
                "give --generations G instead"
            );
        }

        long contexts = settings.Corpus?.ContextCount ?? settings.Contexts ?? settings.Prior?.Contexts ?? 1;
        if (contexts > ParameterRange.Chunk.Highest)
        {
            throw new InvalidInputException(
                settings.Corpus is null ? "--contexts" : "--order",
                (settings.Corpus?.Order ?? contexts).ToString(CultureInfo.InvariantCulture),
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"gives {contexts:N0} contexts, and at most {ParameterRange.Chunk.Highest:N0} can share parameters"
                ),
                "choose fewer contexts, or --embedding onehot"
            );
        }

        if (settings.Chunk < contexts)
        {
            throw new InvalidInputException(
                "--chunk",
                settings.Chunk.Value.ToString(CultureInfo.InvariantCulture),
                $"does not go with --embedding {settings.Classifier.Embedding}: contexts that share parameters are trained together",
                "leave it out"
            );
        }
    }

    private static void CheckMixture(RunSettings settings)
    {
        bool hasMixture = settings.Scenario.UsesSamples && settings.Scenario.RecipeFor(1).Any(IsMixture);
        if (hasMixture && settings.Generations > DrawStream.MaxSegments)
        {
            throw new InvalidInputException(
                settings.UntilCollapse ? "--max-generations" : "--generations",
                settings.Generations.Value.ToString(CultureInfo.InvariantCulture),
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"must be at most {DrawStream.MaxSegments:N0} for softmax models of {settings.Scenario.Name}"
                ),
                "choose fewer generations"
            );
        }
    }

    private static bool IsMixture(Segment segment) => segment.Kind == SegmentKind.Mixture;
}
