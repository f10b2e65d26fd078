"""StageMarks: our own landmarks of a face, read in any light, and whether there is a face at all.

What the net sees are StageFace's planes of one square: contrast over the contrast around it, so that clipped red light
and daylight look alike. What it says are the rigid points that crop and pose are read from, the outline that tells the
next square, and a logit of presence, which verifies what the detector found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from footlights.models.landmarks import RIGID, Mesh, Points, Square
from footlights.models.runtime import Net
from footlights.models.stageface import Picture, Planes, octaves, planes_of

NAME = "stagemarks"
OUTLINE = (152, 148, 377, 172, 397)
"""Chin and jaw, by the numbers of the mesh; with `RIGID` they span what all its landmarks span."""
INDEX = (*RIGID, *OUTLINE)
"""Landmarks that the net tells."""
SIDE = 96
"""Samples of the square it sees."""
MESH = 468
SURE = 0.5
"""Presence from which a face is believed to be there."""
_COARSEST = 1.6
"""Samples of the picture to one of the square from which an octave is sampled instead."""


class StageMarks:
    """Finds the landmarks of a face that is known to be about here; holds one compiled net."""

    def __init__(self, *, threads: int = 0) -> None:
        self._net = Net(NAME, threads=threads)

    def look(self, picture: Picture, square: Square) -> Mesh:
        """The face in a square of a picture, whatever the presence; landmarks it does not tell are NaN."""
        held = list(_as_needed(picture, square.side / SIDE))
        return self.see(planes_of(crop_at(held, square))[None], [square])[0]

    def see(self, planes: Planes, squares: Sequence[Square]) -> list[Mesh]:
        """Faces in crops `(N, 4, 96, 96)` of squares."""
        found, presence = self._net(planes)
        return [
            laid(said.reshape(-1, 3).astype(np.float64), float(1 / (1 + np.exp(-logit[0]))), square)
            for said, logit, square in zip(found, presence, squares, strict=True)
        ]


def laid(said: Points, presence: float, square: Square) -> Mesh:
    """What the net says of a square, `(K, 3)` in sides about its middle, in the picture."""
    cos, sin = np.cos(square.turn), np.sin(square.turn)
    points = np.full((MESH, 3), np.nan)
    flat = said[:, :2] @ np.array([[cos, sin], [-sin, cos]]) * square.side + (square.x, square.y)
    points[list(INDEX)] = np.concatenate([flat, said[:, 2:] * square.side], axis=1)
    return Mesh(points, presence)


def told(points: Points, square: Square) -> Points:
    """The opposite of `laid`: landmarks `(..., 3)` of the picture in sides about the middle of a square."""
    cos, sin = np.cos(square.turn), np.sin(square.turn)
    flat = (points[..., :2] - (square.x, square.y)) @ np.array([[cos, -sin], [sin, cos]]) / square.side
    return np.concatenate([flat, points[..., 2:] / square.side], axis=-1)


def crop_at(held: Sequence[tuple[Picture, float]], square: Square) -> Picture:
    """A square of a picture, given as its octaves, upright, `SIDE` samples wide."""
    wanted = square.side / SIDE
    picture, scale = next((each for each in held if wanted / each[1] <= _COARSEST), held[-1])
    step = wanted / scale
    cos, sin = step * np.cos(square.turn), step * np.sin(square.turn)
    linear = np.array([[cos, -sin], [sin, cos]])
    middle = (np.array([square.x, square.y]) + 0.5) / scale - 0.5
    matrix = np.concatenate([linear, (middle - linear @ np.full(2, (SIDE - 1) / 2))[:, None]], axis=1)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    seen = cv2.warpAffine(picture, matrix, (SIDE, SIDE), flags=flags, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(seen, np.uint8)


def _as_needed(picture: Picture, step: float) -> Iterator[tuple[Picture, float]]:
    """Octaves down to the one that a square of `step` is cut from."""
    for octave, scale in octaves(picture):
        yield octave, scale
        if step / scale <= _COARSEST:
            return
