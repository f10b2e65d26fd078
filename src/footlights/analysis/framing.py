"""Framing and haze: where in the picture there is structure, and how much light lies over its shadows.

Haze after the dark channel prior (He, Sun, Tang, CVPR 2009): without haze every small neighbourhood holds something
dark in one of R', G', B'; what its darkest sample shows is light scattered on the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.analysis.base import ANALYSERS, Notes, Scene, Series
from footlights.analysis.view import (
    SMALL_HEIGHT,
    SMALL_WIDTH,
    FrameView,
    histogram_of,
    quantile_of,
    rgb_from_codes,
)
from footlights.core.reports import Shot

_EVERY = 5
ACROSS, DOWN = 8, 6
_PATCH = 9
"""Samples of the small picture: a fifteenth of its height."""
_LEAST_LIGHT = 60.0
"""Brightest code (8 bit, full range) below which a picture is too dark to tell."""


@ANALYSERS.add("framing")
class FramingAnalyser:
    """Notes the layout of every fifth frame, and its haze."""

    name: ClassVar[str] = "framing"
    version: ClassVar[int] = 1
    before: ClassVar[int] = 0
    after: ClassVar[int] = 0
    columns: ClassVar[dict[str, int]] = {"framing.layout": ACROSS * DOWN, "framing.haze": 1}

    def __init__(self, scene: Scene) -> None:
        del scene

    def look(self, views: Sequence[FrameView], notes: Notes) -> None:
        view = views[-1]
        if view.number % _EVERY != 1:
            return
        energy = cv2.resize(view.descriptors[0].energy, (ACROSS, DOWN), interpolation=cv2.INTER_AREA)
        notes.set(view.number, **{"framing.layout": np.log2(energy + 4.0).reshape(-1), "framing.haze": haze(view)})


def haze(view: FrameView) -> float:
    """Median of the dark channel over the brightest light, 0..1; NaN for a dark picture."""
    size = (SMALL_WIDTH, SMALL_HEIGHT)
    planes = (cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in (view.fields[0], view.cb, view.cr))
    y, cb, cr = (np.asarray(plane, np.uint8) for plane in planes)
    red, green, blue = cv2.split(rgb_from_codes(y, cb, cr))
    light = quantile_of(histogram_of(np.asarray(cv2.max(cv2.max(red, green), blue), np.uint8)), 0.99)
    if light < _LEAST_LIGHT:
        return float("nan")
    dark = cv2.erode(cv2.min(cv2.min(red, green), blue), np.ones((_PATCH, _PATCH), np.uint8))
    return quantile_of(histogram_of(np.asarray(dark, np.uint8)), 0.5) / light


def layout_of(series: Series, shot: Shot) -> NDArray[np.float64]:
    """Where the shot has structure, mean 0 and length 1; zeros where nothing was seen."""
    rows = series["framing.layout"][shot.frames.start : shot.frames.stop]
    rows = rows[np.isfinite(rows).all(axis=1)]
    if not len(rows):
        return np.zeros(ACROSS * DOWN)
    middle = np.median(rows, axis=0).astype(np.float64)
    middle -= middle.mean()
    return middle / max(float(np.linalg.norm(middle)), 1e-9)


def haze_of(series: Series, shot: Shot) -> float:
    """Median over the shot, 0 where it was too dark or too short to tell."""
    values = series["framing.haze"][shot.frames.start : shot.frames.stop]
    known = values[np.isfinite(values)]
    return round(float(np.median(known)), 3) if len(known) else 0.0
