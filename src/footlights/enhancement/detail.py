"""Detail: fine contrast raised at display scale, limited so that no halo grows and noise is not taken for detail."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from footlights.core.clip import Clip, Plane
from footlights.restoration.base import Contract, bound, stage

_CODE = 1 / 219


@stage("detail.limited", version=2)
class LimitedDetail:
    """Unsharp masking whose result may leave the range of its surroundings by a small share only."""

    @dataclass(frozen=True, slots=True)
    class Params:
        strength: float = 0.6
        """Gain on fine contrast, 0..2; 0 is the identity."""
        radius: float = 2.4
        """Standard deviation of the Gaussian that separates fine contrast, in samples of the picture, 0.5..8."""
        overshoot: float = 0.04
        """Share of the local contrast by which a sample may leave the local range, 0..0.5."""
        floor: float = 0.4
        """Fine contrast in 8-bit codes below which nothing is raised (remaining noise)."""

        def __post_init__(self) -> None:
            bound("detail.limited.strength", self.strength, 0, 2)
            bound("detail.limited.radius", self.radius, 0.5, 8, "samples")
            bound("detail.limited.overshoot", self.overshoot, 0, 0.5)
            bound("detail.limited.floor", self.floor, 0, 20, "codes")

    def __init__(self, params: Params) -> None:
        self.params = params
        side = max(3, round(params.radius * 2.5) | 1)
        self._around = np.ones((side, side), np.uint8)
        taps = 2 * round(2.6 * params.radius) + 1
        self._kernel = (taps, taps)

    @property
    def contract(self) -> Contract:
        return Contract(display=True)

    def run(self, clip: Clip) -> Clip:
        """Clip → clip of the same size; chroma unchanged."""
        if self.params.strength == 0:
            return clip
        luma = np.empty(clip.luma.shape, np.float32)
        for index in range(len(clip)):
            self._raise(clip.luma[index], luma[index])
        return clip.with_pictures(luma, clip.chroma)

    def _raise(self, luma: Plane, out: Plane) -> None:
        """Write the raised picture into `out`; in place, because a 4K plane costs more to allocate than to add."""
        params = self.params
        fine = np.subtract(luma, cv2.GaussianBlur(luma, self._kernel, params.radius))
        # Smooth coring: contrast at the floor is raised half as much as contrast well above it.
        weight = cv2.multiply(fine, fine)
        floor = np.float32((params.floor * _CODE) ** 2 + 1e-12)
        np.divide(weight, weight + floor, out=weight)
        weight *= fine
        weight *= np.float32(params.strength)
        np.add(luma, weight, out=out)
        low, high = cv2.erode(luma, self._around), cv2.dilate(luma, self._around)
        room = cv2.subtract(high, low, dst=fine)
        room *= np.float32(params.overshoot)
        low -= room
        high += room
        cv2.min(cv2.max(out, low, dst=out), high, dst=out)
