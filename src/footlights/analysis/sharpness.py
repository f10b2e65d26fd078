"""Sharpness: the effective resolution of a shot, horizontally along the lines and vertically within a field."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import ClassVar

import numpy as np

from footlights.analysis.base import ANALYSERS, Notes, Scene, Series
from footlights.analysis.view import FrameView
from footlights.core.reports import SharpnessReport, Shot
from footlights.metrics.sharpness import limit, television_lines

_EVERY = 10
_METHOD = (
    "frequency at which the mean line spectrum falls 20 dB below its power-law fit, noise taken out; 80th percentile"
)
_NOISE = 3.0
"""Noise taken out of every spectrum, in codes: more than most tapes have, so that noise never counts as detail."""


@ANALYSERS.add("sharpness")
class SharpnessAnalyser:
    """Notes the limits of every tenth frame."""

    name: ClassVar[str] = "sharpness"
    version: ClassVar[int] = 1
    before: ClassVar[int] = 0
    after: ClassVar[int] = 0
    columns: ClassVar[dict[str, int]] = {"sharpness.horizontal": 1, "sharpness.vertical": 1}

    def __init__(self, scene: Scene) -> None:
        del scene

    def look(self, views: Sequence[FrameView], notes: Notes) -> None:
        view = views[-1]
        if view.number % _EVERY != 1:
            return
        field = view.fields[0]
        edge = field.shape[1] // 36
        inner = field[:, edge:-edge]
        notes.set(
            view.number,
            **{
                "sharpness.horizontal": limit(inner[::2], _NOISE),
                "sharpness.vertical": limit(inner[:, ::4].T, _NOISE),
            },
        )


def report(series: Series, shot: Shot, width: int, shape: Fraction) -> SharpnessReport:
    """Conclude for one shot; `shape` is the picture's width by its height. The sharpest fifth of the frames counts:
    motion blur says nothing of the chain."""
    inside = slice(shot.frames.start, shot.frames.stop)
    horizontal = _sharp(series["sharpness.horizontal"][inside])
    return SharpnessReport(
        horizontal=horizontal,
        vertical=_sharp(series["sharpness.vertical"][inside]),
        lines=round(television_lines(horizontal, width, float(shape))),
        measured_by=_METHOD,
    )


def _sharp(values: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> float:
    known = values[np.isfinite(values)]
    return round(float(np.percentile(known, 80)), 3) if len(known) else 0.0
