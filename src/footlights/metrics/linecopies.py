"""Pieces of a line that repeat the line above: how a deck's dropout compensator hides what the head lost.

A copy holds the noise of its model too, so two lines that differ less than the fields before and after do there, and
less than the lines around, are one. It is damage where the place looked otherwise before and afterwards. In noise a
short copy cannot be told from chance, and where lines are alike anyway it does no harm; both are left alone.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

_WINDOW, _SHORT = 17, 7
"""Samples along the line over which differences of lines are averaged, and those of pictures."""
_NEARER, _AMONG = 0.45, 0.67
"""Power of the difference to the line above, against that in the fields before and after and that around it, from which
a sample belongs to a copy."""
_AGAINST_TIME = 1.22
"""Power of the difference to those fields against that to the line above: the copy must explain more than they do."""
_LEAST, _LONGEST, _HIGHEST = 20, 200, 3
"""Samples (15 µs at most: longer is an edge that trembled) and lines of a copy."""
_MEAN = (0.25, 0.5)
"""Geometric means over a copy of the first two ratios, at most."""
_HARM, _SEEN, _ALONE, _MOTION = 2.8, 8.0, 2.0, 1.0
"""Difference to the fields before and after: against what moves there and the noise, in codes, and against that of the
lines above and below (where light changes all of them differ), at least; and what may move there, in sigma and two
codes."""
_BESIDE = 2
"""Lines from a copy to those it is compared with."""


def find_copies(now: Codes, before: Codes, after: Codes, sigma: float) -> Mask:
    """Copies in the field `now` (H, W); `before` and `after` are its neighbours of the same parity, `sigma` the luma
    noise in codes."""
    here, past, future = (np.asarray(field, np.float32) for field in (now, before, after))
    floor = np.float32(0.3 * sigma * sigma + 0.5)
    own = _power(_lines(here)) + floor
    usual = (_power(_lines(past)) + _power(_lines(future))) / 2 + floor
    around = (np.roll(own, 1, axis=0) + np.roll(own, -1, axis=0)) / 2
    between: Floats = np.asarray(here - (past + future) / 2, np.float32)
    candidates = (own < _NEARER * usual) & (own < _AMONG * around) & (_power(between) + floor > _AGAINST_TIME * own)
    opened = cv2.morphologyEx(candidates.astype(np.uint8), cv2.MORPH_OPEN, np.ones((1, 5), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=4)
    out = np.zeros(now.shape, np.bool_)
    for label in range(1, count):
        left, top, width, height = stats[label, :4].tolist()
        if not _LEAST < width <= _LONGEST or height > _HIGHEST:
            continue
        box = np.s_[top : top + height, left : left + width]
        inside = labels[box] == label
        ratios = [float(np.log(own[box] / other[box])[inside].mean()) for other in (usual, around)]
        alike = ratios[0] < np.log(_MEAN[0]) and ratios[1] < np.log(_MEAN[1])
        if alike and _harmful(between, past, future, box, inside, sigma):
            out[box] |= inside
    return out


def _harmful(
    between: Floats, past: Floats, future: Floats, box: tuple[slice, slice], inside: Mask, sigma: float
) -> bool:
    """Whether a copy stands out from the fields before and after, which agree with each other."""
    rows, columns = box
    moved = np.abs(cv2.blur(past[rows] - future[rows], (_SHORT, 1)))[:, columns][inside]
    if float(np.log1p(moved / (sigma + 2)).mean()) >= np.log1p(_MOTION):
        return False
    first = max(rows.start - _BESIDE, 0)
    off = np.abs(cv2.blur(between[first : rows.stop + _BESIDE], (_SHORT, 1)))[:, columns]
    beside = np.concatenate([off[:1], off[-1:]])
    own = off[rows.start - first : rows.stop - first][inside]
    alone = float(own.mean()) > _ALONE * float(beside.mean())
    return alone and float(own.max()) > _SEEN and float((own / (moved + sigma + 1)).max()) > _HARM


def _lines(field: Floats) -> Floats:
    """Difference of every line to the one above; the first has none and counts as different."""
    out: Floats = np.full_like(field, 99)
    out[1:] = field[1:] - field[:-1]
    return out


def _power(plane: Floats) -> Floats:
    return np.asarray(cv2.blur(plane * plane, (_WINDOW, 1)), np.float32)
