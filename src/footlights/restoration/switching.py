"""Head switching: the torn lines at the bottom of each field are filled from the last sound lines above them.

What the tape held there cannot be read: the lines are displaced by an amount that changes from line to line, under
noise and without colour. The fill goes on with the mean of the last sound lines, ever softer the further it is from
them, so that nothing is made up that looks like picture. The raster keeps its size, and with it the shape of faces.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from footlights.core.clip import Clip, Plane
from footlights.restoration.base import Contract, Fields, Touch, bound, stage
from footlights.restoration.regions import rectangle

_SOUND = 3
"""Lines above the band whose mean goes on."""
_SOFTER = (0.5, 0.8)
"""Sigma of the blur along the first filled line, and by how much it grows per line, in samples."""


@stage("switching.fill", version=1)
class FillSwitching:
    """Replaces the lowest lines of both fields; all other samples pass unchanged."""

    @dataclass(frozen=True, slots=True)
    class Params:
        lines: int = 0
        """Field lines from the bottom to fill, 0..24."""

        def __post_init__(self) -> None:
            bound("switching.fill.lines", self.lines, 0, 24, "field lines")

    def __init__(self, params: Params) -> None:
        self.params = params
        self.touched: list[Touch] = []

    @property
    def contract(self) -> Contract:
        return Contract(fields=Fields.WOVEN)

    def run(self, clip: Clip) -> Clip:
        """Clip of T frames → T frames."""
        lines = min(self.params.lines, clip.height // 2 - _SOUND)
        if lines < 1:
            return clip
        luma, chroma = clip.luma.copy(), clip.chroma.copy()
        for frame in (*luma, *chroma.reshape(-1, *chroma.shape[2:])):
            for field in (0, 1):
                _fill(frame[field::2], lines)
        where = (rectangle(0, clip.height - 2 * lines, clip.width, clip.height, clip.luma.shape),)
        self.touched.extend(Touch(number, 2 * lines / clip.height, regions=where) for number in clip.frames)
        return clip.with_pictures(luma, chroma)


def _fill(field: Plane, lines: int) -> None:
    """Overwrite the last `lines` of a field `(h, w)`."""
    first = len(field) - lines
    sound = field[first - _SOUND : first].mean(axis=0, keepdims=True)
    for number in range(lines):
        sigma = _SOFTER[0] + _SOFTER[1] * number
        soft = cv2.GaussianBlur(np.ascontiguousarray(sound), (0, 0), sigmaX=sigma, sigmaY=1e-3)
        field[first + number] = soft[0]
