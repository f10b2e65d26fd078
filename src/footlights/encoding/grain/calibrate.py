"""The loop is closed: grain is drawn over the finished decode, measured as the source was, and its strength corrected.

An open loop loses a part of the strength (rounding of taps and points, what clipping takes, and grain that survived in
the base adds to what is drawn). Our synthesis is the decoder's, so that no decoding is needed between two rounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from footlights.core.filmgrain import FilmGrain
from footlights.encoding.grain.fit import fit, strength_curve
from footlights.encoding.grain.measure import GrainStatistics, Planes, differences_in_picture
from footlights.encoding.grain.synthesis import apply

Reals = NDArray[np.float64]

_ROUNDS = 4
_GOOD = 0.02
"""Largest relative error of a bin at which the loop ends."""
_REACH = (0.5, 2.0)
"""By how much one round may change a strength."""


@dataclass(frozen=True, slots=True)
class Calibrated:
    """Parameters, and how near their grain comes to the wanted one."""

    grain: FilmGrain
    sigma: float
    """Drawn, 10-bit codes, over the brightnesses of the pictures."""
    wanted: float
    error: float
    """Mean over the bins, relative."""
    worst_bin: float
    shape_error: float
    rounds: int


def calibrate(
    source: GrainStatistics, base: Sequence[Planes], seeds: Sequence[int], survived: GrainStatistics | None = None
) -> Calibrated:
    """Parameters whose grain over the decoded `base` has the statistics of `source`, less what `survived` in the base.

    `base` are some pictures of the decode, 10-bit Y Cb Cr, and `seeds` those of their frames.
    """
    wanted = _less(source, survived)
    colour = tuple(
        float(np.sqrt(max(a**2 - b**2, 0)))
        for a, b in zip(source.chroma, survived.chroma if survived is not None else (0.0, 0.0), strict=True)
    )
    strength, chroma = wanted.copy(), (colour[0], colour[1])
    best: Calibrated | None = None
    for number in range(1, _ROUNDS + 1):
        grain = fit(source, strength, chroma)
        drawn = differences_in_picture(
            [apply(planes, grain, seed) for planes, seed in zip(base, seeds, strict=True)], base
        )
        tried = _judged(grain, drawn, wanted, source, number)
        if best is None or tried.error < best.error:
            best = tried
        if not grain.applies or best.worst_bin <= _GOOD:
            break
        strength = strength * _correction(source, wanted, drawn)
        chroma = _chroma_step(chroma, colour, drawn)
    assert best is not None
    return best


def _less(source: GrainStatistics, survived: GrainStatistics | None) -> Reals:
    """What is to be drawn at the places of `source`."""
    sigma = strength_curve(source)
    if survived is None:
        return sigma
    left = np.interp(source.places, survived.places, strength_curve(survived))
    return np.asarray(np.sqrt(np.maximum(sigma**2 - left**2, 0)), np.float64)


def _chroma_step(chroma: tuple[float, float], wanted: tuple[float, ...], drawn: GrainStatistics) -> tuple[float, float]:
    steps = [
        np.clip(want / have, *_REACH) if have > 0 else 1.0 for want, have in zip(wanted, drawn.chroma, strict=True)
    ]
    return float(chroma[0] * steps[0]), float(chroma[1] * steps[1])


def wanted_at(source: GrainStatistics, wanted: Reals, drawn: GrainStatistics) -> Reals:
    """What is wanted at the places that `drawn` was measured at: grain that falls steeply towards black is told from
    a wrong strength."""
    return np.asarray(np.interp(drawn.places, source.places, wanted), np.float64)


def _correction(source: GrainStatistics, wanted: Reals, drawn: GrainStatistics) -> Reals:
    """Factor on the strength at every place of `source`; bins the pictures lack follow their neighbours."""
    goal = wanted_at(source, wanted, drawn)
    known = np.isfinite(drawn.sigma) & (drawn.sigma > 0) & (goal > 0)
    if not known.any():
        return np.ones_like(wanted)
    factor = np.clip(goal[known] / drawn.sigma[known], *_REACH)
    return np.asarray(np.interp(source.places, drawn.places[known], factor), np.float64)


def bin_errors(wanted: Reals, drawn: GrainStatistics) -> Reals:
    """Relative error of every bin that has grain and was measured; empty where none has. `wanted` is at the places of
    `drawn`."""
    known = np.isfinite(drawn.sigma) & (wanted > 0.5)
    return np.asarray(np.abs(drawn.sigma[known] / wanted[known] - 1), np.float64)


def _judged(
    grain: FilmGrain, drawn: GrainStatistics, wanted: Reals, source: GrainStatistics, number: int
) -> Calibrated:
    goals = wanted_at(source, wanted, drawn)
    errors = bin_errors(goals, drawn)
    known = np.isfinite(drawn.sigma)
    unseen = float(grain.applies)  # drawn, but nowhere to be measured: as wrong as can be
    weight = np.where(known, drawn.weight, 0)
    goal = float(np.sqrt(np.average(goals**2, weights=weight))) if weight.sum() > 0 else 0.0
    return Calibrated(
        grain=grain,
        sigma=drawn.mean,
        wanted=goal,
        error=float(errors.mean()) if errors.size else unseen,
        worst_bin=float(errors.max()) if errors.size else unseen,
        shape_error=drawn.shape.error(source.shape) if grain.applies else 0.0,
        rounds=number,
    )
