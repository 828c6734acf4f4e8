/// Unbiasedness where the truth is a text: rows of many lengths, each with a law of its own.
module Collapse.Verification.CorpusChecks

open System
open MathNet.Numerics.LinearAlgebra
open Collapse.Engines
open Collapse.Results

let private alpha = 1e-8

/// 400 letters, each of them most often the one before: what stands after a pair of letters depends on the pair, and
/// so does how often it occurs.
let private text =
    let random = Random 5

    let next before =
        (before + int (4.0 * random.NextDouble() ** 2.5)) % 4

    let letters = Seq.unfold (fun before -> Some(before, next before)) 0

    {
        Order = 2
        Letters =
            letters
            |> Seq.take 400
            |> Seq.map (fun letter -> "abcd".Substring(letter, 1))
            |> String.concat ""
    }

let private mixed m =
    match m with
    | m when m % 3 = 0 -> [ 0, 4; m - 1, 6 ]
    | m -> [ m - 1, 8; max 1 (m - 2), 3 ]

/// Scenario, n (0 for as many as the text has), and c_m of a row of N tokens: Cov(p_i, p_j) = c_m (p_i [i = j] - p_i p_j)
/// for its law p, that of the first generation.
let private settings: (Training * int * (int -> int -> float)) list =
    [
        // 1 - c_m = (1 - 1/n)^(m - 1).
        Training.FullySynthetic, 0, (fun real m -> 1.0 - (1.0 - 1.0 / float real) ** float (m - 1))
        // Of N + n tokens n are drawn: c_m = a² (c_(m-1) + (1 - c_(m-1))/n), a = n/(N + n).
        Training.PartiallySynthetic 0,
        12,
        (fun real m ->
            let n = 12.0
            let a = n / (float real + n)
            List.fold (fun c _ -> a * a * (c + (1.0 - c) / n)) 0.0 [ 2..m ])
        // Fresh real tokens are indices into the row. 1 - S_m = (1 - c_m)(1 - S_0), for any S_0; the first generation has
        // the law itself, as a set of 10^9 tokens all but has.
        Training.Custom("mixed", mixed),
        11,
        (fun _ m ->
            let moments =
                ExactLaws.secondMoments 0.5 m (fun m -> if m = 1 then [ 0, 1_000_000_000 ] else mixed m)

            1.0 - (1.0 - moments[m, m]) / 0.5)
    ]

let private at = [ 2; 3; 6 ]
let private last = List.last at

/// Sums over the tokens of the text and over runs: deviations of each context's model from its first one, as often as
/// the context has tokens (or rows that are exchanged could make up for each other), and their exact covariance.
type private Sums =
    {
        Deviations: Vector<float>[]
        Covariances: Matrix<float>[]
        mutable Contexts: int
        /// Tokens of all first models.
        First: Vector<float>
    }

let private collect (world: World) (job: Experiment) runs spread =
    let tokens = text.Letters |> Seq.distinct |> Seq.length

    let sums =
        {
            Deviations = Array.init (last + 1) (fun _ -> Vector.Build.Dense tokens)
            Covariances = Array.init (last + 1) (fun _ -> Matrix.Build.Dense(tokens, tokens))
            Contexts = 0
            First = Vector.Build.Dense tokens
        }

    let shares (model: TrainedModel) =
        let p = Vector.Build.Dense tokens

        for pair in model.Counts do
            p[pair.Key] <- float pair.Value / float model.Size

        p

    let mutable first = Vector.Build.Dense tokens
    let mutable known: TrainedModel option = None

    let mutable weight = 0.0

    let add m (model: TrainedModel) =
        sums.Deviations[m].Add(weight * (shares model - first), sums.Deviations[m])

    // The engines stop telling of a context that cannot change: its last model stands for the rest.
    let finish () =
        match known with
        | Some model ->
            for m in model.Generation + 1 .. last do
                add m model
        | None -> ()

    for run in 0 .. runs - 1 do
        let see (model: TrainedModel) =
            if model.Generation = 1 then
                finish ()
                first <- shares model
                weight <- float model.Size
                sums.Contexts <- sums.Contexts + 1
                sums.First.Add(weight * first, sums.First)

                let law: Matrix<float> =
                    Matrix.Build.DiagonalOfDiagonalVector first - first.OuterProduct first

                for m in at do
                    sums.Covariances[m].Add(law.Multiply(weight * weight * spread model.Size m), sums.Covariances[m])
            else
                add model.Generation model

            known <- Some model

        world.Models
            { job with
                Seed = job.Seed + uint64 run
            }
            see

    finish ()
    sums

/// How often each letter follows a pair of letters, once for each run.
let private lettersOf runs =
    let followers = text.Letters.Substring text.Order

    [
        for letter in Seq.distinct text.Letters ->
            float runs * float (followers |> Seq.filter ((=) letter) |> Seq.length)
    ]

let private unbiased =
    {
        Name = "corpus/unbiased"
        Claim =
            "With a text as the truth, E p^(m) is the law of the context's own row, token by token and for all tokens at once."
        Source = "eq. 5; docs/model.md, Training sets; ragged rows"
        Alpha = alpha
        Measure = "bias of the token-weighted mean, in standard deviations of a context's part in it"
        Notices = 0.15
        Run =
            fun world effort seed ->
                let runs = effort.Of 400

                let rows =
                    [
                        for i, (training, n, spread) in List.indexed settings do
                            let job =
                                {
                                    Training = training
                                    Prior = ""
                                    Text = Some text
                                    Samples = n
                                    Contexts = 0
                                    Generations = last
                                    UntilCollapse = false
                                    Seed = seed + uint64 i * 1_000_000UL
                                    At = []
                                    Observables = [ Observable.SumOfSquares ]
                                }

                            let sums = collect world job runs spread
                            let contexts = float sums.Contexts
                            let name = training.Name

                            name,
                            [
                                for m in at ->
                                    float m, sums.Deviations[m] / contexts, sums.Covariances[m].Diagonal() / contexts
                            ],
                            contexts,
                            [
                                Compare.exact
                                    $"{name}: the first models are the text"
                                    (int64 sums.Contexts)
                                    $"{sums.First.ToArray()}"
                                    (List.sort (List.ofSeq sums.First |> List.map Math.Round) =
                                        List.sort (lettersOf runs))

                                for m in at do
                                    let mean = sums.Deviations[m] / contexts
                                    let covariance = sums.Covariances[m] / contexts
                                    let label = $"m = {m}, {name}"
                                    // Deviations add up to 0, so that all but one token say everything.
                                    let k = mean.Count - 1
                                    let part = mean.SubVector(0, k)
                                    let solved = covariance.SubMatrix(0, k, 0, k).Cholesky().Solve part

                                    { Compare.chiSquared
                                          $"all tokens at {label}"
                                          (int64 sums.Contexts)
                                          k
                                          (contexts * (part * solved)) with
                                        Again = job.Command
                                    }

                                    for token in 0..k do
                                        let deviation = sqrt covariance[token, token]

                                        { Compare.meanOn
                                              deviation
                                              $"token {token} at {label}"
                                              0.0
                                              mean[token]
                                              deviation
                                              sums.Contexts with
                                            Again = job.Command
                                        }
                            ]
                    ]

                {
                    Findings = rows |> List.collect (fun (_, _, _, findings) -> findings)
                    Figures =
                        fun () ->
                            [
                                for name, points, contexts, _ in rows ->
                                    Picture.zStrip
                                        $"E p of {name}, a text as the truth"
                                        "token"
                                        [
                                            for m, mean, variance in points ->
                                                $"m = {m}",
                                                [
                                                    for token in 0 .. mean.Count - 1 ->
                                                        float token, mean[token] / sqrt (variance[token] / contexts)
                                                ]
                                        ]
                            ]
                    Notes = []
                }
    }

let all = [ unbiased ]
