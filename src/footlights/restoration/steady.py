"""Pictures behind the net steadied by their neighbours: what the net made of the same place a field earlier and later
is averaged in, moved along the motion.

The net sees every field with other lines and other noise, so it errs otherwise in every picture; the mean of neighbours
errs less. Unlike `denoise.motion` this filter reckons with errors that are stronger than noise and lie along edges, and
tells them from real change by their sign: errors cancel in the mean of a neighbourhood, a moved edge or a change of
light does not (docs/decisions/20261129-noise-behind-the-net.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.core.clip import Clip, Plane
from footlights.metrics.motion import MotionEstimator
from footlights.restoration.base import Contract, Edge, bound, stage
from footlights.restoration.motion import moved, over_window

_CODE = 1 / 219
_CHROMA_CODE = 1 / 224
_GUIDE_BLUR = 1.2
_FLOOR = 0.35
"""Smallest sigma (codes) reckoned with: the net errs on clean tapes too."""
_NEAR, _WIDE = (5, 5), (9, 9)
"""Neighbourhoods, in samples, for the power and for the mean of a difference."""
_REACH = 9.0
"""Power of a difference, in units of what noise alone gives, up to which a neighbour may count: three times sigma."""
_LEAN = 0.4
"""Square of its mean, in the same units, up to which a difference has no sign."""
_TOLERANCE, _FALL = 1.3, 1.2
"""Where a neighbour's weight begins to fall, and how fast."""


@stage("denoise.steady", version=2)
class SteadyPictures:
    """Weighted mean over `2 * radius + 1` pictures, moved onto the middle one; luma and chroma weighted apart."""

    @dataclass(frozen=True, slots=True)
    class Params:
        radius: int = 1
        """Pictures on each side, 1..3."""
        strength: float = 1.0
        """Factor on both sigmas, 0..3; 0 is the identity."""
        sigma: float = 1.0
        """Luma noise of the tape, or of what the net left, in 8-bit codes, 0..60."""
        chroma_sigma: float = 1.0
        """The same for chroma."""

        def __post_init__(self) -> None:
            bound("denoise.steady.radius", self.radius, 1, 3, "pictures")
            bound("denoise.steady.strength", self.strength, 0, 3)
            bound("denoise.steady.sigma", self.sigma, 0, 60, "codes")
            bound("denoise.steady.chroma_sigma", self.chroma_sigma, 0, 60, "codes")

    def __init__(self, params: Params) -> None:
        self.params = params
        self._estimator = MotionEstimator()
        sigmas = (max(params.sigma, _FLOOR) * _CODE, max(params.chroma_sigma, _FLOOR) * _CHROMA_CODE)
        # Of the difference of two pictures, each with this noise. Chroma noise comes in streaks, of more varied power.
        luma, chroma = (2 * (sigma * params.strength) ** 2 for sigma in sigmas)
        self._luma_limits = (_REACH * luma, _LEAN * luma)
        self._chroma_limits = (2 * _REACH * chroma, _LEAN * chroma)

    @property
    def contract(self) -> Contract:
        return Contract(before=self.params.radius, after=self.params.radius, edge=Edge.CONTINUE)

    def run(self, clip: Clip) -> Clip:
        """Clip of T pictures, 4:4:4 → T - 2·radius pictures."""
        radius = self.params.radius
        if self.params.strength == 0:
            return clip.take(clip.frames.shrink(radius))
        return over_window(clip, radius, _GUIDE_BLUR, self._picture)

    def _picture(self, clip: Clip, guides: list[NDArray[np.uint8]], now: int) -> tuple[Plane, Plane]:
        own_luma, own_chroma = clip.luma[now], clip.chroma[now]
        luma, chroma = own_luma.copy(), own_chroma.copy()
        luma_total, chroma_total = np.ones_like(own_luma), np.ones_like(own_luma)
        for other in range(now - self.params.radius, now + self.params.radius + 1):
            if other == now:
                continue
            flow = self._estimator.flow(guides[now], guides[other])
            near = moved(clip.luma[other], flow)
            weight = _weight(_misfit(near - own_luma, *self._luma_limits))
            luma += weight * near
            luma_total += weight
            coloured = [moved(plane, flow, sharp=False) for plane in clip.chroma[other]]
            misfits = [_misfit(a - b, *self._chroma_limits) for a, b in zip(coloured, own_chroma, strict=True)]
            weight = weight * _weight(np.maximum(*misfits))
            for plane, moved_plane in zip(chroma, coloured, strict=True):
                plane += weight * moved_plane
            chroma_total += weight
        return luma / luma_total, chroma / chroma_total


def _misfit(difference: Plane, power: float, lean: float) -> Plane:
    """How far a difference is from what errors give: 0 while they explain its power and its mean."""
    loud = cv2.blur(difference * difference, _NEAR) * np.float32(1 / power) - np.float32(_TOLERANCE)
    mean = cv2.blur(difference, _WIDE)
    leaning = mean * mean * np.float32(1 / lean) - np.float32(1)
    return np.asarray(np.maximum(loud, 0) + np.maximum(leaning, 0), np.float32)


def _weight(misfit: Plane) -> Plane:
    """Weight 0..1 of a neighbour."""
    return np.asarray(cv2.exp(misfit * np.float32(-_FALL)), np.float32)
