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
Picks = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Fine:
    """What a net found beyond the raster of a clip: differences, to be added to its pictures once these are enlarged.

    `luma` is `(T, sH, sW)` for a whole factor s, `chroma` `(T, 2, sH/2, sW/2)`, both on grids that cover the same area
    as the clip's.
    """

    luma: Plane
    chroma: Plane

    def picked(self, index: Picks | slice) -> Fine:
        """The frames of `index`."""
        return Fine(self.luma[index], self.chroma[index])


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
    fine: Fine | None = None
    """Detail beyond this raster, where a net has found some."""

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
        return self.picked(slice(frames.start - self.frames.start, frames.stop - self.frames.start), frames)

    def picked(self, index: Picks | slice, frames: FrameRange) -> Clip:
        """The pictures of `index`, called `frames`."""
        fine = None if self.fine is None else self.fine.picked(index)
        return replace(self, luma=self.luma[index], chroma=self.chroma[index], frames=frames, fine=fine)

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
    fine = [clip.fine for clip in clips if clip.fine is not None]
    if fine and len(fine) != len(clips):
        raise ValueError("clips with and without fine detail cannot be joined")
    return replace(
        clips[0],
        luma=np.concatenate([clip.luma for clip in clips]),
        chroma=np.concatenate([clip.chroma for clip in clips]),
        frames=FrameRange(clips[0].frames.start, clips[-1].frames.stop),
        fine=Fine(np.concatenate([one.luma for one in fine]), np.concatenate([one.chroma for one in fine]))
        if fine
        else None,
    )
