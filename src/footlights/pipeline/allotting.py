"""Encoding a stream in the mode of the settings: searches in waves, and allocation after them.

In the mode `floor` every chunk is searched to the target; those so large that ending a little above the worst one is
dear are encoded once more, and so are a few of the worst where it costs little to make them better. In the mode `mean`
a chunk's first trial goes where the last point of quality costs as much as in the chunks before it, by its proxy, and
is accepted unless it lies `encoding.slack` below the target. From all trials `encoding.allocation` says what each chunk
is worth; those far from that are encoded again, and as many more as the mean needs. What that foretold is compared with
what came out, and the mean is corrected.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from footlights.core import records
from footlights.core.encodes import ChunkEncode, EncodePlan, LeftOut, Probe, RenditionRates, Rung
from footlights.encoding import ladder
from footlights.encoding.allocation import Curve, allocate, capped, evened, mean_quality, worth_again
from footlights.encoding.encoders import rung_encoder
from footlights.encoding.peaks import Caps, over
from footlights.engine.reuse import Action
from footlights.engine.tasks import Task
from footlights.pipeline import graph, ops
from footlights.pipeline.assembly import StreamRequest
from footlights.pipeline.chunks import TOLERANCE, ChunkRequest, lowered
from footlights.pipeline.finishedrates import finished_rates
from footlights.pipeline.looks import see_tasks
from footlights.pipeline.waves import Asked, curve_of, waves
from footlights.settings import Settings

if TYPE_CHECKING:
    from footlights.pipeline.session import Session

ROUNDS = 3
_CAPS = Caps()
_NEAR = 0.3
"""VMAF by which the mean of a rendition may miss the target without another round."""
_FAR, _FAR_BLIND = 5.0, 3.0
"""Units of q from its value at which a chunk is encoded again whatever the mean is, where proxies were made and where
none were: on the curves of 36 shots with proxies 3, 4, 5 and 6 took 1.58, 1.58, 1.44 and 1.44 encodes a shot and 13.6,
13.6, 14.3 and 14.3 % fewer bytes than one value; without, at a target of 88 (22 other shots), 5 and 3 took 1.8 and 2.0
encodes and 1.6 and 4.1 % fewer bytes, where 5.1 % are possible."""
_LEAST = 0.5
"""Units of q below which none is."""


class _Placed(NamedTuple):
    """A chunk's task and what came of it; `trials` are those of all rounds."""

    task: Task
    request: ChunkRequest
    encode: ChunkEncode
    trials: tuple[Probe, ...]


class Streamed(NamedTuple):
    """What came of a stream: the ladder as it was made, every chunk's encode in the order of its tasks, and the rates
    of what was packaged."""

    plan: EncodePlan
    encodes: tuple[ChunkEncode, ...]
    rates: tuple[RenditionRates, ...] = ()


def run_stream(one: Session, tasks: Sequence[Task], settings: Settings, plan: EncodePlan) -> Streamed:
    """Run the tasks of a stream, and those given beside them, to the end.

    `tasks` are what `graph.stream_tasks` gave (or `graph.product_tasks`, with the tasks they need).
    """
    package = next((task for task in tasks if task.id == graph.STREAM), None)
    others = [task for task in tasks if task.op != graph.ENCODE and task is not package]
    if package is None:
        one.run(others)
        return Streamed(plan, ())
    searched, plan = _search(one, [task for task in tasks if task.op == graph.ENCODE], others, settings, plan)
    if settings.encoding.mode == "floor":
        placed = _trimmed(one, {task.id: _read(one, task) for task in searched})
    else:
        placed = _allotted(one, {task.id: _read(one, task) for task in searched}, settings)
    asked = replace(records.from_data(StreamRequest, package.params["request"], "the request"), plan=plan)
    needs = (package.needs[0], *(chunk.task.id for chunk in placed.values()))
    one.run([replace(package, params={"request": records.to_data(asked)}, needs=needs)])
    caps = _CAPS if settings.encoding.mode == "mean" else None
    rates = finished_rates(asked, one.artifact(graph.STREAM).manifest.files, caps)
    return Streamed(plan, tuple(replace(chunk.encode, probes=chunk.trials) for chunk in placed.values()), rates)


def foreseen(one: Session, tasks: Sequence[Task], settings: Settings, plan: EncodePlan) -> list[Task]:
    """The tasks as a run would begin them, as far as results of earlier waves are in place; nothing is made."""
    others = [task for task in tasks if task.op != graph.ENCODE]
    encoding = [task for task in tasks if task.op == graph.ENCODE]
    left_out: tuple[LeftOut, ...] = ()

    def there(wanted: Sequence[Task]) -> bool:
        needs = {need for task in wanted for need in task.needs}
        whole = [*(task for task in others if task.id in needs), *wanted]
        if any(forecast.action is not Action.REUSE for forecast in one.coordinator.preview(whole)):
            return False
        one.run(whole)
        return True

    def judge(first: Mapping[str, Sequence[Task]]) -> set[str]:
        nonlocal left_out
        looks = see_tasks(first) if settings.encoding.distinct else []
        left_out = _left_out(one, looks, first, settings, plan) if looks and there(looks) else ()
        return {rung.name for rung in left_out}

    course = waves(encoding, judge)
    begun: dict[str, Task] = {}
    try:
        wave = next(course)
        while True:
            begun.update({task.id: task for task in wave})
            if not there(wave):
                break
            wave = course.send({task.id: one.record(ChunkEncode, task.id, ops.RESULT) for task in wave})
    except StopIteration:
        pass
    dropped = tuple(f"encode/{rung.name}/" for rung in left_out)
    found = [begun.get(task.id, task) for task in tasks if not task.id.startswith(dropped)]
    return [_repackaged(task, plan, left_out, dropped) if task.id == graph.STREAM else task for task in found]


def _repackaged(task: Task, plan: EncodePlan, left_out: tuple[LeftOut, ...], dropped: tuple[str, ...]) -> Task:
    asked = records.from_data(StreamRequest, task.params["request"], "the request")
    request = replace(asked, plan=_without(plan, left_out))
    needs = tuple(need for need in task.needs if not need.startswith(dropped))
    return replace(task, params={"request": records.to_data(request)}, needs=needs)


def _search(
    one: Session, encoding: Sequence[Task], others: Sequence[Task], settings: Settings, plan: EncodePlan
) -> tuple[list[Task], EncodePlan]:
    """Search every chunk, wave after wave, `others` beside the first. The tasks as they were run, and the ladder."""
    made = plan

    def judge(first: Mapping[str, Sequence[Task]]) -> set[str]:
        nonlocal made
        looks = see_tasks(first) if settings.encoding.distinct else []
        one.run(looks)
        left_out = _left_out(one, looks, first, settings, plan)
        for rung in left_out:
            one.warn(f"{rung.name} is left out: {rung.why}")
        made = _without(plan, left_out)
        return {rung.name for rung in left_out}

    course, beside = waves(encoding, judge), list(others)
    try:
        wave = next(course)
        while True:
            one.run([*beside, *wave])
            beside = []
            wave = course.send({task.id: one.record(ChunkEncode, task.id, ops.RESULT) for task in wave})
    except StopIteration as end:
        searched: list[Task] = end.value
    return searched, made


def _left_out(
    one: Session, looks: Sequence[Task], first: Mapping[str, Sequence[Task]], settings: Settings, plan: EncodePlan
) -> tuple[LeftOut, ...]:
    """Renditions that look like the next smaller one, by what was seen of the first chunks and their lengths."""
    if not looks:
        return ()
    names = [rung.name for rung in sorted(plan.rungs, key=lambda rung: rung.height) if rung.codec == "av1"]
    seen = [one.record(tuple[float, ...], task.id, ops.RESULT) for task in looks]
    lengths = [len(Asked.of(task).request.frames) for task in first[names[-1]]]
    means = np.average(np.array(seen), axis=0, weights=lengths)
    quality = {name: float(value) for name, value in zip(names, means, strict=True)}
    return ladder.too_alike(plan.rungs, quality, settings.encoding.distinct)


def _without(plan: EncodePlan, left_out: tuple[LeftOut, ...]) -> EncodePlan:
    names = {rung.name for rung in left_out}
    return replace(
        plan,
        rungs=tuple(rung for rung in plan.rungs if rung.name not in names),
        left_out=plan.left_out + left_out,
    )


def _trimmed(one: Session, placed: dict[str, _Placed]) -> dict[str, _Placed]:
    """Dear chunks above the worst and the worst ones themselves encoded once more; where that does not come out as it
    was foretold they stay as they were, and the trial is told."""
    again: dict[str, Task] = {}
    for names in _by_rung(placed).values():
        chunks = [(placed[name].request, placed[name].trials, placed[name].encode) for name in names]
        again |= {names[place]: _at(names[place], placed[names[place]], q, 0) for place, q in trims(chunks).items()}
    one.run(list(again.values()))
    for name, task in again.items():
        made, before = _read(one, task), placed[name]
        best = made if still_good(before.encode, made.encode) else before
        placed[name] = best._replace(trials=(*before.trials, *made.trials))
    return placed


def trims(chunks: Sequence[tuple[ChunkRequest, Sequence[Probe], ChunkEncode]]) -> dict[int, float]:
    """The places of chunks of a rendition to encode once more, each with its value. A programme looks as good as its
    worst shot: dear ones are brought down to it, not to the target alone, and where a few cheap ones are the worst they
    are made finer, unless one that may not be moved is worse still."""
    ended = [place for place, (_, _, encode) in enumerate(chunks) if may_be_trimmed(encode)]
    asked = [chunks[place] for place in ended]
    curves = [curve_of(request, trials, encode.chosen) for request, trials, encode in asked]
    scores, floors = [encode.chosen.score for _, _, encode in asked], [request.lowest for request, _, _ in asked]
    above = [encode.chosen.score - request.lowest for request, _, encode in chunks]
    worst = min((above[place] for place in ended), default=0.0)
    high = min(worst, 0.0) if min(above, default=0.0) < worst else 0.0
    values = evened(curves, scores, floors, (lowered(-TOLERANCE), high))
    found = {ended[at]: _gridded(asked[at][0].rung, q) for at, q in values.items()}
    return {place: q for place, q in found.items() if q != chunks[place][2].chosen.q}


def _gridded(rung: Rung, q: float) -> float:
    """The nearest value that the rendition's encoder tells from its neighbours, within its range."""
    step = rung_encoder(rung.codec, rung.preset).q.step
    return min(max(round(q / step) * step, rung.q_min), rung.q_max)


def may_be_trimmed(encode: ChunkEncode) -> bool:
    """Whether a search ended at its target, with bits given for nothing else."""
    return encode.outcome == "reached" and encode.bands == "few"


def still_good(before: ChunkEncode, after: ChunkEncode) -> bool:
    """Whether another encode of a chunk may take the place of the one that its search accepted."""
    gains = after.chosen.score > before.chosen.score or after.chosen.bytes < before.chosen.bytes
    return gains and abs(after.chosen.score - before.target) <= TOLERANCE and after.bands == "few"


def _allotted(one: Session, placed: dict[str, _Placed], settings: Settings) -> dict[str, _Placed]:
    """Chunks far from what they are worth encoded again; where the last encode fell below the floor, an earlier one."""
    made: dict[str, list[_Placed]] = {name: [chunk] for name, chunk in placed.items()}
    for number in range(ROUNDS):
        again = _raised({name: chunks[-1] for name, chunks in made.items()}, settings, number)
        if not again:
            break
        one.run(list(again.values()))
        for name, task in again.items():
            latest = _read(one, task)
            made[name].append(latest._replace(trials=(*made[name][-1].trials, *latest.trials)))
    return {name: _standing(chunks) for name, chunks in made.items()}


def _standing(chunks: Sequence[_Placed]) -> _Placed:
    """What is shipped of a chunk's encodes, with the trials of all."""
    found = chunks[standing([chunk.encode.chosen for chunk in chunks], chunks[0].request.lowest)]
    return found._replace(trials=chunks[-1].trials)


def standing(made: Sequence[Probe], lowest: float) -> int:
    """Which of a chunk's encodes is shipped: the last, unless it lies below the lowest score that the chunk may have.
    Curves foretell floors, and no round comes after the last. Then the smallest that does not, or the best."""
    allowed = [place for place, one in enumerate(made) if one.score >= lowest - TOLERANCE]
    if not allowed:
        return max(range(len(made)), key=lambda place: made[place].score)
    last = len(made) - 1
    return last if last in allowed else min(allowed, key=lambda place: made[place].bytes)


def _raised(placed: dict[str, _Placed], settings: Settings, number: int) -> dict[str, Task]:
    """Tasks of the chunks that shall have another value than they have, by the id of the first."""
    again: dict[str, Task] = {}
    for names in _by_rung(placed).values():
        chunks = [placed[name] for name in names]
        curves = [curve_of(chunk.request, chunk.trials, chunk.encode.chosen) for chunk in chunks]
        rung, target = chunks[0].request.rung, settings.encoding.target
        blind = all(chunk.encode.proxy is None for chunk in chunks)
        for name, q in raised(curves, names, rung, target, number, blind=blind).items():
            again[name] = _at(name, placed[name], q, number)
    return again


def _by_rung(placed: dict[str, _Placed]) -> dict[str, list[str]]:
    rungs: dict[str, list[str]] = defaultdict(list)
    for name, chunk in placed.items():
        rungs[chunk.request.rung.name].append(name)
    return rungs


def _at(name: str, chunk: _Placed, q: float, number: int) -> Task:
    """The task of encoding a chunk with a given value, in round `number` after its search, which was called `name`."""
    params = {"request": records.to_data(replace(chunk.request, q=q))}
    units = max(1, chunk.task.units // chunk.request.probes)
    return replace(chunk.task, id=f"{name}/{number + 2}", params=params, units=units)


def raised(
    curves: Sequence[Curve],
    names: Sequence[str],
    rung: Rung,
    target: float,
    number: int,
    limits: Caps = _CAPS,
    *,
    blind: bool = False,
) -> dict[str, float]:
    """In round `number` of allocation: the chunks of a rendition to encode again, with their values; `blind` where no
    proxies told their first ones. What will stand after it keeps the limits, as far as curves tell and floors allow: a
    chunk that is left as it is may be finer than what it is worth."""
    step = rung_encoder(rung.codec, rung.preset).q.step
    free, values = (allocate(curves, target, step, caps) for caps in (None, limits))
    bound = [place for place, (one, other) in enumerate(zip(free, values, strict=True)) if one != other]
    met = number and abs(mean_quality(curves, [curve.q for curve in curves]) - target) <= _NEAR
    far = inf if number else (_FAR_BLIND if blind else _FAR)
    near = inf if met else _NEAR / 2
    again = worth_again(curves, values, target, far=far, near=near, least=_LEAST, bound=bound)
    planned = [values[place] if place in again else curve.q for place, curve in enumerate(curves)]
    kept = capped(curves, planned, step, limits)
    mended = _over(curves, planned, limits) - _over(curves, kept, limits)
    changed = set(again)
    for place, (one, other) in enumerate(zip(planned, kept, strict=True)):
        # Where no cut is enough, small ones are not worth an encode: floors move by as much from trial to trial.
        if one != other and (other - one >= _LEAST or any(place in run for run in mended)):
            changed.add(place)
    return {names[place]: kept[place] for place in sorted(changed)}


def _over(curves: Sequence[Curve], values: Sequence[float], limits: Caps) -> set[range]:
    sizes = [curve.bytes_at(q) for curve, q in zip(curves, values, strict=True)]
    return set(over(sizes, [curve.seconds for curve in curves], limits))


def _read(one: Session, task: Task) -> _Placed:
    encode = one.record(ChunkEncode, task.id, ops.RESULT)
    request = records.from_data(ChunkRequest, task.params["request"], "the request")
    return _Placed(task, request, encode, encode.probes)
