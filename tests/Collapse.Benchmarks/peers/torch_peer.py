"""The model as a user of PyTorch would write it: on CUDA where there is a card, otherwise on the CPU."""

import time

import protocol

GATHER = "randint+gather"
MULTINOMIAL = "multinomial"


class Peer:
    """Both forms: tokens drawn by index, or by torch.multinomial from the law of the counts."""

    def __init__(self, torch):
        self.torch = torch
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.name = torch.cuda.get_device_name() if self.device.type == "cuda" else f"cpu, {torch.get_num_threads()} threads"
        # A card wants to be filled; a processor's caches do not.
        self.block_tokens = 1 << (26 if self.device.type == "cuda" else 17)

    def identity(self):
        return {
            "peer": "torch",
            "version": self.torch.__version__,
            "device": self.name,
            "methods": [GATHER, MULTINOMIAL],
        }

    def synchronize(self):
        if self.device.type == "cuda":
            self.torch.cuda.synchronize()

    def answer(self, method, run):
        if run.followers:
            raise protocol.Unsupported("no ragged arrays")
        if method not in (GATHER, MULTINOMIAL):
            raise protocol.Unsupported(f"no form '{method}'")
        torch = self.torch
        torch.manual_seed(run.seed)
        weights = torch.from_file(run.weights, size=run.vocabulary, dtype=torch.float64)
        law = (weights / weights.sum()).to(torch.float32).to(self.device)
        sums = protocol.Sums()
        work = Work(self, run, sums, method == MULTINOMIAL, law)
        block = run.contexts if run.until_collapse else max(1, min(run.contexts, self.block_tokens // run.samples))
        self.synchronize()
        start = time.perf_counter()
        for first in range(0, run.contexts, block):
            contexts = min(block, run.contexts - first)
            sums.begin_block(contexts)
            work.train(contexts)
        self.synchronize()
        return sums.answer(time.perf_counter() - start, run)


class Work:
    """One run."""

    def __init__(self, peer, run, sums, from_counts, law):
        self.torch, self.device = peer.torch, peer.device
        self.run, self.sums, self.from_counts, self.law = run, sums, from_counts, law
        counts = self.torch.arange(run.samples + run.real + 1, device=self.device, dtype=self.torch.float64)
        self.c_log_c = counts * self.torch.log(counts.clamp(min=1))

    def draw_truth(self, shape):
        rows, count = shape
        return self.torch.multinomial(self.law, rows * count, replacement=True).view(rows, count)

    def draw_sets(self, sets, size):
        index = self.torch.randint(size, (len(sets), self.run.samples), device=self.device)
        return sets.gather(1, index)

    def draw_counts(self, counts, size):
        law = counts.to(self.torch.float32) / size
        return self.torch.multinomial(law, self.run.samples, replacement=True)

    def count(self, sets, width):
        rows = self.torch.arange(len(sets), device=self.device)[:, None] * width
        return self.torch.bincount((sets + rows).view(-1), minlength=len(sets) * width).view(len(sets), width)

    def places_of(self, tokens):
        """For each row the tokens' places among its distinct tokens, and the largest number of these."""
        torch = self.torch
        ordered, order = tokens.sort(dim=1)
        rank = torch.zeros_like(ordered)
        rank[:, 1:] = (ordered[:, 1:] != ordered[:, :-1]).cumsum(1)
        return torch.empty_like(rank).scatter_(1, order, rank), int(rank[:, -1].max()) + 1

    def observe(self, generation, counts, size):
        """Takes the observables where they are wanted; gives the rows that have collapsed, if rows leave."""
        torch, run = self.torch, self.run
        largest = counts.amax(1)
        collapsed = largest == size
        if run.reports(generation):
            values = self.values(counts, size, slice(None))
            self.sums.add(generation, [float(value.sum()) for value in values])
        if not run.until_collapse:
            return None
        new = collapsed & ~self.done
        self.sums.collapse_times += [generation] * int(new.sum())
        self.done |= new
        return self.done

    def values(self, counts, size, rows):
        torch = self.torch
        counts, first = counts[rows], self.first[rows]
        largest = counts.amax(1)
        return (
            (counts * counts).sum(1).double() / size**2,
            largest.double() / size,
            torch.count_nonzero(counts, dim=1),
            torch.log(torch.tensor(float(size), dtype=torch.float64)) - self.c_log_c[counts].sum(1) / size,
            (counts * self.first_size - first * size).abs().sum(1).double() / (size * self.first_size),
            largest == size,
        )

    def train(self, contexts):
        torch, run = self.torch, self.run
        if run.scenario == "random-models":
            return self.train_random(contexts)
        kept = run.real
        sets = first = self.draw_truth((contexts, kept or run.samples))
        width = run.vocabulary
        if run.observe or self.from_counts:
            sets, width = self.places_of(sets)
            first = sets
        size = kept or run.samples
        counts = None
        for generation in range(1, run.generations + 1):
            if generation > 1:
                if self.from_counts:
                    drawn = self.draw_counts(counts, size)
                else:
                    drawn = self.draw_sets(sets, size)
                sets = torch.cat((first, drawn), 1) if kept else drawn
                size = kept + run.samples
            if run.observe or self.from_counts:
                counts = self.count(sets, width)
            if not run.observe:
                continue
            if generation == 1:
                self.first, self.first_size = counts, size
                self.done = torch.zeros(contexts, dtype=torch.bool, device=self.device)
            done = self.observe(generation, counts, size)
            if done is None or 2 * int(done.sum()) < len(done):
                continue
            self.sums.leave([float(value.sum()) for value in self.values(counts, size, done)])
            keep = ~done
            sets, counts, self.first, self.done = sets[keep], counts[keep], self.first[keep], self.done[keep]
            if len(sets) == 0:
                break

    def train_random(self, contexts):
        """Every earlier generation stays: an array of contexts × generations × tokens."""
        torch, run = self.torch, self.run
        history = torch.empty((contexts, run.generations * run.samples), dtype=torch.int32, device=self.device)
        past = torch.zeros((contexts, run.vocabulary), device=self.device)
        for generation in range(1, run.generations + 1):
            shape = (contexts, run.samples)
            if self.from_counts:
                drawn = torch.multinomial((past / run.samples + self.law) / generation, run.samples, replacement=True)
            elif generation == 1:
                drawn = self.draw_truth(shape)
            else:
                source = torch.randint(generation, shape, device=self.device)
                index = torch.randint(run.samples, shape, device=self.device)
                index += (source - 1).clamp(min=0) * run.samples
                drawn = torch.where(source == 0, self.draw_truth(shape), history.gather(1, index).long())
            if run.observe or self.from_counts:
                counts = self.count(drawn, run.vocabulary)
            if self.from_counts:
                past += counts
            else:
                history[:, (generation - 1) * run.samples : generation * run.samples] = drawn
            if run.observe:
                if generation == 1:
                    self.first, self.first_size = counts, run.samples
                self.observe(generation, counts, run.samples)


def main():
    try:
        import torch

        peer = Peer(torch)
    except Exception as error:  # no such module, or no driver for its build
        protocol.say({"absent": f"{type(error).__name__}: {error}"})
        return
    protocol.serve(peer.identity(), peer.answer)


if __name__ == "__main__":
    main()
