"""Look: a table of the user's own (.cube), laid over the finished colours before they are enlarged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from footlights.core import lookup
from footlights.core.clip import Clip, Fine, Plane
from footlights.core.colour import rgb_to_ycbcr, ycbcr_to_rgb
from footlights.restoration.base import Contract, bound, stage

_STEP = np.float32(0.01)
"""Of luma, over which the table's slope is taken."""


@stage("look.table", version=1)
class LookUp:
    """R'G'B' through a look table, as a share of the way there."""

    @dataclass(frozen=True, slots=True)
    class Params:
        file: str = ""
        """Path of the .cube file."""
        strength: float = 1.0
        """0 is the identity, 1 the table's own look."""

        def __post_init__(self) -> None:
            bound("look.table.strength", self.strength, 0, 1)

    def __init__(self, params: Params) -> None:
        self.params = params
        self._table: lookup.LookTable | None = None

    @staticmethod
    def weights(params: Params) -> str:
        """The hash of the file: a job does not go on with another table."""
        return lookup.reference(params.file)

    @property
    def contract(self) -> Contract:
        return Contract()

    def run(self, clip: Clip) -> Clip:
        """Clip of 4:4:4 pictures → the same pictures; fine luma follows the table's slope."""
        if self.params.strength == 0:
            return clip
        self._table = self._table or lookup.read(Path(self.params.file))
        decode, encode = ycbcr_to_rgb(clip.signal.matrix), rgb_to_ycbcr(clip.signal.matrix)
        luma, chroma = np.empty(clip.luma.shape, np.float32), np.empty(clip.chroma.shape, np.float32)
        slopes = []
        for index in range(len(clip)):
            picture = cv2.transform(np.stack([clip.luma[index], *clip.chroma[index]], axis=-1), decode)
            made = cv2.transform(self._shown(picture), encode)
            luma[index], chroma[index] = made[..., 0], np.moveaxis(made[..., 1:], -1, 0)
            if clip.fine is not None:
                brighter = cv2.transform(self._shown(picture + _STEP), encode)[..., 0]
                slopes.append((brighter - made[..., 0]) / _STEP)
        fine = None if clip.fine is None else Fine(followed(clip.fine.luma, slopes), clip.fine.chroma)
        return replace(clip, luma=luma, chroma=chroma, fine=fine)

    def _shown(self, picture: Plane) -> Plane:
        assert self._table is not None
        share = np.float32(self.params.strength)
        return np.asarray(picture + share * (self._table(picture) - picture), np.float32)


def followed(fine: tuple[Plane, ...], slopes: list[Plane]) -> tuple[Plane, ...]:
    """Fine luma, planes `(sH, sW)`, through the slopes `(H, W)` that its pictures went through."""
    return tuple(
        one * cv2.resize(slope, one.shape[::-1], interpolation=cv2.INTER_LINEAR)
        for one, slope in zip(fine, slopes, strict=True)
    )
