"""The colour subcarrier as it shows on the 13.5 MHz raster: how fast its pattern runs along a line, and after how many
field lines and frames it stands inverted.

NTSC (SMPTE 170M): 227.5 cycles a line, so neighbouring lines of a field, and successive frames, carry it inverted. PAL
(ITU-R BT.1700): 283.75 cycles a line and 4.43 MHz; lines two apart and frames two apart carry it inverted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_TAPS = 12
"""Samples on each side of the band filter: ±0.6 MHz at half height."""


@dataclass(frozen=True, slots=True)
class Subcarrier:
    """Pattern of one television system."""

    cycles: float
    """Per luma sample."""
    inverted: int
    """Field lines, and frames, after which the pattern is inverted."""
    per_line: float
    """Cycles of the carrier in a line, blanking counted."""
    alternating: bool
    """V changes its sign from line to line."""


NTSC = Subcarrier(227.5 / 858, 1, 227.5, alternating=False)
PAL = Subcarrier((283.75 + 1 / 625) / 864, 2, 283.75 + 1 / 625, alternating=True)
SYSTEMS = {"ntsc": NTSC, "pal": PAL}
"""Television systems as steps of a plan name them."""


def of_raster(width: int, height: int) -> Subcarrier | None:
    """The subcarrier of pictures of this size; None where they are not sampled at 13.5 MHz."""
    if not 700 <= width <= 720:
        return None
    return {480: NTSC, 486: NTSC, 512: NTSC, 576: PAL, 608: PAL}.get(height)


@lru_cache(maxsize=4)
def band(cycles: float) -> NDArray[np.float32]:
    """Symmetric band filter along the line, gain 1 at the subcarrier and 0 for what is flat; `(25,)`."""
    place = np.arange(-_TAPS, _TAPS + 1)
    window = np.hanning(2 * _TAPS + 3)[1:-1]
    taps = window * np.cos(2 * np.pi * cycles * place)
    taps -= window * taps.sum() / window.sum()
    return np.asarray(taps / (taps * np.cos(2 * np.pi * cycles * place)).sum(), np.float32)


@lru_cache(maxsize=4)
def across(inverted: int) -> NDArray[np.float32]:
    """Filter across field lines that keeps what is inverted `inverted` lines away, gain 1, and takes out the rest."""
    taps = np.zeros(2 * inverted + 1, np.float32)
    taps[0], taps[inverted], taps[-1] = -0.25, 0.5, -0.25
    return taps
