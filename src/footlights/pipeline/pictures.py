"""Pictures in and out of the chain: ingest frames as float clips on the slot timeline, finished pictures as codes."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from footlights.core import colour, fields
from footlights.core.clip import Clip, Plane
from footlights.core.signal import FieldOrder, Matrix, Signal
from footlights.core.source import Ingest
from footlights.core.texture import Texture, triangular_dither
from footlights.core.time import FrameRange
from footlights.media.pixels import Layout, Samples
from footlights.media.reader import RawPicture, VideoReader

_STRIP = 64
"""Lines that are quantised at once."""
BLOCK = 6
"""Source frames in flight at once: a 4K picture in float takes 37 MB."""


@dataclass(frozen=True, slots=True)
class Cuts:
    """A shot's extent on the slot timeline, and which of its end fields belong to a neighbour.

    `slots` reaches one further than the shot where the next shot begins in the middle of a frame.
    """

    slots: FrameRange
    starts_late: bool
    """The first field of the first frame is the previous shot's."""
    ends_late: bool
    """The second field of the last frame is the next shot's."""


def source_blocks(
    ingest: Ingest, reader: VideoReader, wanted: FrameRange, cuts: Cuts, order: FieldOrder
) -> Iterator[Clip]:
    """Clips of a shot's frames, 4:4:4, on the slot timeline. A slot without a frame shows the frame before it.

    Fields that belong to a neighbouring shot are replaced by lines between those of the shot's own field.
    """
    # Found by halves: a tape of ten thousand shots comes here as often, and has as many slots.
    begin, end = bisect_right(ingest.slots, wanted.start) - 1, bisect_left(ingest.slots, wanted.stop)
    frame_at = {ingest.slots[number]: number for number in range(begin, end)}
    first = ingest.slots[begin]
    pictures = reader.read(FrameRange(begin, end))
    signal = _signal(ingest)
    planes: tuple[Plane, Plane] | None = None
    block: list[tuple[Plane, Plane]] = []
    start = wanted.start
    for slot in range(first, wanted.stop):
        if slot in frame_at:
            picture = next(pictures)
            planes = to_planes(picture, reader.layout, ingest.source.signal, interlaced=_interlaced(ingest, picture))
        assert planes is not None
        if slot < wanted.start:
            continue
        block.append(_own_fields(planes, slot, cuts, order))
        if len(block) == BLOCK or slot == wanted.stop - 1:
            luma, chroma = (np.stack(parts) for parts in zip(*block, strict=True))
            frames = FrameRange(start, start + len(block))
            yield Clip(luma, chroma, replace(signal, field_order=order), frames, ingest.source.rate)
            start, block = frames.stop, []


def to_planes(picture: RawPicture, layout: Layout, signal: Signal, *, interlaced: bool) -> tuple[Plane, Plane]:
    """Code values → luma (H, W) and 4:4:4 chroma (2, H, W) in float; H even."""
    height, width = picture.planes[0].shape[:2]
    height -= height % 2
    if layout.rgb:
        return _from_rgb(picture.planes, layout, height)
    luma = colour.luma_from_codes(picture.planes[0][:height], layout.bits, signal.range)
    if len(picture.planes) == 1:
        return luma, np.zeros((2, height, width), np.float32)
    chroma = np.stack([colour.chroma_from_codes(plane, layout.bits, signal.range) for plane in picture.planes[1:3]])
    return luma, _full(chroma, layout, width, height, signal, interlaced=interlaced)


@dataclass(slots=True)
class Quantiser:
    """Finished float pictures → 10-bit 4:2:0 studio codes, with triangular dither seeded by frame number."""

    seed: int
    _luma: Texture | None = None
    _chroma: Texture | None = None

    def codes(self, clip: Clip, index: int) -> tuple[NDArray[np.uint16], ...]:
        """Y, Cb, Cr of one frame of a clip whose chroma is at half size."""
        if self._chroma is None:
            self._chroma = triangular_dither(clip.height // 2, clip.width // 2, seed=self.seed + 1)
        noise = self._chroma.view(clip.frames.start + index)
        chroma = (_dithered(plane, noise, 0.5 / 896, colour.chroma_to_codes) for plane in clip.chroma[index])
        return (self.luma(clip, index), *chroma)

    def luma(self, clip: Clip, index: int) -> NDArray[np.uint16]:
        """Y of one frame."""
        if self._luma is None:
            self._luma = triangular_dither(clip.height, clip.width, seed=self.seed)
        # Half a step of dither: grain usually does the rest, and flat places must not get noisier than they were.
        noise = self._luma.view(clip.frames.start + index)
        return _dithered(clip.luma[index], noise, 0.5 / 876, colour.luma_to_codes)


def _dithered(
    plane: Plane, noise: Plane, step: float, to_codes: Callable[[Plane, int], NDArray[np.uint16]]
) -> NDArray[np.uint16]:
    """The codes of a plane with its dither, lines by lines: what is between does not leave the processor's cache."""
    codes = np.empty(plane.shape, np.uint16)
    for top in range(0, len(plane), _STRIP):
        lines = slice(top, top + _STRIP)
        codes[lines] = to_codes(noise[lines] * np.float32(step) + plane[lines], 10)
    return codes


def _signal(ingest: Ingest) -> Signal:
    signal = ingest.source.signal
    return replace(signal, matrix=Matrix.SMPTE170M) if signal.matrix is Matrix.IDENTITY else signal


def _interlaced(ingest: Ingest, picture: RawPicture) -> bool:
    """Chroma is sub-sampled inside the fields of frames coded as interlaced."""
    return ingest.interlaced[picture.number] or ingest.source.codec == "dvvideo"


def _full(chroma: Plane, layout: Layout, width: int, height: int, signal: Signal, *, interlaced: bool) -> Plane:
    """Raise chroma to the size of luma; odd sizes are covered by holding the last sample."""
    wide = chroma.shape[2] * layout.chroma_width_ratio
    tall = chroma.shape[1] * layout.chroma_height_ratio
    interlaced = interlaced and tall % 4 == 0
    raised = fields.raise_chroma(chroma, wide, tall, signal.chroma_siting, interlaced=interlaced)
    return np.ascontiguousarray(raised[:, :height, :width])


def _from_rgb(planes: tuple[Samples, ...], layout: Layout, height: int) -> tuple[Plane, Plane]:
    peak = np.float32(1 / (2**layout.bits - 1))
    if layout.planes == 1:
        blue, green, red = (planes[0][:height, :, c].astype(np.float32) * peak for c in range(3))
    else:
        green, blue, red = (plane[:height].astype(np.float32) * peak for plane in planes)
    matrix = colour.rgb_to_ycbcr(Matrix.SMPTE170M).astype(np.float32)
    y, cb, cr = (row[0] * red + row[1] * green + row[2] * blue for row in matrix)
    return y, np.stack([cb, cr])


def _own_fields(planes: tuple[Plane, Plane], slot: int, cuts: Cuts, order: FieldOrder) -> tuple[Plane, Plane]:
    first = 1 if order is FieldOrder.BOTTOM_FIRST else 0
    if cuts.starts_late and slot == cuts.slots.start:
        return _from_one_field(planes, keep=1 - first)
    if cuts.ends_late and slot == cuts.slots.stop - 1:
        return _from_one_field(planes, keep=first)
    return planes


def _from_one_field(planes: tuple[Plane, Plane], keep: int) -> tuple[Plane, Plane]:
    """The frame with the other field replaced by the mean of the lines around."""
    out = []
    for plane in planes:
        own = plane[..., keep::2, :]
        other = np.empty_like(own)
        if keep == 0:
            other[..., :-1, :] = (own[..., :-1, :] + own[..., 1:, :]) * np.float32(0.5)
            other[..., -1:, :] = own[..., -1:, :]
            out.append(fields.weave(own, other))
        else:
            other[..., 1:, :] = (own[..., :-1, :] + own[..., 1:, :]) * np.float32(0.5)
            other[..., :1, :] = own[..., :1, :]
            out.append(fields.weave(other, own))
    return out[0], out[1]
