"""Blocking: steps on the 8-sample grid of a block transform (MPEG-2, DV, MJPEG), in code values.

Where the picture is smooth, a step between two samples that exceeds the steps on either side of it is noise, unless it
comes back every eight samples. The mean excess on the grid over the mean excess elsewhere is the strength of blocking;
noise is in both and falls out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
BLOCK = 8
_BUSY = 6.0
"""Codes between neighbouring samples from which a place counts as detail and not as smooth."""
_LEAST = 0.02
"""Share of the picture that must be smooth."""


class Blocking(NamedTuple):
    """The grid of one picture, along the line."""

    strength: float
    """Codes by which steps on the grid exceed those elsewhere; 0 where no grid is found."""
    phase: int
    """Sample at which the first block begins, 0..7."""
    certainty: float
    """Strength over the spread of the seven other phases."""


def measure(luma: NDArray[np.generic]) -> Blocking | None:
    """The grid of a field or frame `(h, w)` in codes; None where too little is smooth."""
    excess, smooth = _excess(luma.astype(np.float32))
    count = excess.shape[1] // BLOCK * BLOCK
    if count < 4 * BLOCK or smooth.mean() < _LEAST:
        return None
    kept = np.where(smooth, excess, 0)[:, :count].reshape(-1, BLOCK)
    number = smooth[:, :count].reshape(-1, BLOCK).sum(axis=0)
    means = kept.sum(axis=0) / np.maximum(number, 1)
    phase = int(np.argmax(means))
    others = np.delete(means, phase)
    strength = float(means[phase] - np.median(others))
    certainty = strength / (float(np.std(others)) + 0.01)
    # The first excess is that between samples 1 and 2.
    return Blocking(max(strength, 0.0), (phase + 2) % BLOCK, certainty)


def _excess(luma: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """By how much each step exceeds its neighbours, and whether it lies in a smooth place."""
    step = np.abs(np.diff(luma, axis=1))
    beside = np.maximum(step[:, :-2], step[:, 2:])
    excess = step[:, 1:-1] - (step[:, :-2] + step[:, 2:]) / 2
    return np.asarray(excess, np.float32), (beside < _BUSY) & (step[:, 1:-1] < 4 * _BUSY)
