"""Upscaling, classical: the active picture to the master's raster with a Lanczos kernel, in float, chroma to 4:2:0.

Geometry: of 720 samples only the active 704 become the picture; they are resampled once to the final width, never 720.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import cv2
import numpy as np

from footlights.core.clip import Clip, Plane
from footlights.core.fields import cubic_weights
from footlights.errors import ParameterError
from footlights.restoration.base import Contract, bound, stage


@stage("upscale.lanczos", version=1)
class LanczosUpscale:
    """Luma by an eight-tap Lanczos kernel, chroma by a cubic one onto left-sited 4:2:0."""

    @dataclass(frozen=True, slots=True)
    class Params:
        width: int = 2880
        """Samples per line of the result; even."""
        height: int = 2160
        """Lines of the result; even."""
        crop: tuple[int, ...] = (0, 0, 0, 0)
        """Samples cut off at left, top, right and bottom before scaling."""
        pillar: int = 0
        """Black columns added at the left and at the right."""

        def __post_init__(self) -> None:
            bound("upscale.lanczos.width", self.width, 16, 8192, "samples")
            bound("upscale.lanczos.height", self.height, 16, 8192, "lines")
            if self.width % 2 or self.height % 2 or self.pillar % 2:
                raise ParameterError(
                    "upscale.lanczos.width/height/pillar", (self.width, self.height, self.pillar), "give even numbers"
                )
            if len(self.crop) != 4 or any(side < 0 for side in self.crop):
                raise ParameterError("upscale.lanczos.crop", self.crop, "give left, top, right and bottom")

    def __init__(self, params: Params) -> None:
        self.params = params

    @property
    def contract(self) -> Contract:
        return Contract(size=(self.params.width + 2 * self.params.pillar, self.params.height))

    def run(self, clip: Clip) -> Clip:
        """Clip (T, H, W), 4:4:4 → luma (T, height, width + 2·pillar), chroma at half size."""
        left, top, right, bottom = self.params.crop
        rows, columns = slice(top, clip.height - bottom), slice(left, clip.width - right)
        width, height, pillar = self.params.width, self.params.height, self.params.pillar
        luma = np.empty((len(clip), height, width + 2 * pillar), np.float32)
        chroma = np.empty((len(clip), 2, height // 2, width // 2 + pillar), np.float32)
        if pillar:
            for plane, side in ((luma, pillar), (chroma, pillar // 2)):
                plane[..., :side], plane[..., -side:] = 0, 0
        for index in range(len(clip)):
            inner = luma[index, :, pillar : pillar + width]
            inner[:] = cv2.resize(clip.luma[index, rows, columns], (width, height), interpolation=cv2.INTER_LANCZOS4)
            for c in (0, 1):
                inner = chroma[index, c, :, pillar // 2 : pillar // 2 + width // 2]
                inner[:] = _half(clip.chroma[index, c, rows, columns], width, height)
        square = replace(clip.signal, sample_aspect=Fraction(1))
        return replace(clip, luma=luma, chroma=chroma, signal=square)


def _half(plane: Plane, width: int, height: int) -> Plane:
    """A chroma plane on the left-sited 4:2:0 grid of a `width`×`height` picture.

    Left siting puts a chroma sample on the even luma samples, a quarter chroma sample left of where resampling about
    the centres would; the source is shifted by that much first.
    """
    shift = -0.5 * plane.shape[1] / width
    taps = np.arange(-2, 3)
    kernel = cubic_weights(taps - shift).astype(np.float32)[None, :]
    shifted = cv2.filter2D(np.ascontiguousarray(plane), -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(shifted, (width // 2, height // 2), interpolation=cv2.INTER_CUBIC), np.float32)
