/// Whole laws: the collapse time, the surviving token, counts of one generation and of the next.
module Collapse.Verification.LawChecks

open System.Collections.Generic
open Collapse.Engines
open Collapse.Results

let private alpha = 1e-8

let private experiment training prior samples contexts generations seed =
    { Experiment.Of(training, prior, samples, contexts, generations, seed) with
        At = [ generations ]
    }

/// P(T > 60 n) is below n e^-60.
let private untilCollapse prior samples contexts seed =
    { experiment Training.FullySynthetic prior samples contexts (60 * samples) seed with
        UntilCollapse = true
    }

let private again (job: Experiment) finding = { finding with Again = job.Command }

// ---- collapse

let private times = [ "uniform:52", 10; "power:600:52:0.1", 31; "zipf:20:1.0", 50 ]

let private collapseTime =
    {
        Name = "fully-synthetic/collapse-time-law"
        Claim = "T has the exact law of the ancestral chain, as a whole."
        Source = "rho_m = E Σ p_i^(A_m); FullySyntheticLaw, and ExactLaws.collapsed for the smallest n"
        Alpha = alpha
        Measure = "largest distance of distribution functions, or Cohen's w of the binned law"
        Notices = 0.08
        Run =
            fun world effort seed ->
                let rows =
                    [
                        for i, (prior, n) in List.indexed times do
                            let job = untilCollapse prior n (effort.Of 40_000) (seed + uint64 i)
                            let sample = (world.Measure job).CollapseTimes
                            let last = job.Generations
                            let rho = world.Theory.Collapsed job.Probabilities n last

                            let cells =
                                Array.init (last + 2) (fun m ->
                                    if m = 0 then 0.0
                                    elif m > last then 1.0 - rho[last]
                                    else rho[m] - rho[m - 1])

                            let counts = Array.zeroCreate<int64> cells.Length

                            for t in sample do
                                let cell = min t (last + 1)
                                counts[cell] <- counts[cell] + 1L

                            let cdf m = if m < 0 then 0.0 else rho[min m last]

                            job,
                            sample,
                            rho,
                            [
                                Compare.distribution $"T, Kolmogorov-Smirnov, {job.Sizes}" cdf sample
                                |> again job
                                Compare.frequencies $"T, binned, {job.Sizes}" cells counts |> again job
                            ]
                    ]

                {
                    Findings = rows |> List.collect (fun (_, _, _, findings) -> findings)
                    Figures =
                        fun () ->
                            [
                                for job, sample, rho, _ in rows do
                                    let width = max 1 (job.Samples / 5)
                                    let n = float sample.Length
                                    let least = Array.min sample

                                    let bins = sample |> Array.countBy (fun t -> (t - least) / width) |> dict

                                    Picture.law
                                        $"T, {job.Sizes}"
                                        "collapse time T (generations)"
                                        [
                                            for bin in 0 .. Seq.max bins.Keys do
                                                let from = least + bin * width
                                                let upTo = min (from + width - 1) (rho.Length - 1)
                                                let p = rho[upTo] - rho[min (from - 1) (rho.Length - 1)]

                                                if p * n > 5.0 then
                                                    float from + float (width - 1) / 2.0,
                                                    p,
                                                    (match bins.TryGetValue bin with
                                                     | true, k -> int64 k
                                                     | _ -> 0L)
                                        ]
                            ]
                    Notes = []
                }
    }

let private meanCollapseTime =
    {
        Name = "fully-synthetic/mean-collapse-time"
        Claim = "E T is the exact one."
        Source = "E T = 1 + Σ (1 - rho_m); reference values 18.308534952430268 (n = 10) and 97.0099081579253 (n = 50)"
        Alpha = alpha
        Measure = "relative shift of a mean"
        Notices = 0.03
        Run =
            fun world effort seed ->
                let rows =
                    [
                        for i, (n, reference) in List.indexed [ 10, 18.308534952430268; 50, 97.0099081579253 ] do
                            let job = untilCollapse "uniform:52" n (effort.Of 40_000) (seed + uint64 i)
                            let sample = (world.Measure job).CollapseTimes |> Array.map float
                            let exact = world.Theory.MeanCollapseTime job.Probabilities n

                            [
                                Compare.sampleOn reference $"E T, {job.Sizes}" reference sample |> again job
                                Compare.exact
                                    $"the theory library's E T, n = {n}"
                                    1L
                                    $"{exact:R}, reference {reference:R}"
                                    (abs (exact - reference) < 1e-10 * reference)
                            ]
                    ]

                {
                    Findings = List.concat rows
                    Figures = fun () -> []
                    Notes = []
                }
    }

let private collapsed =
    {
        Name = "fully-synthetic/collapsed-fraction"
        Claim = "The fraction of collapsed contexts is rho_m at every generation looked at."
        Source = "rho_m = E Σ p_i^(A_m), with ExactLaws.collapsed"
        Alpha = alpha
        Measure = "shift of a probability"
        Notices = 0.025
        Run =
            fun world effort seed ->
                let rows =
                    [
                        for i, (prior, n) in List.indexed [ "zipf:40:1.0", 10; "power:600:52:0.1", 25 ] do
                            let at = [ 1; n; 2 * n; 4 * n ]

                            let job =
                                { experiment
                                      Training.FullySynthetic
                                      prior
                                      n
                                      (effort.Of 40_000)
                                      (4 * n)
                                      (seed + uint64 i) with
                                    At = at
                                }

                            let rho = ExactLaws.collapsed job.Probabilities n (4 * n)
                            let measured = world.Measure job

                            job,
                            [
                                for m in at do
                                    let k = measured.Collapsed m

                                    m,
                                    rho[m],
                                    k,
                                    Compare.fraction $"rho_{m}, {job.Sizes}" rho[m] (int64 k) (int64 job.Contexts)
                                    |> again job
                            ]
                    ]

                {
                    Findings = rows |> List.collect (snd >> List.map (fun (_, _, _, finding) -> finding))
                    Figures =
                        fun () ->
                            [
                                for job, all in rows do
                                    let c = float job.Contexts

                                    all
                                    |> List.map (fun (m, p, k, _) -> float m, float k / c, sqrt (p * (1.0 - p) / c), p)
                                    |> Picture.means $"collapsed contexts, {job.Sizes}" "rho<sub>m</sub>"
                            ]
                    Notes = []
                }
    }

let private counted size (tokens: int[]) =
    let counts = Array.zeroCreate<int64> size

    for token in tokens do
        counts[token] <- counts[token] + 1L

    counts

let private lawFigure title xTitle (p: float[]) (counts: int64[]) =
    Picture.law title xTitle [ for i in 0 .. p.Length - 1 -> float i, p[i], counts[i] ]

let private survivor name claim training job =
    {
        Name = $"{name}/survivor"
        Claim = claim
        Source = "Proposition 1: P(collapse to token i) = p_i"
        Alpha = alpha
        Measure = "Cohen's w"
        Notices = 0.06
        Run =
            fun world effort seed ->
                let job: Experiment = job training effort seed
                let p = job.Probabilities
                let counts = counted p.Length (world.Measure job).Tokens

                {
                    Findings = [ Compare.frequencies $"surviving tokens, {job.Sizes}" p counts |> again job ]
                    Figures = fun () -> [ lawFigure $"survivors of {name}, {job.Sizes}" "token" p counts ]
                    Notes = []
                }
    }

let private survivors =
    [
        survivor
            "fully-synthetic"
            "A context collapses to a token with the token's own probability."
            Training.FullySynthetic
            (fun _ (effort: Effort) seed -> untilCollapse "zipf:20:1.0" 10 (effort.Of 100_000) seed)
        survivor
            "recent-models"
            "The token that remains when a whole window has collapsed is drawn from p."
            (Training.RecentModels 3)
            (fun training effort seed -> experiment training "zipf:20:1.0" 6 (effort.Of 40_000) 800 seed)
    ]

// ---- counts

/// The counts of all tokens of all contexts at some generations.
let private counts (world: World) (job: Experiment) (at: int list) =
    let size = job.Probabilities.Length

    let all =
        at
        |> List.map (fun m -> m, Array.init job.Contexts (fun _ -> Array.zeroCreate<int> size))
        |> dict

    let mutable known: TrainedModel option = None

    let write m (model: TrainedModel) =
        match all.TryGetValue m with
        | true, table ->
            for pair in model.Counts do
                table[int model.Context][pair.Key] <- pair.Value
        | _ -> ()

    // The last model of a context that left stands for all later ones.
    let finish () =
        match known with
        | Some model ->
            for m in model.Generation + 1 .. List.max at do
                write m model
        | None -> ()

    world.Models job (fun model ->
        if model.Generation = 1 then
            finish ()

        write model.Generation model
        known <- Some model)

    finish ()
    all

let private histogram size (values: seq<int>) =
    let result = Array.zeroCreate<int64> size

    for value in values do
        result[value] <- result[value] + 1L

    result

let private binomialLaw =
    {
        Name = "fully-synthetic/count-law"
        Claim = "A token's count is binomial in generation 1, and has the law of the token's chain in later ones."
        Source = "generation 1: Binomial(n, p_i); later: ExactLaws.tokenChain"
        Alpha = alpha
        Measure = "Cohen's w"
        Notices = 0.1
        Run =
            fun world effort seed ->
                let n = 16
                let at = [ 1; 2; 6 ]

                let job =
                    experiment Training.FullySynthetic "zipf:6:1.0" n (effort.Of 20_000) 6 seed

                let p = job.Probabilities
                let all = counts world job at
                let chain = ExactLaws.tokenChain false n n 6

                let rows =
                    [
                        for m in at do
                            for token in [ 0; 2; 5 ] do
                                let law = ExactLaws.countLaw chain p[token] m
                                let observed = histogram (n + 1) (all[m] |> Seq.map (fun row -> row[token]))

                                let title = $"count of token {token} at m = {m}, {job.Sizes}"
                                title, law, observed, Compare.frequencies title law observed |> again job
                    ]

                {
                    Findings = rows |> List.map (fun (_, _, _, finding) -> finding)
                    Figures = fun () -> [ for title, law, observed, _ in rows -> lawFigure title "count" law observed ]
                    Notes = []
                }
    }

let private transitions =
    {
        Name = "fully-synthetic/transition-law"
        Claim = "Given its count k, a token's next count is Binomial(n, k/n), for every k."
        Source = "Wright-Fisher sampling: eq. 2 and eq. 5"
        Alpha = alpha
        Measure = "Cohen's w of all transitions together"
        Notices = 0.1
        Run =
            fun world effort seed ->
                let n = 9

                let job =
                    experiment Training.FullySynthetic "zipf:4:0.5" n (effort.Of 20_000) 4 seed

                let all = counts world job [ 3; 4 ]

                let rows =
                    [
                        for token in [ 0; 3 ] do
                            // Cells (k, l), their expectation from the numbers of k observed.
                            let mutable statistic, freedom, pairs, impossible = 0.0, 0, 0L, false

                            for k in 0..n do
                                let next =
                                    histogram
                                        (n + 1)
                                        (Seq.zip all[3] all[4]
                                         |> Seq.filter (fun (row, _) -> row[token] = k)
                                         |> Seq.map (fun (_, row) -> row[token]))

                                let total = Array.sum next
                                pairs <- pairs + total

                                let cells =
                                    Compare.pool
                                        50.0
                                        (float total)
                                        (Array.init (n + 1) (ExactLaws.binomial n (float k / float n)))
                                        (Array.map float next)

                                for p, observed in cells do
                                    let expected = p * float total

                                    if expected > 0.0 then
                                        statistic <- statistic + (observed - expected) ** 2.0 / expected

                                freedom <- freedom + cells.Length - 1

                                impossible <- impossible || k = 0 && next[0] <> total || k = n && next[n] <> total

                            Compare.chiSquared $"transitions of token {token}, {job.Sizes}" pairs freedom statistic
                            |> again job

                            Compare.exact
                                $"token {token} stays lost and stays alone"
                                pairs
                                "0 to 0, n to n"
                                (not impossible)
                    ]

                {
                    Findings = rows
                    Figures = fun () -> []
                    Notes = []
                }
    }

let private covariance =
    {
        Name = "fully-synthetic/covariance"
        Claim =
            "The counts of two tokens of one training set have covariance -n p_i p_j, those of one have n p_i (1 - p_i)."
        Source = "multinomial law of generation 1"
        Alpha = alpha
        Measure = "shift of a mean product, in units of n √(p_i p_j)"
        Notices = 0.1
        Run =
            fun world effort seed ->
                let n = 25

                let job =
                    experiment Training.FullySynthetic "zipf:6:0.6" n (effort.Of 20_000) 1 seed

                let p = job.Probabilities
                let rows = (counts world job [ 1 ])[1]

                {
                    Findings =
                        [
                            for i in 0..5 do
                                for j in i..5 do
                                    let expected =
                                        if i = j then
                                            float n * p[i] * (1.0 - p[i])
                                        else
                                            -(float n * p[i] * p[j])

                                    rows
                                    |> Array.map (fun row ->
                                        (float row[i] - float n * p[i]) * (float row[j] - float n * p[j]))
                                    |> Compare.sampleOn
                                        (float n * sqrt (p[i] * p[j]))
                                        $"counts of tokens {i} and {j}, {job.Sizes}"
                                        expected
                                    |> again job
                        ]
                    Figures = fun () -> []
                    Notes = []
                }
    }

/// The regression of each generation on the last: E[x' | past] = n (c + x)/(N + n) for a token with c real ones and x
/// synthetic ones, so that the error of this forecast times any function of the past has mean 0.
let private regression =
    {
        Name = "partially-synthetic/regression"
        Claim = "A token's next synthetic count is n/(N + n) times its present count on average, whatever its past."
        Source = "eq. 5; the error of the forecast times the present deviation has mean 0"
        Alpha = alpha
        Measure = "shift of the slope n/(N + n)"
        Notices = 0.1
        Run =
            fun world effort seed ->
                {
                    Findings =
                        [
                            for i, (real, n) in List.indexed [ 3, 3; 10, 6 ] do
                                let job =
                                    experiment
                                        (Training.PartiallySynthetic real)
                                        "zipf:5:0.5"
                                        n
                                        (effort.Of 20_000)
                                        4
                                        (seed + uint64 i)

                                let all = counts world job [ 1..4 ]

                                for m in [ 2; 3 ] do
                                    for token in [ 0; 2; 4 ] do
                                        let rows =
                                            Array.init job.Contexts (fun c ->
                                                let count m = float (all[m].[c].[token])
                                                let first, now, next = count 1, count m, count (m + 1)
                                                let size = float (real + n)

                                                if first = float real then
                                                    // One real token: nothing varies, and the engines stop there.
                                                    0.0, 0.0
                                                else
                                                    // The present count less its mean given the real data; the
                                                    // next one less its forecast.
                                                    now - first * size / float real,
                                                    next - first - float n * now / size)

                                        // In units of the mean square deviation the mean product is a shift of the slope.
                                        let square = rows |> Array.averageBy (fun (d, _) -> d * d)

                                        rows
                                        |> Array.map (fun (deviation, error) -> deviation * error)
                                        |> Compare.sampleOn
                                            square
                                            $"token {token}, m = {m} to {m + 1}, {job.Prior}, N = {real}, n = {n}"
                                            0.0
                                        |> again job
                        ]
                    Figures = fun () -> []
                    Notes = []
                }
    }

let all =
    [ collapseTime; meanCollapseTime; collapsed ]
    @ survivors
    @ [ binomialLaw; transitions; covariance; regression ]
