"""Pictures between pictures: what a camera would have seen at an instant for which there is no picture.

Both neighbours are moved to the instant along dense flow and mixed. Three things keep this honest:

- Motion is not taken for even: the flow from the picture before and to the picture after next bends the path, as a
  cubic through four positions (Xu et al., "Quadratic video interpolation", 2019), where these flows agree.
- The flows of both directions propose a path for every sample; the one along which both neighbours agree is taken. A
  sample that only one of the neighbours shows, because something covers it in the other, comes from that one
  (consistency of the flow there and back).
- Nothing is made where light jumps (a strobe, a lamp switched on) or where motion cannot be followed (a cut): there the
  caller is told why, and shows a real picture.

Flow is found on luma of at most `_GUIDE` samples a line; pictures of any size are moved along it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.core.clip import Plane
from footlights.core.colour import eight_bit_luma
from footlights.metrics.motion import Flow, MotionEstimator, Pace

_GUIDE = 960
_CODE = 1 / 219
_BEND_BLUR = 11
"""Samples of the guide over which the bend of paths is averaged."""
_BEND_LIMIT = 4.0, 2.0
"""Samples, and share of the motion, up to which a change of motion counts as a bend and not as an error."""
_LIGHT_GRID = 8
_LIGHT_STEP, _LIGHT_AREA, _LIGHT_GOES_ON = 8.0, 0.08, 0.4
"""Codes by which a tile's light jumps; share of tiles that makes it a jump of the picture; share of the change that
must go on in a neighbouring interval for the change to be a fade."""
_TILE = 16
_LOST_STEP, _LOST_AREA = 12.0, 0.3
"""Codes by which a tile differs along the motion, and share of such tiles at which the motion is lost."""
_CHOICE = 2.0
"""Codes of disagreement between neighbours by which one path is preferred to the other."""


class Held(StrEnum):
    """Why a real picture is shown instead of one between two."""

    LIGHT = "light jumps between the pictures beside it"
    MOTION = "the motion between the pictures beside it cannot be followed"


@dataclass(frozen=True, slots=True)
class Passage:
    """From one picture to the next, on the guide's raster."""

    guides: tuple[NDArray[np.uint8], NDArray[np.uint8]]
    onward: Flow
    back: Flow
    light: Plane
    """`(8, 8)`: mean change of luma along the motion, in codes."""
    lost: float
    """Share of tiles that differ along the motion."""

    @property
    def followed(self) -> bool:
        return self.lost <= _LOST_AREA


@dataclass(frozen=True, slots=True)
class Course:
    """How things move through one interval; what stands in its neighbours bends it."""

    passage: Passage
    bend_onward: tuple[Flow, Flow]
    """Second differences of the positions at the start and at the end of the interval, samples; at the places of the
    picture before."""
    bend_back: tuple[Flow, Flow]
    """The same at the places of the picture after."""
    held: Held | None


def guide_of(luma: Plane) -> NDArray[np.uint8]:
    """A luma plane as 8-bit codes, not wider than `_GUIDE`."""
    height, width = luma.shape
    if width > _GUIDE:
        luma = cv2.resize(luma, (_GUIDE, max(round(height * _GUIDE / width), 16)), interpolation=cv2.INTER_AREA)
    return eight_bit_luma(np.ascontiguousarray(luma))


class Interpolator:
    """Makes pictures between neighbours: `passage` for every pair, `course` with the pairs around, `picture`."""

    def __init__(self, pace: Pace = Pace.FAST) -> None:
        self._estimator = MotionEstimator(pace)

    def passage(self, before: NDArray[np.uint8], after: NDArray[np.uint8]) -> Passage:
        """Motion and light between two guides of one size."""
        onward, back = self._estimator.flow(before, after), self._estimator.flow(after, before)
        change = _at(after.astype(np.float32), onward) - before
        light = cv2.resize(change, (_LIGHT_GRID, _LIGHT_GRID), interpolation=cv2.INTER_AREA)
        rest = np.abs(change - _spread(light, change.shape))
        tiles = cv2.resize(rest, _tiles(rest.shape), interpolation=cv2.INTER_AREA)
        return Passage((before, after), onward, back, light, float((tiles > _LOST_STEP).mean()))

    def course(self, now: Passage, previous: Passage | None, following: Passage | None) -> Course:
        """The interval `now` with what is known of those around it; None beyond a cut."""
        usable = [None if one is None or _held(one, None, None) else one for one in (previous, following)]
        first, last = usable
        onward, back = now.onward, now.back
        starts = None if first is None else first.back + onward
        ends = None if last is None else _at(last.onward, onward) - onward
        ends_back = None if last is None else last.onward + back
        starts_back = None if first is None else _at(first.back, back) - back
        return Course(
            now,
            _bends(starts, ends, onward),
            _bends(starts_back, ends_back, back),
            _held(now, previous, following),
        )

    def picture(self, course: Course, share: float, before: list[Plane], after: list[Plane]) -> list[Plane]:
        """The planes at `share` (0..1) of the way from `before` to `after`, luma first; chroma may be smaller."""
        to_before, to_after, weight = _paths(course, share)
        made = []
        for a, b in zip(before, after, strict=True):
            ratio = _fitted(weight, a.shape)
            mixed = _moved(b, to_after)
            mixed += ratio * (_moved(a, to_before) - mixed)
            made.append(mixed)
        return made


def nearer(share: float) -> int:
    """0 where the picture before is nearer (or both are as near), 1 where the one after is."""
    return 1 if share > 0.5 else 0


def _paths(course: Course, share: float) -> tuple[Flow, Flow, Plane]:
    """Where each sample of the wanted picture lies in both neighbours, as ways to go, and the weight of the first."""
    one, t = course.passage, np.float32(share)
    a, b = (guide.astype(np.float32) for guide in one.guides)
    light = _spread(one.light, a.shape)
    a, b = a + t * light, b - (1 - t) * light
    ways = [_way(one.onward, course.bend_onward, share, 1), _way(one.back, course.bend_back, share, -1)]
    apart = [cv2.GaussianBlur(np.abs(_at(a, there) - _at(b, here)), (0, 0), 2.0) for there, here in ways]
    first = 1 / (1 + np.exp(np.clip((apart[0] - apart[1]) / _CHOICE, -30, 30)))
    chosen = first[..., None]
    to_before, to_after = (chosen * p + (1 - chosen) * q for p, q in zip(*ways, strict=True))
    clash = np.clip((first * apart[0] + (1 - first) * apart[1] - 2) / 6, 0, 1)
    hidden = _at(_astray(one.back, one.onward), to_after) - _at(_astray(one.onward, one.back), to_before)
    # A sample that goes astray from the one neighbour only is covered in the other: the first one alone shows it.
    sees = 1 / (1 + np.exp(np.clip(0.7 * clash * hidden, -30, 30)))
    weight = sees * (1 - t) / (sees * (1 - t) + (1 - sees) * t)
    return to_before.astype(np.float32), to_after.astype(np.float32), weight.astype(np.float32)


def _way(flow: Flow, bends: tuple[Flow, Flow], share: float, sign: int) -> tuple[Flow, Flow]:
    """Ways from the wanted picture to both neighbours, by the flow that starts in the one before (sign 1) or after."""
    t = np.float32(share)
    start, end = -t * (t - 1) * (t - 2) / 6, (t + 1) * t * (t - 1) / 6
    bend = start * bends[0] + end * bends[1]
    motion = flow if sign > 0 else -flow
    begin = -t if sign > 0 else 1 - t
    found = motion
    for _ in range(4):
        found = _at(motion, begin * found)
    bent = _at(bend, begin * found)
    return -(t * found + bent), (1 - t) * found - bent


def _bends(starts: Flow | None, ends: Flow | None, motion: Flow) -> tuple[Flow, Flow]:
    """Both second differences; what is unknown or contradicts the motion is taken from the other side, else none."""
    nothing = np.zeros_like(motion)
    limit = _BEND_LIMIT[0] + _BEND_LIMIT[1] * np.linalg.norm(motion, axis=-1)
    found = [
        (nothing, np.zeros(limit.shape, bool)) if one is None else (one, np.linalg.norm(one, axis=-1) <= limit)
        for one in (starts, ends)
    ]
    (first, good), (last, fine) = found
    first_known = np.where(good[..., None], first, np.where(fine[..., None], last, nothing))
    last_known = np.where(fine[..., None], last, np.where(good[..., None], first, nothing))
    side = (_BEND_BLUR, _BEND_BLUR)
    return cv2.blur(first_known, side), cv2.blur(last_known, side)


def _held(now: Passage, previous: Passage | None, following: Passage | None) -> Held | None:
    """Why nothing is to be made in this interval; a change of light that goes on beside it is a fade."""
    lit = np.abs(now.light) > _LIGHT_STEP
    if lit.mean() >= _LIGHT_AREA:
        sign = np.sign(now.light[lit])
        change = float((sign * now.light[lit]).mean())
        beside = [float((sign * one.light[lit]).mean()) for one in (previous, following) if one is not None]
        if max(beside, default=0.0) < _LIGHT_GOES_ON * change:
            return Held.LIGHT
    return None if now.followed else Held.MOTION


def _astray(flow: Flow, opposite: Flow) -> Plane:
    """How far going there and back misses the start, in samples, at most 5."""
    return np.minimum(np.linalg.norm(flow + _at(opposite, flow), axis=-1), np.float32(5)).astype(np.float32)


def _at(plane: NDArray[np.float32], way: Flow) -> NDArray[np.float32]:
    """The plane read at the places `way` leads to; edges are held."""
    x, y = _grid(way.shape[1], way.shape[0])
    return np.asarray(
        cv2.remap(plane, x + way[..., 0], y + way[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
        np.float32,
    )


def _moved(plane: Plane, way: Flow) -> Plane:
    """The same for a picture of any size, with a sharp kernel."""
    height, width = plane.shape
    kernel = cv2.INTER_LANCZOS4
    if plane.shape != way.shape[:2]:
        ratio = np.array([width / way.shape[1], height / way.shape[0]], np.float32)
        if width > way.shape[1]:
            kernel = cv2.INTER_CUBIC  # the picture is oversampled against what its flow was found on
        way = cv2.resize(way, (width, height), interpolation=cv2.INTER_LINEAR) * ratio
    x, y = _grid(width, height)
    return np.asarray(
        cv2.remap(plane, x + way[..., 0], y + way[..., 1], kernel, borderMode=cv2.BORDER_REPLICATE), np.float32
    )


def _fitted(plane: Plane, shape: tuple[int, ...]) -> Plane:
    if plane.shape == shape:
        return plane
    return np.asarray(cv2.resize(plane, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR), np.float32)


def _spread(light: Plane, shape: tuple[int, ...]) -> Plane:
    """The change of light over the whole picture, without steps."""
    return _fitted(light, shape)


def _tiles(shape: tuple[int, ...]) -> tuple[int, int]:
    return max(shape[1] // _TILE, 1), max(shape[0] // _TILE, 1)


@lru_cache(maxsize=8)
def _grid(width: int, height: int) -> tuple[Plane, Plane]:
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return x, y
