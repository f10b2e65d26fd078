"""Grain as a decoder draws it, in time: whether it changes from picture to picture, and steps at key frames.

What is seen of a picture less what is left of what it looked like before it was encoded is drawn grain and what the
encode put into it, and both step where a key frame begins anew. Detail that the encode took is not seen and no grain:
behind a cut key frames lose a little more of it (720 lines: 0.30 of it, the pictures after them 0.21 to 0.25), which
would be taken for grain that is 2 to 5 % stronger. Pictures are compared on blocks that are flat and rest in both. Most
key frames stand at cuts, and dark blocks rest across those as well, with the grain of two shots on both sides: there
only pictures behind the key frame are compared with it.
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
_CUT = 2.0
"""Times the change between pictures around it by which a shot begins with a key frame."""
_LEAST = 0.25
"""10-bit codes: mean change that resting pictures are taken to have."""


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
        first = place if _cut_at(place, [one.clean for one in pictures]) else 0
        ratios = [
            _ratio(pictures[place], other)
            for number, other in enumerate(pictures)
            if number >= first and number != place
        ]
        known = [one for one in ratios if one is not None]
        if known:
            steps.append(float(np.median(known)) - 1)
        for one, other in pairwise(pictures):
            shared += float((one.grain * other.grain).mean())
            powers += float(np.sqrt((one.grain**2).mean() * (other.grain**2).mean()))
    correlation = shared / powers if powers > 0 else 0.0
    return Steadiness(float(np.mean(steps)) if steps else 0.0, correlation, len(steps))


def _cut_at(place: int, clean: Sequence[Floats]) -> bool:
    """Whether the picture at `place` changes by much more than those around it do."""
    changes = [max(float(np.abs(one - other).mean()), _LEAST) for one, other in pairwise(clean)]
    others = changes[: max(place - 1, 0)] + changes[place:]
    return place > 0 and bool(others) and changes[place - 1] > _CUT * max(others)


def _ratio(key: Drawn, other: Drawn) -> float | None:
    """Strength of what is seen in a key frame to that in another picture; None where they have too little in common."""
    both = still_and_flat(Pair([key.shown], key.clean), Pair([other.shown], other.clean))
    one, two = (_power(picture, both) for picture in (key, other))
    return float(np.sqrt(one / two)) if both.sum() >= _FEWEST and two > 0 else None


def _power(picture: Drawn, chosen: NDArray[np.bool_]) -> float:
    seen, own = (without_plane(blocks_of(one, BLOCK)[chosen]) for one in (picture.shown, picture.clean))
    if not seen.size:
        return 0.0
    share = np.clip((seen * own).sum() / max(float((own**2).sum()), 1e-9), 0, 1)
    return float(((seen - share * own) ** 2).mean())
