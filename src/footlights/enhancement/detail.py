"""Detail: fine contrast raised at display scale, limited so that no halo grows and noise is not taken for detail.

A halo is a rim on the flat side of an edge. So a sample may leave the range of its surroundings by a small share of
their contrast only; by more where it is the ridge of a thread, a glint or a weave: where what lies around it is lower
(or higher) on both sides, as it never is beside an edge.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from footlights.core.clip import Clip, Plane
from footlights.restoration.base import Contract, bound, stage

_CODE = 1 / 219
_REACH = 2
"""Samples to both sides of a ridge: half a period of the finest weave that is raised by much."""
_STRIP = 96
"""Lines worked on at once: a few planes of as many 4K lines stay in the processor's cache, whole pictures do not."""
_RIDGE = (0.1, 0.25)
"""Share of the local contrast by which both sides lie lower: no ridge up to the first, a ridge from the second on."""


@stage("detail.limited", version=3)
class LimitedDetail:
    """Unsharp masking whose result may leave the range of its surroundings a little beside edges, more in texture."""

    @dataclass(frozen=True, slots=True)
    class Params:
        strength: float = 0.6
        """Gain on fine contrast, 0..2; 0 is the identity."""
        radius: float = 2.4
        """Standard deviation of the Gaussian that separates fine contrast, in samples of the picture, 0.5..8."""
        overshoot: float = 0.04
        """Share of the local contrast by which a sample beside an edge may leave the local range, 0..0.5."""
        texture: float = 0.3
        """The same for tops and bottoms of threads, glints and weaves."""
        floor: float = 0.4
        """Fine contrast in 8-bit codes below which nothing is raised (remaining noise)."""

        def __post_init__(self) -> None:
            bound("detail.limited.strength", self.strength, 0, 2)
            bound("detail.limited.radius", self.radius, 0.5, 8, "samples")
            bound("detail.limited.overshoot", self.overshoot, 0, 0.5)
            bound("detail.limited.texture", self.texture, 0, 0.5)
            bound("detail.limited.floor", self.floor, 0, 20, "codes")

    def __init__(self, params: Params) -> None:
        self.params = params
        side = max(3, round(params.radius * 2.5) | 1)
        self._around = np.ones((side, side), np.uint8)
        taps = 2 * round(2.6 * params.radius) + 1
        self._kernel = (taps, taps)
        self._context = max(taps // 2, side // 2, _REACH)

    @property
    def contract(self) -> Contract:
        return Contract(display=True)

    def run(self, clip: Clip) -> Clip:
        """Clip → clip of the same size; chroma unchanged."""
        if self.params.strength == 0:
            return clip
        luma = np.empty(clip.luma.shape, np.float32)
        for plane, out in zip(clip.luma, luma, strict=True):
            for top in range(0, len(plane), _STRIP):
                above = min(self._context, top)
                strip = self._raised(plane[top - above : top + _STRIP + self._context])
                out[top : top + _STRIP] = strip[above : above + _STRIP]
        return clip.with_pictures(luma, clip.chroma)

    def _raised(self, luma: Plane) -> Plane:
        """The raised lines; those within reach of a cut end are wrong. In place where it can be: to allocate costs more
        than to add."""
        params = self.params
        fine = np.subtract(luma, cv2.GaussianBlur(luma, self._kernel, params.radius))
        # Smooth coring: contrast at the floor is raised half as much as contrast well above it.
        weight = cv2.multiply(fine, fine)
        floor = np.float32((params.floor * _CODE) ** 2 + 1e-12)
        np.divide(weight, weight + floor, out=weight)
        weight *= fine
        weight *= np.float32(params.strength)
        out = np.add(luma, weight, out=weight)
        low, high = cv2.erode(luma, self._around), cv2.dilate(luma, self._around)
        room = cv2.subtract(high, low, dst=fine)
        ridge, valley = _ridges(luma, _REACH)
        low -= self._room(valley, room)
        high += self._room(ridge, room)
        return np.asarray(cv2.min(cv2.max(out, low, dst=out), high, dst=out), np.float32)

    def _room(self, height: Plane, contrast: Plane) -> Plane:
        """How far beyond the local range a sample may go that is a ridge of this height."""
        params = self.params
        share = height / (contrast + np.float32(1e-6))
        share -= np.float32(_RIDGE[0])
        share *= np.float32((max(params.texture, params.overshoot) - params.overshoot) / (_RIDGE[1] - _RIDGE[0]))
        cv2.min(cv2.max(share, 0, dst=share), max(params.texture - params.overshoot, 0), dst=share)
        share += np.float32(params.overshoot)
        share *= contrast
        return share


def _ridges(luma: Plane, reach: int) -> tuple[Plane, Plane]:
    """By how much each sample lies above both its neighbours at this reach, along or across lines, and below them."""
    wide = cv2.copyMakeBorder(luma, reach, reach, reach, reach, cv2.BORDER_REPLICATE)
    inner, first, last = slice(reach, -reach), slice(None, -2 * reach), slice(2 * reach, None)
    sides = ((wide[inner, first], wide[inner, last]), (wide[first, inner], wide[last, inner]))
    above = cv2.max(*(cv2.subtract(luma, cv2.max(one, other)) for one, other in sides))
    below = cv2.max(*(cv2.subtract(cv2.min(one, other), luma) for one, other in sides))
    return above, below
