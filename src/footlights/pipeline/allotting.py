"""Encoding a stream in the mode of the settings: one wave of searches, or searches for the floor and then allocation.

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
from footlights.engine.tasks import Task
from footlights.pipeline import graph, ops
from footlights.pipeline.rungs import ChunkRequest

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
    if settings.encoding.mode == "floor" or not encoding:
        one.run(list(tasks))
        return tuple(one.record(ChunkEncode, task.id, ops.RESULT) for task in encoding)
    one.run([task for task in tasks if task.id != graph.STREAM])
    placed = {task.id: _read(one, task) for task in encoding}
    first = dict(placed)
    for number in range(_ROUNDS):
        again = _raised(first, placed, settings, number)
        if not again:
            break
        one.run(list(again.values()))
        for name, task in again.items():
            made = _read(one, task)
            placed[name] = made._replace(trials=(*placed[name].trials, *made.trials))
    (package,) = [task for task in tasks if task.id == graph.STREAM]
    needs = [placed[need].task.id if need in placed else need for need in package.needs]
    one.run([replace(package, needs=tuple(needs))])
    return tuple(replace(chunk.encode, probes=chunk.trials) for chunk in placed.values())


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
