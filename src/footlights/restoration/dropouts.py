"""Dropouts: streaks in one field are replaced by the median of what the fields before and after (along the motion) and
the lines above and below say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.core.clip import Clip, Plane
from footlights.metrics.dropouts import Beside, Prepared, Streaks, find
from footlights.metrics.motion import MotionEstimator
from footlights.restoration.base import Contract, Fields, Touch, bound, stage
from footlights.restoration.motion import guide, moved
from footlights.restoration.regions import regions_of

Codes = NDArray[np.uint8]

_MARGIN = (9, 1)
"""Samples and lines by which a streak is widened: its ends fade."""
_LARGEST = 0.02
"""More than this share of a field is no dropout and is left alone."""


@stage("dropouts.conceal", version=14)
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
                beside = beside_of(codes[index + 1], field)
                streaks = streaks_of((now, before, after), self.params.sigma, beside)
                if streaks is None:
                    continue
                if luma is out.luma:
                    luma, chroma = out.luma.copy(), out.chroma.copy()
                here, *around = (field_of(clip, index + k, field) for k in (1, 0, 2))
                wide, filling = filled(here, around, streaks.mask, self._estimator)
                for target, plane in zip((luma[index], *chroma[index]), filling, strict=True):
                    own = target[field::2]
                    own[wide] += self.params.strength * (plane[wide] - own[wide])
                self.touched.append(Touch(out.frames.start + index, streaks.area / 2, regions=regions_of(streaks.mask)))
        return out.with_pictures(luma, chroma)


def beside_of(frame: Codes, field: int) -> Beside:
    """The other field of a frame whose `field` (0 top) is looked at."""
    return Beside(Prepared(frame[1 - field :: 2]), lower=field == 0)


def streaks_of(fields: tuple[Codes, Codes, Codes], sigma: float, beside: Beside | None = None) -> Streaks | None:
    """Those of a field beside two others of its parity; None where it has none, or more than dropouts make."""
    found = find(*fields, sigma, beside)
    return found if found.number and found.area <= _LARGEST else None


def field_of(clip: Clip, index: int, field: int) -> list[Plane]:
    """Luma and both colour differences of one field (0 top) of the clip's frame `index`."""
    planes = (clip.luma[index], clip.chroma[index, 0], clip.chroma[index, 1])
    return [np.ascontiguousarray(plane[field::2]) for plane in planes]


def filled(
    field: list[Plane], around: Sequence[list[Plane]], mask: NDArray[np.bool_], estimator: MotionEstimator
) -> tuple[NDArray[np.bool_], list[Plane]]:
    """What stands in for the streaks of a field `(H, W)`: the samples it is for, which reach a margin beyond `mask`,
    and planes as those of the field. `around` are two other fields of its parity."""
    wide = cv2.dilate(mask.astype(np.uint8), np.ones((_MARGIN[1] * 2 + 1, _MARGIN[0] * 2 + 1), np.uint8)) > 0
    bridged = [_bridge(plane, wide) for plane in field]
    # Motion is searched on the field with its streaks bridged: they would pull the flow along.
    here = guide(bridged[0], 1.0)
    flows = [estimator.flow(here, guide(other[0], 1.0)) for other in around]
    planes = []
    for number, spatial in enumerate(bridged):
        temporal = [moved(other[number], flow) for other, flow in zip(around, flows, strict=True)]
        planes.append(np.asarray(np.median(np.stack([*temporal, spatial]), axis=0), np.float32))
    return wide, planes


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
