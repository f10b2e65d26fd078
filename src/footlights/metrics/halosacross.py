"""Halos above and below edges: what vertical aperture correction left there.

A camera's vertical detail circuit subtracts a share k of the lines above and below (two delay lines of one line each).
A steep step that falls between two lines with the share a of its height in between leaves k·a before it and k·(1 - a)
behind it, one line wide. Where edges lie is chance, so that the strongest
tenth of them shows 0.9 to 1 k on either side.

What cameras see is soft from line to line (they read pairs of rows), which the correction partly makes up for; an
outline is only what is left beyond. As along the line, edges up and edges down are measured apart, and what both show
on the same side in space is the filter's: a lit rim lies on the brighter side of both.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
_ACROSS = 5
"""Samples along the line that are averaged into one."""
_FLANK = 4
"""Lines on either side of the three of a step that must be even."""
_STEP = 30.0
"""Codes of a step worth measuring."""
_EVEN, _LEVEL = (0.06, 3.0), (0.05, 2.5)
"""How far a flank may vary, and how far its halves may differ: share of the step or codes, whichever is more."""
_BLACK, _WHITE = 18.0, 228.0
"""Codes beyond which a flank may be clipped, and a halo with it."""
_LEFT, _MOST = 0.15, 0.4
"""Share of the step that may be left on the lines beside it, and that no halo reaches."""
_STRONGEST = 0.1
"""Share of the edges that exceed their step by more than what is told."""
SHARES: Floats = np.array([0, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.13, 0.17, 0.22, 0.3], np.float32)
"""Shares of the step, by which edges that exceed theirs are counted."""


class Outlines(NamedTuple):
    """The edges of one picture, or of many, in one direction: with the brightness rising or falling downward."""

    above: Floats
    """How many exceed their step on the line above by more than each of `SHARES`."""
    below: Floats
    number: int


def measure(lines: NDArray[np.generic]) -> tuple[Outlines, Outlines]:
    """Outlines of a field or progressive frame `(h, w)` in 8-bit codes, of its steep, free-standing edges across the
    lines: rising downward, and falling."""
    above, below, up = _edges(lines.astype(np.float32))
    rising, falling = (Outlines(_counted(above[one]), _counted(below[one]), int(one.sum())) for one in (up, ~up))
    return rising, falling


def shared(rising: Outlines, falling: Outlines) -> tuple[float, float]:
    """Share of the step by which a tenth of all edges exceeds it above and below, whichever way the brightness goes;
    0 or more."""
    above = min(_strongest(one.above, one.number) for one in (rising, falling))
    return above, min(_strongest(one.below, one.number) for one in (rising, falling))


def _counted(excess: Floats) -> Floats:
    return np.asarray((excess[:, None] > SHARES).sum(axis=0), np.float32)


def _strongest(counts: Floats, number: int) -> float:
    """The share that a tenth exceeds, between those that were counted."""
    if counts[0] <= _STRONGEST * number:
        return 0.0
    return float(np.interp(-_STRONGEST * number, -counts, SHARES))


def _edges(lines: Floats) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """By how much steps exceed themselves above and below, in shares of the step, and whether each rises."""
    columns = cv2.blur(lines, (_ACROSS, 1))[:, _ACROSS // 2 :: _ACROSS]
    margin = columns.shape[1] // 36
    seen = columns[:, margin : columns.shape[1] - margin]
    reach = _FLANK + 1
    middle = np.arange(reach, len(seen) - reach)
    if not len(middle):
        return np.zeros(0, np.float32), np.zeros(0, np.float32), np.zeros(0, bool)
    low, high, even = _flanks(seen, middle)
    step = high - low
    clear = even & (np.abs(step) > _STEP)
    clear &= (np.minimum(low, high) > _BLACK) & (np.maximum(low, high) < _WHITE)
    rows, places = np.nonzero(clear)
    base, size = low[rows, places], step[rows, places]
    above = (base - seen[middle[rows] - 1, places]) / size
    below = (seen[middle[rows] + 1, places] - base) / size - 1
    steep = (np.minimum(above, below) > -_LEFT) & (np.maximum(above, below) < _MOST)
    return above[steep], below[steep], size[steep] > 0


def _flanks(seen: Floats, middle: NDArray[np.intp]) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Mean of the lines above and below each place but for its three own, and whether both are even."""
    sides = [np.stack([seen[middle + side * (2 + line)] for line in range(_FLANK)]) for side in (-1, 1)]
    low, high = (side.mean(axis=0) for side in sides)
    size, half = np.abs(high - low), _FLANK // 2
    uneven = np.maximum(*(side.std(axis=0) for side in sides))
    sloping = np.maximum(*(np.abs(side[:half].mean(axis=0) - side[half:].mean(axis=0)) for side in sides))
    even = (uneven < np.maximum(_EVEN[0] * size, _EVEN[1])) & (sloping < np.maximum(_LEVEL[0] * size, _LEVEL[1]))
    return low, high, even
