"""Time base: lines that stray sideways, the bend at the top of the picture, fields that jump up or down.

Jitter is what stretches on the left and on the right of a line have in common when two frames are compared: noise and
things that move do it on one side only. Its strength and its memory from line to line follow from how much offsets
differ over one line and over six. The bend below the head switch is the same in all fields; edges of the scene are
slanted, but slants stay the same down the picture where the bend fades, so every stretch is asked by how much its slant
at the top exceeds its slant below. A field that jumped lies off the course of the fields before and after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.analysis.base import ANALYSERS, Notes, Scene, Series
from footlights.analysis.view import Descriptor, FrameView
from footlights.core.reports import Shot
from footlights.core.tape_reports import Jump, TimeBaseReport
from footlights.metrics import timebase

Floats = NDArray[np.float32]
_EVERY, _OFTEN = 10, 5
_METHOD = "shifts of stretches of lines against the frame before and against the next line; heights of all fields"
_MEMORY = (0.3, 0.88)
"""Correlation of neighbouring lines that jitter can have; what is smoother is the motion of things."""
_COMMON = (0.2, 0.6)
"""What the halves of a line have in common of their changes from line to line where there is no jitter, and where there
surely is."""
_SPARED = (2, 10)
"""Field lines left out at the top and at the bottom: the bend, and what head switching tears."""
_TOP = 48
"""Field lines in which a bend shows."""
HEIGHTS = (8.0, 16.0)
"""Field lines over which a bend may fall to 1/e; the first unless another explains clearly more."""
_USUAL, _CLEARLY = 0, 1.1
_BLUR = 2.0
_SLANT_SLOPE, _MOST, _WITHIN = 8.0, 50.0, 1.0
_PARTS = 4
"""Parts of the picture from left to right that are asked apart: slants of the scene are not the same in all."""
_TOLD = 1.5
"""Standard error of a bend in samples from which it is not told."""
_REACH = 10
"""Rows of a descriptor by which fields are moved against each other; each is two field lines or more."""
_COURSE = 9
"""Fields whose median is the course of the picture."""
_LONGEST = 3
"""Fields in a row that a jump may last: longer is a camera."""
_LEAST = 1.5
"""Field lines that a jump goes at least."""
_LEAST_FRAMES = 2
_BESIDE, _SMOOTHER = 3, 0.5
"""Fields on either side of a jump whose course has to become smooth when it is taken back, and what may be left of the
roughness. Who walks with a camera lifts and lowers it by lines as well, but on a course that is smooth as it is."""


@ANALYSERS.add("timebase")
class TimeBaseAnalyser:
    """Notes heights of all fields, bends of every fifth frame, changes of every tenth."""

    name: ClassVar[str] = "timebase"
    version: ClassVar[int] = 4
    before: ClassVar[int] = 1
    after: ClassVar[int] = 0
    columns: ClassVar[dict[str, int]] = {
        "timebase.change": 3,
        "timebase.bend": len(HEIGHTS) * (2 * _PARTS + 1),
        "timebase.rise": 3,
    }

    def __init__(self, scene: Scene) -> None:
        self._first = scene.first_field

    def look(self, views: Sequence[FrameView], notes: Notes) -> None:
        view = views[-1]
        early, late = view.in_order(self._first)
        lines = view.y.shape[0] // 2
        rise = [0.0, self._rise(early, late, self._first, lines)]
        if len(views) > 1:
            rise[0] = self._rise(views[-2].in_order(self._first)[1], early, 1 - self._first, lines)
        scale = lines / early.structure.shape[0]
        notes.set(view.number, **{"timebase.rise": np.array([scale * rise[0], scale * rise[1], self._first])})
        if view.number % _OFTEN != 1 or not timebase.measurable(view.y.shape[0] // 2, view.y.shape[1]):
            return
        values = {"timebase.bend": bend([field.astype(np.float32) for field in view.fields])}
        if view.number % _EVERY == 6 and len(views) > 1:
            parity = view.number // _EVERY % 2
            now, before = (one.fields[parity].astype(np.float32) for one in (view, views[-2]))
            values["timebase.change"] = change(now, before)
        notes.set(view.number, **values)

    @staticmethod
    def _rise(before: Descriptor, now: Descriptor, parity_before: int, lines: int) -> float:
        """Rows of the descriptor by which `now` lies lower, the half line between the parities taken out."""
        found = _moved_down(before.structure, now.structure)
        # The bottom field's lines lie half a field line lower, so the same picture is found as much higher in it.
        half = before.structure.shape[0] / lines / 2
        return found + (half if parity_before == 0 else -half)


def report(series: Series, shot: Shot) -> TimeBaseReport:
    """Conclude for one shot."""
    inside = slice(shot.frames.start, shot.frames.stop)
    jitter, memory, sure = _jitter(series["timebase.change"][inside][1:])
    skew, lines, told = _skew(series["timebase.bend"][inside])
    jumps = _jumps(series["timebase.rise"][inside], shot)
    return TimeBaseReport(jitter, memory, sure, skew, lines, told, jumps, _METHOD)


def change(now: Floats, before: Floats) -> Floats:
    """Samples² by which the offsets of lines differ from the next line's and from the second next's in both halves of
    the picture, and by which they do in either alone, between two fields."""
    found = timebase.stretches(now, before)
    kept = slice(_SPARED[0], len(now) - _SPARED[1])
    shift, weight = found.shift[kept], found.weight[kept]
    values, alone = [], 0.0
    for apart in (1, 2):
        differs, sure = shift[apart:] - shift[:-apart], np.minimum(weight[apart:], weight[:-apart])
        halves = [_mean(differs[:, side::2], sure[:, side::2]) for side in (0, 1)]
        known = (halves[0][1] > 1) & (halves[1][1] > 1)
        if known.sum() < _TOP:
            return np.full(3, np.nan, np.float32)
        left, right = (half[0][known] for half in halves)
        values.append(float((left * right).mean()))
        alone = alone or float((left**2 + right**2).mean() / 2)
    return np.array([*values, alone], np.float32)


def bend(fields: Sequence[Floats]) -> Floats:
    """For every height of `HEIGHTS` the bend in samples as each part of the picture shows it, how much each part weighs
    (inverse variance), and the energy that is explained: `(heights × (2 × parts + 1),)`."""
    pairs = [_slants(field) for field in fields]
    slant, weight = (np.stack(planes, axis=1) for planes in zip(*pairs, strict=True))
    count = slant.shape[2] // _PARTS * _PARTS
    parts = [plane[:, :, :count].reshape(_TOP, len(fields), _PARTS, -1) for plane in (slant, weight)]
    found = []
    for height in HEIGHTS:
        own = [[one[:, :, part].reshape(_TOP, -1) for one in parts] for part in range(_PARTS)]
        each = np.array([_bend(slants, weights, height) for slants, weights in own])
        found.append(np.concatenate([each[:, 0], each[:, 1], [each[:, 2].sum()]]))
    return np.concatenate(found).astype(np.float32)


def _jitter(rows: Floats) -> tuple[float, float, float]:
    """Standard deviation in samples, correlation with the next line, confidence."""
    rows = rows[np.isfinite(rows).all(axis=1)]
    if not len(rows):
        return 0.0, 0.0, 0.0
    near, far, alone = (max(float(value), 0.0) for value in np.median(rows, axis=0))
    if near <= 0 or alone <= 0:
        return 0.0, 0.0, 0.0
    # First-order process: offsets k lines apart differ by 4 s² (1 - m^k) between two fields.
    memory = float(np.clip(far / near - 1, *_MEMORY))
    sigma = float(np.sqrt(near / (4 * (1 - memory))))
    common = float(np.clip((near / alone - _COMMON[0]) / (_COMMON[1] - _COMMON[0]), 0, 1))
    return round(sigma, 3), round(memory, 3), round(common, 3)


def _skew(rows: Floats) -> tuple[float, float, float]:
    """Bend of the top line in samples, height in field lines, confidence."""
    rows = rows[np.isfinite(rows).all(axis=1)].reshape(-1, len(HEIGHTS), 2 * _PARTS + 1)
    if len(rows) < _LEAST_FRAMES:
        return 0.0, HEIGHTS[_USUAL], 0.0
    explained = rows[:, :, -1].sum(axis=0)
    at = int(np.argmax(explained))
    at = at if explained[at] > _CLEARLY * explained[_USUAL] else _USUAL
    values, weights = rows[:, at, :_PARTS], rows[:, at, _PARTS : 2 * _PARTS]
    parts = np.array([_weighted_median(values[:, part], weights[:, part]) for part in range(_PARTS)])
    weight = np.minimum(weights.sum(axis=0), np.median(weights.sum(axis=0)) * 3)
    if (weight > 0).sum() < _PARTS - 1:
        return 0.0, HEIGHTS[_USUAL], 0.0
    middle = float(np.average(parts, weights=weight))
    error = float(np.sqrt(np.average((parts - middle) ** 2, weights=weight) / (_PARTS - 1)))
    error = max(error, 1 / float(np.sqrt(weights.sum())))
    return round(middle, 2), HEIGHTS[at], round(max(0.0, 1 - error / _TOLD), 3)


def _weighted_median(values: Floats, weights: Floats) -> float:
    order = np.argsort(values)
    climbing = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(climbing, climbing[-1] / 2)])


def _jumps(rise: Floats, shot: Shot) -> tuple[Jump, ...]:
    """Fields off the course of their neighbours."""
    steps = np.nan_to_num(rise[:, :2].reshape(-1)[1:])
    height = np.concatenate([[0.0], np.cumsum(steps)])
    if len(height) < _COURSE:
        return ()
    wide = np.pad(height, _COURSE // 2, mode="reflect")
    off = height - np.median(np.lib.stride_tricks.sliding_window_view(wide, _COURSE), axis=1)
    found: list[Jump] = []
    number = 0
    while number < len(off):
        stop = number
        while stop < len(off) and abs(off[stop]) >= _LEAST and off[stop] * off[number] > 0:
            stop += 1
        if _sudden(off, number, stop) and _smoother(height, number, stop, off):
            found.extend(
                _jump(shot, place, float(off[place]), int(rise[place // 2, 2])) for place in range(number, stop)
            )
        number = max(stop, number + 1)
    return tuple(found)


def _sudden(off: NDArray[np.float64], start: int, stop: int) -> bool:
    """Whether a few fields leave the course and come back to it from one field to the next, all by one distance."""
    if not 0 < stop - start <= _LONGEST or start == 0 or stop == len(off):
        return False
    inside, outside = off[start:stop], np.abs(off[[start - 1, stop]])
    calm = np.median(np.abs(off))
    return bool(outside.max() < 0.5 and np.ptp(inside) < 1 and np.abs(inside).min() > 4 * calm)


def _smoother(height: NDArray[np.float64], start: int, stop: int, off: NDArray[np.float64]) -> bool:
    """Whether the course is smooth once these fields are back, and was not before."""
    first = max(0, start - _BESIDE)
    course = height[first : stop + _BESIDE].copy()
    before = np.abs(np.diff(course, 2)).sum()
    course[start - first : stop - first] -= np.round(np.mean(off[start:stop]))
    return bool(np.abs(np.diff(course, 2)).sum() < _SMOOTHER * before)


def _jump(shot: Shot, place: int, lines: float, first: int) -> Jump:
    frame, second = divmod(place, 2)
    return Jump(shot.frames.start + frame, first ^ second, round(lines))


def _mean(values: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Mean over the stretches of each line that agree, and how much they weigh."""
    kept = weight
    for _ in range(3):
        mean = (kept * values).sum(axis=1) / (kept.sum(axis=1) + 0.1)
        kept = np.asarray(weight / (1 + ((values - mean[:, None]) / 0.4) ** 2), np.float32)
    total = np.asarray(kept.sum(axis=1), np.float32)
    return np.asarray((kept * values).sum(axis=1) / (total + 0.1), np.float32), total


def _slants(field: Floats) -> tuple[Floats, Floats]:
    """By how much each of the top lines lies to the right of the next, per stretch, and its inverse variance."""
    lines = cv2.GaussianBlur(field[: _TOP + 1], (0, 0), sigmaX=_BLUR, sigmaY=1e-3)[:, timebase.END : -timebase.END]
    count = lines.shape[1] // timebase.STRETCH
    upper, lower = lines[:-1], lines[1:]
    mean, slope = (upper + lower) / 2, np.zeros_like(upper)
    slope[:, 1:-1] = (mean[:, 2:] - mean[:, :-2]) / 2
    differs = upper - lower

    def total(plane: Floats) -> Floats:
        return np.asarray(
            plane[:, : count * timebase.STRETCH].reshape(len(plane), count, timebase.STRETCH).sum(axis=2), np.float32
        )

    both, power = -total(slope * differs), total(slope * slope)
    shift = np.asarray(both / np.maximum(power, _SLANT_SLOPE), np.float32)
    left = np.maximum(total(differs * differs) - both * shift, 0) / timebase.STRETCH
    weight = np.minimum(power / (2 * (left + np.median(left) + 1)), _MOST)
    return shift, np.where(power > _SLANT_SLOPE, weight, 0).astype(np.float32)


def _bend(slant: Floats, weight: Floats, height: float) -> Floats:
    """Bend, its information, and the energy it explains, from slants `(lines, stretches)`."""
    line = np.arange(len(slant), dtype=np.float32)[:, None]
    shape = np.exp(-line / height) - np.exp(-(line + 1) / height)
    kept = weight / (1 + (slant / 1.5) ** 2)
    for _ in range(3):
        total = kept.sum(axis=0) + 1e-6
        own, usual = (kept * slant).sum(axis=0) / total, (kept * shape).sum(axis=0) / total
        lever = (kept * (shape - usual) ** 2).sum(axis=0)
        each = (kept * (shape - usual) * (slant - own)).sum(axis=0) / np.maximum(lever, 0.02)
        off = slant - own - each * (shape - usual)
        kept = weight / (1 + (off / 0.3) ** 2)
    agreed, share = _mode(each, np.where(lever > 0.02, lever, 0))
    plain, bent = slant - own, slant - own - agreed * (shape - usual)
    explained = float((kept * (plain**2 - bent**2)).sum())
    return np.array([agreed, share, explained])


def _mode(values: Floats, weight: Floats) -> tuple[float, float]:
    """What most values agree on, and the weight that does."""
    order = np.argsort(values)
    climbing = np.cumsum(weight[order])
    if climbing[-1] <= 0:
        return 0.0, 0.0
    agreed = float(values[order][np.searchsorted(climbing, climbing[-1] / 2)])
    for _ in range(8):
        kept = weight / (1 + ((values - agreed) / _WITHIN) ** 2) ** 2
        agreed = float((kept * values).sum() / (kept.sum() + 1e-6))
    return agreed, float(kept.sum())


def _product(one: Floats, other: Floats) -> float:
    return float(one.ravel() @ other.ravel())


def _moved_down(before: Floats, now: Floats) -> float:
    """Rows by which `now` lies lower than `before`, to a fraction; NaN where they do not resemble each other."""
    lags = np.arange(-_REACH, _REACH + 1)
    kept = before[_REACH:-_REACH]
    power = float(np.sqrt(_product(kept, kept)))
    climbing = np.concatenate([[0.0], np.cumsum(np.einsum("ij,ij->i", now, now, dtype=np.float64))])
    others = np.sqrt(climbing[len(kept) :] - climbing[: len(lags)])
    products = np.array([_product(kept, now[_REACH + lag : len(now) - _REACH + lag]) for lag in lags])
    alike = products / (power * others + 1e-6)
    at = int(np.argmax(alike))
    if alike[at] < 0.3 or at in (0, len(lags) - 1):
        return float("nan")
    before_, here, after_ = alike[at - 1 : at + 2]
    return float(lags[at] + 0.5 * (before_ - after_) / (before_ - 2 * here + after_ - 1e-12))
