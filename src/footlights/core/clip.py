"""Clip: the one picture type between stages: planar Y'CbCr in float, never clipped, always with its Signal."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from footlights.core.signal import Signal
from footlights.core.time import FrameRange

Plane = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Clip:
    """T consecutive frames of one timeline.

    `luma` is `(T, H, W)`, nominal 0..1 (studio black to studio white); `chroma` is `(T, 2, h, w)` Cb then Cr, nominal
    -0.5..0.5, at full or half size. Values outside the nominal range are legal and kept. Interlaced clips hold woven
    frames; `signal.field_order` says which field came first.
    """

    luma: Plane
    chroma: Plane
    signal: Signal
    frames: FrameRange
    rate: Fraction
    """Frames per second of this timeline."""

    def __post_init__(self) -> None:
        if self.luma.ndim != 3 or self.chroma.ndim != 4 or self.chroma.shape[1] != 2:
            raise ValueError(
                f"luma (T, H, W) and chroma (T, 2, h, w) expected, not {self.luma.shape}, {self.chroma.shape}"
            )
        if not len(self.luma) == len(self.chroma) == len(self.frames):
            raise ValueError(f"{len(self.luma)} luma, {len(self.chroma)} chroma planes for {len(self.frames)} frames")

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def height(self) -> int:
        return int(self.luma.shape[1])

    @property
    def width(self) -> int:
        return int(self.luma.shape[2])

    def take(self, frames: FrameRange) -> Clip:
        """The part of this clip that shows `frames`; views, not copies."""
        if not self.frames.covers(frames):
            raise ValueError(f"frames {frames} are not within {self.frames}")
        part = slice(frames.start - self.frames.start, frames.stop - self.frames.start)
        return replace(self, luma=self.luma[part], chroma=self.chroma[part], frames=frames)

    def with_pictures(self, luma: Plane, chroma: Plane) -> Clip:
        """The same frames with other pictures."""
        return replace(self, luma=luma, chroma=chroma)


def join(clips: list[Clip]) -> Clip:
    """Consecutive clips of one timeline as one."""
    if len(clips) == 1:
        return clips[0]
    for left, right in pairwise(clips):
        if left.frames.stop != right.frames.start:
            raise ValueError(f"frames {left.frames} and {right.frames} do not follow each other")
    return replace(
        clips[0],
        luma=np.concatenate([clip.luma for clip in clips]),
        chroma=np.concatenate([clip.chroma for clip in clips]),
        frames=FrameRange(clips[0].frames.start, clips[-1].frames.stop),
    )
