"""Lift: the middle of a dark picture made brighter; black, white and their surroundings stay where they are.

The curve adds k·y²·(1 - y)³ to luma y. At black its slope is 1 and its curvature lifts nothing there, so that neither
the noise in the blacks nor the code of black moves; at white it is flat. Its greatest slope is 1 + 0.136 k.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from footlights.core.clip import Clip, Fine, Plane
from footlights.enhancement.look import followed
from footlights.restoration.base import Contract, bound, stage

GAIN = 6.0
"""k at full strength: the greatest slope is 1.8, and luma 0.3 becomes 0.49."""


@stage("light.lift", version=1)
class LiftLight:
    """A fixed curve on luma; chroma grows with it, so that colours keep hue and saturation."""

    @dataclass(frozen=True, slots=True)
    class Params:
        strength: float = 0.0
        """0 is the identity, 1 the whole curve."""

        def __post_init__(self) -> None:
            bound("light.lift.strength", self.strength, 0, 1)

    def __init__(self, params: Params) -> None:
        self.params = params

    @property
    def contract(self) -> Contract:
        return Contract()

    def run(self, clip: Clip) -> Clip:
        """Clip of 4:4:4 pictures → the same pictures."""
        if self.params.strength == 0:
            return clip
        luma, chroma = np.empty(clip.luma.shape, np.float32), np.empty(clip.chroma.shape, np.float32)
        slopes = []
        for index, plane in enumerate(clip.luma):
            luma[index] = lifted(plane, self.params.strength)
            # Coarse luma: chroma must not carry the noise and the fine detail of luma.
            coarse = np.clip(cv2.GaussianBlur(plane, (0, 0), 1.5), 0.02, 1)
            chroma[index] = clip.chroma[index] * (lifted(coarse, self.params.strength) / coarse)
            slopes.append(_slope(plane, self.params.strength))
        fine = None if clip.fine is None else Fine(followed(clip.fine.luma, slopes), clip.fine.chroma)
        return replace(clip, luma=luma, chroma=chroma, fine=fine)


def lifted(luma: Plane, strength: float) -> Plane:
    """Luma through the curve; what lies outside black and white stays as it is."""
    inside = np.clip(luma, 0, 1)
    return np.asarray(luma + np.float32(GAIN * strength) * inside**2 * (1 - inside) ** 3, np.float32)


def lowered(luma: Plane, strength: float) -> Plane:
    """The inverse of `lifted`."""
    codes = np.linspace(0, 1, 4097, dtype=np.float32)
    inside = np.interp(np.clip(luma, 0, 1), lifted(codes, strength), codes)
    return np.asarray(np.where((luma < 0) | (luma > 1), luma, inside), np.float32)


def _slope(luma: Plane, strength: float) -> Plane:
    inside = np.clip(luma, 0, 1)
    rise = inside * (1 - inside) ** 2 * (2 - 5 * inside)
    return np.asarray(1 + np.float32(GAIN * strength) * rise, np.float32)
