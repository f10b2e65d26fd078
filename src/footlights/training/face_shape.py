"""The built-in face shape: mean, identities and expressions, made from the landmark net's view of licence-clean faces.

    python -m footlights.training.face_shape --data DATA --out src/footlights/models/weights/face_shape.npz

The landmarks of every face (468 points with relative depth) are laid over each other (Gower, "Generalized Procrustes
analysis", 1975), made symmetric by adding their mirror images, freed of the expressions below. Their covariance, and
that of smooth deformations that those faces happen not to show (Lüthi et al., "Gaussian process morphable models",
2018), give the directions of identity. The landmark net's depth is itself learned, so that this is a model of faces as
that net sees them. Expressions are drawn by hand: displacements of named groups of landmarks.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment, lsq_linear
from scipy.spatial import Delaunay

from footlights.models.face_points import (
    BROWS,
    JAW_AXIS,
    LIPS_LOWER,
    LIPS_UPPER,
    LOWER_LIDS,
    MOUTH_CORNERS,
    OUTER_CANTHI,
    UPPER_LIDS,
    FacePoints,
)
from footlights.training.sources import find_sources, read_picture

Points = NDArray[np.float64]

_CANTHI = 89.0
"""mm between the outer corners of the eyes of a mean adult (Farkas, "Anthropometry of the Head and Face", 1994)."""
_MODES = 60
"""Directions kept: 97 % of the variance."""
_SMOOTH = 30.0
_FREE = 1.5
"""mm: reach and standard deviation, along each axis, of the smooth deformations."""
_ROUNDS = 8
_SURE = 0.9


def main(arguments: Sequence[str] | None = None) -> None:
    """Find landmarks, build the model, write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args(arguments)
    faces = np.array(list(_landmarks(find_sources(chosen.data, held_out=False).faces)))
    mean, identity, expression, triangles = build(faces)
    half = {"mean": mean, "identity": identity, "expression": expression}
    np.savez_compressed(
        chosen.out,
        allow_pickle=False,
        **{name: value.astype(np.float16) for name, value in half.items()},
        triangles=triangles.astype(np.int16),
    )


def _landmarks(pictures: Sequence[Path]) -> Iterator[Points]:
    points = FacePoints(threads=1)
    for path in pictures:
        for face in points.find(read_picture(path))[:1]:
            if face.presence > _SURE:
                yield face.points


def build(faces: Points) -> tuple[Points, Points, Points, NDArray[np.int64]]:
    """Mean `(468, 3)`, identities and expressions `(…, 468, 3)` in mm, and triangles, from faces `(N, 468, 3)`."""
    mirror = _mirror(_upright(_mean(faces)))
    both = np.concatenate([faces, _flip(faces, mirror)])
    mean = _upright(_mean(both))
    mean = (mean + _flip(mean[None], mirror)[0]) / 2
    expression = expressions(mean)
    laid = np.array([_onto(face, mean) for face in both])
    still = np.array([_at_rest(face, mean, expression) for face in laid])
    mean = still.mean(0)
    return mean, _identities(still - mean, mean), expression, _triangles(mean)


def expressions(mean: Points) -> Points:
    """Jaw open, smile, pucker, brows up, brows together, eyes closed: `(6, 468, 3)` mm."""
    made = np.zeros((6, *mean.shape))
    made[0] = _jaw(mean)
    made[1] = _pull(mean, MOUTH_CORNERS, [(-8, -6, 4), (8, -6, 4)], 16)
    made[2] = _pull(mean, MOUTH_CORNERS, [(9, 0, -4), (-9, 0, -4)], 14)
    made[3] = _pull(mean, BROWS, [(0, -8, 0)] * len(BROWS), 8)
    inward = [(-4.0 * np.sign(mean[k, 0]), 3.0, 0.0) for k in BROWS]
    made[4] = _pull(mean, BROWS, inward, 8)
    for lid, lower in zip(UPPER_LIDS, LOWER_LIDS, strict=True):
        made[5][lid] = mean[lower] - mean[lid]
    return made


def _identities(away: Points, mean: Points) -> Points:
    flat = away.reshape(len(away), -1)
    distance = np.linalg.norm(mean[:, None] - mean[None], axis=-1)
    free = _FREE**2 * np.exp(-0.5 * (distance / _SMOOTH) ** 2)
    size, modes = np.linalg.eigh(flat.T @ flat / len(flat) + np.kron(free, np.eye(3)))
    kept = modes[:, : -_MODES - 1 : -1] * np.sqrt(size[: -_MODES - 1 : -1])
    return np.asarray(kept.T.reshape(_MODES, -1, 3))


def _jaw(mean: Points) -> Points:
    """Everything below the line of the lips turns by 15° about the axis through the ears."""
    pivot = mean[list(JAW_AXIS)].mean(0)
    angle = np.radians(15)
    turn = np.array([[1, 0, 0], [0, np.cos(angle), np.sin(angle)], [0, -np.sin(angle), np.cos(angle)]])
    opened = (mean - pivot) @ turn.T + pivot - mean
    line = mean[list(MOUTH_CORNERS), 1].mean()
    share = np.clip((mean[:, 1] - line) / 12, 0, 1) * np.clip((pivot[2] - mean[:, 2]) / 30, 0, 1)
    share[list(LIPS_UPPER)] = 0
    share[list(LIPS_LOWER)] = 1
    share[list(MOUTH_CORNERS)] = 0.5
    return opened * share[:, None]


def _pull(mean: Points, points: Sequence[int], moves: Sequence[Sequence[float]], reach: float) -> Points:
    """Points that are moved take their surroundings along, less with distance (Gaussian of `reach` mm)."""
    distance = np.linalg.norm(mean[:, None] - mean[None, list(points)], axis=-1)
    near = np.exp(-0.5 * (distance / reach) ** 2)
    share = near.max(1)
    return np.asarray(share[:, None] * (near @ np.asarray(moves, float)) / np.maximum(near.sum(1), 1e-9)[:, None])


def _mean(faces: Points) -> Points:
    mean = faces[0] - faces[0].mean(0)
    for _ in range(_ROUNDS):
        mean = np.mean([_onto(face, mean) for face in faces], axis=0)
        mean *= _CANTHI / np.linalg.norm(np.subtract(*mean[list(OUTER_CANTHI)]))
    return mean


def _onto(face: Points, mean: Points) -> Points:
    a, b = face - face.mean(0), mean - mean.mean(0)
    left, size, right = np.linalg.svd(a.T @ b)
    flip = np.array([1, 1, np.sign(np.linalg.det(left @ right))])
    return np.asarray((size @ flip) / np.sum(a * a) * a @ (left * flip) @ right + mean.mean(0))


def _mirror(mean: Points) -> NDArray[np.int64]:
    """The landmark on the other side of every landmark, of a face that looks straight ahead: mirrored with a tilt, it
    would lie beside itself, and neighbours would be taken for each other."""
    other = mean * [-1, 1, 1]
    for _ in range(_ROUNDS):
        order = linear_sum_assignment(np.linalg.norm(mean[:, None] - other[None], axis=-1))[1]
        other = _onto(other[order], mean)[np.argsort(order)]
    return np.asarray(order, np.int64)


def _flip(faces: Points, mirror: NDArray[np.int64]) -> Points:
    return np.asarray((faces * [-1, 1, 1])[:, mirror])


def _upright(mean: Points) -> Points:
    """Eyes level, the plane of eyes and mouth corners parallel to the picture, the middle between the eyes at 0."""
    right, left = mean[list(OUTER_CANTHI)]
    mouth = mean[list(MOUTH_CORNERS)].mean(0)
    middle = (right + left) / 2
    x = (left - right) / np.linalg.norm(left - right)
    y = mouth - middle - x * (x @ (mouth - middle))
    y /= np.linalg.norm(y)
    return (mean - middle) @ np.array([x, y, np.cross(x, y)]).T


def _at_rest(face: Points, mean: Points, expression: Points) -> Points:
    columns = expression.reshape(len(expression), -1).T
    solved = lsq_linear(columns, (face - mean).ravel(), (0, 1))
    return np.asarray(face - np.tensordot(solved.x, expression, 1))


def _triangles(mean: Points) -> NDArray[np.int64]:
    """Delaunay's triangles of the face unrolled from a cylinder; they close eyes and mouth."""
    back = mean[:, 2].max() + 20
    flat = np.stack([np.arctan2(mean[:, 0], back - mean[:, 2]) * 90, mean[:, 1]], 1)
    found = Delaunay(flat).simplices
    a, b, c = (flat[found[:, k]] for k in range(3))
    sides = np.max([np.linalg.norm(a - b, axis=1), np.linalg.norm(b - c, axis=1), np.linalg.norm(c - a, axis=1)], 0)
    kept = found[sides < 40]
    a, b, c = (flat[kept[:, k]] for k in range(3))
    cross = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    return np.asarray(np.where((cross > 0)[:, None], kept[:, ::-1], kept), np.int64)


if __name__ == "__main__":
    main()
