/// What one look at a simulation says about a claim: a p-value, and what defect so large a sample would show.
///
/// Every p-value is two-sided unless said otherwise. "Sees" is the size of the smallest defect that is found with
/// probability `power` at the significance level of the finding.
namespace Collapse.Verification

open System
open MathNet.Numerics
open MathNet.Numerics.Distributions

/// One comparison.
type Finding =
    {
        /// What is compared, at which parameters.
        Label: string
        /// Contexts, draws or pairs behind it.
        Size: int64
        /// The comparison in numbers, for people.
        Statistic: string
        /// The probability of evidence at least as strong against a claim that holds; 1 or 0 where nothing is random.
        P: float
        /// The smallest defect that a test at level α sees with probability 0.99, in the check's own measure.
        Sees: float -> float
        /// A command that makes the numbers again, or an empty text.
        Again: string
    }

[<RequireQualifiedAccess>]
module Compare =
    /// The probability with which a defect of the size stated is found.
    let power = 0.99

    /// P(|Z| > |z|) of a standard normal variable.
    let private normalTails z =
        SpecialFunctions.Erfc(abs z / Constants.Sqrt2)

    let private quantile p = Normal.InvCDF(0.0, 1.0, p)

    /// Standard errors that a shift must have, to be seen at level α (two-sided) with the power stated.
    let private distance alpha = -quantile(alpha / 2.0) + quantile power

    /// A fact that holds or does not, without chance.
    let exact label size statistic holds =
        {
            Label = label
            Size = size
            Statistic = statistic
            P = if holds then 1.0 else 0.0
            Sees = fun _ -> 0.0
            Again = ""
        }

    /// A mean over c independent values against its expectation, by the normal law; Sees is a shift relative to the
    /// scale given (the expectation, for instance). For values of skewness γ its p-value at z standard errors is
    /// right but for a relative error of about γ z³/(6 √c) (Cramér).
    let meanOn scale label expected mean deviation count =
        let error = deviation / sqrt (float count)

        let z =
            if mean = expected then 0.0
            elif error = 0.0 then infinity
            else (mean - expected) / error

        {
            Label = label
            Size = int64 count
            Statistic = $"mean %.6g{mean}, expected %.6g{expected}, z = %.2f{z}"
            P = normalTails z
            Sees = fun alpha -> distance alpha * error / abs scale
            Again = ""
        }

    /// A mean against its expectation; Sees is a relative shift.
    let mean label expected mean deviation count =
        meanOn expected label expected mean deviation count

    /// The mean of a sample against its expectation; Sees is a shift relative to the scale.
    let sampleOn scale label expected (values: float[]) =
        let mean, variance =
            Statistics.ArrayStatistics.MeanVariance values |> fun (struct (m, v)) -> m, v

        meanOn scale label expected mean (sqrt variance) values.Length

    /// P(X >= k) of a binomial variable.
    let private upperTail k n p =
        if k <= 0L || p >= 1.0 then
            1.0
        elif p <= 0.0 then
            0.0
        else
            SpecialFunctions.BetaRegularized(float k, float (n - k + 1L), p)

    /// P(X <= k) of a binomial variable.
    let private lowerTail k n p =
        if k >= n || p <= 0.0 then
            1.0
        elif p >= 1.0 then
            0.0
        else
            SpecialFunctions.BetaRegularized(float (n - k), float (k + 1L), 1.0 - p)

    /// k successes of n against a probability: twice the smaller exact tail, so that it is below α exactly where
    /// Clopper and Pearson's interval of level 1 - α leaves the probability out. Sees is a shift of the probability.
    let fraction label expected (k: int64) (n: int64) =
        {
            Label = label
            Size = n
            Statistic = $"%d{k} of %d{n} = %.6g{float k / float n}, expected %.6g{expected}"
            P = min 1.0 (2.0 * min (upperTail k n expected) (lowerTail k n expected))
            Sees = fun alpha -> distance alpha * sqrt (expected * (1.0 - expected) / float n)
            Again = ""
        }

    /// P(χ² > x).
    let private chiSquaredTail (freedom: int) x =
        if x <= 0.0 then
            1.0
        else
            SpecialFunctions.GammaUpperRegularized(float freedom / 2.0, x / 2.0)

    /// The noncentrality that chi-squared with this freedom sees, by the normal approximation of its law.
    let private noncentrality (freedom: int) alpha =
        // InvCDF of 1 - α has no digits left for small α: solve for the tail itself.
        let limit =
            RootFinding.Brent.FindRoot(
                (fun x -> log (chiSquaredTail freedom x) - log alpha),
                1e-9,
                float freedom + 20.0 * sqrt (float freedom) + 40.0 - 8.0 * log alpha,
                1e-6,
                500
            )

        let k = float freedom
        let z = quantile power

        RootFinding.Brent.FindRoot(
            (fun l -> k + l - z * sqrt (2.0 * (k + 2.0 * l)) - limit),
            0.0,
            10.0 * (limit + k) + 100.0,
            1e-6,
            500
        )

    /// A statistic that is chi-squared with this freedom over `size` independent observations. Sees is Cohen's
    /// w = √(λ / size), λ the noncentrality: for cell counts √(Σ (q - p)²/p).
    let chiSquared label (size: int64) freedom statistic =
        {
            Label = label
            Size = size
            Statistic = $"chi-squared %.1f{statistic}, %d{freedom} degrees of freedom"
            P = chiSquaredTail freedom statistic
            Sees = fun alpha -> sqrt (noncentrality freedom alpha / float size)
            Again = ""
        }

    /// Neighbouring cells joined until each expects at least `least` of n observations.
    let pool least (n: float) (expected: float[]) (counts: float[]) =
        let cells = ResizeArray<float * float>()
        let mutable p, k = 0.0, 0.0

        for i in 0 .. expected.Length - 1 do
            p <- p + expected[i]
            k <- k + counts[i]

            if p * n >= least then
                cells.Add(p, k)
                p <- 0.0
                k <- 0.0

        // The rest goes to the last cell.
        if cells.Count = 0 then
            cells.Add(p, k)
        elif p > 0.0 || k > 0.0 then
            let q, l = cells[cells.Count - 1]
            cells[cells.Count - 1] <- (q + p, l + k)

        cells.ToArray()

    /// Counts over cells against their probabilities: Pearson's chi-squared, after neighbouring cells have been
    /// joined until each expects 100, so that the normal approximation behind it holds far out. A count in a cell
    /// of probability 0 is impossible, and so is its p-value.
    let frequencies label (expected: float[]) (counts: int64[]) =
        let n = Array.sum counts
        let impossible = Array.exists2 (fun p k -> p = 0.0 && k > 0L) expected counts
        let cells = pool 100.0 (float n) expected (Array.map float counts)
        let total = cells |> Array.sumBy fst

        let statistic =
            cells
            |> Array.sumBy (fun (p, k) ->
                let e = p / total * float n
                (k - e) ** 2.0 / e)

        let finding = chiSquared label n (max 1 (cells.Length - 1)) statistic

        if impossible then
            { finding with
                Statistic = "a count where the probability is 0"
                P = 0.0
            }
        else
            finding

    /// A distribution function against a sample of whole numbers, by Kolmogorov and Smirnov's distance D with the
    /// bound 2 exp(-2 n D²) of Dvoretzky, Kiefer, Wolfowitz and Massart, which also holds for discrete laws. Sees is a
    /// distance, by the same bound applied to the defective law.
    let distribution label (cdf: int -> float) (sample: int[]) =
        let n = float sample.Length
        let mutable below = 0
        let mutable distance = 0.0

        for value, here in sample |> Array.countBy id |> Array.sortBy fst do
            // Between two values the sample's function is flat and the law's grows: look at both ends.
            distance <- max distance (abs (float below / n - cdf (value - 1)))
            below <- below + here
            distance <- max distance (abs (float below / n - cdf value))

        {
            Label = label
            Size = int64 sample.Length
            Statistic = $"largest distance %.5f{distance}"
            P = min 1.0 (2.0 * exp (-2.0 * n * distance * distance))
            Sees =
                fun alpha ->
                    sqrt (log (2.0 / alpha) / (2.0 * n))
                    + sqrt (log (2.0 / (1.0 - power)) / (2.0 * n))
            Again = ""
        }

    /// The correlation of independent pairs against 0, by the normal law of r √n. Sees is a correlation.
    let correlation label (x: float[]) (y: float[]) =
        let n = float x.Length
        let r = Statistics.Correlation.Pearson(x, y)
        let z = r * sqrt n

        {
            Label = label
            Size = int64 x.Length
            Statistic = $"correlation %.6f{r}, z = %.2f{z}"
            P = if Double.IsNaN r then 0.0 else normalTails z
            Sees = fun alpha -> distance alpha / sqrt n
            Again = ""
        }

    /// The largest δ at which the empirical Bernstein bound (Maurer and Pontil 2009) of values on [0, range] no longer
    /// allows a mean this far, in one direction, from the one observed: a one-sided p-value without approximation.
    let bernstein range distance variance count =
        if distance <= 0.0 then
            1.0
        else
            // √(2 V L/c) + 7 range L/(3 (c - 1)) = distance, L = ln(2/δ).
            let a = 7.0 * range / (3.0 * float (count - 1))
            let b = sqrt (2.0 * variance / float count)
            let root = (-b + sqrt (b * b + 4.0 * a * distance)) / (2.0 * a)
            min 1.0 (2.0 * exp (-root * root))

    /// The distance from the bound at which the empirical Bernstein bound sees a violation, for values on [0, range].
    let bernsteinDistance range variance count alpha =
        let reach l =
            sqrt (2.0 * variance * l / float count)
            + 7.0 * range * l / (3.0 * float (count - 1))

        reach (log (2.0 / alpha)) + reach (log (2.0 / (1.0 - power)))

    /// A probability's upper bound: P(X >= k) at the bound, exact (Clopper and Pearson's lower limit above it).
    let atMost (k: int64) (n: int64) bound = upperTail k n bound

    /// A probability's lower bound: P(X <= k) at the bound, exact.
    let atLeast (k: int64) (n: int64) bound = lowerTail k n bound
