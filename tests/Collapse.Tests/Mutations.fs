/// Small changes of the code that some test must notice: the table that `dotnet fsi build.fsx mutate` works through.
module Collapse.Tests.Mutations

#nowarn "3886" // Lists of one pair.

/// One change of one file.
type Mutant =
    {
        /// Path below the repository's root.
        File: string
        /// Text that stands exactly once in the file.
        Original: string
        /// What is put in its place.
        Replacement: string
        /// The test lists that may notice, in the order in which they are tried.
        Lists: string list
        /// Why no test can notice the change; none for a mutant that must be killed.
        Excuse: string option
    }

let private mutant file excuse (original, replacement) =
    {
        File = file
        Original = original
        Replacement = replacement
        Lists = []
        Excuse = excuse
    }

let private killed file changes = changes |> List.map (mutant file None)

/// Mutants that no test can notice, with the reason.
let private excused file excuse changes =
    changes |> List.map (mutant file (Some excuse))

let private kernels name = $"kernels/Collapse.Kernels/{name}.cs"
let private core name = $"src/Collapse/{name}.cs"

let private randomness =
    [
        killed
            (kernels "Philox")
            [
                "0xD2511F53", "0xD2511F55"
                "0xCD9E8D57", "0xCD9E8D59"
                "0x9E3779B9", "0x9E3779BB"
                "0xBB67AE85", "0xBB67AE87"
                "Rounds = 10", "Rounds = 9"
                "(ulong)Multiplier0 * c0", "(ulong)Multiplier0 * c1"
                "(ulong)Multiplier1 * c2", "(ulong)Multiplier0 * c2"
                "^ c1 ^ key0", "^ c1 ^ key1"
                "^ c3 ^ key1", "^ c3"
                "c1 = (uint)product1;", "c1 = (uint)product0;"
                "key1 += Weyl1;", ""
                "new PhiloxBlock(c0, c1, c2, c3)", "new PhiloxBlock(c1, c0, c2, c3)"
                "return new PhiloxBlock(c0, c1", "return new PhiloxBlock(c0 | 1, c1"
            ]
        killed
            (kernels "DrawStream")
            [
                "uint Truth = 1", "uint Truth = 2"
                "uint Index = 2", "uint Index = 1"
                "uint MixtureSource = 3", "uint MixtureSource = 4"
                "uint MixtureIndex = 4", "uint MixtureIndex = 2"
                "uint Prior = 5", "uint Prior = 1"
                "(segment << 4)", "(segment << 3)"
                "(attempt << 24) | Tag", "Tag"
                "(attempt << 24)", "(attempt << 23)"
                "Generate(block, Generation, Context,", "Generate(block, Context, Generation,"
                "Generate(block, Generation,", "Generate(block + 1, Generation,"
                "(seed >> 32)", "(seed >> 31)"
                "Key0 = (uint)seed", "Key0 = (uint)(seed >> 1)"
                "Generation = generation;", "Generation = generation - 1;"
                "Context = context;", "Context = context & 0xFFFF;"
            ]
        killed
            (kernels "UniformIndex")
            [
                "MostHalfWordRejections = 655", "MostHalfWordRejections = 656"
                "bound <= 0x10000 &&", "bound < 0x10000 &&"
                "0x10000 % bound <= Most", "0x10000 % bound < Most"
                "Threshold16(uint bound) => 0x10000 % bound", "Threshold16(uint bound) => 0"
                "Threshold16(uint bound) => 0x10000 % bound", "Threshold16(uint bound) => 0xFFFF % bound"
                "(0u - bound) % bound", "0"
                "(0u - bound) % bound", "(1u - bound) % bound"
                "stream.Block(draw / 8, 0)", "stream.Block(draw / 4, 0)"
                "draw % 8 / 2", "draw % 4"
                "(draw & 1) == 0", "(draw & 1) != 0"
                "uint product = lane * bound", "uint product = lane * (bound - 1)"
                "? product >> 16", "? lane % bound"
                "(product & 0xFFFF) >= Threshold16", "(product & 0xFFFF) > Threshold16"
                "draw % 4) * bound", "draw % 4) * (bound - 1)"
                "draw / 4, 0", "draw / 4, 1"
                "(uint)product >= Threshold32(bound)", "(uint)product > Threshold32(bound)"
                "? (uint)(product >> 32)", "? (uint)(product % bound)"
                "uint attempt = 1", "uint attempt = 0"
                "stream.Block(draw, attempt)", "stream.Block(draw / 4, attempt)"
                "uint word = 0", "uint word = 1"
                "word < 4", "word < 3"
                "(uint)product >= threshold", "(uint)product > threshold"
                "1 => block.X1", "1 => block.X2"
            ]
        excused
            (kernels "UniformIndex")
            "reached with probability 2^-1016 at most: every word of 254 attempts would have to be rejected"
            [ "attempt < 256", "attempt < 255" ]
        killed
            (kernels "TruthDraw")
            [
                "(high << 32) | (low & 0xFFFFFFFF)", "(high << 32)"
                " + (low >> 32)", ""
                "return (int)(high >> 32)", "return (int)(lane % columns)"
                "(0ul - columns) % columns", "0"
                "stream.Block(draw / 2, 0)", "stream.Block(draw, 0)"
                "(draw & 1) == 0", "(draw & 1) != 0"
                "low | ((ulong)high << 32)", "high | ((ulong)low << 32)"
                "uint attempt = 1", "uint attempt = 2"
                "column = Column(Join(block.X0, block.X1)", "column = Column(Join(block.X2, block.X3)"
                "stream.Block(draw, attempt)", "stream.Block(draw / 2, attempt)"
            ]
        excused
            (kernels "TruthDraw")
            "a second lane is looked at with probability below 2^-33 a redraw, itself of probability below 2^-33"
            [
                "column = Column(Join(block.X2, block.X3)", "column = Column(Join(block.X3, block.X2)"
                "attempt < 256", "attempt < 255"
            ]
        killed
            (core "Engines/Cpu/RandomLanes")
            [
                "key0 + ((uint)round", "key0 + (1 + (uint)round"
                "state = d.Ahead(step)", "state = c.Ahead(step)"
                "state = a.Ahead(step)", "state = a"
                "PhiloxState<T> c = b.Ahead(step)", "PhiloxState<T> c = b"
                "(done + (2 * T.Blocks))", "(done + (4 * T.Blocks))"
                "(count + 7) / 8", "count / 8"
                "(count + 3) / 4", "count / 4"
                "if (bound < 0x10000)", "if (bound < 0x8000)"
                "lanes[draw] = UniformIndex.Redraw", "lanes[draw] |= UniformIndex.Redraw"
                "FirstAttempt = 1 << 24", "FirstAttempt = 1 << 25"
                "threshold = (ushort)_threshold16", "threshold = (ushort)0"
                "uint threshold = _threshold32", "uint threshold = 0"
                "if (bound != _bound)", "if (_bound == 0)"
                "i < count; i += 2 * T.Blocks)\n        {\n            ulong",
                "i < count; i += 4 * T.Blocks)\n        {\n            ulong"
                "i += 4 * T.Blocks", "i += 8 * T.Blocks"
                "Portion = 1 << 16", "Portion = 1 << 17"
                "(uint)start + _waiting[j]", "_waiting[j]"
                "b.X0 = T.Load(ref _draws[i + T.Blocks]);", ""
                "ref _redrawn[i + T.Blocks]", "ref _redrawn[i]"
                "threshold) << T.Blocks)", "threshold))"
                "rejected != 0; rejected &= rejected - 1", "false;"
            ]
        killed
            (core "Engines/Cpu/PhiloxState")
            [
                "T.Xor(T.ShiftRight(product0), X3", "T.Xor(T.ShiftRight(product0), X1"
                "X3 = product0;", "X3 = product1;"
                "new(T.Add(X0, step)", "new(T.Add(X0, X0)"
            ]
        killed
            (core "Engines/Cpu/PhiloxLanes")
            [
                "0ul, 4, 1, 5, 2, 6, 3, 7", "0ul, 1, 2, 3, 4, 5, 6, 7"
                "0ul, 2, 1, 3", "0ul, 1, 2, 3"
                "Create(0ul, 1)", "Create(0ul, 2)"
                "Avx512BW.MultiplyHigh(x, b).StoreUnsafe", "(x * b).StoreUnsafe"
                "Vector512.LessThan(x * b, Vector512.Create(threshold))",
                "Vector512.LessThanOrEqual(x * b, Vector512.Create(threshold))"
                "Vector512.LessThan(rest, Vector512.Create(threshold))",
                "Vector512.LessThanOrEqual(rest, Vector512.Create(threshold))"
                "Vector256.LessThan(x * b, Vector256.Create(threshold))",
                "Vector256.LessThanOrEqual(x * b, Vector256.Create(threshold))"
                "Vector256.LessThan(rest, Vector256.Create(threshold))",
                "Vector256.LessThanOrEqual(rest, Vector256.Create(threshold))"
                "Vector128.LessThan(x * Vector128.Create(bound), Vector128.Create(threshold))",
                "Vector128.LessThanOrEqual(x * Vector128.Create(bound), Vector128.Create(threshold))"
                "Indices + Vector512.Create(first)", "Indices"
                "(mask != 0);\n        mask &= mask - 1;", "(mask != 0);\n        mask = 0;"
                "Unsafe.Add(ref list, count++)", "Unsafe.Add(ref list, count)"
                "Vector128<ulong> odd = Multiply(x >>> 32, b)", "Vector128<ulong> odd = Multiply(x, b)"
                "Narrow((lower * b) >>> 16, (upper * b) >>> 16)", "Narrow((upper * b) >>> 16, (lower * b) >>> 16)"
            ]
    ]

let private model =
    [
        killed
            (kernels "Absorption")
            [
                "collapsedRun >= Math.Min(lookback, generation)", "collapsedRun > Math.Min(lookback, generation)"
                "Math.Min(lookback, generation)", "1"
                "Math.Min(lookback, generation)", "lookback"
                "generation >= lastRealUse", "generation > lastRealUse"
                "generation >= lastRealUse || pureReal", "generation >= lastRealUse"
                "(generation >= lastRealUse || pureReal)", "true"
                "run > 0 && isSameToken", "run > 0"
                "? run + 1", "? run + 2"
                "!isCollapsed ? 0", "!isCollapsed ? run"
            ]
        killed
            (kernels "Recipe")
            [
                "KeepReal ? real", "KeepReal ? samples"
                "Denominator == 0 ? Numerator", "Denominator == 0 ? Numerator - 1"
                "(int)((long)samples * Numerator / Denominator)", "(int)((long)samples * Numerator / Denominator) + 1"
                "(long)samples * Numerator", "samples * (Numerator + 1)"
            ]
        killed
            (core "Model/Schedule")
            [
                "int lookback = 1;", "int lookback = 2;"
                "read.AllModels ? m - 1", "read.AllModels ? 1"
                "read.AllModels ? m - 1", "read.AllModels ? m"
                "lastReal = read.Real ? m", "lastReal = read.Fresh ? m"
                "lastFresh = read.Fresh ? m", "lastFresh = read.Real ? m"
                "SizeOf(recipe, samples, real) - ((long)kept * real)", "SizeOf(recipe, samples, real)"
                "recipe.Max(s => s.Lag)", "recipe.Min(s => s.Lag)"
                "m == 1 && isCorpus ?", "m == 0 && isCorpus ?"
                "largest = Math.Max(largest, SizeOf", "largest = Math.Min(largest, SizeOf"
                "s.Kind != SegmentKind.Model", "s.Kind == SegmentKind.KeepReal"
            ]
        killed
            (core "Model/Scenario")
            [
                "Math.Min(generation, window + 1)", "Math.Min(generation, window)"
                "Math.Max(0, generation - window)", "Math.Max(0, generation - window + 1)"
                "Model(generation - t, 1, window)", "Model(generation - t, 1, generation)"
                "later = [.. first, Model(1, 1, 1)]", "later = [Model(1, 1, 1), .. first]"
                "later = [Model(1, 1, 1)]", "later = [Model(1, 1, 1), Real(1, 1000)]"
                "Model(generation - source, count, 0)", "Model(1, count, 0)"
                "source < 0 || source >= generation", "source < 0 || source > generation"
                "m == 1 ? first : later);\n    }\n\n    private static Scenario CreateRandomModels",
                "m <= 2 ? first : later);\n    }\n\n    private static Scenario CreateRandomModels"
            ]
        killed
            (core "Priors/TruthTable")
            [
                "return place < Thresholds[column]", "return place <= Thresholds[column]"
                "? column : Aliases[column]", "? Aliases[column] : column"
                "UInt128.Max(1, (UInt128)", "UInt128.Max(0, (UInt128)"
                "+ (total - given)", "+ 0"
                "rest[donor] -= capacity - rest[column];", "rest[donor] -= capacity;"
                "(ulong)(rejected + (UInt128)columns * rest[column])", "(ulong)((UInt128)columns * rest[column])"
                "units[largest] += scale - sum;", ""
                "lost += sum >= p ? sum - next + p : p - next + sum;", ""
            ]
        excused
            (core "Priors/TruthTable")
            "such a column is its own alias, so that either side of its threshold is the same token"
            [ "thresholds[column] = ulong.MaxValue;", "thresholds[column] = 0;" ]
        excused
            (core "Priors/TruthTable")
            "which of the equally heavy tokens takes the remainder, a few units of 2^-64, is free"
            [
                "largest = weights[i] > weights[largest] ? i", "largest = weights[i] >= weights[largest] ? i"
            ]
        killed
            (core "Priors/DirichletPrior")
            [
                "new DrawStream(seed, context, 0, 0,", "new DrawStream(seed, 0, 0, 0,"
                "alpha + 1, 1)", "alpha, 1)"
                "/ alpha;", ";"
            ]
    ]

let private device =
    [
        killed
            (kernels "ContextKernel")
            [
                "setStart + (generation - 1) % settings.Slots * stride",
                "setStart + generation % settings.Slots * stride"
                "collapsed && collapseTime == 0 ?", "collapsed ?"
                "settings.UntilCollapse != 0", "settings.UntilCollapse == 2"
                "row >= 0 || leaves", "row >= 0"
                "batch.CollapsedRun[context] = run;", ""
                " && batch.PureTruth[context] != 0", ""
                "tokens[start + i] != tokens[start]", "tokens[start + i] > tokens[start]"
            ]
        killed (kernels "TableSums") [ "if (count > 0)", "if (count > 1)" ]
        killed
            (kernels "TrainingSets")
            [
                "uint number = (uint)(i - first);", "uint number = (uint)i;"
                "long start = target + size;", "long start = target;"
                "(generation - segment.Lag) % settings.Slots", "(generation - 1) % settings.Slots"
                "block * 8L + 2, words.X1", "block * 8L + 2, words.X2"
                "block * 8L < draws.End", "block * 8L + 8 < draws.End"
                "block * 4L < draws.End", "block * 4L + 4 < draws.End"
                "block * 4L + 3, words.X3", "block * 4L + 3, words.X2"
                "DrawHalfWord(draws, draw, word & 0xFFFF)", "DrawHalfWord(draws, draw, word >> 16)"
                "uint product = lane * draws.Bound", "uint product = lane * (draws.Bound - 1)"
                "Put(draws, draw, product >> 16,", "Put(draws, draw, lane % draws.Bound,"
                "(product & 0xFFFF) >= draws.Threshold", "(product & 0xFFFF) > draws.Threshold"
                "(product & 0xFFFF) >= draws.Threshold", "true"
                "(ulong)lane * draws.Bound", "(ulong)lane * (draws.Bound - 1)"
                "(uint)product >= draws.Threshold", "(uint)product > draws.Threshold"
                "(uint)product >= draws.Threshold", "true"
                "draw < draws.End)", "draw <= draws.End)"
                "(uint)draw, draws.Bound)", "(uint)(draw + 1), draws.Bound)"
                "UniformIndex.Draw(sources, (uint)d, generation)", "UniformIndex.DrawWord(sources, (uint)d, generation)"
                "if (t > 0)", "if (t >= 0)"
                "UniformIndex.DrawWord(indices, (uint)d, bound)", "UniformIndex.Draw(indices, (uint)d, bound)"
                "place < batch.TruthThresholds[entry]", "place <= batch.TruthThresholds[entry]"
                "? column : batch.TruthAliases[entry]", "? batch.TruthAliases[entry] : column"
                "(long)context * settings.TruthStride + column", "column"
                "settings.Seed, index, 0, 0, DrawPurpose.Truth", "settings.Seed, index, 1, 0, DrawPurpose.Truth"
            ]
        excused
            (kernels "TrainingSets")
            "rejected with probability below 2^-33 a draw: no seed that a test can look for"
            [ "place < settings.TruthThreshold", "place <= settings.TruthThreshold" ]
        excused
            (kernels "ContextKernel")
            "real tokens are a pure function of the counter: drawn anew in each launch they are the same"
            [
                "settings.FirstGeneration == 1 && settings.TruthColumns != 0", "settings.TruthColumns != 0"
            ]
        killed
            (kernels "ContextQueue")
            [
                "isSearching = batch.LeftAt[context] != 0", "isSearching = false"
                "position < settings.QueueEnd", "position < settings.QueueEnd - 1"
                "batch.Totals[LaunchTotals.Drawn], drawn", "batch.Totals[LaunchTotals.Drawn], tokens"
            ]
        killed
            (kernels "ContextRows")
            [
                "_squares += (long)count * count;", "_squares += (long)count * (count + 1);"
                "_max = Math.Max(_max, Obs", "_max = Math.Min(_max, Obs"
                "_support++;", ""
                "_logs += count * ln;", "_logs += ln;"
                "- first * size) - first * size;", "- first * size);"
                "size * units) - size * units;", "size * units);"
                "_mass -= first;", "_mass += first;"
                "_l1First + firstSize * size", "_l1First"
                "return firstSize * size;", "return 0;"
                "value < LogTable.MaxLength", "value <= LogTable.MaxLength"
                "if (held > 0)", "if (held > 1)"
                "leaves || row == settings.Reported - 1", "leaves"
            ]
        killed
            (kernels "TokenTable")
            [
                "held == Empty || held == token)", "held == Empty || held >= token)"
                "if (held == token)", "if (held >= token)"
                "count = batch.HeldTokens[i] == token ? batch.HeldCounts[i] : count;", ""
            ]
        killed
            (kernels "IndexLanes")
            [
                "Threshold = isHalf ? rest : UniformIndex.Threshold32(bound)", "Threshold = rest"
                "low = product & 0xFFFF", "low = product >> 16"
                "return (int)(product >> 16)", "return (int)(product >> 15)"
                "int place = IsHalf ? k >> 1 : k;", "int place = k;"
            ]
        killed
            (kernels "SharedSetKernel")
            [
                "int count = segment.Size(samples, real);", "int count = segment.Size(real, samples);"
                "if (bound != lanes.Bound)", "if (lanes.Bound == 0)"
                "(uint)(i - start),", "0,"
                "collapsed && collapseTime == 0 ? generation", "collapsed ? generation"
                "if (least < lanes.Threshold)\n                {\n                    Redraw(work, stream, lanes, source, target, block * 8",
                "if (false)\n                {\n                    Redraw(work, stream, lanes, source, target, block * 8"
                "Atomic.Add(ref work.Counts[rejected], -1);", ""
                "settings.Lookback == 1 && numbers > SumLanes", "numbers > SumLanes"
                "int models = Math.Min(settings.Lookback, settings.Generations);", "int models = 1;"
            ]
        killed
            (kernels "LaneKernel")
            [
                "MostTokens = 128", "MostTokens = 1024"
                "if (least < lanes.Threshold)", "if (false)"
                "work.Set(rejected, work.Get(rejected) - 1);", ""
                "work.Set(counts + i, left++);", "work.Set(counts + i, ++left);"
            ]
        killed
            (kernels "RowSumsKernel")
            [
                "if (left != 0 && left < generation)", "if (left != 0 && left <= generation)"
                "partials[lane + Sum + 1] += high;", ""
                "(middle << 1) & LowWord", "middle & LowWord"
                "(middle >> 31)", "(middle >> 32)"
                "long.MaxValue - value", "value"
                "highProduct & LowWord", "highProduct"
                "partials[lane + HeldOutLog + 1] += heldOut >> 32;", ""
                "settings.FirstContext + (uint)context,\n                generation",
                "settings.FirstContext + (uint)context,\n                row"
            ]
        killed
            (core "Engines/Gpu/IlgpuEngine")
            [
                "int generation = left > 0 ? left : lastReported;", "int generation = lastReported;"
                "last = batch.LastGeneration;", "last = batch.FirstGeneration;"
                "batch.BinsOf(row));\n                row++;", "batch.BinsOf(row));"
            ]
        killed
            (core "Engines/Gpu/LaunchClass")
            [
                "Math.Max(schedule.LastFreshUse, 1) + 1", "Math.Max(schedule.LastFreshUse, 1)"
                "(long)-size << 32", "(long)size << 32"
            ]
        killed
            (core "Engines/Gpu/DeviceBatch")
            [
                "Slots = plan.Schedule.Lookback + 1", "Slots = plan.Schedule.Lookback"
                "(uint)(table.FirstContext + range.Start)", "(uint)table.FirstContext"
                "plan.IsPerContext ? plan.Vocabulary : 0,\n            TruthScale", "0,\n            TruthScale"
                "? reported++ : -1", "? reported++ : 0"
            ]
        killed
            (core "Engines/Gpu/BatchData")
            [
                "pure.AsSpan().Fill(1)", "pure.AsSpan().Fill(0)"
                "plan.TruthOf(first + i)", "plan.TruthOf(i)"
                "offsets[i] -= start;", ""
            ]
    ]

let private host =
    [
        killed
            (core "Engines/ReferenceEngine")
            [
                "plan.Schedule.LastFreshUse == 0", "true"
                "_models.Remove(m - plan.Schedule.Lookback - 1)", "_models.Remove(m - plan.Schedule.Lookback)"
                "m > 1 && tokens[0] ==", "m > 1 && tokens[^1] !="
                "run > 0 && chunk.Table.CollapseTime[index] == 0", "run > 0"
                "plan.Settings.UntilCollapse\n", "false\n"
                "plan.Seed, _context, 0, 0, DrawPurpose.Truth", "plan.Seed, _context, 1, 0, DrawPurpose.Truth"
                "_context, (uint)m, (uint)s, purpose", "_context, (uint)m, 0, purpose"
                "Stream(DrawPurpose.Index), (uint)d, (uint)_real.Length",
                "Stream(DrawPurpose.Truth), (uint)d, (uint)_real.Length"
                "_models[m - recipe[s].Lag],\n", "_models[m - 1],\n"
                "draw, (uint)m)", "draw, (uint)Math.Max(1, m - 1))"
                "if (t == 0 && !plan.IsCorpus)", "if (t == 0)"
                "GetValueOrDefault(token) + 1", "GetValueOrDefault(token, 1) + 1"
            ]
        killed
            (core "Engines/Cpu/ContextTrainer")
            [
                "set[1..].IndexOfAnyExcept", "set[..1].IndexOfAnyExcept"
                "collapsed && chunk.Table.CollapseTime[index] == 0", "collapsed"
                "_vocabulary.Count <= 1\n", "_vocabulary.Count <= 2\n"
                "_sets.Of(m - segment.Lag)", "_sets.Of(m - 1)"
                "start += target.Length;", "start = target.Length;"
                "segment.Kind == SegmentKind.KeepReal ? 0", "segment.Kind == SegmentKind.FreshReal ? 0"
                "(target.Length + 1) / 2, lanes", "target.Length / 2, lanes"
                "Math.BigMul(lane, (ulong)columns", "Math.BigMul(lane >> 1, (ulong)columns"
                "(uint)d, lanes[d]", "(uint)d, lanes[0]"
                "place < table.Thresholds[column]", "place <= table.Thresholds[column]"
                "_random.FillWordIndices(indices", "_random.FillIndices(indices"
                "* stride;", ";"
                "sources = sources[..target.Length];", ""
                "d >= 0; d = Next(sources, TIndex.Zero", "d > 0; d = Next(sources, TIndex.Zero"
                "Next(sources, TIndex.Zero, d + 1)", "Next(sources, TIndex.Zero, d + 2)"
                "if (first.Length != target.Length)", "if (false)"
                "-1 : from + ahead", "-1 : from + ahead + 1"
                "_real[UniformIndex.DrawWord(", "_real[UniformIndex.Draw("
                "_plan.Schedule.Lookback > 1\n", "_plan.Schedule.Lookback > 2\n"
                "m < _plan.Schedule.LastRealUse", "false"
                "if (number >= 0)", "if (number > 0)"
                "_firstSize = set.Length", "_firstSize = set.Length + 1"
                "_realKinds = 0;\n", ""
                "keepsReal ? set[_realSize..] : set", "set"
                "_areDrawsCounted = false;", ""
                "areToBeCounted && TokenCounter", "TokenCounter"
                "or [{ Kind: SegmentKind.KeepReal }, { Kind: SegmentKind.Model }]",
                "or [.., { Kind: SegmentKind.Model }]"
                "new KeptSets<TToken>(plan.Schedule.Lookback + 1)", "new KeptSets<TToken>(plan.Schedule.Lookback + 2)"
            ]
        killed
            (core "Engines/Cpu/KeptSets")
            [
                "largest + ByteLookup.Padding + perLine - 1", "largest + perLine - 1"
                "generation % slots] = size", "0] = size"
                "int slot = generation % slots", "int slot = generation % 2"
            ]
        killed
            (core "Engines/Cpu/RowSums")
            [
                "_squares += count * count", "_squares += count"
                "size * firstSize;", "0;"
                "_hash += CountsHash.Share(token, (int)count)", "_hash += CountsHash.Share((int)count, token)"
                "(count * firstSize) - (first * size)", "(count * firstSize) + (first * size)"
                "_unseen -= units;", ""
                "_unseen -= first;", ""
                "(c << 32) | (Vector512.Create(0xFFFFFFFFL) - t)", "(c << 32) | t"
                "& present.AsUInt64();", ";"
                "seen += f & present", "seen += f"
                "(nuint)i) & present", "(nuint)i)"
                "in counts)\n        {\n            sum += count * LogTable",
                "in counts)\n        {\n            sum += LogTable"
                "TrailingZeroCount(large)];\n                sum += count *",
                "TrailingZeroCount(large)];\n                sum +="
                "Vector256.AndNot(all, isLarge)", "all"
                "Vector256.Create(SmallCounts - 1)", "Vector256.Create(SmallCounts)"
                "i + Vector512<long>.Count <= counts.Length", "i < counts.Length"
                "x ^ (x >>> 27)", "x ^ (x >>> 28)"
                "counts[i] > 0 && heldOut[i] > 0", "counts[i] > 1 && heldOut[i] > 0"
            ]
        killed
            (core "Engines/Cpu/TokenCounter")
            [
                "i + Tables <= set.Length", "i < set.Length"
                "sum[i] += other[i]", "sum[i] = other[i]"
                "table3, Number(Unsafe.Add(ref token, i + 3))", "table3, Number(Unsafe.Add(ref token, i + 2))"
                "t < tables", "t < tables - 1"
                "buffer.Clear();\n        ref int table0 = ref MemoryMarshal.GetReference(buffer);\n        ref int table1 = ref Unsafe.Add(ref table0, stride)",
                "buffer[..room].Clear();\n        ref int table0 = ref MemoryMarshal.GetReference(buffer);\n        ref int table1 = ref Unsafe.Add(ref table0, stride)"
                "buffer.Clear();\n        ref int table0 = ref MemoryMarshal.GetReference(buffer);\n        ref int table1 = ref Unsafe.Add(ref table0, room)",
                "buffer[..room].Clear();\n        ref int table0 = ref MemoryMarshal.GetReference(buffer);\n        ref int table1 = ref Unsafe.Add(ref table0, room)"
                "known.Length), known);", "known.Length), default);"
                "Add(buffer[..room], buffer[room..]);", ""
                "(ulong)token1 << 16", "(ulong)token1 << 17"
                "token0 | ((ulong)token1 << 32)", "token0 | ((ulong)token1 << 31)"
                "token2 | ((ulong)token3 << 32)", "token2 | ((ulong)token2 << 32)"
                "Unsafe.Add(ref table1, token3)++;", "Unsafe.Add(ref table1, token2)++;"
                "Unsafe.Add(ref table0, Number(target[i]))++;", ""
            ]
        killed
            (core "Engines/Cpu/LocalVocabulary")
            [
                "First[Count] = 0;", ""
                "HeldOut[Count] = 0;", ""
                "First[kept] = First[i]", "First[kept] = First[kept]"
                "Units[kept] = Units[i]", "Units[kept] = Units[kept]"
                "HeldOut[kept] = HeldOut[i]", "HeldOut[kept] = HeldOut[kept]"
                "Convert.ToInt32(counts[i] > 0)", "Convert.ToInt32(counts[i] > 1)"
                "int i = known", "int i = known + 1"
                "Units = Resized(Units, length)", "Units = new long[length]"
                "_vocabulary <= _slotCount;", "_vocabulary <= _slotCount + 1;"
                "tokens.Length, _vocabulary) + 1", "tokens.Length, _vocabulary)"
                "Reserve((int)Math.Min((long)known + tokens.Length, _vocabulary) + 1);", ""
                "(length + TokenCounter.Padding - 1L) & -TokenCounter.Padding", "length"
                "count += isNew;", "count += 1;"
                "count & -isNew;", "count;"
                "slots[token] = slot;", ""
                "slot - 1);", "slot);"
                "First.AsSpan(known, count - known).Clear();", ""
                "HeldOut.AsSpan(known, count - known).Clear();", ""
                " Count = count;", ""
            ]
    ]

let private results =
    [
        killed
            (kernels "RowDigest")
            [
                "(h * 7) + (ulong)support", "(h * 7)"
                "(h * 11) + (ulong)hash", "(h * 11)"
                "(h * 9) + (ulong)l1FromFirst", "(h * 9)"
                "(ulong)context ^ ((ulong)(uint)generation << 32)", "(ulong)context ^ (uint)generation"
            ]
        killed
            (kernels "ObservableValue")
            [
                "squares / ((double)size * size)", "squares / ((double)size * (size + 1))"
                "distance / ((double)size * firstSize)", "distance / ((double)size * size)"
                "largest == size ? 0 :", "largest == size ? 1 :"
            ]
        killed (kernels "SketchBins") [ "SubBits = 7", "SubBits = 6"; "63 - SubBits - BitOp", "62 - SubBits - BitOp" ]
        killed
            (kernels "CountsHash")
            [
                "0xBF58476D1CE4E5B9", "0xBF58476D1CE4E5BB"
                "(x >> 31)", "(x >> 32)"
                "((ulong)(uint)token << 32) | (uint)count", "(ulong)(uint)token | (uint)count"
            ]
        killed
            (kernels "ObservableRow")
            [
                "(0xFFFFFFFFu - (uint)token)", "(uint)token"
                "(int)(packed >> 32)", "(int)(packed >> 33)"
            ]
        killed
            (kernels "LogTable")
            [
                "Math.Round(Math.Log(i) * unit)", "Math.Floor(Math.Log(i) * unit)"
                "Math.Clamp(61 -", "Math.Clamp(63 -"
                "shift = 16 -", "shift = 15 -"
                "+ (shift * ln2)", ""
                "(next - here) * low", "(next - here) * (low + 1)"
                "(1 << shift) - 1", "1 << shift"
            ]
        killed
            (core "Results/Moments")
            [
                "Math.BigMul((ulong)value, (ulong)weight)", "Math.BigMul((ulong)value, 1ul)"
                "Math.BigMul((ulong)value, (ulong)value), 0)", "Math.BigMul((ulong)value, (ulong)value + 1), 0)"
                "min = count == 0 ? value", "min = count == 1 ? value"
                "max = count == 0 ? other.max", "max = true ? other.max"
                "squares < low ? 1ul", "squares <= low ? 1ul"
                "squares < low ? 1ul", "false ? 1ul"
                "/ count / (count - 1)", "/ count / count"
                "count += other.count", "count += 1"
            ]
        killed
            (core "Results/QuantileSketch")
            [
                "quantile * (count - 1)", "quantile * count"
                "rank < below + here", "rank <= below + here"
                "Math.Max(low, min)", "low"
                "Math.Min(low + width - 1, max)", "low + width"
                "below += here;", ""
                "below += total;", ""
                "sum += low + high;", "sum += low;"
                "(bin >> SubBits) - 1)", "(bin >> SubBits))"
                "Vector.LoadUnsafe(ref to, i) + Vector", "Vector"
                "i += (nuint)Vector<uint>.Count)\n        {\n            (Vector",
                "i += 2 * (nuint)Vector<uint>.Count)\n        {\n            (Vector"
                "here == 1 ? 0.5", "here == 1 ? 0.0"
            ]
        killed
            (core "Results/Recorder")
            [
                "BinarySearch(generation + 1)", "BinarySearch(generation)"
                "next < 0 ? ~next : next", "next"
                "if (plan.ReportIndex(generation) < 0)", "if (plan.ReportIndex(generation) >= 0)"
                "context < plan.Settings.Trace", "context <= plan.Settings.Trace"
                "table.Real[index] : 1", "1 : 1"
                "double.IsNaN(_values[o]) ? -1", "double.IsNaN(_values[o]) ? 0"
                "_heldOutCovered * LogTable.Ln", "LogTable.Ln"
                "-generation, size, row", "generation, size, row"
            ]
        killed
            (core "Results/Tally")
            [
                "if (entry.Values[o] >= 0)", "if (entry.Values[o] > 0)"
                "Weights[index] += entry.Weight;", "Weights[index] += 1;"
                "_from.Add(i, _from, i - 1);", ""
                "_at.Add(i, _from, i);", ""
                "index < _from.Contexts.Length", "index + 1 < _from.Contexts.Length"
                "_from.Add(i, other._from, i);", ""
                "HeldOutNegativeLog[index] += other", "HeldOutNegativeLog[index] -= other"
                "Sketch.AddCell(cell, other.Sketch, otherCell);", ""
            ]
        killed
            (core "Results/ResultBuilder")
            [
                "if (time > 0)", "if (time > 1)"
                "_trained - _collapseTimes.Count", "_trained"
                "digest += recorder.Digest", "digest ^= recorder.Digest"
                "tally?.Add(recorder.Tally);", ""
                "(double)sums.Collapsed[i] / sums.Contexts[i]", "(double)sums.Collapsed[i] / sums.Contexts[0]"
                "ThenBy(t => t.Generation)", "ThenBy(t => -t.Generation)"
                ">= _lastGeneration)", "> _lastGeneration)"
                "sums.Moments[cell].StandardDeviation * unit", "sums.Moments[cell].StandardDeviation"
                "count == transitions ?", "count >= 0 ?"
                "(double)(transitions - count) / transitions", "(double)count / transitions"
            ]
        killed
            (core "Running/ReportGrid")
            [
                "LongestDense = 10_000", "LongestDense = 9_999"
                "m < DenseStart", "m <= DenseStart"
                "m / 100)", "m / 99)"
                "TakeWhile(m => m < last)", "TakeWhile(m => m <= last)"
            ]
        killed
            (core "Running/RunPlan")
            [
                "1L << (61 -", "1L << (63 -"
                "? generation - 1 :", "? generation :"
                "Seed, (uint)context, TruthScale)", "Seed, 0, TruthScale)"
            ]
    ]

let private jumps =
    [
        killed
            (core "Engines/Cpu/AncestralWalk")
            [
                "for (int m = to; m > from; m--)", "for (int m = to; m >= from; m--)"
                "(uint)m, 0, DrawPurpose.Index", "(uint)(m - 1), 0, DrawPurpose.Index"
                "for (int i = 1; i < _count; i++)", "for (int i = 1; i < _count - 1; i++)"
                "int i = _met - 1; i >= 0; i--", "int i = 0; i < _met; i++"
                "(nuint)(lineage >> 32)) = Unsafe", "(nuint)(uint)lineage) = Unsafe"
                "_met = 0;", ""
                "lineage = (lineage & HighHalf) | index;", "lineage = index;"
                "uint.MaxValue - _firstStamp < (uint)_count", "false"
                "_seats.AsSpan().Clear();", ""
                "stamp < first)", "stamp <= first)"
                "& (0 - isFirst)", "& 0"
                "kept += isFirst;", "kept += 1;"
                "met += 1 - isFirst;", "met += isFirst;"
                "| (stamp - first)", "| stamp"
                "_firstStamp = first + kept;", "_firstStamp = first;"
                "_met += (int)met;", "_met = (int)met;"
                "(nuint)(uint)pair) >> 32)", "(nuint)(uint)pair))"
                "Lookups += _count;", "Lookups += 1;"
            ]
        excused
            (core "Engines/Cpu/AncestralWalk")
            "both ways give the same parents: which of them is faster"
            [ "isHalf ? 8 : 4)", "isHalf ? 4 : 8)" ]
        killed
            (core "Engines/Cpu/ParentLanes")
            [
                "isHalf ? 16 : 32", "isHalf ? 16 : 31"
                "isHalf ? 3 : 2", "isHalf ? 2 : 2"
                "isHalf ? UniformIndex.Threshold16(bound)", "isHalf ? 0ul"
                ": UniformIndex.Threshold32(bound);", ": 0ul;"
                "isHalf ? 2ul : 1ul", "isHalf ? 4ul : 1ul"
                "isHalf ? 4ul : 2ul", "isHalf ? 4ul : 1ul"
                "T.Choose(isOdd, block.X0, block.X1)", "T.Choose(isOdd, block.X1, block.X0)"
                "T.Choose(isOdd, block.X2, block.X3)", "T.Choose(isOdd, block.X2, block.X2)"
                "T.ShiftRight(word, 16)", "T.ShiftRight(word, 15)"
                "T.Less(T.And(product, laneMask), thresholds)", "T.Less(product, thresholds)"
                "T.And(given, high), T.Shift", "given, T.Shift"
                "(uint)_draws[i], bound", "(uint)i, bound"
                "lane = (lane & 0xFFFFFFFF_00000000) | index;", "lane = index;"
                "rejected &= rejected - 1", "rejected = 0"
                "T.Broadcast(stream.Generation)", "T.Broadcast(stream.Context)"
                "T.Broadcast(stream.Tag)", "T.Broadcast(0)"
            ]
        killed
            (core "Engines/Cpu/ContextTrainer")
            [
                "plan.Schedule.IsChain && plan.Settings", "plan.Settings"
                "&& plan.Settings.Sampler == Sampler.Tokens ?", "?"
                "if (next >= firstCounted)", "if (next > firstCounted)"
                "m == _plan.FirstCountedGeneration)", "m == _plan.FirstCountedGeneration + 1)"
                "_drawn += size;\n        _trained", "_trained"
                "isCounted ? _counted.Length == 1 :", ""
                "Math.Min(report, m + (long)Math.Max", "Math.Max(report, m + (long)Math.Max"
                "_sets.Make(m + 1, size)", "_sets.Make(m, size)"
                "other.CopyTo(_sets.Make(next, size));", ""
                "_drawn += (long)(next - m) * size;", ""
                "_walk.Walk(_context, next, m, size, cancellation)",
                "_walk.Walk(_context, next, m + 1, size, cancellation)"
                "if (_walk.IsCollapsed(model))", "if (false)"
            ]
        excused
            (core "Engines/Cpu/ContextTrainer")
            "a jump gives what training gives: which of them is faster"
            [ "far - m >= _shortestJump ?", "far - m > _shortestJump ?" ]
    ]

let private counts =
    [
        excused
            (core "Engines/Cpu/ContextTrainer")
            "dead tokens may be forgotten at any time: which of them is faster"
            [ "2 * _row[ObservableRow.Support] > _vocabulary.Count", "false" ]
        excused
            (core "Engines/Cpu/ContextTrainer")
            "equal halves have been dealt with above"
            [ "(uint)(place >> 32) < high)", "(uint)(place >> 32) <= high)" ]
        excused
            (kernels "LaneKernel")
            "tokens may be numbered anew at any time: which of them is faster"
            [ "if (2 * support <= numbers)", "if (support <= numbers)" ]
        killed
            (kernels "HalfBinomial")
            [
                "tosses < 1L << SmallestLog", "tosses <= 1L << SmallestLog"
                "Math.Min(BitOperations.Log2((ulong)tosses), LargestLog)", "LargestLog - 1"
                "(ulong)(t >> 64)", "(ulong)(t >> 65)"
                "(UInt128)bucket << 56", "(UInt128)bucket << 57"
                "Count(t => t < start)", "Count(t => t <= start)"
                "smallest = x + 1;", "smallest = x;"
                "((2 * i) - 1) / (2 * i)", "(2 * i) / ((2 * i) + 1)"
                "i <= half", "i < half"
                "(tosses - x + 1)", "(tosses - x + 2)"
                "FractionBits = 256", "FractionBits = 130"
            ]
        killed
            (kernels "CountRule")
            [
                "FirstGeneration = 33", "FirstGeneration = 35"
                "MostInBytes = 64", "MostInBytes = 63"
                "MostWaiting = 64", "MostWaiting = 3"
            ]
        killed
            (kernels "CountStream")
            [
                "while (undecided > CountRule.MostInBytes && rest > 0)", "while (undecided > CountRule.MostInBytes)"
                "rest >= total", "rest > total"
                "below += isOne ? zeros : 0;", "below += isOne ? 0 : zeros;"
                "isOne ? undecided - zeros : zeros", "zeros"
                "rest -= isOne ? total : 0;", ""
                "while (undecided > 0 && rest > 0)", "while (undecided > 1 && rest > 0)"
                "rest << 8", "rest << 7"
                "rest = places - (place * total);", ""
                "waiting >= 8 ? HighBits", "waiting > 8 ? HighBits"
                "HighBits >> (64 - (8 * waiting))", "HighBits"
                "(x | HighBits) - (y & ~HighBits)", "x - y"
                "(~(x ^ y) & ~difference)", "~difference"
                "& ~HighBits) + ~HighBits) | z)", "& ~HighBits) + ~HighBits))"
                "while (rest >> log > 0)", "if (rest >> log > 0)"
                "rest -= 1 << log;", "rest >>= 1;"
                "rest >= 64; rest -= 64", "rest > 64; rest -= 64"
                "((1UL << rest) - 1)", "((1UL << rest) | 1)"
                "(long)(lane >> 56)", "(long)(lane >> 57)"
                "_halves[thresholds + middle] < lane", "_halves[thresholds + middle] > lane"
                "(long)_halves[table] + low", "low"
                "_hasSecond = true;", ""
                "_second = words.X2 |", "_second = words.X1 |"
            ]
        excused
            (kernels "CountStream")
            "a lane is equal to a threshold with probability 2^-52: no seed that a test of a kernel can look for"
            [
                "if (low < count && _halves[thresholds + low] == lane)", "if (false)"
                "_halves[thresholds + count + low] <= next", "_halves[thresholds + count + low] < next"
            ]
        excused
            (kernels "CountsKernel")
            "behind the set stands its smallest token by then, and the last one is another"
            [ "if (i == size", "if (false" ]
        killed
            (kernels "CountsKernel")
            [
                "batch.SetOffsets[context] + stride", "batch.SetOffsets[context]"
                "settings.FirstGeneration == CountRule.FirstGeneration ?",
                "settings.FirstGeneration != CountRule.FirstGeneration ?"
                "settings.FirstContext + (uint)context", "(uint)context"
                "DrawPurpose.Counts", "DrawPurpose.Index"
                "length = KeepAlive(list, length);", ""
                "leftAt = length == 1 ? generation : 0;", ""
                "leftAt = length == 1 ? generation", "leftAt = length <= 2 ? generation"
                "row >= 0 || leftAt != 0", "row >= 0"
                "batch.SetSizes[sizes + 1] = length;", ""
                "batch.LeftAt[context] = leftAt;", ""
                "batch.CollapseTime[context] = leftAt;", ""
                "(long)done * size", "(long)settings.Generations * size"
                "list.SetCount(length, i - start);", "list.SetCount(length, i);"
                "(size / 2) - 1", "(size / 2) - 2"
                "int end = size - 1; end > 0", "int end = size - 1; end > 1"
                "list.SetCount(end, largest);", ""
                "list.Count(right) > list.Count(child)", "list.Count(right) < list.Count(child)"
                "list.Count(child) > token", "list.Count(child) < token"
                "(2 * root) + 1", "(2 * root) + 2"
                "drawn == 0 || end - start == 1", "end - start == 1"
                "2L * left < total", "2L * left <= total"
                "middle < end - 1", "middle < end"
                "drawn - leftDraws", "drawn"
                "total - left;", "total;"
                "list.SetToken(kept, list.Token(i));", ""
                "if (count > 0)", "if (count > 1)"
            ]
        killed
            (core "Engines/Cpu/BinomialLanes")
            [
                "undecided > CountRule.MostInBytes && rest", "undecided > CountRule.MostInBytes + 1 && rest"
                "~(over >> 63)", "over >> 63"
                "below += zeros & isOne;", "below += zeros;"
                "undecided - (2 * zeros)", "undecided - zeros"
                "over + (total & ~isOne)", "over"
                "_filled - _next < CountRule.MostInBytes / 8", "_filled < _next"
                "(ulong)rest << 8", "(ulong)rest << 7"
                "_next += (int)(undecided + 7) / 8;", "_next += 8;"
                "Vector512.LessThan(bytes, places)", "Vector512.LessThanOrEqual(bytes, places)"
                "ExtractMostSignificantBits() << unused);\n            rest",
                "ExtractMostSignificantBits());\n            rest"
                "rest = (long)remainder;", ""
                "tosses >> log > 0; tosses", "tosses >> log > 1; tosses"
                "_filled - _next <= MostLanes", "_filled < _next"
                "<< (64 - rest)", "<< rest"
                "_next += whole;", "_next += whole + 1;"
                "(int)(lane >> 56)", "(int)(lane >> 57)"
                "upper[middle] < lane", "upper[middle] > lane"
                "if (low < count && upper[low] == lane)", "if (false)"
                "+ count + low] <= next", "+ count + low] < next"
                "_block += (uint)blocks;", "_block += (uint)blocks + 1;"
                "_lanes.AsSpan(_next, _filled - _next).CopyTo(_lanes);", ""
                "_block = 0;", ""
            ]
        excused
            (core "Engines/Cpu/CountedContext")
            "parts of a part without draws get none: which of them is faster"
            [ "part.Draws == 0)", "false)" ]
        killed
            (core "Engines/Cpu/CountedContext")
            [
                "vocabulary.Sort(_counts.AsSpan(0, Length));", ""
                "_counts.AsSpan(counts.Length, TokenCounter.Padding).Clear();", ""
                "2L * left < part.Total", "2L * left <= part.Total"
                "middle < part.End - 1", "middle < part.End"
                "part.Draws - draws", "part.Draws"
                "part.Total - left", "part.Total"
                "if (hasZeros)", "if (false)"
                "_counts.AsSpan(kept, Length - kept).Clear();", ""
            ]
        killed
            (core "Engines/ReferenceBinomial")
            [
                "2 * left < total", "2 * left <= total"
                "draws - leftDraws", "draws"
                "rest < total", "rest <= total"
                "undecided > CountRule.MostInBytes", "undecided > 8"
                "b < place", "b <= place"
                "256 * rest", "128 * rest"
                "tosses >= 1 << log", "tosses > 1 << log"
                "upper[i] < lane", "upper[i] <= lane"
                "lower[i] <= next", "lower[i] < next"
                "_lane++ % 2 == 0", "_lane++ % 2 == 1"
            ]
        killed
            (core "Running/Planner")
            [
                "settings.Classifier.IsClosedForm,\n            \"--sampler\"", "true,\n            \"--sampler\""
                "schedule.IsChain || schedule.Generations == 1", "true"
                "|| schedule.Generations == 1", ""
            ]
    ]

/// Rows on their way into sums, in the order of each kind of run.
let private rows =
    [
        killed
            (core "Results/TallyBuffer")
            [
                "_contexts == 0 || _entries == MostEntries)", "_contexts == 0)"
                "_contexts == 0 || _entries == MostEntries)", "_entries == MostEntries)"
                "_starts[_contexts] = _entries;", ""
                "place < _starts[context + 1]", "place <= _starts[context + 1]"
                "_contexts = 0;", ""
            ]
        excused
            (core "Results/TallyBuffer")
            "rows are added one by one once there is no room left: which of them is faster"
            [ "_entries = 0;", "" ]
    ]

let private loops =
    [
        killed
            (core "Engines/Cpu/ByteLookup")
            [
                " TableLength = 128", " TableLength = 64"
                "ref Unsafe.Add(ref indices, i), 32)", "ref Unsafe.Add(ref indices, i), 31)"
                "LoadUnsafe(ref here, 48)", "LoadUnsafe(ref here, 32)"
                "(byte)source[i]", "(byte)(source[i] & 127)"
                "(source.Length + PairLength - 1) / PairLength", "source.Length / PairLength"
                "Vector512.LessThan(place.AsSByte(), default)", "Vector512.GreaterThan(place.AsSByte(), default)"
                "p < pairs", "p < pairs - 1"
                "Evens + Vector512<byte>.One", "Evens"
                "isSecond, second, first", "isSecond, first, second"
                "number += Vector512<byte>.One;", ""
                "StoreUnsafe(ref target, 32)", "StoreUnsafe(ref target, 33)"
                "LoadUnsafe(ref table, 64)", "LoadUnsafe(ref table, 63)"
                "LargestVocabulary = 256", "LargestVocabulary = 257"
            ]
        killed
            (core "Engines/Cpu/BitPlaneCounter")
            [
                "LargestVocabulary = 192", "LargestVocabulary = 264"
                "(vocabulary + 7) & -8", "vocabulary"
                "counts[0] -= (blocks * BlockTokens) - set.Length;", ""
                "block[rest.Length..].Clear();", ""
                "rest.Length >= BlockTokens", "rest.Length >= 0"
                "(i / 16) + (i % 16 * 8)", "(i / 16) + (i % 16 * 4)"
                "Vector512.Create((byte)4)", "Vector512.Create((byte)3)"
                "ref Unsafe.Add(ref plane, 4 * PlaneWords)\n", "ref plane\n"
                "0x80402010_08040201ul", "0x80402010_08040102ul"
                "part2, part3, 0xEE", "part2, part3, 0x44"
                "PopCount((uint)i)", "PopCount((uint)i >> 1)"
                "0x80000000_00000000ul", "0x40000000_00000000ul"
                "b >= 2; b--", "b > 2; b--"
                "parts = ((numbers - 1) >> b) + 1;", "parts = 1;"
                "int part = parts - 1; part >= 0; part--", "int part = 0; part < parts; part++"
                "PerByte(lower & plane0);\n                count2", "PerByte(lower | plane0);\n                count2"
                "PerByte(lower & plane0);\n                count6", "PerByte(lower | plane0);\n                count6"
                "block += 2)", "block += 3)"
                "sum += (Avx512F", "sum = (Avx512F"
                "+ Avx512F.UnpackHigh(a, b)", "+ Avx512F.UnpackLow(a, b)"
            ]
    ]

let private grid =
    [
        killed
            (core "Running/ReportGrid")
            [
                "MostPerDecade = 1_000", "MostPerDecade = 1_001"
                "(double)i / _perDecade", "(double)(i + 1) / _perDecade"
                "if (m > before)", "if (m >= before)"
                "list[i] <= list[i - 1]", "list[i] < list[i - 1]"
                "Math.Round(Math.Pow(10,", "Math.Floor(Math.Pow(10,"
                "_list.IsEmpty ? null : _list[^1]", "_list.IsEmpty ? null : _list[0]"
            ]
        excused
            (core "Running/ReportGrid")
            "a list that begins with the last generation of a run has one report, which is kept in any case"
            [ "_list.BinarySearch(generation) >= 0", "_list.BinarySearch(generation) > 0" ]
    ]

let private softmax =
    [
        killed
            (kernels "SoftmaxWeight")
            [
                "MaxShift = 128", "MaxShift = 127"
                "C0 = 268435456f", "C0 = 268435488f"
                "0.693147182f", "0.69314f"
                "0.240226507f", "0.24022f"
                "0.0555037521f", "0.0555f"
                "0.00961807743f", "0.0096f"
                "0.00133813021f", "0.0013f"
                "0.000154531634f", "0.00015f"
                "1.4426950408889634 / temperature", "1.4426950408889634 * temperature"
                "(float)(scale - High)", "0"
                "!(n >= -MaxShift)", "!(n > -MaxShift)"
                "SoftmaxFma.MultiplyAdd(difference, scale.Low, r)", "r"
                "(1u << shift) - 1", "1u << shift"
                "shift < 32 ? mantissa >> shift : 0", "shift < 20 ? mantissa >> shift : 0"
            ]
        killed
            (kernels "SoftmaxDraw")
            [
                "Columns = 16", "Columns = 8"
                "Lines = 8", "Lines = 4"
                "(0ul - bound) % bound", "0"
                "block.X0 | ((ulong)block.X1 << 32)", "block.X1 | ((ulong)block.X0 << 32)"
                "attempt == 0)", "attempt <= 1)"
                "high >> (64 - shift) < rest", "high >> (64 - shift) <= rest"
                "if (shift <= 64)", "if (shift < 64)"
                "(high << (shift - 64)) | (low >> (128 - shift))", "(high << (shift - 64)) | (low >> (127 - shift))"
                "high > (ulong)rest >> (shift - 64)", "high >= (ulong)rest >> (shift - 64)"
                "((ulong)bits.X0 << 32) | bits.X1", "((ulong)bits.X1 << 32) | bits.X0"
                "+ (low0 >> 32)", "+ (low0 >> 31)"
            ]
        killed
            (core "Softmax/Sampling/ReferenceLogitSampler")
            [
                "ulong bound = unitSum + (ulong)kept.Length", "ulong bound = unitSum"
                "if (u < unitSum)", "if (u <= unitSum)"
                "while (u >= units[order[place]])", "while (u > units[order[place]])"
                "sum << 1023 < p * total", "sum << 1023 <= p * total"
                "OrderByDescending", "OrderBy"
                "if (rule.TopP < 1)", "if (rule.TopP < 0)"
                "if (rule.TopK < logits.Count)", "if (false)"
                "(BigInteger)mantissa << 20", "(BigInteger)mantissa << 10"
            ]
        killed
            (core "Softmax/Sampling/SoftmaxLanes")
            [
                "16 + (int)Vector256.Sum(above)", "15 + (int)Vector256.Sum(above)"
                "return 8 + (int)Vector256.Sum(above)", "return 7 + (int)Vector256.Sum(above)"
                "first + (second << 8)", "first + (second << 7)"
                "int step = 4; step > 0", "int step = 4; step > 1"
                "int count = 8 &", "int count = 0 &"
                "((column & 3) << 2) | (column >> 2)", "column"
                "GreaterThan(values, Vector512<int>.Zero)", "GreaterThan(values, Vector512<int>.One)"
                "Convert.ToInt32(count > 0)", "Convert.ToInt32(count > 1)"
            ]
    ]

let private refit =
    [
        killed
            (core "Softmax/ExpLanes")
            [
                "Lowest = -87.33654f", "Lowest = -86f"
                "Log2E = 1.44269504f", "Log2E = 1.5f"
                "High = 0.693359375f", "High = 0.693359f"
                "Low = -2.12194442e-4f", "Low = -2.1219e-4f"
                "C0 = 0.49999994f", "C0 = 0.5f"
                "C1 = 0.16666521f", "C1 = 0.16667f"
                "C2 = 0.04166839f", "C2 = 0.0417f"
                "C3 = 0.0083687454f", "C3 = 0.0083f"
                "C4 = 0.0013814541f", "C4 = 0.0014f"
                "Shift = 12582912f", "Shift = 8388608f"
            ]
        killed
            (core "Softmax/Refit/OneHotRow")
            [
                "_probability[k] - _target[k] + (_penalty * _logit[k])", "_probability[k] - _target[k]"
                "(_penalty / 2 * squares)", "(_penalty * squares)"
                "(momentum * _velocity[k])", "(2 * momentum * _velocity[k])"
                "- (rate * _gradient[k])", "+ (rate * _gradient[k])"
                "_penalty > 0 ? above / below : 0", "0"
                "_probability[k] + _penalty, 1e-290", "_probability[k], 1e-290"
                "norm += _multiplicity[k] * _gradient", "norm += _gradient"
                "linear += _multiplicity[k] * _target", "linear += _target"
                "Math.Exp(_logit[k] - largest)", "Math.Exp(_logit[k])"
                "GradientNorm = Math.Sqrt(norm)", "GradientNorm = norm"
            ]
    ]

let private softmaxRuns =
    [
        killed
            (core "Softmax/Training/TrainingData")
            [
                "segment.Kind == SegmentKind.KeepReal ? 0 : sizes", "segment.Kind == SegmentKind.FreshReal ? 0 : sizes"
                "modelOf(generation - segment.Lag), sizes, generation, s",
                "modelOf(generation - 1), sizes, generation, s"
                "modelOf(generation - segment.Lag), sizes, generation, s",
                "modelOf(generation - segment.Lag), sizes, generation, 0"
                "(uint)generation, (uint)segment, (uint)_chunk.First", "(uint)generation, (uint)segment, 0"
                "Sample(modelOf(t), picks[t], generation, t)", "Sample(modelOf(t), picks[t], generation, 0)"
                "for (int t = 1; t < generation; t++)", "for (int t = 1; t < generation - 1; t++)"
                "survivors[row] < 0 ? segment", "survivors[row] < 1 ? segment"
                "Stream(row, 0, 0, DrawPurpose.Truth)", "Stream(row, 1, 0, DrawPurpose.Truth)"
                "counts[length - 1] += counts[i];", "counts[length - 1] = counts[i];"
                "System.Array.Sort(tokens, counts);", ""
                "new(_plan.Seed, (uint)(_chunk.First + row),", "new(_plan.Seed, (uint)row,"
            ]
        killed
            (core "Softmax/Training/SeparateModel")
            [
                "int others = Tokens - tokens.Length;", "int others = Tokens;"
                "linear += weight * difference;", ""
                "(logits[i] / temperature) - largest", "logits[i] - largest"
                "buffer.Fill((float)model.SharedLogit(row));", "buffer.Fill(0);"
            ]
        killed
            (core "Softmax/Training/SharedModel")
            [
                "model.Classes.Multiplicity[column] * p[column]", "p[column]"
                "int token = buffer.Length - 1; token >= 0; token--", "int token = 0; token < buffer.Length; token++"
                "law.Owner != this || law.FirstRow != first", "law.Owner != this"
                "law.Owner != this || law.FirstRow != first", "law.FirstRow != first"
                "((double)logits[column] - largest) / temperature", "(double)logits[column] - largest"
            ]
        killed
            (core "Softmax/Training/DrawnLaw")
            [
                "case SegmentKind.KeepReal when generation > 1:", "case SegmentKind.KeepReal:"
                "AddReal(row, weight / generation);", "AddReal(row, weight);"
                "for (int t = 1; t < generation; t++)", "for (int t = 1; t <= 1; t++)"
                "AddModel(modelOf(generation - segment.Lag), row, weight)",
                "AddModel(modelOf(generation - 1), row, weight)"
            ]
        killed
            (core "Softmax/Training/DecodedLaw")
            [
                "rule.TopK is null && rule.TopP >= 1", "rule.TopK is null"
                "p[token] /= sum;", ""
                "p[next..].Clear();", ""
            ]
        killed
            (core "Softmax/Training/ModelObserver")
            [
                "if (state.Generation > 1)", "if (state.Generation > 2)"
                "others -= p;", ""
                "_row.IsCollapsed = tokens.Length == 1;", "_row.IsCollapsed = largest == 1;"
                "_row.HeldOutCovered += count;", "_row.HeldOutCovered++;"
                "sum -= count * log;", "sum -= log;"
            ]
        killed
            (core "Softmax/Training/LockstepRun")
            [
                "_models.Remove(m - _plan.Schedule.Lookback);", "_models.Remove(m + 1 - _plan.Schedule.Lookback);"
                "_first ??= model;", "_first = model;"
                "_chunk.Table.CollapseTime[row] == 0", "true"
                "isCollapsed && _plan.Settings.UntilCollapse", "isCollapsed"
                "_rest[row] -= size;", ""
                "e.InRun(generation, _chunk.First)", "e.InRun(generation, 0)"
            ]
    ]

let private parts =
    [
        killed
            (kernels "SetPart")
            [
                "(count + 7L) / 8", "(count + 0L) / 8"
                "_parts) * 8", "_parts) * 4"
                "Math.Min(End(_number + 1, count), count)", "End(_number + 1, count)"
            ]
        killed
            (kernels "TrainingSets")
            [
                "draws.From / 8 + Group.IdxX;", "draws.From / 8 + Group.IdxX + 1;"
                "draws.From / 4 + Group.IdxX;", "draws.From / 4 + Group.IdxX + 1;"
            ]
        excused
            (kernels "TrainingSets")
            "draws before a part's first are made once more, with the same tokens: which of them is faster"
            [
                "draws.From / 8 + Group.IdxX", "Group.IdxX"
                "draws.From / 4 + Group.IdxX", "draws.From / 8 + Group.IdxX"
            ]
        killed
            (kernels "PartsKernel")
            [
                "batch.LeftAt[context] == 0)\n        {\n            DrawPart(",
                "batch.LeftAt[context] >= 0)\n        {\n            DrawPart("
                "batch.LeftAt[context] == 0)\n        {\n            FinishContext(",
                "batch.LeftAt[context] >= 0)\n        {\n            FinishContext("
                "Atomic.Max(ref batch.Rows[cell], total);", "Atomic.Add(ref batch.Rows[cell], total);"
                "batch.Rows[ContextRows.Cell(settings, context, row, field)] = 0;", ""
                "size - kept, size, false", "size, size, false"
                "generation == 1 ? size : batch.FirstSizes[context]", "size"
                "part.End(count) - from;", "part.End(count);"
                "set += count;", ""
                "(long)place * settings.CountSlots;\n            CountPart", "0;\n            CountPart"
                "(generation - 1) % settings.Slots", "generation % settings.Slots"
                "collapsed && settings.UntilCollapse != 0", "collapsed"
                "generation < settings.LastRealUse &&", "generation > settings.LastRealUse &&"
                "row < 0 && leaves", "row < -1 && leaves"
                "batch.CollapsedRun[context] = run;", ""
                "collapsed && collapseTime == 0 ? generation", "collapsed ? generation"
                "leaves ? generation : 0;", "0;"
                "step == settings.Generations - 1 && !leaves", "false"
            ]
        killed
            (kernels "ContextKernelLauncher")
            [
                "MemSet(stream, byte.MaxValue)", "MemSet(stream, byte.MinValue)"
                "batch.WorkCounts.SubView(0, tables).MemSetToZero(stream);", ""
            ]
        killed
            (kernels "KernelChoice")
            [
                "tokens / LeastParts >= Limits.PartTokens", "tokens / LeastParts > Limits.PartTokens"
                "Math.Min(Limits.Groups / contexts, tokens / Limits.PartTokens)", "Limits.Groups / contexts"
            ]
        killed
            (core "Engines/Gpu/LaunchClass")
            [
                "large > mostTables", "large > mostTables + 1"
                "LargestSet = sizes[end],", "LargestSet = 1,"
            ]
    ]

/// The exact tests of what a run is made of, the quick lists first.
let private runLists =
    [
        "priors"
        "digests"
        "loops"
        "run folder"
        "words"
        "results and plans"
        "randomness"
        "properties"
        "jumps"
        "sampler of counts"
        "engines"
    ]

/// Those of the softmax model.
let private softmaxLists =
    [
        "sampling from logits"
        "refit exponential"
        "refit one-hot"
        "refit embedded"
        "refit input"
        "refit kernels"
        "properties"
    ]

/// Every mutant.
let all: Mutant list =
    [
        for lists, first, mutants in
            [
                runLists, [ "randomness"; "digests" ], randomness
                runLists, [ "randomness"; "results and plans" ], model
                runLists, [ "digests"; "properties"; "jumps" ], device
                runLists, [ "several groups a context"; "kernels" ], parts
                runLists, [ "digests"; "properties" ], host
                runLists, [ "digests"; "results and plans"; "engines" ], results
                runLists, [ "digests"; "softmax runs" ], rows
                runLists, [ "jumps"; "digests" ], jumps
                runLists, [ "loops"; "digests" ], loops
                runLists, [ "sampler of counts"; "digests"; "results and plans" ], counts
                runLists, [ "results and plans"; "bad input" ], grid
                [ "softmax runs"; "softmax laws" ], [], softmaxRuns
                softmaxLists, [ "sampling from logits" ], softmax
                softmaxLists, [ "refit exponential"; "refit one-hot" ], refit
            ] do
            for mutant in List.concat mutants do
                { mutant with
                    Lists = first @ List.except first lists
                }
    ]
