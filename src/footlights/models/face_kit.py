"""A user's own morphable face in the layout of ICT-FaceKit (USC-ICT, MIT licence): a folder of Wavefront OBJ files.

`generic_neutral_mesh.obj`, `identity000.obj` … and further OBJ files for expressions, all with the same vertices in
centimetres (y up, z towards the viewer), and `vertex_indices.json` with the vertex of each of the 68 landmarks. The
landmark net's 468 points are tied to its vertices once: laid over by the 51 inner landmarks, bent onto them by a thin
plate (Bookstein, "Principal warps", 1989), then the nearest vertex of the face.
"""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RBFInterpolator
from scipy.spatial import cKDTree

from footlights.core.face_shape import FaceModel, Points
from footlights.errors import SourceError, UsageError
from footlights.models.face_points import IBUG_51

_NEUTRAL = "generic_neutral_mesh.obj"
_INDICES = "vertex_indices.json"
_FACE = 9409
"""Vertices of the face proper, which come first; the rest are head, eyes, teeth and tongue."""
_FAR = 8.0
"""mm: a landmark without a vertex that near is not used."""
_MM = 10.0


def read_face_kit(folder: Path, mean: Points) -> FaceModel:
    """The model in `folder`, tied to the landmarks whose mean shape `(468, 3)` mm is given.

    UsageError where the folder is no such kit, SourceError where a file in it is damaged.
    """
    if not (folder / _NEUTRAL).is_file() or not (folder / _INDICES).is_file():
        raise UsageError(
            f"{folder} holds no face model",
            f"{_NEUTRAL} and {_INDICES} of the ICT-FaceKit layout are expected there",
            "name its FaceXModel folder, or leave --face-model out to use the model of the package",
        )
    neutral, triangles = _mesh(folder / _NEUTRAL)
    identities = sorted(folder.glob("identity*.obj"))
    others = sorted(
        path for path in folder.glob("*.obj") if path.name != _NEUTRAL and not path.name.startswith("identity")
    )
    kept = triangles[(triangles < _FACE).all(1)]
    return FaceModel(
        mean=neutral,
        identity=_differences(identities, neutral),
        expression=_differences(others, neutral),
        triangles=kept,
        landmarks=_tied(mean, neutral[:_FACE], _inner(folder / _INDICES, len(neutral))),
    )


def _differences(paths: list[Path], neutral: Points) -> Points:
    made = np.zeros((len(paths), *neutral.shape))
    for k, path in enumerate(paths):
        shape, _ = _mesh(path)
        if shape.shape != neutral.shape:
            raise SourceError(
                f"{path} does not belong to its face model",
                f"it has {len(shape)} vertices, {_NEUTRAL} has {len(neutral)}",
                "fetch the folder anew",
            )
        made[k] = shape - neutral
    return made


def _mesh(path: Path) -> tuple[Points, NDArray[np.int64]]:
    """Vertices in millimetres, axes turned to ours, and triangles (polygons are cut into fans)."""
    vertices, triangles = [], []
    try:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                kind, _, rest = line.partition(" ")
                if kind == "v":
                    vertices.append([float(part) for part in rest.split()[:3]])
                elif kind == "f":
                    corners = [int(part.split("/")[0]) - 1 for part in rest.split()]
                    triangles += [[corners[0], b, a] for a, b in pairwise(corners[1:])]
        shape = np.array(vertices, np.float64).reshape(-1, 3) * [_MM, -_MM, -_MM]
        faces = np.array(triangles, np.int64).reshape(-1, 3)
    except (OSError, ValueError) as error:
        raise SourceError(f"{path} cannot be read as a mesh", str(error), "fetch the folder anew") from error
    if not len(shape) or (len(faces) and not 0 <= faces.min() <= faces.max() < len(shape)):
        raise SourceError(
            f"{path} cannot be read as a mesh", "its faces name missing vertices", "fetch the folder anew"
        )
    return shape, faces


def _inner(path: Path, count: int) -> NDArray[np.int64]:
    """Vertices of the 51 inner landmarks of 68."""
    try:
        found = np.array(json.loads(path.read_text("utf-8"))["idxs_to_landmark_verts"], np.int64)[17:68]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SourceError(f"{path} names no landmarks", str(error), "fetch the folder anew") from error
    if len(found) != len(IBUG_51) or not 0 <= found.min() <= found.max() < count:
        raise SourceError(f"{path} names no landmarks", "68 vertices are expected", "fetch the folder anew")
    return found


def _tied(mean: Points, face: Points, inner: NDArray[np.int64]) -> NDArray[np.int64]:
    ours, theirs = mean[list(IBUG_51)], face[np.minimum(inner, len(face) - 1)]
    a, b = ours - ours.mean(0), theirs - theirs.mean(0)
    left, size, right = np.linalg.svd(a.T @ b)
    turn = (left * [1, 1, np.sign(np.linalg.det(left @ right))]) @ right
    laid = np.sum(size) / np.sum(a * a) * (mean - ours.mean(0)) @ turn + theirs.mean(0)
    places, first = np.unique(laid[list(IBUG_51)].round(6), axis=0, return_index=True)
    bend = RBFInterpolator(places, theirs[first] - places, kernel="thin_plate_spline", smoothing=1.0)
    distance, nearest = cKDTree(face).query(laid + bend(laid))
    return np.asarray(np.where(distance < _FAR, nearest, -1), np.int64)
