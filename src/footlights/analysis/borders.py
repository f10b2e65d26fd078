"""Borders: what of the raster carries no picture: blank sides, letterbox lines, and the head-switching band.

Below the head switch the lines come from another head and begin late, each later than the one above it. So two things
show a band: the last line resembles the line above it best when it is moved sideways, and from there upwards lines
resemble their neighbours less than elsewhere. An edge of the scene near the bottom has the second alone. Where the
floor shows nothing that lines could resemble, a third does: the black on both sides of the picture moves with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.analysis.base import ANALYSERS, Notes, Scene, Series
from footlights.analysis.view import Codes, FrameView
from footlights.core.reports import BorderReport, Shot

Likeness = NDArray[np.float32]
_EVERY = 5
_METHOD = (
    "every fifth frame: black beside the picture; likeness of the lowest field lines to the line above each, and where "
    "they begin and end"
)
_LOWEST = 20
"""Field lines from the bottom that are looked at."""
_SURE = 8
"""The uppermost of them say how alike neighbours are in this picture."""
_LAGS = np.arange(-48, 49, 3)
"""Samples by which the last line is moved against the one above it."""
_END = 24
"""Samples at either end of a line that are left out: blanking resembles itself whatever the picture does."""
_BLANK = 28.0
"""Code that no nine neighbours on a blank line exceed in the mean."""
_CONTRAST = 1.2
"""Codes of contrast along a line below which its shape says nothing."""
_LESS_ALIKE = (0.1, 0.3)
"""What the lines of a band lack in likeness at least, and as a share of what the last line lacks."""
_GAIN = 0.05
"""By how much more the last line resembles the one above it when it is moved, for a band to be believed."""
_LEAST_FRAMES = 2
_LIT = 40.0
"""Code from which a sample is picture and not the black beside it."""
_BESIDE = 3
"""Samples of black on either side that are needed to see lines move, and by which a line has moved at least."""
_STEADY = 2
"""Samples by which sound lines may begin and end elsewhere than most of them."""
_MOVED_FIELDS = (0.25, 0.6)
"""Share of the fields in which a line of a band is off its place at least, and in which the last one is."""


@ANALYSERS.add("borders")
class BorderAnalyser:
    """Notes both for every fifth frame."""

    name: ClassVar[str] = "borders"
    version: ClassVar[int] = 2
    before: ClassVar[int] = 0
    after: ClassVar[int] = 0
    columns: ClassVar[dict[str, int]] = {
        "borders.blank": 4,
        "borders.likeness": _LOWEST,
        "borders.moved": len(_LAGS),
        "borders.displaced": _LOWEST,
    }

    def __init__(self, scene: Scene) -> None:
        del scene

    def look(self, views: Sequence[FrameView], notes: Notes) -> None:
        view = views[-1]
        if view.number % _EVERY != 2:
            return
        blank = _blank(view.y)
        notes.set(view.number, **{"borders.blank": np.array(blank, np.float32)})
        dark = (blank[3] + 1) // 2
        if view.y.shape[0] < 8 * _LOWEST or view.y.shape[1] < 8 * _END or dark > _LOWEST // 2:
            return
        lowest = [field[-_LOWEST - 1 - dark : len(field) - dark] for field in view.fields]
        shapes = [_shape(field) for field in lowest]
        notes.set(
            view.number,
            **{
                "borders.likeness": np.mean([_alike(one[1:], one[:-1]) for one in shapes], axis=0),
                "borders.moved": np.mean([_moved(one[-1], one[-2]) for one in shapes], axis=0),
                "borders.displaced": np.mean([_displaced(field[1:]) for field in lowest], axis=0),
            },
        )


def report(series: Series, shot: Shot) -> BorderReport:
    """Conclude for one shot."""
    inside = slice(shot.frames.start, shot.frames.stop)
    blank = series["borders.blank"][inside]
    blank = blank[np.isfinite(blank).all(axis=1)]
    left, top, right, bottom = (int(value) for value in blank.min(axis=0)) if len(blank) else (0, 0, 0, 0)
    likeness, moved = (_mean(series[name][inside]) for name in ("borders.likeness", "borders.moved"))
    lines, confidence = max(_band(likeness, moved), _beside(_mean(series["borders.displaced"][inside])))
    return BorderReport(left, top, right, bottom, lines + (bottom + 1) // 2 if lines else 0, confidence, _METHOD)


def _band(likeness: Likeness | None, moved: Likeness | None) -> tuple[int, float]:
    """Torn field lines above the blank ones, and the confidence in that."""
    if likeness is None or moved is None:
        return 0, 0.0
    usual = float(np.median(likeness[:_SURE]))
    lacking = usual - likeness
    limit = max(_LESS_ALIKE[0], _LESS_ALIKE[1] * float(lacking[-1]))
    gain = float(moved.max() - moved[len(_LAGS) // 2])
    if lacking[-1] < limit:
        return 0, round(min(1.0, max(0.0, usual - 0.3) / 0.4), 3)
    if gain < _GAIN:
        # An edge of the scene, or a band in which nothing can be recognised.
        return 0, 0.0
    torn = lacking > limit
    height = len(torn) if torn.all() else int(np.argmin(torn[::-1]))
    return (height, round(min(1.0, gain / (4 * _GAIN)), 3)) if height <= len(torn) - _SURE else (0, 0.0)


def _beside(displaced: Likeness | None) -> tuple[int, float]:
    """The same by the black beside the picture: lowest lines that it moves with, and the share of fields it does in."""
    if displaced is None or displaced[-1] < _MOVED_FIELDS[1]:
        return 0, 0.0
    torn = displaced >= _MOVED_FIELDS[0]
    height = len(torn) if torn.all() else int(np.argmin(torn[::-1]))
    return (height, round(float(displaced[-1]), 3)) if height <= len(torn) - _SURE else (0, 0.0)


def _mean(rows: Likeness) -> Likeness | None:
    """Mean of the rows that were measured; None where there are too few."""
    known = rows[np.isfinite(rows).all(axis=1)]
    return np.asarray(known.mean(axis=0), np.float32) if len(known) >= _LEAST_FRAMES else None


def _shape(lines: Codes) -> Likeness:
    """Lines without their noise, their mean taken out locally."""
    smooth = cv2.blur(lines.astype(np.float32), (5, 1))
    return np.ascontiguousarray((smooth - cv2.blur(smooth, (61, 1)))[:, _END:-_END])


def _alike(lines: Likeness, others: Likeness) -> Likeness:
    """Correlation of each line with another, -1..1; NaN where either has no shape."""
    power = [np.einsum("lx,lx->l", one, one) for one in (lines, others)]
    floor = _CONTRAST**2 * lines.shape[1]
    alike = np.einsum("lx,lx->l", lines, others) / np.sqrt(np.maximum(power[0] * power[1], floor**2))
    return np.where((power[0] < floor) | (power[1] < floor), np.nan, alike).astype(np.float32)


def _moved(line: Likeness, other: Likeness) -> Likeness:
    """Correlation of a line moved by each of `_LAGS` with another line."""
    reach = int(_LAGS[-1])
    kept = other[reach:-reach]
    moved = np.lib.stride_tricks.sliding_window_view(line, len(kept))[:: int(_LAGS[1] - _LAGS[0])]
    return _alike(moved, np.broadcast_to(kept, moved.shape))


def _displaced(lines: Codes) -> Likeness:
    """Per line 1 where it begins and ends off the place of the uppermost ones, to the same side; NaN where those have
    no common place or no black beside them.

    A dark thing in the corner of the scene moves one end alone.
    """
    lit = cv2.blur(lines, (5, 1)) > _LIT
    if not lit[:_SURE].any(axis=1).all():
        return np.full(len(lines), np.nan, np.float32)
    begin, end = lit.argmax(axis=1).astype(np.int64), lit.shape[1] - lit[:, ::-1].argmax(axis=1)
    usual = np.median(begin[:_SURE]), np.median(end[:_SURE])
    off = np.stack([begin - usual[0], end - usual[1]])
    if min(usual[0], lit.shape[1] - usual[1]) < _BESIDE or np.abs(off[:, :_SURE]).max() > _STEADY:
        return np.full(len(lines), np.nan, np.float32)
    right, left = (off >= _BESIDE).all(axis=0), (off <= -_BESIDE).all(axis=0)
    return ((right | left) & lit.any(axis=1)).astype(np.float32)


def _blank(y: Codes) -> tuple[int, int, int, int]:
    """Width of black at the left, top, right and bottom, in samples; at most a quarter of the side."""
    height, width = y.shape
    # Single bright samples are noise.
    rows = cv2.blur(y, (9, 1)).max(axis=1) > _BLANK
    columns = cv2.blur(y, (1, 9)).max(axis=0) > _BLANK
    if not rows.any() or not columns.any():
        return 0, 0, 0, 0
    left, right = int(columns.argmax()), int(columns[::-1].argmax())
    top, bottom = int(rows.argmax()), int(rows[::-1].argmax())
    return min(left, width // 4), min(top, height // 4), min(right, width // 4), min(bottom, height // 4)
