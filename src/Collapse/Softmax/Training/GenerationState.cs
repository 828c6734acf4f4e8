using Collapse.Softmax.Refit;

namespace Collapse.Softmax.Training;

/// <summary>A generation that has been trained.</summary>
/// <param name="Generation">The generation m.</param>
/// <param name="Counts">Its training sets.</param>
/// <param name="FirstCounts">Those of the first.</param>
/// <param name="First">The first model.</param>
/// <param name="ModelOf">The models that are kept, this generation's among them.</param>
internal sealed record GenerationState(
    int Generation,
    CountRows Counts,
    CountRows FirstCounts,
    SoftmaxModel First,
    Func<int, SoftmaxModel> ModelOf
);
