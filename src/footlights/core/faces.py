"""Faces through a shot: where one is at every instant, how it is turned, and how far it can be trusted.

Coordinates are those of the picture with square samples and the tape's number of lines: sample (0, 0) has its centre at
(0, 0), x to the right, y down. The crop of a face is a square that turns and grows with the head; side for side it is
26 cm on a mean face, so that a face from brow to chin fills two thirds of its height.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FacePath:
    """One face of one shot, instant by instant, without a gap."""

    first: int
    """Instant of the first row, counted from the first picture of the shot: one a field of an interlaced tape."""
    crop: Values
    """`(T, 4)`: side in samples, turn in radians (clockwise in the picture is positive), x and y of the middle."""
    presence: Values
    """`(T,)` 0..1: how sure the landmark net is that there is a face; 0 where it was only carried along."""
    pose: Values
    """`(T, 3)` degrees: yaw (positive: to the right of the picture), pitch (positive: up), roll; NaN if unknown."""
    sharpness: Values
    """`(T,)` variance of the Laplacian of log luma inside the crop at 128 × 128: comparable within a track."""
    clipped: Values
    """`(T,)` share of the crop that lies at white or at the top of a colour channel."""
    landmarks: bool = True
    """False: only the detector sees it (strict profile, back light); nothing may be restored that needs landmarks."""

    def __len__(self) -> int:
        return len(self.crop)

    def matrix(self, instant: int, side: int) -> Values:
        """`(2, 3)`: from samples of the crop at `side` × `side` to samples of the picture, centres on whole numbers."""
        length, turn, x, y = self.crop[instant - self.first]
        step = length / side
        cos, sin = step * np.cos(turn), step * np.sin(turn)
        middle = (side - 1) / 2
        return np.array([[cos, -sin, x - middle * (cos - sin)], [sin, cos, y - middle * (sin + cos)]])
