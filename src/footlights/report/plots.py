"""Plots as SVG text: no script, no font, nothing loaded from anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from html import escape
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from footlights.core.time import clock

WIDTH, LEFT = 1000, 150
"""Every plot begins at `LEFT` and ends at `WIDTH`, so that one cursor fits all."""
_HEIGHT, _BOTTOM = 120, 18
_POINTS = 900
_MOST_LINES = 300
"""Cuts that are drawn: on average three units apart."""


@dataclass(frozen=True, slots=True)
class Plot:
    """A curve over the tape."""

    title: str
    unit: str
    values: NDArray[np.float32]
    """One per frame, NaN where not measured."""
    low: float = 0.0
    """The axis begins here unless values lie below: axes are never cut short to look dramatic."""
    floor: NDArray[np.float32] | None = None
    """Lower edge of a band whose upper edge are the values."""


def curve(plot: Plot, rate: Fraction, marks: Sequence[int]) -> str:
    """The plot as an SVG element; `marks` are frames where a shot begins."""
    frames = len(plot.values)
    x, y_low, y_high = _envelope(plot.values)
    if not len(x):
        return _empty(plot)
    if plot.floor is not None:
        y_low = _envelope(np.where(np.isfinite(plot.values), plot.floor, np.nan).astype(np.float32))[1]
    bottom, top = min(plot.low, float(y_low.min())), float(y_high.max())
    top = top if top > bottom else bottom + 1
    to_x = (WIDTH - LEFT) / max(frames - 1, 1)
    to_y = (_HEIGHT - _BOTTOM - 8) / (top - bottom)
    upper = [(LEFT + a * to_x, _HEIGHT - _BOTTOM - (b - bottom) * to_y) for a, b in zip(x, y_high, strict=True)]
    lower = [(LEFT + a * to_x, _HEIGHT - _BOTTOM - (b - bottom) * to_y) for a, b in zip(x, y_low, strict=True)]
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in [*upper, *reversed(lower)])
    label = f"{plot.title}: {float(np.nanmin(plot.values)):.3g} to {float(np.nanmax(plot.values)):.3g} {plot.unit}"
    return (
        f'<svg class="plot" data-frames="{frames}" data-at="{_listed(x)}" data-top="{_listed(y_high)}" '
        f'viewBox="0 0 {WIDTH} {_HEIGHT}" role="img" aria-label="{escape(label)}">'
        f"<title>{escape(label)}</title>{cuts(marks, frames, 4, _HEIGHT - _BOTTOM)}"
        f'<polygon points="{points}"/>'
        f'<text x="{LEFT - 4}" y="14" class="axis end">{top:.3g}</text>'
        f'<text x="{LEFT - 4}" y="{_HEIGHT - _BOTTOM}" class="axis end">{bottom:.3g}</text>'
        f"{time_axis(frames, rate)}</svg>"
    )


def cuts(marks: Sequence[int], frames: int, top: int, bottom: int) -> str:
    """Thin lines where shots begin, one path however many; none where they would stand so close that they hide the
    plot."""
    places = sorted({round(LEFT + mark * (WIDTH - LEFT) / max(frames - 1, 1)) for mark in marks if mark})
    if len(places) > _MOST_LINES:
        return ""
    path = "".join(f"M{x} {top}V{bottom}" for x in places)
    return f'<path class="cut" d="{path}"/>' if path else ""


def _listed(values: NDArray[np.int64] | NDArray[np.float32]) -> str:
    """Numbers for the page's cursor."""
    return " ".join(f"{float(value):.4g}" if values.dtype.kind == "f" else str(int(value)) for value in values)


def _envelope(values: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]:
    """Frame numbers with lowest and highest value of each run of frames, so that no spike is lost by thinning."""
    known = np.flatnonzero(np.isfinite(values))
    if not len(known):
        return known, values[:0], values[:0]
    groups = np.array_split(known, min(len(known), _POINTS))
    middle = np.array([group[len(group) // 2] for group in groups])
    low = np.array([values[group].min() for group in groups], np.float32)
    high = np.array([values[group].max() for group in groups], np.float32)
    return middle, low, high


def time_axis(frames: int, rate: Fraction, height: int = _HEIGHT) -> str:
    """Times below a plot of `frames` frames, a handful however long it is."""
    seconds = float(frames / rate)
    step = next((s for s in (0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1200, 3600) if seconds / s <= 10), 7200)
    marks = []
    moment = 0.0
    while moment <= seconds and isfinite(seconds):
        x = LEFT + moment / max(seconds, 1e-9) * (WIDTH - LEFT)
        anchor = "end" if x > WIDTH - 20 else "middle" if moment else "start"
        marks.append(f'<text x="{x:.0f}" y="{height - 4}" class="axis {anchor}">{clock(moment)}</text>')
        moment += step
    return "".join(marks)


def _empty(plot: Plot) -> str:
    return f'<p class="quiet">{escape(plot.title)}: not measured.</p>'
