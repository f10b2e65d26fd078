"""The shape of a head from several views of it: one identity, and for every view its own pose and expression.

After the idea of MVF-Net (Wu et al., CVPR 2019), that all views of a person must agree on one shape, solved here by
alternating least squares on landmarks instead of by a net: pose in closed form (orthographic projection, scale and
turn by SVD), expression within its bounds, identity in one system over all views. Expression is free in every view,
because the views of a tape are not taken at the same moment.

Axes: x to the right of the picture, y down, z away from the camera. Lengths of the model are millimetres.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import lsq_linear

from footlights.errors import ParameterError

Points = NDArray[np.float64]

_ROUNDS = 8
_NOISE = 3.0
"""mm: how far a landmark lies from the point of the model it stands for (faces.md measured 1.5–2.3 in clips)."""
_IDENTITY = 1.0
_EXPRESSION = 2.0
"""What one squared standard deviation, or one full expression, costs in squared errors of a landmark."""
_HIDDEN = 0.1
"""Weight of a landmark on the side that is turned away: there the landmark net guesses."""


@dataclass(frozen=True, slots=True)
class FaceModel:
    """A morphable face: mean, directions of identity with variance one, expressions from 0 to 1."""

    mean: Points
    """`(V, 3)` mm."""
    identity: Points
    """`(K, V, 3)` mm for one standard deviation."""
    expression: Points
    """`(E, V, 3)` mm at full strength."""
    triangles: NDArray[np.int64]
    """`(F, 3)`: vertices, clockwise as the camera sees the outside (y points down)."""
    landmarks: NDArray[np.int64]
    """`(L,)`: the vertex that each landmark of the net stands for; -1 where there is none."""

    def shape(self, coefficients: Points, expression: Points | None = None) -> Points:
        """`(V, 3)` mm of an identity `(K,)`, at rest or with an expression `(E,)`."""
        made = self.mean + np.tensordot(coefficients, self.identity, 1)
        return made if expression is None else made + np.tensordot(expression, self.expression, 1)


@dataclass(frozen=True, slots=True)
class View:
    """How a head stands in one picture: `scale * rotation @ X`, its first two rows, plus `shift`."""

    rotation: Points
    """`(3, 3)`."""
    scale: float
    """Samples of the picture a millimetre."""
    shift: Points
    """`(2,)` samples."""
    expression: Points
    """`(E,)` 0..1."""

    def project(self, shape: Points) -> Points:
        """`(V, 3)` mm → `(V, 2)` samples."""
        return self.scale * shape @ self.rotation[:2].T + self.shift

    def depth(self, shape: Points) -> Points:
        """`(V,)` samples: larger is farther."""
        return self.scale * shape @ self.rotation[2]

    @property
    def angles(self) -> tuple[float, float, float]:
        """Degrees: yaw (positive: to the right of the picture), pitch (positive: up), roll (positive: clockwise)."""
        x, y, z = self.rotation @ np.array([0.0, 0.0, -1.0])
        right = self.rotation @ np.array([1.0, 0.0, 0.0])
        yaw, pitch = np.arctan2(x, -z), np.arcsin(np.clip(-y, -1, 1))
        return float(np.degrees(yaw)), float(np.degrees(pitch)), float(np.degrees(np.arctan2(right[1], right[0])))


@dataclass(frozen=True, slots=True)
class FaceFit:
    """One head, and every view of it."""

    coefficients: Points
    """`(K,)` standard deviations."""
    views: tuple[View, ...]
    errors: tuple[float, ...]
    """Root mean square distance between landmarks and model of each view, mm, over landmarks that are in sight."""


def fit(model: FaceModel, landmarks: Points, *, trust: Points | None = None) -> FaceFit:
    """Fit `model` to landmarks `(N, L, 2)` of N ≥ 1 views of one person, in samples; NaN where one is not known.

    `trust` `(N,)` weighs whole views. Raise ParameterError where a view has fewer than six known landmarks, or all of
    them in one place.
    """
    known = model.landmarks >= 0
    seen = landmarks[:, known]
    used = np.asarray(np.isfinite(seen).all(-1))
    _check(seen, used)
    places = model.landmarks[known]
    part = FaceModel(model.mean[places], model.identity[:, places], model.expression[:, places], _NO_TRIANGLES, places)
    normals = vertex_normals(model.mean, model.triangles)[places]
    seen = np.where(used[..., None], seen, 0)
    identity = np.zeros(len(model.identity))
    weights = used * (np.ones(len(seen)) if trust is None else trust)[:, None]
    views = [_pose(part.mean, x, w, np.zeros(len(model.expression))) for x, w in zip(seen, weights, strict=True)]
    for _ in range(_ROUNDS):
        turned = [weights[f] * in_sight(normals, view, least=_HIDDEN) for f, view in enumerate(views)]
        views = [_view(part, identity, seen[f], turned[f], view) for f, view in enumerate(views)]
        identity = _identity(part, views, seen, turned)
    errors = tuple(_error(part, identity, view, seen[f], turned[f]) for f, view in enumerate(views))
    return FaceFit(identity, tuple(views), errors)


def vertex_normals(shape: Points, triangles: NDArray[np.int64]) -> Points:
    """`(V, 3)` unit normals that point outward (towards smaller z on a face that looks at the camera)."""
    a, b, c = (shape[triangles[:, k]] for k in range(3))
    across = np.cross(b - a, c - a)
    normals = np.zeros_like(shape)
    for k in range(3):
        np.add.at(normals, triangles[:, k], across)
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)


def in_sight(normals: Points, view: View, *, least: float = 0.0) -> Points:
    """`(V,)` `least`..1: how much of a point's surroundings faces the camera; full from 30° above the edge of sight."""
    facing = -normals @ view.rotation[2]
    ramp = np.clip(facing / 0.5, 0, 1)
    return np.asarray(least + (1 - least) * ramp)


def apart(found: Points, true: Points) -> float:
    """Root mean square distance of two shapes `(V, 3)` of the same points, mm, after the best shift, turn and scale."""
    a, b = found - found.mean(0), true - true.mean(0)
    left, size, right = np.linalg.svd(a.T @ b)
    flip = np.array([1, 1, np.sign(np.linalg.det(left @ right))])
    moved = (size @ flip) / np.sum(a * a) * a @ (left * flip) @ right
    return float(np.sqrt(np.mean(np.sum((moved - b) ** 2, 1))))


_NO_TRIANGLES = np.zeros((0, 3), np.int64)


def _check(seen: Points, used: NDArray[np.bool_]) -> None:
    if seen.ndim != 3 or not len(seen):
        raise ParameterError("landmarks", seen.shape, "give one or more views of shape (landmarks, 2)")
    for view, known in zip(seen, used, strict=True):
        if known.sum() < 6 or np.ptp(view[known], axis=0).max() <= 0:
            raise ParameterError("landmarks", int(known.sum()), "every view needs six landmarks that lie apart")


def _pose(shape: Points, seen: Points, weight: Points, expression: Points) -> View:
    """The weak-perspective pose that brings `shape` nearest to what was seen: affine fit, then the nearest rotation."""
    share = weight / weight.sum()
    middle, centre = share @ shape, share @ seen
    root = np.sqrt(share)[:, None]
    affine, *_ = np.linalg.lstsq((shape - middle) * root, (seen - centre) * root, rcond=None)
    left, size, right = np.linalg.svd(affine.T, full_matrices=False)
    rows = left @ right
    rotation = np.vstack([rows, np.cross(rows[0], rows[1])])
    scale = float(size.mean())
    return View(rotation, scale, centre - scale * rows @ middle, expression)


def _view(part: FaceModel, identity: Points, seen: Points, weight: Points, before: View) -> View:
    view = _pose(part.shape(identity, before.expression), seen, weight, before.expression)
    if not len(part.expression):
        return view
    root = np.sqrt(weight)[:, None] / _NOISE
    rest = (seen - view.project(part.shape(identity))) / view.scale * root
    columns = (part.expression @ view.rotation[:2].T * root).reshape(len(part.expression), -1).T
    ridge = np.sqrt(_EXPRESSION) * np.eye(len(part.expression))
    solved = lsq_linear(np.vstack([columns, ridge]), np.concatenate([rest.ravel(), np.zeros(len(ridge))]), (0, 1))
    return _pose(part.shape(identity, solved.x), seen, weight, solved.x)


def _identity(part: FaceModel, views: list[View], seen: Points, weights: list[Points]) -> Points:
    """One system over all views."""
    count = len(part.identity)
    matrix, right = _IDENTITY * np.eye(count), np.zeros(count)
    for view, x, weight in zip(views, seen, weights, strict=True):
        root = np.sqrt(weight)[:, None] / _NOISE
        still = part.mean + np.tensordot(view.expression, part.expression, 1)
        rest = ((x - view.project(still)) / view.scale * root).ravel()
        columns = (part.identity @ view.rotation[:2].T * root).reshape(count, -1)
        matrix += columns @ columns.T
        right += columns @ rest
    return np.asarray(np.linalg.solve(matrix, right), np.float64)


def _error(part: FaceModel, identity: Points, view: View, seen: Points, weight: Points) -> float:
    away = (seen - view.project(part.shape(identity, view.expression))) / view.scale
    return float(np.sqrt(np.sum(weight * np.sum(away**2, 1)) / np.sum(weight)))
