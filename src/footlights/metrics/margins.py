"""Noise of the black beside the picture, which the camera never saw: what tape and deck add to luma.

A line of 720 samples shows a little of its blanking on either side. Camera and mixer made it black; recording and
playing it gave it the noise of the tape, as they gave it to the picture (the noise of an FM channel does not depend on
the signal). What filters ring of the picture beside it is alike on lines close together, and noise is not, as heads
write one line after another: so what lines differ by is looked at. The next line but one is taken, as a decoder's comb
leaves a line something of the one before. Traces of a subcarrier, which turns over from frame to
frame in NTSC, are gone between fields two frames apart. Where a converter has drawn black of its own it is still, and
where it cut black off half of the noise is missing: neither tells anything.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

COLUMNS = 4
"""Outermost samples of a line that are looked at: those nearer to the picture show filters ringing at its edge."""
NUMBERS = 5
"""Of each side: variance of the differences to the field before over two, that to the one before it over two, and
correlations with the next sample, the one after it, and the third."""
LAGS = COLUMNS - 1
_LINES = 16
"""Lines of a block."""
_BLACK = 28.0
"""Code up to which a block is black in the mean."""
_FEWEST = 6
"""Blocks that a side must have."""
_QUIET, _QUIET_NORMAL = 0.3, -0.5244
"""Of the blocks this quantile counts, as lines that ring or are torn only add; the same of the normal distribution."""
_APART = 2
"""Lines from one to the other that it is compared with."""
_FREE = 20.0
"""Degrees of freedom of a block's variance: 14 differences of lines, which have lines in common, of 4 samples, which
have something in common themselves."""
_ALIVE = 0.16
"""Codes² below which there is hardly more than rounding."""
_CUT = 0.25
"""Of the samples, on the lowest code, from which black was cut off there."""
_NOTHING = np.full(NUMBERS, np.nan, np.float32)


def margins(fields: Sequence[NDArray[np.generic]]) -> Floats:
    """What the last three fields of a parity tell `(2, NUMBERS)`, left and right; NaN where a side tells nothing."""
    height = fields[-1].shape[0] // _LINES * _LINES
    if height < _FEWEST * _LINES or fields[-1].shape[1] < 16 * COLUMNS:
        return np.stack([_NOTHING, _NOTHING])
    sides = (slice(0, COLUMNS), slice(-COLUMNS, None))
    return np.stack([_side([one[:height, side].astype(np.float32) for one in fields[-3:]]) for side in sides])


def _side(fields: Sequence[Floats]) -> Floats:
    blocks = [one.reshape(-1, _LINES, COLUMNS) for one in fields]
    black = blocks[-1].mean(axis=(1, 2)) <= _BLACK
    if black.sum() < max(_FEWEST, len(black) / 2) or _cut_off(blocks[-1][black]):
        return _NOTHING
    now, before, older = (one[black] for one in reversed(blocks))
    steps = [_between_lines(now - other) for other in (before, older)]
    powers = [np.square(step).mean(axis=(1, 2)) for step in steps]
    found = [_variance(power) for power in powers]
    if min(found) < _ALIVE:
        return _NOTHING
    calmer = int(found[1] < found[0])
    quiet = steps[calmer][powers[calmer] <= np.quantile(powers[calmer], 2 * _QUIET)]
    own = float(np.square(quiet).mean())
    alike = [float((quiet[:, :, lag:] * quiet[:, :, :-lag]).mean()) / own for lag in range(1, LAGS + 1)]
    return np.array([*found, *alike], np.float32)


def _between_lines(blocks: Floats) -> Floats:
    """What each line differs from the next but one by, scaled to the variance of lines of their own."""
    return (blocks[:, _APART:] - blocks[:, :-_APART]) * np.float32(np.sqrt(1 / 2))


def _variance(powers: Floats) -> float:
    """Typical of noise alone, from powers of the differences of blocks (Wilson and Hilferty's quantile)."""
    spread = 2 / (9 * _FREE)
    shown = (1 - spread + _QUIET_NORMAL * np.sqrt(spread)) ** 3
    return float(np.quantile(powers, _QUIET)) / (2 * shown)


def _cut_off(black: Floats) -> bool:
    """Whether a heap lies on the lowest code, below which there would be more."""
    return bool(np.mean(black == black.min()) > _CUT)
