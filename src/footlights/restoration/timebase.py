"""Time base: every line is moved back to where its neighbours in time show it, jumped fields to where they belong.

Six fields around a field, three on each side, show each line at six other random offsets. The line is moved to the
middle of them all, itself included, as far as the evidence reaches: measured offsets are weighed by their variance
against how far lines of this shot stray at all (`metrics.timebase`). Motion at steady speed cancels out between the
fields before and after. The bend below the head switch, the same in all fields, cannot be seen so; it was measured over
the whole tape and is taken out as a fixed curve.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.core.clip import Clip, Plane
from footlights.core.fields import interpolate_lines
from footlights.errors import ParameterError
from footlights.metrics import timebase
from footlights.restoration.base import Contract, Fields, Touch, bound, stage

_FIELDS = 3
"""Fields looked at on each side."""
_FRAMES = 2
"""Frames that hold them."""
_CODE = 219.0
_TAPS = np.arange(-3, 5)
_SLOW = 1e-4
"""Samples² that an offset is never known better by."""


@stage("timebase.align", version=2)
class AlignLines:
    """Moves lines of fields along themselves, luma and chroma together, and jumped fields up or down by whole lines."""

    @dataclass(frozen=True, slots=True)
    class Params:
        jitter: float = 0.0
        """Standard deviation of the lines' offsets in luma samples, 0..4; 0 leaves them."""
        memory: float = 0.85
        """Correlation of the offsets of neighbouring field lines, 0..0.99."""
        skew: float = 0.0
        """Luma samples by which the topmost line is bent to the right, -30..30."""
        skew_lines: float = 8.0
        """Field lines over which the bend falls to 1/e, 1..60."""
        jumped: tuple[int, ...] = ()
        """Fields that jumped: twice the slot of the frame, and one more for the bottom field."""
        jumps: tuple[int, ...] = ()
        """Field lines by which each lies too low, -40..40."""
        top_first: bool = True
        """Which field of a frame comes first."""

        def __post_init__(self) -> None:
            bound("timebase.align.jitter", self.jitter, 0, 4, "samples")
            bound("timebase.align.memory", self.memory, 0, 0.99)
            bound("timebase.align.skew", self.skew, -30, 30, "samples")
            bound("timebase.align.skew_lines", self.skew_lines, 1, 60, "field lines")
            for lines in self.jumps:
                bound("timebase.align.jumps", lines, -40, 40, "field lines")
            if len(self.jumped) != len(self.jumps):
                raise ParameterError("timebase.align.jumps", self.jumps, "give one number of lines for every field")

    def __init__(self, params: Params) -> None:
        self.params = params
        self.touched: list[Touch] = []
        self._jumps = dict(zip(params.jumped, params.jumps, strict=True))

    @property
    def contract(self) -> Contract:
        return Contract(before=_FRAMES, after=_FRAMES, fields=Fields.WOVEN)

    def run(self, clip: Clip) -> Clip:
        """Clip of T frames → T - 4 frames."""
        clip = self._unjumped(clip)
        out = clip.take(clip.frames.shrink(_FRAMES))
        if not self.params.skew and not (self.params.jitter and self._judged(clip)):
            return out
        luma, chroma = out.luma.copy(), out.chroma.copy()
        for number in range(len(out)):
            for parity in (0, 1):
                offset = self._offset(clip, number + _FRAMES, parity)
                luma[number, parity::2] = shifted(luma[number, parity::2], offset)
                ratio = np.float32(chroma.shape[-1] / clip.width)
                for plane in chroma[number]:
                    plane[parity::2] = shifted(plane[parity::2], offset * ratio)
        return out.with_pictures(luma, chroma)

    def offsets(self, clip: Clip) -> Plane:
        """By how many luma samples each line of the middle one of five frames lies too far to the right `(H,)`."""
        clip = self._unjumped(clip)
        found = np.empty(clip.height // 2 * 2, np.float32)
        for parity in (0, 1):
            found[parity::2] = self._offset(clip, _FRAMES, parity)
        return found

    def _judged(self, clip: Clip) -> bool:
        return timebase.measurable(clip.height // 2, clip.width)

    def _unjumped(self, clip: Clip) -> Clip:
        """The clip with its jumped fields back in place; what left the raster is held from the edge."""
        here = [(field, lines) for field, lines in self._jumps.items() if field // 2 in clip.frames and lines]
        if not here:
            return clip
        luma, chroma = clip.luma.copy(), clip.chroma.copy()
        inner = clip.frames.shrink(_FRAMES)
        for field, lines in here:
            frame, parity = field // 2 - clip.frames.start, field % 2
            for plane in (luma[frame], *chroma[frame]):
                own = plane[parity::2]
                plane[parity::2] = own[np.clip(np.arange(len(own)) + lines, 0, len(own) - 1)]
            if field // 2 in inner:
                self.touched.append(Touch(field // 2, 0.5))
        return clip.with_pictures(luma, chroma)

    def _offset(self, clip: Clip, frame: int, parity: int) -> Plane:
        """Offset of every line of one field `(h,)`, in luma samples to the right."""
        height = clip.height // 2
        line = np.arange(height, dtype=np.float32)
        bent = np.float32(self.params.skew) * np.exp(-line / np.float32(self.params.skew_lines))
        if not self.params.jitter or not self._judged(clip):
            return np.asarray(bent, np.float32)
        variance = self.params.jitter**2
        pull, weights, noise = np.zeros(height), np.full(height, 1 / variance), np.zeros(height)
        own = _codes(clip.luma[frame, parity::2])
        for other in self._others(clip, frame, parity):
            found = timebase.line_shift(own, other)
            weight = 1 / (variance + found.variance)
            pull, weights = pull + weight * found.shift, weights + weight
            noise += weight**2 * found.variance
        strayed = timebase.smoothed(
            np.asarray(pull / weights, np.float32),
            np.asarray(noise / weights**2 + _SLOW, np.float32),
            self.params.jitter,
            self.params.memory,
        )
        return np.asarray(bent + strayed, np.float32)

    def _others(self, clip: Clip, frame: int, parity: int) -> Iterator[Plane]:
        """The fields around one in time, on its lines."""
        first = 0 if self.params.top_first else 1
        place = 2 * frame + (parity != first)
        for near in range(place - _FIELDS, place + _FIELDS + 1):
            if near == place:
                continue
            other = first if near % 2 == 0 else 1 - first
            field = _codes(clip.luma[near // 2, other::2])
            if other == parity:
                yield field
            else:
                # Lines of the bottom field lie half a field line lower.
                yield interpolate_lines(field, len(field), step=1.0, offset=-0.5 if parity == 0 else 0.5)


def shifted(field: Plane, offset: Plane) -> Plane:
    """Lines of `(h, w)` moved left by `offset` samples each `(h,)`: Lanczos with four lobes, ends held."""
    if not np.any(offset):
        return field
    whole = np.floor(offset)
    weights = _lanczos((offset - whole)[:, None] - _TAPS[None, :])
    reach = int(np.abs(whole).max()) + len(_TAPS)
    wide = cv2.copyMakeBorder(np.ascontiguousarray(field), 0, 0, reach, reach, cv2.BORDER_REPLICATE)
    windows = np.lib.stride_tricks.sliding_window_view(wide, field.shape[1], axis=1)
    starts = reach + whole.astype(np.intp)[:, None] + _TAPS[None, :]
    taken = windows[np.arange(len(field))[:, None], starts]
    return np.asarray(np.einsum("lt,ltx->lx", weights, taken), np.float32)


def _lanczos(distance: NDArray[np.float32]) -> Plane:
    weights = np.where(np.abs(distance) < 4, np.sinc(distance) * np.sinc(distance / 4), 0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def _codes(luma: Plane) -> Plane:
    return np.ascontiguousarray(luma * np.float32(_CODE) + np.float32(16))
