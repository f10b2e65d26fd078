"""Random texture that depends on a seed and the absolute frame number only: never on block, batch or thread.

Drawing 6 million normal values takes longer than anything else done to a 4K frame; instead one texture larger than the
picture is drawn once, and each frame shows it at its own place, mirrored its own way (a million different views).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_ROOM = 512
"""Samples by which the texture is larger than the picture on each axis."""


class Texture:
    """A random plane, seen anew by every frame; make one by `grain` or `triangular_dither`."""

    def __init__(self, plane: NDArray[np.float32], *, seed: int) -> None:
        """`plane` is larger than the pictures by 512 samples on each axis."""
        self._plane = plane
        self._seed = seed

    def view(self, frame: int) -> NDArray[np.float32]:
        """The texture of one frame; a view, not to be written to."""
        rng = np.random.default_rng([self._seed, 0x6672, frame])
        top, left = (int(value) for value in rng.integers(0, _ROOM, 2))
        mirror = rng.integers(0, 2, 2) * 2 - 1
        height, width = self._plane.shape[0] - _ROOM, self._plane.shape[1] - _ROOM
        cut = self._plane[top : top + height, left : left + width]
        return cut[:: int(mirror[0]), :: int(mirror[1])]


def grain(height: int, width: int, *, seed: int, size: tuple[float, float]) -> Texture:
    """Normal texture of unit standard deviation. `size` is the standard deviation (vertical, horizontal) in samples of
    the Gaussian that makes it coarse; 0 is white."""
    rng = np.random.default_rng([seed, 0x6772])
    plane = rng.standard_normal((height + _ROOM, width + _ROOM), dtype=np.float32)
    if max(size) > 0:
        vertical, horizontal = (max(value, 1e-3) for value in size)
        plane = np.asarray(cv2.GaussianBlur(plane, (0, 0), sigmaX=horizontal, sigmaY=vertical), np.float32)
        plane /= plane.std()
    return Texture(plane, seed=seed)


def triangular_dither(height: int, width: int, *, seed: int) -> Texture:
    """Triangular noise of ±1 quantisation step (Lipshitz, Wannamaker and Vanderkooy 1992): makes the rounding error
    independent of the picture in mean and power."""
    rng = np.random.default_rng([seed, 0x7470])
    shape = (height + _ROOM, width + _ROOM)
    return Texture(rng.random(shape, dtype=np.float32) - rng.random(shape, dtype=np.float32), seed=seed)
