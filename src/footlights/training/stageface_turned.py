"""Faces turned out of the picture's plane: the texture of a frontal face on its own mesh, seen from the side.

The mesh is what the face mesh says of the clean picture (468 points with depth). What was hidden stays hidden, so no
face is turned to where most of what would be seen was not: beyond a three-quarter view this is no profile.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.core.clip import Plane
from footlights.models.face3d import built_in

Values = NDArray[np.float64]

_SUBSAMPLES = 4
"""Bits of a sample that corners are drawn to."""
_EYES = ((33, 133), (362, 263))
_ANCHORS = (*_EYES, (1,), (13, 14), (234,), (454,))
"""Landmarks that the six points of a box move with: eyes, nose tip, mouth, ears."""
_YAW, _PITCH = (0.25, 1.1), 0.14
"""Radians: range of yaw to either side, and deviation of pitch."""
_HEAD, _BEHIND = (0.37, 0.47), 0.3
"""Half axes of the head behind the face, and how far behind its middle lies, in sides."""
_FEATHER = 0.012


def draw_turn(rng: np.random.Generator) -> Values:
    """A rotation `(3, 3)` of the head: some yaw, a little pitch."""
    yaw = float(rng.uniform(*_YAW)) * (1 if rng.random() < 0.5 else -1)
    pitch = float(rng.normal(0, _PITCH))
    cos, sin = np.cos(yaw), np.sin(yaw)
    about_y = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])
    cos, sin = np.cos(pitch), np.sin(pitch)
    return np.asarray(np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]]) @ about_y)


def turned_points(mesh: Values, turn: Values) -> Values:
    """A mesh `(468, 3)` after a rotation about its middle."""
    middle = (mesh.min(axis=0) + mesh.max(axis=0)) / 2
    return np.asarray((mesh - middle) @ turn.T + middle)


def turned_box(box: Values, mesh: Values, after: Values) -> Values:
    """A label's row `(16,)` of a mesh as it is after a turn: the box follows the extent, the points their landmarks."""
    pairs = box.reshape(8, 2).copy()
    low, high = mesh[:, :2].min(axis=0), mesh[:, :2].max(axis=0)
    new_low, new_high = after[:, :2].min(axis=0), after[:, :2].max(axis=0)
    share = (new_high - new_low) / (high - low)
    pairs[0] = (new_low + new_high) / 2 + (pairs[0] - (low + high) / 2) * share
    pairs[1] *= share
    for row, anchors in enumerate(_ANCHORS, start=2):
        pairs[row] += (after[list(anchors), :2] - mesh[list(anchors), :2]).mean(axis=0)
    return np.asarray(pairs.reshape(-1))


def turned_picture(
    colours: Plane, mesh: Values, after: Values, side: float, rng: np.random.Generator
) -> tuple[Plane, Plane]:
    """R'G'B' `(S, S, 3)` of a face whose mesh lay at `mesh`, in samples about the middle, and lies at `after`; and how
    much of each sample is face or head. Sometimes there is a head with hair behind the face."""
    size = len(colours)
    middle = (size - 1) / 2
    shown, there = _drawn(colours, mesh[:, :2] + middle, after + np.array([middle, middle, 0]))
    soft = max(_FEATHER * side, 0.4)
    alpha = np.clip(2 * cv2.GaussianBlur(there, (0, 0), soft) - 1, 0, 1)[..., None]
    if rng.random() < 0.3:
        return shown, np.asarray(alpha[..., 0], np.float32)
    hair, head = _head(colours, mesh, after, side, rng)
    return np.asarray(hair + alpha * (shown - hair), np.float32), np.maximum(head, alpha[..., 0]).astype(np.float32)


def _drawn(colours: Plane, source: Values, target: Values) -> tuple[Plane, Plane]:
    """The triangles that face the camera, the far ones first, each with its own affine map back to the source."""
    triangles = _triangles()
    corners = target[triangles]
    before, now = _areas(source[triangles]), _areas(corners[..., :2])
    facing = np.flatnonzero((before * now > 0) & (np.abs(now) > 1e-3))
    order = facing[np.argsort(-corners[facing, :, 2].mean(axis=1))]
    index = np.zeros(colours.shape[:2], np.float32)
    drawn = np.round(corners[..., :2] * 2**_SUBSAMPLES).astype(np.int32)
    for triangle in order:
        cv2.fillConvexPoly(index, drawn[triangle], float(triangle + 1), cv2.LINE_8, _SUBSAMPLES)
    there = index > 0
    one = np.concatenate([corners[order][..., :2], np.ones((len(order), 3, 1))], axis=-1)
    maps = np.zeros((len(triangles), 3, 2))
    maps[order] = np.linalg.solve(one, source[triangles[order]])
    y, x = np.nonzero(there)
    back = np.full((2, *index.shape), -1e4, np.float32)
    own = maps[index[there].astype(int) - 1]
    back[:, y, x] = np.einsum("nk,nkc->cn", np.stack([x, y, np.ones(len(x))], axis=1), own)
    shown = cv2.remap(colours, back[0], back[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(shown, np.float32), there.astype(np.float32)


def _head(colours: Plane, mesh: Values, after: Values, side: float, rng: np.random.Generator) -> tuple[Plane, Plane]:
    """Something like hair, and the oval it fills: behind the face, so a turn carries it to the other side."""
    size = len(colours)
    grid = np.arange(size) - (size - 1) / 2
    forward = np.cross(after[454] - after[234], after[152] - after[10])
    forward /= max(float(np.linalg.norm(forward)), 1e-9)
    if forward[2] > 0:
        forward = -forward
    place = (after.min(axis=0) + after.max(axis=0))[:2] / 2 - _BEHIND * side * forward[:2]
    place[1] -= 0.08 * side
    wide, high = (axis * side * float(rng.uniform(0.9, 1.15)) for axis in _HEAD)
    radius = np.hypot((grid[None, :] - place[0]) / wide, (grid[:, None] - place[1]) / high)
    alpha = np.clip((1 - radius) / 0.08, 0, 1)
    top = mesh[10, :2] + (size - 1) / 2
    patch = cv2.getRectSubPix(
        colours, (max(size // 8, 4), max(size // 16, 4)), (float(top[0]), float(top[1]) - 0.1 * side)
    )
    grain = rng.normal(1, 0.25, (max(size // 6, 3), max(size // 24, 3), 1)).astype(np.float32)
    strands = cv2.resize(grain, (size, size), interpolation=cv2.INTER_CUBIC)[..., None]
    tone = patch.reshape(-1, 3).mean(axis=0) * float(rng.uniform(0.4, 1.1))
    return np.clip(tone * strands, 0, 1.2).astype(np.float32), np.asarray(alpha, np.float32)


def _areas(corners: Values) -> Values:
    one, two = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    return np.asarray(one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0])


@lru_cache(maxsize=1)
def _triangles() -> NDArray[np.int64]:
    return np.asarray(built_in().triangles)
