"""Lost, repeated and damaged frames: fields are rebuilt from their neighbours of the same parity along the motion.

Works on fields because the two fields of a lost frame have two instants. What cannot be rebuilt (too long a run, or no
neighbour inside the shot) holds the nearest field and is recorded as held.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from footlights.core.clip import Clip, Plane
from footlights.errors import ParameterError
from footlights.metrics.motion import MotionEstimator, Pace
from footlights.restoration.base import Contract, Edge, Fields, Touch, bound, stage
from footlights.restoration.motion import between
from footlights.restoration.regions import regions_of

_BLOCK = 16


@stage("gaps.rebuild", version=1)
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

        def __post_init__(self) -> None:
            bound("gaps.rebuild.longest", self.longest, 1, 30, "frames")
            if len(self.fields) != len(self.lost) or any(field not in (1, 2, 3) for field in self.fields):
                raise ParameterError("gaps.rebuild.fields", self.fields, "give 1, 2 or 3 for every lost frame")

    def __init__(self, params: Params) -> None:
        self.params = params
        self._bad = [
            {slot for slot, which in zip(params.lost, params.fields, strict=True) if which & (1 << field)}
            for field in (0, 1)
        ]
        self._damaged = set(params.damaged)
        self._estimator = MotionEstimator(Pace.FINE)
        self.touched: list[Touch] = []

    @property
    def contract(self) -> Contract:
        reach = self.params.longest
        return Contract(before=reach, after=reach, fields=Fields.WOVEN, edge=Edge.HOLD)

    def run(self, clip: Clip) -> Clip:
        """Clip of T frames → T - 2·longest frames, same pictures but for the fields named."""
        interior = clip.frames.shrink(self.params.longest)
        out = clip.take(interior)
        luma, chroma = out.luma.copy(), out.chroma.copy()
        for index, slot in enumerate(interior):
            for field in (0, 1):
                if slot in self._bad[field]:
                    planes = self._rebuilt(clip, slot, field)
                    self.touched.append(Touch(slot, 0.5))
                elif slot in self._damaged:
                    planes = self._mended(clip, slot, field)
                else:
                    continue
                luma[index, field::2] = planes[0]
                chroma[index, 0, field::2], chroma[index, 1, field::2] = planes[1], planes[2]
        return out.with_pictures(luma, chroma)

    def _rebuilt(self, clip: Clip, slot: int, field: int) -> list[Plane]:
        good = self._bad[field] | self._damaged
        before = next((s for s in range(slot - 1, clip.frames.start - 1, -1) if s not in good), None)
        after = next((s for s in range(slot + 1, clip.frames.stop) if s not in good), None)
        if before is None or after is None or after - before - 1 > self.params.longest:
            nearest = [s for s in (before, after) if s is not None]
            return _field(clip, min(nearest, key=lambda s: abs(s - slot), default=slot), field)
        share = (slot - before) / (after - before)
        return between(_field(clip, before, field), _field(clip, after, field), share, self._estimator)

    def _mended(self, clip: Clip, slot: int, field: int) -> list[Plane]:
        """The field with those blocks replaced that differ from the rebuilt field much more than the others do."""
        own = _field(clip, slot, field)
        rebuilt = self._rebuilt(clip, slot, field)
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
    index = slot - clip.frames.start
    planes = (clip.luma[index], clip.chroma[index, 0], clip.chroma[index, 1])
    return [np.ascontiguousarray(plane[field::2]) for plane in planes]
