"""Halos: light and dark outlines that aperture correction leaves beside edges, and the filter that undoes it.

A camera's detail circuit and a deck's peaking raise a band of the line's spectrum; beside a step they leave an
overshoot. The mean of many steps, each laid over the others by the place where it crosses its middle and divided by its
height, is the step response of the whole chain (as ISO 12233 gains it from one slanted edge). Only the steepest steps
count: a soft one has nothing in the band that was raised.

A filter does the same to steps up and down; a lit rim or a white window frame lies on the brighter side of both. So the
two are measured apart, and what both agree on is the filter's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Profile = NDArray[np.float64]
"""Step response at `PLACES`: 0 far before the step, 1 far behind it, whichever side is the brighter."""

PLACES: Profile = np.arange(-20, 21) / 2
"""Samples to the right of the middle of the step."""
_REACH, _FLANK = 14, 6
"""Samples looked at on each side of a step, and how many at either end must be even."""
_STEP = 30.0
"""Codes of a step worth measuring."""
_EVEN, _LEVEL = (0.06, 3.0), (0.04, 2.0)
"""How far a flank may vary, and how far its halves may differ: share of the step or codes, whichever is more."""
_BLACK, _WHITE = 18.0, 228.0
"""Codes beyond which a flank may be clipped, and a halo with it."""
_STEEP = 2.0
"""Samples from a fifth to four fifths of the step beyond which edges are too soft to tell all."""
_MOST = 0.4
"""Share of the step that no halo reaches: beside such edges runs a line."""
_NEAR = (1.0, 5.0)
"""Samples from the middle between which a halo lies."""
TAPS = 13
_LOCAL = 3.0
"""Samples at which a tap costs four times what it costs beside the middle: farther ones would lay echoes of the
scene's own frames and rims beside its edges."""
_CAUTION = 0.02
"""Weight of leaving the line alone against a step without halos: smaller values follow what is the scene's own beside
its edges, and lose (benchmarks/repair.py)."""


class Edges(NamedTuple):
    """The steps of one picture, or of many, in one direction."""

    profile: Profile
    number: int
    """Steps of which it is the median, or the mean of medians."""


_NONE = Edges((PLACES > 0).astype(np.float64), 0)


def measure(field: NDArray[np.generic]) -> tuple[Edges, Edges]:
    """The step response along the lines of a field or progressive frame `(h, w)` in 8-bit codes, of its steep,
    free-standing edges up and down; a number of 0 where it shows none."""
    steps, up = _aligned(*_steps(field.astype(np.float32)))
    if not len(steps):
        return _NONE, _NONE
    width = _widths(steps)
    steep = width <= min(float(np.percentile(width, 25)), _STEEP)
    steep &= (steps.max(axis=1) < 1 + _MOST) & (steps.min(axis=1) > -_MOST)
    return _median(steps[steep & up]), _median(steps[steep & ~up])


def together(seen: Sequence[Edges]) -> Edges:
    """The mean of many pictures, by the number of their edges."""
    counts = [one.number for one in seen]
    if not sum(counts):
        return _NONE
    return Edges(np.asarray(np.average([one.profile for one in seen], axis=0, weights=counts)), sum(counts))


def common(up: Edges, down: Edges) -> Profile:
    """The step response that edges in both directions share: beside the step whichever lies nearer to none of it, and
    none where they disagree in sign."""
    level = np.where(PLACES < 0, 0.0, 1.0)
    one, other = up.profile - level, down.profile - level
    least = np.where(np.abs(one) < np.abs(other), one, other)
    shared = np.where(one * other > 0, least, 0.0) + level
    return np.asarray(np.where(np.abs(PLACES) < _NEAR[0], (up.profile + down.profile) / 2, shared))


def overshoot(profile: Profile) -> tuple[float, float]:
    """Share of the step by which its outline exceeds it before (to the left of) and behind the step, 0 or more."""
    near = (np.abs(PLACES) >= _NEAR[0]) & (np.abs(PLACES) <= _NEAR[1])
    before, behind = profile[near & (PLACES < 0)], profile[near & (PLACES > 0)]
    return max(0.0, -float(before.min())), max(float(behind.max()) - 1, 0.0)


def equaliser(profile: Profile, times: float = 1.0) -> Profile:
    """`TAPS` taps of sum 1, to be correlated with each line: they turn the step response into one that rises as steeply
    and has no halo, as far as that takes little (least squares, bound to the filter that changes nothing). The change
    is made `times` over."""
    middle, half = len(PLACES) // 2, TAPS // 2
    wanted = np.clip(profile, 0, 1)
    wanted[middle:] = np.maximum.accumulate(wanted[middle:])
    wanted[: middle + 1] = np.minimum.accumulate(wanted[middle::-1])[::-1]
    near = np.abs(PLACES) <= _NEAR[1]  # what lies farther is the scene's
    room = TAPS - 1  # half samples that a tap may reach beyond either end
    long = np.concatenate([np.zeros(room), profile, np.ones(room)])
    shifted = np.stack([long[room + 2 * k : room + 2 * k + len(PLACES)] for k in range(-half, half + 1)], axis=1)
    nothing = np.zeros(TAPS)
    nothing[half] = 1
    weight = np.sqrt(_CAUTION * near.sum()) * (1 + (np.arange(-half, half + 1) / _LOCAL) ** 2)
    # What is sought is the change, whose taps add up to nothing: the last follows from the others.
    basis = np.vstack([np.eye(TAPS - 1), -np.ones(TAPS - 1)])
    system = np.vstack([shifted[near] @ basis, weight[:, None] * basis])
    aim = np.concatenate([(wanted - shifted @ nothing)[near], np.zeros(TAPS)])
    change, *_ = np.linalg.lstsq(system, aim, rcond=None)
    return np.asarray(nothing + times * (basis @ change))


def equalised(profile: Profile, taps: Profile) -> Profile:
    """The step response behind the filter."""
    half = len(taps) // 2
    long = np.concatenate([np.zeros(2 * half), profile, np.ones(2 * half)])
    return np.asarray(sum(tap * long[2 * k : 2 * k + len(profile)] for k, tap in enumerate(taps)))


def _median(steps: Profile) -> Edges:
    return Edges(np.asarray(np.median(steps, axis=0)), len(steps)) if len(steps) else _NONE


def _steps(field: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Free-standing steps `(n, 2 · _REACH + 1)` between even flanks, scaled to 0 and 1, and whether each goes up."""
    # Three lines together: halves the noise, and passes over what is no edge from line to line.
    lines = cv2.blur(field, (1, 3))
    smooth = cv2.GaussianBlur(lines, (0, 0), 1.5, sigmaY=0.01)
    slope = np.abs(cv2.filter2D(smooth, -1, np.array([[-0.5, 0, 0.5]], np.float32)))
    edge = (slope >= cv2.dilate(slope, np.ones((1, 9), np.uint8))) & (slope > _STEP / 8)
    margin = _REACH + field.shape[1] // 36
    edge[:, :margin] = edge[:, -margin:] = False
    edge[:2] = edge[-2:] = False
    rows, columns = np.nonzero(edge)
    seen = lines[rows[:, None], columns[:, None] + np.arange(-_REACH, _REACH + 1)]
    left, right = seen[:, :_FLANK], seen[:, -_FLANK:]
    low, high = left.mean(axis=1), right.mean(axis=1)
    step = high - low
    half, height = _FLANK // 2, np.abs(step)
    uneven = np.maximum(left.std(axis=1), right.std(axis=1))
    sloping = [np.abs(flank[:, :half].mean(axis=1) - flank[:, half:].mean(axis=1)) for flank in (left, right)]
    clear = (height > _STEP) & (uneven < np.maximum(_EVEN[0] * height, _EVEN[1]))
    clear &= np.maximum(*sloping) < np.maximum(_LEVEL[0] * height, _LEVEL[1])
    clear &= (np.minimum(low, high) > _BLACK) & (np.maximum(low, high) < _WHITE)
    return np.asarray((seen[clear] - low[clear, None]) / step[clear, None], np.float32), step[clear] > 0


def _aligned(steps: Floats, up: NDArray[np.bool_]) -> tuple[Profile, NDArray[np.bool_]]:
    """Steps `(n, …)` that cross their middle once and near the place where they are steepest → `(n, len(PLACES))`."""
    above = steps > 0.5
    crossing = above[:, 1:] != above[:, :-1]
    where = crossing.argmax(axis=1)
    once = (crossing.sum(axis=1) == 1) & (np.abs(where - _REACH + 0.5) <= 3.5)
    steps, where = steps[once].astype(np.float64), where[once]
    rows = np.arange(len(steps))
    before, behind = steps[rows, where], steps[rows, where + 1]
    at = (where + (0.5 - before) / (behind - before))[:, None] + PLACES
    at = np.clip(at, 0, steps.shape[1] - 1.001)
    cell = at.astype(np.intp)
    share = at - cell
    return np.asarray(steps[rows[:, None], cell] * (1 - share) + steps[rows[:, None], cell + 1] * share), up[once]


def _widths(steps: Profile) -> Profile:
    """Samples from where each step last is a fifth of its height to where it first is four fifths."""
    middle = len(PLACES) // 2
    low = (steps[:, middle::-1] <= 0.2).argmax(axis=1)
    high = (steps[:, middle:] >= 0.8).argmax(axis=1)
    return np.asarray((low + high) / 2)
