"""Dot crawl and cross-colour: what is inverted both from field line to field line and from frame to frame is taken out.

A decoder that cannot tell luma from colour leaves the subcarrier in the one and fine stripes in the other, and both
keep its phase. Pictures hardly have anything like that: what stands still is the same in successive frames, and what
moves seldom changes sign from line to line at just that frequency. Luma is combed near the subcarrier only, chroma at
all frequencies. Unlike a comb over lines alone it keeps fine detail of pictures that stand still.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.core import subcarrier
from footlights.core.clip import Clip, Plane
from footlights.errors import ParameterError
from footlights.restoration.base import Contract, Fields, Touch, bound, changed, stage


@stage("composite.comb", version=1)
class CombComposite:
    """Three-dimensional comb on fields; luma away from the subcarrier passes unchanged."""

    @dataclass(frozen=True, slots=True)
    class Params:
        system: str = "ntsc"
        """Television system of the tape's colour: `ntsc` or `pal`."""
        luma: float = 1.0
        """Share of the pattern that is taken out of luma, 0..1."""
        chroma: float = 1.0
        """The same for chroma."""

        def __post_init__(self) -> None:
            bound("composite.comb.luma", self.luma, 0, 1)
            bound("composite.comb.chroma", self.chroma, 0, 1)
            if self.system not in subcarrier.SYSTEMS:
                raise ParameterError("composite.comb.system", self.system, f"choose {' or '.join(subcarrier.SYSTEMS)}")

    def __init__(self, params: Params) -> None:
        self.params = params
        self._carrier = subcarrier.SYSTEMS[params.system]
        self.touched: list[Touch] = []

    @property
    def contract(self) -> Contract:
        return Contract(before=self._carrier.inverted, after=self._carrier.inverted, fields=Fields.WOVEN)

    def run(self, clip: Clip) -> Clip:
        """Clip of T frames → T - 2 (PAL: T - 4) frames."""
        inverted = self._carrier.inverted
        out = clip.take(clip.frames.shrink(inverted))
        luma, chroma = out.luma, out.chroma
        if self.params.luma:
            luma = self._combed(clip.luma, subcarrier.band(self._carrier.cycles) * np.float32(self.params.luma))
        if self.params.chroma:
            share = np.full(1, self.params.chroma, np.float32)
            chroma = np.stack([self._combed(clip.chroma[:, index], share) for index in (0, 1)], axis=1)
        for index, number in enumerate(out.frames):
            pairs = [(luma[index], out.luma[index]), *zip(chroma[index], out.chroma[index], strict=True)]
            area = max(changed(after, before) for after, before in pairs)
            if area:
                self.touched.append(Touch(number, area))
        return out.with_pictures(luma, chroma)

    def _combed(self, planes: Plane, along: NDArray[np.float32]) -> Plane:
        """Planes `(T, H, W)` without the pattern, the outer frames dropped."""
        reach = self._carrier.inverted
        across = subcarrier.across(reach)
        made = planes[reach:-reach].copy()
        for index, frame in enumerate(made):
            now, around = planes[index + reach], planes[index] + planes[index + 2 * reach]
            differs = now / 2 - around / 4
            for field in (0, 1):
                pattern = cv2.sepFilter2D(np.ascontiguousarray(differs[field::2]), -1, along, across)
                frame[field::2] -= pattern
        return made
