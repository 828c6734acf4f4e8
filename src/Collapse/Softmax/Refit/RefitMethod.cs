using System.Globalization;

namespace Collapse.Softmax.Refit;

/// <summary>How a softmax classifier is trained on counts.</summary>
public abstract record RefitMethod
{
    /// <summary>Steps of Newton's methods that a specification allows.</summary>
    public const int DefaultMaxSteps = 1000;

    private const string Parameter = "--refit";

    private const string Forms =
        "must be closed, smoothed:LAMBDA, gradient:STEPS:RATE, gradient:STEPS:RATE:MOMENTUM or newton:TOL";

    private RefitMethod() { }

    /// <summary>The closed form of eq. 2: the logit of a token is the logarithm of its count, minus infinity where absent.</summary>
    public sealed record Closed : RefitMethod;

    /// <summary>Additive smoothing: p = (count + λ) / (n + λ s).</summary>
    /// <param name="Lambda">What is added to every count, above 0 to 1e9.</param>
    public sealed record Smoothed(double Lambda) : RefitMethod;

    /// <summary>
    /// Full-batch gradient descent with momentum: v ← MOMENTUM·v - (RATE/Λ)·∇F, W ← W + v, where Λ is the
    /// largest eigenvalue of Σ_j w_j e_j e_jᵀ (1 for one-hot contexts).
    /// </summary>
    /// <param name="Steps">Steps, 1 to 10,000,000.</param>
    /// <param name="Rate">The rate, above 0 to 1e9; below 4/(1 + 2·L2/Λ) the loss falls at every step without momentum.</param>
    /// <param name="Momentum">0 (none) to 0.9999.</param>
    public sealed record Gradient(int Steps, double Rate, double Momentum = 0) : RefitMethod;

    /// <summary>Damped Newton (one-hot contexts) or L-BFGS (embedded contexts) until the gradient is small.</summary>
    /// <param name="Tolerance">Largest gradient norm, 1e-12 to 1.</param>
    /// <param name="MaxSteps">Steps after which it ends unconverged, 1 to 10,000,000.</param>
    public sealed record Newton(double Tolerance, int MaxSteps = DefaultMaxSteps) : RefitMethod;

    /// <summary>The method of a specification.</summary>
    /// <param name="specification">
    /// <c>closed</c> · <c>smoothed:LAMBDA</c> · <c>gradient:STEPS:RATE[:MOMENTUM]</c> · <c>newton:TOL</c>.
    /// </param>
    /// <exception cref="InvalidInputException">It is none of these, or a number is out of range.</exception>
    public static RefitMethod Parse(string specification)
    {
        ArgumentNullException.ThrowIfNull(specification);
        string[] parts = specification.Split(':');
        RefitMethod method = (parts[0], parts.Length) switch
        {
            ("closed", 1) => new Closed(),
            ("smoothed", 2) => new Smoothed(Real(specification, "LAMBDA", parts[1])),
            ("gradient", 3) => new Gradient(Count(specification, parts[1]), Real(specification, "RATE", parts[2])),
            ("gradient", 4) => new Gradient(
                Count(specification, parts[1]),
                Real(specification, "RATE", parts[2]),
                Real(specification, "MOMENTUM", parts[3])
            ),
            ("newton", 2) => new Newton(Real(specification, "TOL", parts[1])),
            _ => throw Refuse(specification, Forms, "spell the refit in one of these forms"),
        };
        method.Check(specification);
        return method;
    }

    /// <summary>The specification that <see cref="Parse"/> reads.</summary>
    public sealed override string ToString() =>
        this switch
        {
            Smoothed m => string.Create(CultureInfo.InvariantCulture, $"smoothed:{m.Lambda:R}"),
            Gradient { Momentum: 0 } m => string.Create(CultureInfo.InvariantCulture, $"gradient:{m.Steps}:{m.Rate:R}"),
            Gradient m => string.Create(CultureInfo.InvariantCulture, $"gradient:{m.Steps}:{m.Rate:R}:{m.Momentum:R}"),
            Newton m => string.Create(CultureInfo.InvariantCulture, $"newton:{m.Tolerance:R}"),
            _ => "closed",
        };

    /// <summary>Refuses numbers out of range.</summary>
    /// <exception cref="InvalidInputException">A number is out of range.</exception>
    internal void Check() => Check(ToString());

    private void Check(string specification)
    {
        switch (this)
        {
            case Smoothed m:
                Require(
                    specification,
                    m.Lambda is > 0 and <= 1e9,
                    "LAMBDA must lie above 0 to 1e9",
                    "use closed for 0"
                );
                break;
            case Gradient m:
                Require(
                    specification,
                    m.Steps is >= 1 and <= 10_000_000,
                    "STEPS must be a whole number in 1 to 10,000,000",
                    "change STEPS"
                );
                Require(specification, m.Rate is > 0 and <= 1e9, "RATE must lie above 0 to 1e9", "1 is a good rate");
                Require(
                    specification,
                    m.Momentum is >= 0 and <= 0.9999,
                    "MOMENTUM must lie in 0 to 0.9999",
                    "leave it out for none"
                );
                break;
            case Newton m:
                Require(
                    specification,
                    m.Tolerance is >= 1e-12 and <= 1,
                    "TOL must lie in 1e-12 to 1",
                    "it is the gradient norm to reach"
                );
                Require(
                    specification,
                    m.MaxSteps is >= 1 and <= 10_000_000,
                    "MaxSteps must lie in 1 to 10,000,000",
                    "change MaxSteps"
                );
                break;
        }
    }

    private static void Require(string specification, bool holds, string allowed, string remedy)
    {
        if (!holds)
        {
            throw Refuse(specification, allowed, remedy);
        }
    }

    private static double Real(string specification, string name, string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value)
            ? value
            : throw Refuse(specification, $"{name} must be a number", $"change {name}");

    /// <summary>0, which is out of range, where the text is not a whole number.</summary>
    private static int Count(string specification, string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value) ? value : 0;

    private static InvalidInputException Refuse(string specification, string allowed, string remedy) =>
        new(Parameter, specification, allowed, remedy);
}
