/// Counts the instructions that a device executes for a draw, from the assembly alone.
module Collapse.Tests.PtxLoops

open System
open System.Collections.Generic
open System.Text.RegularExpressions

/// A stretch of instructions that are all executed or not at all, with the stretches that can follow.
type private Block =
    {
        Instructions: string list
        Next: int list
    }

let private branch =
    Regex(@"^(@!?%p\d+\s+)?bra(\.uni)?\s+(\S+?);$", RegexOptions.Compiled)

/// The blocks of a kernel, the entry first.
let private blocksOf (ptx: string) =
    let lines =
        ptx.Split '\n'
        |> Array.map _.Trim()
        |> Array.filter (fun line -> line.EndsWith ':' || line.EndsWith ';')

    // A block starts at a label and behind a branch.
    let pieces = List<string * List<string>>()
    pieces.Add("", List())
    // The targets of a jump through a table stand behind the table's own label.
    let tables = Dictionary<string, string list>()

    for line in lines do
        if line.EndsWith ':' then
            pieces.Add(line.TrimEnd ':', List())
        elif line.StartsWith ".branchtargets" then
            let targets =
                line.Substring(14).TrimEnd(';').Split(',', StringSplitOptions.TrimEntries)

            tables.Add(fst pieces[pieces.Count - 1], List.ofArray targets)
        elif not (line.StartsWith '.') then
            (snd pieces[pieces.Count - 1]).Add line

            if branch.IsMatch line || line.StartsWith "brx" then
                pieces.Add("", List())

    let numbers =
        dict
            [
                for i in 0 .. pieces.Count - 1 do
                    if fst pieces[i] <> "" then
                        fst pieces[i], i
            ]

    [|
        for i in 0 .. pieces.Count - 1 do
            let instructions = List.ofSeq (snd pieces[i])
            let behind = if i + 1 < pieces.Count then [ i + 1 ] else []

            let next =
                match List.tryLast instructions with
                | Some last when last.StartsWith "ret" || last.StartsWith "exit" -> []
                | Some last when last.StartsWith "brx" ->
                    [
                        for label in tables[last.Substring(last.IndexOf(',') + 1).Trim(' ', ';')] -> numbers[label]
                    ]
                | Some last when branch.IsMatch last ->
                    let found = branch.Match last
                    let target = numbers[found.Groups[3].Value]

                    if found.Groups[1].Success then
                        target :: behind
                    else
                        [ target ]
                | _ -> behind

            {
                Instructions = instructions
                Next = next
            }
    |]

/// The natural loops: header and body, by dominators.
let private loopsOf (blocks: Block[]) =
    let count = blocks.Length
    let before = Array.init count (fun _ -> List<int>())

    for i in 0 .. count - 1 do
        for next in blocks[i].Next do
            before[next].Add i

    let dominators =
        Array.init count (fun i -> HashSet<int>(if i = 0 then seq { 0 } else Seq.init count id))

    let mutable isChanged = true

    while isChanged do
        isChanged <- false

        for i in 1 .. count - 1 do
            if before[i].Count > 0 then
                let common = HashSet<int>(dominators[before[i][0]])

                for p in before[i] do
                    common.IntersectWith dominators[p]

                common.Add i |> ignore

                if common.Count < dominators[i].Count then
                    dominators[i] <- common
                    isChanged <- true

    let bodies = Dictionary<int, HashSet<int>>()

    for i in 0 .. count - 1 do
        for header in blocks[i].Next do
            if (i = 0 || before[i].Count > 0) && dominators[i].Contains header then
                let body =
                    match bodies.TryGetValue header with
                    | true, body -> body
                    | _ ->
                        let body = HashSet<int> [ header ]
                        bodies.Add(header, body)
                        body

                let waiting = Stack<int> [ i ]

                while waiting.Count > 0 do
                    let block = waiting.Pop()

                    if body.Add block then
                        for p in before[block] do
                            waiting.Push p

    [ for pair in bodies -> pair.Key, pair.Value ]

/// A loop that draws tokens.
type DrawLoop =
    {
        /// Tokens written each time round.
        Draws: int
        /// Instructions each time round: all draws made, none rejected.
        Instructions: int
    }

    /// Instructions for one draw.
    member loop.PerDraw = float loop.Instructions / float loop.Draws

/// The first multiplier of Philox.
let private multiplier = " 3528531795;"

let private rounds = 10

let private holds (text: string) (block: Block) =
    block.Instructions |> List.exists _.Contains(text)

/// The loops that make random words and store tokens, each with the instructions of its longest way round.
/// A rolled loop of Philox rounds counts ten times. Other loops inside are those of rejected draws: they are left
/// out, since less than one draw in a hundred enters them.
let drawLoops (ptx: string) =
    let blocks = blocksOf ptx
    let loops = loopsOf blocks

    let inside (header: int, body: HashSet<int>) =
        loops
        |> List.filter (fun (h, b) -> h <> header && body.Contains h && b.IsProperSubsetOf body)

    let children loop =
        let all = inside loop

        all
        |> List.filter (fun (h, _) -> all |> List.forall (fun (other, b) -> other = h || not (b.Contains h)))

    let isRounds loop =
        List.isEmpty (inside loop)
        && snd loop |> Seq.exists (fun i -> holds multiplier blocks[i])

    /// Instructions on the longest way round a loop.
    let rec longest (header: int, body: HashSet<int>) =
        let children = children (header, body)
        let known = Dictionary<int, int>()

        /// From a block to the way back; very negative where there is none.
        let rec from block =
            match known.TryGetValue block with
            | true, cost -> cost
            | _ ->
                let cost =
                    match children |> List.tryFind (fun (h, _) -> h = block) with
                    | Some child when not (isRounds child) -> Int32.MinValue / 2
                    | Some child ->
                        let exits =
                            [
                                for i in snd child do
                                    for next in blocks[i].Next do
                                        if not ((snd child).Contains next) then
                                            next
                            ]

                        rounds * longest child + behind exits
                    | None -> blocks[block].Instructions.Length + behind blocks[block].Next

                known[block] <- cost
                cost

        and behind next =
            next
            |> List.map (fun n ->
                if n = header then 0
                elif body.Contains n then from n
                else Int32.MinValue / 2)
            |> List.fold max (Int32.MinValue / 2)

        from header

    [
        for loop in loops do
            let children = children loop

            let own =
                snd loop
                |> Seq.filter (fun i -> children |> List.forall (fun (_, b) -> not (b.Contains i)))
                |> Seq.map (fun i -> blocks[i])
                |> List.ofSeq

            let stores =
                own
                |> List.sumBy (fun block ->
                    block.Instructions
                    |> List.filter (fun i -> Regex.IsMatch(i, @"^st\."))
                    |> List.length)

            if
                stores > 0
                && (List.exists isRounds children || List.exists (holds multiplier) own)
            then
                {
                    Draws = stores
                    Instructions = longest loop
                }
    ]
    |> List.sortBy (fun loop -> loop.Draws, loop.Instructions)

/// All instructions of a kernel by the first part of their name: what a kernel is made of, however often it runs.
let instructionCounts (ptx: string) =
    blocksOf ptx
    |> Seq.collect _.Instructions
    |> Seq.countBy (fun instruction ->
        let name = Regex.Replace(instruction, @"^@!?%p\d+\s+", "")
        (Regex.Match(name, @"^\w+")).Value)
    |> Map.ofSeq
