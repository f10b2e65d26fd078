"""Lost, repeated and damaged frames: fields are rebuilt from their neighbours of the same parity along the motion.

Works on fields because the two fields of a lost frame have two instants. Pictures are made as where the frame rate is
converted (`restoration.interpolation`), along paths that bend as the fields further away tell. Streaks of the fields
they are made of are filled first: a dropout beside a gap would be drawn into all of it, and could not be told any more
by what stands around it. What cannot be rebuilt (too long a run, no neighbour inside the shot, motion that cannot be
followed) holds the nearest field and is recorded as held.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.core.clip import Clip, Plane
from footlights.errors import ParameterError
from footlights.metrics.motion import Flow, MotionEstimator, Pace
from footlights.restoration.base import Contract, Edge, Fields, Touch, bound, stage
from footlights.restoration.dropouts import beside_of, field_of, filled, streaks_of
from footlights.restoration.interpolation import Course, Held, Interpolator, Passage, nearer
from footlights.restoration.motion import guide
from footlights.restoration.regions import regions_of

_BLOCK = 16
_BLUR = 1.0
"""Samples."""
_SHAKEN = 1.0, 0.1
"""Samples, and share of the motion, by which the field in the middle of an interval may lie off an even way, in the
median: seven training clips that nobody shook have 0.02 to 1.6 and keep below, three shaken ones have 1.0 to 9."""
_ALONE = "held: no field near enough on both sides"


class _Interval(NamedTuple):
    """A gap between two fields."""

    ends: tuple[list[Plane], list[Plane]]
    """The fields, their streaks filled."""
    course: Course


class _Rebuilt(NamedTuple):
    planes: list[Plane]
    why: str = ""
    """Where a field was held instead."""


@stage("gaps.rebuild", version=4)
class RebuildGaps:
    """Replaces the fields named in the parameters; all other samples pass unchanged."""

    @dataclass(frozen=True, slots=True)
    class Params:
        lost: tuple[int, ...] = ()
        """Frame instants (slots) to rebuild."""
        fields: tuple[int, ...] = ()
        """For each of them which field: 1 top, 2 bottom, 3 both."""
        damaged: tuple[int, ...] = ()
        """Frame instants of which only the blocks that contradict their neighbours are rebuilt."""
        longest: int = 6
        """Frames in a row that are interpolated, 1..30; longer runs hold a field."""
        streaks: bool = False
        """Whether dropouts are looked for in the fields that others are made of."""
        sigma: float = 0.0
        """Luma noise of the shot in 8-bit codes, 0..60, from which they stand out."""

        def __post_init__(self) -> None:
            bound("gaps.rebuild.longest", self.longest, 1, 30, "frames")
            bound("gaps.rebuild.sigma", self.sigma, 0, 60, "codes")
            if len(self.fields) != len(self.lost) or any(field not in (1, 2, 3) for field in self.fields):
                raise ParameterError("gaps.rebuild.fields", self.fields, "give 1, 2 or 3 for every lost frame")

    def __init__(self, params: Params) -> None:
        self.params = params
        self._bad = [
            {slot for slot, which in zip(params.lost, params.fields, strict=True) if which & (1 << field)}
            for field in (0, 1)
        ]
        self._damaged = set(params.damaged)
        self._interpolator = Interpolator(Pace.FINE)
        self._filler = MotionEstimator()
        self._intervals: dict[int, tuple[tuple[int, int], _Interval]] = {}
        """The interval met last, by field: frames lost in a row share one."""
        self.touched: list[Touch] = []

    @property
    def contract(self) -> Contract:
        reach = self.params.longest + 1
        return Contract(before=reach, after=reach, fields=Fields.WOVEN, edge=Edge.HOLD)

    def run(self, clip: Clip) -> Clip:
        """Clip of T frames → T - 2·longest - 2 frames, same pictures but for the fields named."""
        interior = clip.frames.shrink(self.contract.before)
        out = clip.take(interior)
        luma, chroma = out.luma.copy(), out.chroma.copy()
        for index, slot in enumerate(interior):
            for field in (0, 1):
                if slot in self._bad[field]:
                    planes, why = self._rebuilt(clip, slot, field)
                    self.touched.append(Touch(slot, 0.5, why))
                elif slot in self._damaged:
                    planes = self._mended(clip, slot, field)
                else:
                    continue
                luma[index, field::2] = planes[0]
                chroma[index, 0, field::2], chroma[index, 1, field::2] = planes[1], planes[2]
        return out.with_pictures(luma, chroma)

    def _rebuilt(self, clip: Clip, slot: int, field: int) -> _Rebuilt:
        before = next((s for s in range(slot - 1, clip.frames.start - 1, -1) if self._good(s, field)), None)
        after = next((s for s in range(slot + 1, clip.frames.stop) if self._good(s, field)), None)
        if before is None or after is None or after - before - 1 > self.params.longest:
            nearest = [s for s in (before, after) if s is not None]
            held = min(nearest, key=lambda s: abs(s - slot), default=slot)
            return _Rebuilt(_field(clip, held, field), _ALONE)
        share = (slot - before) / (after - before)
        gap = self._gap(clip, field, before, after)
        if not gap.course.passage.followed:
            return _Rebuilt(gap.ends[nearer(share)], f"held: {Held.MOTION}")
        # Where light jumps it passes from one to the other: held, everything else would stand still as well.
        return _Rebuilt(self._interpolator.picture(gap.course, share, *gap.ends))

    def _good(self, slot: int, field: int) -> bool:
        return slot not in self._bad[field] and slot not in self._damaged

    def _gap(self, clip: Clip, field: int, before: int, after: int) -> _Interval:
        known = self._intervals.get(field)
        if known is None or known[0] != (before, after):
            ends = self._end(clip, field, before, after), self._end(clip, field, after, before)
            now = self._interpolator.passage(*(guide(end[0], _BLUR) for end in ends))
            course = self._interpolator.course(now, *self._beside(clip, field, before, after))
            known = ((before, after), _Interval(ends, course))
            self._intervals[field] = known
        return known[1]

    def _end(self, clip: Clip, field: int, slot: int, other: int) -> list[Plane]:
        """The field at one end of a gap, its streaks told and filled by the field beside it and the `other` end: what
        moves past the gap shows in neither if both lie on one side. It stays as it is where that beside it is bad."""
        end = _field(clip, slot, field)
        beside = slot + (1 if slot > other else -1)
        if not self.params.streaks or beside not in clip.frames or not self._good(beside, field):
            return end
        around = [_field(clip, one, field) for one in (beside, other)]
        now, first, second = (guide(planes[0], 0) for planes in (end, *around))
        told = beside_of(guide(clip.luma[slot - clip.frames.start], 0), field) if self._good(slot, 1 - field) else None
        found = streaks_of((now, first, second), self.params.sigma, told)
        if found is None:
            return end
        wide, filling = filled(end, around, found.mask, self._filler)
        return [np.where(wide, plane, own) for own, plane in zip(end, filling, strict=True)]

    def _beside(self, clip: Clip, field: int, before: int, after: int) -> list[Passage | None]:
        """The intervals on both sides that are as long, unless the camera shakes through one: bends that are told by
        four places are right for smooth paths alone."""
        span = after - before
        found = [self._interval(clip, field, first, (before, after)) for first in (before - span, after)]
        shaken = any(shakes for _, shakes in found)
        return [None if shaken else passage for passage, _ in found]

    def _interval(self, clip: Clip, field: int, first: int, ends: tuple[int, int]) -> tuple[Passage | None, bool]:
        """One of them, as long as that between `ends`, and whether the field in its middle lies off an even way; none
        where a field is bad, beyond the reach of one of the lost frames, or held in place of one beyond a cut."""
        before, after = ends
        span = after - before
        within = range(after - 1 - self.contract.before, before + 2 + self.contract.after)
        slots = (first, first + span // 2, first + span)
        if not all(slot in within and self._good(slot, field) for slot in slots):
            return None, False
        one, middle, other = (_guide(clip, slot, field) for slot in slots)
        if np.array_equal(one, other):
            return None, False
        passage = self._interpolator.passage(one, other)
        share = np.float32(span // 2 / span)
        astray = self._interpolator.passage(one, middle).onward - share * passage.onward
        return passage, _length(astray) > _SHAKEN[0] + _SHAKEN[1] * _length(passage.onward)

    def _mended(self, clip: Clip, slot: int, field: int) -> list[Plane]:
        """The field with those blocks replaced that differ from the rebuilt field much more than the others do."""
        own = _field(clip, slot, field)
        rebuilt = self._rebuilt(clip, slot, field).planes
        if rebuilt[0].shape != own[0].shape:
            return own
        error = sum(np.abs(a - b) for a, b in zip(own, rebuilt, strict=True))
        blocks = cv2.resize(error, None, fx=1 / _BLOCK, fy=1 / _BLOCK, interpolation=cv2.INTER_AREA)
        limit = max(0.06, 4 * float(np.median(blocks)))
        mask = cv2.dilate((blocks > limit).astype(np.float32), np.ones((3, 3), np.uint8))
        height, width = own[0].shape
        self.touched.append(Touch(slot, float(mask.mean()) / 2, regions=regions_of(mask)))
        soft = cv2.GaussianBlur(cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST), (0, 0), 3)
        return [np.asarray(a + soft * (b - a), np.float32) for a, b in zip(own, rebuilt, strict=True)]


def _field(clip: Clip, slot: int, field: int) -> list[Plane]:
    return field_of(clip, slot - clip.frames.start, field)


def _guide(clip: Clip, slot: int, field: int) -> NDArray[np.uint8]:
    """A field as its motion is found, before any noise was taken off."""
    return guide(clip.luma[slot - clip.frames.start][field::2], _BLUR)


def _length(way: Flow) -> float:
    """The median."""
    return float(np.median(np.linalg.norm(way, axis=-1)))
