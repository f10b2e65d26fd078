"""Steady poses out of shaky ones: absolute measurements, relative motion and the inertia of a head, weighed by how far
each can be trusted, in one sparse least-squares problem per parameter. Offline: past and future count alike, so that
nothing lags behind a moving head.

Robust against outliers by iteratively reweighted least squares (Huber, "Robust estimation of a location parameter",
1964). The terms: where landmarks say the pose is; how optical flow says it changed; how little acceleration changes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded

Series = NDArray[np.float64]

_ROUNDS = 5
_HUBER = 2.5
"""Deviations from which a residual counts as an outlier."""
_TRUST = 0.1
"""Of a landmark measurement against its own noise: what flow sees from frame to frame is the better witness."""
_BAND = 2
_LEAST = 1e-12


def steady(measured: Series, presence: Series, step: Series, step_variance: Series) -> Series:
    """Poses `(T, K)` from measured ones `(T, K)` and the motion between neighbours `(T - 1, K)`.

    Parameters share no scale and are solved one by one. What is not finite was not measured. `presence` `(T,)`, 0..1,
    is how sure the measurement is; `step_variance` `(T - 1, K)` that of the motion. T ≥ 1; a parameter that was never
    measured comes back as NaN.
    """
    found = np.full_like(measured, np.nan, dtype=np.float64)
    for k in range(measured.shape[1]):
        if np.isfinite(measured[:, k]).any():
            found[:, k] = _solve(measured[:, k], presence, step[:, k], step_variance[:, k])
    return found


def _solve(measured: Series, presence: Series, step: Series, variance: Series) -> Series:
    known, moved = np.isfinite(measured), np.isfinite(step)
    jitter = _jitter(measured, step)
    place = np.where(known, _TRUST * presence**2 / jitter, 0.0)
    motion = np.where(moved, 1 / np.maximum(4 * variance, jitter / 400), 0.0)
    turns = np.diff(step)
    change = float(np.nanvar(turns)) if np.isfinite(turns).any() else jitter
    bend = np.full(max(len(measured) - 2, 0), 1 / max(change, jitter / 400, _LEAST))
    z, d = np.where(known, measured, 0.0), np.where(moved, step, 0.0)
    robust = np.ones_like(place), np.ones_like(motion)
    found = z
    for _ in range(_ROUNDS):
        found = _least_squares(z, d, place * robust[0], motion * robust[1], bend)
        robust = _weights(found - z, known), _weights(np.diff(found) - d, moved)
    return found


def _jitter(measured: Series, step: Series) -> float:
    """Variance of a single measurement, from how measured changes differ from seen ones."""
    apart = np.diff(measured) - np.where(np.isfinite(step), step, 0.0)
    apart = apart[np.isfinite(apart)]
    if len(apart) < 3:
        return 1.0
    spread = 1.4826 * float(np.median(np.abs(apart - np.median(apart))))
    return max(spread**2 / 2, _LEAST)


def _weights(residual: Series, counts: NDArray[np.bool_]) -> Series:
    """Huber's weights by the residuals' own median deviation."""
    if not counts.any():
        return np.ones_like(residual)
    limit = _HUBER * max(1.4826 * float(np.median(np.abs(residual[counts]))), 1e-9)
    return np.asarray(limit / np.maximum(np.abs(residual), limit), np.float64)


def _least_squares(z: Series, d: Series, place: Series, motion: Series, bend: Series) -> Series:
    """Minimise Σ place (q - z)² + Σ motion (Δq - d)² + Σ bend (Δ²q)²; the matrix has two bands beside its diagonal."""
    count = len(z)
    band = np.zeros((_BAND + 1, count))
    right = place * z
    band[0] = place + _LEAST
    if count > 1:
        band[0, :-1] += motion
        band[0, 1:] += motion
        band[1, :-1] -= motion
        right[1:] += motion * d
        right[:-1] -= motion * d
    if count > _BAND:
        band[0, :-2] += bend
        band[0, 1:-1] += 4 * bend
        band[0, 2:] += bend
        band[1, :-2] -= 2 * bend
        band[1, 1:-1] -= 2 * bend
        band[2, :-2] += bend
    return np.asarray(solveh_banded(band[: min(count, _BAND + 1)], right, lower=True), np.float64)
