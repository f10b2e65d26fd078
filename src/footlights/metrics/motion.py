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


def small(field: Codes) -> Codes:
    """A field as its motion is searched: narrower, lower, and without what is a line high: a streak must not look for
    its like."""
    size = field.shape[1] // _SHRUNK[0], field.shape[0] // _SHRUNK[1]
    return np.asarray(cv2.medianBlur(cv2.resize(field, size, interpolation=cv2.INTER_AREA), 3), np.uint8)


class FieldMotion:
    """Brings other fields to where the things of one are; motion is found in small pictures."""

    def __init__(self, now: Codes) -> None:
        """`now` is the field as `small` makes it."""
        self._estimator = MotionEstimator(Pace.COARSE)
        self._now = now

    def in_place(self, other: Codes, shrunk: Codes) -> Codes:
        """The field `other` (H, W), which is `shrunk` when small, with everything where it stands in this one; edges
        are held."""
        where = self._estimator.flow(self._now, shrunk)
        places, scale, middle = _enlarging(where.shape[1], where.shape[0])
        where += places
        where *= scale
        where += middle
        where = np.asarray(cv2.resize(where, other.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)
        moved = cv2.remap(other, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(moved, np.uint8)


@lru_cache(maxsize=8)
def _enlarging(width: int, height: int) -> tuple[Floats, Floats, Floats]:
    """Of every sample of a small field its place, by how much places are further apart in the field itself, and what
    lies between the first samples of both: each `(height, width, 2)`, for whole planes are added much faster than
    every second value of one."""
    scale = np.broadcast_to(np.array(_SHRUNK, np.float32), (height, width, 2)).copy()
    return np.stack(grid(width, height), axis=-1), scale, np.asarray((scale - 1) / 2, np.float32)
