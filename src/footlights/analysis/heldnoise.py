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
_REACH, _LIT, _MOST, _LEAST = 24, 0.8, 12, 4
"""Frames on either side, and light (of the logarithm), within which fields are compared; of these the nearest in light:
how many at most and at least."""
_PAIRED, _DIFFERS, _PAIRS = 64, 0.1, 20
"""Fields of a shot that tell how noise goes with light, light (of the logarithm) by which two must differ for that, and
pairs that must; fewer, and it is left out."""
_TELLING, _ROUNDING, _STEADY = 8, 0.005, 0.05
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
        off = _against_others(frames, noise[frames, parity], light[frames, parity])
        told = np.isfinite(off)
        if told.sum() < _TELLING:
            return np.zeros(usable.shape)
        off -= np.median(off[told])
        # Of the louder half alone: repeats, where there are many, are among the others.
        spread = 1.48 * float(np.median(off[off >= 0])) + _ROUNDING
        if spread > _STEADY:
            return np.zeros(usable.shape)
        found[frames[told], parity] = off[told] / spread
    return found


def _against_others(frames: NDArray[np.intp], noise: Floats, light: Floats) -> Floats:
    """Median over the parts of by how much each differs from the same part of fields nearby; NaN with too few."""
    noise = noise - _growth(noise, light) * light[:, None]
    off = np.full(len(frames), np.nan)
    for place, frame in enumerate(frames.tolist()):
        first, last = np.searchsorted(frames, (frame - _REACH, frame + _REACH + 1)).tolist()
        near = np.delete(np.arange(first, last), place - first)
        apart = np.abs(light[near] - light[place])
        near = near[np.argsort(apart, kind="stable")][: min(_MOST, int((apart < _LIT).sum()))]
        if len(near) >= _LEAST:
            off[place] = np.median(noise[place] - np.median(noise[near], axis=0))
    return off


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
