"""Deinterlacing at field rate: every field becomes a picture at its own instant; film is put back together instead."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from footlights.core.clip import Clip, Plane
from footlights.core.signal import FieldOrder
from footlights.core.time import FrameRange
from footlights.media.deinterlace import bwdif
from footlights.metrics.interlace import comb
from footlights.restoration.base import Contract, Edge, Fields, stage

_COMB_STEP = 0.03
"""Luma by which a line must stick out to count as combing."""
_COMB_BLOCK = (32, 16)
_COMB_LIMIT = 0.004
"""Mean combing of the worst block from which two fields do not belong together."""


@stage("deinterlace.bwdif", version=1)
class Bwdif:
    """Field-rate bwdif: the dependable classical baseline."""

    @dataclass(frozen=True, slots=True)
    class Params:
        top_first: bool = True
        """Which field of a frame was exposed first."""

    def __init__(self, params: Params) -> None:
        self.params = params

    @property
    def contract(self) -> Contract:
        return Contract(before=1, after=1, fields=Fields.WOVEN, rate=2, edge=Edge.HOLD)

    def run(self, clip: Clip) -> Clip:
        """Clip of T woven frames → 2(T - 2) pictures at twice the rate."""
        luma, chroma = bwdif(clip.luma, clip.chroma, top_first=self.params.top_first)
        return _doubled(clip, luma[2:-2], chroma[2:-2])


@stage("deinterlace.match", version=1)
class MatchFields:
    """Puts film and progressive pictures back together: each field is woven with that neighbour it combs least with.

    Every field keeps its instant, so 3:2 film stays in its cadence on the field-rate timeline. A field that fits none
    of its neighbours (an edit, a video insert) is deinterlaced instead.
    """

    @dataclass(frozen=True, slots=True)
    class Params:
        top_first: bool = True
        """Which field of a frame was exposed first."""

    def __init__(self, params: Params) -> None:
        self.params = params

    @property
    def contract(self) -> Contract:
        return Contract(before=1, after=1, fields=Fields.WOVEN, rate=2, edge=Edge.HOLD)

    def run(self, clip: Clip) -> Clip:
        """Clip of T woven frames → 2(T - 2) pictures at twice the rate."""
        first = 0 if self.params.top_first else 1
        count = len(clip) - 2
        luma = np.empty((2 * count, *clip.luma.shape[1:]), np.float32)
        chroma = np.empty((2 * count, *clip.chroma.shape[1:]), np.float32)
        unmatched = []
        for index in range(count):
            for position in (0, 1):
                field = first if position == 0 else 1 - first
                # The first field of a frame may belong with the frame before, the second with the frame after.
                partners = (index + 1, index if position == 0 else index + 2)
                chosen, combing = self._best(clip, index + 1, field, partners)
                out = 2 * index + position
                luma[out], chroma[out] = _woven(clip, index + 1, field, chosen)
                if combing > _COMB_LIMIT:
                    unmatched.append(out)
        if unmatched:
            bobbed_luma, bobbed_chroma = bwdif(clip.luma, clip.chroma, top_first=self.params.top_first)
            for out in unmatched:
                luma[out], chroma[out] = bobbed_luma[out + 2], bobbed_chroma[out + 2]
        return _doubled(clip, luma, chroma)

    def _best(self, clip: Clip, frame: int, field: int, partners: tuple[int, int]) -> tuple[int, float]:
        """The partner frame whose opposite field fits, and how much the two still comb."""
        combing = [_combing(_woven(clip, frame, field, partner)[0]) for partner in partners]
        best = 0 if combing[0] <= combing[1] * 1.05 else 1
        return partners[best], combing[best]


def _woven(clip: Clip, frame: int, field: int, partner: int) -> tuple[Plane, Plane]:
    """Luma and chroma with the given field of `frame` and the other field of `partner`."""
    luma, chroma = clip.luma[partner].copy(), clip.chroma[partner].copy()
    luma[field::2] = clip.luma[frame, field::2]
    chroma[:, field::2] = clip.chroma[frame, :, field::2]
    return luma, chroma


def _combing(luma: Plane) -> float:
    """Mean combing of the worst block."""
    height, width = luma.shape
    size = (max(width // _COMB_BLOCK[0], 1), max(height // _COMB_BLOCK[1], 1))
    return float(cv2.resize(comb(luma, _COMB_STEP), size, interpolation=cv2.INTER_AREA).max())


def _doubled(clip: Clip, luma: Plane, chroma: Plane) -> Clip:
    interior = clip.frames.shrink(1)
    return replace(
        clip,
        luma=luma,
        chroma=chroma,
        signal=replace(clip.signal, field_order=FieldOrder.PROGRESSIVE),
        frames=FrameRange(interior.start * 2, interior.stop * 2),
        rate=clip.rate * 2,
    )
