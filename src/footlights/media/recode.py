"""Fields through a digital tape format and back, in memory: what DV and DVD coding leave of a woven 4:2:2 picture.

Chroma is reduced inside each field: to 4:1:1 for 480-line DV (SMPTE 314M), to interlaced 4:2:0 for MPEG-2 (ISO/IEC
13818-2, 6.1.1.8) and 576-line DV.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from footlights.core.clip import Plane
from footlights.core.fields import interpolate_lines, raise_chroma, split, weave
from footlights.core.signal import ChromaSiting
from footlights.media.pixels import layout, new_frame, plane_views

Codes = NDArray[np.uint8]


class TapeCodec(StrEnum):
    """Digital formats of interlaced SD."""

    DV = "dv"
    """25 Mb/s, every frame alone."""
    MPEG2 = "mpeg2"
    """Field and frame DCT, groups of 15 pictures."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """Woven frames in 8-bit studio codes, 4:2:2 co-sited."""

    luma: Codes
    """`(T, H, W)`."""
    chroma: Codes
    """`(T, 2, H, W/2)`."""


def recode(pictures: Pictures, codec: TapeCodec, *, bit_rate: int = 8_000_000) -> Pictures:
    """Encode and decode; `bit_rate` in bits per second counts for MPEG-2 only."""
    quarter = codec is TapeCodec.DV and pictures.luma.shape[1] == 480
    pixel_format = "yuv411p" if quarter else "yuv420p"
    context = _encoder(codec, pictures.luma.shape, pixel_format, bit_rate)
    decoder: Any = av.CodecContext.create("dvvideo" if codec is TapeCodec.DV else "mpeg2video", "r")
    decoded: list[Any] = []
    for number, (luma, chroma) in enumerate(zip(pictures.luma, pictures.chroma, strict=True)):
        small = _quartered(chroma) if quarter else _halved(chroma)
        frame: Any = new_frame((luma, small[0], small[1]), pixel_format)
        frame.pts, frame.time_base, frame.pict_type = number, Fraction(1001, 30000), 0
        for packet in context.encode(frame):
            decoded += decoder.decode(packet)
    for packet in context.encode(None):
        decoded += decoder.decode(packet)
    decoded += decoder.decode(None)
    assert len(decoded) == len(pictures.luma), f"{len(decoded)} pictures came back of {len(pictures.luma)}"
    return _unpacked(decoded, pixel_format, pictures)


def _encoder(codec: TapeCodec, shape: tuple[int, ...], pixel_format: str, bit_rate: int) -> Any:
    context: Any = av.CodecContext.create("dvvideo" if codec is TapeCodec.DV else "mpeg2video", "w")
    context.height, context.width = shape[1:]
    context.pix_fmt = pixel_format
    context.time_base, context.framerate = Fraction(1001, 30000), Fraction(30000, 1001)
    context.thread_count = 1
    context.options = {"flags": "+ildct"}
    if codec is TapeCodec.MPEG2:
        context.bit_rate = bit_rate
        context.options = {
            "flags": "+ildct+ilme", "g": "15", "bf": "2", "alternate_scan": "1",
            "maxrate": str(bit_rate * 5 // 4), "bufsize": "1835008",
        }  # fmt: skip
    return context


def _halved(chroma: Codes) -> tuple[Codes, Codes]:
    """4:2:2 `(2, H, W/2)` → 4:2:0: a quarter and three quarters of a field line down in the top and bottom field."""
    top, bottom = split(_smooth_lines(chroma.astype(np.float32)))
    half = top.shape[1] // 2
    small = weave(
        interpolate_lines(top, half, step=2, offset=0.25), interpolate_lines(bottom, half, step=2, offset=0.75)
    )
    return _rounded(small)


def _smooth_lines(chroma: Plane) -> Plane:
    """[1 6 1] / 8 inside each field, before every second line goes."""
    top, bottom = split(chroma)
    smooth = []
    for field in (top, bottom):
        padded = np.pad(field, ((0, 0), (1, 1), (0, 0)), mode="edge")
        smooth.append(padded[:, 1:-1] * np.float32(0.75) + (padded[:, :-2] + padded[:, 2:]) * np.float32(0.125))
    return weave(smooth[0], smooth[1])


def _quartered(chroma: Codes) -> tuple[Codes, Codes]:
    """4:2:2 `(2, H, W/2)` → co-sited 4:1:1 by [1 2 1] / 4."""
    padded = np.pad(chroma.astype(np.float32), ((0, 0), (0, 0), (1, 1)), mode="edge")
    smooth = padded[..., 1:-1] * np.float32(0.5) + (padded[..., :-2] + padded[..., 2:]) * np.float32(0.25)
    return _rounded(smooth[..., 0::2])


def _rounded(planes: Plane) -> tuple[Codes, Codes]:
    codes = np.clip(planes + np.float32(0.5), 1, 254).astype(np.uint8)
    return np.ascontiguousarray(codes[0]), np.ascontiguousarray(codes[1])


def _unpacked(decoded: list[Any], pixel_format: str, like: Pictures) -> Pictures:
    luma, chroma = np.empty_like(like.luma), np.empty_like(like.chroma)
    kind = layout(pixel_format)
    for number, frame in enumerate(decoded):
        y, cb, cr = plane_views(frame, kind)
        luma[number] = y
        small: Plane = np.stack([cb, cr]).astype(np.float32)
        raised = raise_chroma(small, like.chroma.shape[-1], luma.shape[1], ChromaSiting.LEFT, interlaced=True)
        chroma[number] = np.clip(raised + np.float32(0.5), 1, 254)
    return Pictures(luma, chroma)
