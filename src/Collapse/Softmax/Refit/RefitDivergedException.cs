using System.Globalization;

namespace Collapse.Softmax.Refit;

/// <summary>Gradient descent went away from the optimum: the rate is too large.</summary>
public sealed class RefitDivergedException : Exception
{
    internal RefitDivergedException(
        RefitMethod.Gradient method,
        long? context,
        int step,
        double loss,
        double startLoss,
        double safeRate,
        int? generation = null
    )
        : base(
            string.Create(
                CultureInfo.InvariantCulture,
                $"--refit {method}: diverged{Place(generation, context)}, loss {loss:G4} at step {step} after {startLoss:G4} at the start; choose a RATE below {safeRate:G3}"
            )
        )
    {
        Method = method;
        Generation = generation;
        Context = context;
        Step = step;
        Loss = loss;
        StartLoss = startLoss;
        SafeRate = safeRate;
    }

    /// <summary>The method.</summary>
    public RefitMethod.Gradient Method { get; }

    /// <summary>The generation whose model was trained; null outside a run.</summary>
    public int? Generation { get; }

    /// <summary>The one-hot context that diverged; null where contexts are embedded.</summary>
    public long? Context { get; }

    /// <summary>The step at which it was seen.</summary>
    public int Step { get; }

    /// <summary>The loss there, in nats; perhaps not finite.</summary>
    public double Loss { get; }

    /// <summary>The loss at the start.</summary>
    public double StartLoss { get; }

    /// <summary>Below this rate the loss falls at every step without momentum.</summary>
    public double SafeRate { get; }

    /// <summary>The same, told of a run.</summary>
    /// <param name="generation">The generation whose model was trained.</param>
    /// <param name="firstContext">The number of the first context that was trained with it.</param>
    internal RefitDivergedException InRun(int generation, long firstContext) =>
        new(Method, firstContext + Context, Step, Loss, StartLoss, SafeRate, generation);

    private static string Place(int? generation, long? context) =>
        (generation, context) switch
        {
            (null, null) => "",
            (null, _) => string.Create(CultureInfo.InvariantCulture, $" in context {context}"),
            (_, null) => string.Create(CultureInfo.InvariantCulture, $" in generation {generation}"),
            _ => string.Create(CultureInfo.InvariantCulture, $" in generation {generation}, context {context}"),
        };
}

/// <summary>
/// Says when gradient descent has diverged: the loss is not finite, or was above its start ten steps in a row,
/// or is so at the end. A loss that momentum lifts for a while is not that.
/// </summary>
internal struct DivergenceWatch(double startLoss)
{
    private const int Patience = 10;

    // Float32 losses waver by less.
    private const double Slack = 1e-5;

    private readonly double _limit = startLoss + (Slack * Math.Max(Math.Abs(startLoss), 1));
    private int _above;

    public bool IsDiverged(double loss, bool isLast)
    {
        _above = loss > _limit ? _above + 1 : 0;
        return !double.IsFinite(loss) || _above >= Patience || (isLast && _above > 0);
    }
}
