"""Seeds of frames, chosen so that grain is as strong in every picture.

A decoder cuts a picture's grain from one random texture of 64 samples. Blocks of coarse grain cut from one seed's
texture are stronger or weaker than those of another by 2 to 4 % (standard deviation; fine grain 1 to 2 %), and a
picture is as much. Of a few seeds the one with the most ordinary texture is taken.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from footlights.core.filmgrain import FilmGrain
from footlights.core.time import FrameRange
from footlights.encoding.grain.inject import seed_of
from footlights.encoding.grain.measure import BLOCK, without_plane
from footlights.encoding.grain.synthesis import luma_templates

Reals = NDArray[np.float64]

_CANDIDATES = 6
_CORNERS = (13, 21, 27, 35)
"""Lines and samples where blocks of a texture begin that tell its strength: decoders cut theirs at 9 to 39. With these
sixteen a picture's strength is foretold within 0.4 to 0.6 %."""
_ORDINARY = tuple(range(1001, 65001, 1000))
"""Seeds whose mean strength is the ordinary one."""
_AT_ONCE = 256


def steady_seeds(grain: FilmGrain, frames: FrameRange) -> list[int]:
    """grain_seed of output frames under this table; the same in every run, and unlike their neighbours'."""
    if not grain.y:
        return [seed_of(frame) for frame in frames]
    offered = np.array([[seed_of(frame, number) for number in range(_CANDIDATES)] for frame in frames])
    ordinary = strengths(grain, _ORDINARY).mean()
    off = np.abs(strengths(grain, offered.reshape(-1).tolist()).reshape(offered.shape) / ordinary - 1)
    return [int(seed) for seed in offered[np.arange(len(offered)), off.argmin(axis=1)]]


def strengths(grain: FilmGrain, seeds: Sequence[int]) -> Reals:
    """Of the luma textures of these seeds, as blocks see them that are measured without their mean and slope."""
    parts = []
    for start in range(0, len(seeds), _AT_ONCE):
        textures = luma_templates(grain, seeds[start : start + _AT_ONCE]).astype(np.float32)
        blocks = [textures[:, y : y + BLOCK, x : x + BLOCK] for y in _CORNERS for x in _CORNERS]
        power = [(without_plane(one) ** 2).mean(axis=(1, 2)) for one in blocks]
        parts.append(np.sqrt(np.mean(power, axis=0)))
    return np.asarray(np.concatenate(parts), np.float64)
