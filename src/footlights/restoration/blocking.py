"""Blocking: steps on the grid of a block transform are spread over the samples beside them.

Where a step on the grid exceeds what the slopes on both sides lead to, and is no larger than quantisation makes it, the
excess is spread over three samples on either side. Larger steps are edges of the picture and stay: the correction rises
with the step, falls again behind the measured strength and ends at three times that (the up-down ramp of ITU-T H.263,
annex J). Along the line the grid is where it was measured; down the picture each field has its own, because interlaced
macroblocks are coded field by field where something moves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from footlights.core.clip import Clip, Plane
from footlights.restoration.base import Contract, Fields, bound, stage

_BLOCK = 8
_SHARES = (5 / 12, 3 / 12, 1 / 12)
"""Of the excess, for the three samples on either side: a ramp in the place of the step."""
_CODE = 219.0
_LARGEST = 3.0
"""Times the strength from which a step is an edge."""
_FLAT = 1.0
"""Times the strength that samples beside the step may differ by: more is detail."""


@stage("blocking.smooth", version=1)
class SmoothBlocks:
    """Adaptive filter on the edges of blocks, luma and chroma; all other samples pass unchanged."""

    @dataclass(frozen=True, slots=True)
    class Params:
        strength: float = 0.0
        """Codes of a step that is taken out completely, 0..40; 0 leaves all."""
        phase: int = 0
        """Luma sample at which a block begins, 0..7."""

        def __post_init__(self) -> None:
            bound("blocking.smooth.strength", self.strength, 0, 40, "codes")
            bound("blocking.smooth.phase", self.phase, 0, 7, "samples")

    def __init__(self, params: Params) -> None:
        self.params = params

    @property
    def contract(self) -> Contract:
        return Contract(fields=Fields.WOVEN)

    def run(self, clip: Clip) -> Clip:
        """Clip of T frames → T frames."""
        if not self.params.strength:
            return clip
        luma = clip.luma.copy()
        strength = self.params.strength / _CODE
        for frame in luma:
            for field in (frame[0::2], frame[1::2]):
                smooth(field.T, strength, self.params.phase)
                smooth(field, strength, 0)
        return clip.with_pictures(luma, clip.chroma)


def smooth(lines: Plane, strength: float, phase: int) -> None:
    """Take the steps out between lines `8 n + phase - 1` and `8 n + phase` of `(h, w)`, in place."""
    after = np.arange(phase if phase >= 4 else phase + _BLOCK, len(lines) - 3, _BLOCK)
    if not len(after):
        return
    above, below = [lines[after - k] for k in (1, 2, 3)], [lines[after + k] for k in (0, 1, 2)]
    slope = ((above[0] - above[1]) + (below[1] - below[0])) / 2
    excess = (below[0] - above[0]) - slope
    size = np.abs(excess)
    # Up to the strength all of it, then less and less, and nothing of an edge.
    share = np.clip((_LARGEST * strength - size) / ((_LARGEST - 1) * strength), 0, 1)
    busy = np.maximum(np.abs(above[0] - above[2]), np.abs(below[0] - below[2]))
    share = share * np.clip(2 - busy / (_FLAT * strength), 0, 1)
    change = share * excess
    for k, part in enumerate(_SHARES):
        lines[after - 1 - k] = above[k] + np.float32(part) * change
        lines[after + k] = below[k] - np.float32(part) * change
