"""AV1 film grain parameters for measured grain: taps from its correlation, points from its strength.

Reference: AV1 specification 6.8.20 (semantics), 7.18.3.2 (what the taps filter), 7.18.3.5 (how scaling is applied).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from footlights.core.filmgrain import FilmGrain, Points
from footlights.encoding.grain.measure import (
    ACROSS,
    DOWN,
    NO_SHAPE,
    GrainShape,
    GrainStatistics,
    correlation,
    without_plane,
)
from footlights.encoding.grain.synthesis import luma_templates

Reals = NDArray[np.float64]
Shifts = tuple[int, int]
"""tap_shift and scale_shift."""

LAG = 3
_POINTS_Y = 14
_TOLERANCE = 0.012
"""Share of the largest strength by which the line through the points may miss a bin."""
_RIDGES = (0.005, 0.05, 0.15)
"""Shares of white noise added to the shape: none keeps fine grain exact, some keeps the taps of coarse grain stable."""
_CLOSE = 0.02
"""Error of the shape that is as good as any: what the trial picture scatters by."""
_ROUNDS = 3
_SEEDS = tuple(range(1001, 65001, 4500))
"""Templates that a set of taps is judged by; a single one is too small to know their shape by."""
_INSIDE = np.s_[9:73, 9:73]
"""The part of a template that blocks are cut from."""
_FINEST, _WEAKEST = 11, 3
"""The largest scaling_shift and scale_shift."""
_FADE = (16.0, 24.0, 228.0, 240.0)
"""8-bit codes: below the first and above the last there is no grain, so that black stays black on average."""


@dataclass(frozen=True, slots=True)
class Texture:
    """Quantised taps and what they make of white noise."""

    taps: tuple[int, ...]
    tap_shift: int
    scale_shift: int
    sigma: float
    """10-bit codes, of grain before scaling."""
    shape: GrainShape


def fit(grain: GrainStatistics, strength: Reals | None = None, chroma: tuple[float, float] | None = None) -> FilmGrain:
    """Parameters of grain with these statistics; `strength` (BINS,) and `chroma` stand in for the measured sigmas.

    Grain too weak to be drawn gives parameters that apply none.
    """
    sigma = strength_curve(grain) if strength is None else strength
    colour = chroma if chroma is not None else grain.chroma
    texture = texture_of(grain.shape)
    # One shift serves all planes: chroma gets its taps at that of luma.
    small = None
    if grain.chroma_shape is not None and min(colour) > 0:
        small = texture_of(grain.chroma_shape, (texture.tap_shift, texture.scale_shift))
    most = max(_ratio(sigma, texture), _ratio(colour, small))
    weaker = min(int(np.log2(255 / (most * 2**_FINEST))) if most > 0 else 0, _WEAKEST - texture.scale_shift)
    if weaker > 0:
        texture, small = _weakened(texture, weaker), _weakened(small, weaker) if small else None
        most = max(_ratio(sigma, texture), _ratio(colour, small))
    shift = _scaling_shift(most)
    y = reduced(grain.places, sigma / texture.sigma * 2.0**shift, _POINTS_Y)
    if not any(value for _, value in y):
        return FilmGrain()
    made = FilmGrain(y=y, scaling_shift=shift, lag=LAG, taps_y=texture.taps, tap_shift=texture.tap_shift)
    made = replace(made, scale_shift=texture.scale_shift)
    if small is None:
        return made
    cb, cr = (_level(value / small.sigma * 2.0**shift) for value in colour)
    return replace(made, cb=cb, cr=cr, taps_cb=(*small.taps, 0), taps_cr=(*small.taps, 0))


def _ratio(sigma: Reals | tuple[float, float], texture: Texture | None) -> float:
    """What the strongest grain is of its texture."""
    return float(np.max(sigma)) / texture.sigma if texture is not None else 0.0


def _weakened(texture: Texture, halvings: int) -> Texture:
    """The same taps on weaker noise: weak grain would else be scaled by small whole numbers, a tenth and more apart."""
    return _as_scaled(texture.taps, texture.tap_shift, texture.scale_shift + halvings)


@lru_cache(maxsize=32)
def _as_scaled(taps: tuple[int, ...], tap_shift: int, scale_shift: int) -> Texture:
    return _judged(taps, tap_shift, (tap_shift, scale_shift))


def strength_curve(grain: GrainStatistics) -> Reals:
    """Sigma at the places of `grain` (BINS,), drawn over bins that nothing was measured in, gone at black and white."""
    known = np.isfinite(grain.sigma)
    if not known.any():
        return np.zeros(len(grain.places))
    curve = np.interp(grain.places, grain.places[known], grain.sigma[known])
    fade = np.interp(grain.places, _FADE, (0.0, 1.0, 1.0, 0.0))
    return np.asarray(np.where(known, curve, curve * fade), np.float64)


def texture_of(shape: GrainShape, shifts: Shifts | None = None) -> Texture:
    """Taps whose texture has this shape, after a few rounds of looking at what they really make.

    `shifts` are given where several planes must share them.
    """
    return _texture(shape.values.tobytes(), shifts)


@lru_cache(maxsize=32)
def _texture(values: bytes, shifts: Shifts | None) -> Texture:
    wanted = GrainShape(np.frombuffer(values, np.float64).reshape(DOWN + 1, 2 * ACROSS + 1))
    best: Texture | None = None
    for ridge in _RIDGES:
        asked = wanted
        for _ in range(_ROUNDS):
            tried = _judged(*_quantised(_solved(asked, ridge), shifts), shifts)
            if best is None or tried.shape.whole_error(wanted) < best.shape.whole_error(wanted):
                best = tried
            if best.shape.whole_error(wanted) <= _CLOSE:
                return best
            correction = 0.7 * (wanted.values - tried.shape.values)
            asked = GrainShape(np.clip(asked.values + correction, -1, 1))
    assert best is not None
    return best


def _solved(shape: GrainShape, ridge: float) -> Reals:
    """Yule-Walker equations of a causal neighbourhood: taps from the correlation between its members."""
    places = _places()
    table = shape.mirrored()

    def at(dy: int, dx: int) -> float:
        inside = abs(dy) <= DOWN and abs(dx) <= ACROSS
        return float(table[dy + DOWN, dx + ACROSS]) if inside else 0.0

    matrix = np.array([[at(a[0] - b[0], a[1] - b[1]) for b in places] for a in places])
    matrix += ridge * np.eye(len(places))
    return np.asarray(np.linalg.solve(matrix, np.array([at(*place) for place in places])), np.float64)


def _places() -> list[tuple[int, int]]:
    """Neighbours before a sample, in the order of the taps."""
    around = [(dy, dx) for dy in range(-LAG, 1) for dx in range(-LAG, LAG + 1)]
    return around[: 2 * LAG * (LAG + 1)]


def _quantised(taps: Reals, shifts: Shifts | None) -> tuple[tuple[int, ...], int]:
    """Taps as whole numbers, and the shift that uses their eight bits best."""
    most = max(float(np.abs(taps).max()), 1e-6)
    shift = shifts[0] if shifts is not None else int(np.clip(np.floor(np.log2(127 / most)), 6, 9))
    whole = np.clip(np.rint(taps * 2**shift), -128, 127)
    return tuple(int(tap) for tap in whole), shift


def _judged(taps: tuple[int, ...], shift: int, shifts: Shifts | None) -> Texture:
    """The texture that a decoder makes of these taps, without clipping where a scale allows it."""
    scales = [shifts[1]] if shifts is not None else list(range(4))
    grain = FilmGrain(y=((0, 1),), lag=LAG, taps_y=taps, tap_shift=shift)
    # Samples are held at ±512, so the first scale at which few of them get there.
    scale = next(
        (one for one in scales if _drawn(replace(grain, scale_shift=one), _SEEDS[:1]).std() <= 140), scales[-1]
    )
    drawn = _drawn(replace(grain, scale_shift=scale), _SEEDS)
    sigma = float(np.sqrt((drawn**2).mean()))
    tiles = without_plane(drawn.reshape(-1, 2, 32, 2, 32).swapaxes(2, 3).reshape(-1, 32, 32))
    return Texture(taps, shift, scale, max(sigma, 1e-3), correlation(tiles) if sigma else NO_SHAPE)


def _drawn(grain: FilmGrain, seeds: Sequence[int]) -> NDArray[np.float32]:
    """Unscaled texture, `(seeds, 64, 64)`."""
    return luma_templates(grain, seeds)[:, *_INSIDE].astype(np.float32)


def _scaling_shift(ratio: float) -> int:
    """The largest shift in which the strongest grain is at most 255."""
    return next((shift for shift in (_FINEST, 10, 9) if ratio * 2**shift <= 255), 8)


def _level(value: float) -> Points:
    """The same scaling at every brightness."""
    whole = int(np.clip(np.rint(value), 0, 255))
    return ((0, whole),) if whole else ()


def reduced(levels: Reals, values: Reals, most: int) -> Points:
    """A line through few points: those are left out, one by one, that are missed the least."""
    whole = np.clip(np.rint(values), 0, 255)
    kept = list(range(len(levels)))
    while len(kept) > 2:
        misses = [_miss(levels, values, kept[:i] + kept[i + 1 :]) for i in range(1, len(kept) - 1)]
        least = int(np.argmin(misses))
        if len(kept) <= most and misses[least] > _TOLERANCE * max(float(values.max()), 1e-9):
            break
        del kept[least + 1]
    return tuple((int(np.rint(levels[i])), int(whole[i])) for i in kept)


def _miss(levels: Reals, values: Reals, kept: list[int]) -> float:
    return float(np.abs(np.interp(levels, levels[kept], values[kept]) - values).max())
