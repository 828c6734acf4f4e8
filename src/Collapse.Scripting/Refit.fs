namespace Collapse.Scripting

open Collapse.Softmax
open Collapse.Softmax.Refit

/// <summary>How a softmax model is trained on each generation's tokens; every generation anew, from zero.</summary>
[<RequireQualifiedAccess>]
module Refit =
    /// <summary>To the end: the empirical law of the training tokens (eq. 2).</summary>
    let closed: RefitMethod = RefitMethod.Closed()

    /// <summary>Additive smoothing: p = (count + λ)/(n + λ s).</summary>
    /// <param name="lambda">λ, above 0.</param>
    let smoothed (lambda: float) : RefitMethod = RefitMethod.Smoothed lambda

    /// <summary>Gradient descent, stopped after some steps.</summary>
    /// <param name="steps">How many.</param>
    /// <param name="rate">The learning rate; below 4 the loss falls at every step.</param>
    let gradient (steps: int) (rate: float) : RefitMethod = RefitMethod.Gradient(steps, rate, 0.0)

    /// <summary>Gradient descent with momentum, stopped after some steps.</summary>
    /// <param name="steps">How many.</param>
    /// <param name="rate">The learning rate.</param>
    /// <param name="momentum">0 to 0.9999.</param>
    let gradientWithMomentum (steps: int) (rate: float) (momentum: float) : RefitMethod =
        RefitMethod.Gradient(steps, rate, momentum)

    /// <summary>Damped Newton, or L-BFGS where contexts share parameters, until the gradient is small.</summary>
    /// <param name="tolerance">The gradient norm to reach, 1e-12 to 1.</param>
    let newton (tolerance: float) : RefitMethod = RefitMethod.Newton tolerance

/// <summary>How contexts enter a softmax model.</summary>
[<RequireQualifiedAccess>]
module Embedding =
    /// <summary>Each context has its own logits.</summary>
    let oneHot = ContextEmbedding.OneHot

    /// <summary>Each context is a Gaussian vector of D numbers, and all share the parameters: functional approximation error.</summary>
    /// <param name="dimension">D, 1 to 4,096.</param>
    let gaussian (dimension: int) = ContextEmbedding.Gaussian dimension
