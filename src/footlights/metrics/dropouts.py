"""Dropouts: streaks of one line or two in one field, where the head lost the tape.

Looked for in fields, against the fields of the same parity before and after and the lines above and below: a dropout
sticks out from all four and is long and thin. Lights of the stage stick out in time as well but are round or last, and
lines of the picture stay from field to field. Pieces that a deck filled with the line above are found by `linecopies`.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.metrics.linecopies import find_copies

Codes = NDArray[np.uint8]
Mask = NDArray[np.bool_]

_LENGTH = 9
"""Samples a streak must be long at least (0.7 µs)."""
_STEP = 14.0
"""Codes by which it must stick out, plus four sigma of the noise."""

_TAIL_MEAN, _TAIL_STEP, _TAIL_LONGEST = 5, 5.0, 4
"""Samples whose mean is looked at for the fading end of a streak, codes by which it must still stick out (plus one and
a half sigma), and how many times as long as the streak it may become: more is a light."""
_BESIDE_STEP, _BESIDE_LENGTH = 12.0, 7
"""Codes (plus one and a half sigma) and samples by which the line above or below a streak belongs to it: streaks may be
three lines high, and then only their middle sticks out from the lines around."""
_BLACK, _DIM = 16.0, 4.0
"""Code of black, and codes added to light so that it can be divided by."""
_STROBE, _MOST_GAIN = 0.03, 4.0
"""Change of the whole field's light, as a share, from which neighbours are brought to its light; and by how much at
most."""
_LIGHT_AROUND = (33, 17)
"""Samples and lines over which light is averaged."""


class Streaks(NamedTuple):
    """Dropouts of one field."""

    mask: Mask
    """(H, W)"""
    number: int
    area: float
    """Share of the field."""


def find(now: Codes, before: Codes, after: Codes, sigma: float = 0.0) -> Streaks:
    """Streaks in the field `now` (H, W); `before` and `after` are its neighbours of the same parity.

    `sigma` is the luma noise in codes.
    """
    candidates = _candidates(now, before, after, sigma)
    alike = tuple(_lit_alike(field, now) for field in (before, after))
    if candidates.any() and (alike[0] is not before or alike[1] is not after):
        before, after = alike
        candidates &= _candidates(now, before, after, sigma)
    mask, count = np.zeros(now.shape, np.bool_), 0
    if candidates.any():
        long = cv2.morphologyEx(candidates.astype(np.uint8), cv2.MORPH_OPEN, np.ones((1, _LENGTH), np.uint8))
        mask, count = _thin(long)
    if count:
        mask = _with_tails(_with_beside(mask, (now, before, after), sigma), (now, before, after), sigma)
    copies = find_copies(now, before, after, sigma) & ~mask
    if copies.any():
        count += cv2.connectedComponents(copies.astype(np.uint8))[0] - 1
        mask |= copies
    return Streaks(mask, count, float(mask.mean()))


def _candidates(now: Codes, before: Codes, after: Codes, sigma: float) -> Mask:
    """Samples that stick out from both neighbours in time and from the lines around, by enough."""
    # Seen through a short horizontal mean: a streak keeps its height, noise and sparkle lose theirs.
    smooth, past, future = (cv2.blur(field, (_LENGTH - 2, 1)) for field in (now, before, after))
    threshold = _STEP + 4.0 * sigma / np.sqrt(_LENGTH - 2) + _unrest(past, future)
    high = _beyond(smooth, past, future, sign=1)
    low = _beyond(smooth, past, future, sign=-1)
    return np.asarray(np.maximum(high, low) > threshold)


def _lit_alike(field: Codes, now: Codes) -> Codes:
    """A neighbour under the light of `now`, place by place, where the light of the whole has changed: under a strobe
    the lines of the picture itself would stick out."""
    means = [max(float(cv2.mean(one)[0]) - _BLACK, 1.0) for one in (now, field)]
    if abs(means[0] - means[1]) < _STROBE * max(means):
        return field
    light = [cv2.blur(one, _LIGHT_AROUND).astype(np.float32) - (_BLACK - _DIM) for one in (now, field)]
    gain = np.clip(np.maximum(light[0], 1) / np.maximum(light[1], 1), 1 / _MOST_GAIN, _MOST_GAIN)
    return np.clip(_BLACK + (field - _BLACK) * gain, 0, 255).astype(np.uint8)


def _with_beside(mask: Mask, fields: tuple[Codes, Codes, Codes], sigma: float) -> Mask:
    """Streaks with the lines above and below that stick out from both neighbours in time as well."""
    now, past, future = (cv2.blur(field, (_TAIL_MEAN, 1)).astype(np.int16) for field in fields)
    out = np.maximum(now - np.maximum(past, future), np.minimum(past, future) - now)
    strong = out > _BESIDE_STEP + 1.5 * sigma / np.sqrt(_TAIL_MEAN)
    for _ in range(2):
        beside = cv2.dilate(mask.astype(np.uint8), np.ones((3, 1), np.uint8)) > 0
        grown = (beside & strong).astype(np.uint8)
        mask = mask | (cv2.morphologyEx(grown, cv2.MORPH_OPEN, np.ones((1, _BESIDE_LENGTH), np.uint8)) > 0)
    return mask


def _with_tails(mask: Mask, fields: tuple[Codes, Codes, Codes], sigma: float) -> Mask:
    """Streaks with what fades out along their lines: weaker, but still outside of both neighbours in time."""
    rows = np.flatnonzero(mask.any(axis=1))
    now, past, future = (cv2.blur(field[rows], (_TAIL_MEAN, 1)).astype(np.float32) for field in fields)
    limit = _TAIL_STEP + 1.5 * sigma / np.sqrt(_TAIL_MEAN)
    grown = mask.copy()
    for excess in (now - np.maximum(past, future), np.minimum(past, future) - now):
        for row, weak, seeds in zip(rows, excess > limit, mask[rows], strict=True):
            edges = np.flatnonzero(np.diff(np.concatenate([[False], weak, [False]]).astype(np.int8)))
            for start, stop in zip(edges[0::2], edges[1::2], strict=True):
                held = int(seeds[start:stop].sum())
                if held and stop - start <= _TAIL_LONGEST * held + _LENGTH:
                    grown[row, start:stop] = True
    return grown


def _unrest(before: Codes, after: Codes) -> NDArray[np.float32]:
    """How much the place changes from field to field and from line to line: where much moves, much must stick out."""
    motion = cv2.blur(cv2.absdiff(before, after).astype(np.float32), (31, 9))
    lines = cv2.absdiff(before[2:], before[:-2]).astype(np.float32)
    detail = cv2.blur(cv2.copyMakeBorder(lines, 1, 1, 0, 0, cv2.BORDER_REPLICATE), (31, 9))
    return 1.5 * motion + detail


def _beyond(now: Codes, before: Codes, after: Codes, *, sign: int) -> NDArray[np.int16]:
    """By how much a field sticks out upward (sign 1) or downward (-1) from its neighbours in time and the lines two
    above and two below (two, because a streak may fill two lines)."""
    up, down = np.roll(now, 2, axis=0), np.roll(now, -2, axis=0)
    up[:2], down[-2:] = now[:2], now[-2:]
    here = now.astype(np.int16)
    neighbours = [field.astype(np.int16) for field in (before, after, up, down)]
    if sign > 0:
        return here - np.maximum.reduce(neighbours)
    return np.minimum.reduce(neighbours) - here


def _thin(mask: NDArray[np.uint8]) -> tuple[Mask, int]:
    """Keep what is at most three lines high and at least three times as long as high."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    width, height = stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]
    good = (height <= 3) & (width >= 3 * height)
    good[0] = False
    return np.asarray(good[labels], np.bool_), int(good[1:].sum()) if count > 1 else 0
