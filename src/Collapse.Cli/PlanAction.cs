using System.Globalization;
using Collapse.Priors;
using Collapse.Theory;

namespace Collapse.Cli;

/// <summary>What <c>collapse plan</c> does: check, compute, show.</summary>
internal sealed class PlanAction(Screen screen, CancellationToken interrupt)
{
    private const double Half = 0.5;

    private readonly Calculation _calculation = new(screen, interrupt);

    /// <summary>Answers a request.</summary>
    /// <returns>The exit code.</returns>
    public int Invoke(PlanRequest request) => _calculation.Guard(() => Show(request));

    private static PlanResult Compute(PlanRequest request, double[] law) =>
        request switch
        {
            { Real: int real, Samples: int samples } => new PlanResult
            {
                Request = request,
                Deviation = Planner.Tolerance(law, real, samples, request.Generation),
            },
            { Real: int real, Tolerance: double tolerance } => new PlanResult
            {
                Request = request,
                MaxSamples = Planner.MaxSamples(law, real, tolerance, request.Generation),
            },
            { Samples: int samples, Tolerance: double tolerance } => new PlanResult
            {
                Request = request,
                MinReal = Planner.MinReal(law, samples, tolerance, request.Generation),
            },
            _ => new PlanResult
            {
                Request = request,
                HalfSupport = new FullySyntheticLaw(law, request.Samples!.Value).GenerationsUntilSupport(Half),
            },
        };

    private int Show(PlanRequest request)
    {
        Prior prior = PriorParser.Parse(request.Prior);
        if (prior.DiffersByContext)
        {
            throw new InvalidInputException(
                "--prior",
                request.Prior,
                "must be one law: a plan is made for one context, and here each has its own",
                "give one of the laws, or use 'collapse theory' for the means over contexts"
            );
        }

        if (request is { Real: null, Tolerance: null, Samples: > Limits.ChainSamples })
        {
            throw new InvalidInputException(
                "--samples",
                request.Samples.Value.ToString(CultureInfo.InvariantCulture),
                $"must be at most {Figures.Whole(Limits.ChainSamples)} to find when half the support is lost",
                "lower --samples"
            );
        }

        PlanResult result = _calculation.Do(() => Compute(request, prior.Probabilities()));
        if (request.Json)
        {
            screen.Output.WriteLine(PlanJson.Serialize(result));
        }
        else
        {
            PlanReport.Show(screen, result);
        }

        return ExitCode.Success;
    }
}
