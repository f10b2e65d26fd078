"""The search of Av1an after its description: per-shot target quality between two values of CRF, at most four trials."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.interpolate import CubicSpline

from footlights.core.encodes import Probe

RANGE = (15.0, 50.0)
TRIALS = 4
NEAR = 0.01
"""Share of the target within which a trial is accepted."""


def search(
    probe: Callable[[float], Probe], target: float, limits: tuple[float, float] = RANGE
) -> tuple[Probe, list[Probe]]:
    """What it accepts, the coarsest within its tolerance, else the nearest; and all trials."""
    tried: dict[float, Probe] = {}
    low, high = limits
    while len(tried) < TRIALS and low <= high:
        q = round(min(max(_next(tried, target, low, high), low), high) * 4) / 4
        if q in tried:
            break
        tried[q] = probe(q)
        score = tried[q].score
        if abs(score - target) <= NEAR * target:
            break
        low, high = (q + 0.25, high) if score > target else (low, q - 0.25)
    inside = [q for q, one in tried.items() if abs(one.score - target) <= NEAR * target]
    q = max(inside) if inside else min(tried, key=lambda one: abs(tried[one].score - target))
    return tried[q], list(tried.values())


def _next(tried: dict[float, Probe], target: float, low: float, high: float) -> float:
    """The middle, then the middle of what is left, then a line, then a natural spline through the trials."""
    points = sorted((one.score, q) for q, one in tried.items())
    scores = [score for score, _ in points]
    if len(points) < 2 or len(set(scores)) < len(scores):
        return (low + high) / 2
    values = [q for _, q in points]
    if len(points) == 2:
        return float(np.interp(target, scores, values)) if scores[0] <= target <= scores[1] else (low + high) / 2
    return float(CubicSpline(scores, values, bc_type="natural")(target))
