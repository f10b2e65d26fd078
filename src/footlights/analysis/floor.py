"""The tape's own part of luma noise, from the black beside the picture (`metrics.margins`): one for the whole tape.

What lies there is blanking and not a dark picture only where pictures of the tape are bright right beside it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from footlights.analysis.base import Series
from footlights.core.reports import Untold
from footlights.metrics.margins import COLUMNS, NUMBERS

_LOSSLESS = ("ffv1", "ffvhuff", "huffyuv", "magicyuv", "r210", "rawvideo", "utvideo", "v210", "v308", "v410")
"""Codecs that keep noise as it was. Others take weak noise, fine noise and noise on a busy picture more than the
like of it on plain black."""
_WIDEST = 48
"""Samples of black at a side that are still blanking and no border."""
_BRIGHT = 0.1
"""Of the frames, so many must show a picture beside it."""
_FEWEST = 3
"""Places that must tell."""
_QUIET = 0.3
"""Of all places this quantile counts: what moves at the edge of the picture only adds."""


class Floor(NamedTuple):
    """What tape and deck add to luma."""

    step: float = 0.0
    """Codes: sigma by the differences from field to field; 0 where nothing tells."""
    lasts: float = 0.0
    """Correlation with the next field of the parity."""
    across: tuple[float, ...] = ()
    """Correlation with the next samples of the line."""
    untold: Untold | None = None


UNTOLD = Floor(untold=Untold.NO_BLACK)
_LOSSY = Floor(untold=Untold.LOSSY)


def keeps_noise(codec: str) -> bool:
    """Whether a file of this codec (FFmpeg's name) has noise as it came from the deck."""
    return codec in _LOSSLESS


def floor_of(series: Series, codec: str) -> Floor:
    """Of the side with less noise, where both tell."""
    if not keeps_noise(codec):
        return _LOSSY
    blank = series["borders.blank"]
    blank = blank[np.isfinite(blank).all(axis=1)]
    rows = series["noise.margins"].reshape(-1, 2, NUMBERS)
    if not len(blank):
        return UNTOLD
    widths = np.quantile(blank[:, [0, 2]], _BRIGHT, axis=0)
    sides = [rows[:, side] for side in (0, 1) if COLUMNS <= widths[side] <= _WIDEST]
    found = [_side(side[np.isfinite(side).all(axis=1)]) for side in sides]
    told = [one for one in found if one.step]
    return min(told, key=lambda one: one.step, default=UNTOLD)


def _side(rows: NDArray[np.float32]) -> Floor:
    if len(rows) < _FEWEST:
        return UNTOLD
    power, later = (float(np.quantile(rows[:, number], _QUIET)) for number in (0, 1))
    quiet = rows[rows[:, 0] <= np.quantile(rows[:, 0], 2 * _QUIET)]
    across = tuple(round(float(value), 3) for value in np.median(quiet[:, 2:], axis=0))
    return Floor(float(np.sqrt(min(power, later))), max(later / power - 1, 0.0), across)
