"""Plots as SVG text: no script, no font, nothing loaded from anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from html import escape
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from footlights.core.reports import Survey
from footlights.core.source import GapKind
from footlights.core.time import clock

_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 1000, 120, 46, 18
_POINTS = 900
_LIGHTS = {
    "white": "#d8d4c8", "red": "#c0392b", "amber": "#d68910", "yellow": "#cdbb2a", "green": "#3d9140",
    "cyan": "#2a9d9d", "blue": "#3455b4", "magenta": "#a63d9c", "dark": "#3a3a42",
}  # fmt: skip
_GAPS = {GapKind.LOST: "#ff4d4d", GapKind.DUPLICATE: "#ffb347", GapKind.DAMAGED: "#ff4dd2"}


@dataclass(frozen=True, slots=True)
class Plot:
    """A curve over the tape."""

    title: str
    unit: str
    values: NDArray[np.float32]
    """One per frame, NaN where not measured."""
    low: float = 0.0
    """The axis begins here unless values lie below: axes are never cut short to look dramatic."""


def curve(plot: Plot, rate: Fraction, marks: Sequence[int]) -> str:
    """The plot as an SVG element; `marks` are frames where a shot begins."""
    frames = len(plot.values)
    x, y_low, y_high = _envelope(plot.values)
    if not len(x):
        return _empty(plot)
    bottom, top = min(plot.low, float(y_low.min())), float(y_high.max())
    top = top if top > bottom else bottom + 1
    to_x = (_WIDTH - _LEFT) / max(frames - 1, 1)
    to_y = (_HEIGHT - _BOTTOM - 8) / (top - bottom)
    upper = [(_LEFT + a * to_x, _HEIGHT - _BOTTOM - (b - bottom) * to_y) for a, b in zip(x, y_high, strict=True)]
    lower = [(_LEFT + a * to_x, _HEIGHT - _BOTTOM - (b - bottom) * to_y) for a, b in zip(x, y_low, strict=True)]
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in [*upper, *reversed(lower)])
    cuts = "".join(
        f'<line class="cut" x1="{_LEFT + m * to_x:.1f}" x2="{_LEFT + m * to_x:.1f}" y1="4" y2="{_HEIGHT - _BOTTOM}"/>'
        for m in marks
        if m
    )
    label = f"{plot.title}: {float(np.nanmin(plot.values)):.3g} to {float(np.nanmax(plot.values)):.3g} {plot.unit}"
    return (
        f'<svg class="plot" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(label)}">'
        f"<title>{escape(label)}</title>{cuts}"
        f'<polygon points="{points}"/>'
        f'<text x="{_LEFT - 4}" y="14" class="axis end">{top:.3g}</text>'
        f'<text x="{_LEFT - 4}" y="{_HEIGHT - _BOTTOM}" class="axis end">{bottom:.3g}</text>'
        f"{_time_axis(frames, rate)}</svg>"
    )


def timeline(survey: Survey, rate: Fraction) -> str:
    """Shots as coloured bars (colour of their light), gaps and dropouts as ticks below."""
    to_x = (_WIDTH - _LEFT) / max(survey.frames, 1)
    parts = []
    for report in survey.shots:
        frames = report.shot.frames
        left, width = _LEFT + frames.start * to_x, max(len(frames) * to_x - 1, 1)
        colour = _LIGHTS.get(report.exposure.light, "#888")
        label = (
            f"Shot {report.shot.index}: frames {frames.start} to {frames.stop}, {report.exposure.light} light, "
            f"begins by {report.shot.entry}"
        )
        parts.append(
            f'<a href="#shot-{report.shot.index}"><rect x="{left:.1f}" y="10" width="{width:.1f}" height="34" '
            f'fill="{colour}"><title>{escape(label)}</title></rect></a>'
        )
        if report.dropouts.count:
            parts.append(
                _tick(left, width, 50, "#7fb3ff", f"{report.dropouts.count} dropouts in shot {report.shot.index}")
            )
        if report.exposure.flashes:
            parts.append(
                _tick(left, width, 58, "#ffff88", f"{report.exposure.flashes} flashes in shot {report.shot.index}")
            )
    for gap in survey.gaps:
        label = f"{gap.kind} at {gap.timecode}: {gap.evidence}"
        width = max((gap.stop - gap.start) * to_x, 2)
        parts.append(_tick(_LEFT + gap.start * to_x, width, 66, _GAPS[gap.kind], label))
    return (
        f'<svg class="plot" viewBox="0 0 {_WIDTH} 96" role="img" aria-label="{len(survey.shots)} shots">'
        f"{''.join(parts)}{_time_axis(survey.frames, rate, 96)}</svg>"
    )


def _tick(left: float, width: float, top: int, colour: str, label: str) -> str:
    return (
        f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="6" fill="{colour}">'
        f"<title>{escape(label)}</title></rect>"
    )


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


def _time_axis(frames: int, rate: Fraction, height: int = _HEIGHT) -> str:
    seconds = float(frames / rate)
    step = next((s for s in (0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1200, 3600) if seconds / s <= 10), 7200)
    marks = []
    moment = 0.0
    while moment <= seconds and isfinite(seconds):
        x = _LEFT + moment / max(seconds, 1e-9) * (_WIDTH - _LEFT)
        anchor = "end" if x > _WIDTH - 20 else "middle" if moment else "start"
        marks.append(f'<text x="{x:.0f}" y="{height - 4}" class="axis {anchor}">{clock(moment)}</text>')
        moment += step
    return "".join(marks)


def _empty(plot: Plot) -> str:
    return f'<p class="quiet">{escape(plot.title)}: not measured.</p>'
