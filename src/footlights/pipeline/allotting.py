"""Encoding a stream in the mode of the settings: searches in waves, and allocation after them.

In the mode `floor` every chunk is searched to the target, and that is all. In the mode `mean` the search leads to the
floor, `encoding.slack` below the target; from its trials `encoding.allocation` says which chunks are worth more, and
those are encoded once more at the value it gave. What the trials foretold is compared with what came out; once it is
corrected.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from footlights.config import Settings
from footlights.core import records
from footlights.core.encodes import ChunkEncode, Probe
from footlights.encoding.allocation import Caps, Curve, allocate, fit
from footlights.encoding.encoders import rung_encoder
from footlights.engine.reuse import Action
from footlights.engine.tasks import Task
from footlights.pipeline import graph, ops
from footlights.pipeline.rungs import ChunkRequest
from footlights.pipeline.waves import waves

if TYPE_CHECKING:
    from footlights.pipeline.run import Session

_ROUNDS = 2
_NEAR = 0.3
"""VMAF by which the mean of a rendition may miss the target without another round."""
_WORTH = 0.5
"""Units of q below which a chunk is not encoded anew."""


class _Placed(NamedTuple):
    """A chunk's task and what came of it; `trials` are those of all rounds."""

    task: Task
    request: ChunkRequest
    encode: ChunkEncode
    trials: tuple[Probe, ...]


def run_stream(one: Session, tasks: Sequence[Task], settings: Settings) -> tuple[ChunkEncode, ...]:
    """Run the tasks of a stream, and those given beside them, to the end; every chunk's encode in the order of tasks.

    `tasks` are what `graph.stream_tasks` gave (or `graph.product_tasks`, with the tasks they need).
    """
    encoding = [task for task in tasks if task.op == graph.ENCODE]
    package = next((task for task in tasks if task.id == graph.STREAM), None)
    others = [task for task in tasks if task.op != graph.ENCODE and task is not package]
    if package is None:
        one.run(others)
        return ()
    searched = _search(one, encoding, others)
    if settings.encoding.mode == "floor":
        one.run([package])
        return tuple(one.record(ChunkEncode, task.id, ops.RESULT) for task in searched)
    placed = {task.id: _read(one, task) for task in searched}
    first = dict(placed)
    for number in range(_ROUNDS):
        again = _raised(first, placed, settings, number)
        if not again:
            break
        one.run(list(again.values()))
        for name, task in again.items():
            made = _read(one, task)
            placed[name] = made._replace(trials=(*placed[name].trials, *made.trials))
    needs = [placed[need].task.id if need in placed else need for need in package.needs]
    one.run([replace(package, needs=tuple(needs))])
    return tuple(replace(chunk.encode, probes=chunk.trials) for chunk in placed.values())


def foreseen(one: Session, tasks: Sequence[Task]) -> list[Task]:
    """The tasks as a run would begin them, as far as results of earlier waves are in place; nothing is made."""
    others = [task for task in tasks if task.op != graph.ENCODE]
    course = waves([task for task in tasks if task.op == graph.ENCODE])
    begun: dict[str, Task] = {}
    try:
        wave = next(course)
        while True:
            begun.update({task.id: task for task in wave})
            needs = {need for task in wave for need in task.needs}
            wanted = [*(task for task in others if task.id in needs), *wave]
            if any(forecast.action is not Action.REUSE for forecast in one.coordinator.preview(wanted)):
                break
            one.run(wanted)
            wave = course.send({task.id: one.record(ChunkEncode, task.id, ops.RESULT) for task in wave})
    except StopIteration:
        pass
    return [begun.get(task.id, task) for task in tasks]


def _search(one: Session, encoding: Sequence[Task], others: Sequence[Task]) -> list[Task]:
    """Search every chunk, wave after wave; `others` run beside the first. The tasks as they were run."""
    course, beside = waves(encoding), list(others)
    try:
        wave = next(course)
        while True:
            one.run([*beside, *wave])
            beside = []
            wave = course.send({task.id: one.record(ChunkEncode, task.id, ops.RESULT) for task in wave})
    except StopIteration as end:
        searched: list[Task] = end.value
    return searched


def _raised(first: dict[str, _Placed], placed: dict[str, _Placed], settings: Settings, number: int) -> dict[str, Task]:
    """Tasks of the chunks that shall have another value than they have, by the id of the first."""
    rungs: dict[str, list[str]] = defaultdict(list)
    for name, chunk in placed.items():
        rungs[chunk.request.rung.name].append(name)
    again: dict[str, Task] = {}
    for names in rungs.values():
        chunks = [placed[name] for name in names]
        frames = sum(len(chunk.request.frames) for chunk in chunks)
        mean = sum(chunk.encode.chosen.mean * len(chunk.request.frames) for chunk in chunks) / frames
        if number and abs(mean - settings.encoding.target) <= _NEAR:
            continue
        curves = [_curve(first[name], placed[name]) for name in names]
        rung = chunks[0].request.rung
        step = rung_encoder(rung.codec, rung.preset).q.step
        values = allocate(curves, settings.encoding.target, step, Caps())
        for name, q in zip(names, values, strict=True):
            chunk = placed[name]
            if abs(chunk.encode.chosen.q - q) >= _WORTH:
                request = replace(chunk.request, q=q)
                task = chunk.task
                again[name] = replace(
                    task,
                    id=f"{name}/{number + 2}",
                    params={"request": records.to_data(request)},
                    units=max(1, task.units // settings.encoding.probes),
                )
    return again


def _curve(first: _Placed, now: _Placed) -> Curve:
    """Through the trial that stands, its coarsest value that of the first round, which stands on the floor."""
    request = first.request
    seconds = float(len(request.frames) / request.rate)
    limits = (request.rung.q_min, request.rung.max_rate * seconds / 8)
    curve = fit(now.trials, now.encode.chosen, len(request.frames), seconds, limits)
    floor = first.encode.chosen.q
    return replace(curve, q_high=floor, q_low=min(curve.q_low, floor))


def _read(one: Session, task: Task) -> _Placed:
    encode = one.record(ChunkEncode, task.id, ops.RESULT)
    request = records.from_data(ChunkRequest, task.params["request"], "the request")
    return _Placed(task, request, encode, encode.probes)
