"""A picture through a tape's own lossy format and back: what DV makes of it.

DV codes every frame by itself at a fixed size (SMPTE ST 314, IEC 61834), so that its error on a picture can be had by
coding that picture again; formats with prediction between frames cannot be had that way.
"""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext

from footlights.media.pixels import Samples, layout, new_frame, plane_views

_RATES = {480: Fraction(30000, 1001), 576: Fraction(25)}
_FORMATS = {(480, "yuv411p"), (576, "yuv420p"), (576, "yuv411p"), (480, "yuv422p"), (576, "yuv422p")}


def is_dv(codec: str, width: int, height: int, pixel_format: str) -> bool:
    """Whether a tape is DV or DVCPRO50 of a raster that can be coded again."""
    return codec == "dvvideo" and width == 720 and (height, pixel_format) in _FORMATS


def through_dv(planes: tuple[Samples, ...], pixel_format: str) -> Samples:
    """Luma codes `(H, 720)` of a frame as DV gives it back; planes in 8 bits, luma first."""
    height, width = planes[0].shape
    coder = av.CodecContext.create("dvvideo", "w")
    assert isinstance(coder, VideoCodecContext)
    coder.width, coder.height, coder.pix_fmt = width, height, pixel_format
    coder.time_base = 1 / _RATES[height]
    coder.flags |= Flags.interlaced_dct
    frame = new_frame(planes, pixel_format)
    frame.pts, frame.time_base = 0, coder.time_base
    decoder = av.CodecContext.create("dvvideo", "r")
    assert isinstance(decoder, VideoCodecContext)
    packets = [*coder.encode(frame), *coder.encode(None)]
    (found,) = [one for packet in packets for one in decoder.decode(packet)]
    return np.array(plane_views(found, layout(found.format.name))[0])
