"""Dots that hang on edges of colour, taken out of fields before anything else is made of them (`metrics/dots.py`)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from footlights.core.clip import Clip, Plane
from footlights.core.subcarrier import SYSTEMS
from footlights.errors import ParameterError
from footlights.metrics.dots import hanging
from footlights.restoration.base import Contract, Fields, Touch, bound, changed, stage


@stage("composite.dots", version=1)
class RemoveDots:
    """Hanging dots taken out of luma, field by field; chroma unchanged."""

    @dataclass(frozen=True, slots=True)
    class Params:
        system: str = "ntsc"
        """Television system of the tape's colour: `ntsc` or `pal`."""
        share: float = 1.0
        """Of what colour explains, 0..1; 0 is the identity."""

        def __post_init__(self) -> None:
            bound("composite.dots.share", self.share, 0, 1)
            if self.system not in SYSTEMS:
                raise ParameterError("composite.dots.system", self.system, f"choose {' or '.join(SYSTEMS)}")

    def __init__(self, params: Params) -> None:
        self.params = params
        self.touched: list[Touch] = []

    @property
    def contract(self) -> Contract:
        return Contract(fields=Fields.WOVEN)

    def run(self, clip: Clip) -> Clip:
        """Clip of woven frames → the same number of frames."""
        if self.params.share == 0:
            return clip
        luma = np.empty_like(clip.luma)
        for index, number in enumerate(clip.frames):
            luma[index] = self.without(clip.luma[index], clip.chroma[index])
            area = changed(luma[index], clip.luma[index])
            if area:
                self.touched.append(Touch(number, area))
        return clip.with_pictures(luma, clip.chroma)

    def without(self, luma: Plane, chroma: Plane) -> Plane:
        """Luma `(H, W)` of a woven frame, chroma `(2, H, W')`, without the dots of both fields."""
        made, carrier = luma.copy(), SYSTEMS[self.params.system]
        for field in (0, 1):
            made[field::2] -= np.float32(self.params.share) * hanging(luma[field::2], chroma[:, field::2], carrier)
        return made
