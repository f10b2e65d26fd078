"""What the net leaves of a shot's noise: a few frames of the shot are restored before the plan is made, and measured.

The noise of the tape does not tell it: noise that a codec has coarsened, or of a kind no training tape had, passes the
net. What is measured here decides whether a noise filter follows the net.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from footlights.core import records
from footlights.core.clip import Clip, Plane, join
from footlights.core.plans import RestorationPlan, ShotPlan
from footlights.core.reports import Remainder
from footlights.core.signal import FieldOrder
from footlights.core.source import Ingest
from footlights.core.time import FrameRange
from footlights.engine.tasks import JSON, Resources, Task
from footlights.errors import NetError
from footlights.media.reader import VideoReader
from footlights.metrics import noise
from footlights.pipeline.pictures import Cuts, source_blocks
from footlights.restoration import chain
from footlights.restoration.base import build

VERSION = 3
REMAINDERS = "remainders.json"
NET = "fieldlift.restore"
FRAMES = 6
"""Frames of a shot that are looked at."""
_LEAST = 8
"""Frames of the shortest shot that is looked at: the fields at its ends may be a neighbour's."""
_BATCH = 12
"""Shots per task: the net is compiled once for them."""
_METHOD = f"difference of pictures at one field's instants behind the net, flat blocks, {FRAMES} frames amid the shot"


@dataclass(frozen=True, slots=True)
class RemainderRequest:
    """Some shots, each with its steps up to the net."""

    shots: tuple[ShotPlan, ...]
    field_order: FieldOrder


def tasks(plan: RestorationPlan, order: FieldOrder, needs: tuple[str, ...], share: Callable[[int], int]) -> list[Task]:
    """The looks at every shot that goes through the net and is long enough, some shots each. `share` gives the
    processor threads for each of so many tasks."""
    shots = [shot for one in plan.shots if (shot := looked_at(one)) is not None]
    parts = [tuple(shots[start : start + _BATCH]) for start in range(0, len(shots), _BATCH)]
    threads = share(len(parts))
    return [_task(number, RemainderRequest(part, order), needs, threads) for number, part in enumerate(parts)]


def _task(number: int, request: RemainderRequest, needs: tuple[str, ...], threads: int) -> Task:
    params: dict[str, JSON] = {"request": records.to_data(request)}
    return Task(
        f"remainder/{number:04d}",
        "footlights.pipeline.lookops:remainder",
        VERSION,
        params,
        needs=needs,
        resources=Resources(threads, memory=2 * 2**30),
        units=FRAMES * len(request.shots),
        priority=70,
    )


def looked_at(shot: ShotPlan) -> ShotPlan | None:
    """The shot with its steps up to the net, without whys; None without a net, or where the shot is too short."""
    if len(shot.slots) < _LEAST:
        return None
    for number, step in enumerate(shot.steps):
        if step.stage == NET:
            steps = tuple(replace(one, why="") for one in shot.steps[: number + 1])
            return ShotPlan(shot.shot, shot.slots, shot.first_field, steps)
    return None


def measure(
    request: RemainderRequest, opened: tuple[Ingest, VideoReader], progress: Callable[[int], None]
) -> Iterator[Remainder]:
    """What is left in each shot; nothing of shots in which the net breaks down."""
    for number, shot in enumerate(request.shots):
        # A net that breaks down here does so again in the shot, where the settings say what is to happen then.
        with suppress(NetError):
            made = _pictures(shot, request.field_order, opened)
            yield remainder(shot.shot, made.luma, made.chroma, instants=max(len(made) // FRAMES, 1))
        progress(FRAMES * (number + 1))


def _pictures(shot: ShotPlan, order: FieldOrder, opened: tuple[Ingest, VideoReader]) -> Clip:
    """What the net makes of a few frames in the middle of a shot."""
    start = shot.slots.start + (len(shot.slots) - FRAMES) // 2
    window = FrameRange(start, start + FRAMES)
    # The middle of a shot of eight frames holds no field of a neighbour.
    blocks = source_blocks(*opened, window, Cuts(shot.slots, starts_late=False, ends_late=False), order)
    stages = [build(step) for step in shot.steps]
    factor = chain.rate_factor(stages)
    wanted = FrameRange(int(window.start * factor), int(window.stop * factor))
    return join([replace(clip, fine=None) for clip in chain.run(stages, blocks, wanted)])


def remainder(shot: int, luma: Plane, chroma: Plane, *, instants: int = 2) -> Remainder:
    """Noise of clean pictures `(T, H, W)` and `(T, 2, H, W)`, `instants` a frame: medians over pairs a frame apart."""
    pairs = [(n, n + instants) for n in range(2 * instants, len(luma) - instants)]
    lit = _typical([luma[n] * np.float32(219) + np.float32(16) for n in range(len(luma))], pairs)
    coloured = [
        _typical([plane * np.float32(224) + np.float32(128) for plane in chroma[:, index]], pairs) for index in (0, 1)
    ]
    return Remainder(shot, round(lit, 3), round(max(coloured), 3), _METHOD)


def _typical(planes: Sequence[Plane], pairs: Sequence[tuple[int, int]]) -> float:
    found = [one.sigma for before, now in pairs if (one := noise.measure(planes[now], planes[before])) is not None]
    return float(np.median(found)) if found else 0.0
