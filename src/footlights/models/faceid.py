"""Who a face is, in 128 numbers: Gabor jets of an aligned crop without its light, and a linear discriminant of them.

Jets are magnitudes of Gabor filters, four scales and eight directions, on a grid of points (Wiskott et al., "Face
recognition by elastic bunch graph matching", 1997). The discriminant (Liu and Wechsler, "Gabor feature based
classification using the enhanced Fisher linear discriminant model", 2002) keeps what tells people apart and drops what
tape, light, blur and a turning head change. It is a guard against drift, made by this project from licence-clean
faces; it is no recogniser of people, and it judges no net that was trained against it, because none was.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.core.clip import Plane
from footlights.core.facelight import detail_of
from footlights.errors import ParameterError
from footlights.models.runtime import tensors_of

NAME = "faceid"
DIMENSIONS = 128
SIDE = 64
_WAVES = (4.0, 6.5, 10.5, 17.0)
"""Samples per period at a side of 64."""
_DIRECTIONS = 8
_STEP = 5
_REACH = (22.0, 27.0)
"""Half axes of the ellipse of points, samples: the face, not its surroundings."""
_LIMIT = 4.0

Vector = NDArray[np.float32]


def descriptor(luma: Plane) -> Vector:
    """Unit vector `(128,)` of an aligned luma crop `(P, P)`, nominal 0..1, cut as `core.faces.FacePath.matrix` says."""
    return described(luma)[0]


def described(luma: Plane) -> tuple[Vector, float]:
    """The descriptor, and how typical the face is: correlation of its jets with the mean of all, -1..1.

    Clean upright faces have 0.5 and more, in any light; faces turned away, tilted or half hidden less.
    """
    centre, project = _discriminant()
    seen = jets(luma)
    found = (seen - centre) @ project
    typical = float(np.corrcoef(seen, centre)[0, 1]) if float(np.std(seen)) > 0 else 0.0
    return np.asarray(found / max(float(np.linalg.norm(found)), 1e-9), np.float32), typical


def similarity(first: Vector, second: Vector) -> float:
    """Cosine of two descriptors, -1..1; about 0 for two people taken at random."""
    return float(first @ second)


def jets(luma: Plane) -> Vector:
    """What the discriminant is given: roots of filter magnitudes at all points, one long vector of unit power."""
    side = luma.shape[-1]
    if luma.shape != (side, side) or side < SIDE:
        raise ParameterError("faceid.crop", luma.shape, f"give square crops of at least {SIDE} samples")
    small = np.asarray(cv2.resize(luma, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.float32)
    fine = detail_of(small, 1.0)
    fine = np.clip(fine / max(float(fine.std()), 0.02), -_LIMIT, _LIMIT)
    rows, columns = _points()
    parts = [
        np.hypot(cv2.filter2D(fine, cv2.CV_32F, even), cv2.filter2D(fine, cv2.CV_32F, odd))[rows, columns]
        for even, odd in _bank()
    ]
    roots = np.sqrt(np.concatenate(parts))
    return np.asarray(roots / max(float(np.sqrt(np.mean(roots**2))), 1e-9), np.float32)


@lru_cache(maxsize=1)
def _discriminant() -> tuple[Vector, Vector]:
    tensors = tensors_of(NAME)
    return tensors["centre"], tensors["project"]


@lru_cache(maxsize=1)
def _points() -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the points in the ellipse."""
    middle = (SIDE - 1) / 2
    grid = np.arange(SIDE // 2 - 6 * _STEP, SIDE - 1, _STEP)
    rows, columns = (each.ravel() for each in np.meshgrid(grid, grid, indexing="ij"))
    inside = np.hypot((columns - middle) / _REACH[0], (rows - middle) / _REACH[1]) < 1
    return rows[inside].astype(np.intp), columns[inside].astype(np.intp)


@lru_cache(maxsize=1)
def _bank() -> tuple[tuple[Plane, Plane], ...]:
    """Even and odd filters without a constant part."""
    filters = []
    for wave in _WAVES:
        size = int(2 * np.ceil(1.2 * wave) + 1)
        for step in range(_DIRECTIONS):
            pair = []
            for phase in (0.0, np.pi / 2):
                kernel = cv2.getGaborKernel(
                    (size, size), 0.5 * wave, step * np.pi / _DIRECTIONS, wave, 1.0, phase, cv2.CV_32F
                )
                kernel = kernel - kernel.mean()
                pair.append(np.asarray(kernel / np.abs(kernel).sum(), np.float32))
            filters.append((pair[0], pair[1]))
    return tuple(filters)
