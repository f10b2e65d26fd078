"""What an encode left of the grain in its pictures.

Blocks are chosen by the pictures themselves, flat and resting ones, and both are measured on the same: an encoder that
smooths grain away here and keeps it there would else be judged by the places it kept. Grain that stands still from
picture to picture, because the encoder repeated it, is lost to this measure as it is to the eye.

Units are 10-bit codes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from footlights.encoding.grain.measure import (
    BLOCK,
    Floats,
    Pair,
    Planes,
    Reals,
    as_float,
    blocks_of,
    chosen_in_bins,
    moved_beyond_calm,
    power,
    repeats,
    softened,
    still_and_flat,
    without_plane,
)

_DEGREES = BLOCK**2 / (BLOCK**2 - 3)


@dataclass(slots=True)
class _Blocks:
    """Of the differences of neighbouring pictures, one value for each chosen block."""

    level: list[Floats] = field(default_factory=list)
    """8-bit codes."""
    before: list[Floats] = field(default_factory=list)
    """Variance in the pictures that were encoded."""
    after: list[Floats] = field(default_factory=list)
    moved: list[Floats] = field(default_factory=list)
    """Power of what changed in the cleaned pictures, and in what the encode made of them."""
    moved_after: list[Floats] = field(default_factory=list)

    def add(self, now: Pair, then: Pair, made: Pair, made_then: Pair) -> None:
        flat = still_and_flat(now, then)
        self.level.append(blocks_of((now.clean + then.clean) * 0.5, BLOCK).mean(axis=(1, 2))[flat] / 4)
        self.before.append(_variance(now.noisy[0] - then.noisy[0], flat))
        self.after.append(_variance(made.noisy[0] - made_then.noisy[0], flat))
        self.moved.append(power(now.clean - then.clean, flat))
        self.moved_after.append(power(made.clean - made_then.clean, flat))


def survived(runs: Iterable[tuple[Sequence[Planes], Sequence[Planes]]]) -> tuple[float, float]:
    """Luma sigma of runs of neighbouring pictures, each with what an encode made of them, and sigma of what is left in
    that; both 0 where nothing flat rests."""
    blocks = _Blocks()
    for noisy, made in runs:
        both = [(_softened(one), _softened(other)) for one, other in zip(noisy, made, strict=True)]
        for (then, made_then), (now, made_now) in pairwise(both):
            if not repeats(now.noisy[0] - then.noisy[0]):
                blocks.add(now, then, made_now, made_then)
    if not sum(len(part) for part in blocks.level):
        return 0.0, 0.0
    level, before, after = (np.concatenate(one) for one in (blocks.level, blocks.before, blocks.after))
    moved, moved_after = (np.concatenate(one) for one in (blocks.moved, blocks.moved_after))
    weights, there, left = [0.0], [0.0], [0.0]
    for chosen in chosen_in_bins(level, before):
        weights.append(float(chosen.sum()))
        there.append(_of_grain(before[chosen], moved[chosen]))
        left.append(_of_grain(after[chosen], moved_after[chosen]))
    return _sigma(there, weights), _sigma(left, weights)


def _softened(planes: Planes) -> Pair:
    return Pair([as_float(planes[0])], softened(planes)[0])


def _of_grain(variance: Floats, moved: Floats) -> float:
    """Variance of the grain of one picture from that of differences."""
    return max(float(variance.mean()) - moved_beyond_calm(moved), 0.0) / 2


def _variance(difference: Floats, flat: NDArray[np.bool_]) -> Floats:
    tiles = without_plane(blocks_of(difference, BLOCK)[flat])
    return np.asarray((tiles**2).mean(axis=(1, 2)) * _DEGREES, np.float32)


def _sigma(variances: Sequence[float], weights: Sequence[float]) -> float:
    known: Reals = np.asarray(weights, np.float64)
    return float(np.sqrt(np.average(variances, weights=known))) if known.sum() else 0.0
