"""Conversions between 50 and 59.94 fields a second by blending, from the beat they leave in the motion.

A converter makes each field of two of the other system, mixed by where its instant lies between them. How well a field
is the mean of its neighbours in time then swings with that share: with r source fields to a field, f = |1 - r| times a
field (every 6.03 fields after PAL to NTSC, 5.03 after NTSC to PAL). With e the mean square difference between a field
and the mean of those around it and d that between the two, e / d is 0.75 where a field is one of the source and 0.10
where it is half of each (r = 0.834, pictures that have nothing in common); other material has no such period. Repeated
pictures have one, but there d swings more than e / d. Light that changes hides it.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import ClassVar, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.analysis.base import ANALYSERS, Notes, Scene, Series
from footlights.analysis.view import Descriptor, FrameView
from footlights.core.reports import Shot
from footlights.core.tape_reports import Conversion, ConversionReport
from footlights.core.time import NTSC_FIELD_RATE

Floats = NDArray[np.float64]
_SMALL = (176, 60)
"""Samples and lines of the pictures that are compared: few lines, so that the fields' own lines matter little."""
_SOFT, _APART, _TAPS = 0.75, 1 / 8, 4
"""Lines of those pictures: standard deviation of the filter across them, how far each field lies from the middle of
both, and reach of the filter."""
_EDGE = (2, 6)
"""Lines and samples left out around them."""
_AROUND = 6
"""Fields on either side whose mean is the course that a field is compared with."""
_STEADY, _LEAST_STEADY = 0.04, 0.6
"""Change of light (of the logarithm) up to which a field is used, and share of fields that must be."""
_FEWEST = 60
"""Fields that are needed for an answer."""
_BESIDE = (0.02, 0.075)
"""Cycles a field: how far from the beat other periods lie that it is held against."""
_SEEN, _OUTSTANDING, _HIGHEST = 0.05, 6.0, 1.4
"""Share of the variance that the beat must explain; times what other periods explain, by their median and at most."""
_CODED, _LONG = 1 / 6, 600
"""Cycles a field of MPEG's pattern of two pictures of type B between others, which comes near the beat of 6.03, and
fields over which the two can be told apart."""
_ALONE = 0.3
"""Share of the variance that must be explained where they cannot: coders do not do so much."""
_SWING = 1.1
"""Of the swing of e / d, how much d itself may have."""
_LITTLE, _ALIKE, _BY_TAPE = 2.0, 0.12, 0.7
"""Times what other periods explain, and periods by which its phase may lie off the tape's, for a shot of a tape that is
converted as a whole; and how sure that makes it."""
_CERTAIN, _SURELY = 0.6, 0.1
"""Share of the variance of a shot, and of the whole tape, from which nothing is doubted."""
_METHOD = (
    "every frame: how well fields are the mean of their neighbours, in small pictures without light, by its period"
)


@ANALYSERS.add("conversion")
class ConversionAnalyser:
    """Notes mean square differences of each field, in the order of exposure, to the field before and the one before
    that."""

    name: ClassVar[str] = "conversion"
    version: ClassVar[int] = 1
    before: ClassVar[int] = 1
    after: ClassVar[int] = 0
    columns: ClassVar[dict[str, int]] = {"conversion.distance": 4}

    def __init__(self, scene: Scene) -> None:
        self._first = scene.first_field
        self._last: tuple[int, list[NDArray[np.float32]]] | None = None

    def look(self, views: Sequence[FrameView], notes: Notes) -> None:
        now = views[-1]
        first, second = self._small(now)
        before = self._last[1] if self._last and self._last[0] == now.number - 1 else None
        if before is None and len(views) > 1:
            before = self._small(views[-2])
        self._last = (now.number, [first, second])
        if before is not None:
            pairs = ((first, before[1]), (first, before[0]), (second, first), (second, before[1]))
            found = [cv2.norm(one, other, cv2.NORM_L2SQR) / one.size for one, other in pairs]
            notes.set(now.number, **{"conversion.distance": np.array(found, np.float32)})

    def _small(self, view: FrameView) -> list[NDArray[np.float32]]:
        parities = (self._first, 1 - self._first)
        return [_reduced(view.descriptors[parity], parity) for parity in parities]


def report(series: Series, shots: Sequence[Shot], slots: Sequence[int], rate: Fraction) -> tuple[ConversionReport, ...]:
    """Conclude for every shot of a tape of `rate` frames a second, whose ingest frames lie at `slots`.

    What all shots together show helps those that alone show too little of it, where their phase is the tape's.
    """
    kind = _kind(rate)
    seen = [_swings(series, shot, slots) if kind else None for shot in shots]
    if kind is None:
        return tuple(_none(0.0) for _ in shots)
    beat = abs(1 - float(_ratio(kind)))
    alone = [_answer(one, kind, beat) if one else None for one in seen]
    known = [one for one in seen if one]
    tape = _answer(_Swings(*map(np.concatenate, zip(*known, strict=True))), kind, beat) if len(known) > 1 else None
    return tuple(_told(kind, beat, own, tape) for own in alone)


class _Answer(NamedTuple):
    """The beat of a shot, or of all of a tape."""

    found: _Swing
    usual: float
    """Share of the variance that other periods explain, by their median."""
    told: bool
    coded: bool
    """That a coder's pattern explains more."""


def _answer(swings: _Swings, kind: Conversion, beat: float) -> _Answer:
    found = _at(swings, beat)
    beside = np.arange(_BESIDE[0], _BESIDE[1], 0.005)
    others = [_at(swings, beat + sign * one).explained for one in beside for sign in (-1, 1)]
    usual = float(np.median(others))
    told = found.explained >= max(_SEEN, _OUTSTANDING * usual, _HIGHEST * max(others))
    coded, long = _at(swings, _CODED).explained, bool(np.ptp(swings.number) >= _LONG)
    if kind is Conversion.PAL_TO_NTSC:
        told &= found.explained >= (_HIGHEST * coded if long else _ALONE)
    return _Answer(found, usual, told and found.distances <= _SWING * found.swing, long and coded > found.explained)


def _told(kind: Conversion, beat: float, own: _Answer | None, tape: _Answer | None) -> ConversionReport:
    """A shot by itself, and among the others."""
    if own is None:
        return _none(0.0)
    apart = abs((own.found.phase - tape.found.phase) / (2 * np.pi) + 0.5) % 1 - 0.5 if tape and tape.told else 0.5
    shared = abs(apart) <= _ALIKE and own.found.explained >= _LITTLE * own.usual
    if not (own.told or shared) or (tape and tape.coded):
        return _none(own.found.explained)
    sign = 1 if kind is Conversion.PAL_TO_NTSC else -1
    phase = sign * own.found.phase / (2 * np.pi) % 1.0
    certain = float(np.clip(own.found.explained / _CERTAIN, 0, 1))
    if shared and tape:
        certain = max(certain, _BY_TAPE * float(np.clip(tape.found.explained / _SURELY, 0, 1)))
    explained = round(own.found.explained, 4)
    return ConversionReport(kind, round(1 / beat, 4), explained, round(phase, 4), round(certain, 3), _METHOD)


def _none(explained: float) -> ConversionReport:
    return ConversionReport(Conversion.NONE, 0.0, round(explained, 4), 0.0, 0.0, _METHOD)


class _Swing(NamedTuple):
    """What a period has to do with the shot."""

    explained: float
    """Share of the variance of e / d."""
    swing: float
    """Half of its swing, as a share of its course."""
    distances: float
    """The same of d."""
    phase: float
    """Radians after the tape's first field at which e / d is greatest."""


class _Swings(NamedTuple):
    """Fields that can be judged."""

    number: Floats
    means: Floats
    """e / d over its course, less 1."""
    distances: Floats
    """d over its course, less 1."""
    weight: Floats


def _kind(rate: Fraction) -> Conversion | None:
    """The conversion that a tape of this rate may have been through."""
    if abs(2 * rate - NTSC_FIELD_RATE) < Fraction(1, 10):
        return Conversion.PAL_TO_NTSC
    return Conversion.NTSC_TO_PAL if abs(rate - 25) < Fraction(1, 10) else None


def _ratio(kind: Conversion) -> Fraction:
    """Fields of the source to one of the tape."""
    return Fraction(50) / NTSC_FIELD_RATE if kind is Conversion.PAL_TO_NTSC else NTSC_FIELD_RATE / 50


def _swings(series: Series, shot: Shot, slots: Sequence[int]) -> _Swings | None:
    """Of the fields of a shot; None where too few of them are lit steadily."""
    inside = slice(shot.frames.start, shot.frames.stop)
    rows = series["conversion.distance"][inside].astype(np.float64).reshape(-1, 2)
    rows[: 2 + shot.first_field] = np.nan  # compared with another shot
    light = series["repeats.light"][inside].astype(np.float64).reshape(-1)
    if len(rows) < _FEWEST:
        return None
    near, far = rows.T
    number = (2 * np.repeat(np.asarray(slots[inside], np.float64), 2) + np.tile((0.0, 1.0), len(rows) // 2))[1:-1]
    apart = far[2:]
    mean = (near[1:-1] + near[2:]) / 2 - apart / 4
    change = np.abs(np.diff(np.log(light)))
    known = np.isfinite(mean) & np.isfinite(apart)
    steady = known & (np.maximum(change[:-1], change[1:]) <= _STEADY)
    if steady.sum() < max(_FEWEST, _LEAST_STEADY * known.sum()):
        return None
    number, mean, apart = number[steady], mean[steady], np.maximum(apart[steady], 0)
    least = float(np.quantile(apart, 0.02)) / 2 + 1e-4
    share = np.maximum(mean, 0) / (apart + least)
    share = np.minimum(share, 3 * float(np.median(share)) + 1e-9)
    weight = apart / (apart + float(np.median(apart)) + 1e-9)
    course = _course(share * weight) / np.maximum(_course(weight), 1e-9)
    means = np.clip(share / np.maximum(course, 1e-6) - 1, -1.5, 1.5)
    distances = np.clip(apart / np.maximum(_course(apart), 1e-9) - 1, -1.5, 1.5)
    return _Swings(number, means, distances, weight)


def _course(values: Floats) -> Floats:
    """Mean of each value and those around it."""
    padded = np.pad(values, _AROUND, mode="edge")
    return np.convolve(padded, np.ones(2 * _AROUND + 1) / (2 * _AROUND + 1), "valid")


def _at(swings: _Swings, frequency: float) -> _Swing:
    """Least squares of a wave of so many cycles a field, beside what the two parities do."""
    turn = 2 * np.pi * frequency * swings.number
    parity = np.where(swings.number % 2, 1.0, -1.0)
    root = np.sqrt(swings.weight)[:, None]
    plain = np.stack([np.ones_like(turn), parity], axis=1) * root
    full = np.concatenate([plain, np.stack([np.cos(turn), np.sin(turn)], axis=1) * root], axis=1)
    values = np.stack([swings.means, swings.distances], axis=1) * root
    # By the normal equations: a tape of two hours has half a million fields.
    fitted, without = (_solved(one, values) for one in (full, plain))
    left, all_of_it = (((values - one)[:, 0] ** 2).sum() for one in (full @ fitted, plain @ without))
    (cosine, sine), (others, other_sine) = fitted[2:, 0], fitted[2:, 1]
    explained = max(1 - float(left / max(all_of_it, 1e-9)), 0.0)
    return _Swing(
        explained, float(np.hypot(cosine, sine)), float(np.hypot(others, other_sine)), float(np.arctan2(sine, cosine))
    )


def _solved(columns: Floats, values: Floats) -> Floats:
    least = 1e-9 * np.eye(columns.shape[1])
    return np.asarray(np.linalg.solve(columns.T @ columns + least, columns.T @ values))


def _reduced(field: Descriptor, parity: int) -> NDArray[np.float32]:
    """The structure of a field in few lines, as if it lay between both parities."""
    small = cv2.resize(field.structure, _SMALL, interpolation=cv2.INTER_AREA)
    soft = cv2.sepFilter2D(small, -1, _ALONG, _ACROSS[parity])
    down, side = _EDGE
    return np.ascontiguousarray(soft[down:-down, side:-side], np.float32)


def _filter(parity: int) -> NDArray[np.float32]:
    """Across the lines: soft, and moved to where both parities meet."""
    place = np.arange(-_TAPS, _TAPS + 1) + (-_APART / 2 if parity == 0 else _APART / 2)
    taps = np.exp(-(place**2) / (2 * _SOFT**2))
    return np.asarray(taps / taps.sum(), np.float32)


_ALONG = np.ones(1, np.float32)
_ACROSS = (_filter(0), _filter(1))
