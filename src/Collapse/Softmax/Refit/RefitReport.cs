namespace Collapse.Softmax.Refit;

/// <summary>How a refit ended.</summary>
public enum RefitOutcome
{
    /// <summary>A closed form: there were no steps.</summary>
    ClosedForm,

    /// <summary>All steps that were asked for were made.</summary>
    StepsDone,

    /// <summary>The gradient norm fell to the tolerance.</summary>
    Converged,

    /// <summary>The largest number of steps came first.</summary>
    StepLimit,

    /// <summary>No step lowered the loss any more: the tolerance is finer than float32 resolves.</summary>
    PrecisionLimit,
}

/// <summary>The state after a step.</summary>
/// <param name="Step">Steps made; 0 is the start.</param>
/// <param name="Loss">F(W)/c in nats.</param>
/// <param name="GradientNorm">‖∇F‖/√(c Λ): for one-hot contexts the root mean square of ‖p_j - q_j‖ (without L2).</param>
public readonly record struct RefitStep(int Step, double Loss, double GradientNorm);

/// <summary>How far a refit is: one-hot contexts finish block after block, embedded ones step after step.</summary>
/// <param name="Contexts">Contexts that stand at <paramref name="Last"/>.</param>
/// <param name="Last">Their last step, with their own loss and gradient norm.</param>
public readonly record struct RefitProgress(int Contexts, RefitStep Last);

/// <summary>What a refit did.</summary>
/// <param name="Outcome">How it ended.</param>
/// <param name="History">The start and every step; empty for a closed form.</param>
/// <param name="Unconverged">Contexts short of the tolerance; for embedded contexts all or none.</param>
public sealed record RefitReport(RefitOutcome Outcome, IReadOnlyList<RefitStep> History, int Unconverged)
{
    internal static RefitReport ClosedForm { get; } = new(RefitOutcome.ClosedForm, [], 0);
}
