"""The scheme of Av1an aimed elsewhere, on the curves of measured shots: what it takes for a given worst shot.

Two searches that end at different scores can only be compared once one of them is aimed so that both achieve the same.
Every shot's curve runs through all its encodes; the scheme is run on it for a range of targets, in the product's own
range of values, so that what it lacks by its defaults (15 to 50) is not held against it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

import encoding_av1an
from footlights.core.encodes import Probe

SPREAD = 4.0
"""VMAF around the target within which it is aimed elsewhere."""
_STEP = 0.1
_NEAR = 1.0
"""VMAF around the score in question over which bytes are averaged: where a search stops is a matter of luck."""
_FEWEST = 6
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


def bytes_at(found: NDArray[np.float64], pool: Callable[[NDArray[np.float64]], float], score: float) -> float:
    """Logarithm of the scheme's bytes where its pooled score is `score`: a line through what it achieves near there;
    NaN where it does not come near."""
    total = np.log(found[..., 0].sum(axis=1))
    pooled = np.array([pool(one) for one in found[..., 1]])
    near = np.abs(pooled - score) <= _NEAR
    if near.sum() < _FEWEST or not pooled[near].min() < score < pooled[near].max():
        return float("nan")
    return float(np.polyval(np.polyfit(pooled[near], total[near], 1), score))
