"""The model as a user of NumPy would write it, or of CuPy with --library cupy: whole arrays at a time.

Contexts are rows. A set holds for each token the number row·width + place, where places are the tokens that the
row has met: a draw from the row's own set carries the row with it, and one bincount counts all rows.
"""

import argparse
import math
import time

import protocol

GATHER = "integers+take_along_axis"
FLAT = "integers+take"
MULTINOMIAL = "multinomial"
LIVE = "multinomial, live tokens"
LOOP = "integers+take, loop over contexts"
RAGGED = "random+take, ragged"


class Truth:
    """An explicit law, drawn from by the alias method (Vose 1991), vectorized."""

    def __init__(self, xp, numpy, path):
        weights = numpy.fromfile(path, numpy.float64)
        self.p = weights / weights.sum()
        scaled = self.p * len(weights)
        own, alias = numpy.ones(len(weights)), numpy.arange(len(weights))
        scaled_list = scaled.tolist()
        small = [i for i, value in enumerate(scaled_list) if value < 1]
        large = [i for i, value in enumerate(scaled_list) if value >= 1]
        while small and large:
            low, high = small.pop(), large.pop()
            own[low], alias[low] = scaled_list[low], high
            scaled_list[high] -= 1 - scaled_list[low]
            (small if scaled_list[high] < 1 else large).append(high)
        self.xp, self.own, self.alias, self.law = xp, xp.asarray(own), xp.asarray(alias), xp.asarray(self.p)

    def draw(self, rng, shape):
        """Tokens."""
        place = rng.random(shape) * len(self.p)
        column = place.astype(self.xp.int64)
        return self.xp.where(place - column < self.own[column], column, self.alias[column])


class Observer:
    """The observables of rows of counts."""

    def __init__(self, xp, largest):
        self.xp = xp
        counts = xp.arange(largest + 1)
        self.c_log_c = counts * xp.log(xp.maximum(counts, 1))

    def sums(self, counts, size, first, first_size, lost):
        """Per context the six observables; lost is the L1 distance that first tokens without a column add."""
        xp = self.xp
        largest = counts.max(axis=1)
        if first_size == size:
            l1 = xp.abs(counts - first).sum(axis=1) / size + lost
        else:
            l1 = xp.abs(counts * first_size - first * size).sum(axis=1) / (size * first_size) + lost
        return (
            xp.einsum("ij,ij->i", counts, counts) / size**2,
            largest / size,
            xp.count_nonzero(counts, axis=1),
            math.log(size) - self.c_log_c[counts].sum(axis=1) / size,
            l1,
            largest == size,
        )


def places_of(xp, tokens):
    """For each row the tokens' places among its distinct tokens, and the largest number of these."""
    order = xp.argsort(tokens, axis=1)
    ordered = xp.take_along_axis(tokens, order, 1)
    rank = xp.zeros_like(ordered)
    rank[:, 1:] = xp.cumsum(ordered[:, 1:] != ordered[:, :-1], axis=1)
    places = xp.empty_like(rank)
    xp.put_along_axis(places, order, rank, 1)
    return places, int(rank[:, -1].max()) + 1


class Arrays:
    """All forms on one array library."""

    def __init__(self, library):
        import numpy

        self.numpy = numpy
        if library == "numpy":
            self.xp, self.device, self.block_tokens = numpy, "cpu, 1 thread", 1 << 17
            self.version = numpy.__version__
        else:
            import cupy

            self.xp = cupy
            self.device = cupy.cuda.runtime.getDeviceProperties(0)["name"].decode()
            self.block_tokens = 1 << 26
            self.version = cupy.__version__
        self.library = library
        self.methods = [GATHER, FLAT] if library == "cupy" else [GATHER, FLAT, MULTINOMIAL, LIVE, LOOP, RAGGED]
        self.truths = {}

    def identity(self):
        return {"peer": self.library, "version": self.version, "device": self.device, "methods": self.methods}

    def generator(self, seed):
        # The fastest bit generators that each library has.
        if self.library == "numpy":
            return self.numpy.random.Generator(self.numpy.random.SFC64(seed))
        return self.xp.random.Generator(self.xp.random.Philox4x3210(seed))

    def synchronize(self):
        if self.library == "cupy":
            self.xp.cuda.Device().synchronize()

    def truth(self, path):
        if path not in self.truths:
            self.truths[path] = Truth(self.xp, self.numpy, path)
        return self.truths[path]

    def answer(self, method, run):
        if method not in self.methods:
            raise protocol.Unsupported(f"{self.library} has no form '{method}'")
        sums = protocol.Sums()
        rng = self.generator(run.seed)
        if method in (LOOP, RAGGED) or run.followers:
            import ragged

            if method not in (LOOP, RAGGED) or not run.followers:
                raise protocol.Unsupported("this form is for contexts of " + ("one size" if run.followers else "many sizes"))

            return ragged.answer(self.numpy, method == LOOP, run, rng, sums)
        if method == LIVE and run.scenario == "random-models":
            raise protocol.Unsupported("every token of the truth stays alive")
        if method in (GATHER, FLAT):
            work = Sampled(self, run, rng, sums, method == GATHER)
        else:
            work = Counted(self, run, rng, sums, method == LIVE)
        block = run.contexts if run.until_collapse else max(1, min(run.contexts, self.block_tokens // run.samples))
        self.synchronize()
        start = time.perf_counter()
        for first in range(0, run.contexts, block):
            contexts = min(block, run.contexts - first)
            sums.begin_block(contexts)
            work.train(contexts)
        self.synchronize()
        return sums.answer(time.perf_counter() - start, run)


class Block:
    """What both forms share: rows that collapse and leave, and rows of observables."""

    def __init__(self, arrays, run, rng, sums):
        self.arrays, self.run, self.rng, self.sums = arrays, run, rng, sums
        self.xp = arrays.xp
        self.truth = arrays.truth(run.weights)
        self.observer = Observer(self.xp, run.samples + run.real)
        self.leaves = run.scenario == "fully-synthetic"

    def look(self, generation, counts, size):
        """Takes the observables where they are wanted; gives the rows that have collapsed, if rows leave."""
        if not self.run.observe:
            return None
        if self.run.reports(generation):
            values = self.observer.sums(counts, size, self.first, self.first_size, self.lost)
            self.sums.add(generation, [float(value.sum()) for value in values])
            collapsed = values[-1]
        elif self.run.until_collapse:
            collapsed = counts.max(axis=1) == size
        else:
            return None
        if not self.leaves:
            return None
        if self.run.until_collapse:
            new = collapsed & ~self.done
            self.sums.collapse_times += [generation] * int(new.sum())
            self.done |= new
        return collapsed

    def rows_to_keep(self, collapsed, counts, size):
        """The rows that go on, once half of them do not; None while all stay."""
        if collapsed is None:
            return None
        gone = int(collapsed.sum())
        if 2 * gone < len(collapsed):
            return None
        values = self.observer.sums(
            counts[collapsed], size, self.first[collapsed], self.first_size, self.lost[collapsed]
        )
        self.sums.leave([float(value.sum()) for value in values])
        keep = ~collapsed
        self.first, self.lost, self.done = self.first[keep], self.lost[keep], self.done[keep]
        return keep

    def begin(self, counts, size):
        """Remembers the first trained model."""
        self.first, self.first_size = counts, size
        self.lost = self.xp.zeros(len(counts))
        self.done = self.xp.zeros(len(counts), bool)


class Sampled(Block):
    """Tokens: a generation is an array of draws, indices into the set before it."""

    def __init__(self, arrays, run, rng, sums, along_axis):
        super().__init__(arrays, run, rng, sums)
        self.along_axis = along_axis

    def draw(self, sets, count, bound):
        """Uniform draws from the first tokens of each row."""
        index = self.rng.integers(0, bound, (len(sets), count))
        if self.along_axis:
            return self.xp.take_along_axis(sets, index, 1)
        index += self.starts(len(sets), sets.shape[1])
        return sets.ravel().take(index)

    def starts(self, rows, stride):
        return (self.xp.arange(rows) * stride)[:, None]

    def count(self, sets, width):
        return self.xp.bincount(sets.ravel(), minlength=len(sets) * width).reshape(len(sets), width)

    def train(self, contexts):
        if self.run.scenario == "random-models":
            self.train_random(contexts)
        else:
            self.train_recursive(contexts)

    def train_recursive(self, contexts):
        run, kept = self.run, self.run.real
        first = self.truth.draw(self.rng, (contexts, kept or run.samples))
        if run.observe:
            first, width = places_of(self.xp, first)
            first += self.starts(contexts, width)
        sets = first
        if kept:
            sets = self.xp.empty((contexts, kept + run.samples), first.dtype)
            sets[:, :kept] = first
        size = kept or run.samples
        for generation in range(1, run.generations + 1):
            if generation > 1:
                drawn = self.draw(sets, run.samples, size)
                size = kept + run.samples
                if kept:
                    sets[:, kept:] = drawn
                else:
                    sets = drawn
            if not (run.until_collapse or run.reports(generation)):
                continue
            counts = self.count(sets[:, :size], width)
            if generation == 1:
                self.begin(counts, size)
            collapsed = self.look(generation, counts, size)
            keep = self.rows_to_keep(collapsed, counts, size)
            if keep is not None:
                sets, counts = sets[keep], counts[keep]
                if len(sets) == 0:
                    break
            if keep is not None or (self.leaves and generation in (8, 32, 128, 512, 2048, 8192)):
                sets, width = self.renumber(sets, counts, width, keep)

    def renumber(self, sets, counts, width, keep):
        """Numbers the tokens that are left anew: fewer columns, rows counted from 0."""
        xp = self.xp
        live = counts > 0
        rank = xp.cumsum(live, axis=1) - 1
        narrow = int(rank[:, -1].max()) + 1
        rows = self.starts(len(sets), narrow)
        table = (rank + rows).ravel()
        if keep is not None:
            # The numbers still carry the old rows.
            old = xp.flatnonzero(keep)
            sets = sets - ((old - xp.arange(len(old))) * width)[:, None]
        sets = table.take(sets)
        first = xp.zeros((len(sets), narrow), self.first.dtype)
        first.ravel()[table[live.ravel()]] = self.first[live]
        self.lost = self.lost + (self.first * ~live).sum(axis=1) / self.first_size
        self.first = first
        return sets, narrow

    def train_random(self, contexts):
        """Every earlier generation stays: an array of contexts × generations × tokens."""
        run, xp, s = self.run, self.xp, self.run.vocabulary
        rows = self.starts(contexts, s)
        history = xp.empty((contexts, run.generations, run.samples), xp.int32)
        flat = history.reshape(contexts, -1)
        starts = self.starts(contexts, flat.shape[1])
        for generation in range(1, run.generations + 1):
            shape = (contexts, run.samples)
            source = self.rng.integers(0, generation, shape)
            index = self.rng.integers(0, run.samples, shape)
            fresh = source == 0
            if generation == 1:
                drawn = (self.truth.draw(self.rng, shape) + rows).astype(xp.int32)
            else:
                index += xp.maximum(source - 1, 0) * run.samples
                if self.along_axis:
                    drawn = xp.take_along_axis(flat, index, 1)
                else:
                    index += starts
                    drawn = flat.ravel().take(index)
                number = int(fresh.sum())
                drawn[fresh] = self.truth.draw(self.rng, number) + xp.broadcast_to(rows, shape)[fresh]
            history[:, generation - 1] = drawn
            if not run.observe:
                continue
            counts = self.count(drawn, s)
            if generation == 1:
                self.begin(counts, run.samples)
            self.look(generation, counts, run.samples)


class Counted(Block):
    """Counts: a generation is a row of counts, one multinomial draw a row."""

    def __init__(self, arrays, run, rng, sums, live_only):
        super().__init__(arrays, run, rng, sums)
        self.live_only = live_only

    def draw_first(self, contexts, count):
        if self.run.vocabulary <= 8 * count or not self.live_only:
            return self.rng.multinomial(count, self.truth.p, size=contexts)
        places, width = places_of(self.xp, self.truth.draw(self.rng, (contexts, count)))
        places += (self.xp.arange(contexts) * width)[:, None]
        return self.xp.bincount(places.ravel(), minlength=contexts * width).reshape(contexts, width)

    def train(self, contexts):
        run, xp, kept = self.run, self.xp, self.run.real
        counts = first = self.draw_first(contexts, kept or run.samples)
        size = kept or run.samples
        self.begin(counts, size)
        past = counts.copy() if run.scenario == "random-models" else None
        if self.live_only:
            counts = self.narrow(counts)
            first = self.first
        width = counts.shape[1]
        for generation in range(1, run.generations + 1):
            if generation > 1:
                if past is not None:
                    law = (past / run.samples + self.truth.p) / generation
                else:
                    law = counts / size
                counts = self.rng.multinomial(run.samples, law)
                if past is not None:
                    past += counts
                if kept:
                    counts += first
                size = kept + run.samples
            collapsed = self.look(generation, counts, size)
            keep = self.rows_to_keep(collapsed, counts, size)
            if keep is not None:
                counts = counts[keep]
                if len(counts) == 0:
                    break
            if self.live_only and self.leaves and 2 * int(xp.count_nonzero(counts, axis=1).max()) <= width:
                counts = self.narrow(counts)
                width = counts.shape[1]

    def narrow(self, counts):
        """Keeps as many columns as the row with most tokens needs, the most frequent tokens first."""
        xp = self.xp
        width = int(xp.count_nonzero(counts, axis=1).max())
        order = xp.argsort(-counts, axis=1)[:, :width]
        first = xp.take_along_axis(self.first, order, 1)
        self.lost = self.lost + (self.first.sum(axis=1) - first.sum(axis=1)) / self.first_size
        self.first = first
        return xp.take_along_axis(counts, order, 1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--library", choices=["numpy", "cupy"], default="numpy")
    library = parser.parse_args().library
    try:
        arrays = Arrays(library)
        arrays.generator(1).random(1)
    except Exception as error:  # no such module, or no card for it
        protocol.say({"absent": f"{type(error).__name__}: {error}"})
        return
    protocol.serve(arrays.identity(), arrays.answer)


if __name__ == "__main__":
    main()
