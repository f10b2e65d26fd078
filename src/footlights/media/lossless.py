"""The lossless form: FFV1 level 3, every frame a key frame, slice checksums; and the hash of one frame.

FFV1 with default settings may write version 0 without checksums for SD, and a GOP makes one flipped byte damage twelve
frames (measured); hence `level 3 -g 1 slicecrc 1` and a SHA-256 of our own for every frame.
"""

from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np
from av.codec import Codec
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from footlights.errors import PausedError, ToolError
from footlights.media.pixels import FULL_RANGE_NAMES, Samples, layout, lossless_form, new_frame, plane_views

_SLICES = 4
ENOSPC = 28


def storable_formats() -> frozenset[str]:
    """Pixel formats the linked FFV1 encoder takes."""
    return frozenset(pixel_format.name for pixel_format in Codec("ffv1", "w").video_formats or [])


def frame_digest(planes: tuple[Samples, ...]) -> str:
    """SHA-256 over the sample values of a frame, plane after plane without padding, as stored (little endian)."""
    total = hashlib.sha256()
    for plane in planes:
        total.update(np.ascontiguousarray(plane).view(np.uint8).data)
    return total.hexdigest()


class LosslessWriter:
    """Writes frames as FFV1 in Matroska; use as a context manager."""

    def __init__(self, path: Path, width: int, height: int, source_format: str, time_base: Fraction) -> None:
        self.pixel_format = lossless_form(source_format, storable_formats())
        self.layout = layout(self.pixel_format)
        self._convert = None if source_format == self.pixel_format else VideoReformatter()
        self._copy_planes = source_format in FULL_RANGE_NAMES
        self._time_base = time_base
        self._container = av.open(str(path), "w", format="matroska", container_options={"fflags": "+bitexact"})
        stream = self._container.add_stream("ffv1", rate=Fraction(30))
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, self.pixel_format
        stream.codec_context.gop_size = 1
        stream.codec_context.thread_count = 2
        stream.codec_context.thread_type = "SLICE"
        stream.codec_context.time_base = time_base
        stream.options = {"level": "3", "slices": str(_SLICES), "slicecrc": "1"}
        self._stream = stream

    def write(self, frame: av.VideoFrame, pts: int) -> str:
        """Encode one frame at `pts` ticks; returns the digest of its sample values."""
        frame = self._stored(frame)
        digest = frame_digest(plane_views(frame, self.layout))
        frame.pts, frame.time_base = pts, self._time_base
        frame.pict_type = 0
        try:
            for packet in self._stream.encode(frame):
                self._container.mux(packet)
        except OSError as error:
            raise _write_failure(error) from error
        return digest

    def _stored(self, frame: av.VideoFrame) -> av.VideoFrame:
        if self._convert is None:
            return frame
        if self._copy_planes:
            return new_frame(plane_views(frame, layout(frame.format.name)), self.pixel_format)
        return self._convert.reformat(frame, format=self.pixel_format, threads=1)

    def __enter__(self) -> LosslessWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                for packet in self._stream.encode(None):
                    self._container.mux(packet)
        except OSError as problem:
            raise _write_failure(problem) from problem
        finally:
            self._container.close()


class PacketCopy:
    """Copies the packets of one audio stream unchanged into a NUT file, whose clock is exact.

    Where the clock goes back, as in files joined end to end, what follows is placed right behind what was.
    """

    def __init__(self, path: Path, template: av.AudioStream) -> None:
        self._container = av.open(str(path), "w", format="nut", container_options={"fflags": "+bitexact"})
        self._stream = self._container.add_stream_from_template(template)
        self.packets = 0
        self._shift = 0
        self._last: tuple[int, int] | None = None
        """Time and duration of the last packet, in ticks."""

    def write(self, packet: av.Packet[Any]) -> Fraction:
        """Returns the seconds by which the clock went back before this packet; 0 where it goes on."""
        back = self._follow(packet)
        packet.stream = self._stream
        try:
            self._container.mux(packet)
        except OSError as error:
            raise _write_failure(error) from error
        self.packets += 1
        return back

    def _follow(self, packet: av.Packet[Any]) -> Fraction:
        if packet.dts is None:
            return Fraction(0)
        begun, moved, time_base = packet.dts, 0, packet.time_base
        if self._last is not None and begun + self._shift <= self._last[0]:
            moved = sum(self._last) - begun - self._shift
            self._shift += moved
        if self._shift:
            packet.dts = begun + self._shift
            packet.pts = None if packet.pts is None else packet.pts + self._shift
        self._last = (begun + self._shift, max(packet.duration or 0, 1))
        return moved * Fraction(time_base)

    def close(self) -> None:
        self._container.close()


def _write_failure(error: OSError) -> PausedError | ToolError:
    if error.errno == ENOSPC:
        return PausedError("the disk is full", str(error), "make space and run the same command again")
    return ToolError("writing the lossless copy failed", str(error), "check the disk and run the same command again")
