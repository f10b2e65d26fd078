"""The order in which chunks are searched, so that what is known of some tells where to begin with the others.

First a few chunks that look unlike each other, at every rendition from the smallest up. From them it may be seen that
some renditions are not worth making. Then all others, the smallest rendition in runs that double in length, the further
ones as a whole. What a chunk begins with depends on finished
results of earlier waves alone, never on which worker was quicker: the same job gives the same trials.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import log

from footlights.core import records
from footlights.core.encodes import ChunkEncode, Look, Probe, Rung
from footlights.encoding.allocation import Curve, fit, floor_of, price_of
from footlights.encoding.encoders import rung_encoder
from footlights.encoding.ladder import expected_slope, first_guess
from footlights.encoding.priors import Solved, carried, expected, scouts, solved
from footlights.encoding.search import Prior, doubling_of
from footlights.engine.tasks import Task
from footlights.metrics.video import large
from footlights.pipeline.chunks import ChunkRequest

FIRST_RUN = 8
"""Chunks of the smallest rendition searched at once after the scouts; every further run has twice as many."""
_REACH = 8.0
"""Units of q from a trial beyond which its curve is not believed."""
_USUAL = {("av1", "av1"): 0.5, ("av1", "h264"): -11.0, ("h264", "h264"): 0.0}
"""Units of q from one rendition to the next where no chunk was solved at both."""
_NEARER = 12.0
"""Units more where the second is judged as on a 4K screen and the first is not: six shots at 2160 lines against their
first halves at 1080, 4.5 to 20.7."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A chunk's search as the graph asks for it."""

    task: Task
    request: ChunkRequest

    @staticmethod
    def of(task: Task) -> Asked:
        return Asked(task, records.from_data(ChunkRequest, task.params["request"], "the request"))

    def with_prior(self, prior: Prior | None, source: str) -> Asked:
        if prior is None:
            return self
        request = replace(self.request, guess=round(prior.q, 2), slope=round(prior.slope, 3), prior=source)
        return self.changed(request)

    def changed(self, request: ChunkRequest) -> Asked:
        return Asked(replace(self.task, params={"request": records.to_data(request)}), request)


@dataclass(frozen=True, slots=True)
class _Ended:
    """Of a search to a target."""

    over: float
    """VMAF from the target to its score; 0 where the search did not end there."""
    size: float
    """Bytes of a frame."""


class Knowledge:
    """What finished searches have taught, by rendition and chunk."""

    def __init__(self, targets: Mapping[str, float]) -> None:
        self._targets = targets
        self._solved: dict[str, dict[int, Solved]] = defaultdict(dict)
        self._rungs: dict[str, Rung] = {}
        self._curves: dict[str, dict[int, Curve]] = defaultdict(dict)
        self._ended: dict[str, dict[int, _Ended]] = defaultdict(dict)

    def learn(self, number: int, asked: Asked, encode: ChunkEncode) -> None:
        rung = asked.request.rung
        self._rungs[rung.name] = rung
        look, slope = asked.request.look, asked.request.slope
        found = solved(look, encode, slope, _promised(rung, look), rung.target)
        if found is not None:
            self._solved[rung.name][number] = found
        if asked.request.slack:
            self._curves[rung.name][number] = curve_of(asked.request, encode.probes, encode.chosen)
        else:
            over = encode.chosen.score - asked.request.lowest if encode.outcome == "reached" else 0.0
            self._ended[rung.name][number] = _Ended(over, encode.chosen.bytes / len(encode.frames))

    def begin(self, number: int, asked: Asked) -> Asked:
        """The search of chunk `number` with the best prior there is, and what it may be aimed at where it is dear."""
        begun, ended = self._begun(number, asked), self._ended[asked.request.rung.name]
        if not ended:
            return begun
        worst = min(0.0, *(one.over for one in ended.values()))
        ordinary = sum(ended[one].size for one in sorted(ended)) / len(ended)
        return begun.changed(replace(begun.request, worst=round(worst, 3), ordinary=round(ordinary, 1)))

    def _begun(self, number: int, asked: Asked) -> Asked:
        rung, look = asked.request.rung, asked.request.look
        here = self._solved[rung.name]
        for other in sorted(self._rungs.values(), key=lambda one: _apart(one, rung)):
            there = self._solved[other.name]
            if other.name != rung.name and number in there:
                pairs = [(there[both], here[both]) for both in sorted(there.keys() & here.keys())]
                prior = carried(look, there[number], pairs, _usual(other, rung))
                if (curve := self._curves[other.name].get(number)) is not None:
                    prior = replace(prior, q=prior.q + curve.q - there[number].q)
                return asked.with_prior(prior, "rendition")
        begun = asked.with_prior(expected(look, _promised(rung, look), [here[one] for one in sorted(here)]), "shots")
        curves = self._curves[rung.name]
        price = price_of([curves[one] for one in sorted(curves)], self._targets[rung.name])
        return begun if price is None else begun.changed(replace(begun.request, price=round(price, 3)))


def curve_of(request: ChunkRequest, trials: Sequence[Probe], chosen: Probe, allowed: float = 0.0) -> Curve:
    """Through the trial that stands, from the finest value that keeps the rate to the one on the floor, and no farther
    than curves can be trusted. The floor is the lowest score that the chunk may have, moved by what is `allowed`."""
    rung = request.rung
    limits = (rung.q_min, rung.max_rate * request.seconds / 8)
    doubling = doubling_of(rung.target, request.slope)
    curve = fit(trials, chosen, len(request.frames), request.seconds, limits, doubling)
    step = rung_encoder(rung.codec, rung.preset).q.step
    floor = floor_of(curve, chosen.score, request.lowest + allowed, (rung.q_min, rung.q_max), step)
    high = min(floor, chosen.q + _REACH)
    return replace(curve, q_high=high, q_low=min(max(curve.q_low, chosen.q - _REACH), high))


def _promised(rung: Rung, look: Look) -> Prior:
    return Prior(first_guess(rung, look), expected_slope(rung, look))


Judge = Callable[[Mapping[str, Sequence[Task]]], Collection[str]]
"""Is shown the tasks of the first chunks by rendition, when they are done; says which renditions are not to be made."""


def waves(
    tasks: Sequence[Task], judge: Judge | None = None
) -> Generator[list[Task], Mapping[str, ChunkEncode], list[Task]]:
    """Yields tasks to run, is sent their results by id; returns the tasks of all renditions that were made, as they
    were run, in the order given."""
    rungs: dict[str, list[Asked]] = defaultdict(list)
    for task in tasks:
        asked = Asked.of(task)
        rungs[asked.request.rung.name].append(asked)
    names = sorted(rungs, key=lambda name: _size(rungs[name][0].request.rung))
    leading = list(scouts([asked.request.look for asked in rungs[names[0]]])) if names else []
    # Dark chunks are aimed higher than the mean of all.
    targets = {name: min(asked.request.rung.target for asked in chunks) for name, chunks in rungs.items()}
    known, final = Knowledge(targets), dict[str, Task]()

    def wave(name: str, numbers: Sequence[int]) -> Generator[list[Task], Mapping[str, ChunkEncode], None]:
        begun = {number: known.begin(number, rungs[name][number]) for number in numbers}
        results = yield [asked.task for asked in begun.values()]
        for number, asked in begun.items():
            known.learn(number, asked, results[asked.task.id])
            final[asked.task.id] = asked.task

    for name in names:
        yield from wave(name, leading)
    first = {name: [final[rungs[name][number].task.id] for number in leading] for name in names}
    dropped = set(judge(first)) if judge is not None and names else set()
    kept = [name for name in names if name not in dropped]
    for name in kept:
        for numbers in _runs([n for n in range(len(rungs[name])) if n not in leading], doubling=name == kept[0]):
            yield from wave(name, numbers)
    made = {asked.task.id for name in kept for asked in rungs[name]}
    return [final[task.id] for task in tasks if task.id in made]


def _runs(numbers: Sequence[int], *, doubling: bool) -> list[Sequence[int]]:
    """The chunks that are searched side by side: all at once, or in runs that double in length."""
    runs, length = [], FIRST_RUN if doubling else len(numbers)
    while numbers:
        runs.append(numbers[:length])
        numbers, length = numbers[length:], 2 * length
    return runs


def _usual(one: Rung, other: Rung) -> float:
    """Units of q from one rendition to another where nothing was learnt."""
    nearer = _NEARER * (large(other.height) - large(one.height))
    return _USUAL.get((one.codec, other.codec), 0.0) + nearer


def _size(rung: Rung) -> tuple[bool, int]:
    """AV1 from the smallest up, then the others."""
    return rung.codec != "av1", rung.height


def _apart(one: Rung, other: Rung) -> tuple[bool, float]:
    """How unlike two renditions are: codec first, then size."""
    return one.codec != other.codec, abs(log(one.height / other.height))
