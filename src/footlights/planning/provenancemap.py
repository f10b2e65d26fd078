"""The provenance map: for every place of every output frame, where it comes from. Pure.

A grey value per place, on a raster of the tape's own lines inside the picture by an eighth of its samples: fine enough
to tell the lines of the two fields apart, small enough to lie beside the master.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from footlights.core.plans import NET_FAILED, Intervention, Region, RestorationPlan, ShotPlan, Step, Value
from footlights.core.time import FrameRange, SpanKind, TimeMap
from footlights.planning.provenance import FACES, FILTERS, LEARNED, NO_REPAIR, OWN_NET, RATE
from footlights.planning.timeline import output_range

_COLUMN = 8
"""Samples of the tape in one column of the map."""


class Origin(IntEnum):
    """Where a place comes from; the grey value of the map."""

    RECORDED = 0
    """On a line that the picture's own field or frame recorded, only converted."""
    FILTERED = 51
    """On such a line, changed by filters."""
    INTERPOLATED = 102
    """Made by filters from neighbours."""
    LEARNED = 153
    """Come out of a trained net that sees the tape."""
    REPEATED = 204
    """A neighbour held."""
    GENERATED = 255
    """Detail that a net holds for likely: a restored face, or the user's own net."""


@dataclass(frozen=True, slots=True)
class ShotLook:
    """What the map needs to know of one shot."""

    frames: FrameRange
    """Output frames."""
    usual: int
    """Origin of the lines of the picture's own field."""
    failed: int
    """The same where filters took over from a net."""
    woven: bool
    """Whether the other field's lines are interpolated (where `usual` is no net's)."""
    first_line: int
    """0 or 1: the line on which the first field of a frame begins, counted in the map."""
    crop: tuple[int, int, int, int]
    """Left, top, right, bottom, in samples and lines of the tape."""
    pillar: tuple[int, int]
    """Black columns on either side, and columns of the master."""


@dataclass(frozen=True, slots=True)
class MapRequest:
    """Everything the map is drawn from besides what the pieces record."""

    size: tuple[int, int]
    """Columns and lines."""
    tape: tuple[int, int]
    """Samples and lines."""
    time_map: TimeMap
    shots: tuple[ShotLook, ...]


def request(plan: RestorationPlan, tape: tuple[int, int]) -> MapRequest:
    """The map of a plan for a tape of so many samples and lines."""
    factor, step = plan.time_map.instants, plan.time_map.step
    shots = tuple(
        _look(shot, output_range(plan.shots, index, factor, step), factor, plan.width)
        for index, shot in enumerate(plan.shots)
    )
    left, top, right, bottom = shots[0].crop
    size = (-(-(tape[0] - left - right) // _COLUMN), tape[1] - top - bottom)
    return MapRequest(size, tape, plan.time_map, shots)


def frame_map(asked: MapRequest, shot: ShotLook, frame: int, touched: Sequence[Intervention]) -> NDArray[np.uint8]:
    """`(lines, columns)`: the origins of one output frame, by what was done to it."""
    columns, lines = asked.size
    if any(one.kind == RATE for one in touched) or _kind(asked.time_map, frame) is SpanKind.REPEATED:
        return np.full((lines, columns), Origin.REPEATED, np.uint8)
    failed = any(one.kind == NET_FAILED for one in touched)
    usual = shot.failed if failed else shot.usual
    by_net = usual >= Origin.LEARNED
    drawn = np.full((lines, columns), usual, np.uint8)
    if shot.woven and not by_net:
        instant = int(frame * asked.time_map.step)
        drawn[(shot.first_line + instant + 1) % 2 :: 2] = Origin.INTERPOLATED
    for one in touched:
        if one.kind == FACES:
            _fill(drawn, one.regions, Origin.GENERATED, shot, None)
        elif one.kind not in NO_REPAIR and not by_net:
            _fill(drawn, one.regions, Origin.INTERPOLATED, shot, asked.tape)
    if asked.time_map.between(frame):
        drawn[drawn < Origin.GENERATED] = Origin.INTERPOLATED
    return drawn


def _look(shot: ShotPlan, frames: FrameRange, factor: int, width: int) -> ShotLook:
    names = [step.stage for step in shot.steps]
    scaled: dict[str, Value] = next((step.params for step in shot.steps if step.stage.startswith("upscale.")), {})
    crop = scaled.get("crop", (0, 0, 0, 0))
    pillar = scaled.get("pillar", 0)
    fields = next((step.params for step in shot.steps if "top_first" in step.params), {})
    assert isinstance(crop, tuple)
    assert isinstance(pillar, int)
    left, top, right, bottom = (int(side) for side in crop)
    first = 0 if fields.get("top_first", True) else 1
    usual = _own(shot.steps)
    if OWN_NET in names:
        usual = Origin.GENERATED
    elif any(name in LEARNED for name in names):
        usual = Origin.LEARNED
    return ShotLook(
        frames=frames,
        usual=usual,
        failed=_own(shot.instead or shot.steps),
        woven=factor == 2 and "deinterlace.match" not in names,
        first_line=(first - top) % 2,
        crop=(left, top, right, bottom),
        pillar=(pillar, width),
    )


def _own(steps: Sequence[Step]) -> Origin:
    filtered = any(step.stage in FILTERS for step in steps)
    return Origin.FILTERED if filtered else Origin.RECORDED


def _kind(times: TimeMap, frame: int) -> SpanKind:
    low, high = 0, len(times.spans) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if times.spans[middle].out.stop <= frame else (low, middle)
    return times.spans[low].kind


def _fill(
    drawn: NDArray[np.uint8],
    regions: Sequence[Region],
    origin: Origin,
    shot: ShotLook,
    tape: tuple[int, int] | None,
) -> None:
    """Draw regions of the tape's raster, or of the master's where no tape is given; none stand for the whole."""
    lines, columns = drawn.shape
    if tape is None:
        pillar, width = shot.pillar
        across, down = (width, pillar, width - 2 * pillar), (1, 0, 1)
    else:
        left, top, right, bottom = shot.crop
        across, down = (tape[0], left, tape[0] - left - right), (tape[1], top, tape[1] - top - bottom)
    for one in regions or (Region(0, 0, 1000, 1000),):
        x = [_place(value, across, columns) for value in (one.left, one.right)]
        y = [_place(value, down, lines) for value in (one.top, one.bottom)]
        drawn[int(y[0]) : int(-(-y[1] // 1)), int(x[0]) : int(-(-x[1] // 1))] = origin


def _place(thousandths: int, axis: tuple[int, int, int], count: int) -> float:
    """From thousandths of a raster to the map: whole, cut off before, shown."""
    whole, before, shown = axis
    return min(max((thousandths / 1000 * whole - before) / shown * count, 0.0), float(count))
