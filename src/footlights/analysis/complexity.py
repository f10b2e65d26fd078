"""Complexity: spatial and temporal information (ITU-T P.910) and motion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import cv2
import numpy as np

from footlights.analysis.base import ANALYSERS, Notes, Scene, Series
from footlights.analysis.view import SMALL_WIDTH, FrameView
from footlights.core.reports import ComplexityReport, Shot

_EVERY = 5
_METHOD = "ITU-T P.910 on every fifth frame of luma (maximum over the shot); motion from dense flow between fields"


@ANALYSERS.add("complexity")
class ComplexityAnalyser:
    """Notes SI and TI of every fifth frame."""

    name: ClassVar[str] = "complexity"
    version: ClassVar[int] = 1
    before: ClassVar[int] = 1
    after: ClassVar[int] = 0
    columns: ClassVar[dict[str, int]] = {"complexity.spatial": 1, "complexity.temporal": 1}

    def __init__(self, scene: Scene) -> None:
        del scene

    def look(self, views: Sequence[FrameView], notes: Notes) -> None:
        if len(views) < 2 or views[-1].number % _EVERY != 1:
            return
        now, before = views[-1].y, views[-2].y
        across, down = (cv2.Sobel(now, cv2.CV_32F, dx, dy)[1:-1, 1:-1] for dx, dy in ((1, 0), (0, 1)))
        _, spatial = cv2.meanStdDev(cv2.magnitude(across, down))
        _, temporal = cv2.meanStdDev(cv2.subtract(now, before, dtype=cv2.CV_32F))
        notes.set(
            views[-1].number,
            **{"complexity.spatial": float(spatial[0, 0]), "complexity.temporal": float(temporal[0, 0])},
        )


def report(series: Series, shot: Shot, width: int) -> ComplexityReport:
    """Conclude for one shot of pictures `width` samples wide."""
    inside = slice(shot.frames.start + 1, shot.frames.stop)
    motion = series["shots.motion"][inside] * (width / SMALL_WIDTH)
    return ComplexityReport(
        spatial=_highest(series["complexity.spatial"][inside]),
        temporal=_highest(series["complexity.temporal"][inside]),
        motion=round(float(np.nanmedian(motion)), 2) if np.isfinite(motion).any() else 0.0,
        measured_by=_METHOD,
    )


def _highest(values: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> float:
    known = values[np.isfinite(values)]
    return round(float(known.max()), 2) if len(known) else 0.0
