"""Heads that share no construction with the built-in shape model: its mean stretched, with bumps where faces differ."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from footlights.core.face_shape import FaceModel, View

Points = NDArray[np.float64]

_BUMPS = (
    ((4, 1, 5), (0, 1.5, 3), 14),  # tip of the nose
    ((168, 6, 197), (0, 0, 2), 12),  # its bridge
    ((152, 148, 377), (0, 3, 3), 20),  # chin
    ((70, 63, 105, 66, 107, 336, 296, 334, 293, 300), (0, 1.2, 1.8), 12),  # brows
    ((10, 109, 338), (0, 2, 3), 25),  # forehead
)
_WIDTHS = (((98, 64), (327, 294), 1.2, 9), ((172, 58, 136), (397, 288, 365), 3, 25), ((50, 101), (280, 330), 1.5, 16))
"""Nostrils, jaw, cheeks: points of both sides, mm, reach in mm."""


def head(rng: np.random.Generator, model: FaceModel) -> Points:
    """`(468, 3)` mm, about 2.3 mm (root mean square) away from the mean."""
    base = model.mean
    shape = base * (1 + rng.normal(0, [0.03, 0.035, 0.05]))
    for points, size, reach in _BUMPS:
        shape = shape + _near(base, points, reach) * (rng.normal(0, 1, 3) * size)
    for left, right, size, reach in _WIDTHS:
        wide = rng.normal(0, size)
        shape[:, 0] += (wide * (_near(base, right, reach) - _near(base, left, reach)))[:, 0]
    centres = base[rng.choice(len(base), 40, replace=False)]
    far = np.linalg.norm(base[:, None] - centres[None], axis=-1)
    return shape + np.exp(-0.5 * (far / 22) ** 2) @ rng.normal(0, 0.45, (40, 3))


def view(yaw: float, pitch: float = 0, roll: float = 0, *, scale: float = 1.5) -> View:
    """A head turned by degrees: right, up, clockwise; no expression."""
    y, p, r = np.radians([yaw, pitch, roll])
    about_y = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    return View(about_z @ about_x @ about_y, scale, np.array([256.0, 170.0]), np.zeros(0))


def seen(rng: np.random.Generator, shape: Points, model: FaceModel, yaws: tuple[float, ...], noise: float) -> Points:
    """Landmarks `(N, 468, 2)` of views near the `yaws`, each with an expression of its own, off by `noise` mm."""
    found = []
    for yaw in yaws:
        mood = rng.uniform(0, 0.5, len(model.expression)) * (rng.random(len(model.expression)) < 0.4)
        at = view(yaw + rng.normal(0, 4), rng.normal(0, 6), rng.normal(0, 5))
        points = at.project(shape + np.tensordot(mood, model.expression, 1))
        found.append(points + rng.normal(0, noise * at.scale, points.shape))
    return np.array(found)


def _near(base: Points, points: tuple[int, ...], reach: float) -> Points:
    """`(468, 1)` 1 at the points, less with distance (Gaussian of `reach` mm)."""
    far = np.min(np.linalg.norm(base[:, None] - base[None, list(points)], axis=-1), axis=1)
    return np.exp(-0.5 * (far / reach) ** 2)[:, None]
