"""Pixel formats: FFmpeg's names, their planes as numpy views, and the lossless planar form each is kept in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from av import VideoFrame
from av.video.format import VideoFormat
from numpy.typing import NDArray

from footlights.errors import SourceError

Samples = NDArray[Any]
"""Code values, uint8 up to 8 bits and uint16 above."""

LOSSLESS_FORM = {
    "yuyv422": "yuv422p",
    "uyvy422": "yuv422p",
    "yvyu422": "yuv422p",
    "uyyvyy411": "yuv411p",
    "nv12": "yuv420p",
    "nv21": "yuv420p",
    "yuvj420p": "yuv420p",
    "yuvj411p": "yuv411p",
    "yuvj422p": "yuv422p",
    "yuvj444p": "yuv444p",
    "y210le": "yuv422p10le",
    "p010le": "yuv420p10le",
    "rgb24": "bgr0",
    "bgr24": "bgr0",
    "rgb0": "bgr0",
    "0rgb": "bgr0",
    "0bgr": "bgr0",
    "rgba": "bgr0",
    "argb": "bgr0",
    "abgr": "bgr0",
    "bgra": "bgr0",
    "gbrp": "bgr0",
    "pal8": "bgr0",
    "gray": "gray",
    "monow": "gray",
    "monob": "gray",
}
"""Packed and deprecated layouts → the layout with the same sample values that FFV1 can hold."""

FULL_RANGE_NAMES = frozenset(name for name in LOSSLESS_FORM if name.startswith("yuvj"))


@dataclass(frozen=True, slots=True)
class Layout:
    """Planes of one pixel format."""

    name: str
    bits: int
    rgb: bool
    planes: int
    """1 (grey or packed BGR0) or 3."""
    chroma_width_ratio: int
    chroma_height_ratio: int

    @property
    def chroma(self) -> str:
        """Sub-sampling in the J:a:b notation."""
        if self.rgb:
            return "4:4:4"
        if self.planes == 1:
            return "grey"
        names = {(1, 1): "4:4:4", (2, 1): "4:2:2", (2, 2): "4:2:0", (4, 1): "4:1:1", (4, 4): "4:1:0", (1, 2): "4:4:0"}
        return names.get((self.chroma_width_ratio, self.chroma_height_ratio), "other")


@lru_cache(maxsize=64)
def layout(name: str) -> Layout:
    """Facts of a planar (or BGR0) pixel format."""
    pixel_format = VideoFormat(name)
    colour = [part for part in pixel_format.components if not part.is_alpha]
    ratio = (1, 1)
    if len(colour) == 3 and not pixel_format.is_rgb:
        wide = VideoFormat(name, 64, 64)
        chroma = wide.components[1]
        ratio = (64 // chroma.width, 64 // chroma.height)
    packed = pixel_format.is_rgb and name == "bgr0"
    return Layout(
        name=name,
        bits=colour[0].bits,
        rgb=pixel_format.is_rgb,
        planes=1 if packed or len(colour) < 3 else 3,
        chroma_width_ratio=ratio[0],
        chroma_height_ratio=ratio[1],
    )


def lossless_form(name: str, storable: frozenset[str]) -> str:
    """The format a source layout is kept in, with the same sample values."""
    form = LOSSLESS_FORM.get(name, name)
    if form not in storable:
        raise SourceError(
            f"pictures of pixel format {name!r} cannot be taken in losslessly",
            "FFV1 has no layout that holds the same sample values",
            "convert the file to a planar YUV format first, for example with ffmpeg -c:v ffv1 -pix_fmt yuv422p10le",
        )
    return form


def plane_views(frame: VideoFrame, kind: Layout) -> tuple[Samples, ...]:
    """The frame's planes without padding, as views into its memory: `(H, W)`, or `(H, W, 3)` for packed BGR0, whose
    fourth byte means nothing and may be anything."""
    count = 4 if kind.planes == 1 and kind.rgb else 1
    dtype = np.uint16 if kind.bits > 8 else np.uint8
    views: list[Samples] = []
    for plane in list(frame.planes)[: kind.planes]:
        lines: Samples = np.frombuffer(memoryview(plane), dtype=dtype).reshape(plane.height, -1)
        samples = lines[:, : plane.width * count]
        views.append(samples.reshape(plane.height, plane.width, 4)[..., :3] if count == 4 else samples)
    return tuple(views)


def new_frame(planes: tuple[Samples, ...], name: str) -> VideoFrame:
    """A frame of format `name` that holds copies of the given planes."""
    height, width = planes[0].shape[:2]
    frame = VideoFrame(width, height, name)
    for plane, samples in zip(frame.planes, planes, strict=True):
        lines: Samples = np.frombuffer(memoryview(plane), dtype=samples.dtype).reshape(plane.height, -1)
        lines[:, : samples.shape[1]] = samples
    return frame
