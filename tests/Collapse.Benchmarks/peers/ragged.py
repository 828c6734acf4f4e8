"""A corpus in NumPy: contexts of very different sizes, one after the other or all in one flat array."""

import time

import protocol


def read(numpy, run):
    """The followers of every n-th context, and where each context's followers start."""
    followers = numpy.fromfile(run.followers, numpy.int32).astype(numpy.int64)
    offsets = numpy.fromfile(run.offsets, numpy.int64)
    chosen = numpy.arange(0, len(offsets) - 1, run.every)
    sizes = (offsets[1:] - offsets[:-1])[chosen]
    starts = numpy.concatenate(([0], numpy.cumsum(sizes)))
    shift = numpy.repeat(offsets[chosen] - starts[:-1], sizes)
    return followers[numpy.arange(starts[-1]) + shift], starts


def answer(numpy, loop, run, rng, sums):
    """Does one run in one of the two forms."""
    followers, starts = read(numpy, run)
    largest = int((starts[1:] - starts[:-1]).max())
    counts = numpy.arange(largest + 1)
    c_log_c = counts * numpy.log(numpy.maximum(counts, 1))
    sums.begin_block(len(starts) - 1)
    begin = time.perf_counter()
    (train_loop if loop else train_flat)(numpy, run, rng, sums, followers, starts, c_log_c)
    return sums.answer(time.perf_counter() - begin, run)


def train_loop(numpy, run, rng, sums, followers, starts, c_log_c):
    """One context after the other, each through all generations, as long as it has not collapsed."""
    table = numpy.zeros((run.generations, len(protocol.Sums.NAMES)))
    for context in range(len(starts) - 1):
        tokens = followers[starts[context] : starts[context + 1]]
        n = len(tokens)
        _, tokens = numpy.unique(tokens, return_inverse=True)
        first = numpy.bincount(tokens)
        for generation in range(run.generations):
            if generation > 0:
                tokens = tokens.take(rng.integers(0, n, n))
            counts = numpy.bincount(tokens, minlength=len(first))
            largest = int(counts.max())
            row = (
                int(counts @ counts) / n**2,
                largest / n,
                numpy.count_nonzero(counts),
                numpy.log(n) - c_log_c[counts].sum() / n,
                numpy.abs(counts - first).sum() / n,
                largest == n,
            )
            if largest == n:
                table[generation:] += row
                break
            table[generation] += row
    for generation, row in enumerate(table):
        sums.add(generation + 1, row.tolist())


def train_flat(numpy, run, rng, sums, followers, starts, c_log_c):
    """All contexts in one array. A token is the number of its (context, token) pair, of which there are few."""
    sizes = starts[1:] - starts[:-1]
    owner = numpy.repeat(numpy.arange(len(sizes)), sizes)
    pairs, tokens = numpy.unique(owner * run.vocabulary + followers, return_inverse=True)
    first = numpy.bincount(tokens)
    lost = numpy.zeros(len(sizes))
    pair_starts = numpy.searchsorted(pairs // run.vocabulary, numpy.arange(len(sizes)))
    for generation in range(1, run.generations + 1):
        if generation > 1:
            # Faster than integers with an array of bounds, and what most would write.
            index = (rng.random(len(tokens)) * bounds).astype(numpy.int64)
            index += begins
            tokens = tokens.take(index)
        else:
            begins, bounds = numpy.repeat(starts[:-1], sizes), numpy.repeat(sizes, sizes)
        counts = numpy.bincount(tokens, minlength=len(first))
        largest = numpy.maximum.reduceat(counts, pair_starts)
        values = (
            numpy.add.reduceat(counts * counts, pair_starts) / sizes**2,
            largest / sizes,
            numpy.add.reduceat(counts > 0, pair_starts, dtype=numpy.int64),
            numpy.log(sizes) - numpy.add.reduceat(c_log_c[counts], pair_starts) / sizes,
            numpy.add.reduceat(numpy.abs(counts - first), pair_starts) / sizes + lost,
            largest == sizes,
        )
        sums.add(generation, [float(value.sum()) for value in values])
        collapsed = values[-1]
        if sizes[collapsed].sum() * 4 < len(tokens) and 2 * int(collapsed.sum()) < len(sizes):
            continue
        sums.leave([float(value[collapsed].sum()) for value in values])
        keep = ~collapsed
        if not keep.any():
            for later in range(generation + 1, run.generations + 1):
                sums.add(later, [0.0] * len(values))
            break
        # What is left is numbered anew: contexts, places, and the pairs that are still alive.
        pairs_of = numpy.diff(numpy.append(pair_starts, len(first)))
        lost = (lost + numpy.add.reduceat(first * (counts == 0), pair_starts) / sizes)[keep]
        alive = (counts > 0) & numpy.repeat(keep, pairs_of)
        number = numpy.cumsum(alive) - 1
        tokens = number.take(tokens[numpy.repeat(keep, sizes)])
        alive_of = numpy.add.reduceat(alive, pair_starts, dtype=numpy.int64)[keep]
        pair_starts = numpy.concatenate(([0], numpy.cumsum(alive_of)[:-1]))
        first, sizes = first[alive], sizes[keep]
        starts = numpy.concatenate(([0], numpy.cumsum(sizes)))
        begins, bounds = numpy.repeat(starts[:-1], sizes), numpy.repeat(sizes, sizes)
