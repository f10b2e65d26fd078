"""The 468 landmarks of faces in one picture, with relative depth, and names for groups of them.

The net is the face mesh of Kartynnik et al., "Real-time facial surface geometry from monocular video", 2019; it is
asked twice, the second time upright and centred by its own first answer. Numbers of landmarks are those of its mesh.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.models.faces import FaceFinder, Picture
from footlights.models.runtime import Net

OUTER_CANTHI = (33, 263)
"""Outer corners of the eyes: the person's right (left in the picture) first."""
EYES = ((33, 133), (362, 263))
MOUTH_CORNERS = (61, 291)
JAW_AXIS = (234, 454)
LIPS_UPPER = (185, 40, 39, 37, 0, 267, 269, 270, 409, 191, 80, 81, 82, 13, 312, 311, 310, 415)
LIPS_LOWER = (146, 91, 181, 84, 17, 314, 405, 321, 375, 95, 88, 178, 87, 14, 317, 402, 318, 324)
BROWS = (70, 63, 105, 66, 107, 46, 53, 52, 65, 55, 300, 293, 334, 296, 336, 276, 283, 282, 295, 285)
UPPER_LIDS = (161, 160, 159, 158, 157, 388, 387, 386, 385, 384)
LOWER_LIDS = (163, 144, 145, 153, 154, 390, 373, 374, 380, 381)
IBUG_51 = (
    *(70, 63, 105, 66, 107, 336, 296, 334, 293, 300),
    *(168, 197, 5, 4, 75, 97, 2, 326, 305),
    *(33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380),
    *(61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87),
)
"""The landmark nearest to each of the 51 inner points of the 68-point markup (brows, nose, eyes, mouth; the person's
right first), in its order."""

_SIDE = 192
_LARGE = 720
"""Samples: pictures are searched at no more than that; landmarks are read from the full picture."""


@dataclass(frozen=True, slots=True)
class Marked:
    """One face."""

    points: NDArray[np.float64]
    """`(468, 3)` samples of the picture: x, y, and depth in the same unit (larger is farther, the mean is free)."""
    presence: float
    """0..1."""


class FacePoints:
    """Finds faces and their landmarks in single pictures."""

    def __init__(self, *, threads: int = 0) -> None:
        self._finder = FaceFinder(threads=threads)
        self._mesh = Net("face_landmark", threads=threads)

    def find(self, picture: Picture) -> list[Marked]:
        """Faces of an R'G'B' picture `(H, W, 3)`, the largest first."""
        step = max(1.0, max(picture.shape[:2]) / _LARGE)
        small = picture
        if step > 1:
            size = (round(picture.shape[1] / step), round(picture.shape[0] / step))
            small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
        found = []
        for face in sorted(self._finder.find(small, judge="mesh"), key=lambda one: -one.width * one.height):
            middle = np.array([face.left + face.width / 2, face.top + face.height / 2]) * step
            eyes = np.subtract(face.points[1], face.points[0])
            marked = self.read(picture, middle, 1.5 * max(face.width, face.height) * step, np.arctan2(eyes[1], eyes[0]))
            found.append(self._again(picture, marked))
        return found

    def _again(self, picture: Picture, marked: Marked) -> Marked:
        flat = marked.points[:, :2]
        eyes = flat[OUTER_CANTHI[1]] - flat[OUTER_CANTHI[0]]
        low, high = flat.min(0), flat.max(0)
        return self.read(picture, (low + high) / 2, 1.5 * float(max(high - low)), np.arctan2(eyes[1], eyes[0]))

    def read(self, picture: Picture, middle: NDArray[np.float64], side: float, turn: float) -> Marked:
        """Landmarks from the square of `side` samples about `middle`, turned by `turn` radians."""
        into = cv2.getRotationMatrix2D((float(middle[0]), float(middle[1])), float(np.degrees(turn)), _SIDE / side)
        into[:, 2] += (_SIDE - 1) / 2 - middle
        crop = cv2.warpAffine(_softened(picture, side), into, (_SIDE, _SIDE), flags=cv2.INTER_LINEAR)
        points, presence = self._mesh(crop[None].astype(np.float32) / np.float32(255))
        back = cv2.invertAffineTransform(into)
        raw = points.reshape(-1, 3).astype(np.float64)
        flat = raw[:, :2] @ back[:, :2].T + back[:, 2]
        sure = float(1 / (1 + np.exp(-float(presence.reshape(-1)[0]))))
        return Marked(np.column_stack([flat, raw[:, 2] * side / _SIDE]), sure)


def _softened(picture: Picture, side: float) -> Picture:
    """Without what the net's 192 samples cannot show: a large face would alias."""
    step = side / _SIDE
    return picture if step <= 1.5 else np.asarray(cv2.GaussianBlur(picture, (0, 0), step / 3), np.uint8)
