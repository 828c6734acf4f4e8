namespace Collapse.Theory;

/// <summary>What theory says of many contexts under one schedule.</summary>
/// <param name="Contexts">c, number of contexts.</param>
/// <param name="Means">Means over contexts, each context with the same weight; for one context, its own values. A bound is the mean of the contexts' bounds, and vacuous where the mean is. The standard deviation of T is that of a context chosen at random.</param>
/// <param name="LastCollapse">The law of the last collapse, for independent contexts; null for one context, where contexts need not collapse or nothing exact is known, and where it was left out.</param>
/// <param name="ExactCollapseTooLarge">True where exact laws of collapse and support exist but some context has more than <see cref="Limits.ChainSamples"/> samples.</param>
/// <param name="LastCollapseTooLarge">True where the law of the last collapse exists but costs too much.</param>
public sealed record ContextsTheory(
    long Contexts,
    TheoryTable Means,
    LastCollapseLaw? LastCollapse,
    bool ExactCollapseTooLarge,
    bool LastCollapseTooLarge
);
