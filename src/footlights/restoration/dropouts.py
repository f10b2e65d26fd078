"""Dropouts: streaks in one field are replaced by the median of what the fields before and after (along the motion) and
the lines above and below say."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.core.clip import Clip, Plane
from footlights.metrics.dropouts import find
from footlights.metrics.motion import MotionEstimator
from footlights.restoration.base import Contract, Fields, Touch, bound, stage
from footlights.restoration.motion import guide, moved
from footlights.restoration.regions import regions_of

_MARGIN = (9, 1)
"""Samples and lines by which a streak is widened: its ends fade."""
_LARGEST = 0.02
"""More than this share of a field is no dropout and is left alone."""


@stage("dropouts.conceal", version=13)
class ConcealDropouts:
    """Finds streaks again on the pictures as they are and replaces them; all other samples pass unchanged."""

    @dataclass(frozen=True, slots=True)
    class Params:
        strength: float = 1.0
        """0 leaves the picture as it is, 1 replaces streaks completely."""
        sigma: float = 0.0
        """Luma noise of the shot in 8-bit codes."""

        def __post_init__(self) -> None:
            bound("dropouts.conceal.strength", self.strength, 0, 1)
            bound("dropouts.conceal.sigma", self.sigma, 0, 60, "codes")

    def __init__(self, params: Params) -> None:
        self.params = params
        self._estimator = MotionEstimator()
        self.touched: list[Touch] = []

    @property
    def contract(self) -> Contract:
        return Contract(before=1, after=1, fields=Fields.WOVEN)

    def run(self, clip: Clip) -> Clip:
        """Clip of T frames → T - 2 frames."""
        out = clip.take(clip.frames.shrink(1))
        if self.params.strength == 0:
            return out
        luma, chroma = out.luma, out.chroma
        codes = [guide(frame, 0) for frame in clip.luma]
        for index in range(len(out)):
            for field in (0, 1):
                now, before, after = (codes[index + k][field::2] for k in (1, 0, 2))
                streaks = find(now, before, after, self.params.sigma)
                if not streaks.number or streaks.area > _LARGEST:
                    continue
                if luma is out.luma:
                    luma, chroma = out.luma.copy(), out.chroma.copy()
                self._conceal(clip, index + 1, field, streaks.mask, (luma[index], chroma[index]))
                self.touched.append(Touch(out.frames.start + index, streaks.area / 2, regions=regions_of(streaks.mask)))
        return out.with_pictures(luma, chroma)

    def _conceal(
        self, clip: Clip, index: int, field: int, mask: NDArray[np.bool_], target: tuple[Plane, Plane]
    ) -> None:
        """Write the field's replacement into `target` (luma (H, W), chroma (2, H, W))."""
        wide = cv2.dilate(mask.astype(np.uint8), np.ones((_MARGIN[1] * 2 + 1, _MARGIN[0] * 2 + 1), np.uint8)) > 0
        spatial_luma = _bridge(clip.luma[index, field::2], wide)
        # Motion is searched on the field with its streaks bridged: they would pull the flow along.
        here = guide(spatial_luma, 1.0)
        flows = [(k, self._estimator.flow(here, guide(clip.luma[index + k, field::2], 1.0))) for k in (-1, 1)]
        planes = [(clip.luma, target[0])] + [(clip.chroma[:, c], target[1][c]) for c in (0, 1)]
        for source, out in planes:
            temporal = [moved(np.ascontiguousarray(source[index + k, field::2]), flow) for k, flow in flows]
            spatial = _bridge(source[index, field::2], wide)
            best = np.median(np.stack([*temporal, spatial]), axis=0)
            own = out[field::2]
            own[wide] += self.params.strength * (best[wide] - own[wide])


def _bridge(field: Plane, mask: NDArray[np.bool_]) -> Plane:
    """The field with masked samples interpolated from the nearest clean lines above and below."""
    height = len(field)
    lines = np.arange(height)[:, None]
    above = np.maximum.accumulate(np.where(mask, -1, lines), axis=0)
    below = np.minimum.accumulate(np.where(mask, height, lines)[::-1], axis=0)[::-1]
    above = np.where(above < 0, np.where(below >= height, lines, below), above)
    below = np.where(below >= height, above, below)
    columns = np.broadcast_to(np.arange(field.shape[1]), field.shape)
    span = np.maximum(below - above, 1)
    share = ((lines - above) / span).astype(np.float32)
    mixed = field[above, columns] * (1 - share) + field[below, columns] * share
    return np.ascontiguousarray(np.where(mask, mixed, field), np.float32)
