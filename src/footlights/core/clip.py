"""Clip: the one picture type between stages: planar Y'CbCr in float, never clipped, always with its Signal."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain, pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from footlights.core.signal import Signal
from footlights.core.time import FrameRange

Plane = NDArray[np.float32]
Picks = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Fine:
    """What a net found beyond the raster of a clip: differences, to be added to its pictures once these are enlarged.

    One luma plane `(sH, sW)` for a whole factor s, and chroma planes `(2, sH/2, sW/2)`, for each of T frames, on grids
    that cover the same area as the clip's. They are four times what the clip itself is: joining and cutting clips hands
    them on and copies nothing.
    """

    luma: tuple[Plane, ...]
    chroma: tuple[Plane, ...]

    def picked(self, index: Picks | slice) -> Fine:
        """The frames of `index`."""
        numbers = np.arange(len(self.luma))[index]
        return Fine(tuple(self.luma[n] for n in numbers), tuple(self.chroma[n] for n in numbers))

    def mixed(self, matrix: NDArray[np.float64]) -> Fine:
        """Through a linear map of Y', Cb and Cr `(3, 3)`. What luma and chroma give to each other is a few per cent of
        them, on grids of two sizes, and is left out."""
        (gain, _, _), blue, red = matrix.astype(np.float32)
        luma = self.luma if gain == 1 else tuple(plane * gain for plane in self.luma)
        return Fine(luma, tuple(np.stack([cb * row[1] + cr * row[2] for row in (blue, red)]) for cb, cr in self.chroma))


class Lines(NamedTuple):
    """What a tape holds of one picture: its luma lines `first`, `first + step` …"""

    luma: Plane
    """`(h, W)`, in the clip's nominal range and matrix."""
    first: int
    step: int
    """2 for a field, 1 for a frame that is one instant."""


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
    lines: tuple[Lines | None, ...] = ()
    """The tape's own lines of each picture that a net made; None where it lacks them. Empty where nobody tells, and
    behind whatever changes matrix, balance or size."""

    def __post_init__(self) -> None:
        if self.luma.ndim != 3 or self.chroma.ndim != 4 or self.chroma.shape[1] != 2:
            raise ValueError(
                f"luma (T, H, W) and chroma (T, 2, h, w) expected, not {self.luma.shape}, {self.chroma.shape}"
            )
        if not len(self.luma) == len(self.chroma) == len(self.frames):
            raise ValueError(f"{len(self.luma)} luma, {len(self.chroma)} chroma planes for {len(self.frames)} frames")
        if self.lines and len(self.lines) != len(self.frames):
            raise ValueError(f"lines of {len(self.lines)} pictures for {len(self.frames)} frames")

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
        lines = tuple(self.lines[n] for n in np.arange(len(self.lines))[index]) if self.lines else ()
        return replace(self, luma=self.luma[index], chroma=self.chroma[index], frames=frames, fine=fine, lines=lines)

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
    told = all(clip.lines for clip in clips)
    return replace(
        clips[0],
        luma=np.concatenate([clip.luma for clip in clips]),
        chroma=np.concatenate([clip.chroma for clip in clips]),
        frames=FrameRange(clips[0].frames.start, clips[-1].frames.stop),
        fine=Fine(
            tuple(chain.from_iterable(one.luma for one in fine)), tuple(chain.from_iterable(one.chroma for one in fine))
        )
        if fine
        else None,
        lines=tuple(chain.from_iterable(clip.lines for clip in clips)) if told else (),
    )
