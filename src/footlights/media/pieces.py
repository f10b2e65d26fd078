"""Encoded pieces of one programme as one sequence of samples in decoding order, with exact times.

A piece holds consecutive output frames as a closed bitstream. Its own timestamps say only in which order its frames are
shown; the time of a frame is its place in `times`. Decoding times are `times[i] - delay` for the i-th sample, with the
smallest delay that keeps every picture decoded before it is shown: the same for the whole programme, so that a fragment
begins decoding exactly one `delay` before the time of its first picture whatever the frame rate does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from pathlib import Path
from typing import Any

import av
import av.error
import av.logging
from av.video.stream import VideoStream

from footlights.core.signal import BT709_SIGNAL, Signal
from footlights.errors import ToolError, UsageError
from footlights.media.bitstreams import NalCodec, av1_sequence, join_annex_b, join_lengths, nal_codec, without_delimiter

_REORDERING = frozenset({"h264", "hevc"})
"""Codecs whose packets are not in the order of display. AV1 packets are: one shown frame each, hidden ones inside."""
_MIN_TIMESCALE = 10_000
"""Ticks per second below which players round badly; the timescale is multiplied until it is reached."""
_MAX_TIMESCALE = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Piece:
    """One file of encoded pictures."""

    path: Path
    frames: int
    """How many it must hold."""


@dataclass(frozen=True, slots=True)
class Clock:
    """The time of every output frame."""

    times: Sequence[Fraction]
    """Seconds, strictly increasing, the first at zero."""
    end: Fraction
    """Seconds: when the last frame ceases to be shown."""
    rate: Fraction
    """Nominal frames per second, for tags."""

    def __post_init__(self) -> None:
        if not self.times or self.times[0] != 0:
            raise UsageError("the first output frame is not at zero", "times count from it", "shift the times")
        stamps = (*self.times, self.end)
        late = next((index for index, stamp in enumerate(stamps[1:]) if stamp <= stamps[index]), None)
        if late is not None:
            raise UsageError(
                f"output frame {late + 1} is not later than the one before",
                f"{stamps[late + 1]} s after {stamps[late]} s",
                "give strictly increasing times",
            )

    @property
    def timescale(self) -> int:
        """Ticks per second in which every time is a whole number, e.g. 60000 for 60000/1001."""
        exact = lcm(*{stamp.denominator for stamp in (*self.times, self.end)})
        if exact > _MAX_TIMESCALE:
            raise UsageError(
                f"the frame times need a clock of {exact} ticks a second",
                f"containers count at most {_MAX_TIMESCALE}",
                "give times that are multiples of a coarser tick",
            )
        return exact * -(-_MIN_TIMESCALE // exact)

    def ticks(self) -> tuple[int, ...]:
        """Times of all frames and the end, in ticks."""
        scale = self.timescale
        return tuple(int(stamp * scale) for stamp in (*self.times, self.end))


@dataclass(frozen=True, slots=True)
class Sample:
    """One coded picture, in decoding order."""

    data: bytes
    """As files of the ISO family hold it: NAL units with four-byte lengths, AV1 without temporal delimiter."""
    frame: int
    """Place in the order of display."""
    pts: int
    """Ticks."""
    dts: int
    duration: int
    """Ticks to the next sample's decoding time."""
    key: bool


class VideoTrack:
    """The pieces, checked and opened; use as a context manager, and `samples` as often as needed.

    `record` is the codec record for the container, built from what the stream itself says: parameter sets with start
    codes (H.264, HEVC), a sequence header OBU (AV1) or FFV1's configuration. `tag` is the sample entry's four letters
    where the codec has a choice. Pieces whose parameter sets differ carry their own before every key frame.
    """

    def __init__(self, pieces: Sequence[Piece], clock: Clock, signal: Signal = BT709_SIGNAL) -> None:
        frames = sum(piece.frames for piece in pieces)
        if not pieces or frames != len(clock.times):
            raise UsageError(
                f"the pieces hold {frames} frames", f"there are {len(clock.times)} frame times", "report this defect"
            )
        self.pieces, self.clock, self.signal = tuple(pieces), clock, signal
        self.timescale = clock.timescale
        self.ticks = clock.ticks()
        self._container = open_piece(pieces[0].path)
        try:
            self.template: VideoStream = self._container.streams.video[0]
            context = self.template.codec_context
            self.codec: str = context.codec.canonical_name
            self.width, self.height = context.width, context.height
            self._pixel_format = context.pix_fmt
            self._nal: list[NalCodec] = []
            self._inline = False
            self.record = self._common_record()
            self._orders = [self._order(piece) for piece in self.pieces]
            self.delay = self._delay()
        except BaseException:
            self._container.close()
            raise

    def __enter__(self) -> VideoTrack:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    @property
    def tag(self) -> str | None:
        tags = {"h264": ("avc1", "avc3"), "hevc": ("hvc1", "hev1")}
        return tags[self.codec][self._inline] if self.codec in tags else None

    def samples(self) -> Iterator[Sample]:
        """All samples in decoding order; ToolError where a piece does not hold what it should."""
        base = 0
        for number, piece in enumerate(self.pieces):
            order = self._orders[number]
            count = 0
            for packet in _packets(piece):
                if count == piece.frames:
                    raise _wrong_count(piece, f"more than {count}")
                if count == 0 and not packet.is_keyframe:
                    raise ToolError(f"{piece.path.name} does not begin with a key frame", "", "encode it again")
                position, frame = base + count, base + (order[count] if order else count)
                yield Sample(
                    data=self._payload(number, bytes(packet), key=packet.is_keyframe),
                    frame=frame,
                    pts=self.ticks[frame],
                    dts=self.ticks[position] - self.delay,
                    duration=self.ticks[position + 1] - self.ticks[position],
                    key=packet.is_keyframe,
                )
                count += 1
            if count != piece.frames:
                raise _wrong_count(piece, str(count))
            base += count

    def _payload(self, number: int, data: bytes, *, key: bool) -> bytes:
        if self.codec in _REORDERING:
            nal = self._nal[number]
            units = [unit for unit in nal.units(data) if not nal.is_set(unit)]
            return join_lengths([*nal.sets, *units] if key and self._inline else units)
        if self.codec == "av1":
            if key and av1_sequence(data) != self.record:
                raise self._differs(self.pieces[number])
            return without_delimiter(data)
        return data

    def _common_record(self) -> bytes:
        """The codec record all pieces share. Sequence headers of AV1 pieces are compared while they are read."""
        records: list[bytes] = []
        for piece in self.pieces:
            with open_piece(piece.path) as container:
                context = container.streams.video[0].codec_context
                shape = (context.codec.canonical_name, context.width, context.height, context.pix_fmt)
                records.append(bytes(context.extradata or b""))
            if shape != (self.codec, self.width, self.height, self._pixel_format):
                raise self._differs(piece)
            if self.codec in _REORDERING:
                self._nal.append(_nal_of(self.codec, records[-1], piece))
        if self.codec == "av1":
            return av1_sequence(bytes(next(_packets(self.pieces[0]), b""))) or b""
        if self.codec in _REORDERING:
            self._inline = len({nal.sets for nal in self._nal}) > 1
            return join_annex_b(list(self._nal[0].sets))
        if len(set(records)) > 1:
            raise self._differs(self.pieces[next(i for i, record in enumerate(records) if record != records[0])])
        return records[0]

    def _order(self, piece: Piece) -> list[int]:
        """Place in the order of display of each packet; empty where the two orders are one."""
        if self.codec not in _REORDERING:
            return []
        stamps = [packet.pts for packet in _packets(piece)]
        if any(stamp is None for stamp in stamps) or len(set(stamps)) != len(stamps):
            raise ToolError(
                f"{piece.path.name} does not say in which order its pictures are shown",
                "its packets have no timestamps, or the same one twice",
                "write the piece in Matroska, NUT or MP4",
            )
        place = {stamp: index for index, stamp in enumerate(sorted(stamps))}
        return [place[stamp] for stamp in stamps]

    def _delay(self) -> int:
        delay = base = 0
        for piece, order in zip(self.pieces, self._orders, strict=True):
            for position, place in enumerate(order[: piece.frames]):
                delay = max(delay, self.ticks[base + position] - self.ticks[base + place])
            base += piece.frames
        return delay

    def _differs(self, piece: Piece) -> ToolError:
        return ToolError(
            f"{piece.path.name} cannot follow {self.pieces[0].path.name}",
            f"its {self.codec} stream header, size or pixel format differs",
            "encode all pieces of a rendition with the same settings but for the quality value",
        )


def open_piece(path: Path) -> Any:
    """A video file of our own making, opened with PyAV."""
    av.logging.set_level(None)  # any level would let a decoder's thread wait for the GIL while it is being joined
    try:
        container = av.open(f"file:{path.absolute()}", options={"protocol_whitelist": "file"})
    except (av.error.FFmpegError, OSError) as error:
        raise ToolError(f"{path} cannot be read back", str(error), "encode it again") from error
    if not container.streams.video:
        container.close()
        raise ToolError(f"{path} holds no video", "there is no video stream in it", "encode it again")
    return container


def _packets(piece: Piece) -> Iterator[Any]:
    with open_piece(piece.path) as container:
        try:
            for packet in container.demux(container.streams.video[0]):
                if packet.size:
                    yield packet
        except av.error.FFmpegError as error:
            raise ToolError(f"{piece.path} cannot be read to its end", str(error), "encode it again") from error


def _nal_of(codec: str, record: bytes, piece: Piece) -> NalCodec:
    nal = nal_codec(codec, record)
    if not nal.sets:
        first = next(_packets(piece), None)
        units = nal.units(bytes(first)) if first is not None else []
        nal = NalCodec(codec, tuple(unit for unit in units if nal.is_set(unit)), nal.length_size)
    return nal


def _wrong_count(piece: Piece, found: str) -> ToolError:
    return ToolError(f"{piece.path.name} holds {found} frames", f"{piece.frames} were encoded", "encode it again")
