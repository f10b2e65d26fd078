"""Landmarks of one face by the face mesh, from a square around it.

Net: Kartynnik et al., "Real-time facial surface geometry from monocular video on mobile GPUs", 2019.
"""

from __future__ import annotations

import cv2
import numpy as np

from footlights.models.faces import Face, Picture, peak_of, seen_best, soft_skin
from footlights.models.landmarks import ROOM, Mesh, Square
from footlights.models.runtime import Net

_SIDE = 192


class FaceMesh:
    """Finds the landmarks of a face that is known to be about here; holds one compiled net."""

    def __init__(self, *, threads: int = 0) -> None:
        self._net = Net("face_landmark", threads=threads)

    def look(self, picture: Picture, square: Square, peak: float) -> Mesh:
        """The face in a square of a picture, whatever the presence; `peak` is `brightness(picture)`.

        The net is shown brightness painted weakly warm, because it knows skin by its hue; in coloured light that clips,
        luma where that shows it nobody.
        """
        step = square.side / _SIDE
        cos, sin = step * np.cos(square.turn), step * np.sin(square.turn)
        middle = (_SIDE - 1) / 2
        matrix = np.array([[cos, -sin, square.x - middle * (cos - sin)], [sin, cos, square.y - middle * (sin + cos)]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        crop = np.asarray(cv2.warpAffine(picture, matrix, (_SIDE, _SIDE), flags=flags), np.uint8)
        points, presence = seen_best(self._net, crop, soft_skin(crop, peak))
        raw = points.reshape(-1, 3).astype(np.float64)
        flat = raw[:, :2] @ matrix[:, :2].T + matrix[:, 2]
        return Mesh(np.concatenate([flat, raw[:, 2:] * step], axis=1), presence)


def brightness(picture: Picture) -> float:
    """What counts as bright in a picture: every fourth sample of every fourth line tells enough."""
    return peak_of(np.sqrt((picture[::4, ::4].astype(np.float32) ** 2).sum(axis=2)))


def square_of(face: Face) -> Square:
    """Where the mesh begins to look for a face that the detector has found."""
    right, left = np.array(face.points[0]), np.array(face.points[1])
    turn = float(np.arctan2(left[1] - right[1], left[0] - right[0]))
    x, y = face.left + face.width / 2, face.top + face.height / 2
    return Square(x, y, ROOM * max(face.width, face.height), turn)
