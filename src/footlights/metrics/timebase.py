"""Time base: by how much each line of a field lies beside its place, told from the motion of the picture.

A deck that does not start every line at the same moment moves whole lines sideways, all samples of a line alike and
each line by its own amount. Between two fields of one shot the picture moves as well, but smoothly from line to line.
So: dense motion, smoothed over lines, is taken out; what is left is found for stretches of each line by least squares
(Lucas and Kanade 1981); what most stretches of a line agree on is the line's, what one of them does is a thing that
moves. Slow waves down the picture count as the line's too where most of the picture shares them and a camera's pan,
roll or zoom (a straight line down the picture) does not explain them.

The idea of registering lines against their neighbours in time and space is Kokaram's ("Motion Picture Restoration",
1998, chapter on line registration); here nothing is straightened that a single field shows slanted.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded

from footlights.metrics.motion import MotionEstimator, grid

Floats = NDArray[np.float32]

END = 24
"""Samples at either end of a line that are left out: blanking may have been drawn anew, straight."""
STRETCH = 24
"""Samples that are judged together."""
_BLURS = (2.5, 1.2)
"""Sigma along the line: coarse first, so that shifts beyond a sample are found."""
_TREND = 10.0
"""Field lines over which motion is smooth; what changes faster is the line's own."""
_GUIDE = 1.5
_MOST = 100.0
"""Weight (inverse variance) from which a stretch counts no more: many must agree."""
_RESTING = 0.5
"""Samples by which a stretch may move unlike the picture and still speak for its line."""
_SLOPE = 20.0
"""Codes² that the slopes of a stretch must sum to before its shift means anything."""
_AGREE = 0.25
"""Samples within which stretches of a line agree."""
_SHARED = (0.45, 0.8)
"""Share of the picture that moves alike from which a slow wave is believed at all, and fully."""
_SHARED_WITHIN = 0.3
_STEP = 1.5
_LINES = 16
"""The least height and 8 stretches the least width that can be judged."""


class LineShift(NamedTuple):
    """Every line of one field against the same lines of another."""

    shift: Floats
    """Samples to the right `(h,)`."""
    variance: Floats
    """Samples² `(h,)`; large where the line shows nothing."""


class Stretches(NamedTuple):
    """Stretches of every line against another field, motion along the line included."""

    shift: Floats
    """Samples to the right `(h, n)`."""
    weight: Floats
    """Inverse variance `(h, n)`."""
    motion: Floats
    """The part of `shift` that is smooth down the picture `(h, n)`."""


def measurable(height: int, width: int) -> bool:
    """Whether fields of this size have enough lines and stretches."""
    return height >= _LINES and width >= 2 * END + 8 * STRETCH


def line_shift(now: Floats, other: Floats) -> LineShift:
    """By how much each line of a luma field `(h, w)` in codes lies to the right of those of another of its parity."""
    found = stretches(now, other)
    own = found.shift - found.motion
    quick, weight = _agreed(own, _resting(found))
    spread = (weight * (own - quick[:, None]) ** 2).sum(axis=1) / (weight.sum(axis=1) + 1)
    count = np.maximum(weight.sum(axis=1) ** 2 / (np.square(weight).sum(axis=1) + 1e-6), 1)
    shift = quick + _shared(found.motion, _down(found.weight, _TREND))
    return LineShift(shift.astype(np.float32), (spread / count + 1 / (weight.sum(axis=1) + 1)).astype(np.float32))


def stretches(now: Floats, other: Floats) -> Stretches:
    """Shifts of all stretches of the lines of two fields."""
    across, down = _motion(now, other)
    x, y = grid(now.shape[1], now.shape[0])
    count = (now.shape[1] - 2 * END) // STRETCH
    own = np.zeros(len(now), np.float32)
    for step, blur in enumerate(_BLURS):
        mine, theirs = (_along(field, blur) for field in (now, other))
        place = x + across if step == 0 else x + across - own[:, None]
        moved = cv2.remap(theirs, place, y + down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        left, weight = _least_squares(mine, np.asarray(moved, np.float32), count)
        trend = _down(weight * left, _TREND) / (_down(weight, _TREND) + 1e-3)
        quick, _ = _agreed(left - trend, weight)
        before, own = own, own + np.clip(quick, -_STEP, _STEP).astype(np.float32)
    carried = -across[:, END : END + count * STRETCH].reshape(len(now), count, STRETCH).mean(axis=2)
    # The smooth part of the last step belongs to the motion that was not found before.
    return Stretches(
        np.asarray(carried + before[:, None] + left, np.float32), weight, np.asarray(carried + trend, np.float32)
    )


def smoothed(shift: Floats, variance: Floats, sigma: float, memory: float) -> Floats:
    """The likeliest offsets of lines, given measured ones with their variance and that offsets have the standard
    deviation `sigma` and correlate by `memory` from line to line (a first-order process: Rauch, Tung and Striebel's
    smoother, solved as one tridiagonal system)."""
    drive = sigma**2 * (1 - memory**2)
    diagonal = np.full(len(shift), (1 + memory**2) / drive)
    diagonal[[0, -1]] = 1 / drive
    bands = np.zeros((2, len(shift)))
    bands[0, 1:] = -memory / drive
    bands[1] = diagonal + 1 / variance
    return np.asarray(solveh_banded(bands, shift / variance), np.float32)


def _motion(now: Floats, other: Floats) -> tuple[Floats, Floats]:
    """Where each sample of `now` is found in `other`, smooth over stretches and lines: across and down."""
    height, width = now.shape
    small = (width // 2, height)
    guides = [
        cv2.resize(cv2.GaussianBlur(one, (0, 0), _GUIDE), small, interpolation=cv2.INTER_AREA) for one in (now, other)
    ]
    eight = [np.clip(one, 0, 255).astype(np.uint8) for one in guides]
    flow = MotionEstimator().flow(eight[0], eight[1])
    coarse = cv2.resize(flow, (max(width // STRETCH, 1), max(height // 4, 1)), interpolation=cv2.INTER_AREA)
    coarse = cv2.GaussianBlur(coarse, (0, 0), sigmaX=0.25, sigmaY=_TREND / 4)
    fine = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(fine[..., 0] * 2, np.float32), np.asarray(fine[..., 1], np.float32)


def _resting(found: Stretches) -> Floats:
    """Weights of stretches `(h, n)`, less where one moves unlike most of the picture: things that bend and turn stray
    from line to line by themselves, and where they alone have edges nothing else speaks against them."""
    order = np.argsort(found.motion, axis=None)
    climbing = np.cumsum(found.weight.ravel()[order])
    usual = found.motion.ravel()[order][np.searchsorted(climbing, climbing[-1] / 2)]
    return np.asarray(found.weight / (1 + ((found.motion - usual) / _RESTING) ** 2), np.float32)


def _least_squares(mine: Floats, theirs: Floats, count: int) -> tuple[Floats, Floats]:
    """Shift of every stretch of `mine` to the right of `theirs`, and its inverse variance `(h, count)`."""
    slope = np.zeros_like(mine)
    mean = (mine + theirs) / 2
    slope[:, 1:-1] = (mean[:, 2:] - mean[:, :-2]) / 2
    differs = mine - theirs
    inner = np.s_[:, END : END + count * STRETCH]

    def total(plane: Floats) -> Floats:
        return np.asarray(plane[inner].reshape(len(plane), count, STRETCH).sum(axis=2), np.float32)

    both, power = -total(slope * differs), total(slope * slope)
    shift = both / (power + _SLOPE)
    left = np.maximum(total(differs * differs) - both * shift, 0) / STRETCH
    return shift, np.minimum(power / (2 * (left + np.median(left) + 1)), _MOST)


def _agreed(shift: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """What most stretches of each line agree on `(h,)`, and the weight each was left with."""
    kept = weight
    agreed = (kept * shift).sum(axis=1) / (kept.sum(axis=1) + 1)
    for _ in range(4):
        kept = weight / (1 + ((shift - agreed[:, None]) / _AGREE) ** 2)
        agreed = (kept * shift).sum(axis=1) / (kept.sum(axis=1) + 1)
    return np.asarray(agreed, np.float32), np.asarray(kept, np.float32)


def _shared(motion: Floats, weight: Floats) -> Floats:
    """The slow part of the lines' shifts `(h,)`: what most of the picture does and no camera does."""
    weight = weight + np.float32(1e-3)
    order = np.argsort(motion, axis=1)
    climbing = np.cumsum(np.take_along_axis(weight, order, 1), axis=1)
    middle = np.argmax(climbing >= climbing[:, -1:] / 2, axis=1)[:, None]
    common = np.take_along_axis(np.take_along_axis(motion, order, 1), middle, 1)[:, 0]
    for _ in range(3):
        kept = weight / (1 + ((motion - common[:, None]) / _SHARED_WITHIN) ** 2)
        common = (kept * motion).sum(axis=1) / kept.sum(axis=1)
    share = kept.sum(axis=1) / weight.sum(axis=1)
    trust = np.clip((share - _SHARED[0]) / (_SHARED[1] - _SHARED[0]), 0, 1)
    own = (common - _straight(common, share)) * trust
    return np.asarray(_down(own[:, None].astype(np.float32), 3.0)[:, 0], np.float32)


def _straight(values: Floats, weight: Floats) -> Floats:
    """The straight line through values of lines, outliers left out."""
    place = np.linspace(-1, 1, len(values))
    basis = np.stack([np.ones_like(place), place], axis=1)
    kept = weight.astype(np.float64)
    for _ in range(5):
        root = np.sqrt(kept)[:, None]
        solved = np.linalg.lstsq(basis * root, values * root[:, 0], rcond=None)[0]
        off = values - basis @ solved
        kept = weight * np.clip(1 - (off / (6 * np.median(np.abs(off)) + 4e-3)) ** 2, 0, 1) ** 2
    return np.asarray(basis @ solved, np.float32)


def _along(field: Floats, sigma: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(field, (0, 0), sigmaX=sigma, sigmaY=1e-3), np.float32)


def _down(plane: Floats, sigma: float) -> Floats:
    blurred = cv2.GaussianBlur(plane, (0, 0), sigmaX=0.7 if plane.shape[1] > 1 else 1e-3, sigmaY=sigma)
    return np.asarray(blurred.reshape(plane.shape), np.float32)
