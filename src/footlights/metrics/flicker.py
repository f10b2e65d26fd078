"""How the light of a whole picture steps from one field to the next, place by place, motion and lamps left out.

Both fields are reduced to the mean light of 24 × 15 places. Flicker multiplies all of them by nearly the same gain, or
by one that changes slowly over the picture; a pedestal that wavers adds to all. What moves, and lamps that light a part
of the picture, concern a part of the places only, and a robust fit leaves them out: iterated least squares with Tukey's
biweight (Holland and Welsch, "Robust regression using iteratively reweighted least-squares", 1977). The camera's motion
is part of the fit, to first order, as in Horn and Schunck, "Determining optical flow" (1981); so is the half line
between the fields of a frame.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

ROWS, COLUMNS = 15, 24
"""Places that the light is averaged over, down and across."""
SHAPES = 6
"""Terms of a gain over the picture: constant, across, down, and the three of second order."""
TILES, BRIGHTS = (3, 4), 3
"""Parts of the picture, down and across, whose own gains are compared with that of the whole; and by brightness."""
PARTS = TILES[0] * TILES[1] + BRIGHTS
_DARK = 0.03
"""Light above black (white is 1) from which a place tells of a gain."""
_ROUNDS = 4
_TUKEY = 4.685
"""Tuning constant of the biweight: 95 % efficient where errors are normal."""
_FLOOR = 0.0015
"""Light by which places may always differ: what noise leaves in the mean of several hundred samples."""
_STIFF = (0.0, 0.02, 0.02, 0.05, 0.05, 0.05, 2.0, 0.0, 0.0)
"""Pull towards zero of each unknown, as a share of the light there is: a pedestal is believed only where dark places
show it, an uneven gain only where places all over the picture do."""


class Step(NamedTuple):
    """What happened to the light between two fields."""

    gain: Doubles
    """(6,): natural logarithm of the gain over the picture, by `shapes`."""
    offset: float
    """What was added to all places, white being 1."""
    share: float
    """Share of the places that tell, by their light, which went along; 0 where the picture is dark."""
    parts: Doubles
    """(15,): logarithm of the gain of each part of the picture by itself, row by row, then of its dark, its middle and
    its bright places; NaN where too little is light enough to tell."""


def light(field: NDArray[np.uint8] | Floats, black: float = 0.0, white: float = 1.0) -> Floats:
    """Mean light over black (ROWS, COLUMNS) of a luma field (H, W), black 0 and white 1."""
    # Whole codes are too coarse for places, but not for a twentieth of one; of 720 samples this is a fast sixth.
    small = cv2.resize(field, (COLUMNS * 5, ROWS * 4), interpolation=cv2.INTER_AREA)
    small = cv2.resize(small.astype(np.float32), (COLUMNS, ROWS), interpolation=cv2.INTER_AREA)
    return np.asarray((small - np.float32(black)) / np.float32(white - black), np.float32)


def step(before: Floats, now: Floats) -> Step:
    """From the light of one field to that of the next."""
    mean = np.asarray((before + now) / 2, np.float32)
    difference = (now - before).ravel().astype(np.float64)
    terms = _terms(mean)
    tells = mean.ravel() > _DARK
    if tells.sum() < 2 * terms.shape[1]:
        return Step(np.zeros(SHAPES), 0.0, 0.0, np.full(PARTS, np.nan))
    stiff = np.diag(np.array(_STIFF) * float(np.square(terms[:, 0]).sum()) + 1e-9)
    weights: Doubles = np.ones(len(difference))
    found: Doubles = np.zeros(terms.shape[1])
    for _ in range(_ROUNDS):
        weighted = terms * weights[:, None]
        found = np.asarray(np.linalg.solve(weighted.T @ terms + stiff, weighted.T @ difference), np.float64)
        left = difference - terms @ found
        spread = 1.4826 * _median(np.abs(left[tells])) + _FLOOR
        weights = _biweight(left / (_TUKEY * spread))
    own = weights[tells] > 0.25
    return Step(found[:SHAPES], float(found[SHAPES]), float(own.mean()), _parts(difference, terms, found, tells))


def _median(values: Doubles) -> float:
    """As `numpy.median`, which takes several times as long for so few."""
    ranked, middle = np.sort(values), len(values) // 2
    return float(ranked[middle] if len(values) % 2 else (ranked[middle - 1] + ranked[middle]) / 2)


def _biweight(left: Doubles) -> Doubles:
    return np.asarray(np.square(np.maximum(1 - np.square(left), 0)), np.float64)


def gains(coefficients: Doubles) -> Floats:
    """Logarithm of the gain at every place (ROWS, COLUMNS)."""
    return np.asarray((shapes() @ coefficients).reshape(ROWS, COLUMNS), np.float32)


@lru_cache(maxsize=1)
def shapes() -> Doubles:
    """(ROWS · COLUMNS, 6): products of Legendre polynomials up to the second order, -1..1 over the picture."""
    x = np.tile(np.linspace(-1, 1, COLUMNS), ROWS)
    y = np.repeat(np.linspace(-1, 1, ROWS), COLUMNS)
    return np.stack([np.ones_like(x), x, y, (3 * x * x - 1) / 2, x * y, (3 * y * y - 1) / 2], axis=1)


def _terms(mean: Floats) -> Doubles:
    """(places, 9): what each unknown adds to a place: six shapes of gain, the pedestal, motion across and down."""
    across = cv2.Sobel(mean, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8)
    down = cv2.Sobel(mean, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8)
    lit = np.maximum(mean, 0).ravel()[:, None] * shapes()
    return np.column_stack([lit, np.ones(mean.size), across.ravel(), down.ravel()]).astype(np.float64)


def _parts(difference: Doubles, terms: Doubles, found: Doubles, tells: NDArray[np.bool_]) -> Doubles:
    """Median gain of the places of each part, the camera's motion taken out."""
    still = difference - terms[:, SHAPES + 1 :] @ found[SHAPES + 1 :]
    light = terms[:, 0]
    own = np.where(tells, still / np.maximum(light, _DARK), np.nan)
    high, wide = ROWS // TILES[0], COLUMNS // TILES[1]
    tiles = own.reshape(TILES[0], high, TILES[1], wide).swapaxes(1, 2).reshape(TILES[0] * TILES[1], high * wide)
    ranked = own[tells][np.argsort(light[tells])]
    ranked = ranked[: len(ranked) // BRIGHTS * BRIGHTS].reshape(BRIGHTS, -1)
    return np.concatenate([_medians(tiles), _medians(ranked)])


def _medians(rows: Doubles) -> Doubles:
    """Of each row; NaN where more than half of it is."""
    known = np.isfinite(rows).sum(axis=1)
    ranked = np.sort(rows, axis=1)  # what is not known comes last
    middle = ranked[np.arange(len(rows)), np.maximum(known - 1, 0) // 2]
    return np.where(2 * known >= rows.shape[1], middle, np.nan)
