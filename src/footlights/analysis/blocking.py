"""Blocking: the grid of a block transform in the picture, along the line, on fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from footlights.analysis.base import ANALYSERS, Notes, Scene, Series
from footlights.analysis.view import FrameView
from footlights.core.reports import Shot
from footlights.core.tape_reports import BlockingReport
from footlights.metrics import blocking

_EVERY = 10
_METHOD = "every tenth frame: steps every eight samples against steps elsewhere, where the picture is smooth"
_CERTAIN = (2.0, 5.0)
"""Strength over its spread from which a grid is believed at all, and surely."""


@ANALYSERS.add("blocking")
class BlockingAnalyser:
    """Notes one field of every tenth frame, the parities in turn."""

    name: ClassVar[str] = "blocking"
    version: ClassVar[int] = 1
    before: ClassVar[int] = 0
    after: ClassVar[int] = 0
    columns: ClassVar[dict[str, int]] = {"blocking.grid": 3}

    def __init__(self, scene: Scene) -> None:
        del scene

    def look(self, views: Sequence[FrameView], notes: Notes) -> None:
        view = views[-1]
        if view.number % _EVERY != 4:
            return
        found = blocking.measure(view.fields[view.number // _EVERY % 2])
        if found is not None:
            notes.set(view.number, **{"blocking.grid": np.array(found, np.float32)})


def report(series: Series, shot: Shot) -> BlockingReport:
    """Conclude for one shot."""
    rows = series["blocking.grid"][shot.frames.start : shot.frames.stop]
    rows = rows[np.isfinite(rows).all(axis=1)]
    if not len(rows):
        return BlockingReport(0.0, 0, 0.0, f"{_METHOD}: nothing smooth to look at")
    phases = rows[:, 1].astype(int)
    phase = int(np.bincount(phases, minlength=blocking.BLOCK).argmax())
    same = phases == phase
    certainty = float(np.median(rows[same, 2])) * float(same.mean())
    confidence = float(np.clip((certainty - _CERTAIN[0]) / (_CERTAIN[1] - _CERTAIN[0]), 0, 1))
    return BlockingReport(round(float(np.median(rows[same, 0])), 3), phase, round(confidence, 3), _METHOD)
