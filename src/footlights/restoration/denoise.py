"""Temporal noise reduction along the motion, with the strength that the measured noise asks for.

Idea as in the motion-compensated degrain of MVTools: neighbours moved onto the current picture are averaged in as far
as what still differs can be noise. Where nothing fits (uncovered places, strobes) the neighbours count nothing and a
coring of fine detail below the noise takes their place.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.core.clip import Clip, Plane
from footlights.errors import ParameterError
from footlights.metrics.motion import Flow, MotionEstimator
from footlights.restoration.base import Contract, bound, stage
from footlights.restoration.motion import moved, over_window

_CODE = 1 / 219
"""One 8-bit luma code in luma units."""
_CHROMA_CODE = 1 / 224
_GUIDE_BLUR = 1.2
_WINDOW = (5, 5)
_TOLERANCE = 1.3
"""Mean squared difference, in units of what noise alone gives, up to which a neighbour counts fully."""
_FALL = 1.2
"""How fast a neighbour's weight falls beyond that."""
_FLOOR = 0.35
"""Smallest sigma (codes) reckoned with: coding noise is always there."""
_CORING = 1.2
"""Detail smaller than this many sigma may be noise where no neighbour helps."""


@stage("denoise.motion", version=1)
class MotionDenoise:
    """Weighted mean over `2 * radius + 1` pictures, moved onto the middle one."""

    @dataclass(frozen=True, slots=True)
    class Params:
        radius: int = 2
        """Pictures on each side, 1..3."""
        strength: float = 1.0
        """Factor on the measured sigma, 0..3; 0 is the identity."""
        levels: tuple[float, ...] = (128.0,)
        """Luma codes (8 bit) at which the noise was measured, rising."""
        sigmas: tuple[float, ...] = (1.0,)
        """Luma noise at these levels, in codes."""
        chroma_sigma: float = 1.0
        """Chroma noise in codes."""

        def __post_init__(self) -> None:
            bound("denoise.motion.radius", self.radius, 1, 3, "pictures")
            bound("denoise.motion.strength", self.strength, 0, 3)
            bound("denoise.motion.chroma_sigma", self.chroma_sigma, 0, 60, "codes")
            if not self.levels or len(self.levels) != len(self.sigmas):
                raise ParameterError("denoise.motion.sigmas", self.sigmas, "give one sigma for every level")
            if list(self.levels) != sorted(self.levels):
                raise ParameterError("denoise.motion.levels", self.levels, "give them in rising order")

    def __init__(self, params: Params) -> None:
        self.params = params
        self._estimator = MotionEstimator()
        sigma = np.interp(np.arange(256), params.levels, params.sigmas)
        self._sigma_table = (np.maximum(sigma, _FLOOR) * params.strength * _CODE).astype(np.float32)
        self._chroma_sigma = np.float32(max(params.chroma_sigma, _FLOOR) * params.strength * _CHROMA_CODE)

    @property
    def contract(self) -> Contract:
        return Contract(before=self.params.radius, after=self.params.radius)

    def run(self, clip: Clip) -> Clip:
        """Clip of T pictures, 4:4:4 → T - 2·radius pictures."""
        radius = self.params.radius
        if self.params.strength == 0:
            return clip.take(clip.frames.shrink(radius))
        return over_window(clip, radius, _GUIDE_BLUR, self._picture)

    def _picture(self, clip: Clip, guides: list[NDArray[np.uint8]], now: int) -> tuple[Plane, Plane]:
        own_luma, own_chroma = clip.luma[now], clip.chroma[now]
        sigma = cv2.LUT(guides[now], self._sigma_table)
        noise_power = 2 * sigma * sigma
        total = np.ones_like(own_luma)
        luma, chroma = own_luma.copy(), own_chroma.copy()
        offsets = [k for k in range(-self.params.radius, self.params.radius + 1) if k]
        for offset in offsets:
            flow = self._estimator.flow(guides[now], guides[now + offset])
            near_luma, near_chroma = _moved_picture(clip, now + offset, flow)
            weight = self._weight(near_luma - own_luma, near_chroma - own_chroma, noise_power)
            total += weight
            luma += weight * near_luma
            chroma += weight * near_chroma
        luma /= total
        chroma /= total
        helped = np.minimum((total - 1) / 2, 1)
        return _cored(luma, sigma, helped), chroma

    def _weight(self, luma: Plane, chroma: Plane, noise_power: Plane) -> Plane:
        """Weight 0..1 of a neighbour from its differences to the picture."""
        excess = cv2.blur(luma * luma, _WINDOW) / noise_power
        chroma_power = np.float32(2 * self._chroma_sigma**2)
        for plane in chroma:
            # Chroma noise comes in long streaks: its local power varies by more than luma's.
            np.maximum(excess, cv2.blur(plane * plane, _WINDOW) / (2 * chroma_power), out=excess)
        return np.exp(-np.maximum(excess - _TOLERANCE, 0) * np.float32(_FALL))


def _moved_picture(clip: Clip, index: int, flow: Flow) -> tuple[Plane, Plane]:
    luma = moved(clip.luma[index], flow)
    chroma = np.stack([moved(plane, flow, sharp=False) for plane in clip.chroma[index]])
    return luma, chroma


def _cored(luma: Plane, sigma: Plane, helped: Plane) -> Plane:
    """Take out fine detail below the noise where neighbours did not help."""
    detail = luma - cv2.GaussianBlur(luma, (0, 0), 1.3)
    limit = np.float32(_CORING) * sigma
    # Soft: detail of the size of the limit loses the most, large detail nothing.
    noise = detail * np.exp(-((detail / limit) ** 2))
    return np.asarray(luma - (1 - helped) * noise, np.float32)
