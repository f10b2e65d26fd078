"""Motion: dense flow between pictures (Kroeger et al., "Fast optical flow using dense inverse search", 2016), and where
samples lie."""

from __future__ import annotations

from enum import Enum
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Flow = NDArray[np.float32]
"""(H, W, 2): where each sample of one picture is found in the other, in samples, x then y."""
_SHRUNK = 4, 2
"""Factors by which fields are made narrower and lower for `FieldMotion`."""


class Pace(Enum):
    """How thoroughly motion is searched; each takes about three times as long as the one before."""

    COARSE = cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST
    FAST = cv2.DISOPTICAL_FLOW_PRESET_FAST
    FINE = cv2.DISOPTICAL_FLOW_PRESET_MEDIUM
    """Follows small things."""


class MotionEstimator:
    """Dense inverse search; keeps its buffers, so use one per thread."""

    def __init__(self, pace: Pace = Pace.FAST) -> None:
        self._search = cv2.DISOpticalFlow.create(pace.value)

    def flow(self, here: Codes, there: Codes) -> Flow:
        """From `here` to `there`."""
        return np.asarray(self._search.calc(here, there, None), np.float32)


@lru_cache(maxsize=8)
def grid(width: int, height: int) -> tuple[Floats, Floats]:
    """Positions of all samples, x and y `(height, width)`."""
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return x, y


class FieldMotion:
    """Brings other fields to where the things of one are; motion is found in small pictures.

    What is a line high is taken out before the search: a streak must not look for its like.
    """

    def __init__(self, now: Codes) -> None:
        self._estimator = MotionEstimator(Pace.COARSE)
        self._size = now.shape[1], now.shape[0]
        self._small = self._shrunk(now)

    def in_place(self, other: Codes) -> Codes:
        """The field `other` (H, W) with everything where it stands in this one; edges are held."""
        where = self._estimator.flow(self._small, self._shrunk(other))
        for axis, (places, shrunk) in enumerate(zip(grid(where.shape[1], where.shape[0]), _SHRUNK, strict=True)):
            where[..., axis] = shrunk * (where[..., axis] + places) + (shrunk - 1) / 2
        where = np.asarray(cv2.resize(where, self._size, interpolation=cv2.INTER_LINEAR), np.float32)
        moved = cv2.remap(other, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(moved, np.uint8)

    def _shrunk(self, field: Codes) -> Codes:
        size = self._size[0] // _SHRUNK[0], self._size[1] // _SHRUNK[1]
        return np.asarray(cv2.medianBlur(cv2.resize(field, size, interpolation=cv2.INTER_AREA), 3), np.uint8)
