"""The scheme of Av1an aimed elsewhere, on the curves of measured shots: what it takes for a given worst shot.

Two searches that end at different scores can only be compared once one of them is aimed so that both achieve the same.
Every shot's curve runs through all its encodes; the scheme is run on it for many targets, in the product's own
range of values, so that what it lacks by its defaults (15 to 50) is not held against it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

import encoding_av1an
from footlights.core.encodes import Probe

SPREAD = 4.0
"""VMAF around the target within which it is aimed elsewhere."""
_STEP = 0.1
_AROUND = 5
"""Targets on both sides over which is averaged: where a search stops is a matter of luck."""
_SHORT = 0.1
"""VMAF by which the scheme may fall short: shots that end at the finest value never do better."""
Curve = Callable[[float], tuple[float, float]]
"""Bytes and score at a value."""


def ends(shots: Sequence[Curve], target: float, limits: tuple[float, float]) -> NDArray[np.float64]:
    """`(targets, shots, 2)`: bytes and score where the scheme ends."""
    targets = np.arange(target - SPREAD, target + SPREAD, _STEP)
    return np.array([[_end(shot, one, limits) for shot in shots] for one in targets])


def _end(shot: Curve, target: float, limits: tuple[float, float]) -> tuple[float, float]:
    def probe(q: float) -> Probe:
        size, score = shot(q)
        return Probe(q, int(size), score, score, score)

    one, _ = encoding_av1an.search(probe, target, limits)
    return float(one.bytes), one.mean


def bytes_at(found: NDArray[np.float64], pool: Callable[..., Any], score: float) -> float:
    """Logarithm of the scheme's bytes at the lowest target at which its pooled score is `score`, both averaged over
    neighbouring targets; NaN where no target is low or high enough."""
    total = _averaged(np.log(found[..., 0].sum(axis=1)))
    pooled = _averaged(pool(found[..., 1], axis=1))
    good = pooled >= score - _SHORT
    if good[0] or not good.any():
        return float("nan")
    at = int(np.argmax(good))
    share = (score - _SHORT - pooled[at - 1]) / (pooled[at] - pooled[at - 1])
    return float(total[at - 1] + share * (total[at] - total[at - 1]))


def _averaged(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.convolve(values, np.full(2 * _AROUND + 1, 1 / (2 * _AROUND + 1)), "valid")
