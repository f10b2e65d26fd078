"""Frame-exact random access to files of our own making, and to any sane video for `encode`.

A frame is found by its number: an index of timestamps is built by reading packet headers (no decoding); reading a
range seeks to a key frame at or before it and decodes up to it. cv2.VideoCapture is not an alternative: on interlaced
video recent wheels return one stale frame again and again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
from av.video.stream import VideoStream

from footlights.core.time import FrameRange
from footlights.errors import SourceError, ToolError
from footlights.media.pixels import Layout, Samples, layout, plane_views

_OPTIONS = {"protocol_whitelist": "file"}


@dataclass(frozen=True, slots=True)
class VideoIndex:
    """Timestamps of a video stream in display order."""

    width: int
    height: int
    pixel_format: str
    codec: str
    time_base: Fraction
    rate: Fraction
    """Average frames per second."""
    pts: tuple[int, ...]
    """Ticks, strictly increasing."""
    keyframes: tuple[int, ...]
    """Frame numbers of key frames."""

    @property
    def frames(self) -> int:
        return len(self.pts)


@dataclass(frozen=True, slots=True)
class RawPicture:
    """One frame's code values. The planes are views that live until the next frame is read."""

    number: int
    planes: tuple[Samples, ...]


def colour_tags(path: Path) -> tuple[int, int, int, int]:
    """H.273 primaries, transfer characteristics and matrix, and range, as the first video stream says."""
    with _open(path) as container:
        context = container.streams.video[0].codec_context
        tags = context.color_primaries, context.color_trc, context.colorspace, context.color_range
        primaries, transfer, matrix, levels = (int(tag) for tag in tags)
        return primaries, transfer, matrix, levels


def index_video(path: Path) -> VideoIndex:
    """Read all packet headers of the first video stream."""
    with _open(path) as container:
        stream = container.streams.video[0]
        try:
            packets = [
                (packet.pts, packet.is_keyframe)
                for packet in container.demux(stream)
                if packet.pts is not None and packet.size and not packet.is_discard
            ]
        except av.error.FFmpegError as error:
            raise SourceError(
                f"{path} cannot be read to its end", str(error), "check that the copy is complete"
            ) from error
        context = stream.codec_context
        if not packets:
            raise SourceError(
                f"{path} holds no pictures", "no packet has a timestamp", "check that the copy is complete"
            )
        packets.sort()
        pts = [stamp for stamp, _ in packets]
        if len(set(pts)) != len(pts):
            raise SourceError(
                f"{path} gives two pictures the same time",
                "its timestamps are broken",
                "remux it first, for example with ffmpeg -fflags +genpts",
            )
        return VideoIndex(
            width=context.width,
            height=context.height,
            pixel_format=context.pix_fmt or "",
            codec=context.name,
            time_base=stream.time_base or Fraction(1, 1000),
            rate=stream.average_rate or stream.base_rate or Fraction(25),
            pts=tuple(pts),
            keyframes=tuple(number for number, (_, key) in enumerate(packets) if key),
        )


class VideoReader:
    """Reads frames by number; use as a context manager."""

    def __init__(self, path: Path, index: VideoIndex | None = None, *, threads: int = 2) -> None:
        self.path = path
        self.index = index if index is not None else index_video(path)
        self.layout: Layout = layout(self.index.pixel_format)
        self._number_of = {pts: number for number, pts in enumerate(self.index.pts)}
        self._keys = np.array(self.index.keyframes or (0,))
        self._threads = threads
        self._container: Any = None
        self._reopen()

    def _reopen(self) -> None:
        self.close()
        self._container = _open(self.path)
        stream = self._container.streams.video[0]
        assert isinstance(stream, VideoStream)
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = self._threads
        self._stream = stream

    def close(self) -> None:
        if self._container is not None:
            self._container.close()

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, frames: FrameRange) -> Iterator[RawPicture]:
        """Every frame of the range, in order; ToolError if one is missing."""
        if not len(frames):
            return
        if frames.start < 0 or frames.stop > self.index.frames:
            raise ToolError(
                f"frames {frames.start}..{frames.stop} of {self.path.name}", "it has fewer", "report this defect"
            )
        expected, why = frames.start, "the file has changed or is damaged"
        try:
            for frame in self._decoded_from(frames.start):
                number = self._number_of.get(_stamp(frame))
                if number is None or number < expected:
                    continue
                if number != expected:
                    break
                yield RawPicture(number, plane_views(frame, self.layout))
                expected += 1
                if expected == frames.stop:
                    return
        except av.error.FFmpegError as error:
            why = str(error)
        raise ToolError(
            f"frame {expected} of {self.path.name} cannot be decoded", why, "run `footlights verify` on the job"
        )

    def _decoded_from(self, start: int) -> Iterator[av.VideoFrame]:
        """Decoded frames from `start` or before it on. Containers without an index (program streams) may seek too far:
        then from further back, at last from the beginning."""
        position = int(np.searchsorted(self._keys, start, side="right")) - 1
        intra = len(self._keys) == self.index.frames
        for back in (0 if intra else 1, 4, 16):
            self._container.seek(
                self.index.pts[int(self._keys[max(position - back, 0)])], stream=self._stream, backward=True
            )
            frames = self._container.decode(self._stream)
            first = next(frames, None)
            if first is not None and self._number_of.get(_stamp(first), self.index.frames) <= start:
                yield first
                yield from frames
                return
        self._reopen()
        yield from self._container.decode(self._stream)


def _stamp(frame: av.VideoFrame) -> int:
    """Its timestamp; one that no frame of the index has where it carries none."""
    return frame.pts if frame.pts is not None else -(2**62)


def _open(path: Path) -> Any:
    try:
        container = av.open(f"file:{path.absolute()}", options=_OPTIONS)
    except (av.error.FFmpegError, OSError) as error:
        raise SourceError(f"{path} cannot be opened", str(error), "check the path") from error
    if not container.streams.video:
        container.close()
        raise SourceError(f"{path} holds no video", "there is no video stream in it", "give a video file")
    return container
