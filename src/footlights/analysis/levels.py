"""Levels: the codes a tape really uses, and whether its blacks were cut off.

Noise spreads the darkest places over several codes. Where it does not, and a heap of samples lies on one code at the
bottom instead, everything darker was cut off there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from footlights.analysis.base import ANALYSERS, Notes, Scene, Series
from footlights.analysis.view import FrameView, histogram_of
from footlights.core.reports import Shot
from footlights.core.tape_reports import LevelsReport

_EVERY = 5
_METHOD = "luma histogram of every fifth frame, sides and edges left out"
_EDGE = (8, 24)
"""Lines and samples left out at every side: blanking, undershoot of filters."""
_ENDS = (0.001, 0.999)
_HEAP = 4.0
"""How many times more samples the heap holds than the codes above it."""
_DARK = 18
"""Median code up to which a frame shows nothing but black."""


@ANALYSERS.add("levels")
class LevelsAnalyser:
    """Notes both ends and the heap at the bottom for every fifth frame."""

    name: ClassVar[str] = "levels"
    version: ClassVar[int] = 1
    before: ClassVar[int] = 0
    after: ClassVar[int] = 0
    columns: ClassVar[dict[str, int]] = {"levels.ends": 2, "levels.heap": 2}

    def __init__(self, scene: Scene) -> None:
        del scene

    def look(self, views: Sequence[FrameView], notes: Notes) -> None:
        view = views[-1]
        if view.number % _EVERY != 3:
            return
        inner = view.y[_EDGE[0] : -_EDGE[0], _EDGE[1] : -_EDGE[1]]
        if inner.size < 256:
            return
        histogram = histogram_of(inner)
        share = np.cumsum(histogram) / inner.size
        low, middle, high = np.searchsorted(share, (_ENDS[0], 0.5, _ENDS[1]))
        if middle <= _DARK:
            return
        above = float(histogram[low + 1 : low + 5].mean()) if low < 250 else 0.0
        heap = float(share[low]) if histogram[low] > _HEAP * (above + 1) else 0.0
        notes.set(view.number, **{"levels.ends": np.array([low, high]), "levels.heap": np.array([low, heap])})


def report(series: Series, shot: Shot) -> LevelsReport:
    """Conclude for one shot."""
    inside = slice(shot.frames.start, shot.frames.stop)
    ends, heap = (series[f"levels.{name}"][inside] for name in ("ends", "heap"))
    known = np.isfinite(ends).all(axis=1)
    if not known.any():
        return LevelsReport(0.0, 255.0, 0.0, 0, f"{_METHOD}: too dark to tell")
    low, high = (float(value) for value in np.median(ends[known], axis=0))
    return LevelsReport(low, high, round(float(np.median(heap[known, 1])), 4), int(known.sum()), _METHOD)
