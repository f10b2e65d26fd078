"""Halos beside edges, along the line and across the lines: what detail circuits and a deck's peaking left there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from footlights.analysis.base import ANALYSERS, Notes, Scene, Series
from footlights.analysis.view import FrameView
from footlights.core.reports import Shot
from footlights.core.tape_reports import HaloReport
from footlights.metrics import halos, halosacross

_EVERY, _PHASE = 10, 7
_ACROSS = 30
"""Frames between those whose edges across the lines are looked at."""
_METHOD = (
    "every tenth frame: mean of the steepest free-standing edges along the line, up and down apart; "
    "every thirtieth: the strongest tenth of those across the lines"
)


@ANALYSERS.add("halos")
class HaloAnalyser:
    """Notes the step responses of one field of every tenth frame, the parities in turn, and their edges' number; of
    every thirtieth those across the lines as well."""

    name: ClassVar[str] = "halos"
    version: ClassVar[int] = 3
    before: ClassVar[int] = 0
    after: ClassVar[int] = 0
    columns: ClassVar[dict[str, int]] = {
        "halos.up": len(halos.PLACES),
        "halos.down": len(halos.PLACES),
        "halos.edges": 2,
        "halos.across": 4 * len(halosacross.SHARES),
        "halos.across_edges": 2,
    }

    def __init__(self, scene: Scene) -> None:
        self._interlaced = scene.signal.field_order.interlaced

    def look(self, views: Sequence[FrameView], notes: Notes) -> None:
        view = views[-1]
        if view.number % _EVERY != _PHASE:
            return
        parity = (view.number // _EVERY + view.number // _ACROSS) % 2
        seen = view.fields[parity] if self._interlaced else view.y
        up, down = halos.measure(seen)
        notes.set(view.number, **{"halos.edges": np.array([up.number, down.number], np.float32)})
        notes.set(view.number, **{"halos.up": up.profile, "halos.down": down.profile})
        if view.number % _ACROSS == _PHASE:
            rising, falling = halosacross.measure(seen)
            counts = (rising.above, rising.below, falling.above, falling.below)
            notes.set(view.number, **{"halos.across": np.concatenate(counts)})
            notes.set(view.number, **{"halos.across_edges": np.array([rising.number, falling.number], np.float32)})


def report(series: Series, shot: Shot) -> HaloReport:
    """Conclude for one shot: the mean of its pictures, by the number of their edges."""
    inside = slice(shot.frames.start, shot.frames.stop)
    counts = np.nan_to_num(series["halos.edges"][inside]).astype(int)
    up = _mean(series["halos.up"][inside], counts[:, 0])
    down = _mean(series["halos.down"][inside], counts[:, 1])
    before, behind = halos.overshoot(halos.common(up, down))
    rising, falling = (tuple(round(float(value), 4) for value in one.profile) for one in (up, down))
    outlines, across = _across(series["halos.across"][inside], series["halos.across_edges"][inside])
    return HaloReport(
        round(before, 4), round(behind, 4), (up.number, down.number), rising, falling, *outlines, across, _METHOD
    )


def _across(rows: NDArray[np.float32], counts: NDArray[np.float32]) -> tuple[tuple[float, float], tuple[int, int]]:
    """What edges across the lines share on either side, whichever way they go, and their numbers."""
    sides = np.nan_to_num(rows).reshape(-1, 2, 2, len(halosacross.SHARES)).sum(axis=0)
    rising, falling = (int(one) for one in np.nan_to_num(counts).sum(axis=0))
    up, down = (
        halosacross.Outlines(above, below, number)
        for (above, below), number in zip(sides, (rising, falling), strict=True)
    )
    above, below = halosacross.shared(up, down)
    return (round(above, 4), round(below, 4)), (rising, falling)


def _mean(rows: NDArray[np.float32], counts: NDArray[np.int_]) -> halos.Edges:
    return halos.together([halos.Edges(row, int(count)) for row, count in zip(rows, counts, strict=True) if count])
