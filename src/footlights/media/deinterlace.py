"""bwdif through libavfilter: field-rate deinterlacing of woven frames (Weston 3-field and YADIF combined)."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
from av.filter import Graph
from av.video.format import VideoFormat

from footlights.core.clip import Plane
from footlights.media.pixels import layout, new_frame, plane_views

_FORMAT = "yuv444p16le"
_SCALE, _OFFSET = 32768.0, 16384.0
"""16-bit codes with half a nominal range of room on both sides: nothing is clipped, and one code is 1/128 of a 10-bit
step."""
_CHROMA_OFFSET = 32768.0


def bwdif(luma: Plane, chroma: Plane, *, top_first: bool) -> tuple[Plane, Plane]:
    """Woven frames `(T, H, W)` and 4:4:4 chroma `(T, 2, H, W)` → fields' instants `(2T, H, W)`, `(2T, 2, H, W)`.

    The first and last frame have no neighbour outside; give one frame of context on each side and drop its outputs.
    """
    count, height, width = luma.shape
    graph = _graph(width, height, top_first=top_first)
    out_luma = np.empty((2 * count, height, width), np.float32)
    out_chroma = np.empty((2 * count, 2, height, width), np.float32)
    done = 0
    for number in range(count + 1):
        if number < count:
            planes = (_codes(luma[number], _OFFSET), *(_codes(plane, _CHROMA_OFFSET) for plane in chroma[number]))
            frame = new_frame(planes, _FORMAT)
            frame.pts, frame.time_base = number, Fraction(1, 25)
            graph.push(frame)
        else:
            graph.push(None)
        done = _pull(graph, out_luma, out_chroma, done)
    assert done == 2 * count, f"bwdif gave {done} pictures for {count} frames"
    return out_luma, out_chroma


def _graph(width: int, height: int, *, top_first: bool) -> Graph:
    graph = Graph()
    source = graph.add_buffer(
        width=width, height=height, format=VideoFormat(_FORMAT, width, height), time_base=Fraction(1, 25)
    )
    parity = "tff" if top_first else "bff"
    deinterlacer = graph.add("bwdif", f"mode=send_field:parity={parity}:deint=all")
    sink = graph.add("buffersink")
    source.link_to(deinterlacer)
    deinterlacer.link_to(sink)
    graph.configure()
    return graph


def _pull(graph: Graph, luma: Plane, chroma: Plane, done: int) -> int:
    kind = layout(_FORMAT)
    while True:
        try:
            frame = graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return done
        assert isinstance(frame, av.VideoFrame)
        y, cb, cr = plane_views(frame, kind)
        _values(y, _OFFSET, luma[done])
        _values(cb, _CHROMA_OFFSET, chroma[done, 0])
        _values(cr, _CHROMA_OFFSET, chroma[done, 1])
        done += 1


def _codes(plane: Plane, offset: float) -> np.ndarray[tuple[int, ...], np.dtype[np.uint16]]:
    scaled = plane * np.float32(_SCALE)
    scaled += np.float32(offset + 0.5)
    np.clip(scaled, 0, 65535, out=scaled)
    return scaled.astype(np.uint16)


def _values(codes: np.ndarray[tuple[int, ...], np.dtype[np.uint16]], offset: float, out: Plane) -> None:
    np.subtract(codes, np.float32(offset), out=out, casting="unsafe")
    out *= np.float32(1 / _SCALE)
