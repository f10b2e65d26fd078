"""Whether a field comes with noise that was in the field of its parity before it.

A frame store that holds a picture holds its noise as well; what the tape adds later is new. So the calmest places of a
held field differ from its model by less than noise always does there, while those of a scene that only rests do not.
How much is usual is seen on fields around it, under their own light: noise grows or falls with it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_FLOOR = 0.1
"""Codes added before logarithms are taken."""
_REACH, _LIT, _MOST, _LEAST, _SIDE = 24, 0.8, 6, 4, 2
"""Frames on either side, and light (of the logarithm), within which fields are compared; how many of each side at most,
of both at least, and of a side so that it counts."""
_GRAIN, _SLIP, _ONE_SIDED = 0.1, 0.6, 2.0
"""Light (of the logarithm) by which fields may differ and still are lit alike; spread for every unit by which they
differ, for noise goes its own way where light is clipped; and factor of the spread where only fields before, or only
fields after, are there: motion that grows or fades is noise to the calmest blocks."""
_PAIRED, _DIFFERS, _PAIRS = 64, 0.1, 20
"""Fields of a shot that tell how noise goes with light, light (of the logarithm) by which two must differ for that, and
pairs that must; fewer, and it is left out."""
_TELLING, _ROUNDING, _STEADY = 8, 0.005, 0.035
"""Fields of each parity that must tell; spread (of the logarithm) there is at least; and spread from which noise says
nothing: coders that predict pictures from each other make it and take it away."""


def quiet(codes: NDArray[np.float32], light: Floats, usable: Flags) -> Floats:
    """By how much the calmest blocks of every field differ less than is usual, in spreads of that over the shot,
    (frames, 2), negative where they are quieter; 0 where it is not known.

    `codes` (frames, 2, parts) are those of `metrics.interlace.quiet_changes`, `light` (frames, 2) is the logarithm of
    the light, `usable` says which fields have the light of the one before them and may be compared.
    """
    noise = np.log(codes.astype(np.float64) + _FLOOR)
    found = np.zeros(usable.shape)
    for parity in (0, 1):
        frames = np.flatnonzero(usable[:, parity] & np.isfinite(noise[:, parity]).all(axis=1))
        off, doubt, slip = _against_others(frames, noise[frames, parity], light[frames, parity])
        told = np.isfinite(off)
        if told.sum() < _TELLING:
            return np.zeros(usable.shape)
        off -= np.median(off[told])
        # Of the louder half alone: repeats, where there are many, are among the others.
        spread = 1.48 * float(np.median(off[off >= 0])) + _ROUNDING
        if spread > _STEADY:
            return np.zeros(usable.shape)
        found[frames[told], parity] = (off / (doubt * spread + slip))[told]
    return found


def _against_others(frames: NDArray[np.intp], noise: Floats, light: Floats) -> tuple[Floats, Floats, Floats]:
    """Median over the parts of by how much each field differs from the same parts of those before it, or of those after
    it if that is more (NaN with too few); the factor of its spread, and what is added to it."""
    noise = noise - _growth(noise, light) * light[:, None]
    off, doubt, slip = np.full(len(frames), np.nan), np.ones(len(frames)), np.zeros(len(frames))
    for place, frame in enumerate(frames.tolist()):
        first, last = np.searchsorted(frames, (frame - _REACH, frame + _REACH + 1)).tolist()
        sides = [_nearest(side, place, light) for side in (np.arange(first, place)[::-1], np.arange(place + 1, last))]
        if sum(map(len, sides)) < _LEAST:
            continue
        counted = [side for side in sides if len(side) >= _SIDE]
        off[place] = max(np.median(noise[place] - np.median(noise[side], axis=0)) for side in counted)
        doubt[place] = 1.0 if len(counted) == 2 else _ONE_SIDED
        slip[place] = _SLIP * max(float(np.abs(light[side] - light[place]).mean()) for side in counted)
    return off, doubt, slip


def _nearest(side: NDArray[np.intp], place: int, light: Floats) -> NDArray[np.intp]:
    """Of fields on one side, the nearest first, those that are lit alike, or where there are too few those lit least
    unlike."""
    apart = np.abs(light[side] - light[place])
    alike = side[apart < _GRAIN]
    if len(alike) >= _SIDE:
        return alike[:_MOST]
    return side[np.argsort(apart // _GRAIN, kind="stable")][: min(_MOST, int((apart < _LIT).sum()))]


def _growth(noise: Floats, light: Floats) -> float:
    """The power of the light that noise grows with: the median of pairs of fields (Theil and Sen)."""
    chosen = np.unique(np.linspace(0, len(light) - 1, min(_PAIRED, len(light))).astype(np.intp))
    one, other = np.triu_indices(len(chosen), 1)
    noise, light = noise[chosen], light[chosen]
    brighter = light[one] - light[other]
    differs = np.abs(brighter) > _DIFFERS
    if differs.sum() < _PAIRS:
        return 0.0
    louder = np.median(noise[one[differs]] - noise[other[differs]], axis=1)
    return float(np.median(louder / brighter[differs]))
