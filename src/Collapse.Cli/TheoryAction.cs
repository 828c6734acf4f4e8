using Collapse.Model;
using Collapse.Running;
using Collapse.Theory;

namespace Collapse.Cli;

/// <summary>What <c>collapse theory</c> does: check, read, compute, show.</summary>
internal sealed class TheoryAction(Screen screen, CancellationToken interrupt)
{
    // Half a minute on two cores.
    private const long WorkForText = 10 * Limits.DefaultWork;

    private readonly Calculation _calculation = new(screen, interrupt);

    /// <summary>Answers a request.</summary>
    /// <returns>The exit code.</returns>
    public int Invoke(TheoryRequest request) => _calculation.Guard(() => Show(request));

    private int Show(TheoryRequest request)
    {
        Scenario scenario = Scenario.Parse(request.Scenario, request.Window);
        RunSettings settings = new SettingsReader(screen, interrupt).Read(request, scenario) with
        {
            Generations = request.Generations,
        };
        // The theory answers for the very runs that can be made.
        Running.Planner.Plan(settings);
        ContextProfiles.Check(settings);
        ContextsTheory theory = _calculation.Do(() => Compute(settings));
        if (request.Json)
        {
            screen.Output.WriteLine(TheoryJson.Serialize(settings, theory));
        }
        else
        {
            TheoryReport.Show(screen, settings, theory);
        }

        return ExitCode.Success;
    }

    private static ContextsTheory Compute(RunSettings settings)
    {
        IEnumerable<ContextProfile> contexts = ContextProfiles.Of(settings);
        int generations = settings.Generations!.Value;
        long work = settings.Corpus is null ? Limits.DefaultWork : WorkForText;
        return settings.Scenario switch
        {
            { Window: int window } => ContextsTheories.RecentModels(contexts, window, generations),
            { KeepsReal: true } => ContextsTheories.PartiallySynthetic(
                contexts,
                settings.Corpus?.VocabularySize ?? settings.Prior!.VocabularySize,
                generations,
                work
            ),
            { IsCollapseCertain: true } => ContextsTheories.FullySynthetic(contexts, generations, work),
            _ => ContextsTheories.RandomModels(contexts, generations),
        };
    }
}
