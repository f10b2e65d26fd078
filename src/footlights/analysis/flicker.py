"""Flicker: whether the light of a shot trembles or pumps everywhere in the picture and all the time, as film, shutters
and nervous exposure make it, and lamps do not.

The steps of the light from field to field (`metrics.flicker`) are summed to its course through the shot. What of the
course is faster than a few frames is flicker; what comes back after the same time again and again is pumping. Either is
believed where all parts of the picture go along by nearly the same share, the dark ones too, where little of the
picture is too dark to tell, and where it goes on through the shot. A strobe, a chase or a lamp that pulses lights some
parts more than others; a flash is one moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from footlights.analysis.base import ANALYSERS, Notes, Scene, Series
from footlights.analysis.view import FrameView
from footlights.core.reports import Shot
from footlights.core.tape_reports import FlickerReport
from footlights.metrics import flicker

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
_METHOD = "steps of the light from field to field, in parts of the picture against the whole"
_FAST, _SLOW = 8.0, 45.0
"""Standard deviations, in fields, of the Gaussians between which pumping lies; flicker is faster than the first."""
_PERIODS = (12, 90)
"""Fields after which pumping may come back, and of these three must fit into a shot."""
_COMES_BACK = 0.6
"""Correlation of the course with itself a period later, from which it pumps."""
_LEAST_FIELDS = 48
_BESIDE = 4
"""Fields around a turn of the light that are not judged."""
_TURN, _FOLLOWS = 0.4, 0.5
"""Logarithm of a gain, and share of the picture that follows it, beyond which the light turned."""
_HALF_SECOND = 30
_GOES_ON = 0.4
"""Share of the flicker of the whole shot that each half second must show."""
_TELLS = 0.8
"""Share of the fields in which a part of the picture must be light enough to tell."""
_ALIKE, _TOGETHER, _LIT, _STEADY, _CALM = (0.5, 0.7), (0.4, 0.6), (0.6, 0.8), (0.6, 0.8), (0.5, 0.7)
"""Where doubt ends and where certainty begins: least share over greatest of what the parts do of what the whole does;
correlation of parts with the whole (that of the fourth lowest); parts that tell; half seconds that flicker; fields
without turns of the light."""
_TREMBLES = (0.04, 0.09)
"""The same for how often a field lies on the other side of the course than the one before it, where nothing pumps: the
rest of a fade does hardly ever."""
_STRONGEST = (0.09, 0.11)
"""The same, downwards, for the standard deviation of the logarithm of the gain: what swings more is a strobe."""


class _Swing(NamedTuple):
    """A part of the course by itself: of the whole picture, and of its parts."""

    whole: Doubles
    parts: Doubles


@ANALYSERS.add("flicker")
class FlickerAnalyser:
    """Notes, per field in the order of time: the step from the field before, how much of the picture follows it, and
    the steps of its parts."""

    name: ClassVar[str] = "flicker"
    version: ClassVar[int] = 1
    before: ClassVar[int] = 1
    after: ClassVar[int] = 0
    columns: ClassVar[dict[str, int]] = {"flicker.step": 2, "flicker.share": 2, "flicker.parts": 2 * flicker.PARTS}

    def __init__(self, scene: Scene) -> None:
        self._first = scene.first_field
        self._last: tuple[int, Floats] | None = None

    def look(self, views: Sequence[FrameView], notes: Notes) -> None:
        view = views[-1]
        lights = [flicker.light(view.fields[self._first ^ later], 16, 235) for later in (0, 1)]
        before = self._last[1] if self._last is not None and self._last[0] == view.number - 1 else None
        self._last = (view.number, lights[1])
        found = [flicker.step(*pair) for pair in ((before, lights[0]), tuple(lights)) if pair[0] is not None]
        steps = [None] * (2 - len(found)) + found
        notes.set(
            view.number,
            **{
                "flicker.step": np.array([np.nan if one is None else one.gain[0] for one in steps]),
                "flicker.share": np.array([np.nan if one is None else one.share for one in steps]),
                "flicker.parts": np.concatenate(
                    [np.full(flicker.PARTS, np.nan) if one is None else one.parts for one in steps]
                ),
            },
        )


def report(series: Series, shot: Shot, flashes: NDArray[np.bool_]) -> FlickerReport:
    """Conclude for one shot."""
    inside = slice(shot.frames.start, shot.frames.stop)
    # The step into the first field of a shot comes from another scene.
    steps = series["flicker.step"][inside].reshape(-1)[1 + shot.first_field :]
    shares = series["flicker.share"][inside].reshape(-1)[1 + shot.first_field :]
    parts = series["flicker.parts"][inside].reshape(-1, flicker.PARTS)[1 + shot.first_field :]
    if len(steps) < _LEAST_FIELDS or not np.isfinite(steps).any():
        return FlickerReport(0.0, 0.0, 0.0, 0.0, _METHOD)
    turned = ~np.isfinite(steps) | (np.abs(steps) > _TURN) | (shares < _FOLLOWS)
    turned |= np.repeat(flashes[inside], 2)[1 + shot.first_field :]
    lit = np.isfinite(parts).mean(axis=0) >= _TELLS
    course = np.cumsum(np.where(turned, 0.0, steps))
    courses = np.cumsum(np.where(turned[:, None], 0.0, np.nan_to_num(parts)), axis=0)
    calm = np.convolve(turned, np.ones(2 * _BESIDE + 1), "same") < 0.5
    both = np.column_stack([course, courses])
    slow = _smooth(both, _FAST)
    fast = _Swing((both - slow)[:, 0], (both - slow)[:, 1:])
    slower = _smooth(both, _SLOW)
    period = _period((slow - slower)[:, 0])
    pumping = _Swing((both - slower)[:, 0], (both - slower)[:, 1:])
    found = [(fast, 0.0)] if not period else [(fast, 0.0), (pumping, period / 2)]
    judged = [_judged(swing, lit, calm, frames) for swing, frames in found]
    return max(judged, key=lambda one: (one.confidence >= 0.5, one.strength))


def _judged(swing: _Swing, lit: NDArray[np.bool_], calm: NDArray[np.bool_], period: float) -> FlickerReport:
    """Size of a swing, and how sure it is not light of the scene."""
    whole, parts = swing.whole[calm], swing.parts[calm][:, lit]
    size = float(np.sqrt(np.mean(whole**2))) if len(whole) > 1 else 0.0
    if size == 0 or not lit.any():
        return FlickerReport(0.0, period, 0.0, 0.0, _METHOD)
    along = (parts * whole[:, None]).sum(axis=0)
    slopes = along / (whole**2).sum()
    together = along / np.sqrt((whole**2).sum() * (parts**2).sum(axis=0) + 1e-12)
    alike = float(slopes.min() / max(slopes.max(), 1e-6))
    pieces = np.array_split(whole, max(1, len(whole) // _HALF_SECOND))
    steady = float(np.mean([np.sqrt(np.mean(piece**2)) >= _GOES_ON * size for piece in pieces]))
    signs = (
        (alike, _ALIKE),
        (float(np.sort(together)[min(3, len(together) - 1)]), _TOGETHER),
        (float(lit.mean()), _LIT),
        (steady, _STEADY),
        (float(calm.mean()), _CALM),
        (period or float((whole[1:] * whole[:-1] < 0).mean()), _TREMBLES),
        (-size, (-_STRONGEST[1], -_STRONGEST[0])),
    )
    sure = min(float(np.clip((value - low) / (high - low), 0, 1)) for value, (low, high) in signs)
    return FlickerReport(round(100 * size, 3), period, round(max(alike, 0.0), 3), round(sure, 3), _METHOD)


def _period(course: Doubles) -> int:
    """Fields after which the course comes back; 0 where it does not, or where fewer than three fit."""
    longest = min(_PERIODS[1], len(course) // 3)
    if longest <= _PERIODS[0]:
        return 0
    course = course - course.mean()
    found = []
    for lag in range(_PERIODS[0], longest + 2):
        early, late = course[:-lag], course[lag:]
        found.append(float((early * late).sum() / np.sqrt((early**2).sum() * (late**2).sum() + 1e-12)))
    peaks = [n for n in range(1, len(found) - 1) if found[n] >= max(found[n - 1], found[n + 1], _COMES_BACK)]
    return _PERIODS[0] + peaks[0] if peaks else 0


def _smooth(rows: Doubles, sigma: float) -> Doubles:
    """Columns under a Gaussian; at the ends they go on as they came, so that a fade stays a fade."""
    reach = min(int(3 * sigma), len(rows) - 1)
    weights = np.exp(-np.square(np.arange(-reach, reach + 1) / sigma) / 2)
    wide = np.pad(rows, ((reach, reach), (0, 0)), mode="reflect", reflect_type="odd")
    out = np.empty_like(rows)
    for column in range(rows.shape[1]):
        out[:, column] = np.convolve(wide[:, column], weights / weights.sum(), "valid")
    return out
