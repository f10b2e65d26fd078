"""Balance: the tape's own black and white brought to black and white, channel by channel, as evidence showed them.

A camera or a deck that is off, and a tape that has faded, scale and shift R', G' and B'; light does neither to its own
black nor to a clipped white. The correction is the inverse, an affine map of Y'CbCr in the tape's own matrix, before
anything else is done to colour. Nothing is clipped.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.core.clip import Clip
from footlights.core.colour import rgb_to_ycbcr, ycbcr_to_rgb
from footlights.core.signal import Matrix
from footlights.errors import ParameterError
from footlights.restoration.base import Contract, bound, stage

_NONE, _FULL = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)


@stage("colour.balance", version=1)
class BalanceColour:
    """One affine map per shot; black 0 and white 1 in all channels is the identity."""

    @dataclass(frozen=True, slots=True)
    class Params:
        matrix: int = int(Matrix.SMPTE170M)
        """H.273 matrix of the tape."""
        black: tuple[float, ...] = _NONE
        """R', G', B' (0..1) that shall become black."""
        white: tuple[float, ...] = _FULL
        """R', G', B' that shall become white."""

        def __post_init__(self) -> None:
            if self.matrix not in list(Matrix) or self.matrix in (Matrix.IDENTITY, Matrix.UNSPECIFIED):
                raise ParameterError("colour.balance.matrix", self.matrix, "give a Y'CbCr matrix of H.273")
            for name, values, low, high in (("black", self.black, -0.2, 0.3), ("white", self.white, 0.5, 1.5)):
                if len(values) != 3:
                    raise ParameterError(f"colour.balance.{name}", values, "give R', G' and B'")
                for value in values:
                    bound(f"colour.balance.{name}", value, low, high)

    def __init__(self, params: Params) -> None:
        self.params = params
        self._mixing, self._offset = affine(Matrix(params.matrix), params.black, params.white)

    @property
    def contract(self) -> Contract:
        return Contract()

    def run(self, clip: Clip) -> Clip:
        """Clip of 4:4:4 pictures → the same pictures, balanced."""
        if (self.params.black, self.params.white) == (_NONE, _FULL):
            return clip
        luma, chroma = np.empty(clip.luma.shape, np.float32), np.empty(clip.chroma.shape, np.float32)
        both = np.column_stack([self._mixing, self._offset])
        for index in range(len(clip)):
            picture = cv2.transform(np.stack([clip.luma[index], *clip.chroma[index]], axis=-1), both)
            luma[index], chroma[index] = picture[..., 0], np.moveaxis(picture[..., 1:], -1, 0)
        fine = None if clip.fine is None else clip.fine.mixed(self._mixing)
        return replace(clip, luma=luma, chroma=chroma, fine=fine, lines=())


def affine(
    matrix: Matrix, black: tuple[float, ...], white: tuple[float, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """3×3 matrix and offset that Y', Cb, Cr go through."""
    gain = 1 / (np.array(white) - np.array(black))
    encode = rgb_to_ycbcr(matrix)
    return encode @ np.diag(gain) @ ycbcr_to_rgb(matrix), -encode @ (gain * np.array(black))
