"""Grain: what the tape had is measured before and given back after, finer, at a share; seeded by frame number.

Restoring takes noise away because it hides detail and costs bits; the picture without any looks younger than it is. The
texture given back has the measured strength at every brightness (times the share) and the measured spectrum, at the
scale of the display instead of the tape's. Where the tape's noise lasts in time, it does. What the tape added to the
noise of the camera may be left out, where the two are told apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from footlights.core.clip import Clip, Plane
from footlights.core.colour import eight_bit_luma
from footlights.core.texture import MOST_LASTING, Lasting, Texture, grain
from footlights.errors import ParameterError
from footlights.restoration.base import Contract, bound, stage

_CODE = 1 / 219
_LAGS = 8
"""Neighbours that the shape of noise can be told by."""
_STRIP = 64
"""Lines worked on at once: what is between does not leave the processor's cache."""
_FADE = 12
"""Codes above black and below white over which grain fades in, so that black stays black on average."""


@stage("grain.synthesis", version=3)
class SynthesiseGrain:
    """Adds normal texture to luma."""

    @dataclass(frozen=True, slots=True)
    class Params:
        share: float = 0.7
        """Of the measured strength, 0..1; 0 is the identity."""
        levels: tuple[float, ...] = (128.0,)
        """Luma codes (8 bit) at which strength was measured, rising."""
        sigmas: tuple[float, ...] = (1.0,)
        """Strength at these levels in codes."""
        tape: float = 0.0
        """Codes: what of this strength the tape added to the camera's at every level, 0..20; 0: not told apart."""
        tape_share: float = 1.0
        """Of that, what counts, 0..1; 0 leaves the camera's."""
        down: tuple[float, ...] = ()
        """Correlation of the tape's noise with the next line of the field, the one after it …, -1..1; none: white."""
        across: tuple[float, ...] = ()
        """The same along the line."""
        zoom: float = 1.8
        """Samples of the picture that one sample of the tape's noise takes up, 1..8."""
        lasts: float = 0.0
        """Correlation with the grain `apart` pictures before, 0..0.9; 0: new in every picture."""
        apart: int = 1
        """Pictures from one of a field to the next of that field's lines, 1..8."""
        seed: int = 2000

        def __post_init__(self) -> None:
            bound("grain.synthesis.share", self.share, 0, 1)
            bound("grain.synthesis.tape", self.tape, 0, 20, "codes")
            bound("grain.synthesis.tape_share", self.tape_share, 0, 1)
            bound("grain.synthesis.seed", self.seed, 0, 2**32 - 1)
            if not self.levels or len(self.levels) != len(self.sigmas):
                raise ParameterError("grain.synthesis.sigmas", self.sigmas, "give one sigma for every level")
            bound("grain.synthesis.zoom", self.zoom, 1, 8, "samples")
            bound("grain.synthesis.lasts", self.lasts, 0, MOST_LASTING)
            bound("grain.synthesis.apart", self.apart, 1, 8, "pictures")
            for name, values in (("down", self.down), ("across", self.across)):
                if len(values) > _LAGS:
                    raise ParameterError(f"grain.synthesis.{name}", values, f"give at most {_LAGS} correlations")
                for value in values:
                    bound(f"grain.synthesis.{name}", value, -1, 1)

    def __init__(self, params: Params) -> None:
        self.params = params
        codes = np.arange(256)
        measured = np.interp(codes, params.levels, params.sigmas)
        tape = np.minimum(measured, params.tape)
        # Two noises without anything in common add as variances.
        sigma = np.sqrt(measured**2 - (1 - params.tape_share**2) * tape**2) * params.share * _CODE
        fade = np.clip(np.minimum(codes - 16, 235 - codes) / _FADE, 0, 1)
        self._strength = (sigma * fade).astype(np.float32)
        self._texture: Texture | Lasting | None = None

    @property
    def contract(self) -> Contract:
        return Contract(display=True)

    def run(self, clip: Clip) -> Clip:
        """Clip → clip of the same size; chroma unchanged."""
        if self.params.share == 0:
            return clip
        if self._texture is None:
            shape = {"down": self.params.down, "across": self.params.across}
            new = grain(clip.height, clip.width, seed=self.params.seed, zoom=self.params.zoom, **shape)
            lasts = self.params.lasts
            self._texture = Lasting(new, rho=lasts, apart=self.params.apart) if lasts else new
        luma = np.empty(clip.luma.shape, np.float32)
        for index, frame in enumerate(clip.frames):
            self._grain(clip.luma[index], self._texture.view(frame), luma[index])
        return clip.with_pictures(luma, clip.chroma)

    def _grain(self, luma: Plane, texture: Plane, out: Plane) -> None:
        """Write the grainy picture into `out`."""
        for top in range(0, len(luma), _STRIP):
            lines = slice(top, top + _STRIP)
            strength = cv2.LUT(eight_bit_luma(luma[lines]), self._strength)
            np.add(np.multiply(texture[lines], strength, out=strength), luma[lines], out=out[lines])
