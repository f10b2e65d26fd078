"""A finished track played back: header and segments as one file, decoded to the end, damage counted and never raised.

Reference: ISO/IEC 23000-19 (a CMAF track is its header followed by its segments).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

import av
import av.error
import av.logging
import numpy as np
from numpy.typing import NDArray

from footlights.errors import ToolError
from footlights.media.audio import STREAM_RATE, stereo
from footlights.media.pieces import open_piece
from footlights.media.pixels import Samples, layout, plane_views

NO_GRAIN = {"export_side_data": "film_grain"}
"""Tells dav1d in FFmpeg to hand film grain parameters on instead of drawing grain."""
EXCERPT = 60
"""Seconds of sound kept for comparison."""


@dataclass(frozen=True, slots=True)
class PlayedVideo:
    """What a decoder made of a rendition."""

    times: tuple[Fraction, ...]
    """Seconds: presentation time of every decoded picture, in the order they came."""
    width: int
    height: int
    faults: tuple[str, ...]
    """Errors, and pictures the decoder itself calls corrupt."""


@dataclass(frozen=True, slots=True)
class PlayedSound:
    """What a decoder made of a sound track."""

    start: Fraction
    """Seconds: time of the first decoded sample, priming taken away."""
    samples: int
    excerpt: NDArray[np.float32]
    """Mono, from `start` on, at most EXCERPT seconds."""
    faults: tuple[str, ...]


class _Joined:
    """Files read one after the other."""

    def __init__(self, parts: Sequence[Path]) -> None:
        self._parts = list(parts)
        self._file: Any = None

    def read(self, size: int) -> bytes:
        while self._file is not None or self._parts:
            if self._file is None:
                self._file = self._parts.pop(0).open("rb")
            data: bytes = self._file.read(size)
            if data:
                return data
            self._file.close()
            self._file = None
        return b""

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def play_video(parts: Sequence[Path]) -> PlayedVideo:
    """Decode all pictures of the files joined."""
    times: list[Fraction] = []
    faults: list[str] = []
    size = (0, 0)
    for frame in _decode(parts, "video", faults):
        size = (frame.width, frame.height)
        if frame.is_corrupt:
            faults.append(f"picture {len(times)} is corrupt")
        if frame.pts is None:
            faults.append(f"picture {len(times)} has no time")
            continue
        times.append(frame.pts * frame.time_base)
    return PlayedVideo(tuple(times), *size, tuple(faults))


def base_digest(path: Path, see: Callable[[int, tuple[Samples, ...]], None] | None = None) -> str:
    """SHA-256 of all samples of an AV1 file decoded without film grain; `see` is shown every picture with its
    number."""
    total = sha256()
    for number, planes in enumerate(decoded(path, grain=False)):
        _add(total, planes)
        if see is not None:
            see(number, planes)
    return total.hexdigest()


def play_base(parts: Sequence[Path], lengths: Sequence[int]) -> list[tuple[str, int]]:
    """The files joined decoded without film grain: for runs of so many pictures their digest, as `base_digest` gives
    it, and how many of them bring film grain. Pictures that are missing or too many make the last run differ."""
    found: list[tuple[str, int]] = []
    total, count, drawn = sha256(), 0, 0
    for frame in _decode(parts, "video", [], NO_GRAIN):
        _add(total, plane_views(frame, layout(frame.format.name)))
        count += 1
        drawn += any(one.type.name == "FILM_GRAIN_PARAMS" for one in frame.side_data)
        if len(found) < len(lengths) - 1 and count == lengths[len(found)]:
            found.append((total.hexdigest(), drawn))
            total, count, drawn = sha256(), 0, 0
    return [*found, (total.hexdigest(), drawn)]


def _add(total: Any, planes: Sequence[Samples]) -> None:
    for plane in planes:
        total.update(np.ascontiguousarray(plane).data)


def with_grain(path: Path, frame: int) -> tuple[tuple[Samples, ...], tuple[Samples, ...]]:
    """One picture of an AV1 file as the decoder gives it without film grain and with it."""
    plain, drawn = (next(islice(decoded(path, grain=on), frame, None)) for on in (False, True))
    return plain, drawn


def decoded(path: Path, *, grain: bool) -> Iterator[tuple[Samples, ...]]:
    """Pictures of a file of our own making in order, with film grain drawn or left out; copies."""
    with open_piece(path) as container:
        stream = container.streams.video[0]
        if not grain:
            stream.codec_context.options = dict(NO_GRAIN)
        for frame in container.decode(stream):
            yield tuple(plane.copy() for plane in plane_views(frame, layout(frame.format.name)))


def key_pictures(parts: Sequence[Path]) -> Iterator[tuple[Fraction, NDArray[np.uint8]]]:
    """Key frames of the files joined, without film grain: seconds, and R'G'B' of 8 bits `(height, width, 3)`."""
    for frame in _decode(parts, "video", [], {**NO_GRAIN, "skip_frame": "nokey"}):
        if frame.key_frame and frame.pts is not None:
            picture = frame.reformat(format="rgb24", src_colorspace="ITU709", src_color_range="MPEG")
            yield frame.pts * frame.time_base, np.asarray(picture.to_ndarray(), np.uint8)


def play_sound(parts: Sequence[Path]) -> PlayedSound:
    """Decode all sound of the files joined."""
    faults: list[str] = []
    start: Fraction | None = None
    kept: list[NDArray[np.float32]] = []
    samples = room = 0
    for frame in _decode(parts, "audio", faults):
        if start is None and frame.pts is not None:
            start = frame.pts * frame.time_base
        samples += frame.samples
        room = EXCERPT * STREAM_RATE - sum(len(block) for block in kept)
        if room > 0:
            names = tuple(channel.name for channel in frame.layout.channels)
            kept.append(stereo(frame.to_ndarray(), names).mean(axis=0)[:room])
    excerpt = np.concatenate(kept) if kept else np.zeros(0, np.float32)
    return PlayedSound(start if start is not None else Fraction(0), samples, excerpt, tuple(faults))


def h264_colour(stream: bytes) -> tuple[int, int, int, int]:
    """Primaries, transfer, matrix (H.273) and range of an H.264 byte stream with its parameter sets.

    Read without a container, whose own tags would stand in for those the stream lacks.
    """
    av.logging.set_level(None)  # any level would let a decoder's thread wait for the GIL while it is being joined
    try:
        container: Any = av.open(BytesIO(stream), mode="r", format="h264")
        with container:
            frame = next(container.decode(video=0))
    except (av.error.FFmpegError, IndexError, StopIteration) as error:
        raise ToolError("a key picture cannot be decoded alone", str(error), "encode the segment again") from error
    return int(frame.color_primaries), int(frame.color_trc), int(frame.colorspace), int(frame.color_range)


def _decode(
    parts: Sequence[Path], kind: str, faults: list[str], options: Mapping[str, str] | None = None
) -> Iterator[Any]:
    av.logging.set_level(None)  # any level would let a decoder's thread wait for the GIL while it is being joined
    source = _Joined(parts)
    try:
        container: Any = av.open(source, mode="r", format="mov")
        with container:
            stream = (container.streams.video if kind == "video" else container.streams.audio)[0]
            stream.thread_type = "AUTO"
            stream.codec_context.options = dict(options or {})
            for packet in container.demux(stream):
                try:
                    yield from packet.decode()
                except av.error.EOFError:
                    return
                except av.error.FFmpegError as error:
                    faults.append(f"a packet cannot be decoded: {error.strerror}")
    except (av.error.FFmpegError, OSError, IndexError) as error:
        faults.append(f"the track cannot be read: {error}")
    finally:
        source.close()
