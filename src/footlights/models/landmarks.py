"""Landmarks of one face and what its rigid points say of crop and pose, whichever net has told them.

Only points that neither speech nor brows move count; the template of them is the mean of the face mesh's own shapes of
72 synthetic frontal faces (SFHQ), so that crop and net agree. Head rotation: Kabsch, "A solution for the best
rotation", 1976.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
"""`(N, 3)`: x and y in samples of the picture, z as deep as those are wide, towards the camera negative."""

_MOUTH = (61, 291)
_MOUTH_WEIGHT = 0.4
_TEMPLATE = (
    (33, -0.1725, -0.0787, 0.0345), (133, -0.0669, -0.0710, 0.0141), (362, 0.0669, -0.0710, 0.0141),
    (263, 0.1725, -0.0787, 0.0345), (1, 0.0000, 0.0751, -0.1176), (4, 0.0000, 0.0510, -0.1269),
    (5, 0.0000, 0.0186, -0.1198), (6, 0.0000, -0.0612, -0.0643), (168, 0.0000, -0.0917, -0.0499),
    (197, 0.0000, -0.0337, -0.0816), (195, 0.0000, -0.0084, -0.1003), (2, 0.0000, 0.0959, -0.0566),
    (98, -0.0649, 0.0855, -0.0270), (327, 0.0649, 0.0855, -0.0270), (129, -0.0791, 0.0595, -0.0149),
    (358, 0.0791, 0.0595, -0.0149), (127, -0.2589, -0.0721, 0.2223), (356, 0.2589, -0.0721, 0.2223),
    (234, -0.2546, -0.0202, 0.2438), (454, 0.2546, -0.0202, 0.2438), (162, -0.2566, -0.1269, 0.1794),
    (389, 0.2566, -0.1269, 0.1794), (70, -0.2163, -0.1350, 0.0336), (105, -0.1569, -0.1653, -0.0250),
    (107, -0.0561, -0.1563, -0.0583), (300, 0.2163, -0.1350, 0.0336), (334, 0.1569, -0.1653, -0.0250),
    (336, 0.0561, -0.1563, -0.0583), (10, 0.0000, -0.2787, -0.0462), (151, 0.0000, -0.2166, -0.0558),
    (9, 0.0000, -0.1520, -0.0611), (116, -0.2366, -0.0195, 0.0855), (345, 0.2366, -0.0195, 0.0855),
    (123, -0.2332, 0.0298, 0.0832), (352, 0.2332, 0.0298, 0.0832), (50, -0.1833, 0.0415, 0.0199),
    (280, 0.1833, 0.0415, 0.0199), (61, -0.0987, 0.1656, 0.0257), (291, 0.0987, 0.1656, 0.0257),
)  # fmt: skip
"""Rigid points of the mesh in a crop of side 1 around its middle: corners of the eyes, nose, temples, brows, forehead,
cheeks, and corners of the mouth with less weight. x to the right, y down, z away from the camera."""
ROOM = 1.5
"""Side of the square the nets see, over the extent of the landmarks."""
_RIGHT_EYE, _LEFT_EYE = (33, 133), (362, 263)


@dataclass(frozen=True, slots=True)
class Square:
    """Where the net looks: middle, side and turn in radians."""

    x: float
    y: float
    side: float
    turn: float


@dataclass(frozen=True, slots=True)
class Mesh:
    """One face as a net sees it."""

    points: Points
    """By the numbers of the face mesh, `(468, 3)`; what the net does not tell is NaN."""
    presence: float
    """0..1: how sure the net is that there is a face in its square."""

    @property
    def middle(self) -> Points:
        return np.asarray((np.nanmin(self.points[:, :2], axis=0) + np.nanmax(self.points[:, :2], axis=0)) / 2)

    @property
    def square(self) -> Square:
        """Where the net should look for the same face."""
        right, left = (self.points[list(eye), :2].mean(axis=0) for eye in (_RIGHT_EYE, _LEFT_EYE))
        x, y = self.middle
        flat = self.points[:, :2]
        extent = float((np.nanmax(flat, axis=0) - np.nanmin(flat, axis=0)).max())
        return Square(float(x), float(y), ROOM * extent, float(np.arctan2(left[1] - right[1], left[0] - right[0])))


RIGID = tuple(row[0] for row in _TEMPLATE)
_INDEX = np.array(RIGID)
_SHAPE: Points = np.array([row[1:] for row in _TEMPLATE])
_WEIGHTS: Points = np.where(np.isin(_INDEX, _MOUTH), _MOUTH_WEIGHT, 1.0)


def crop_of(mesh: Mesh) -> Points:
    """Side, turn in radians, x and y of the middle of a face's crop: the similarity that lays the template on it."""
    seen = mesh.points[_INDEX, 0] + 1j * mesh.points[_INDEX, 1]
    model = _SHAPE[:, 0] + 1j * _SHAPE[:, 1]
    weights = _WEIGHTS / _WEIGHTS.sum()
    seen_middle, model_middle = weights @ seen, weights @ model
    apart = model - model_middle
    scale = (weights * np.conj(apart)) @ (seen - seen_middle) / (weights @ np.abs(apart) ** 2)
    middle = seen_middle - scale * model_middle
    return np.array([np.abs(scale), np.angle(scale), middle.real, middle.imag])


def pose_of(mesh: Mesh) -> Points:
    """Yaw (positive: towards the right of the picture), pitch (positive: up) and roll (clockwise) in degrees."""
    weights = (_WEIGHTS / _WEIGHTS.sum())[:, None]
    seen = mesh.points[_INDEX]
    left, right = _SHAPE - (weights * _SHAPE).sum(axis=0), seen - (weights * seen).sum(axis=0)
    u, _, vt = np.linalg.svd((weights * left).T @ right)
    turn = vt.T @ np.diag([1.0, 1.0, np.sign(np.linalg.det(vt.T @ u.T))]) @ u.T
    forward = turn @ np.array([0.0, 0.0, -1.0])
    yaw = np.degrees(np.arctan2(forward[0], -forward[2]))
    pitch = np.degrees(np.arcsin(np.clip(-forward[1], -1, 1)))
    roll = np.degrees(np.arctan2(turn[1, 0], turn[0, 0]))
    return np.array([yaw, pitch, roll])
