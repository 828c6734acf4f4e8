"""How a peer talks to the benchmark: one JSON object a line.

The peer says first who it is, or {"absent": why}. It then answers each request, which describes one run, with
what the run took and found, or with {"unsupported": why}. A run's time covers every generation, the first one
included; imports, tables of the truth and reading files are left out of it.
"""

import json
import sys
import traceback


class Unsupported(Exception):
    """The peer has no way to do the run that was asked for."""


class Run:
    """One request."""

    def __init__(self, request):
        self.scenario = request["scenario"]
        self.vocabulary = request["vocabulary"]
        self.weights = request.get("weights")
        self.followers = request.get("followers")
        self.offsets = request.get("offsets")
        self.contexts = request["contexts"]
        self.every = request.get("every", 1)
        self.samples = request.get("samples", 0)
        self.real = request.get("real", 0)
        self.generations = request["generations"]
        self.until_collapse = request["untilCollapse"]
        self.observe = request["observe"]
        self.reported = None if request.get("reported") is None else set(request["reported"])
        self.seed = request["seed"]

    def reports(self, generation):
        """Whether the observables of a generation are wanted."""
        return self.observe and (self.reported is None or generation in self.reported)


class Sums:
    """Sums of observables over contexts, generation by generation; a context that left stays as it was."""

    NAMES = ("sumOfSquares", "maxProbability", "support", "entropy", "l1FromFirst", "collapsedFraction")

    def __init__(self):
        self.rows = {}
        self.gone = [0.0] * len(self.NAMES)
        self.contexts = 0
        self.collapse_times = []

    def add(self, generation, values):
        """Adds one generation's sums over the contexts that are still there."""
        row = self.rows.setdefault(generation, [0.0] * len(self.NAMES))
        for i, value in enumerate(values):
            row[i] += value + self.gone[i]

    def leave(self, values):
        """Takes contexts out that will not change any more."""
        self.gone = [gone + value for gone, value in zip(self.gone, values)]

    def begin_block(self, contexts):
        """A new block of contexts, none of which has left."""
        self.contexts += contexts
        self.gone = [0.0] * len(self.NAMES)

    def answer(self, seconds, run):
        """What the benchmark is told. A context that collapsed is no more work, however long it is carried along."""
        times = self.collapse_times
        answer = {
            "seconds": seconds,
            "contexts": self.contexts,
            "contextGenerations": sum(times) + (self.contexts - len(times)) * run.generations,
            "collapsed": len(times),
            "collapseTime": sum(times) / len(times) if times else None,
            "generation": None,
        }
        if self.rows:
            last = max(self.rows)
            answer["generation"] = last
            answer.update(zip(self.NAMES, (value / self.contexts for value in self.rows[last])))
        return answer


def say(message):
    """Writes one line to the benchmark."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def serve(identity, answer):
    """Answers requests until the benchmark closes its end.

    identity: what the peer is, with a list of its "methods". answer: from a method's name and a Run to a dict.
    """
    say(identity)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            say(answer(request["method"], Run(request)))
        except Unsupported as reason:
            say({"unsupported": str(reason)})
        except MemoryError:
            say({"unsupported": "out of memory"})
        except Exception as error:  # the benchmark shows it and goes on with the other contenders
            traceback.print_exc(file=sys.stderr)
            say({"unsupported": f"{type(error).__name__}: {error}"})
