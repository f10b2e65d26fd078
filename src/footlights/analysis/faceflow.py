"""How a face moved from one picture to the next, by the optical flow of points on it.

Landmarks shake; the difference between two pictures does not. Points: Shi and Tomasi, "Good features to track", 1994;
flow: Lucas and Kanade, 1981, in pyramids, checked forwards and backwards; a robust similarity explains it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.core.faces import FACE_SHARE

Values = NDArray[np.float64]
Picture = NDArray[np.uint8]

SIDE = 192
"""Of the crop that points are followed in."""
_POINTS = 150
_WINDOW = (25, 25)
_LEVELS = 3
_BACK = 0.6
"""Samples a point may miss its start by, followed there and back."""
_LEAST = 8
_ELLIPSE = (0.29, 0.39)
_ROUNDS = 5
_FLOOR = 0.0025
"""Of the residual's variance, in samples²: what sampling itself costs."""
_INDEPENDENT = 4
"""Points that share a window see the same noise."""


@dataclass(frozen=True, slots=True)
class Motion:
    """A similarity in the coordinates of the crop before: z → turn · z + shift, complex, samples of `SIDE`."""

    turn: complex
    shift: complex
    variance: float
    """Of its place, in samples²."""
    spread: float
    """Root mean square distance of the points from their middle, in samples."""


def matrix(crop: Values, side: int) -> Values:
    """`(2, 3)`: samples of a crop (side, turn, x, y) at `side` × `side` → samples of the picture."""
    step = crop[0] / side
    cos, sin = step * np.cos(crop[1]), step * np.sin(crop[1])
    middle = (side - 1) / 2
    return np.array([[cos, -sin, crop[2] - middle * (cos - sin)], [sin, cos, crop[3] - middle * (sin + cos)]])


def cut(picture: Picture, crop: Values, side: int, flags: int = cv2.INTER_LINEAR) -> Picture:
    """The crop of a picture at `side` × `side`; beyond the picture its border is repeated."""
    flags |= cv2.WARP_INVERSE_MAP
    found = cv2.warpAffine(picture, matrix(crop, side), (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, np.uint8)


def grey(crop: Picture) -> Picture:
    """What is followed: the strongest channel with its local contrast evened out."""
    even = cv2.createCLAHE(2.0, (2, 2)).apply(np.ascontiguousarray(crop.max(axis=2)))
    return np.asarray(cv2.GaussianBlur(even, (0, 0), 1.2), np.uint8)


def motion(before: Picture, after: Picture) -> Motion | None:
    """How what is seen in `before` lies in `after`, two crops as `grey` gives them; None where too little agrees."""
    points = cv2.goodFeaturesToTrack(before, _POINTS, 0.01, 3, mask=_mask())
    if points is None or len(points) < _LEAST:
        return None
    there, seen, _ = cv2.calcOpticalFlowPyrLK(before, after, points, None, winSize=_WINDOW, maxLevel=_LEVELS)
    back, seen_again, _ = cv2.calcOpticalFlowPyrLK(after, before, there, None, winSize=_WINDOW, maxLevel=_LEVELS)
    missed = np.linalg.norm((back - points).reshape(-1, 2), axis=1)
    good = (missed < _BACK) & (seen.reshape(-1) == 1) & (seen_again.reshape(-1) == 1)
    if good.sum() < _LEAST:
        return None
    start, end = (_complex(found)[good] for found in (points, there))
    return _similarity(start, end)


def moved(crop: Values, seen: Motion) -> Values:
    """Where the crop (side, turn, x, y) of the picture before lies in the picture after."""
    affine = matrix(crop, SIDE)
    middle = (SIDE - 1) / 2 * (1 + 1j)
    there = seen.turn * middle + seen.shift
    place = affine @ np.array([there.real, there.imag, 1.0])
    return np.array([crop[0] * np.abs(seen.turn), crop[1] + np.angle(seen.turn), *place])


def variances(seen: Motion) -> Values:
    """`(4,)`: of log size, turn, and place in heights of the face."""
    turning = seen.variance / max(seen.spread, 1.0) ** 2
    placing = seen.variance / (SIDE * FACE_SHARE) ** 2
    return np.array([turning, turning, placing, placing])


def _similarity(start: NDArray[np.complex128], end: NDArray[np.complex128]) -> Motion:
    weights = np.ones(len(start))
    turn, shift, scale = 1 + 0j, 0j, 1.0
    for _ in range(_ROUNDS):
        share = weights / weights.sum()
        a, b = share @ start, share @ end
        apart = start - a
        turn = complex((share * np.conj(apart)) @ (end - b) / max(share @ np.abs(apart) ** 2, 1e-9))
        shift = complex(b - turn * a)
        off = np.abs(end - turn * start - shift)
        scale = max(float(np.median(off)) / 0.8326, 1e-3)
        weights = 1 / (1 + (off / (1.5 * scale)) ** 2) ** 2
    effective = max(float(weights.sum() ** 2 / (weights**2).sum()) / _INDEPENDENT, 1.0)
    spread = float(np.sqrt((weights / weights.sum()) @ np.abs(start - start.mean()) ** 2))
    return Motion(turn, shift, (scale**2 + _FLOOR) / effective, spread)


def _complex(points: NDArray[np.float32]) -> NDArray[np.complex128]:
    flat = points.reshape(-1, 2).astype(np.float64)
    return np.asarray(flat[:, 0] + 1j * flat[:, 1])


def _mask() -> Picture:
    mask = np.zeros((SIDE, SIDE), np.uint8)
    axes = (round(_ELLIPSE[0] * SIDE), round(_ELLIPSE[1] * SIDE))
    return np.asarray(cv2.ellipse(mask, (SIDE // 2, SIDE // 2), axes, 0, 0, 360, 255, -1), np.uint8)
