"""Grain as a decoder draws it, in time: whether it changes from picture to picture, and steps at key frames.

What is seen of a picture less what it looked like before it was encoded is drawn grain and coding error together, and
both step where a key frame begins anew. Pictures are compared on blocks that are flat and rest in both, so that a cut
is no step. A picture's grain is cut from one random texture of 64 samples whose strength alone varies by 1 to 2 %: one
key frame says little, many say it well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from footlights.encoding.grain.measure import BLOCK, Floats, Pair, blocks_of, still_and_flat, without_plane

_FEWEST = 6
"""Blocks that two pictures must have in common."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """Luma of one picture."""

    grain: Floats
    """What the decoder draws."""
    shown: Floats
    clean: Floats
    """Before it was encoded."""


@dataclass(frozen=True, slots=True)
class Steadiness:
    """Of the grain around some key frames."""

    step: float = 0.0
    """By how much it is stronger in key frames than in the pictures around them, relative; mean over key frames."""
    correlation: float = 0.0
    """Between the drawn grain of neighbouring pictures."""
    keys: int = 0
    """Key frames that tell."""


def steadiness(around: Sequence[tuple[int, Sequence[Drawn]]]) -> Steadiness:
    """Of runs of neighbouring pictures, each with the place of its key frame."""
    steps, shared, powers = [], 0.0, 0.0
    for place, pictures in around:
        ratios = [_ratio(pictures[place], other) for number, other in enumerate(pictures) if number != place]
        known = [one for one in ratios if one is not None]
        if known:
            steps.append(float(np.median(known)) - 1)
        for one, other in pairwise(pictures):
            shared += float((one.grain * other.grain).mean())
            powers += float(np.sqrt((one.grain**2).mean() * (other.grain**2).mean()))
    correlation = shared / powers if powers > 0 else 0.0
    return Steadiness(float(np.mean(steps)) if steps else 0.0, correlation, len(steps))


def _ratio(key: Drawn, other: Drawn) -> float | None:
    """Strength of what is seen in a key frame to that in another picture; None where they have too little in common."""
    both = still_and_flat(Pair([key.shown], key.clean), Pair([other.shown], other.clean))
    one, two = (_power(picture, both) for picture in (key, other))
    return float(np.sqrt(one / two)) if both.sum() >= _FEWEST and two > 0 else None


def _power(picture: Drawn, chosen: NDArray[np.bool_]) -> float:
    tiles = without_plane(blocks_of(picture.shown - picture.clean, BLOCK)[chosen])
    return float((tiles**2).mean()) if tiles.size else 0.0
