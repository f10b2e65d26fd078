"""Exposure and light: levels, clipping, the colour of the light, and the cast of the blacks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.analysis.base import ANALYSERS, Notes, Scene, Series
from footlights.analysis.view import Codes, FrameView, histogram_of, quantile_of
from footlights.core.reports import ExposureReport, Shot

_EVERY = 5
_METHOD = "luma histogram and chroma means of every fifth frame"
_LIT = 60
"""Luma code from which a sample counts as lit."""
_WHITE = 8.0
"""Chroma codes up to which light counts as white."""
_NEAR = 6.0
"""Chroma codes around the median of the blacks that still count."""
_LEAST, _CALM = 12, 0.5
"""Frames, and share of a shot's frames without flashes, from which flicker is judged."""
_HUES = ((-30, "blue"), (20, "magenta"), (80, "red"), (128, "amber"), (160, "yellow"), (200, "green"), (260, "cyan"))
"""Names by the angle of (Cb, Cr) in degrees, each from its angle to the next; the pure colours of BT.601 lie at -9, 52,
109, 145, 171, 232 and 289."""


@ANALYSERS.add("exposure")
class ExposureAnalyser:
    """Notes levels of every fifth frame, and the blanking at the picture's edges."""

    name: ClassVar[str] = "exposure"
    version: ClassVar[int] = 3
    before: ClassVar[int] = 0
    after: ClassVar[int] = 0
    columns: ClassVar[dict[str, int]] = {
        "exposure.levels": 3,
        "exposure.ends": 2,
        "exposure.light": 3,
        "exposure.black": 2,
        "exposure.mean": 1,
        "exposure.edges": 4,
    }

    def __init__(self, scene: Scene) -> None:
        del scene

    def look(self, views: Sequence[FrameView], notes: Notes) -> None:
        view = views[-1]
        notes.set(view.number, **{"exposure.mean": float(cv2.mean(view.y)[0])})
        if view.number % _EVERY != 1:
            return
        histogram = view.histogram
        share = np.cumsum(histogram) / view.y.size
        levels = np.searchsorted(share, (0.01, 0.5, 0.99))
        luma = cv2.resize(view.y, (view.cb.shape[1], view.cb.shape[0]), interpolation=cv2.INTER_AREA)
        notes.set(
            view.number,
            **{
                "exposure.levels": levels.astype(np.float32),
                "exposure.ends": np.array([share[16], 1 - share[234]]),
                "exposure.light": _light(luma, view.cb, view.cr),
                "exposure.black": _black(luma, view.cb, view.cr),
                "exposure.edges": np.array(_edges(view.y)),
            },
        )


def report(series: Series, shot: Shot, flashes: NDArray[np.bool_]) -> ExposureReport:
    """Conclude for one shot."""
    inside = slice(shot.frames.start, shot.frames.stop)
    levels = _median(series["exposure.levels"][inside])
    ends = _median(series["exposure.ends"][inside])
    light = _median(series["exposure.light"][inside])
    black = _median(series["exposure.black"][inside])
    flashing = flashes[inside].astype(np.int8)
    return ExposureReport(
        luma_low=levels[0],
        luma_median=levels[1],
        luma_high=levels[2],
        black_share=ends[0],
        clipped_share=ends[1],
        light=light_name(light[0], light[1], light[2]),
        chroma_cb=light[0],
        chroma_cr=light[1],
        black_cb=black[0],
        black_cr=black[1],
        flashes=int((np.diff(flashing, prepend=0) > 0).sum()),
        measured_by=_METHOD,
        flicker=_flicker(series["exposure.mean"][inside], flashes[inside]),
    )


def _flicker(mean: NDArray[np.float32], flashes: NDArray[np.bool_]) -> float:
    """Median distance of a frame's mean luma from that of its neighbours, flashes and what is beside them left out.

    The median, because flicker goes on: a lamp that is switched moves single frames, a slow change none."""
    if len(mean) < _LEAST:
        return 0.0
    off = np.abs(mean[1:-1] - (mean[:-2] + mean[2:]) / 2)
    calm = ~(flashes[1:-1] | flashes[:-2] | flashes[2:]) & np.isfinite(off)
    if calm.sum() < max(_LEAST, _CALM * len(off)):
        return 0.0
    return round(float(np.median(off[calm])), 2)


def light_name(cb: float, cr: float, lit: float) -> str:
    """Name of a light's colour from mean chroma in codes around 0 and the share of lit samples."""
    if not np.isfinite(cb) or lit < 0.01:
        return "dark"
    if np.hypot(cb, cr) < _WHITE:
        return "white"
    angle = float(np.degrees(np.arctan2(cr, cb)))
    angle += 360 if angle < _HUES[0][0] else 0
    return [name for start, name in _HUES if angle >= start][-1]


def active_area(series: Series, width: int, height: int) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the picture inside blanking that is black on every frame of the tape."""
    edges = series["exposure.edges"]
    edges = edges[np.isfinite(edges).all(axis=1)]
    if not len(edges):
        return 0, 0, width, height
    # The tenth percentile: the widest picture that at least a tenth of the frames show; dark scenes show less.
    left, top, right, bottom = (int(value) for value in np.percentile(edges, 10, axis=0))
    return left, top // 2 * 2, width - right, height - bottom // 2 * 2


def _light(luma: Codes, cb: Codes, cr: Codes) -> NDArray[np.float32]:
    """Mean chroma of lit samples, weighted by brightness, and their share."""
    lit = cv2.threshold(luma, _LIT - 1, 0, cv2.THRESH_TOZERO)[1]
    share = cv2.countNonZero(lit) / lit.size
    if share < 0.002:
        return np.array([np.nan, np.nan, share], np.float32)
    weighted = (cv2.sumElems(cv2.multiply(lit, plane, dtype=cv2.CV_32F))[0] for plane in (cb, cr))
    weight = cv2.sumElems(lit)[0]
    return np.array([*(total / weight - 128 for total in weighted), share], np.float32)


def _black(luma: Codes, cb: Codes, cr: Codes) -> NDArray[np.float32]:
    """Chroma of the darkest two per cent, where they are really dark: mean of what lies near their median, which alone
    would count whole codes. Blanking (exactly 16) does not count."""
    inner = histogram_of(luma)
    inner[:17] = 0
    if inner.sum() < 500:
        return np.full(2, np.nan, np.float32)
    limit = min(quantile_of(inner, 0.02), 40.0)
    dark = cv2.inRange(luma, 17, int(limit))
    if cv2.countNonZero(dark) < 50:
        return np.full(2, np.nan, np.float32)
    return np.array([_middle(histogram_of(plane, dark)) - 128 for plane in (cb, cr)], np.float32)


def _middle(histogram: NDArray[np.intp]) -> float:
    codes = np.arange(len(histogram))
    near = np.abs(codes - quantile_of(histogram, 0.5)) <= _NEAR
    return float((histogram * codes)[near].sum() / histogram[near].sum())


def _edges(y: Codes) -> tuple[int, int, int, int]:
    """Width of black at the left, top, right and bottom, in samples."""
    columns, rows = y.max(axis=0) > 30, y.max(axis=1) > 30
    if not columns.any() or not rows.any():
        return 0, 0, 0, 0
    height, width = y.shape
    left, right = int(columns.argmax()), int(columns[::-1].argmax())
    top, bottom = int(rows.argmax()), int(rows[::-1].argmax())
    return min(left, width // 4), min(top, height // 4), min(right, width // 4), min(bottom, height // 4)


def _median(rows: NDArray[np.float32]) -> list[float]:
    known = [column[np.isfinite(column)] for column in rows.T]
    return [round(float(np.median(column)), 4) if len(column) else 0.0 for column in known]
